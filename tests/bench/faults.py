"""Try every fault many times and print what became of the jobs: ``python -m tests.bench.faults --each 20``.

Seeded: the same seed makes the same choices, though not the same moments. ``--only WORD`` picks by name.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.engine.arena import listening_to_the_network
from tests.engine.faults import FAULTS, NotHere, real_work_killed, try_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.engine.arena import Tally
    from tests.engine.faults import Fault

HEAD = (
    "| fault | rounds | jobs | lost | wrong | orphans | hung | open to others | listening | seconds a round |"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if anything was lost, wrong, left behind or stuck."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.faults")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--each", type=int, default=20, help="rounds of each fault, on the quick pipeline")
    parser.add_argument("--real", type=int, default=3, help="rounds with the real pipeline")
    parser.add_argument("--only", default="", help="part of the names of the faults to try")
    given = parser.parse_args(arguments)
    print(f"{HEAD}\n|{'---|' * (HEAD.count('|') - 1)}", flush=True)
    tallies = [
        row(name, fault, f"{given.seed}/{name}", given.each, is_real=False)
        for name, fault in FAULTS.items()
        if given.only in name
    ]
    if given.real and given.only in "real pipeline killed":
        tallies.append(
            row("real pipeline killed", real_work_killed, f"{given.seed}/real", given.real, is_real=True)
        )
    print(day_after([tally for tally in tallies if tally]), flush=True)
    for note in (note for tally in tallies if tally for note in tally.notes if note):
        print(note, file=sys.stderr)
    return int(any(tally is not None and not tally.is_clean for tally in tallies))


def day_after(tallies: Sequence[Tally]) -> str:
    """Return what ``ps``, ``ls -l`` and ``ss`` show after all of it."""
    rounds, jobs, files = (
        sum(getattr(tally, what) for tally in tallies) for what in ("rounds", "jobs", "files")
    )
    orphans, exposed, listening = (
        sum(getattr(tally, what) for tally in tallies) for what in ("orphans", "exposed", "listening")
    )
    children = own_children()
    here = listening_to_the_network([os.getpid(), *children])
    return (
        f"\nAfter {rounds} rounds with {jobs} jobs: {orphans} orphans ({len(children)} processes below this"
        f" one), {exposed} of {files} files and folders of data, config and cache open to others,"
        f" {listening + len(here)} sockets listening that nobody asked for."
    )


def own_children() -> list[int]:
    """Return the living processes that this one has started (Linux)."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == os.getpid() and fields[0] != "Z":
                found.append(int(status.parent.name))
    return found


def row(name: str, fault: Fault, seed: str, rounds: int, *, is_real: bool) -> Tally | None:
    """Try one fault and print its line; None where it cannot be tried."""
    began = time.monotonic()
    try:
        tally = try_fault(fault, seed, rounds, is_real=is_real)
    except NotHere as reason:
        print(f"| {name} | not tried: {reason} |", flush=True)
        return None
    seconds = (time.monotonic() - began) / rounds
    counts = (tally.rounds, tally.jobs, tally.lost, tally.wrong, tally.orphans, tally.hung)
    left = (tally.exposed, tally.listening, f"{seconds:.1f}")
    print(f"| {name} | {' | '.join(map(str, (*counts, *left)))} |", flush=True)
    return tally


if __name__ == "__main__":
    sys.exit(main())
