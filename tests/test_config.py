"""Which settings apply, where they come from, and that a key never shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from headswap_cli import config
from headswap_cli.errors import AuthError, InputError
from headswap_cli.folders import Folders, folders
from headswap_cli.keys import FileStore, Place, Secret
from headswap_cli.models import Backend
from headswap_cli.profiles import ProfileFile


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment that leads to an empty folder for settings."""
    return {"HEADSWAP_CONFIG_DIR": str(tmp_path / "config")}


@pytest.fixture
def work(env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same, with a profile ``work`` that has a key and sets everything."""
    file = ProfileFile(tmp_path / "config")
    values = {"base_url": "https://work.example", "hosting": "s3://work", "resolution": "480p"}
    file.put("work", {**values, "model": "work-model", "output": "work.mp4"}, key_in=Place.FILE)
    FileStore(tmp_path / "config" / "keys").save("work", Secret.API_KEY, "work-key")
    return env


def test_without_a_key_the_local_engine_is_the_default(env: dict[str, str]) -> None:
    assert config.resolve(env=env).backend is Backend.LOCAL


@pytest.mark.parametrize("variable", ["HEADSWAP_API_KEY", "AKOOL_API_KEY", "HEADSWAP_TOKEN"])
def test_a_key_in_the_environment_makes_the_cloud_the_default(env: dict[str, str], variable: str) -> None:
    settings = config.resolve(env={**env, variable: "k1"})
    assert (settings.profile, settings.base_url) == ("akool", "https://openapi.akool.com")


def test_the_flag_wins_over_the_environment_and_that_over_what_is_remembered(env: dict[str, str]) -> None:
    keyed = {**env, "HEADSWAP_API_KEY": "k1"}
    named = {**keyed, "HEADSWAP_PROFILE": "akool"}
    assert config.resolve("local", remembered="akool", env=named).profile == "local"
    assert config.resolve(remembered="local", env=named).profile == "akool"
    assert config.resolve(remembered="local", env=keyed).profile == "local"


def test_a_key_in_the_environment_wins_over_the_profile_in_use(work: dict[str, str], tmp_path: Path) -> None:
    ProfileFile(tmp_path / "config").use("work")
    assert config.resolve(env=work).profile == "work"
    assert config.resolve(env={**work, "HEADSWAP_API_KEY": "k1"}).profile == "akool"


def test_every_setting_comes_from_the_first_source_that_has_it(work: dict[str, str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "headswap.toml").write_text('hosting = "s3://project"\nresolution = "720p"\n')
    variables = {**work, "HEADSWAP_HOSTING": "s3://environment"}
    found = config.survey("work", env=variables, folder=project)
    sources = {name: value.source.split()[0] for name, value in found.values.items()}
    assert sources == {
        "base_url": "profile",
        "hosting": "environment",
        "resolution": "project",
        "model": "profile",
        "output": "profile",
    }
    assert found["hosting"] == "s3://environment"
    assert config.preferences(found) == config.Preferences("720p", "work-model", "work.mp4")
    assert config.survey("akool", env=work, folder=tmp_path).values["model"].source == "default"


def test_a_project_file_is_found_from_below_and_the_nearest_counts(
    env: dict[str, str], tmp_path: Path
) -> None:
    below = tmp_path / "a" / "b" / "c"
    below.mkdir(parents=True)
    (tmp_path / "headswap.toml").write_text('model = "far"\noutput = "far.mp4"\n')
    assert config.survey(env=env, folder=below)["model"] == "far"
    (tmp_path / "a" / "headswap.toml").write_text('model = "near"\n')
    assert config.survey(env=env, folder=below)["model"] == "near"
    assert config.survey(env=env, folder=below)["output"] is None


def test_the_environment_has_its_key_used_with_any_cloud_profile(work: dict[str, str]) -> None:
    settings = config.resolve("work", env={**work, "HEADSWAP_API_KEY": "k1"})
    assert (settings.api_key, settings.base_url) == ("k1", "https://work.example")
    assert config.resolve("work", env=work).api_key == "work-key"


def test_only_one_proof_is_ever_in_use(env: dict[str, str]) -> None:
    proofs = {"HEADSWAP_API_KEY": "k1", "HEADSWAP_TOKEN": "t1"}
    pair = {"AKOOL_CLIENT_ID": "id", "AKOOL_CLIENT_SECRET": "s1"}
    settings = config.resolve(env={**env, **proofs, **pair})
    assert (settings.api_key, settings.token, settings.client_secret) == ("k1", None, None)
    settings = config.resolve(env={**env, **pair})
    assert (settings.api_key, settings.token) == (None, None)
    assert (settings.client_id, settings.client_secret) == ("id", "s1")


def test_a_client_secret_alone_is_an_api_key(env: dict[str, str]) -> None:
    assert config.resolve(env={**env, "AKOOL_CLIENT_SECRET": "s1"}).api_key == "s1"


@pytest.mark.parametrize(
    "variable", ["HEADSWAP_API_KEY", "HEADSWAP_TOKEN", "AKOOL_API_KEY", "AKOOL_CLIENT_SECRET"]
)
def test_settings_never_show_a_secret(env: dict[str, str], variable: str) -> None:
    given = {**env, variable: "sesame", "AKOOL_CLIENT_ID": "id"}
    assert "sesame" not in repr(config.resolve(env=given))
    assert "sesame" not in repr(config.survey(env=given))


def test_a_cloud_profile_without_a_key_is_an_auth_error_with_the_ways_out(env: dict[str, str]) -> None:
    with pytest.raises(AuthError, match="API key") as caught:
        config.resolve("akool", env=env)
    assert "headswap profile add akool" in (caught.value.hint or "")


def test_an_unknown_profile_is_named_beside_those_there_are(work: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"'nobody'.*local, akool, work"):
        config.resolve("nobody", env=work)


def test_every_folder_can_be_moved(tmp_path: Path) -> None:
    env = {f"HEADSWAP_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "CACHE")}
    assert folders(env) == Folders(tmp_path / "CONFIG", tmp_path / "DATA", tmp_path / "CACHE")


def test_the_platforms_folders_are_the_default() -> None:
    places = folders({})
    assert all("headswap" in str(place) for place in (places.config, places.data, places.cache))
