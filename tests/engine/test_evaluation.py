"""The measures that the picture is judged by tell good from bad."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.models import Mode
from tests import media, quality
from tests.bench.picture import cases, evaluate, made
from tests.bench.picture.faces import (
    FEATURES,
    Motion,
    correlation,
    correlations,
    mean_of,
    of_both,
    pose_error,
)
from tests.bench.picture.graph import Graph, Values
from tests.bench.picture.memory import descendants, footprint
from tests.bench.picture.pixels import Flicker, InFront, Outside, outline_width
from tests.engine import heads

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.media

CARPHONE = ("carphone_pristine.mp4", 0, 12)
EVERYWHERE, NOWHERE = np.ones(40, np.bool_), np.zeros(40, np.bool_)


def waves(count: int = 40) -> np.ndarray:
    return np.sin(np.linspace(0, 9, count))


def test_a_result_that_follows_correlates_and_one_that_does_the_opposite_anticorrelates() -> None:
    assert correlation(waves(), 0.5 * waves() + 3, 0.01) == pytest.approx(1)
    assert correlation(waves(), -waves(), 0.01) == pytest.approx(-1)
    assert correlation(waves(), np.ones(40), 0.01) == 0


def test_a_source_that_keeps_still_gives_no_correlation() -> None:
    assert math.isnan(correlation(0.001 * waves(), waves(), 0.01))


def test_two_readings_together_follow_what_is_there_as_closely_as_their_agreement_foretells() -> None:
    random = np.random.default_rng(5)
    there = np.sin(np.linspace(0, 400, 4000))
    readings = [{"lids": there + random.normal(0, 0.5, 4000)} for _ in range(4)]
    agreement = correlation(readings[0]["lids"], readings[1]["lids"], 0.01)
    one, again = (mean_of(*pair)["lids"] for pair in (readings[:2], readings[2:]))
    assert correlation(one, again, 0.01) == pytest.approx(of_both(agreement), abs=0.03)
    assert of_both(agreement) > agreement + 0.1
    assert of_both(-0.2) == 0
    assert math.isnan(of_both(math.nan))


def test_the_gaze_under_shut_lids_does_not_count() -> None:
    source = dict.fromkeys(FEATURES, waves())
    source["lids"] = np.where(np.arange(40) < 15, 0.1, 0.3)
    guessed = source | {"gaze": np.where(np.arange(40) < 15, -waves(), waves())}
    assert correlations(source, guessed, EVERYWHERE, NOWHERE)["gaze"] == pytest.approx(1)
    assert correlations(source, source | {"gaze": -waves()}, EVERYWHERE, NOWHERE)["gaze"] == pytest.approx(-1)
    awake = source | {"lids": np.full(40, 0.3)}
    assert correlations(awake, guessed, EVERYWHERE, NOWHERE)["gaze"] == pytest.approx(1)


def test_lids_and_gaze_do_not_count_where_something_is_before_an_eye_and_the_mouth_does() -> None:
    source = dict.fromkeys(FEATURES, 1 + 0.1 * waves())
    blindfolded = np.arange(40) < 15
    guessed = {name: np.where(blindfolded, 2 - seen, seen) for name, seen in source.items()}
    r = correlations(source, guessed, EVERYWHERE, blindfolded)
    assert r["lids"] == pytest.approx(1)
    assert r["gaze"] == pytest.approx(1)
    assert r["mouth"] < 0.9
    unseen = correlations(source, guessed, EVERYWHERE, EVERYWHERE)
    assert [name for name, value in unseen.items() if math.isnan(value)] == ["lids", "gaze"]


@pytest.mark.parametrize(("thing", "share"), [("lettering", 1.0), ("sunglasses", 1.0), ("glasses", 0.0)])
def test_words_and_dark_lenses_are_before_the_eyes_and_rims_are_not(thing: str, share: float) -> None:
    assert np.mean(made.blindfolded(thing)) == share


def test_the_pose_error_is_the_angle_between_two_heads() -> None:
    turn = np.deg2rad(7)
    aside = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    assert pose_error(np.stack([np.eye(3)] * 3), np.stack([aside] * 3)) == pytest.approx(7, abs=1e-6)


def test_a_smile_raises_the_corners_and_an_open_mouth_the_gap_whatever_the_heads_pose() -> None:
    still = heads.reference().landmarks
    smile, agape = still.copy(), still.copy()
    smile[[61, 291], 1] -= 8
    agape[[14, 87, 317, 88, 318, 178, 402, 95, 324], 1] += 15
    turn = np.deg2rad(20)
    roll = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    shapes = np.stack([still, smile, agape]) @ roll.T.astype(np.float32)
    series = Motion(np.asarray(shapes, np.float32)).series(still)
    assert series["corners"][1] > series["corners"][0] + 0.01
    assert series["mouth"][2] > series["mouth"][0] + 0.02
    np.testing.assert_allclose(series["lids"], series["lids"][0], rtol=1e-3)


@pytest.mark.parametrize(("side", "step"), [((9, 12), 1), ((9, 12), 2), ((8, 7), 2)])
def test_a_graph_convolves_as_opencv_does_and_pads_as_tensorflow_does(
    side: tuple[int, int], step: int
) -> None:
    chance = np.random.default_rng(7)
    picture = chance.normal(size=(*side, 3)).astype(np.float32)
    mix, each = (chance.normal(size=(3, 3, *shape)).astype(np.float32) for shape in ((3, 2), (2, 1)))
    ends = {"low": np.full((), -1, np.float32), "high": np.full((), 1, np.float32)}
    strides = {"strides": {"list": {"i": ["1", str(step), str(step), "1"]}}}
    nodes: list[dict[str, Any]] = [
        {"name": "in", "op": "Placeholder"},
        {"name": "mixed", "op": "Conv2D", "input": ["in", "mix"], "attr": strides},
        {"name": "apart", "op": "DepthwiseConv2dNative", "input": ["mixed", "each"]},
        {"name": "cut", "op": "Minimum", "input": ["apart", "high"]},
        {"name": "out", "op": "Maximum", "input": ["cut", "low"]},
        *({"name": name, "op": "Const"} for name in ("mix", "each", "low", "high")),
    ]
    graph = Graph(nodes, {"mix": mix, "each": each, **ends})

    def wanted(given: Values, kernel: Values) -> Values:
        return np.asarray(cv2.filter2D(given, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)

    mixed = np.stack(
        [np.sum([wanted(picture[..., c], mix[..., c, o]) for c in range(3)], axis=0) for o in range(2)], -1
    )
    # Where an even side is stepped over by two, TensorFlow pads below and right alone: one pixel further.
    down, across = (0 if step == 1 else 1 - size % 2 for size in side)
    mixed = mixed[down::step, across::step]
    apart = np.stack([wanted(mixed[..., c], each[..., c, 0]) for c in range(2)], axis=-1)
    np.testing.assert_allclose(graph.run("out", picture), np.clip(apart, -1, 1), atol=1e-5)


def test_what_is_not_changed_has_no_error_and_noise_has_its_own() -> None:
    picture = np.full((40, 40, 3), 100, np.uint8)
    changed = np.zeros((40, 40), np.bool_)
    changed[10:20, 10:20] = True
    repainted = picture.copy()
    repainted[changed] = 0
    kept = Outside()
    kept.add(picture, repainted, changed)
    assert kept.psnr_db == math.inf
    noisy = Outside()
    noisy.add(picture, picture + 10, changed)
    assert noisy.psnr_db == pytest.approx(20 * math.log10(255 / 10), abs=0.01)
    assert kept.ssim == pytest.approx(1)
    assert noisy.ssim < 0.999


def test_what_is_painted_over_is_not_in_front_any_more() -> None:
    picture, result = np.full((2, 40, 40, 3), 100, np.uint8)
    covered = np.zeros((40, 40), np.bool_)
    covered[10:20, 10:20] = True
    front = InFront()
    assert math.isnan(front.share)
    front.add(picture, result, covered)
    result[10:15] = 160
    front.add(picture, result, covered)
    assert front.share == 0.75


def test_a_face_that_blinks_with_the_light_flickers() -> None:
    frames, track = heads.scene(*CARPHONE)
    calm, restless = Flicker(), Flicker()
    for index, (frame, landmarks) in enumerate(zip(frames, track, strict=True)):
        calm.add(frame, landmarks)
        restless.add(np.asarray(cv2.add(frame, np.full_like(frame, 12 * (index % 2))), np.uint8), landmarks)
    assert restless.level() > calm.level() + 8


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_a_blurred_edge_of_hair_is_as_much_wider(sigma: float) -> None:
    frames, track = heads.scene("single_face.mp4", 0, 2)
    sharp = outline_width(frames[0], track[0], heads.matte())
    soft = outline_width(
        np.asarray(cv2.GaussianBlur(frames[0], (0, 0), sigma), np.uint8), track[0], heads.matte()
    )
    assert soft == pytest.approx(math.hypot(sharp, 2.51 * sigma), rel=0.15)


def test_the_edge_of_hair_is_no_narrower_for_a_greater_contrast() -> None:
    frames, track = heads.scene("single_face.mp4", 0, 2)
    pale = np.asarray(frames[0] // 2 + 90, np.uint8)
    wide, same = (outline_width(frame, track[0], heads.matte()) for frame in (frames[0], pale))
    assert same == pytest.approx(wide, rel=0.05)


def test_hair_that_cannot_be_told_from_what_is_behind_it_has_no_edge() -> None:
    frames, track = heads.scene("single_face.mp4", 0, 2)
    person = lambda _, *window: heads.matte()(frames[0], *window)  # noqa: E731
    assert math.isnan(outline_width(np.full_like(frames[0], 90), track[0], person))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells")
def test_the_memory_of_a_job_is_that_of_its_processes() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in descendants(os.getpid())
        one = footprint(child.pid)
        assert 0 < one.proportional <= one.resident
        assert footprint(os.getpid()).resident > one.resident
        child.kill()
    assert footprint(child.pid).resident == 0


def test_a_head_within_black_bars_is_judged_where_it_is(tmp_path: Path) -> None:
    clip = media.excerpt(made.letterboxed(tmp_path), tmp_path / "in.mp4", start=0, count=12)
    target, pipeline = tmp_path / "out.mp4", Pipeline(media.weights_dir())
    scene, _ = quality.swap(pipeline, clip, target, Mode.FACE)
    assert scene.video.bars.top > 8

    verdict = evaluate.judge(
        pipeline,
        scene,
        (clip, target),
        quality.photos_for(scene),
        Mode.FACE,
        sheet_at=tmp_path / "sheet.png",
        other=FaceMesh(media.weights_dir()),
    )

    assert math.isinf(verdict.raw_db)
    (person,) = verdict.people
    assert person.passed == 0
    assert person.identity[1] < person.identity[0] - 0.2
    assert quality.quality_of(pipeline, scene, clip, target, Mode.FACE).outside_db == math.inf


def test_every_fault_has_a_clip_and_a_photo() -> None:
    for clip, photo, mode in cases.FAULTS.values():
        assert clip in cases.CLIPS
        assert photo in (cases.EACH_HIS_OWN, *cases.TUNED_PHOTOS, *cases.HELD_OUT_PHOTOS)
        assert mode in {"auto", *Mode}
    assert set(cases.CLIPS) == {*cases.TUNED_CLIPS, *cases.MADE_CLIPS, *cases.HELD_OUT_CLIPS}
