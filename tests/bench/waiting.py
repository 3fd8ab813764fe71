"""How often the service is asked and how late the end is seen: our policy beside those of others, in a model.

Usage: python -m tests.bench.waiting

A job of about 120 s, four hundred times, each with a history of ten like jobs where it says so. Time is the
model's own: the policies are arithmetic, so nothing is waited for.
"""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.services.pace import TASK_PACE, Movement, next_look_s

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Pause = Callable[[float, float], float]
    Told = Callable[[float], float]

USUAL_S = 120.0
SCATTER = 0.05
ROUNDS = 400
LIKE_JOBS = 10


@dataclass(frozen=True)
class Row:
    """What a policy came to: looks at a job and seconds of lateness, on the average and at the worst."""

    looks: float
    most_looks: int
    late_s: float
    most_late_s: float


def silent(share: float) -> float:
    """No percentage is ever told."""
    return 0.0


def linear(share: float) -> float:
    """A sixth of the time in the queue, then whole per cents."""
    return max(0.0, math.floor(120 * (share - 1 / 6)))


def in_steps(share: float) -> float:
    """A few milestones."""
    return (0.0, 10.0, 30.0, 60.0, 90.0)[min(4, int(5 * share))]


def ours(told: Told, job_s: float, history: Sequence[float] = ()) -> Pause:
    """The program's own policy, as ``watch`` uses it."""
    movement: Movement | None = None

    def pause(elapsed_s: float, _last_s: float) -> float:
        nonlocal movement
        movement = (movement.seen if movement else Movement.at)(elapsed_s, told(elapsed_s / job_s))
        return next_look_s(elapsed_s, TASK_PACE, movement, history)

    return pause


def fixed(seconds: float) -> Pause:
    """Look every so many seconds."""
    return lambda _elapsed_s, _last_s: seconds


def growing(first_s: float, factor: float, cap_s: float) -> Pause:
    """Exponential backoff up to a cap."""
    return lambda _elapsed_s, last_s: min(cap_s, last_s * factor if last_s else first_s)


def watch(job_s: float, pause: Pause) -> tuple[int, float]:
    """Return how often a job was looked at, and how long after its end that was seen."""
    elapsed_s = last_s = 0.0
    looks = 1
    while elapsed_s < job_s:
        last_s = pause(elapsed_s, last_s)
        elapsed_s += last_s
        looks += 1
    return looks, elapsed_s - job_s


def measure(policy: Callable[[float, Sequence[float]], Pause]) -> Row:
    """Try a policy, made from a job's length and its history, on many jobs."""
    chance = random.Random(4)

    def job() -> float:
        return USUAL_S * math.exp(chance.gauss(0, SCATTER))

    results = []
    for _ in range(ROUNDS):
        job_s, history = job(), [job() for _ in range(LIKE_JOBS)]
        results.append(watch(job_s, policy(job_s, history)))
    looks, late = [looks for looks, _ in results], [late_s for _, late_s in results]
    return Row(statistics.mean(looks), max(looks), statistics.mean(late), max(late))


POLICIES: dict[str, Callable[[float, Sequence[float]], Pause]] = {
    "ours, nothing known": lambda job_s, _: ours(silent, job_s),
    "ours, progress moves": lambda job_s, _: ours(linear, job_s),
    "ours, progress in steps": lambda job_s, _: ours(in_steps, job_s),
    "ours, one like job": lambda job_s, history: ours(silent, job_s, history[:1]),
    "ours, ten like jobs": lambda job_s, history: ours(silent, job_s, history),
    "ours, both": lambda job_s, history: ours(linear, job_s, history),
    "every 0.1 s (fal)": lambda *_: fixed(0.1),
    "every 1 s": lambda *_: fixed(1.0),
    "every 5 s": lambda *_: fixed(5.0),
    "every 10 s": lambda *_: fixed(10.0),
    "every 15 s (HeyGen)": lambda *_: fixed(15.0),
    "x 1.5 up to 10 s": lambda *_: growing(1.0, 1.5, 10.0),
    "x 2 up to 30 s": lambda *_: growing(1.0, 2.0, 30.0),
}


def main() -> None:
    """Print a Markdown table."""
    print(f"| policy, a job of {USUAL_S:g} s | requests (most) | late, s (most) |\n|---|---|---|")
    for name, policy in POLICIES.items():
        row = measure(policy)
        print(f"| {name} | {row.looks:.1f} ({row.most_looks}) | {row.late_s:.2f} ({row.most_late_s:.2f}) |")


if __name__ == "__main__":
    main()
