"""Paths as people type them, paste them and drop them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.render.dropped import completed, dropped_path

NAMES = st.text(
    st.characters(exclude_categories=["C"], exclude_characters="/"), min_size=1, max_size=20
).filter(lambda name: name.strip() == name and not name.startswith("~") and name not in {".", ".."})


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("me.jpg", "me.jpg"),
        ("  /home/me/a.jpg ", "/home/me/a.jpg"),
        ("'/home/me/my photo.jpg'", "/home/me/my photo.jpg"),
        ('"/home/me/my photo.jpg"', "/home/me/my photo.jpg"),
        ("/home/me/my\\ photo\\ \\(1\\).jpg", "/home/me/my photo (1).jpg"),
        ("'/home/me/it'\\''s me.jpg'", "/home/me/it's me.jpg"),
        ("file:///home/me/my%20photo.jpg", "/home/me/my photo.jpg"),
        ("file://localhost/home/me/%C3%A4.jpg", "/home/me/ä.jpg"),
        ("/home/me/my photo.jpg", "/home/me/my photo.jpg"),
        ("it's.jpg", "it's.jpg"),
        ("https://example.com/a%20b.jpg?x='y'", "https://example.com/a%20b.jpg?x='y'"),
        ("", ""),
    ],
)
def test_a_dropped_path_is_what_the_file_is_called(line: str, path: str) -> None:
    assert dropped_path(line, is_windows=False) == path


@pytest.mark.parametrize(
    ("line", "path"),
    [('"C:\\my photos\\me.jpg"', "C:\\my photos\\me.jpg"), ("C:\\photos\\me.jpg", "C:\\photos\\me.jpg")],
)
def test_backslashes_part_folders_on_windows(line: str, path: str) -> None:
    assert dropped_path(line, is_windows=True) == path


@given(NAMES)
def test_whatever_a_shell_would_need_quoted_comes_through_quotes_and_urls(name: str) -> None:
    path = f"/no/such folder/{name}"
    assert dropped_path(shlex.quote(path), is_windows=False) == path
    assert dropped_path(Path(path).as_uri(), is_windows=False) == path


@given(st.text())
def test_no_line_is_too_odd(line: str) -> None:
    dropped_path(line)
    text, names = completed(line)
    assert names == [] or len(names) > 1
    assert isinstance(text, str)


def test_a_file_of_that_very_name_wins(tmp_path: Path) -> None:
    odd = tmp_path / "'me'.jpg"
    odd.touch()
    assert dropped_path(str(odd)) == str(odd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("anna.jpg", "anton.PNG", "notes.txt", ".hidden.jpg", "bert one.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "album").mkdir()
    return tmp_path


def test_tab_goes_on_as_far_as_is_certain_and_names_the_rest(folder: Path) -> None:
    assert completed(f"{folder}/an") == (f"{folder}/an", ["anna.jpg", "anton.PNG"])
    assert completed(f"{folder}/ann") == (f"{folder}/anna.jpg", [])
    assert completed(f"{folder}/al") == (f"{folder}/album{os.sep}", [])
    assert completed(f"{folder}/zz") == (f"{folder}/zz", [])


def test_tab_proposes_photos_and_folders_unless_there_is_nothing_else(folder: Path) -> None:
    assert completed(f"{folder}/")[1] == [f"album{os.sep}", "anna.jpg", "anton.PNG", "bert one.jpg"]
    assert completed(f"{folder}/no")[0] == f"{folder}/notes.txt"
    assert completed(f"{folder}/.h")[0] == f"{folder}/.hidden.jpg"


def test_tab_goes_on_with_an_escaped_path(folder: Path) -> None:
    assert completed(f"{folder}/bert\\ o")[0] == f"{folder}/bert one.jpg"


def test_tab_works_in_the_folder_that_one_is_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert completed("") == ("", [f"album{os.sep}", "anna.jpg", "anton.PNG", "bert one.jpg"])
    assert completed("b")[0] == "bert one.jpg"
