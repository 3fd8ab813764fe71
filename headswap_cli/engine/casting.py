"""Decide who wears which head, and how much of it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli import wire
from headswap_cli.engine.decode import open_video
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.mode import Treatment, treat
from headswap_cli.engine.retarget import habits
from headswap_cli.engine.several import weights_over
from headswap_cli.engine.studio import Role
from headswap_cli.engine.types import MediaFault
from headswap_cli.engine.wardrobe import Wardrobe
from headswap_cli.models import Mode, Tone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headswap_cli.engine.fit import Fit
    from headswap_cli.engine.types import Frame, Landmarks, Person, Scene, SwapSettings
    from headswap_cli.engine.wardrobe import Outfit

_MODE_SAMPLES = 12


class Casting:
    """Makes roles; networks are loaded when the first photo needs them.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._weights = weights

    def roles(
        self,
        scene: Scene,
        source: Path,
        photos: Mapping[int, Sequence[Path]],
        settings: SwapSettings,
        fit: Fit,
    ) -> tuple[tuple[Role, ...], list[str]]:
        """Return the roles, and sentences on what of them nobody asked for.

        Args:
            scene: What the analysis told of ``source``.
            source: The source video.
            photos: Photos of the new head of each person to change, by ``obj_id``, the main one first.
            settings: What the user chose.
            fit: From the source's size to the result's.

        Raises: MediaFault: a photo or the video cannot be used, or a person is not in the scene.
        """
        people = _chosen(scene, photos)
        outfits = self._wardrobe.outfits(photos) if photos else {}
        ways = self._treatments(source, people, outfits, settings.mode)
        tone = settings.tone or Tone.SOURCE
        roles = [_role(person, outfits[person.obj_id], ways[person.obj_id], tone, fit) for person in people]
        return tuple(roles), _remarks(outfits, {} if settings.mode else ways)

    def check(self, photos: Mapping[int, Sequence[Path]]) -> None:
        """Make the heads, which are kept until they are wanted.

        Raises: MediaFault: a photo cannot be used.
        """
        self._wardrobe.outfits(photos)

    def clear(self) -> None:
        """Forget the heads."""
        if "_wardrobe" in vars(self):
            self._wardrobe.clear()

    @cached_property
    def _matte(self) -> PersonMatte:
        return PersonMatte(self._weights)

    @cached_property
    def _wardrobe(self) -> Wardrobe:
        return Wardrobe(self._weights, FaceDetector(self._weights), FaceMesh(self._weights), self._matte)

    def _treatments(
        self, source: Path, people: list[Person], outfits: Mapping[int, Outfit], asked: Mode | None
    ) -> dict[int, Treatment]:
        if asked is Mode.FACE:
            return dict.fromkeys(outfits, Treatment(asked))
        samples = _samples(source, people)
        return {
            obj_id: treat(outfits[obj_id].main, seen, self._matte, asked) for obj_id, seen in samples.items()
        }


def _role(person: Person, outfit: Outfit, way: Treatment, tone: Tone, fit: Fit) -> Role:
    looks = [head.look for head in outfit.heads]
    shown = {
        track.first_frame + index: row
        for track in person.tracks
        if len(looks) > 1
        for index, row in enumerate(weights_over(looks, list(track.landmarks)))
    }
    worn = tuple(head.reference for head in outfit.heads)
    tracks = [fit.landmarks(track.landmarks) for track in person.tracks]
    return Role(person.obj_id, worn, shown, way.mode, tone, habits(tracks), cuts_hair=way.cuts_hair)


def _chosen(scene: Scene, photos: Mapping[int, Sequence[Path]]) -> list[Person]:
    people = {person.obj_id: person for person in scene.people}
    for obj_id in photos:
        if obj_id not in people:
            raise MediaFault(wire.INVALID_PARAMETER, f"There is no person {obj_id + 1} in the video.")
    return [people[obj_id] for obj_id in photos]


def _remarks(outfits: Mapping[int, Outfit], chosen: Mapping[int, Treatment]) -> list[str]:
    """Say what is wrong with photos, and who keeps their own hair though nobody asked for it."""
    told = [
        f"person {obj_id + 1}: {warning}"
        for obj_id, outfit in sorted(outfits.items())
        for warning in outfit.warnings
    ]
    return told + [
        f"person {obj_id + 1}: the face alone was swapped, because the video shows more hair than the photo"
        " or the picture's edge cuts a head off (--mode head swaps it all)"
        for obj_id, way in sorted(chosen.items())
        if way.mode is Mode.FACE
    ]


def _samples(source: Path, people: list[Person]) -> dict[int, list[tuple[Frame, Landmarks]]]:
    """Return some frames of each person and the landmarks in them, by ``obj_id``."""
    wanted = {person.obj_id: _spread(person) for person in people}
    samples: dict[int, list[tuple[Frame, Landmarks]]] = {obj_id: [] for obj_id in wanted}
    with open_video(source) as video:
        for frame in video.frames(only=set().union(*wanted.values())):
            for obj_id, views in wanted.items():
                if frame.frame_index in views:
                    samples[obj_id].append((frame.image, views[frame.frame_index]))
    return samples


def _spread(person: Person) -> dict[int, Landmarks]:
    """Return some of the person's landmarks, evenly over their time in the video, by frame index."""
    views = {
        track.first_frame + index: landmarks
        for track in person.tracks
        for index, landmarks in enumerate(track.landmarks)
    }
    indices = sorted(views)
    chosen = np.linspace(0, len(indices) - 1, min(_MODE_SAMPLES, len(indices))).astype(int)
    return {indices[place]: views[indices[place]] for place in chosen.tolist()}
