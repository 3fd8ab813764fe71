"""What every place for local files promises, whichever it is."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from headswap_cli.errors import InputError
from tests.hosting.conftest import CONTENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hosting.conftest import Place


def test_what_is_published_can_be_read_under_its_url(place: Place, clip: Path) -> None:
    url = place.open().publish(clip)
    assert urlsplit(url).scheme in {"http", "https"}
    assert place.read(url) == CONTENT


def test_the_same_content_has_one_url_and_is_sent_once(place: Place, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.mp4").write_bytes(CONTENT)
    host = place.open()
    assert host.publish(clip) == host.publish(clip) == host.publish(tmp_path / "copy.mp4")
    assert place.uploads() == 1


def test_other_content_has_another_url(place: Place, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "other.mp4").write_bytes(b"other")
    host = place.open()
    first, second = host.publish(clip), host.publish(tmp_path / "other.mp4")
    assert first != second
    assert [place.read(first), place.read(second)] == [CONTENT, b"other"]


def test_the_bytes_sent_are_told_up_to_the_last(place: Place, clip: Path) -> None:
    told: list[tuple[int, int | None]] = []
    place.open().publish(clip, on_bytes=lambda *done: told.append(done))
    assert told == sorted(told)
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_name_that_a_shell_or_a_url_would_misread_does_no_harm(place: Place, tmp_path: Path) -> None:
    strange = tmp_path / "a b $(touch harm) ; 'q\" #?%2e ü.mp4 ; x"
    strange.write_bytes(b"strange")
    url = place.open().publish(strange)
    assert place.read(url) == b"strange"
    assert "touch" not in url
    assert not list(tmp_path.rglob("harm"))


def test_an_empty_file_is_a_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert place.read(place.open().publish(tmp_path / "empty.jpg")) == b""


def test_a_file_that_is_not_there_sends_nothing(place: Place, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone"):
        place.open().publish(tmp_path / "gone.mp4")
    assert place.uploads() == 0


def test_the_users_file_is_left_as_it_was(place: Place, clip: Path) -> None:
    before = clip.stat()
    host = place.open()
    host.clean_up([host.publish(clip)])
    assert clip.read_bytes() == CONTENT
    assert (clip.stat().st_mtime_ns, stat.S_IMODE(clip.stat().st_mode)) == (
        before.st_mtime_ns,
        stat.S_IMODE(before.st_mode),
    )
