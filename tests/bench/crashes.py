"""Kill and cut off commands that pay, at every step, and print what is true after ``resume``.

Usage: python -m tests.bench.crashes --seed 5 --each 3

Real processes against the service on loopback. The same seed makes the same choices; ``--only WORD`` picks by
name. Returns 1 if anything was paid twice, lost, wrong, or did not come to its end.
"""

from __future__ import annotations

import argparse
import sys
from itertools import groupby
from typing import TYPE_CHECKING

from tests.crashes import crashes, suffer
from tests.crashes_batch import batch_crashes, suffer_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.crashes import Outcome

HEAD = (
    "| command | step | what befell it | rounds | unknown | paid twice | ids lost | wrong files | not ended |"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each way to fail, and the sum."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crashes")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--each", type=int, default=3, help="rounds of each way to fail")
    parser.add_argument("--only", default="", help="part of the names of those to try")
    given = parser.parse_args(arguments)
    print(f"{HEAD}\n|{'---|' * (HEAD.count('|') - 1)}", flush=True)
    everything: list[Outcome] = []
    chosen = [one for one in crashes() + batch_crashes() if given.only in str(one)]
    for key, alike in groupby(enumerate(chosen), lambda one: (one[1].command, one[1].step, one[1].name)):
        each = [
            (suffer_batch if crash.command == "batch" else suffer)(crash, f"{given.seed}/{number}/{time}")
            for number, crash in alike
            for time in range(given.each)
        ]
        print(row(key, each), flush=True)
        for outcome in each:
            if not outcome.is_clean:
                print(outcome, file=sys.stderr, flush=True)
        everything += each
    print(row(("all", "", ""), everything))
    return int(not all(one.is_clean for one in everything))


def row(key: tuple[str, str, str], each: Sequence[Outcome]) -> str:
    """Return a line of the table."""
    counts = (
        len(each),
        sum(one.was_unknown for one in each),
        sum(one.tasks > 1 for one in each),
        sum(one.is_lost for one in each),
        sum(one.is_wrong for one in each),
        sum(one.end != "completed" for one in each),
    )
    return f"| {' | '.join([*key, *map(str, counts)])} |"


if __name__ == "__main__":
    sys.exit(main())
