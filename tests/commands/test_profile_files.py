"""Profiles and settings in files: what a project file may set, and files that are broken."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.commands.conftest import add_profile
from tests.conftest import Headswap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "hunter2"',
        'token = "hunter2"',
        'client_secret = "hunter2"',
        '"API-KEY" = "hunter2"',
        'base_url = "https://evil.example"',
        'profile = "work"',
        "[profiles.work]\nresolution = '480p'",
        'hosting = "command: sh -c evil {path}"',
        'hosting = "s3://shelf?endpoint=https://evil.example"',
        "resolution = 480",
        'resolution = "4k"',
        "resolution = ",
    ],
)
def test_a_project_file_can_not_redirect_a_key_or_run_anything(
    keyless: Headswap, service: HeadSwapService, line: str
) -> None:
    add_profile(keyless, service)
    before = len(service.requests)
    (keyless.cwd / "headswap.toml").write_text(f"# a cloned folder\n{line}\n")
    below = keyless.cwd / "a" / "b"
    below.mkdir(parents=True)
    done = subprocess.run(
        keyless.command("run", VIDEO, "--face", FACE),
        cwd=below,
        env=keyless.env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "headswap.toml" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
    assert len(service.requests) == before


def test_a_project_file_sets_defaults_for_what_lies_below_it(
    keyless: Headswap, service: HeadSwapService
) -> None:
    add_profile(keyless, service)
    (keyless.cwd / "headswap.toml").write_text('resolution = "480p"\noutput = "{stem}.mine.mp4"\n')
    assert keyless("run", VIDEO, "--face", FACE).out == "clip.mine.mp4\n"
    keyless("run", VIDEO, "--face", FACE, "--resolution", "720p", "-o", "other.mp4")
    assert [create.json["resolution"] for create in service.creates] == ["480p", "720p"]


def test_a_key_is_named_with_the_line_it_stands_on(keyless: Headswap) -> None:
    (keyless.cwd / "headswap.toml").write_text('# one\nmodel = "m"\napi_key = "hunter2"\n')
    assert "line 3" in keyless("profile", "show", code=2).err


@pytest.mark.parametrize(
    "text",
    [
        "profiles = 3",
        "[profiles]\nwork = 3",
        "[profiles.work]\nkey_in = 'pocket'",
        "default = 1",
        "\xff",
        "[",
    ],
)
def test_a_broken_profile_file_is_named(keyless: Headswap, config: Path, text: str) -> None:
    config.mkdir()
    (config / "profiles.toml").write_text(text, "latin-1")
    assert "profiles.toml" in keyless("profile", "list", code=2).err
    assert (
        "profiles.toml"
        in keyless("profile", "add", "x", "--api-key-stdin", "--no-verify", stdin="k", code=2).err
    )
    assert (config / "profiles.toml").read_text("latin-1") == text
