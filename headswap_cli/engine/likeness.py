"""How much people look like somebody on a photo; measured in the process that asks, and kept nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import area
from headswap_cli.engine.identify import FaceEmbedder, distance
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.reference import decode_photo, only_face, read_photo
from headswap_cli.engine.types import MediaFault
from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from headswap_cli.engine.types import Detection, Embedding, Frame


class LikenessMeter:
    """Measures how different faces are.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._detector, self._mesh = FaceDetector(weights), FaceMesh(weights)
        self._embedder = FaceEmbedder(weights)

    def distances(self, photo: Path, pictures: Mapping[int, bytes]) -> dict[int, float]:
        """Return how different somebody is from each of some people: about 0.3 for one person, 0.8 for two.

        Args:
            photo: Shows one person.
            pictures: A picture of each of the others, its largest face theirs; one that cannot be read, or
                shows no face, is passed over.

        Raises: InputError: the photo cannot be read, or does not show one face.
        """
        try:
            frame = read_photo(photo)
            # Small ones are as like: of 26 pixels within 0.1 of what large ones measure, others beyond 0.7.
            sought = self._embedding(frame, only_face(self._detector(frame)))
        except MediaFault as fault:
            raise InputError(f"Nobody can be likened to {str(photo)!r}: {_reason(fault)}.") from fault
        found = {number: self._of_picture(content) for number, content in pictures.items()}
        return {number: distance(sought, other) for number, other in found.items() if other is not None}

    def fault(self, picture: bytes) -> str | None:
        """Return why ``distances`` would refuse a photo; None if it would not."""
        try:
            only_face(self._detector(decode_photo(picture)))
        except MediaFault as fault:
            return _reason(fault)
        return None

    def _of_picture(self, content: bytes) -> Embedding | None:
        try:
            frame = decode_photo(content)
        except MediaFault:
            return None
        faces = self._detector(frame)
        largest = max(faces, key=lambda face: area(face.box), default=None)
        return None if largest is None else self._embedding(frame, largest)

    def _embedding(self, frame: Frame, face: Detection) -> Embedding:
        landmarks, _ = self._mesh.from_detection(frame, face)
        return self._embedder.embed(frame, landmarks)


def _reason(fault: MediaFault) -> str:
    return fault.reason.replace("the reference photo", "it", 1)
