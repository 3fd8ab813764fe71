"""``run`` without a face on a terminal: people and photos are chosen by keys, and nothing is paid unasked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from headswap_cli.commands.picking import command_of
from headswap_cli.models import FaceMapping
from headswap_cli.render.keys import is_foreground
from tests.clips import plain_photo
from tests.render.test_drawing import encoded, picture
from tests.terminals import Screen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
DOWN, ESCAPE, CONTROL_C = "\x1b[B", "\x1b", "\x03"


@pytest.fixture
def service(service: HeadSwapService) -> HeadSwapService:
    """The service, with two people whose pictures can be had."""
    service.people = 2
    for obj_id in range(2):
        service.media.files[f"{obj_id}.jpg"] = encoded(picture(200, 240), "JPEG")
    return service


def sent(service: HeadSwapService) -> list[tuple[int, str]]:
    """Return the API's numbers and the photos of what was paid for."""
    made = [mapping for create in service.creates for mapping in create.json["mappings"]]
    return [(mapping["obj_id"], mapping["img_url"]) for mapping in made]


def test_the_person_is_pointed_at_and_the_command_for_next_time_is_told(
    cloud: Headswap, service: HeadSwapService
) -> None:
    with Screen(cloud, "run", VIDEO, columns=120) as screen:
        screen.until("Who gets another head?")
        assert "▀" in screen.text
        assert service.creates == []
        screen.press(DOWN + " ")
        screen.until("> [x] person 2 (obj_id 1)")
        screen.press("\r")
        screen.until("The photo for person 2")
        screen.press(f"{FACE}\r")
        assert screen.ended() == 0
    assert sent(service) == [(1, FACE)]
    assert f"next time: headswap run --face 2={FACE} {VIDEO}" in screen.text
    assert "clip.headswap.mp4" in screen.text


def test_each_of_several_people_gets_a_photo(cloud: Headswap, service: HeadSwapService) -> None:
    with Screen(cloud, "run", VIDEO) as screen:
        screen.until("Who gets another head?")
        screen.press("a\r")
        screen.until("The photo for person 1")
        screen.press(f"{FACE}\r")
        screen.until("The photo for person 2")
        screen.press(f"{FACE}?2\r")
        assert screen.ended() == 0
    assert sent(service) == [(0, FACE), (1, f"{FACE}?2")]


@pytest.mark.parametrize("answers", [(ESCAPE,), (CONTROL_C,), ("\r", ESCAPE), ("\r", CONTROL_C)])
def test_escape_and_control_c_leave_with_130_the_list_and_nothing_paid(
    cloud: Headswap, service: HeadSwapService, answers: tuple[str, ...]
) -> None:
    with Screen(cloud, "run", VIDEO, columns=200) as screen:
        for question, answer in zip(("Who gets", "The photo"), answers, strict=False):
            screen.until(question)
            screen.press(answer)
        assert screen.ended() == 130
    told = "Stopped. Nothing was paid. People in the video: 1 (obj_id 0), 2 (obj_id 1). Go on: headswap swap "
    assert told in screen.text
    assert "error" not in screen.text
    assert service.creates == []


def test_keys_typed_before_the_question_answer_nothing(cloud: Headswap, service: HeadSwapService) -> None:
    with Screen(cloud, "run", VIDEO) as screen:
        screen.press(f"\r{FACE}\r")
        screen.until("Who gets")
        screen.press(ESCAPE)
        assert screen.ended() == 130
    assert service.creates == []


def test_the_terminal_is_left_as_it_was(cloud: Headswap) -> None:
    with Screen(cloud, "run", VIDEO) as screen:
        screen.until("Who gets")
        screen.press(ESCAPE)
        screen.ended()
        said = screen.seen.decode()
        assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")
        assert said.rindex("\x1b[?2004l") > said.rindex("\x1b[?2004h")


