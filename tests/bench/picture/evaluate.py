"""Judge one swap: what came out against what went in, person by person."""

from __future__ import annotations

import cProfile
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine.decode import open_video
from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.identify import FaceEmbedder, distance
from headswap_cli.engine.matte import PersonMatte
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.reference import read_photo, select_face
from headswap_cli.engine.types import SwapSettings
from tests import media
from tests.bench.picture import sheets
from tests.bench.picture.faceres import FaceRes, unlike
from tests.bench.picture.faces import Observer, correlations, in_mirror, mean_of, of_both, pose_error
from tests.bench.picture.pixels import Flicker, InFront, Outside, outline_width
from tests.bench.picture.stages import stage_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from headswap_cli.engine.pipeline import Pipeline
    from headswap_cli.engine.types import Frame, Landmarks, Person, Scene, Track
    from headswap_cli.models import Mode
    from tests.bench.picture.faces import Mesh

_VIEWS = 10
_OUTLINES_EVERY = 4


@dataclass(frozen=True)
class Judgement:
    """One person's swap.

    Args:
        identity: Distance to the reference by the engine's own network: source, result.
        likeness: The same by a network that the engine does not know; NaN where it is not to be had.
        expression: Correlation of each of ``faces.FEATURES``, result against source, where no face meets
            another; NaN where too little can be read, see ``faces.correlations``. Each frame is read twice,
            as it is and in a mirror, and the mean of both counts.
        ceiling: What reading a face leaves of 1, by how well both readings of the source agree.
        opinion: The same as ``expression`` by a mesh that the engine does not know.
        pose_error: Degrees.
        jitter: Percent of the face: source, result.
        flicker: Grey levels: source, result.
        outline: How wide the hair's edge is, percent of the face: source, result.
        passed: Share of the person's frames that were left as they were.
    """

    identity: tuple[float, float]
    likeness: tuple[float, float]
    expression: dict[str, float]
    ceiling: dict[str, float]
    opinion: dict[str, float]
    pose_error: float
    jitter: tuple[float, float]
    flicker: tuple[float, float]
    outline: tuple[float, float]
    passed: float


@dataclass(frozen=True)
class Verdict:
    """A whole clip's: each person's, and what concerns all of the picture.

    Args:
        people: In order of ``obj_id``.
        raw_db: PSNR outside what was changed, before encoding; infinite where not one bit differs.
        outside_db: The same in the file.
        outside_ssim: Structural similarity there.
        in_front: Share of what is in front of a face that stays so; NaN where that is not known.
        stages: Milliseconds a frame.
    """

    people: tuple[Judgement, ...]
    raw_db: float
    outside_db: float
    outside_ssim: float
    in_front: float
    stages: dict[str, float]


class _Witness:
    """Watches one person's longest track in source and result."""

    def __init__(
        self,
        person: Person,
        photo: Path,
        sheet: sheets.Sheet,
        other: Mesh,
        stranger: FaceRes | None,
    ) -> None:
        weights = media.weights_dir()
        self._mesh = FaceMesh(weights)
        self._embedder, self._matte = FaceEmbedder(weights), PersonMatte(weights)
        self.track: Track = max(person.tracks, key=lambda track: len(track.landmarks))
        self._sheet = sheet
        self._observers = (Observer(self._mesh), Observer(self._mesh))
        self._others = (Observer(other), Observer(other))
        self._mirrored = (Observer(self._mesh), Observer(self._mesh))
        self._flickers = (Flicker(), Flicker())
        self._swapped: list[bool] = []
        self._covered: list[bool] = []
        self._blindfolded: list[bool] = []
        self._outlines: tuple[list[float], list[float]] = ([], [])
        self._identities: tuple[list[float], list[float]] = ([], [])
        self._likenesses: tuple[list[float], list[float]] = ([], [])
        self._views = sheets.spread(len(self.track.landmarks), _VIEWS)
        picture = read_photo(photo)
        self._canonical, _ = self._mesh.from_detection(picture, select_face(FaceDetector(weights)(picture)))
        self._turned_round, _ = self._mesh.from_landmarks(*in_mirror(picture, self._canonical))
        self._wanted = self._embedder.embed(picture, self._canonical)
        self._stranger = stranger
        self._described = stranger.describe(picture, self._canonical) if stranger else None

    def watch(
        self,
        frame_index: int,
        both: tuple[Frame, Frame],
        place: Landmarks,
        *,
        swapped: bool,
        covered: bool,
        blindfolded: bool,
    ) -> None:
        """Look at the next frame of the track, source and result."""
        step = frame_index - self.track.first_frame
        self._swapped.append(swapped)
        self._covered.append(covered)
        self._blindfolded.append(blindfolded)
        for observer, mirrored, other, flicker, frame in zip(
            self._observers, self._mirrored, self._others, self._flickers, both, strict=True
        ):
            observer.observe(frame, place)
            mirrored.observe(*in_mirror(frame, place))
            other.observe(frame, place)
            flicker.add(frame, place)
        self._sheet.add(step, *both, place)
        if step in self._views:
            self._compare(both)
        if swapped and step % _OUTLINES_EVERY == 0:
            for widths, frame in zip(self._outlines, both, strict=True):
                widths.append(100 * outline_width(frame, place, self._matte) / face_width(place))

    def _compare(self, both: tuple[Frame, Frame]) -> None:
        for index, (observer, frame) in enumerate(zip(self._observers, both, strict=True)):
            found = observer.latest
            self._identities[index].append(distance(self._embedder.embed(frame, found), self._wanted))
            if self._stranger is not None and self._described is not None:
                self._likenesses[index].append(unlike(self._stranger.describe(frame, found), self._described))

    def judgement(self) -> Judgement:
        """Return what was seen."""
        source, result = (observer.motion() for observer in self._observers)
        swapped = np.array(self._swapped)
        # Where faces meet, what is read is the one in front, or half of each.
        shown, blindfolded = swapped & ~np.array(self._covered), np.array(self._blindfolded)
        plain = [motion.series(self._canonical) for motion in (source, result)]
        mirrored = [observer.motion().series(self._turned_round) for observer in self._mirrored]
        for series in mirrored:
            series["gaze"] *= -1
        before, after = map(mean_of, plain, mirrored)
        agreement = correlations(plain[0], mirrored[0], shown, blindfolded)
        opinions = [observer.motion().series(self._canonical) for observer in self._others]
        turns = source.rotations(self._canonical)[shown], result.rotations(self._canonical)[shown]
        return Judgement(
            identity=_means(self._identities),
            likeness=_means(self._likenesses),
            expression=correlations(before, after, shown, blindfolded),
            ceiling={name: of_both(r) for name, r in agreement.items()},
            opinion=correlations(opinions[0], opinions[1], shown, blindfolded),
            pose_error=pose_error(*turns) if shown.any() else math.nan,
            jitter=(source.jitter(), result.jitter()),
            flicker=(self._flickers[0].level(), self._flickers[1].level()),
            outline=_means(self._outlines),
            passed=1 - float(swapped.mean()),
        )


