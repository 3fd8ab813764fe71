"""Make heads of reference photos: each is read, judged and cut out, and several must show one person."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli import wire
from headswap_cli.engine import topology
from headswap_cli.engine.aside import Aside
from headswap_cli.engine.bystander import closer_squares, told_bystander
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.gate import ASIDE, FRONTAL, judge
from headswap_cli.engine.geometry import face_box, inside
from headswap_cli.engine.hand import hand_mask
from headswap_cli.engine.identify import FaceEmbedder, distance
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.occlude import Hands
from headswap_cli.engine.reference import ALIKE, CUT_OFF, build_reference, read_photo, select_face
from headswap_cli.engine.types import PhotoFault
from headswap_cli.engine.weights import MESH_EDGES
from headswap_cli.models import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from headswap_cli.engine.look import Look
    from headswap_cli.engine.reference import Reference
    from headswap_cli.engine.types import Detection, Embedding, Frame, Landmarks

# What photos are known by: the hashes of their bytes, whenever their files were last touched.
_Key = tuple[bytes, ...]

_NETWORKS = ("_detector", "_mesh", "_matte", "_embedder", "_hands")

# Some 2.5 MB each.
_KEPT_HEADS = 8

# Photos further apart show different people (the network's authors' figure); from the second on, perhaps.
OTHER_PERSON, DOUBTFUL = 0.6, 0.5
# How much of a face a hand may cover.
_COVERED = 0.05
# Hair further apart in colour (Lab) or in how much of it hangs beside the jaw is seen to change.
_OTHER_HAIR, _OTHER_LENGTH = 25.0, 0.4
_GLASSES = (
    "the face in the reference photo wears glasses: what they hide of it is guessed, and its eyes are seen"
    " through them, so a photo without glasses looks better"
)


@dataclass(frozen=True, slots=True)
class Head:
    """One photo's head, and how its face looks there."""

    reference: Reference
    look: Look


@dataclass(frozen=True, slots=True)
class Outfit:
    """The heads of one person, the main one first, and what the user should know of the photos.

    ``of_outline`` is what there is to know where more than the face is worn.
    """

    heads: tuple[Head, ...]
    warnings: tuple[str, ...]
    of_outline: tuple[str, ...] = ()

    def told(self, mode: Mode | None) -> tuple[str, ...]:
        """Return what there is to know if so much of the heads is worn; None is not known yet."""
        return self.warnings if mode is Mode.FACE else self.warnings + self.of_outline

    @property
    def main(self) -> Reference:
        """The head of the main photo."""
        return self.heads[0].reference


@dataclass(frozen=True, slots=True)
class _Seen:
    head: Head
    embedding: Embedding | None
    warnings: tuple[str, ...]
    of_outline: tuple[str, ...]


