"""Tell who is who: an embedding of a face, and tracks of one person gathered over cuts."""

from __future__ import annotations

import cmath
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine.facenet import SIDE, FaceNet
from headswap_cli.engine.geometry import Crop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from headswap_cli.engine.types import Embedding, Frame, Landmarks, Track

# Below this distance two tracks are one person; the network's authors give 0.6 for single pictures.
SAME_PERSON = 0.55
# A view this good, against the best of its face, is believed when it shows somebody else.
_PROVES = 0.4
# Outer and inner corner of the left eye, of the right eye, base of the nose.
_FIVE_POINTS = (263, 362, 33, 133, 2)
# Where they are in the mean face, as dlib has it: (x, y), parts of the face's square.
# https://github.com/davisking/dlib/blob/v20.0/dlib/image_transforms/interpolation.h
_MEAN_FACE = np.array(
    [
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    ]
)
# What the network was trained on is half as large again as the face's square.
_MARGIN = 1.5


class FaceEmbedder:
    """Describes faces by 128 numbers, close for the same person; not for several threads at once.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._weights = weights

    def embed(self, frame: Frame, landmarks: Landmarks) -> Embedding:
        """Return the embedding, (128,), of one face of a frame, BGR."""
        return self._network(_upright(landmarks).take(frame, SIDE))

    @cached_property
    def _network(self) -> FaceNet:
        # In an analysis it is wanted by a thread that nobody waits for then, a second after the others.
        return FaceNet(self._weights / "dlib_face_recognition_resnet_model_v1.dat")


def identify(tracks: Sequence[Track]) -> list[tuple[Track, ...]]:
    """Gather tracks into people: single linkage.

    The two closest groups join until none are closer than ``SAME_PERSON``; the distance of two groups is
    that of their closest tracks. Tracks that share a frame are different people and never join.

    Returns: Groups by screen time, longest first, then by first frame; tracks of a group by first frame.
    """
    group_of = {id(track): [track] for track in tracks}
    close = [
        (apart, i, j)
        for (i, a), (j, b) in combinations(enumerate(tracks), 2)
        if (apart := distance(a.embedding, b.embedding)) < SAME_PERSON
    ]
    for _, i, j in sorted(close):
        first, second = group_of[id(tracks[i])], group_of[id(tracks[j])]
        if first is not second and not _appear_together(first, second):
            first += second
            group_of.update((id(track), first) for track in second)
    groups = {id(group): group for group in group_of.values()}.values()
    ordered = (tuple(sorted(group, key=lambda track: track.first_frame)) for group in groups)
    return sorted(ordered, key=lambda group: (-_screen_time(group), group[0].first_frame))


def runs(embeddings: Sequence[Embedding], qualities: Sequence[float]) -> list[range]:
    """Part the views of one followed face where somebody else takes its place.

    Views are of one person if a chain of views leads from one to the other in which no two neighbours are
    farther apart than ``SAME_PERSON``. Poor views, and a lone strange view between two of one person, prove
    nothing and go with the view before them.

    Args:
        embeddings: Of the views, (128,) each, in the order of time, at least one.
        qualities: Of the views, above 0.

    Returns: The views of each stretch, in order; together they are all.
    """
    least = _PROVES * max(qualities)
    good = [k for k, quality in enumerate(qualities) if quality >= least]
    people = _chained([embeddings[k] for k in good])
    for k in range(1, len(good) - 1):
        if people[k - 1] == people[k + 1]:
            people[k] = people[k - 1]
    starts = [0, *(good[k] for k in range(1, len(good)) if people[k] != people[k - 1])]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], len(embeddings)], strict=True)]


def distance(first: Embedding, second: Embedding) -> float:
    """Return how different two faces are: about 0.3 for one person, 0.8 for two.

    It is the Euclidean distance of their embeddings, (128,) each.
    """
    return float(np.linalg.norm(first - second))


def _chained(embeddings: Sequence[Embedding]) -> list[int]:
    """Number the people among views: equal numbers where a chain of close views joins two."""
    people = list(range(len(embeddings)))
    for i, j in combinations(range(len(embeddings)), 2):
        if people[i] != people[j] and distance(embeddings[i], embeddings[j]) < SAME_PERSON:
            people = [people[i] if one == people[j] else one for one in people]
    return people


def _appear_together(first: Sequence[Track], second: Sequence[Track]) -> bool:
    return any(a.first_frame <= b.last_frame and b.first_frame <= a.last_frame for a in first for b in second)


def _screen_time(group: Sequence[Track]) -> int:
    return sum(len(track.landmarks) for track in group)


def _upright(landmarks: Landmarks) -> Crop:
    """Return the square around a face in which it is most like the mean face, least squares."""
    mean = (_MEAN_FACE - 0.5) @ (1, 1j)
    found = landmarks[_FIVE_POINTS, :2] @ (1, 1j)
    away = mean - mean.mean()
    turn = np.vdot(away, found) / np.vdot(away, away)
    centre = found.mean() - turn * mean.mean()
    return Crop(centre.real, centre.imag, _MARGIN * abs(turn), cmath.phase(turn))
