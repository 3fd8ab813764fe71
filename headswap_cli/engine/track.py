"""Follow faces: where shots end, which face is which from frame to frame, how landmarks are steadied."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from headswap_cli.engine import apart, topology
from headswap_cli.engine.apart import Apart, Moving
from headswap_cli.engine.geometry import containment, face_box, overlap
from headswap_cli.engine.trail import Trail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Box, Detection, Frame, Landmarks

# A face whose presence is below this is no longer followed.
_PRESENT = 0.5
# Narrower faces have too few pixels to be told apart, let alone replaced.
_MINIMAL_WIDTH = 14.0
SEARCH_EVERY = 8
TILES_EVERY = 16
# A face that comes back within so many frames was not gone: a hand passed, a frame was blurred.
_PATIENCE = 8
# Likewise one that another face is before.
PATIENCE_BEHIND = 25
# Faces that overlap by more are one and the same, or if one is before the other, by more than the latter.
_SAME, _SAME_BEHIND = 0.35, 0.7
_SIGMA = 1.2
# Frames that are steadied at once, and how far it could matter what is beside them.
_STRETCH, _CONTEXT = 128, 32
# Blinks are over in three frames and glances in two: eyes are steadied less. Irises as much as the corners
# that they are measured against, or every nod would be a glance.
_EYE_SIGMA = 0.6
_EYES = np.concatenate([topology.RIGHT_EYE, topology.LEFT_EYE, topology.RIGHT_IRIS, topology.LEFT_IRIS])
# Lips meet and part in some frames; steadied still less, they would tremble where they rest.
_LIP_SIGMA = 0.9
_LIPS = np.concatenate([topology.OUTER_LIPS, topology.INNER_LIPS])


class Detector(Protocol):
    """Finds faces, as ``detect.FaceDetector`` does."""

    def __call__(self, frame: Frame, *, tiles: bool) -> list[Detection]:
        """Return the faces, surest first; ``tiles``: small ones, too."""


class Mesh(apart.Mesh, Protocol):
    """Lays landmarks, as ``mesh.FaceMesh`` does."""

    def from_detection(self, frame: Frame, detection: Detection) -> tuple[Landmarks, float]:
        """Return landmarks, (478, 3), pixels of the frame, and presence, 0 to 1, of a face just detected."""


class CutDetector:
    """Tells where a new shot begins: where pixels change much, and the colours with them.

    Source: the distance of colour histograms, here of HSV: Kailath, The divergence and Bhattacharyya distance
        measures in signal selection, IEEE Transactions on Communication Technology 15(1), 1967.
    """

    def __init__(self) -> None:
        self._previous: Frame | None = None

    def __call__(self, frame: Frame) -> bool:
        """Return whether this frame, the next of the video, belongs to another shot than the one before."""
        small = np.asarray(cv2.resize(frame, (64, 36), interpolation=cv2.INTER_AREA), np.uint8)
        previous, self._previous = self._previous, small
        if previous is None:
            return False
        change = float(cv2.absdiff(small, previous).mean())
        if change <= 18:
            return False
        unlike = cv2.compareHist(_colours(small), _colours(previous), cv2.HISTCMP_BHATTACHARYYA)
        return change > 45 or unlike > 0.35


def _colours(image: Frame) -> NDArray[np.float32]:
    """Return how often each colour occurs."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, [8, 4, 4], [0, 180, 0, 256, 0, 256])
    return np.asarray(counts / counts.sum(), np.float32)


