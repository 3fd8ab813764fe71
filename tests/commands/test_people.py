"""The people of a video, drawn where the user is; a table and nothing else for everybody else."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.origin import Answer, drip
from tests.render.test_drawing import difference, encoded, from_kitty, from_sixel, huge_png, picture
from tests.terminals import KITTY, SIXEL, Screen

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
VIDEO = "https://example.com/clip.mp4"
BLOCK = "▀"
HEADING = "PERSON  OBJ_ID  PREVIEW"


@pytest.fixture
def service(service: HeadSwapService) -> HeadSwapService:
    """The service, with two people whose pictures can be had."""
    service.people = 2
    for obj_id in range(2):
        service.media.files[f"{obj_id}.jpg"] = encoded(picture(200, 200 + 40 * obj_id), "JPEG")
    return service


def test_a_kitty_terminal_draws_each_person_beside_the_other(cloud: Headswap) -> None:
    with Screen(cloud, "analyze", VIDEO, answer=KITTY) as screen:
        assert screen.ended() == 0
    stream = screen.seen.decode()
    first, second = stream.split("\x1b7")[1:]
    image = from_kitty(first.split("\x1b8")[0])
    assert difference(image, picture(200, 200).resize(image.size)) < 6
    assert second.startswith("\x1b_Ga=T,")
    assert "\x1b[28C\x1b7" in stream
    assert HEADING in screen.text
    assert screen.text.index("person 2") < screen.text.index(HEADING)


def test_a_sixel_terminal_draws_the_same_picture(cloud: Headswap) -> None:
    with Screen(cloud, "analyze", VIDEO, answer=SIXEL) as screen:
        assert screen.ended() == 0
    drawn = screen.seen.decode().split("\x1b7")[1].split("\x1b8")[0]
    image = from_sixel(drawn)
    assert difference(image, picture(200, 200).resize(image.size)) < 8


@pytest.mark.parametrize("answer", [b"\x1b[?62;22c", None])
def test_any_other_terminal_draws_half_blocks_also_one_that_does_not_answer(
    cloud: Headswap, answer: bytes | None
) -> None:
    with Screen(cloud, "analyze", VIDEO, answer=answer) as screen:
        assert screen.ended() == 0
    assert screen.text.count(BLOCK) > 500
    lines = [line for line in screen.text.splitlines() if BLOCK in line]
    assert max(map(len, lines)) <= 80
    assert HEADING in screen.text


@pytest.mark.parametrize(
    ("flags", "env"),
    [
        (("--no-images",), {}),
        ((), {"NO_COLOR": "1"}),
        ((), {"TERM": "dumb"}),
        (("--json",), {}),
        (("--quiet",), {}),
    ],
)
def test_nothing_is_drawn_asked_or_fetched_where_nobody_wants_pictures(
    cloud: Headswap, service: HeadSwapService, flags: tuple[str, ...], env: dict[str, str]
) -> None:
    with Screen(cloud, "analyze", VIDEO, *flags, env=env) as screen:
        assert screen.ended() == 0
    assert BLOCK not in screen.text
    assert b"\x1b[c" not in screen.seen
    assert service.media.requests == []


def test_a_pipe_gets_the_table_without_a_byte_of_steering(
    cloud: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    out = tmp_path / "out.txt"
    with Screen(cloud, "analyze", VIDEO, stdout=out, answer=KITTY) as screen:
        assert screen.ended() == 0
    text = out.read_text()
    assert text.startswith(HEADING)
    assert "\x1b" not in text
    assert b"\x1b[c" not in screen.seen
    assert service.media.requests == []


def test_stdin_need_not_be_a_terminal_for_people_to_be_drawn(cloud: Headswap) -> None:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        cloud.command("analyze", VIDEO),
        cwd=cloud.cwd,
        env={**cloud.env, "TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert process.stderr
    process.stderr.close()
    assert seen.decode().count(BLOCK) > 500


HOSTILE = {
    "a PNG of 50,000 by 50,000 pixels": (huge_png(), "has 50000 x 50000 pixels"),
    "an SVG named .png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is not a picture"),
    "an HTML page": (b"<!doctype html><title>Sign in</title>", "is not a picture"),
    "half a picture": (encoded(picture(), "JPEG")[:900], "is damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_is_refused_and_the_table_and_the_other_picture_appear(
    cloud: Headswap, service: HeadSwapService, name: str
) -> None:
    content, said = HOSTILE[name]
    service.media.files["0.jpg"] = content
    with Screen(cloud, "analyze", VIDEO) as screen:
        assert screen.ended() == 0
    assert f"no picture of person 1: it {said}" in screen.text
    assert screen.text.count(BLOCK) > 300
    assert HEADING in screen.text


def test_a_page_that_says_it_is_one_is_not_even_read(cloud: Headswap, service: HeadSwapService) -> None:
    page = Answer(b"<html>" * 1000, headers={"Content-Type": "text/html"})
    service.media.script("/files/0.jpg", page)
    with Screen(cloud, "analyze", VIDEO, columns=200) as screen:
        assert screen.ended() == 0
    assert "is of the type text/html" in screen.text
    assert HEADING in screen.text


def test_a_picture_that_is_too_many_bytes_is_refused_by_its_length(
    cloud: Headswap, service: HeadSwapService
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 99999999999\r\n\r\n"
    service.media.script("/files/0.jpg", drip(head))
    with Screen(cloud, "analyze", VIDEO) as screen:
        assert screen.ended() == 0
    assert "larger than 16777216 bytes" in screen.text
    assert HEADING in screen.text


def test_a_picture_that_comes_drop_by_drop_is_given_up_and_the_table_appears(
    cloud: Headswap, service: HeadSwapService
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 100000\r\n\r\n"
    service.media.script("/files/0.jpg", drip(head))
    with Screen(cloud, "analyze", VIDEO) as screen:
        assert screen.ended() == 0
    assert "no picture of person 1: " in screen.text
    assert "stalled" in screen.text
    assert HEADING in screen.text


def test_escape_codes_in_the_name_of_a_video_reach_neither_terminal_nor_file_names(
    cloud: Headswap, service: HeadSwapService
) -> None:
    with Screen(
        cloud, "analyze", "https://example.com/\x1b]0;owned\x07\x1b[31mclip.mp4", "--previews", "p"
    ) as screen:
        assert screen.ended() == 0
    assert b"owned" not in screen.seen
    assert b"\x1b[31m" not in screen.seen
    assert [path.name for path in sorted((cloud.cwd / "p").iterdir())] == [
        "clip.person-1.jpg",
        "clip.person-2.jpg",
    ]


def opener(cloud: Headswap) -> tuple[str, Path]:
    """Return a PATH whose viewer writes down what it is to open, and the file it writes to."""
    folder, opened = cloud.folder / "bin", cloud.folder / "opened.txt"
    folder.mkdir()
    for name in ("xdg-open", "open"):
        (folder / name).write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}", opened


def lines_of(opened: Path, count: int) -> list[Path]:
    """Wait until so many paths were opened and return them."""
    give_up = time.monotonic() + 30
    while not (opened.exists() and opened.read_text().count("\n") == count):
        assert time.monotonic() < give_up
    return [Path(line) for line in opened.read_text().splitlines()]


def test_open_shows_each_person_in_the_viewer_from_private_files(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.media.files["1.jpg"] = b"<svg/>"
    path, opened = opener(cloud)
    ran = cloud("analyze", VIDEO, "--open", PATH=path)
    assert "no picture of person 2 was saved: it is not a picture" in ran.err
    (shown,) = lines_of(opened, 1)
    assert shown.name == "clip.person-1.jpg"
    assert stat.S_IMODE(shown.parent.stat().st_mode) == 0o700


def test_open_with_previews_opens_what_was_saved_there(cloud: Headswap, service: HeadSwapService) -> None:
    path, opened = opener(cloud)
    cloud("analyze", VIDEO, "--open", "--previews", "people", PATH=path)
    assert sorted(lines_of(opened, 2)) == sorted((cloud.cwd / "people").iterdir())


def test_a_system_without_a_viewer_says_so_after_the_table(cloud: Headswap, service: HeadSwapService) -> None:
    ran = cloud("analyze", VIDEO, "--open", code=1, PATH=str(cloud.folder))
    assert ran.out.startswith(HEADING)
    assert re.search(r"error: (xdg-)?open can't be run", ran.err)
    assert "HEADSWAP_VIEWER=PROGRAM headswap analyze VIDEO --open" in ran.err