class Wardrobe:
    """Keeps the heads of a job's photos, so that they are made once though they are asked for twice.

    Of photos that are judged before there is a job, the last few. Networks are loaded when a photo needs
    them, and stay no longer than that.

    Args:
        weights: The folder of the fetched weights.
        pulse: Is called between the steps of each photo; what it raises ends the work.
    """

    def __init__(self, weights: Path, pulse: Callable[[], None] = lambda: None) -> None:
        self._weights = weights
        self._pulse = pulse
        self._made: dict[_Key, Outfit] = {}

    def outfits(self, photos: Mapping[int, Sequence[Path]]) -> dict[int, Outfit]:
        """Return everybody's heads by ``obj_id``.

        Args:
            photos: Of each person by ``obj_id``, the main one first: it must be from the front.

        Raises:
            PhotoFault: A photo cannot be used, or two of one person show different people.
        """
        keys = {obj_id: _key(paths) for obj_id, paths in photos.items()}
        self._made = {key: self._made[key] for key in keys.values() if key in self._made}
        try:
            return {obj_id: self._of(keys[obj_id], paths, obj_id) for obj_id, paths in photos.items()}
        finally:
            self._put_networks_away()

    def tried(self, photos: Mapping[int, Sequence[Path]]) -> dict[int, Outfit | PhotoFault]:
        """Return the heads of photos, or what is wrong with them, by whose they are; the last ones are kept.

        Args:
            photos: As ``outfits`` takes them, by whatever number.
        """
        tried: dict[int, Outfit | PhotoFault] = {}
        try:
            for number, paths in photos.items():
                try:
                    tried[number] = self._outfit_of(_key(paths), paths)
                except PhotoFault as fault:
                    tried[number] = fault
                self._thin()
        finally:
            self._put_networks_away()
        return tried

    @cached_property
    def _detector(self) -> FaceDetector:
        return FaceDetector(self._weights)

    @cached_property
    def _mesh(self) -> FaceMesh:
        return FaceMesh(self._weights)

    @cached_property
    def _matte(self) -> PersonMatte:
        return PersonMatte(self._weights)

    @cached_property
    def _embedder(self) -> FaceEmbedder:
        return FaceEmbedder(self._weights)

    @cached_property
    def _hands(self) -> Hands:
        return Hands(self._weights)

    def _of(self, key: _Key, paths: Sequence[Path], obj_id: int) -> Outfit:
        try:
            return self._outfit_of(key, paths)
        except PhotoFault as fault:
            raise PhotoFault(fault.code, f"person {obj_id + 1}: {fault.reason}") from fault

    def _outfit_of(self, key: _Key, paths: Sequence[Path]) -> Outfit:
        outfit = self._made.pop(key, None) or self._outfit(paths)
        # The one asked for last comes last.
        self._made[key] = outfit
        return outfit

    def _thin(self) -> None:
        """Forget the heads that were asked for longest ago, if there are many."""
        while sum(len(outfit.heads) for outfit in self._made.values()) > _KEPT_HEADS:
            del self._made[next(iter(self._made))]

    def _put_networks_away(self) -> None:
        for name in _NETWORKS:
            vars(self).pop(name, None)

    def _outfit(self, paths: Sequence[Path]) -> Outfit:
        if len(paths) == 1:
            alone = self._seen(paths[0], FRONTAL, is_alone=True)
            return Outfit((alone.head,), alone.warnings, alone.of_outline)
        seen: list[_Seen] = []
        for number, path in enumerate(paths, start=1):
            try:
                seen.append(self._seen(path, ASIDE if seen else FRONTAL, is_alone=False))
            except PhotoFault as fault:
                raise PhotoFault(fault.code, f"photo {number}: {fault.reason}") from fault
        heads = tuple(one.head for one in seen)
        likeness = _likeness([one.embedding for one in seen])
        return Outfit(
            heads,
            (*_numbered(one.warnings for one in seen), *likeness),
            (*_numbered(one.of_outline for one in seen), *_hairdos(heads)),
        )

    def _seen(self, path: Path, turn_limit: float, *, is_alone: bool) -> _Seen:
        self._pulse()
        photo = read_photo(path)
        self._pulse()
        found = self._detector(photo)
        face = select_face(found)
        landmarks, _ = self._mesh.from_detection(photo, face)
        verdict = judge(photo, landmarks, turn_limit=turn_limit)
        self._pulse()
        with Aside() as aside:
            # While the head is cut out, which leaves another thread free to work.
            aside.later(self._require_bare, photo, landmarks)
            reference = build_reference(
                photo, landmarks, self._matte, topology.read_triangles(self._weights / MESH_EDGES)
            )
        self._pulse()
        embedding = None if is_alone else self._embedder.embed(photo, landmarks)
        told = [*self._bystander(photo, face, found), *verdict.warnings]
        if reference.glasses is not None:
            told.append(_GLASSES)
        of_outline = tuple(_background(reference) + _cut_off(reference))
        return _Seen(Head(reference, verdict.look), embedding, tuple(told), of_outline)

    def _require_bare(self, photo: Frame, landmarks: Landmarks) -> None:
        """Raise where a hand is before the face: it would go wherever the head goes."""
        # Of the photo before nothing is known, not even of one that was refused.
        self._hands.reset()
        mask = hand_mask(self._hands.find(photo, face_box(landmarks)), photo, (0, 0), 1.0)
        face = inside(landmarks[topology.OVAL], photo.shape) > 0
        share = float(mask[face].mean()) if mask is not None and face.any() else 0.0
        if share > _COVERED:
            raise PhotoFault(
                wire.INVALID_PARAMETER,
                "a hand covers a part of the face in the reference photo: take one with the face free"
                f" ({100 * share:.0f} % of it is covered; at most {100 * _COVERED:.0f} may be)",
            )

    def _bystander(self, photo: Frame, face: Detection, found: list[Detection]) -> list[str]:
        """Look closer for somebody else on a photo, and return what there is to say of them."""
        closer = self._detector.in_squares(photo, closer_squares(photo, face))
        return told_bystander(face, found + closer, lambda one: self._mesh.from_detection(photo, one)[1])


