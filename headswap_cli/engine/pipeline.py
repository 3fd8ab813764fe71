"""The engine's two jobs, from file to file: find the people in a video, and put other heads on them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli import wire
from headswap_cli.engine.analysis import Analyser
from headswap_cli.engine.cast import Cast
from headswap_cli.engine.decode import open_video
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.encode import Picture, bounded_size, open_writer
from headswap_cli.engine.fit import Fit
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.mode import choose_mode
from headswap_cli.engine.occlude import Hands
from headswap_cli.engine.several import SeveralHeads, weights_over
from headswap_cli.engine.types import MediaFault, SwapReport
from headswap_cli.engine.wardrobe import Wardrobe
from headswap_cli.models import Mode, Tone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headswap_cli.engine.cast import Swapper
    from headswap_cli.engine.decode import VideoSource
    from headswap_cli.engine.types import Frame, Landmarks, OnProgress, Person, Scene, SwapSettings
    from headswap_cli.engine.wardrobe import Outfit

_MODE_SAMPLES = 12


class Pipeline:
    """Does jobs one after the other; networks are loaded when the first job needs them.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._weights = weights

    def analyse(self, source: Path, *, on_progress: OnProgress) -> Scene:
        """Find the people of a video.

        Raises: MediaFault: the video cannot be read.
        """
        with open_video(source) as video:
            return self._analyser.analyse(video.frames(), video.properties, on_progress)

    def check_photos(self, photos: Mapping[int, Sequence[Path]]) -> None:
        """Make the heads of a swap to come, which is far quicker than to look at its video first.

        Raises: MediaFault: a photo cannot be used; the reason names the value and the limit.
        """
        self._wardrobe.outfits(photos)

    def swap(
        self,
        scene: Scene,
        source: Path,
        target: Path,
        photos: Mapping[int, Sequence[Path]],
        settings: SwapSettings,
        *,
        on_progress: OnProgress,
    ) -> SwapReport:
        """Write a video in which some people wear other heads.

        Frames stream through one by one: memory does not grow with the video's length.

        Args:
            scene: What ``analyse`` told of ``source``.
            source: The source video.
            target: The mp4 to write; it appears when it is whole.
            photos: Photos of the new head of each person to change, by ``obj_id``, the main one first.
            settings: What the user chose.
            on_progress: Told after every frame.

        Raises: MediaFault: a photo or the video cannot be used, or a person is not in the scene.
        """
        cast = self.cast(scene, source, photos, settings)
        sound_of = source if settings.keep_sound else None
        frames_done = frames_swapped = 0
        with (
            open_video(source) as video,
            open_writer(target, _picture(video, cast.fit), sound_of=sound_of) as writer,
        ):
            for frame in video.frames():
                played = cast.play(frame.frame_index, frame.image)
                writer.write(played.image, frame.pts, frame.duration)
                frames_done += 1
                frames_swapped += played.was_swapped
                on_progress(frames_done, max(frames_done, scene.video.frame_count))
        self._wardrobe.clear()
        return SwapReport(frames_done, frames_swapped, (*writer.notices, *cast.notices()), cast.modes)

    def cast(
        self, scene: Scene, source: Path, photos: Mapping[int, Sequence[Path]], settings: SwapSettings
    ) -> Cast:
        """Prepare the heads and who wears them; the arguments are those of ``swap``.

        Raises: MediaFault: a photo or the video cannot be used, or a person is not in the scene.
        """
        people = _chosen(scene, photos)
        outfits = self._wardrobe.outfits(photos)
        modes = self._modes(source, people, outfits, settings.mode)
        size = bounded_size(scene.video.width, scene.video.height, settings.short_side)
        fit = Fit.to_size(scene.video, *size)
        tone = settings.tone or Tone.SOURCE
        swappers = {
            person.obj_id: self._swapper(person, outfits[person.obj_id], modes[person.obj_id], fit, tone)
            for person in people
        }
        return Cast(scene, fit, swappers, _remarks(outfits, {} if settings.mode else modes), modes)

    @cached_property
    def _analyser(self) -> Analyser:
        return Analyser(self._weights)

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
    def _wardrobe(self) -> Wardrobe:
        return Wardrobe(self._weights, self._detector, self._mesh, self._matte)

    def _modes(
        self, source: Path, people: list[Person], outfits: Mapping[int, Outfit], asked: Mode | None
    ) -> dict[int, Mode]:
        if asked is not None:
            return dict.fromkeys(outfits, asked)
        samples = _samples(source, people)
        return {
            obj_id: choose_mode(outfits[obj_id].main, seen, self._matte) for obj_id, seen in samples.items()
        }

    def _swapper(self, person: Person, outfit: Outfit, mode: Mode, fit: Fit, tone: Tone) -> Swapper:
        tracks = [fit.landmarks(track.landmarks) for track in person.tracks]
        heads = [
            HeadSwapper(head.reference, tracks, mode, self._matte, hands=Hands(self._weights), tone=tone)
            for head in outfit.heads
        ]
        if len(heads) == 1:
            return heads[0]
        looks = [head.look for head in outfit.heads]
        weights = {
            track.first_frame + index: shown
            for track in person.tracks
            for index, shown in enumerate(weights_over(looks, list(track.landmarks)))
        }
        return SeveralHeads(heads, weights)


def _chosen(scene: Scene, photos: Mapping[int, Sequence[Path]]) -> list[Person]:
    people = {person.obj_id: person for person in scene.people}
    for obj_id in photos:
        if obj_id not in people:
            raise MediaFault(wire.INVALID_PARAMETER, f"There is no person {obj_id + 1} in the video.")
    return [people[obj_id] for obj_id in photos]


def _remarks(outfits: Mapping[int, Outfit], chosen: Mapping[int, Mode]) -> list[str]:
    """Say what is wrong with photos, and who keeps their own hair though nobody asked for it."""
    told = [
        f"person {obj_id + 1}: {warning}"
        for obj_id, outfit in sorted(outfits.items())
        for warning in outfit.warnings
    ]
    return told + [
        f"person {obj_id + 1}: the face alone was swapped, because the video shows more hair than the photo"
        " or cuts the head off (--mode head swaps it all)"
        for obj_id, mode in sorted(chosen.items())
        if mode is Mode.FACE
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


def _picture(video: VideoSource, fit: Fit) -> Picture:
    return Picture(
        fit.width,
        fit.height,
        video.time_base,
        video.properties.frame_rate,
        video.colour,
        video.pixel_aspect,
        video.origin_s,
    )
