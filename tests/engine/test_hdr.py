"""Videos in PQ and HLG: the head has their codes, and looks as it does in the same video in plain ones."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from headswap_cli.engine.decode import open_video
from headswap_cli.engine.hdr import coded
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.types import Frame, SwapSettings
from headswap_cli.media.colourspace import ColourTags
from headswap_cli.models import Mode
from tests import media, quality
from tests.engine import heads

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.media

PQ, HLG = 16, 18
FRAMES = 8
_TO_WIDE = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.088, 0.8956]])


def _pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    power = (light * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _hlg(light: NDArray[np.float64]) -> NDArray[np.float64]:
    scene = light * 0.265
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


_CODES = {PQ: _pq, HLG: _hlg}


def _light(image: Frame) -> NDArray[np.float64]:
    code = image[..., ::-1] / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def _plain(image: Frame, transfer: int) -> Frame:
    """What a plain screen shows of a decoded frame, BGR."""
    light = np.linspace(0, 1, 4096)
    scene = np.interp(image[..., ::-1] / 255, _CODES[transfer](light), light)
    light = np.clip(scene @ np.linalg.inv(_TO_WIDE).T, 0, 1)
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(255 * code[..., ::-1] + 0.5, np.uint8)


def _written(path: Path, frames: list[Frame], transfer: int) -> Path:
    """The frames with ten bits a colour in BT.2020."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        options = {"crf": "12", "preset": "ultrafast", "x265-params": "log-level=none"}
        stream = container.add_stream("libx265", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p10le"
        for number, image in enumerate(frames):
            red, green, blue = np.moveaxis(_CODES[transfer](_light(image) @ _TO_WIDE.T), 2, 0)
            luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
            half = [cv2.resize(one - luma, None, fx=0.5, fy=0.5) for one in (blue, red)]
            planes = (876 * luma + 64, 896 * half[0] / 1.8814 + 512, 896 * half[1] / 1.4746 + 512)
            frame = av.VideoFrame(width, height, "yuv420p10le")
            for plane, values in zip(frame.planes, planes, strict=True):
                lines = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                lines[:, : values.shape[1]] = np.round(values)
                plane.update(lines.tobytes())
            frame.pts, frame.time_base = number, Fraction(1, 30)
            for one in (frame, stream.codec_context):
                one.color_primaries, one.color_trc, one.colorspace = 9, transfer, 9
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _swapped(pipeline: Pipeline, source: Path) -> tuple[Frame, NDArray[np.bool_]]:
    """The last frame with the head on, and where that is."""
    scene = pipeline.analyse(source, on_progress=quality.silent)
    cast = pipeline.cast(scene, source, quality.photos_for(scene), SwapSettings(mode=Mode.HEAD))
    with open_video(source) as video:
        played = [cast.play(frame.frame_index, frame.image) for frame in video.frames()]
    assert all(one.was_swapped for one in played)
    return played[-1].image, played[-1].changed


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_head_in_an_hdr_video_looks_as_in_the_same_video_in_plain_colours(
    tmp_path: Path, transfer: int
) -> None:
    frames = list(islice(media.frames_of(media.clip("single_face.mp4")), FRAMES))
    pipeline = Pipeline(media.weights_dir())
    wanted, there = _swapped(pipeline, media.written(tmp_path / "plain.mp4", frames))
    made, where = _swapped(pipeline, _written(tmp_path / "hdr.mp4", frames, transfer))
    both = there & where
    off = np.abs(_plain(made, transfer).astype(int) - wanted)[both]
    assert np.median(off) < 9


def test_a_head_for_a_plain_video_is_the_photos_own() -> None:
    assert coded(heads.reference(), ColourTags(1, 1, 1, 1)) is heads.reference()


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_heads_colours_are_as_saturated_in_a_wide_video_as_in_its_photo(transfer: int) -> None:
    own = heads.reference().textures[0]
    made = coded(heads.reference(), ColourTags(transfer=transfer, primaries=9)).textures[0]
    seen = _plain(made[..., :3], transfer).astype(int)
    there = own[..., 3] == 255
    np.testing.assert_array_equal(made[..., 3], own[..., 3])
    assert np.ptp(own[there, :3].astype(int), axis=1).mean() > 20
    assert np.abs(seen - own[..., :3])[there].mean() < 3


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_glasses_have_the_codes_of_the_head_that_they_sit_on(transfer: int) -> None:
    own = heads.reference("gracehopper.jpg").glasses
    made = coded(heads.reference("gracehopper.jpg"), ColourTags(transfer=transfer, primaries=9)).glasses
    assert own is not None
    assert made is not None
    there = own.textures[0][..., 3] == 255
    seen = _plain(made.textures[0][..., :3], transfer).astype(int)
    assert np.abs(seen - own.textures[0][..., :3])[there].mean() < 3
    np.testing.assert_array_equal(made.textures[0][..., 3], own.textures[0][..., 3])
