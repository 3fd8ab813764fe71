"""Where and how long a person is seen: what the engine tells beyond the vendor's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine.geometry import face_box

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
    boxes = np.stack([face_box(landmarks) for track in person.tracks for landmarks in track.landmarks])
    rows, columns = video.bars.inside((video.height, video.width))
    box = np.clip(np.median(boxes, axis=0), (columns.start, rows.start) * 2, (columns.stop, rows.stop) * 2)
    first_frame = min(track.first_frame for track in person.tracks)
    return {
        "screen_share": round(min(1.0, person.frame_count / frames), 4),
        "first_time_s": round(first_frame / frames * video.duration_s, 3),
        "box": [int(edge) for edge in box.round()],
    }
