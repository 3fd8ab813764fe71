"""Text from elsewhere on its way to a terminal or a file name."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.text import file_stem, printable

WILD = st.text(st.characters(exclude_categories=()))


@given(WILD)
def test_whatever_comes_is_one_printable_line(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert "\n" not in shown
    assert len(shown) <= 300
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 1 < 2 & [/x]", "plain words, 1 < 2 & [/x]"),
        ("línea 日本語 🙂 👩‍🚀", "línea 日本語 🙂 👩‍🚀"),
        ("a\r\nb\tc\u2028d", "a b c d"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x1b]52;c;never ended", "]52;c;never ended"),
        ("\x1bc\x00\x07\x7f\x85x", "c x"),
        ("abc\u202etxt.exe\u2066", "abctxt.exe"),
        ("half \ud83d a pair", "half a pair"),
        ("", ""),
    ],
)
def test_what_could_drive_a_terminal_is_taken_out_and_the_rest_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("length", [301, 10_000_000])
def test_a_long_text_is_cut_with_an_ellipsis(length: int) -> None:
    shown = printable("x" * length)
    assert len(shown) == 300
    assert shown.endswith("x…")


@given(WILD)
def test_any_name_becomes_a_stem_that_stays_in_its_folder(name: str) -> None:
    stem = file_stem(name)
    assert stem
    assert len(stem) <= 80
    assert not stem.startswith(".")
    for kind in (PurePosixPath, PureWindowsPath):
        assert kind(stem + ".mp4").name == stem + ".mp4"
        assert not kind(stem).is_absolute()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("clip.mp4", "clip"),
        ("/videos/my clip.final.mov", "my_clip.final"),
        ("C:\\videos\\clip.mp4", "clip"),
        ("../../etc/passwd", "passwd"),
        (".hidden", "hidden"),
        ("..", "video"),
        ("", "video"),
        ("видео.mp4", "видео"),
        ("a\x1b[31mb.mp4", "ab"),
    ],
)
def test_a_stem_is_what_a_person_would_call_it(name: str, stem: str) -> None:
    assert file_stem(name) == stem