def test_a_dropped_file_with_a_space_is_taken_and_one_that_is_no_photo_is_told(
    local_like: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    photo = plain_photo(tmp_path / "my photo.png")
    (tmp_path / "no.png").write_text("no picture")
    with Screen(local_like, "run", VIDEO, "--dry-run", columns=120) as screen:
        screen.until("Who gets")
        screen.press("\r")
        screen.until("The photo for person 1")
        screen.press(f"{tmp_path}/no.png\r")
        screen.until("is not a picture")
        screen.press(b"\x15\x1b[200~'" + str(photo).encode() + b"' \x1b[201~\r")
        screen.until("next time: ")
        screen.ended()
    assert f"'1={photo}'" in re.sub(r"\r\n", "", screen.text)


@pytest.fixture
def local_like(cloud: Headswap, tmp_path: Path) -> Headswap:
    """The program with a place for local files: a command that makes up a URL."""
    script = tmp_path / "host.sh"
    script.write_text("#!/bin/sh\necho https://files.example.com/$2\n")
    script.chmod(0o755)
    cloud.env["HEADSWAP_HOSTING"] = f"command: {script} {{path}} {{name}}"
    return cloud


@pytest.mark.parametrize("flags", [("--json",), ("--quiet",)])
def test_nobody_is_asked_where_a_script_reads(
    cloud: Headswap, service: HeadSwapService, flags: tuple[str, ...]
) -> None:
    with Screen(cloud, "run", VIDEO, *flags) as screen:
        assert screen.ended() == 2
    assert "Who gets" not in screen.text
    assert service.creates == []


def test_nobody_is_asked_without_a_terminal_for_the_keys(cloud: Headswap, service: HeadSwapService) -> None:
    ran = cloud("run", VIDEO, code=2)
    assert "No face was given" in ran.err
    assert "Who gets" not in ran.err
    assert service.creates == []


def test_a_video_with_nobody_in_it_asks_nothing(cloud: Headswap, service: HeadSwapService) -> None:
    service.people = 0
    with Screen(cloud, "run", VIDEO) as screen:
        assert screen.ended() == 2
    assert "Nobody was found in the video" in screen.text


def test_the_command_for_next_time_is_quoted_for_a_shell() -> None:
    faces = (FaceMapping("my photo.jpg", person=2), FaceMapping("b.jpg", person=1))
    assert command_of(faces, ["run", "clip.mp4", "-o", "a b.mp4"]) == (
        "headswap run --face '2=my photo.jpg' --face 1=b.jpg clip.mp4 -o 'a b.mp4'"
    )


class Tmux:
    """A tmux of its own with one window, driven by its command line."""

    def __init__(self, folder: Path, columns: int, env: dict[str, str]) -> None:
        self._socket = folder / "tmux"
        self._env = {**env, "TERM": "xterm-256color"}
        self("new-session", "-d", "-x", str(columns), "-y", "40", "sh")

    def __call__(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", os.devnull, *arguments]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, check=True).stdout

    def until(self, text: str) -> str:
        """Wait until the screen shows a text; return the screen."""
        give_up = time.monotonic() + 60
        while text not in (shown := self("capture-pane", "-p", "-J")):
            assert time.monotonic() < give_up, shown
        return shown


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize("columns", [80, 120])
def test_in_tmux_the_people_stand_beside_one_another_above_the_question(
    cloud: Headswap, service: HeadSwapService, tmp_path: Path, columns: int
) -> None:
    tmux = Tmux(tmp_path, columns, {name: value for name, value in cloud.env.items() if name != "COLUMNS"})
    try:
        tmux("send-keys", f"cd {cloud.cwd}; {sys.executable} -m headswap_cli run {VIDEO}", "Enter")
        shown = tmux.until("Who gets another head?").splitlines()
        tmux("send-keys", "Down", "Space", "Enter")
        tmux.until("The photo for person 2")
        tmux("send-keys", FACE, "Enter")
        end = tmux.until("next time: headswap run")
        tmux.until("clip.headswap.mp4")
    finally:
        tmux("kill-server")
    drawn = [line for line in shown if "▀" in line]
    assert len(drawn) >= 10
    assert all(re.fullmatch(r"▀+ {2,}▀+\s*", line) for line in drawn)
    assert max(map(len, drawn)) <= columns
    caption = next(line for line in shown if line.startswith("person 1"))
    assert caption.index("person 2") == drawn[0].rindex(" ") + 1
    assert sent(service) == [(1, FACE)]
    # Nothing of the questions is left.
    assert "Who gets" not in end
    assert "person 2: https://example.com/me.jpg" in end


def test_a_terminated_picker_leaves_the_terminal_as_it_was(cloud: Headswap, service: HeadSwapService) -> None:
    with Screen(cloud, "run", VIDEO) as screen:
        screen.until("Who gets")
        screen.process.terminate()
        assert screen.ended() == 143
    assert screen.seen.rindex(b"\x1b[?25h") > screen.seen.rindex(b"\x1b[?25l")
    assert service.creates == []


def test_a_terminal_that_is_not_ones_own_is_not_asked() -> None:
    ours, theirs = os.openpty()
    with open(theirs) as terminal:  # noqa: PTH123
        assert not is_foreground(terminal)
    os.close(ours)
