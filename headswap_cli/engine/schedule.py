"""Say which process makes which segments: a run of them each, decoded on from one to the next.

Decoded twice is what lies between the key frame at which a run is entered and the run's first frame: none by
one process, none where runs begin on key frames. Two processes: of 472 frames with a key frame every 72, and
of 1500 with one every 250, none; of 472 with one every 250, 236; of 7200 with one every 250, 100; of 120 with
one in all, 60; of 54,000 with one in all, 27,600. A run that is taken over costs another entry.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from headswap_cli.engine.decode import entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from headswap_cli.engine.segments import Segment
    from headswap_cli.engine.types import Timeline

# Of the time that a head takes in a frame: a frame without one, and one that is decoded and no more.
_PLAIN, _DECODED = 0.25, 0.05
# Halvings of the interval in which the shortest time for all lies.
_HALVINGS = 30


class Schedule:
    """The segments that are still to be made, parted among processes that work side by side.

    Who makes what depends on who is when through with what; what is made does not.

    Args:
        segments: All of a video, in order.
        timeline: Where it can be entered.
        changed: The ``obj_id`` of whoever gets another head: what is to be done where they are.
        processes: How many there are.
    """

    def __init__(
        self, segments: Sequence[Segment], timeline: Timeline, changed: Collection[int], processes: int
    ) -> None:
        self._work = {segment.index: _work(segment, changed) for segment in segments}
        self._entry = {
            segment.index: _DECODED * (segment.first_frame - entry(timeline, segment.first_frame))
            for segment in segments
        }
        self._runs = self._parted(segments, processes)

    def next(self, process: int) -> Segment | None:
        """Return what a process, from 0, is to make next; None where nothing is left for it.

        It goes on with its run; at the end of it, it takes over half of what another has not begun: of
        the busiest to which the way is not longer than that takes.
        """
        if not self._runs[process]:
            self._runs[process] = self._taken_over()
        return self._runs[process].popleft() if self._runs[process] else None

    def _parted(self, segments: Sequence[Segment], processes: int) -> list[deque[Segment]]:
        """Return a run for each process, the longest as short as can be; the first one begins the video."""
        short, long = 0.0, self._sum(segments) + max(self._entry.values(), default=0.0)
        for _ in range(_HALVINGS):
            middle = (short + long) / 2
            if len(self._within(segments, middle)) <= processes:
                long = middle
            else:
                short = middle
        runs = self._within(segments, long)
        return runs + [deque() for _ in range(processes - len(runs))]

    def _within(self, segments: Iterable[Segment], limit: float) -> list[deque[Segment]]:
        """Part segments into runs none of which takes longer than ``limit``, unless it is of one segment."""
        runs: list[deque[Segment]] = []
        taken = limit
        for segment in segments:
            taken += self._work[segment.index]
            if taken > limit:
                runs.append(deque())
                taken = self._entry[segment.index] + self._work[segment.index]
            runs[-1].append(segment)
        return runs

    def _taken_over(self) -> deque[Segment]:
        for run in sorted(self._runs, key=self._sum, reverse=True):
            half = list(run)[len(run) // 2 :]
            if half and self._entry[half[0].index] <= self._sum(half):
                for _ in half:
                    run.pop()
                return deque(half)
        return deque()

    def _sum(self, segments: Iterable[Segment]) -> float:
        return sum(self._work[segment.index] for segment in segments)


def _work(segment: Segment, changed: Collection[int]) -> float:
    heads = sum(
        len(track.landmarks)
        for person in segment.scene.people
        if person.obj_id in changed
        for track in person.tracks
    )
    return heads + _PLAIN * (segment.last_frame - segment.first_frame + 1)
