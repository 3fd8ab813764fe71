"""What goes on by itself, what a later call goes on with, and what it rightly does not."""

from __future__ import annotations

import json
import os
from itertools import count
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import DeadlineError, NetworkError, TransferError
from headswap_cli.transfer import bare_http, download
from tests.transfer.ranged import Quirk, Ranged, RangedOrigin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

BIG = os.urandom(1_000_000)


def fine(_: Path) -> None:
    """Find nothing wrong."""


@pytest.fixture
def origin() -> Iterator[RangedOrigin]:
    with RangedOrigin(Ranged(BIG)) as origin:
        yield origin


def broken_off(bare: httpx.Client, origin: RangedOrigin, target: Path) -> Path:
    """Leave the first 1000 bytes, and return the part."""
    origin.ranged.cut = 1000
    with pytest.raises(NetworkError) as caught:
        download(bare, f"{origin.url}/clip.mp4?Signature=1", target, verify=fine)
    assert "same command" in (caught.value.hint or "")
    origin.ranged.cut, origin.ranged.sent_bytes = None, 0
    return target.with_name("clip.mp4.part")


def test_a_line_that_breaks_again_and_again_is_taken_up_while_it_brings_something(
    bare: httpx.Client, origin: RangedOrigin, target: Path
) -> None:
    origin.ranged.cut = 300_000
    saved = download(bare, f"{origin.url}/clip.mp4", target, verify=fine)
    assert target.read_bytes() == BIG
    assert saved.size_bytes == origin.ranged.sent_bytes == len(BIG)
    assert len(origin.requests) == 4


def test_a_link_that_is_signed_anew_is_the_same_object_and_another_path_is_not(
    bare: httpx.Client, origin: RangedOrigin, target: Path
) -> None:
    broken_off(bare, origin, target)
    download(bare, f"{origin.url}/clip.mp4?Signature=2", target, verify=fine)
    assert origin.requests[-1].headers["range"] == "bytes=1000-"
    broken_off(bare, origin, target)
    download(bare, f"{origin.url}/other.mp4?Signature=1", target, verify=fine)
    assert "range" not in origin.requests[-1].headers


def test_the_note_holds_no_signature_and_both_files_are_for_the_owner_alone(
    bare: httpx.Client, origin: RangedOrigin, target: Path
) -> None:
    part = broken_off(bare, origin, target)
    note = part.with_name("clip.mp4.part.json")
    assert "Signature" not in note.read_text()
    assert os.name != "posix" or {path.stat().st_mode & 0o777 for path in (part, note)} == {0o600}


@pytest.mark.parametrize("note", ["", "{", "[]", "null", '{"url": 1}', '{"url": "", "etag": 5}', "\x00" * 99])
def test_a_note_that_is_damaged_means_that_all_is_fetched(
    bare: httpx.Client, origin: RangedOrigin, target: Path, note: str
) -> None:
    broken_off(bare, origin, target).with_name("clip.mp4.part.json").write_text(note)
    download(bare, f"{origin.url}/clip.mp4", target, verify=fine)
    assert target.read_bytes() == BIG
    assert [path.name for path in target.parent.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("length", [len(BIG) + 1, len(BIG) * 2])
def test_a_part_that_is_longer_than_the_object_is_fetched_anew(
    bare: httpx.Client, origin: RangedOrigin, target: Path, length: int
) -> None:
    os.truncate(broken_off(bare, origin, target), length)
    download(bare, f"{origin.url}/clip.mp4", target, verify=fine)
    assert target.read_bytes() == BIG


def test_pieces_that_do_not_play_together_are_fetched_once_more_in_one(
    bare: httpx.Client, origin: RangedOrigin, target: Path
) -> None:
    def play(part: Path) -> None:
        if part.read_bytes() != BIG:
            raise TransferError("It does not play.")

    broken_off(bare, origin, target).write_bytes(b"\x00" * 1000)
    download(bare, f"{origin.url}/clip.mp4", target, verify=play)
    assert target.read_bytes() == BIG
    assert origin.ranged.sent_bytes == 2 * len(BIG) - 1000


def test_what_is_whole_on_the_disk_is_not_sent_again(
    bare: httpx.Client, origin: RangedOrigin, target: Path
) -> None:
    note = broken_off(bare, origin, target).with_name("clip.mp4.part.json")
    assert json.loads(note.read_bytes())["total"] == len(BIG)
    target.with_name("clip.mp4.part").write_bytes(BIG)
    download(bare, f"{origin.url}/clip.mp4", target, verify=fine)
    assert target.read_bytes() == BIG
    assert origin.ranged.sent_bytes == 0


def test_without_a_strong_tag_nothing_is_kept(bare: httpx.Client, origin: RangedOrigin, target: Path) -> None:
    origin.ranged.quirk, origin.ranged.cut = Quirk.WEAK, 1000
    with pytest.raises(NetworkError):
        download(bare, f"{origin.url}/clip.mp4", target, verify=fine)
    assert list(target.parent.iterdir()) == []


def test_a_download_that_takes_too_long_ends_and_keeps_what_came(origin: RangedOrigin, target: Path) -> None:
    seconds = count()
    with bare_http() as bare, pytest.raises(DeadlineError, match="in time"):
        download(
            *(bare, f"{origin.url}/clip.mp4", target),
            verify=fine,
            timeout_s=20,
            clock=lambda: float(next(seconds)),
        )
    assert 0 < target.with_name("clip.mp4.part").stat().st_size < len(BIG)
