"""How long each stage of a frame takes, read from a profile of the frames that were played."""

from __future__ import annotations

import pstats
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cProfile

# Stage: the functions it is made of, as file and name; one that is called by another is part of that one.
STAGES = {
    "pose": (("retarget.py", "pose"),),
    "in front": (("hand.py", "hand_mask"), ("front.py", "find")),
    "paint": (("paint.py", "paint"),),
    "matte": (("headmatte.py", "of_piece"),),
    "erase": (("head.py", "_background"),),
    "blend": (("blend.py", "compose"), ("blend.py", "join_bands")),
}


def stage_times(profile: cProfile.Profile, frames: int) -> dict[str, float]:
    """Return the milliseconds a frame that each stage takes, and those of the whole as ``all``."""
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    seconds: dict[tuple[str, str], float] = {}
    for (path, _, name), (_, _, _, cumulative, _) in stats.items():
        seconds[path.rpartition("/")[2], name] = cumulative
    times = {
        stage: 1000 * sum(seconds.get(function, 0.0) for function in functions) / max(1, frames)
        for stage, functions in STAGES.items()
    }
    times["all"] = 1000 * seconds.get(("cast.py", "play"), 0.0) / max(1, frames)
    return times
