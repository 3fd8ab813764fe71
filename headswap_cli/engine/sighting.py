"""Where and how long a person is seen: what the engine tells beyond the vendor's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology

if TYPE_CHECKING:
    from headswap_cli.engine.types import Person, VideoProperties
    from headswap_cli.wire import JsonObject


def sighting(person: Person, video: VideoProperties) -> JsonObject:
    """Return when and where somebody is seen.

    Args:
        person: With at least one track.
        video: Its frames are counted.

    Returns: ``screen_share``, the part of the frames that show the face, 0 to 1; ``first_time_s``, when it is
        first seen; ``box`` (x0, y0, x1, y1), in whole pixels of the video as displayed: the middle one of
        all places where the face is, edge by edge.
    """
    frames = max(1, video.frame_count)
    meshes = np.concatenate([track.landmarks for track in person.tracks])[:, : topology.MESH_POINTS, :2]
    boxes = np.concatenate([meshes.min(axis=1), meshes.max(axis=1)], axis=1)
    box = np.clip(np.median(boxes, axis=0), 0, (video.width, video.height) * 2)
    first_frame = min(track.first_frame for track in person.tracks)
    return {
        "screen_share": round(min(1.0, person.frame_count / frames), 4),
        "first_time_s": round(first_frame / frames * video.duration_s, 3),
        "box": [int(edge) for edge in box.round()],
    }
