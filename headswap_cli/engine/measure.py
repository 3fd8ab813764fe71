"""Hold a result against its source: when its people are best looked at, whom they look like, how steady.

A process of its own (``python -m headswap_cli.engine.measure CACHE``): the order comes in as JSON on stdin,
progress and the outcome go out as JSON lines. What it knows of faces goes with it; only figures leave it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.analysis import Analyser
from headswap_cli.engine.decode import open_video
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.identify import FaceEmbedder, distance
from headswap_cli.engine.limits import settle_in
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.pipes import take_stdout
from headswap_cli.engine.reference import read_photo, select_face
from headswap_cli.engine.types import MediaFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from headswap_cli.engine.decode import TimedFrame, VideoSource
    from headswap_cli.engine.types import Embedding, Landmarks, OnProgress, Person, Scene
    from headswap_cli.wire import JsonObject

# One embedding takes a tenth of a second, and both videos want one.
_VIEWS = 24
_PRESENT = 0.5
# A face that has just come in is often half out of the picture, or blurred.
_SETTLED_FRAMES = 4


def measure(
    weights: Path,
    before: Path,
    after: Path,
    photos: Mapping[int, Sequence[Path]],
    on_progress: OnProgress,
) -> list[JsonObject]:
    """Analyse the source and look at its people's places in the result.

    Args:
        weights: The folder of the fetched weights.
        before: The source video.
        after: The result, paired with the source by time.
        photos: The reference faces of those who got any, by ``obj_id``; unusable ones are passed over.
        on_progress: Told after every frame, of both videos together.

    Returns: For each person of the source, longest on screen first: ``obj_id``, ``share`` of the frames (0 to
        1), ``first_s``, ``moments`` (``why``, ``time_s``, ``box`` in parts of the picture), and curves, as
        ``times_s`` and ``values``: distances of embeddings ``to_source``, ``to_photo`` (the nearest) and
        ``source_to_photo`` (None without a photo), and ``jitter_before``, ``jitter_after`` in percent of the
        face's width.

    Raises: MediaFault: a video cannot be read.
    """
    with open_video(before) as video:
        count = video.properties.frame_count
        scene = Analyser(weights).analyse(
            video.frames(), video.properties, lambda done, _: on_progress(done, 2 * max(done, count))
        )
    look = _Look(weights, scene, photos)
    with open_video(before) as video, open_video(after) as result:
        times = look.watch(video, result, lambda done: on_progress(count + done, 2 * count))
    return [look.report(person, times) for person in scene.people]


class _Look:
    """Lays the mesh on each person in both videos, frame by frame, and embeds some of the views."""

    def __init__(self, weights: Path, scene: Scene, photos: Mapping[int, Sequence[Path]]) -> None:
        self._mesh, self._embedder = FaceMesh(weights), FaceEmbedder(weights)
        self._scene = scene
        detector = FaceDetector(weights)
        self._wanted = {
            person.obj_id: self._embedded(detector, photos.get(person.obj_id, ())) for person in scene.people
        }
        self._paths = {person.obj_id: _Path(person) for person in scene.people}

    def watch(self, before: VideoSource, after: VideoSource, on_frame: Callable[[int], None]) -> list[float]:
        """Go through both videos side by side; return the time of each of the source's frames, seconds."""
        times: list[float] = []
        size = before.properties.width, before.properties.height
        scale = np.array([after.properties.width / size[0], after.properties.height / size[1], 1], np.float32)
        scale[2] = scale[0]
        for source, result in _paired(before, after):
            times.append(_seconds(source, before))
            for path in self._paths.values():
                shape = path.shapes.get(source.frame_index)
                if shape is not None:
                    self._observe(path, times[-1], source, shape)
                    if result is not None:
                        self._observe(path, times[-1], result, shape * scale, of_result=True)
            on_frame(len(times))
        return times

    def report(self, person: Person, times: list[float]) -> JsonObject:
        """Return the figures of a person."""
        path, wanted = self._paths[person.obj_id], self._wanted[person.obj_id]
        own = [embedding for _, embedding in path.before.embeddings]
        mean = [np.mean(own, axis=0)] if own else []
        return {
            "obj_id": person.obj_id,
            "share": person.frame_count / max(1, len(times)),
            "first_s": times[min(person.tracks[0].first_frame, len(times) - 1)],
            "moments": _moments(person, times, self._scene),
            "to_source": _distances(path.after, mean),
            "to_photo": _distances(path.after, wanted),
            "source_to_photo": _distances(path.before, wanted),
            "jitter_before": path.before.jitter(),
            "jitter_after": path.after.jitter(),
        }

    def _observe(
        self, path: _Path, time_s: float, frame: TimedFrame, shape: Landmarks, *, of_result: bool = False
    ) -> None:
        seen = path.after if of_result else path.before
        landmarks, presence = self._mesh.from_landmarks(frame.image, shape)
        if presence < _PRESENT:
            seen.points.append(None)
            return
        seen.points.append(_Points(time_s, landmarks[topology.STABLE, :2], face_width(landmarks)))
        if path.is_due():
            seen.embeddings.append((time_s, self._embedder.embed(frame.image, landmarks)))

    def _embedded(self, detector: FaceDetector, photos: Sequence[Path]) -> list[Embedding]:
        known = []
        for photo in photos:
            try:
                picture = read_photo(photo)
                landmarks, _ = self._mesh.from_detection(picture, select_face(detector(picture)))
            except (MediaFault, OSError):
                continue
            known.append(self._embedder.embed(picture, landmarks))
        return known


