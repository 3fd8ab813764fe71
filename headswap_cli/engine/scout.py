"""Look at frames before faces are followed in them: where shots begin, and what a regular search finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli.engine.detect import without_doubles
from headswap_cli.engine.track import SEARCH_EVERY, TILES_EVERY, CutDetector

if TYPE_CHECKING:
    from headswap_cli.engine.detect import FaceDetector
    from headswap_cli.engine.types import Detection, Frame


class Scout:
    """Looks at the frames of a video, in order.

    Args:
        detector: Finds the faces.
    """

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self._is_cut = CutDetector()
        self._age = -1

    def __call__(self, frame: Frame) -> Glance:
        """Return what the next frame shows at a glance."""
        begins = self._is_cut(frame) or self._age < 0
        self._age = 0 if begins else self._age + 1
        whole = self._detector.in_whole(frame) if self._age % SEARCH_EVERY == 0 else None
        tiles = self._detector.in_tiles(frame) if self._age % TILES_EVERY == 0 else None
        return Glance(self._detector, begins, whole, tiles)


@dataclass(frozen=True, slots=True)
class Glance:
    """What is known of a frame: whether a shot begins, and the faces in parts of it that were looked at."""

    detector: FaceDetector
    begins_shot: bool
    whole: list[Detection] | None
    tiles: list[Detection] | None

    def faces(self, frame: Frame, *, tiles: bool) -> list[Detection]:
        """Return the frame's faces as ``FaceDetector`` does; where nobody has looked yet it is done now."""
        found = self.detector.in_whole(frame) if self.whole is None else self.whole
        if tiles:
            found = found + (self.detector.in_tiles(frame) if self.tiles is None else self.tiles)
        return without_doubles(found)