class FollowedFace:
    """One face while it is followed: landmarks for every frame from ``first_frame`` on."""

    def __init__(self, first_frame: int, landmarks: Landmarks, presence: float) -> None:
        self.first_frame = first_frame
        self.path = Trail([landmarks])
        self.presence = presence
        self.is_closed = False

    @property
    def last_frame(self) -> int:
        """The last frame it was seen in."""
        return self.first_frame + len(self.path) - 1

    @property
    def landmarks(self) -> Landmarks:
        """Where it was last seen, (478, 3), pixels of that frame."""
        return self.path[-1]

    def moving(self, frame_index: int) -> Moving:
        """Return where it should be in a frame: further on its way, or where it was while it is not seen."""
        if len(self.path) < 2 or self.last_frame != frame_index - 1:
            return Moving(self.landmarks, self.landmarks)
        way = (self.path[-1] - self.path[-2]).mean(axis=0)
        return Moving(self.landmarks, self.landmarks + way)

    def extend(self, frame_index: int, landmarks: Landmarks, presence: float) -> None:
        """Go on at a later frame; frames between, where it could not be seen, are filled evenly.

        Args:
            frame_index: Of the later frame, from 0.
            landmarks: Where the face is there, (478, 3), pixels.
            presence: How surely it is one, 0 to 1.
        """
        start, steps = self.landmarks, frame_index - self.last_frame
        for step in range(1, steps):
            self.path.append(start + (landmarks - start) * np.float32(step / steps))
        self.path.append(landmarks)
        self.presence = presence

    def precede(self, landmarks: Landmarks) -> None:
        """Begin one frame earlier, with the face there, (478, 3), pixels."""
        self.path.precede(landmarks)
        self.first_frame -= 1

    def at(self, frame_index: int) -> Landmarks | None:
        """Return where it was in a frame, (478, 3), pixels, if it was."""
        step = frame_index - self.first_frame
        return self.path[step] if 0 <= step < len(self.path) else None


class Follower:
    """Follows all faces of one shot; frames are shown to it one after the other."""

    def __init__(self, mesh: Mesh, first_frame: int) -> None:
        self._mesh = mesh
        self._apart: Apart[FollowedFace] = Apart(mesh)
        self._first_frame = first_frame
        self._faces: list[FollowedFace] = []
        self._recent: deque[Frame] = deque(maxlen=SEARCH_EVERY)

    @property
    def faces(self) -> tuple[FollowedFace, ...]:
        """All faces of the shot so far, in the order in which they were found."""
        return tuple(self._faces)

    def observe(self, frame_index: int, frame: Frame, detector: Detector) -> list[FollowedFace]:
        """Look at the next frame, (height, width, 3), BGR; return the faces seen in it."""
        awaited = self.awaited(frame_index)
        self._follow(frame_index, frame, awaited)
        lost = [face for face in awaited if face.last_frame < frame_index and not face.is_closed]
        age = frame_index - self._first_frame
        if lost or age % SEARCH_EVERY == 0:
            tiles = age % TILES_EVERY == 0 or not awaited
            self._search(frame_index, frame, lost, detector(frame, tiles=tiles))
        self._recent.append(frame)
        return self._seen(frame_index)

    def awaited(self, frame_index: int) -> list[FollowedFace]:
        """Return the faces that may be seen in the next frame, those that may come back among them."""
        return [face for face in self._faces if self._is_awaited(face, frame_index)]

    def _is_awaited(self, face: FollowedFace, frame_index: int) -> bool:
        patience = PATIENCE_BEHIND if self._apart.is_behind(face) else _PATIENCE
        return not face.is_closed and frame_index - face.last_frame <= patience

    def _seen(self, frame_index: int) -> list[FollowedFace]:
        return [face for face in self._faces if face.last_frame == frame_index]

    def _follow(self, frame_index: int, frame: Frame, awaited: list[FollowedFace]) -> None:
        """Move each face on; where two fall into one, the place belongs to the one that moved less.

        Nobody can tell who that is, though: the other ends there, and this one begins anew.
        """
        moves = []
        seen = self._apart.look(frame, {face: face.moving(frame_index) for face in awaited})
        for face, (landmarks, presence) in seen.items():
            steadiness = overlap(face_box(face.landmarks), face_box(landmarks))
            if _is_face(landmarks, presence) and steadiness > 0.25:
                moves.append((steadiness, face, landmarks, presence))
        taken: list[FollowedFace] = []
        for _, face, landmarks, presence in sorted(moves, key=lambda move: move[0], reverse=True):
            rivals = [other for other in taken if self._is_same(face, landmarks, other)]
            for rival in rivals:
                face.is_closed = True
                taken[taken.index(rival)] = self._renewed(rival)
            if not rivals:
                face.extend(frame_index, landmarks, presence)
                taken.append(face)

    def _is_same(self, face: FollowedFace, landmarks: Landmarks, other: FollowedFace) -> bool:
        """Tell whether a face has come to lie where another one is."""
        most = _SAME_BEHIND if self._apart.meet(face, other) else _SAME
        return overlap(face_box(landmarks), face_box(other.landmarks)) > most

    def _renewed(self, face: FollowedFace) -> FollowedFace:
        """Let a face begin anew at its last frame, unless it just began."""
        if len(face.path) == 1:
            return face
        face.is_closed = True
        again = FollowedFace(face.last_frame, face.path.pop(), face.presence)
        # In its place: faces that meet keep their order.
        self._faces.insert(self._faces.index(face) + 1, again)
        self._apart.rename(face, again)
        return again

    def _search(
        self, frame_index: int, frame: Frame, lost: list[FollowedFace], found: list[Detection]
    ) -> None:
        """Look for faces that are not followed: those just lost go on, others begin."""
        for detection in found:
            if self._is_known(frame_index, detection.box, least=0.2):
                continue
            landmarks, presence = self._mesh.from_detection(frame, detection)
            if not _is_face(landmarks, presence) or self._is_known(frame_index, face_box(landmarks), 0.3):
                continue
            again = next((face for face in lost if _is_near(face.landmarks, landmarks)), None)
            if again:
                lost.remove(again)
                again.extend(frame_index, landmarks, presence)
            else:
                self._faces.append(self._traced_back(FollowedFace(frame_index, landmarks, presence)))

    def _is_known(self, frame_index: int, box: Box, least: float) -> bool:
        boxes = [face_box(place) for face in self._faces if (place := face.at(frame_index)) is not None]
        return any(overlap(box, other) > least or containment(box, other) > 0.6 for other in boxes)

    def _traced_back(self, face: FollowedFace) -> FollowedFace:
        """Follow a new face back through the frames since the last search, as far as it shows."""
        for frame in reversed(self._recent):
            landmarks, presence = self._mesh.from_landmarks(frame, face.path[0])
            box = face_box(landmarks)
            if (
                not _is_face(landmarks, presence)
                or overlap(face_box(face.path[0]), box) < 0.25
                or self._is_known(face.first_frame - 1, box, least=0.3)
            ):
                break
            face.precede(landmarks)
        return face