@dataclass(frozen=True, slots=True)
class _Points:
    """The points of a face that expression moves least, (n, 2), pixels; ``width`` is the face's."""

    time_s: float
    places: NDArray[np.float32]
    width: float


@dataclass(slots=True)
class _Seen:
    """What was seen of a person in one of the videos; points are None where no face was found."""

    points: list[_Points | None] = field(default_factory=list)
    embeddings: list[tuple[float, Embedding]] = field(default_factory=list)

    def jitter(self) -> JsonObject:
        """Return how far points stray from the middle of their neighbours in time, percent of the face."""
        times, values = [], []
        for last, now, following in zip(self.points, self.points[1:], self.points[2:], strict=False):
            if last is None or now is None or following is None:
                continue
            apart = now.places - (last.places + following.places) / 2
            times.append(round(now.time_s, 3))
            values.append(round(float(np.median(np.linalg.norm(apart, axis=1))) / now.width * 100, 3))
        return {"times_s": times, "values": values}


class _Path:
    """Where a person is in the source, by frame, and what was seen there."""

    def __init__(self, person: Person) -> None:
        self.shapes = dict(_shapes(person))
        self.before, self.after = _Seen(), _Seen()
        self._every = max(1, len(self.shapes) // _VIEWS)

    def is_due(self) -> bool:
        """Whether this view is one of those that are embedded; both videos take the same moments."""
        return len(self.before.points) % self._every == self._every // 2


def _paired(before: VideoSource, after: VideoSource) -> Iterator[tuple[TimedFrame, TimedFrame | None]]:
    """Yield the source's frames in order, each with the result's frame shown then; None once it is over."""
    results = after.frames()
    current, following = None, next(results, None)
    for source in before.frames():
        time_s = _seconds(source, before)
        while following is not None and _seconds(following, after) <= time_s + 0.002:
            current, following = following, next(results, None)
        yield source, current


def _seconds(frame: TimedFrame, video: VideoSource) -> float:
    if frame.pts is None:
        return float(frame.frame_index / video.properties.frame_rate)
    return float(frame.pts * frame.time_base - video.origin_s)


def _shapes(person: Person) -> Iterator[tuple[int, Landmarks]]:
    for track in person.tracks:
        yield from enumerate(track.landmarks, start=track.first_frame)


def _distances(seen: _Seen, wanted: Sequence[Embedding]) -> JsonObject | None:
    if not wanted:
        return None
    return {
        "times_s": [round(time_s, 3) for time_s, _ in seen.embeddings],
        "values": [
            round(min(distance(embedding, one) for one in wanted), 4) for _, embedding in seen.embeddings
        ],
    }


def _moments(person: Person, times: list[float], scene: Scene) -> list[JsonObject]:
    """Return when the person is first seen, most turned, widest of mouth and fastest."""
    indices = [index for index, _ in _shapes(person)]
    shapes = np.stack([shape for _, shape in _shapes(person)])
    first = min(_SETTLED_FRAMES, len(person.tracks[0].landmarks) - 1)
    chosen = {
        "first seen": first,
        "most turned": int(np.argmax(_turns(shapes))),
        "widest mouth": int(np.argmax(_gapes(shapes))),
        "fastest motion": int(np.argmax(_speeds(shapes, indices, times))),
    }
    whole = np.array([scene.video.width, scene.video.height] * 2, np.float32)
    return [
        {
            "why": why,
            "time_s": times[indices[at]],
            "box": [round(float(side), 4) for side in face_box(shapes[at]) / whole],
        }
        for why, at in chosen.items()
        if indices[at] < len(times)
    ]


def _turns(shapes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far each face looks to the side: the slope in depth from cheek to cheek, (n,)."""
    across = shapes[:, topology.LEFT_CHEEK] - shapes[:, topology.RIGHT_CHEEK]
    return np.asarray(np.abs(np.arctan2(across[:, 2], np.abs(across[:, 0]))), np.float32)


def _gapes(shapes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how wide each mouth is open, in face widths, (n,)."""
    upper, lower = np.array(topology.LIP_PAIRS).T
    gaps = np.linalg.norm(shapes[:, upper, :2] - shapes[:, lower, :2], axis=2).mean(axis=1)
    return np.asarray(gaps / [face_width(shape) for shape in shapes], np.float32)


def _speeds(shapes: NDArray[np.float32], indices: list[int], times: list[float]) -> NDArray[np.float64]:
    """Return how fast each face moves, face widths per second, (n,); the first of a sight does not."""
    middles = shapes[:, topology.STABLE, :2].mean(axis=1)
    moved = np.linalg.norm(np.diff(middles, axis=0, prepend=middles[:1]), axis=1)
    at = np.array([times[min(index, len(times) - 1)] for index in indices])
    took = np.maximum(np.diff(at, prepend=at[0]), 1e-3)
    follows = np.diff(np.array(indices), prepend=-2) == 1
    widths = np.array([face_width(shape) for shape in shapes])
    return np.where(follows, moved / widths / took, 0.0)


def main() -> None:
    """Do the one order that stands on stdin."""
    cache = Path(sys.argv[1])
    settle_in()
    events = take_stdout()
    order = json.load(sys.stdin)
    photos = {int(obj_id): [Path(one) for one in paths] for obj_id, paths in order["photos"].items()}
    told = _Told(events)
    try:
        people = measure(
            cache / "weights", Path(order["before"]), Path(order["after"]), photos, told.progress
        )
        told.say({"people": people})
    except MediaFault as fault:
        told.say({"failed": fault.reason})


class _Told:
    """Writes events; of progress no more than one a percent."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._percent = -1

    def say(self, event: JsonObject) -> None:
        """Write one event."""
        self._stream.write(json.dumps(event).encode() + b"\n")
        self._stream.flush()

    def progress(self, frames_done: int, frames_total: int) -> None:
        """Tell the part that is done, as an ``OnProgress``."""
        percent = min(100, frames_done * 100 // max(1, frames_total))
        if percent > self._percent:
            self._percent = percent
            self.say({"progress": percent})


if __name__ == "__main__":
    main()
