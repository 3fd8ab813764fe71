"""Decide who wears which head, and how much of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli import wire
from headswap_cli.engine import topology
from headswap_cli.engine.appearance import Appearance, learn
from headswap_cli.engine.aside import Aside
from headswap_cli.engine.bearing import Bearing
from headswap_cli.engine.decode import VideoReader
from headswap_cli.engine.fade import strengths_before
from headswap_cli.engine.hdr import coded
from headswap_cli.engine.inner import face_alone
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.meetings import Judge, encounters, nearness
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.mode import OwnHead, Treatment, own_head, remarks, treat
from headswap_cli.engine.retarget import habits, yaws_of
from headswap_cli.engine.several import weights_over
from headswap_cli.engine.studio import Role
from headswap_cli.engine.tryon import try_on
from headswap_cli.engine.types import MediaFault
from headswap_cli.engine.wardrobe import Wardrobe
from headswap_cli.engine.weights import MESH_EDGES
from headswap_cli.media.colourspace import ColourTags
from headswap_cli.models import Mode, Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.decode import TimedFrame
    from headswap_cli.engine.fit import Fit
    from headswap_cli.engine.meetings import Meeting
    from headswap_cli.engine.reference import Reference
    from headswap_cli.engine.types import Frame, Landmarks, Person, PhotoFault, Scene, SwapSettings
    from headswap_cli.engine.wardrobe import Outfit

# So many of their shapes tell how a face moves.
_MOST_SHAPES = 1000
# So few views of somebody alone tell more than many in which others are near.
_LEAST_VIEWS = 4
_UNTAGGED = ColourTags()


@dataclass(frozen=True, slots=True)
class _Known:
    """How a person's face and head look in the video, as far as that is seen."""

    appearance: Appearance | None
    head: OwnHead | None


class Casting:
    """Makes roles; networks are loaded when the first photo needs them.

    Args:
        weights: The folder of the fetched weights.
        pulse: Is called between two steps; what it raises ends the work.
    """

    def __init__(self, weights: Path, pulse: Callable[[], None] = lambda: None) -> None:
        self._weights = weights
        self._pulse = pulse

    def roles(
        self,
        scene: Scene,
        photos: Mapping[int, Sequence[Path]],
        settings: SwapSettings,
        fit: Fit,
        colour: ColourTags = _UNTAGGED,
    ) -> tuple[tuple[Role, ...], list[str]]:
        """Return the roles, and sentences on what of them nobody asked for.

        Args:
            scene: What the analysis told of the video.
            photos: Photos of the new head of each person to change, by ``obj_id``, the main one first.
            settings: What the user chose.
            fit: From the source's size to the result's.
            colour: The video's.

        Raises: MediaFault: a photo cannot be used, or a person is not in the scene.
        """
        people = _chosen(scene, photos)
        known: dict[int, _Known] = {}
        with Aside() as aside:
            # While heads are cut out, which leaves another thread free to work.
            for person in people:
                aside.later(self._get_to_know, person, scene.people, settings.mode, known)
            outfits = self._wardrobe.outfits(photos) if photos else {}
        ways = {
            obj_id: treat(outfit.main, known[obj_id].head, settings.mode)
            for obj_id, outfit in outfits.items()
        }
        tone = settings.tone or Tone.SOURCE
        roles = tuple(
            self._role(
                person,
                outfits[person.obj_id],
                ways[person.obj_id],
                appearance=known[person.obj_id].appearance,
                tone=tone,
                fit=fit,
                colour=colour,
            )
            for person in people
        )
        return roles, _remarks(outfits, ways, settings.mode)

    def meetings(self, scene: Scene, source: Path, roles: Sequence[Role]) -> tuple[Meeting, ...]:
        """Return who is before whom where faces overlap and one of them is to be changed.

        Raises: MediaFault: the video cannot be used.
        """
        faces = {role.obj_id: role.appearance for role in roles}
        met = [one for one in encounters(scene.people) if not faces.keys().isdisjoint(one.people)]
        if not met:
            return ()
        triangles = self._face_triangles
        unknown = {obj_id for one in met for obj_id in one.people} - faces.keys()
        strangers = (person for person in scene.people if person.obj_id in unknown)
        faces |= {person.obj_id: learn(_samples(person, scene.people), triangles) for person in strangers}
        judge = Judge(met, faces, triangles)
        for frame in _frames_at(sorted(set().union(*(one.views for one in met))), scene, source):
            self._pulse()
            judge.look(frame.frame_index, frame.image)
        return judge.meetings()

    def check(self, photos: Mapping[int, Sequence[Path]]) -> None:
        """Make the heads, which are kept until they are wanted.

        Raises: MediaFault: a photo cannot be used.
        """
        self._wardrobe.outfits(photos)

    def tried(self, photos: Mapping[int, Sequence[Path]]) -> dict[int, Outfit | PhotoFault]:
        """Make the heads as ``check`` does; return them, or what is wrong, by whose photos they are."""
        return self._wardrobe.tried(photos)

    def clear(self) -> None:
        """Forget the heads, and let go of the networks until they are wanted again."""
        for name in ("_wardrobe", "_matte", "_mesh"):
            vars(self).pop(name, None)

    @property
    def _face_triangles(self) -> topology.Triangles:
        return topology.read_triangles(self._weights / MESH_EDGES)

    @cached_property
    def _matte(self) -> PersonMatte:
        return PersonMatte(self._weights)

    @cached_property
    def _mesh(self) -> FaceMesh:
        return FaceMesh(self._weights)

    @cached_property
    def _wardrobe(self) -> Wardrobe:
        return Wardrobe(self._weights, self._pulse)

    def _role(
        self,
        person: Person,
        outfit: Outfit,
        way: Treatment,
        *,
        appearance: Appearance | None,
        tone: Tone,
        fit: Fit,
        colour: ColourTags,
    ) -> Role:
        shapes = habits(fit.landmarks(_shapes(person)))
        return Role(
            obj_id=person.obj_id,
            references=tuple(_of(head.reference, way.mode, colour) for head in outfit.heads),
            shown=_shown(person, outfit),
            mode=way.mode,
            tone=tone,
            habits=shapes,
            appearance=appearance,
            cuts_hair=way.cuts_hair,
            faded=tuple(_faded(person, head.reference, fit) for head in outfit.heads),
            bearings=tuple(self._bearing(head.reference, shapes, way.mode) for head in outfit.heads),
        )

    def _bearing(self, reference: Reference, shapes: NDArray[np.float32], mode: Mode) -> Bearing:
        """Return how a head must be held; a face alone is seen in the person's own head."""
        self._pulse()
        return Bearing() if mode is Mode.FACE else try_on(reference, shapes, self._mesh)

    def _get_to_know(
        self, person: Person, people: Sequence[Person], asked: Mode | None, known: dict[int, _Known]
    ) -> None:
        """Enter what a person looks like by nature; where the face alone is to be changed, only that."""
        samples = _samples(person, people)
        head = None if asked is Mode.FACE else own_head(samples, self._matte)
        known[person.obj_id] = _Known(learn(samples, self._face_triangles), head)


