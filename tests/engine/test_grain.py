"""Grain: what is painted into a noisy picture is as noisy, and as much so in every frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from headswap_cli.engine.decode import open_video
from headswap_cli.engine.grain import add_grain, noise_level
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.types import SwapSettings
from headswap_cli.models import Mode
from tests import media


def noisy(level: float, seed: int = 1) -> np.ndarray:
    """Return a soft picture with so much noise."""
    rows, columns = np.indices((240, 320))
    soft = 120 + 40 * np.sin(rows / 60) + 30 * np.cos(columns / 80)
    grain = np.random.default_rng(seed).normal(0, level, soft.shape)
    return np.clip(np.repeat((soft + grain)[..., None], 3, axis=2) + 0.5, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("level", [1.0, 3.0, 8.0])
def test_the_noise_of_a_picture_is_measured_in_grey_levels(level: float) -> None:
    assert noise_level(noisy(level)) == pytest.approx(level, rel=0.12)


def test_sharp_edges_are_no_noise() -> None:
    picture = noisy(0.0)
    picture[:, 100:110], picture[50:60] = 30, 200
    assert noise_level(picture) < 0.4


def test_a_clean_patch_in_a_noisy_picture_becomes_as_noisy_and_nothing_else_changes() -> None:
    picture, changed = noisy(4.0), np.zeros((240, 320), np.bool_)
    changed[60:200, 80:240] = True
    picture[changed] = noisy(0.0)[changed]
    before = picture.copy()
    assert noise_level(picture, changed) < 0.5
    add_grain(picture, changed, noise_level(noisy(4.0)), 7)
    assert noise_level(picture, changed) / noise_level(noisy(4.0)) == pytest.approx(1, abs=0.1)
    assert np.array_equal(picture[~changed], before[~changed])


def test_what_is_noisy_enough_already_is_left_alone() -> None:
    picture, changed = noisy(4.0), np.ones((240, 320), np.bool_)
    before = picture.copy()
    add_grain(picture, changed, 4.0, 7)
    assert noise_level(picture) / noise_level(before) == pytest.approx(1, abs=0.08)


def test_the_same_frame_gets_the_same_grain_and_the_next_another() -> None:
    changed = np.ones((240, 320), np.bool_)
    grown = []
    for frame_index in (3, 3, 4):
        picture = noisy(0.0)
        add_grain(picture, changed, 5.0, frame_index)
        grown.append(picture)
    assert np.array_equal(grown[0], grown[1])
    apart = grown[0].astype(int) - grown[2]
    # Two frames' noise is independent: its difference is a root of two larger.
    assert apart.std() == pytest.approx(5 * 2**0.5, rel=0.1)


@pytest.mark.media
@pytest.mark.parametrize("mode", list(Mode))
def test_a_head_in_a_noisy_video_is_as_noisy_as_what_it_replaces(tmp_path: Path, mode: Mode) -> None:
    rng = np.random.default_rng(9)
    frames = [
        np.clip(frame + rng.normal(0, 6, (*frame.shape[:2], 1)) + 0.5, 0, 255).astype(np.uint8)
        for frame in media.frames_of(media.clip("single_face.mp4"), count=30)
    ]
    clip = media.written(tmp_path / "in.mp4", frames)
    pipeline = Pipeline(media.weights_dir())
    scene = pipeline.analyse(clip, on_progress=lambda done, total: None)
    assert scene.shots[0].noise > 2
    photos = {0: [media.photo("astronaut.png")]}
    cast = pipeline.cast(scene, clip, photos, SwapSettings(mode=mode))
    ratios = []
    with open_video(clip) as video:
        for frame in video.frames():
            played = cast.play(frame.frame_index, frame.image)
            inside = cv2.erode(played.changed.astype(np.uint8), np.ones((9, 9))) > 0
            ratios.append(noise_level(played.image, inside) / noise_level(frame.image, inside))
    assert np.median(ratios) == pytest.approx(1, abs=0.25)