def _background(reference: Reference) -> list[str]:
    if not reference.is_doubtful:
        return []
    return [
        "the reference photo's background can hardly be told from the head, and some of it may stay at the"
        # By the mesh a face has 0.9 to 1.03 squared widths.
        " outline: one before a plain wall in another colour looks better (two looks at it disagree over an"
        f" area as large as {100 * reference.doubt:.0f} % of the face; up to {100 * ALIKE:.0f} do no harm)"
    ]


def _cut_off(reference: Reference) -> list[str]:
    if not reference.is_cut_off:
        return []
    return [
        "the reference photo's edge cuts the head off, and no more than its face can be used well: one with"
        f" room around the whole head looks better (cut off along {reference.cut_off:.1f} widths of the face;"
        f" up to {CUT_OFF:.1f} does no harm)"
    ]


def _numbered(each: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return what is said of photos with their numbers."""
    return tuple(f"photo {number}: {text}" for number, texts in enumerate(each, start=1) for text in texts)


def _key(paths: Sequence[Path]) -> _Key:
    return tuple(hashlib.sha256(path.read_bytes()).digest() for path in paths)


def _likeness(embeddings: Sequence[Embedding | None]) -> list[str]:
    """Compare each photo's face with that of the main one."""
    main, told = embeddings[0], []
    for number, other in enumerate(embeddings[1:], start=2):
        if main is None or other is None:
            continue
        apart = distance(main, other)
        if apart > OTHER_PERSON:
            raise PhotoFault(
                wire.INVALID_PARAMETER,
                f"photos 1 and {number} show different people: leave one of them out (distance {apart:.2f};"
                f" one person's are at most {OTHER_PERSON:.2f} apart)",
            )
        if apart > DOUBTFUL:
            told.append(
                f"photos 1 and {number} may show different people: if so, leave one of them out (distance"
                f" {apart:.2f}; surely one person up to {DOUBTFUL:.2f})"
            )
    return told


def _hairdos(heads: Sequence[Head]) -> list[str]:
    """Compare each photo's hair with that of the main one."""
    main, told = heads[0].reference, []
    for number, head in enumerate(heads[1:], start=2):
        first, second = main.hair_colour(), head.reference.hair_colour()
        apart = 0.0 if first is None or second is None else float(np.linalg.norm(first - second))
        longer = abs(main.hanging_hair - head.reference.hanging_hair)
        if apart > _OTHER_HAIR or longer > _OTHER_LENGTH:
            told.append(
                f"photos 1 and {number} show different hair, which will be seen to change: photos of one"
                f" hairdo look better (colours {apart:.0f} apart, alike up to {_OTHER_HAIR:.0f}; beside the"
                f" jaw {100 * longer:.0f} % more or less of it, alike up to {100 * _OTHER_LENGTH:.0f})"
            )
    return told
