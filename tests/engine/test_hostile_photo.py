"""Reference photos that are hostile, damaged or rare: each is read as meant, or refused in a sentence."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from headswap_cli import media, wire
from headswap_cli.engine.reference import read_photo
from headswap_cli.engine.types import MediaFault
from headswap_cli.errors import InputError
from headswap_cli.pictures import MAX_PICTURE_PIXELS, excess, size_of
from tests.engine import photos

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_SEEDS = range(150)
# The EXIF orientations: how stored pixels become displayed ones (CIPA DC-008, 4.6.4).
_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, 3),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}


def outcome(path: Path) -> str:
    """Return ``read`` or ``refused``; anything else raises."""
    reason = ""
    try:
        image = read_photo(path)
    except MediaFault as fault:
        code, reason = fault.code, fault.reason
    if reason:
        assert code == wire.UNREADABLE
        assert reason.startswith("the reference photo ")
        return "refused"
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    assert max(image.shape) <= 2400
    return "read"


def preflight(path: Path) -> str:
    """Return ``taken`` or ``refused``; anything else raises."""
    reason = ""
    try:
        media.check_photo(path)
    except InputError as error:
        reason = str(error)
    if not reason:
        return "taken"
    assert str(path) in reason
    return "refused"


def test_every_usual_kind_of_photo_is_read(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for path in photos.sound(tmp_path):
        assert (preflight(path), outcome(path)) == ("taken", "read"), path.name


@pytest.mark.parametrize("name", ["cmyk.jpg", "deep.png", "deep_alpha.png", "plain.webp", "plain.tiff"])
def test_rare_kinds_show_the_same_picture(tmp_path: Path, name: str) -> None:
    pytest.importorskip("PIL")
    path = next(path for path in photos.sound(tmp_path) if path.name == name)
    apart = np.abs(read_photo(path).astype(int) - photos.gradient())
    assert float(np.median(apart)) <= 8


@pytest.mark.parametrize("orientation", _TURNS)
def test_a_photo_is_seen_the_way_its_camera_was_held(tmp_path: Path, orientation: int) -> None:
    content = photos.encoded("jpg", photos.gradient())
    tags = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tags
    path = tmp_path / "held.jpg"
    path.write_bytes(content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:])
    seen = read_photo(path)
    meant = _TURNS[orientation](photos.gradient())
    assert seen.shape == meant.shape
    assert float(np.median(np.abs(seen.astype(int) - meant))) <= 8


def test_of_an_animation_the_first_picture_is_the_photo(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    frames = [image.fromarray(np.full((60, 90, 3), level, np.uint8)) for level in (200, 20, 90)]
    for kind in ("gif", "png"):
        path = tmp_path / f"moving.{kind}"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
        assert preflight(path) == "taken"
        assert read_photo(path).mean() == pytest.approx(200, abs=8)


def test_no_bomb_and_no_impostor_breaks_anything(tmp_path: Path) -> None:
    outcomes = {path.name: (preflight(path), outcome(path)) for path in photos.hostile(tmp_path)}
    taken = {name for name, verdicts in outcomes.items() if verdicts != ("refused", "refused")}
    # Their pixels are few and sound; only what is written beside them is large, and it is left packed.
    assert taken <= {"ribbon.png", "profile.png", "text.png"}


@pytest.mark.parametrize(
    "family",
    [lambda folder: photos.truncated(folder, 10), lambda folder: photos.flipped(folder, _SEEDS)],
    ids=["truncated", "flipped"],
)
def test_a_damaged_photo_is_read_or_refused(tmp_path: Path, family: Callable[[Path], Iterator[Path]]) -> None:
    pytest.importorskip("PIL")
    verdicts = [(preflight(path), outcome(path)) for path in family(tmp_path)]
    assert ("refused", "refused") in verdicts


def test_the_size_of_every_kind_is_read_before_its_pixels(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for path in photos.sound(tmp_path):
        with path.open("rb") as file:
            assert size_of(file) == ((64, 64) if path.name == "palette.png" else (90, 60)), path.name


def test_the_limit_of_pixels_is_named_with_the_value() -> None:
    assert excess((16_000, 8_000)) is None
    assert MAX_PICTURE_PIXELS == 16_000 * 8_000
    assert excess((16_001, 8_000)) == "has 16001 x 8000 pixels; the limit is 128 million"
    assert excess(None) is None
