"""Which settings apply, and that a key never shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from headswap_cli import config
from headswap_cli.errors import AuthError, InputError
from headswap_cli.models import Backend


def test_without_a_key_the_local_engine_is_the_default() -> None:
    assert config.resolve(env={}).backend is Backend.LOCAL


@pytest.mark.parametrize("variable", ["HEADSWAP_API_KEY", "AKOOL_API_KEY", "HEADSWAP_TOKEN"])
def test_a_key_in_the_environment_makes_the_cloud_the_default(variable: str) -> None:
    settings = config.resolve(env={variable: "k1"})
    assert (settings.profile, settings.base_url) == ("akool", "https://openapi.akool.com")


def test_the_flag_wins_over_the_environment_and_that_over_what_is_remembered() -> None:
    env = {"HEADSWAP_PROFILE": "akool", "HEADSWAP_API_KEY": "k1"}
    assert config.resolve("local", remembered="akool", env=env).profile == "local"
    assert config.resolve(remembered="local", env=env).profile == "akool"
    assert config.resolve(remembered="local", env={"HEADSWAP_API_KEY": "k1"}).profile == "local"


def test_key_and_token_are_never_both_in_use() -> None:
    settings = config.resolve(env={"HEADSWAP_API_KEY": "k1", "HEADSWAP_TOKEN": "t1"})
    assert (settings.api_key, settings.token) == ("k1", None)


def test_settings_never_show_the_key() -> None:
    assert "sesame" not in repr(config.resolve(env={"HEADSWAP_API_KEY": "sesame"}))
    assert "sesame" not in repr(config.resolve(env={"HEADSWAP_TOKEN": "sesame"}))


def test_a_cloud_profile_without_a_key_is_an_auth_error() -> None:
    with pytest.raises(AuthError, match="API key"):
        config.resolve("akool", env={})


def test_an_unknown_profile_is_named_beside_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'nobody'.*local, akool"):
        config.resolve("nobody", env={})


def test_every_folder_can_be_moved(tmp_path: Path) -> None:
    env = {f"HEADSWAP_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "CACHE")}
    assert config.folders(env) == config.Folders(tmp_path / "CONFIG", tmp_path / "DATA", tmp_path / "CACHE")


def test_the_platforms_folders_are_the_default() -> None:
    places = config.folders({})
    assert all("headswap" in str(place) for place in (places.config, places.data, places.cache))
