"""Analyse a video in one pass: shots and their backgrounds, faces and whose they are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli import wire
from headswap_cli.engine import overlay, plate, preview, topology
from headswap_cli.engine.aside import Aside
from headswap_cli.engine.decode import timeline_of
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import containment, face_box, face_width
from headswap_cli.engine.grain import noise_level
from headswap_cli.engine.handtrack import HandTracker
from headswap_cli.engine.headmatte import head_window
from headswap_cli.engine.identify import SAME_PERSON, FaceEmbedder, distance, identify, runs
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.occlude import Hands
from headswap_cli.engine.overlay import OverlayGatherer
from headswap_cli.engine.plate import PlateGatherer, PlateShelf
from headswap_cli.engine.scout import Scout
from headswap_cli.engine.skintrack import SkinTracker
from headswap_cli.engine.track import PATIENCE_BEHIND, FollowedFace, Follower, steadied
from headswap_cli.engine.trail import Trail
from headswap_cli.engine.types import MediaFault, Person, Scene, Shot, Track
from headswap_cli.engine.views import Cutting, View, ViewKeeper, allowed, cut, evenly, thinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from headswap_cli.engine.decode import TimedFrame
    from headswap_cli.engine.scout import Glance
    from headswap_cli.engine.types import (
        Bars,
        Embedding,
        Frame,
        Landmarks,
        Mask,
        OnProgress,
        VideoProperties,
    )

# Shorter sights of a face are mistakes more often than faces.
_LEAST_FRAMES = 8
_LOOK_EVERY = 3
_EMBED_EVERY = 30
_LEAST_QUALITY = 1e-3
# So many views agree or do not: later ones are taken ever less often.
_DENSE_VIEWS = 16
_SAMPLE_EVERY, _NOISE_EVERY = 6, 18
# So often around heads with a matte of their own, where it is so much finer.
_HEADS_EVERY, _FINER = 18, 0.7
# Frames that wait to be followed: whichever thread is slow for a while does not stop the other. Large ones
# are fewer.
_AHEAD, _AHEAD_BYTES = 32, 32 * 1024**2
_NO_IMAGE = np.empty((0, 0, 3), np.uint8)


class Analyser:
    """Finds the people of videos, one video after the other.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._networks = _Networks(
            *(FaceDetector(weights), FaceMesh(weights), PersonMatte(weights), FaceEmbedder(weights)),
            Hands(weights),
        )

    def analyse(self, frames: Iterable[TimedFrame], video: VideoProperties, on_progress: OnProgress) -> Scene:
        """Look at every frame once and tell who is where.

        Args:
            frames: All frames of the video in order, frame_index from 0.
            video: Its properties; the number of frames may be an estimate.
            on_progress: Told after every frame.

        Returns: The scene; its number of frames is counted. People are in pixels of the whole frames, what
            shots have is of the picture within the bars, which alone is looked at.

        Raises:
            MediaFault: There is no frame at all.
        """
        shelf, scout = PlateShelf(), Scout(self._networks.detector)
        watchers: list[_ShotWatcher] = []
        passed: list[TimedFrame] = []
        with Aside() as aside:
            shown = (replace(frame, image=video.bars.off(frame.image)) for frame in frames)
            for frame, glance in aside.ahead(shown, lambda frame: scout(frame.image), _ahead(video)):
                if glance.begins_shot:
                    if watchers:
                        aside.later(_end_shot, list(watchers))
                    watchers.append(_ShotWatcher(self._networks, shelf, len(watchers), frame.frame_index))
                seen = watchers[-1].follow(frame.frame_index, frame.image, glance)
                awaited = watchers[-1].awaited(frame.frame_index + 1)
                aside.later(watchers[-1].note, frame.frame_index, frame.image, seen, awaited)
                passed.append(replace(frame, image=_NO_IMAGE))
                on_progress(len(passed), max(len(passed), video.frame_count))
            if not watchers:
                raise MediaFault(wire.UNREADABLE, "The video holds no picture that can be decoded.")
            aside.later(_end_shot, watchers)
        people = [_placed(track, video.bars) for watcher in watchers for track in watcher.tracks]
        return Scene(
            video=replace(video, frame_count=len(passed)),
            shots=tuple(watcher.shot for watcher in watchers),
            people=tuple(_person(obj_id, group) for obj_id, group in enumerate(identify(people))),
            timeline=timeline_of(passed),
        )


