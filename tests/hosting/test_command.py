"""Files handed to a program of the user's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from headswap_cli.errors import HostingError, InputError
from headswap_cli.hosting import open_host
from headswap_cli.hosting.command import CommandHost, is_web_url
from headswap_cli.hosting.setting import CommandSetting
from tests.hosting.conftest import CONTENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nanio import Nanio


def host_of(script: str, *, timeout_s: float = 30.0, **env: str) -> CommandHost:
    """Return a host whose program is a line of Python."""
    words = (sys.executable, "-c", script, "{path}", "{name}")
    return CommandHost(CommandSetting(words), env={**os.environ, **env}, timeout_s=timeout_s)


def test_the_last_line_is_the_url_byte_for_byte(clip: Path) -> None:
    host = host_of("print('progress...'); print('https://example.com/a%20b?s=x%2By&z=1')")
    assert host.publish(clip) == "https://example.com/a%20b?s=x%2By&z=1"


@pytest.mark.parametrize(
    "printed",
    ["", "done", "ftp://example.com/a", "https://", "https://exa mple.com", "http://[", "file:///x"],
)
def test_a_last_line_that_is_no_web_url_is_an_error(clip: Path, printed: str) -> None:
    with pytest.raises(HostingError, match="no http"):
        host_of(f"print({printed!r})").publish(clip)


def test_a_failure_shows_what_the_program_complained_about_without_signatures(clip: Path) -> None:
    script = "import sys; sys.exit('quota\\x1b[31m exceeded at https://s3.example/b?X-Amz-Signature=hunter2')"
    with pytest.raises(HostingError, match=r"ended with 1: quota exceeded at https://s3.example/b") as caught:
        host_of(script).publish(clip)
    assert "hunter2" not in caught.value.message


def test_a_program_that_hangs_is_stopped(clip: Path) -> None:
    with pytest.raises(HostingError, match="longer than"):
        host_of("import signal; signal.pause()", timeout_s=0.5).publish(clip)


def test_a_program_that_is_not_there_is_named(clip: Path) -> None:
    with pytest.raises(InputError, match="no-such-program"):
        CommandHost(CommandSetting(("no-such-program", "{path}"))).publish(clip)


def test_the_program_gets_the_users_environment_without_our_keys(clip: Path) -> None:
    script = (
        "import os; ours = [n for n in os.environ if 'HEADSWAP' in n or 'AKOOL' in n];"
        "print('https://example.com/' + os.environ['MINE'] + ','.join(ours))"
    )
    host = host_of(
        script,
        HEADSWAP_API_KEY="k",
        HEADSWAP_TOKEN="k",
        AKOOL_API_KEY="k",
        AKOOL_CLIENT_ID="k",
        AKOOL_CLIENT_SECRET="k",
        MINE="mine",
    )
    assert host.publish(clip) == "https://example.com/mine"


def test_the_program_is_told_an_absolute_path_and_a_name_by_content(clip: Path) -> None:
    script = "import sys, os; assert os.path.isabs(sys.argv[1]); print('https://example.com/' + sys.argv[2])"
    name = host_of(script).publish(clip).rpartition("/")[2]
    assert len(name) == 64 + len(".mp4")


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed: apt-get install rclone")
def test_rclone_uploads_and_gives_the_link(nanio: Nanio, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "rclone.conf").write_text(
        f"[shelf]\ntype = s3\nprovider = Other\nendpoint = {nanio.url}\nregion = us-east-1\n"
        f"access_key_id = {nanio.keys['AWS_ACCESS_KEY_ID']}\n"
        f"secret_access_key = {nanio.keys['AWS_SECRET_ACCESS_KEY']}\nforce_path_style = true\n"
    )
    script = 'rclone copyto "$0" "shelf:shelf/rclone/$1" && rclone link --expire 24h "shelf:shelf/rclone/$1"'
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
    env = {**own, "RCLONE_CONFIG": str(tmp_path / "rclone.conf")}
    host = open_host(f"command: sh -c '{script}' {{path}} {{name}}", httpx.Client, life_s=60.0, env=env)
    url = host.publish(clip)
    assert "X-Amz-Signature" in url
    assert httpx.get(url).content == CONTENT
    listed = subprocess.run(["rclone", "lsf", "shelf:shelf/rclone"], env=env, capture_output=True, check=True)
    assert len(listed.stdout.splitlines()) == 1


@pytest.mark.parametrize("url", ["http://a", "https://a.b/c?d=%20", "http://[::1]:9/x"])
def test_a_web_url_is_one(url: str) -> None:
    assert is_web_url(url)