def steadied(path: Trail, first: int, last: int) -> Trail:
    """Return the frames ``first`` to ``last`` (inclusive) of a path, ``smoothed``: a stretch at a time.

    All at once would take five times the memory of all landmarks.
    """
    steady = Trail()
    for start in range(first, last + 1, _STRETCH):
        end = min(start + _STRETCH, last + 1)
        before, after = max(first, start - _CONTEXT), min(last + 1, end + _CONTEXT)
        for landmarks in smoothed(path[before:after])[start - before : end - before]:
            steady.append(landmarks)
    return steady.packed()


def smoothed(path: NDArray[np.float32]) -> NDArray[np.float32]:
    """Steady landmarks over time without delay.

    Args:
        path: (n, 478, 3), pixels, one row a frame.

    Returns: The same shape, by a Gaussian over time; a face that does not move is not changed.
    """
    steady = _gaussian(path, _SIGMA)
    # What is quick in a face must not leave its place there when the head moves.
    middle = path[:, topology.STABLE].mean(axis=1, keepdims=True)
    place = _gaussian(middle, _SIGMA)
    for points, sigma in ((_EYES, _EYE_SIGMA), (_LIPS, _LIP_SIGMA)):
        steady[:, points] = _gaussian(path[:, points] - middle, sigma) + place
    return steady


def _gaussian(path: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Weight each frame's neighbours by a bell curve; the ends are held."""
    reach = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    padded = np.pad(path, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    total = np.zeros(path.shape, np.float64)
    for shift, weight in enumerate(weights):
        total += weight * padded[shift : shift + len(path)]
    return total.astype(np.float32)


def _is_face(landmarks: Landmarks, presence: float) -> bool:
    box = face_box(landmarks)
    return presence >= _PRESENT and float(box[2] - box[0]) >= _MINIMAL_WIDTH


def _is_near(before: Landmarks, after: Landmarks) -> bool:
    """Whether a face may have moved so in a few frames: by less than its width, at about its size."""
    first, second = face_box(before), face_box(after)
    width, later = float(first[2] - first[0]), float(second[2] - second[0])
    shift = float(np.linalg.norm((first[:2] + first[2:] - second[:2] - second[2:]) / 2))
    return shift < width and 0.5 < later / width < 2