def _end_shot(watchers: Sequence[_ShotWatcher]) -> None:
    """Close the last of some shots; the more tracks there are by then, the fewer views of each stay."""
    watchers[-1].close()
    count = sum(len(watcher.tracks) for watcher in watchers)
    before = count - len(watchers[-1].tracks)
    for watcher in watchers if allowed(count) < allowed(before) else watchers[-1:]:
        watcher.tracks = tuple(replace(track, views=thinned(track.views, count)) for track in watcher.tracks)


def _placed(track: Track, bars: Bars) -> Track:
    """Return a track in the picture within the bars as it is in the whole frame."""
    if not (bars.left or bars.top):
        return track
    corner = np.array([bars.left, bars.top, 0], np.float32)
    landmarks = Trail(landmarks + corner for landmarks in track.landmarks).packed()
    views = tuple(replace(view, x0=view.x0 + bars.left, y0=view.y0 + bars.top) for view in track.views)
    hands = {index: [hand + corner[:2] for hand in near] for index, near in track.hands.items()}
    return replace(track, landmarks=landmarks, views=views, hands=hands)


def _ahead(video: VideoProperties) -> int:
    return min(_AHEAD, _AHEAD_BYTES // (3 * video.width * video.height))


@dataclass(frozen=True, slots=True)
class _Networks:
    detector: FaceDetector
    mesh: FaceMesh
    matte: PersonMatte
    embedder: FaceEmbedder
    hands: Hands


@dataclass(frozen=True, slots=True)
class _Sight:
    """A followed face as it was in one frame."""

    face: FollowedFace
    landmarks: Landmarks
    presence: float


class _ShotWatcher:
    """Looks at the frames of one shot; once closed it keeps only what the scene is made of.

    Frames are followed one after the other; what is noted of them comes later, in another thread.
    """

    def __init__(self, networks: _Networks, shelf: PlateShelf, index: int, first_frame: int) -> None:
        self._networks = networks
        self._shelf = shelf
        self._index = index
        self._follower = Follower(networks.mesh, first_frame)
        self._likenesses: dict[FollowedFace, _Likeness] = {}
        self._views: defaultdict[FollowedFace, ViewKeeper] = defaultdict(ViewKeeper)
        self._hands: HandTracker[FollowedFace] = HandTracker(networks.hands)
        self._skins: SkinTracker[FollowedFace] = SkinTracker()
        self._background = PlateGatherer()
        self._overlaid = OverlayGatherer()
        self._noises: list[float] = []
        self.shot = Shot(first_frame, first_frame, None)
        self.tracks: tuple[Track, ...] = ()

    def follow(self, frame_index: int, frame: Frame, glance: Glance) -> list[_Sight]:
        """Look at the next frame; return the faces in it."""
        seen = self._follower.observe(frame_index, frame, glance.faces)
        return [_Sight(face, face.landmarks, face.presence) for face in seen]

    def awaited(self, frame_index: int) -> list[FollowedFace]:
        """Return the faces that may be seen in the next frame."""
        return self._follower.awaited(frame_index)

    def note(
        self, frame_index: int, frame: Frame, seen: list[_Sight], awaited: Sequence[FollowedFace] = ()
    ) -> None:
        """Take note of the next frame, of the faces in it and of those that may come back."""
        age = frame_index - self.shot.first_frame
        self._hands.look(frame_index, frame, {sight.face: sight.landmarks for sight in seen}, awaited)
        for sight in seen:
            self._views[sight.face].look(frame_index, frame, sight.landmarks)
            hands = self._hands.at(sight.face, frame_index)
            self._skins.look(frame_index, frame, sight.face, sight.landmarks, hands)
        if age % _LOOK_EVERY == 0:
            for sight in seen:
                others = [other.landmarks for other in seen if other is not sight]
                likeness = self._likenesses.setdefault(sight.face, _Likeness(self._networks.embedder))
                likeness.look(frame_index, frame, sight, others)
        self._background.follow(age, frame)
        if age % _SAMPLE_EVERY == 0:
            self._sample(age, frame, seen)
            self._forget(frame_index)
        if age % _NOISE_EVERY == 0:
            self._noises.append(noise_level(frame))
        self.shot = replace(self.shot, last_frame=frame_index)

    def _sample(self, age: int, frame: Frame, seen: list[_Sight]) -> None:
        """Add a frame to what is told of the whole shot: its background, and what is laid over it."""
        if not self._background.is_lost:
            heads = self._heads(frame, seen) if age % _HEADS_EVERY == 0 else []
            self._background.add(age, frame, self._networks.matte(frame, *plate.window(frame)), heads)
        if seen:
            self._overlaid.add(frame, [sight.landmarks for sight in seen])

    def _heads(self, frame: Frame, seen: list[_Sight]) -> list[tuple[Mask, plate.Window]]:
        """Return mattes of heads that are much finer than one of the frame."""
        windows = [
            head_window(sight.landmarks[topology.OVAL, :2].mean(axis=0), face_width(sight.landmarks))
            for sight in seen
        ]
        most = _FINER * max(frame.shape[:2])
        return [(self._networks.matte(frame, *window), window) for window in windows if window[2] < most]

    def _forget(self, frame_index: int) -> None:
        """Keep less of faces that are gone for good, and nothing of those that were seen too briefly."""
        # Until then the follower, which is some frames ahead, may have gone on with one.
        gone = [
            face for face, keeper in self._views.items() if frame_index - keeper.last_frame > PATIENCE_BEHIND
        ]
        for face in gone:
            if len(face.path) < _LEAST_FRAMES or face not in self._likenesses:
                del self._views[face]
                self._likenesses.pop(face, None)
                self._hands.forget(face)
                self._skins.forget(face)
            else:
                self._views[face].thin(len(self._views))
                self._likenesses[face].settle()

    def close(self) -> None:
        """Draw the conclusions and let go of what they were drawn from."""
        with Aside() as aside:
            aside.later(self._part_tracks)
            plate = self._background.plate() if self._likenesses else None
        if plate is not None and self.tracks:
            motion = self._background.motion(self.shot.last_frame - self.shot.first_frame + 1)
            self.shot = replace(self.shot, plate=self._shelf.put(plate), motion=motion)
        laid = self._overlaid.overlay() if self.tracks else None
        if laid is not None:
            self.shot = replace(self.shot, overlay=overlay.packed(laid))
        self.shot = replace(self.shot, noise=float(np.median(self._noises or [0])))
        del self._follower, self._likenesses, self._views, self._hands, self._skins
        del self._background, self._overlaid

    def _part_tracks(self) -> None:
        self._hands.finish()
        self.tracks = tuple(
            replace(
                track,
                views=views.between(track.first_frame, track.last_frame) or track.views,
                hands=self._hands.between(face, track.first_frame, track.last_frame),
                skin=self._skins.before(face, track.first_frame, track.last_frame),
            )
            for face, likeness in self._likenesses.items()
            for views in (self._views[face],)
            for track in likeness.tracks(self._index, face)
            if len(track.landmarks) >= _LEAST_FRAMES
        )


@dataclass(frozen=True, slots=True)
class _View:
    """A face at one moment, cut out of its frame."""

    frame_index: int
    quality: float
    image: Frame
    landmarks: Landmarks
    head: Cutting


class _Likeness:
    """What a followed face looks like: the best view of every stretch of time, and whose it is."""

    def __init__(self, embedder: FaceEmbedder) -> None:
        self._embedder = embedder
        self._candidate: _View | None = None
        self._next_frame: int | None = None
        self._frames: list[int] = []
        self._qualities: list[float] = []
        self._embeddings: list[Embedding] = []
        self._best: dict[int, tuple[bytes, View]] = {}

    def look(self, frame_index: int, frame: Frame, sight: _Sight, others: list[Landmarks]) -> None:
        """Take a view if it beats the others of its stretch."""
        if self._next_frame is None or frame_index >= self._next_frame:
            self.settle()
            doublings = max(0, len(self._frames) - _DENSE_VIEWS // 2) // (_DENSE_VIEWS // 2)
            self._next_frame = frame_index + _EMBED_EVERY * 2**doublings
        quality = preview.quality(frame, sight.landmarks, sight.presence) * _free(sight.landmarks, others)
        quality = max(quality, _LEAST_QUALITY)
        if self._candidate is None or quality > self._candidate.quality:
            portrait = preview.portrait(frame, sight.landmarks, others)
            head = cut(frame_index, frame, sight.landmarks)
            self._candidate = _View(frame_index, quality, *portrait, head)

    def tracks(self, shot_index: int, face: FollowedFace) -> Iterator[Track]:
        """Return a face's track with one view; where somebody else took its place unnoticed, one for each."""
        self.settle()
        path = face.path
        stretches = runs(self._embeddings, self._qualities)
        at = [frame_index - face.first_frame for frame_index in self._frames]
        starts = [0, *(_break(path, at[run[0] - 1], at[run[0]]) for run in stretches[1:])]
        for run, start, end in zip(stretches, starts, [*starts[1:], len(path)], strict=True):
            best = max(self._best.keys() & set(run), key=self._qualities.__getitem__)
            portrait, view = self._best[best]
            weights = self._qualities[run[0] : run[-1] + 1]
            yield Track(
                shot_index=shot_index,
                first_frame=face.first_frame + start,
                landmarks=steadied(path, start, end - 1),
                embedding=np.average(self._embeddings[run[0] : run[-1] + 1], axis=0, weights=weights),
                preview=portrait,
                preview_quality=self._qualities[best],
                views=(view,),
            )

    def settle(self) -> None:
        """Describe the candidate; of neighbouring views of one person only the best stays."""
        view, self._candidate = self._candidate, None
        if view is None:
            return
        embedding = self._embedder.embed(view.image, view.landmarks)
        last = max(self._best, default=None)
        is_other = last is None or distance(self._embeddings[last], embedding) >= SAME_PERSON
        if last is None or is_other or view.quality > self._qualities[last]:
            if last is not None and not is_other:
                del self._best[last]
            self._best[len(self._frames)] = preview.packed(view.image), view.head.packed()
        self._frames.append(view.frame_index)
        self._qualities.append(view.quality)
        self._embeddings.append(embedding)


def _free(landmarks: Landmarks, others: Iterable[Landmarks]) -> float:
    """Return how much of a face no other one may hide, 0 to 1: half of each of two is no view of either."""
    box = face_box(landmarks)
    return 1 - max((containment(box, face_box(other)) for other in others), default=0.0)


def _break(path: Trail, before: int, after: int) -> int:
    """Return the frame of a path, after ``before`` and up to ``after``, at which it changes most."""
    steps = np.linalg.norm(np.diff(path[before : after + 1], axis=0), axis=2).mean(axis=1)
    return before + 1 + int(steps.argmax())


def _person(obj_id: int, tracks: tuple[Track, ...]) -> Person:
    best = max(tracks, key=lambda track: track.preview_quality)
    # One portrait is shown: those of the other tracks would stay as long as the scene.
    kept = tuple(replace(track, preview=b"", views=()) for track in tracks)
    return Person(obj_id, kept, preview.unpacked(best.preview), evenly(tracks))
