"""Measure what the engine makes of a clip: picture, file and speed."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from headswap_cli.engine.decode import open_video
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.encode import bounded_size, x264_options
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.identify import FaceEmbedder, distance
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.reference import read_photo, select_face
from headswap_cli.engine.types import SwapReport, SwapSettings
from headswap_cli.media.colourspace import from_bgr
from headswap_cli.models import Mode
from tests import media
from tests.bench.picture.memory import Footprint, MemoryWatch
from tests.footage import picture_times, sound_packets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headswap_cli.engine.types import Scene, Track

PHOTOS = ("astronaut.png", "0-f15-hao-ph.jpg")
_VIEWS = 8
_CORES = 2


@dataclass(frozen=True)
class Quality:
    """What a swap did to the picture.

    Args:
        people: How many were found.
        cuts: How many were found.
        tracks: How many tracks each person has, in order of ``obj_id``.
        swapped: Frames in which a head was swapped.
        identity_before: Mean distance of the people's faces to their reference faces, source.
        identity_after: The same, result.
        outside_db: PSNR outside what was changed, before encoding; infinite where not one bit differs.
        jitter: Landmarks' departure from their neighbours in time, percent of the face's width.
    """

    people: int
    cuts: int
    tracks: tuple[int, ...]
    swapped: int
    identity_before: float
    identity_after: float
    outside_db: float
    jitter: float


@dataclass(frozen=True)
class Fidelity:
    """What of the file around the picture came through."""

    frames: tuple[int, int]
    times_kept: bool
    packets: int
    packets_kept: bool
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Speed:
    """Frames per second end to end, alone the codec's and the analysis's, and a job's largest memory.

    Rates are medians over the rounds, and so is ``of_ceiling``: each job beside the codec of its own round.
    ``frames_swapped`` counts frames, not people.
    """

    fps: float
    ceiling_fps: float
    of_ceiling: float
    analysis_fps: float
    peak: Footprint
    frames_swapped: int


def two_people(folder: Path) -> Path:
    """Return a clip of two people side by side."""
    return media.side_by_side(
        media.clip("WolfgangLanger_Pexels.mp4"), media.clip("single_face.mp4"), folder / "two.mp4", count=72
    )


def cut_to_and_fro(folder: Path) -> Path:
    """Return a clip that cuts between two people: A B A B."""
    parts = [media.clip("single_face.mp4"), media.clip("WolfgangLanger_Pexels.mp4")] * 2
    return media.concatenated(parts, folder / "abab.mp4", count=36)


CLIPS: dict[str, Callable[[Path], Path]] = {
    "single_face": lambda _: media.clip("single_face.mp4"),
    "WolfgangLanger": lambda _: media.clip("WolfgangLanger_Pexels.mp4"),
    "carphone": lambda _: media.clip("carphone_pristine.mp4"),
    "face_noface": lambda _: media.clip("face_noface.mov"),
    "noface_face": lambda _: media.clip("noface_face.mov"),
    "no_face": lambda _: media.clip("no_face.mp4"),
    "two people": two_people,
    "A B A B": cut_to_and_fro,
}


def swap(
    pipeline: Pipeline, source: Path, target: Path, mode: Mode | None, photo: Path | None = None
) -> tuple[Scene, SwapReport]:
    """Analyse and swap everybody; return the scene and what was done."""
    scene = pipeline.analyse(source, on_progress=silent)
    photos = photos_for(scene, photo)
    return scene, pipeline.swap(scene, source, target, photos, SwapSettings(mode=mode), on_progress=silent)


def photos_for(scene: Scene, photo: Path | None = None) -> dict[int, list[Path]]:
    """Return a reference face for each person: the same for all, or one after the other of ``PHOTOS``."""
    return {
        person.obj_id: [photo or media.photo(PHOTOS[person.obj_id % len(PHOTOS)])] for person in scene.people
    }


def quality_of(pipeline: Pipeline, scene: Scene, source: Path, target: Path, mode: Mode | None) -> Quality:
    """Measure the picture of a swap that was done."""
    before, after = _identities(scene, source, target)
    outside_db, swapped = _outside(pipeline, scene, source, mode)
    tracks = [track for person in scene.people for track in person.tracks]
    return Quality(
        people=len(scene.people),
        cuts=len(scene.shots) - 1,
        tracks=tuple(len(person.tracks) for person in scene.people),
        swapped=swapped,
        identity_before=before,
        identity_after=after,
        outside_db=outside_db,
        jitter=statistics.median(map(_jitter, tracks)) if tracks else 0.0,
    )


def fidelity_of(source: Path, target: Path, notices: tuple[str, ...]) -> Fidelity:
    """Compare times and packets of source and result."""
    before, after = picture_times(source), picture_times(target)
    packets = sound_packets(source)
    return Fidelity(
        frames=(len(before), len(after)),
        times_kept=before == after,
        packets=len(packets),
        packets_kept=packets == sound_packets(target),
        notices=notices,
    )


def speed_of(
    source: Path, target: Path, mode: Mode | None, photo: Path | None = None, *, rounds: int
) -> tuple[Speed, Scene, tuple[str, ...]]:
    """Time whole jobs and, in turns with them, decoding and encoding alone; NaN where there are no rounds."""
    pipeline = Pipeline(media.weights_dir(), processes=_CORES)
    idle = target.with_name("ceiling.mp4")
    with MemoryWatch() as memory:
        scene, report = swap(pipeline, source, target, mode, photo)
    jobs, ceilings, analyses = [], [], []
    for _ in range(rounds):
        ceilings.append(_timed(lambda: pass_through(source, idle)))
        jobs.append(_timed(lambda: swap(pipeline, source, target, mode, photo)))
        analyses.append(_timed(lambda: pipeline.analyse(source, on_progress=silent)))
    pipeline.close()
    fps, ceiling_fps, analysis_fps = (
        scene.video.frame_count / _median(times) for times in (jobs, ceilings, analyses)
    )
    of_ceiling = _median([ceiling / job for ceiling, job in zip(ceilings, jobs, strict=True)])
    speed = Speed(fps, ceiling_fps, of_ceiling, analysis_fps, memory.peak, report.frames_swapped)
    return speed, scene, report.notices


def pass_through(source: Path, target: Path) -> None:
    """Decode and encode without a change, by one process on as many threads as there are processors."""
    reformatter = VideoReformatter()
    with open_video(source) as video, av.open(str(target), "w") as container:
        width, height = bounded_size(video.properties.width, video.properties.height, 720)
        options = {**x264_options(SwapSettings().quality, width, height), "threads": str(_CORES)}
        stream = container.add_stream("libx264", rate=video.properties.frame_rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = video.time_base
        for frame in video.frames():
            coded = from_bgr(frame.image[:height, :width], video.colour, reformatter)
            coded.pts, coded.time_base = frame.pts, frame.time_base
            container.mux(stream.encode(coded))
        container.mux(stream.encode(None))


def _identities(scene: Scene, source: Path, target: Path) -> tuple[float, float]:
    """Return the mean distance to the reference faces before and after, over some frames."""
    embedder, mesh = FaceEmbedder(media.weights_dir()), FaceMesh(media.weights_dir())
    detector = FaceDetector(media.weights_dir())
    distances: list[list[float]] = [[], []]
    for obj_id, (photo,) in photos_for(scene).items():
        picture = read_photo(photo)
        landmarks, _ = mesh.from_detection(picture, select_face(detector(picture)))
        wanted = embedder.embed(picture, landmarks)
        views = _views(scene.people[obj_id].tracks)
        for seen, path in zip(distances, (source, target), strict=True):
            with open_video(path) as video:
                for frame in video.frames():
                    if frame.frame_index not in views:
                        continue
                    found, _ = mesh.from_landmarks(frame.image, views[frame.frame_index])
                    seen.append(distance(embedder.embed(frame.image, found), wanted))
    if not distances[0]:
        return math.nan, math.nan
    return statistics.mean(distances[0]), statistics.mean(distances[1])


def _views(tracks: tuple[Track, ...]) -> dict[int, np.ndarray]:
    every = {
        track.first_frame + index: shape for track in tracks for index, shape in enumerate(track.landmarks)
    }
    indices = sorted(every)
    places = np.linspace(0, len(indices) - 1, min(_VIEWS, len(indices))).astype(int)
    return {indices[place]: every[indices[place]] for place in places.tolist()}


def _outside(pipeline: Pipeline, scene: Scene, source: Path, mode: Mode | None) -> tuple[float, int]:
    """Return the PSNR outside what was changed, and in how many frames a head was swapped."""
    cast = pipeline.cast(scene, source, photos_for(scene), SwapSettings(mode=mode))
    squared, pixels, swapped = 0.0, 0, 0
    with open_video(source) as video:
        for frame in video.frames():
            played = cast.play(frame.frame_index, frame.image)
            apart = cv2.absdiff(played.image, cast.fit.whole(frame.image))[~played.changed]
            squared += float((apart.astype(np.float64) ** 2).sum())
            pixels += apart.size
            swapped += played.was_swapped
    return (math.inf if squared == 0 else 10 * math.log10(255**2 * pixels / squared)), swapped


def _jitter(track: Track) -> float:
    """Return the median departure of a landmark from the mean of its neighbours in time, percent."""
    points = np.asarray(track.landmarks)[:, :468, :2]
    apart = points[1:-1] - (points[:-2] + points[2:]) / 2
    widths = np.array([face_width(shape) for shape in track.landmarks[1:-1]])
    return float(np.median(np.linalg.norm(apart, axis=2) / widths[:, None]) * 100)


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else math.nan


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def silent(frames_done: int, frames_total: int) -> None:
    """Take no note."""
