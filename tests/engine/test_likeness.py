"""The right person by a photo, on real faces; the figures are what the limits were chosen by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine.likeness import LikenessMeter
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.errors import InputError
from headswap_cli.services.casting import nearest
from tests import media

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headswap_cli.engine.types import Frame

pytestmark = pytest.mark.media
WOMAN, MAN = "WolfgangLanger_Pexels.mp4", "single_face.mp4"


@pytest.fixture(scope="module")
def meter() -> LikenessMeter:
    return LikenessMeter(media.weights_dir())


@pytest.fixture(scope="module")
def previews(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[int, bytes]]:
    """Return the pictures of the people of a clip, as the engine hands them out, by number from 1."""
    folder, known = tmp_path_factory.mktemp("clips"), dict[str, dict[int, bytes]]()
    pipeline = Pipeline(media.weights_dir())

    def of(name: str) -> dict[int, bytes]:
        if name not in known:
            scene = pipeline.analyse(_CLIPS[name](folder / f"{name}.mp4"), on_progress=lambda *_: None)
            known[name] = {
                person.obj_id + 1: cv2.imencode(".jpg", person.preview)[1].tobytes()
                for person in scene.people
            }
        return known[name]

    return of


def _two(target: Path) -> Path:
    return media.side_by_side(media.clip(WOMAN), media.clip(MAN), target, count=48)


def _abab(target: Path) -> Path:
    return media.concatenated([media.clip(MAN), media.clip(WOMAN)] * 2, target, count=24)


def _five(target: Path) -> Path:
    """Pan over the photo of five people."""
    photo = cv2.imread(str(media.photo("multi_face.jpg")))
    assert photo is not None
    height, width = photo.shape[:2]

    def frames() -> Iterator[Frame]:
        for index in range(24):
            shift = np.array([[1.02, 0, -index / 4], [0, 1.02, index / 6]], np.float32)
            moved = cv2.warpAffine(photo, shift, (width, height), borderMode=cv2.BORDER_REFLECT)
            yield np.asarray(moved, np.uint8)

    return media.written(target, frames())


_CLIPS = {"two": _two, "abab": _abab, "five": _five}


def moment(clip: str, frame_index: int, target: Path) -> Path:
    """Save a frame of a clip, one that the previews are not of."""
    (frame,) = media.frames_of(media.clip(clip), start=frame_index, count=1)
    cv2.imwrite(str(target), frame)
    return target


@pytest.mark.parametrize("name", ["two", "abab"])
def test_each_of_two_people_is_found_by_a_photo_of_another_moment(
    meter: LikenessMeter, previews: Callable[[str], dict[int, bytes]], tmp_path: Path, name: str
) -> None:
    found = previews(name)
    assert len(found) == 2
    woman = meter.distances(moment(WOMAN, 200, tmp_path / "woman.png"), found)
    man = meter.distances(moment(MAN, 60, tmp_path / "man.png"), found)
    assert {nearest("woman", woman), nearest("man", man)} == {1, 2}
    # 0.37 and 0.07, the other one 0.79 and more.
    assert min(woman.values()) < 0.42
    assert min(man.values()) < 0.2
    assert min(max(woman.values()), max(man.values())) > 0.7


@pytest.mark.parametrize("name", ["two", "abab", "five"])
@pytest.mark.parametrize("stranger", ["astronaut.png", "0-f15-hao-ph.jpg", "0-f1-su-ph.jpg"])
def test_a_stranger_is_nobody_in_the_video(
    meter: LikenessMeter, previews: Callable[[str], dict[int, bytes]], name: str, stranger: str
) -> None:
    distances = meter.distances(media.photo(stranger), previews(name))
    # 0.59 is the least of them.
    assert min(distances.values()) > 0.55
    with pytest.raises(InputError, match="Nobody in the video looks like"):
        nearest(stranger, distances)


def test_each_of_five_people_is_found_by_a_picture_of_theirs(
    meter: LikenessMeter, previews: Callable[[str], dict[int, bytes]], tmp_path: Path
) -> None:
    found = previews("five")
    assert len(found) == 5
    for person, content in found.items():
        # Darker, smaller, and coarse: another picture than the preview.
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        smaller = cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(tmp_path / "like.jpg"), cv2.convertScaleAbs(smaller, alpha=0.8), [1, 60])
        assert nearest("like.jpg", meter.distances(tmp_path / "like.jpg", found)) == person


def test_a_photo_of_five_people_is_like_nobody(
    meter: LikenessMeter, previews: Callable[[str], dict[int, bytes]]
) -> None:
    with pytest.raises(InputError, match=r"multi_face.jpg.*it shows \d faces"):
        meter.distances(media.photo("multi_face.jpg"), previews("two"))


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\nand so on"])
def test_a_picture_that_cannot_be_read_is_passed_over(meter: LikenessMeter, content: bytes) -> None:
    assert meter.distances(media.photo("astronaut.png"), {1: content}) == {}


def test_a_photo_that_cannot_be_read_is_named(meter: LikenessMeter, tmp_path: Path) -> None:
    (tmp_path / "anna.jpg").write_bytes(b"not a picture at all")
    with pytest.raises(InputError, match=r"anna\.jpg"):
        meter.distances(tmp_path / "anna.jpg", {})