def _frames_at(indices: Sequence[int], scene: Scene, source: Path) -> Iterator[TimedFrame]:
    """Return a few frames, by ascending index."""
    with closing(VideoReader(source, scene.video, scene.timeline)) as reader:
        for index in indices:
            yield from reader.between(index, index)


def _of(reference: Reference, mode: Mode, colour: ColourTags) -> Reference:
    """Return what of a head is worn, in the video's own codes."""
    return coded(face_alone(reference) if mode is Mode.FACE else reference, colour)


def _shown(person: Person, outfit: Outfit) -> dict[int, NDArray[np.float32]]:
    """Return how much of each of several heads shows, by frame."""
    looks = [head.look for head in outfit.heads]
    return {
        track.first_frame + index: row
        for track in person.tracks
        if len(looks) > 1
        for index, row in enumerate(weights_over(looks, track.landmarks))
    }


def _faded(person: Person, reference: Reference, fit: Fit) -> dict[int, float | None]:
    """Return how much of a head shows in the frame before, by frame index, where a track goes on."""
    faded: dict[int, float | None] = {}
    for track in person.tracks:
        yaws = yaws_of(reference.vertices, map(fit.landmarks, track.landmarks))
        poses = zip(map(fit.landmarks, track.landmarks), yaws, strict=True)
        strengths = strengths_before(poses, fit.shape)
        faded.update(enumerate(strengths, start=track.first_frame + 1))
    return faded


def _chosen(scene: Scene, photos: Mapping[int, Sequence[Path]]) -> list[Person]:
    people = {person.obj_id: person for person in scene.people}
    for obj_id in photos:
        if obj_id not in people:
            raise MediaFault(wire.INVALID_PARAMETER, f"There is no person {obj_id + 1} in the video.")
    return [people[obj_id] for obj_id in photos]


def _remarks(outfits: Mapping[int, Outfit], chosen: Mapping[int, Treatment], asked: Mode | None) -> list[str]:
    """Say what is wrong with photos, who keeps their own hair unasked, and whose neck is guessed."""
    said = [(obj_id, outfit.told(chosen[obj_id].mode)) for obj_id, outfit in sorted(outfits.items())]
    said += [(obj_id, remarks(way, asked)) for obj_id, way in sorted(chosen.items())]
    return [f"person {obj_id + 1}: {sentence}" for obj_id, sentences in said for sentence in sentences]


def _samples(person: Person, people: Sequence[Person]) -> list[tuple[Frame, Landmarks]]:
    """Return the person's head in some frames, and the landmarks there; away from others as far as can be.

    Who is beside them would pass for their hair, and who is before them for their face.
    """
    views = [
        (view, place) for view in person.views if (place := _place(person, view.frame_index)) is not None
    ]
    near = [
        max(
            (
                nearness(place, other)
                for someone in people
                if someone is not person and (other := _place(someone, view.frame_index)) is not None
            ),
            default=0.0,
        )
        for view, place in views
    ]
    most = sorted(near)[:_LEAST_VIEWS][-1:]
    return [view.unpack(place) for (view, place), one in zip(views, near, strict=True) if [one] <= most]


def _place(person: Person, frame_index: int) -> Landmarks | None:
    """Return a person's landmarks in a frame, if they are there."""
    return next(
        (
            track.landmarks[frame_index - track.first_frame]
            for track in person.tracks
            if track.first_frame <= frame_index <= track.last_frame
        ),
        None,
    )


def _shapes(person: Person) -> NDArray[np.float32]:
    """Return landmarks of the person, (n, 478, 3), evenly over their time: of a short video, all."""
    apart = max(1, -(-person.frame_count // _MOST_SHAPES))
    return np.stack([landmarks for _, landmarks in _at(person, range(0, person.frame_count, apart))])


def _at(person: Person, places: Iterable[int]) -> Iterator[tuple[int, Landmarks]]:
    """Return frame index and landmarks at ascending places in the row of all the person's frames."""
    tracks, passed = iter(person.tracks), 0
    track = next(tracks)
    for place in places:
        while place - passed >= len(track.landmarks):
            passed += len(track.landmarks)
            track = next(tracks)
        yield track.first_frame + place - passed, track.landmarks[place - passed]