def judge(
    pipeline: Pipeline,
    scene: Scene,
    files: tuple[Path, Path],
    photos: Mapping[int, Sequence[Path]],
    mode: Mode | None,
    *,
    sheet_at: Path,
    other: Mesh,
    stranger: FaceRes | None = None,
    covered: Sequence[NDArray[np.bool_]] = (),
    blindfolded: Sequence[bool] = (),
) -> Verdict:
    """Judge a swap that was done.

    Args:
        pipeline: That did it.
        scene: What it knows of the source.
        files: Source and result.
        photos: By ``obj_id``; likeness is to the first.
        mode: As asked for.
        sheet_at: Where the sheets go: one for each person, its number in the name.
        other: A mesh that the engine does not know.
        stranger: A network for identities that it does not know.
        covered: Which pixels of the face something is in front of, frame by frame, where that is known.
        blindfolded: In which frames it is before an eye, likewise.
    """
    cast = pipeline.cast(scene, files[0], photos, SwapSettings(mode=mode))
    boards = [sheets.Sheet(sheets.spread(max(len(t.landmarks) for t in one.tracks))) for one in scene.people]
    witnesses = [
        _Witness(person, photos[person.obj_id][0], board, other, stranger)
        for person, board in zip(scene.people, boards, strict=True)
    ]
    # Heads are put on the picture within black bars, and judged in whole frames.
    corner = np.array([cast.fit.rest.left, cast.fit.rest.top, 0], np.float32)
    raw, coded, front, profile, frames = Outside(), Outside(), InFront(), cProfile.Profile(), 0
    with open_video(files[0]) as video, open_video(files[1]) as swapped:
        for frame, shown in zip(video.frames(), swapped.frames(), strict=True):
            profile.enable()
            played = cast.play(frame.frame_index, frame.image)
            profile.disable()
            source = cast.fit.whole(frame.image)
            raw.add(source, played.image, played.changed)
            coded.add(source, shown.image, played.changed)
            for mask in covered[frames : frames + 1]:
                front.add(source, shown.image, mask)
            frames += 1
            places = {
                number: corner + cast.fit.landmarks(witness.track.landmarks[step])
                for number, witness in enumerate(witnesses)
                for step in [frame.frame_index - witness.track.first_frame]
                if 0 <= step < len(witness.track.landmarks)
            }
            for number, place in places.items():
                others = [other for another, other in places.items() if another != number]
                witnesses[number].watch(
                    frame.frame_index,
                    (source, shown.image),
                    place,
                    swapped=_is_changed(played.changed, place),
                    covered=any(_meet(place, other) for other in others),
                    blindfolded=any(blindfolded[frame.frame_index : frame.frame_index + 1]),
                )
    for number, board in enumerate(boards, 1):
        board.write(sheet_at.with_name(f"{sheet_at.stem}-{number}.png"))
    people = tuple(witness.judgement() for witness in witnesses)
    return Verdict(people, raw.psnr_db, coded.psnr_db, coded.ssim, front.share, stage_times(profile, frames))


def _meet(face: Landmarks, other: Landmarks) -> bool:
    (x0, y0, x1, y1), (left, top, right, bottom) = face_box(face), face_box(other)
    return bool(x0 < right and left < x1 and y0 < bottom and top < y1)


def _is_changed(changed: NDArray[np.bool_], place: Landmarks) -> bool:
    height, width = changed.shape
    x, y = np.clip(np.round(place[:, :2].mean(axis=0)).astype(int), 0, (width - 1, height - 1))
    return bool(changed[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].any())


def _means(values: tuple[list[float], list[float]]) -> tuple[float, float]:
    known = [[one for one in seen if not math.isnan(one)] for seen in values]
    before, after = (statistics.mean(seen) if seen else math.nan for seen in known)
    return before, after
