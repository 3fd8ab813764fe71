"""Where results may go, and what is told where they may not."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import ExitCode, InputError, machine_error
from headswap_cli.folders import folders
from headswap_cli.render.progress import Live
from tests.loopback import HeadSwapService

if TYPE_CHECKING:
    from tests.conftest import Headswap

VIDEO = "https://example.com/a%20clip.mp4"
FACE = "https://example.com/me.jpg"
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX has pipes and devices")


@pytest.mark.parametrize("name", ["out.png", "out.JPG", "out.webm", "a/b.json"])
def test_a_name_of_another_kind_of_file_is_refused_before_anything_is_sent(
    cloud: Headswap, service: HeadSwapService, name: str
) -> None:
    for words in (("run", VIDEO, "--face", FACE), ("download", "a" * 24)):
        said = cloud(*words, "-o", name, "--force", code=2).err
        assert "MP4" in said
        assert f"{Path(name).stem}.mp4" in said
    assert service.requests == []


def test_a_name_without_an_ending_or_with_one_of_the_users_own_is_taken(cloud: Headswap) -> None:
    for name in ("out", "holiday.v2", "out.M4V"):
        assert cloud("run", VIDEO, "--face", FACE, "-o", name).out == f"{name}\n"


@posix
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_never_replaced(cloud: Headswap, service: HeadSwapService, kind: str) -> None:
    pipe = cloud.cwd / "pipe"
    os.mkfifo(pipe)
    target = pipe if kind == "pipe" else Path("/dev/null")
    said = cloud("run", VIDEO, "--face", FACE, "-o", target, "--force", code=2).err
    assert "-o -" in said
    assert service.requests == []
    assert not target.is_file()


@posix
def test_a_home_of_nobody_is_a_folder_that_is_not_there(cloud: Headswap, service: HeadSwapService) -> None:
    said = cloud("run", VIDEO, "--face", FACE, "-o", "~no-such-user/out.mp4", code=2).err
    assert "~no-such-user" in said
    assert "HEADSWAP_DATA_DIR" in cloud("status", "x", HEADSWAP_DATA_DIR="~no-such-user/d", code=2).err
    assert service.requests == []


@posix
def test_without_any_home_the_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def _nobody(_: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", _nobody)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="HOME is not set") as caught:
        folders({})
    assert "HEADSWAP_DATA_DIR" in (caught.value.hint or "")


def test_what_the_system_refuses_has_words_of_its_own(cloud: Headswap) -> None:
    said = cloud("status", "x", HEADSWAP_DATA_DIR=f"/tmp/{'n' * 300}", code=2).err
    assert "too long" in said
    assert "Make room" not in said
    error = cloud("status", "x", "--json", HEADSWAP_DATA_DIR=f"/tmp/{'n' * 300}", code=2).value["error"]
    assert "too long" in error["message"]


@pytest.mark.parametrize(
    ("number", "code", "hint"),
    [
        ("ENOSPC", ExitCode.SERVICE, "Make room"),
        ("EACCES", ExitCode.USAGE, "HEADSWAP_DATA_DIR"),
        ("EROFS", ExitCode.USAGE, "-o FILE"),
        ("EMFILE", ExitCode.SERVICE, "ulimit"),
        ("EIO", ExitCode.SERVICE, ""),
    ],
)
def test_a_refusal_of_the_system_has_the_hint_that_helps(number: str, code: ExitCode, hint: str) -> None:
    error = machine_error(OSError(getattr(errno, number), "no", "/some/file"))
    assert error.exit_code is code
    assert "/some/file" in error.message
    assert (hint in (error.hint or "")) if hint else error.hint is None


@posix
def test_a_name_that_a_terminal_would_obey_is_shown_harmlessly_and_given_to_scripts_as_it_is(
    cloud: Headswap,
) -> None:
    name = "a  b\x1b[31mred\x07.mp4"
    assert cloud("run", VIDEO, "--face", FACE, "-o", name).out == "a  bred.mp4\n"
    (cloud.cwd / name).unlink()
    assert cloud("run", VIDEO, "--face", FACE, "-o", name, "-q").out == f"{name}\n"


def test_a_file_of_the_users_own_beside_the_target_is_refused_before_anything_is_paid(
    cloud: Headswap, service: HeadSwapService
) -> None:
    part = cloud.cwd / "out.mp4.part"
    part.write_bytes(b"mine")
    assert "in the way" in cloud("run", VIDEO, "--face", FACE, "-o", "out.mp4", "--force", code=2).err
    assert part.read_bytes() == b"mine"
    assert service.requests == []


def test_a_result_that_does_not_play_is_not_saved(tmp_path: Path, headswap: Headswap) -> None:
    with HeadSwapService(result=b"<html>no video</html>" * 100) as service:
        env = {"HEADSWAP_BASE_URL": service.url, "HEADSWAP_API_KEY": service.api_key}
        ran = headswap("run", VIDEO, "--face", FACE, "-o", "out.mp4", code=1, **env)
    assert "out.mp4" not in {path.name for path in headswap.cwd.iterdir()}
    assert list(headswap.cwd.iterdir()) == []
    assert "play" in ran.err or "video" in ran.err


def test_live_notices_keep_what_looks_like_an_emoji_and_are_broken_between_words_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    path = tmp_path / "out"
    with path.open("w") as stream:
        live = Live(stream)
        live.notice(f":warning: {'x' * 60} :smile:")
        live.close()
    assert path.read_text().split() == [":warning:", "x" * 60, ":smile:"]
