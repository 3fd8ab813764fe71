"""The file of profiles: what is written is read again, and what a person wrote stays."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import InputError
from headswap_cli.keys import Place
from headswap_cli.profiles import SETTINGS, ProfileFile, check_name, read_project
from headswap_cli.profiles.toml import is_secret

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)
VALUES = st.dictionaries(st.sampled_from(SETTINGS), st.text(st.characters(codec="utf-8"), max_size=50))


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_whatever_is_written_is_read_again(profiles: dict[str, dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = ProfileFile(Path(folder))
        for name, values in profiles.items():
            file.put(name, dict(values))
        read = file.read().by_name
        assert {name: dict(profile.values) for name, profile in read.items()} == profiles
        assert list(read) == list(profiles)


def test_an_edit_keeps_comments_order_and_what_others_wrote(tmp_path: Path) -> None:
    text = """# what I use
default = "work"  # at the office

[profiles.play]
resolution = "480p"   # small

[profiles.work]
# ask Ann for the bucket
hosting = "s3://shelf"
"""
    file = ProfileFile(tmp_path)
    file.path.write_text(text)
    file.put("work", {"model": "m"}, key_in=Place.FILE)
    file.put("work", {"model": None})
    file.use("play")
    assert file.path.read_text() == text.replace('default = "work"', 'default = "play"') + 'key_in = "file"\n'
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_removing_the_default_leaves_none(tmp_path: Path) -> None:
    file = ProfileFile(tmp_path)
    file.put("work", {"model": "m"})
    file.use("work")
    file.remove("work")
    assert (file.read().default, file.read().by_name) == (None, {})


def test_no_file_is_no_profile(tmp_path: Path) -> None:
    profiles = ProfileFile(tmp_path / "nowhere").read()
    assert profiles.names() == ["local", "akool"]
    assert profiles.get("akool") is not None
    assert profiles.get("work") is None


@pytest.mark.parametrize("line", ['api_key = "hunter2"', 'colour = "red"', "model = 3", "key_in = 'pocket'"])
def test_what_no_profile_can_say_is_named_without_its_value(tmp_path: Path, line: str) -> None:
    file = ProfileFile(tmp_path)
    file.path.write_text(f"[profiles.work]\n{line}\n")
    with pytest.raises(InputError, match=line.partition(" ")[0]) as caught:
        file.read()
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


@given(st.text(max_size=70))
def test_a_name_is_part_of_a_file_name_or_refused(name: str) -> None:
    try:
        checked = check_name(name)
    except InputError:
        return
    assert Path("keys", f"{checked}.token").name == f"{checked}.token"
    assert checked.isascii()


@pytest.mark.parametrize(
    "key",
    ["api_key", "API-KEY", "key", "token", "client_secret", "clientSecret", "AKOOL_API_KEY"],
)
def test_a_secret_is_known_by_its_name(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", SETTINGS)
def test_no_setting_is_a_secret(key: str) -> None:
    assert not is_secret(key)


def test_a_project_file_that_is_a_folder_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "headswap.toml").mkdir()
    with pytest.raises(InputError, match=r"headswap\.toml"):
        read_project(tmp_path)


def test_a_project_file_may_set_four_things(tmp_path: Path) -> None:
    (tmp_path / "headswap.toml").write_text(
        'resolution = "480p"\nmodel = "m"\nhosting = "s3://shelf"\noutput = "o.mp4"\n'
    )
    project = read_project(tmp_path)
    assert project is not None
    assert len(project.values) == 4
