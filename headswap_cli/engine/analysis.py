"""Analyse a video in one pass: shots and their backgrounds, faces and whose they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli import wire
from headswap_cli.engine import plate, preview
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.identify import FaceEmbedder, identify
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.plate import PlateGatherer
from headswap_cli.engine.track import CutDetector, FollowedFace, Follower, smoothed
from headswap_cli.engine.types import MediaFault, Person, Scene, Shot, Track

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from headswap_cli.engine.decode import TimedFrame
    from headswap_cli.engine.types import (
        Embedding,
        Frame,
        Landmarks,
        OnProgress,
        VideoProperties,
    )

# Shorter sights of a face are mistakes more often than faces.
_LEAST_FRAMES = 8
_LOOK_EVERY = 3
_EMBED_EVERY = 30
_SAMPLE_EVERY = 6


class Analyser:
    """Finds the people of videos, one video after the other.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._networks = _Networks(
            FaceDetector(weights), FaceMesh(weights), PersonMatte(weights), FaceEmbedder(weights)
        )

    def analyse(self, frames: Iterable[TimedFrame], video: VideoProperties, on_progress: OnProgress) -> Scene:
        """Look at every frame once and tell who is where.

        Args:
            frames: All frames of the video in order, frame_index from 0.
            video: Its properties; the number of frames may be an estimate.
            on_progress: Told after every frame.

        Returns: The scene; its number of frames is counted.

        Raises:
            MediaFault: There is no frame at all.
        """
        is_cut = CutDetector()
        watchers: list[_ShotWatcher] = []
        frame_count = 0
        for frame in frames:
            if is_cut(frame.image) or not watchers:
                watchers.append(_ShotWatcher(self._networks, len(watchers), frame.frame_index))
                for finished in watchers[-2:-1]:
                    finished.close()
            watchers[-1].observe(frame.frame_index, frame.image)
            frame_count += 1
            on_progress(frame_count, max(frame_count, video.frame_count))
        if not watchers:
            raise MediaFault(wire.UNREADABLE, "The video holds no picture that can be decoded.")
        watchers[-1].close()
        people = [track for watcher in watchers for track in watcher.tracks]
        return Scene(
            video=replace(video, frame_count=frame_count),
            shots=tuple(watcher.shot for watcher in watchers),
            people=tuple(_person(obj_id, group) for obj_id, group in enumerate(identify(people))),
        )


@dataclass(frozen=True, slots=True)
class _Networks:
    detector: FaceDetector
    mesh: FaceMesh
    matte: PersonMatte
    embedder: FaceEmbedder


class _ShotWatcher:
    """Looks at the frames of one shot; once closed it keeps only what the scene is made of."""

    def __init__(self, networks: _Networks, index: int, first_frame: int) -> None:
        self._networks = networks
        self._index = index
        self._follower = Follower(networks.detector, networks.mesh, first_frame)
        self._likenesses: dict[FollowedFace, _Likeness] = {}
        self._background = PlateGatherer()
        self.shot = Shot(first_frame, first_frame, None)
        self.tracks: tuple[Track, ...] = ()

    def observe(self, frame_index: int, frame: Frame) -> None:
        """Look at the next frame."""
        seen = self._follower.observe(frame_index, frame)
        if (frame_index - self.shot.first_frame) % _LOOK_EVERY == 0:
            for face in seen:
                others = [other.landmarks for other in seen if other is not face]
                likeness = self._likenesses.setdefault(face, _Likeness(self._networks.embedder))
                likeness.look(frame_index, frame, face, others)
        if (frame_index - self.shot.first_frame) % _SAMPLE_EVERY == 0 and not self._background.is_moving:
            self._background.add(frame, self._networks.matte(frame, *plate.window(frame)))
        self.shot = replace(self.shot, last_frame=frame_index)

    def close(self) -> None:
        """Draw the conclusions and let go of what they were drawn from."""
        self.shot = replace(self.shot, plate=self._background.plate())
        self.tracks = tuple(
            self._likenesses[face].track(self._index, face)
            for face in self._follower.faces
            if len(face.path) >= _LEAST_FRAMES and face in self._likenesses
        )
        del self._follower, self._likenesses, self._background


@dataclass(frozen=True, slots=True)
class _View:
    """A face at one moment, cut out of its frame."""

    quality: float
    image: Frame
    landmarks: Landmarks


class _Likeness:
    """What a followed face looks like: its embedding, from the best views, and its preview."""

    def __init__(self, embedder: FaceEmbedder) -> None:
        self._embedder = embedder
        self._embeddings: list[tuple[float, Embedding]] = []
        self._best: _View | None = None
        self._candidate: _View | None = None
        self._next_frame: int | None = None

    def look(self, frame_index: int, frame: Frame, face: FollowedFace, others: list[Landmarks]) -> None:
        """Take a view if it beats the ones since the last embedding."""
        if self._next_frame is None:
            self._next_frame = frame_index + _EMBED_EVERY
        if frame_index >= self._next_frame:
            self._embed()
            # An identity that many views agree on needs ever fewer new ones.
            self._next_frame = frame_index + _EMBED_EVERY * len(self._embeddings)
        quality = preview.quality(frame, face.landmarks, face.presence)
        if self._candidate is None or quality > self._candidate.quality:
            self._candidate = _View(quality, *preview.portrait(frame, face.landmarks, others))

    def track(self, shot_index: int, face: FollowedFace) -> Track:
        """Return the track of a face that was looked at."""
        self._embed()
        best = self._best
        if best is None:
            raise ValueError("a face that was never looked at has no likeness")
        weights, embeddings = zip(*self._embeddings, strict=True)
        return Track(
            shot_index=shot_index,
            first_frame=face.first_frame,
            landmarks=smoothed(np.stack(face.path)),
            embedding=np.average(np.stack(embeddings), axis=0, weights=weights),
            preview=best.image,
            preview_quality=best.quality,
        )

    def _embed(self) -> None:
        view, self._candidate = self._candidate, None
        if view is None:
            return
        if self._best is None or view.quality > 0.4 * self._best.quality:
            embedding = self._embedder.embed(view.image, view.landmarks)
            self._embeddings.append((max(view.quality, 1e-3), embedding))
        if self._best is None or view.quality > self._best.quality:
            self._best = view


def _person(obj_id: int, tracks: tuple[Track, ...]) -> Person:
    best = max(tracks, key=lambda track: track.preview_quality)
    return Person(obj_id, tracks, best.preview)
