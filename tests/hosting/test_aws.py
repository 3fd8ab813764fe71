"""Keys and region as the AWS tools know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.hosting.aws import aws_config

if TYPE_CHECKING:
    from pathlib import Path

IN_FILE = {"aws_access_key_id": "file-id", "aws_secret_access_key": "file-secret"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(
        "[default]\naws_access_key_id = file-id\naws_secret_access_key = file-secret\n"
        "[work]\naws_access_key_id = work-id\naws_secret_access_key = %work%\naws_session_token = t\n"
    )
    (tmp_path / ".aws/config").write_text(
        "[default]\nregion = eu-west-1\n[profile work]\nregion = eu-north-1\nendpoint_url = https://s3.example\n"
    )
    return tmp_path


def test_the_files_of_the_aws_tools_are_read(home: Path) -> None:
    assert aws_config({"HOME": str(home)}) == {**IN_FILE, "aws_region": "eu-west-1"}
    assert aws_config({"HOME": str(home), "AWS_PROFILE": "work"}) == {
        "aws_access_key_id": "work-id",
        "aws_secret_access_key": "%work%",
        "aws_session_token": "t",
        "aws_region": "eu-north-1",
        "aws_endpoint_url_s3": "https://s3.example",
    }


def test_variables_win_over_the_files_and_are_never_mixed_with_them(home: Path) -> None:
    env = {"HOME": str(home), "AWS_ACCESS_KEY_ID": "own-id", "AWS_REGION": "us-west-2"}
    assert aws_config(env) == {"aws_access_key_id": "own-id", "aws_region": "us-west-2"}


def test_a_role_stands_in_for_keys(home: Path) -> None:
    env = {"HOME": str(home), "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/token"}
    assert aws_config(env) == {"aws_region": "eu-west-1"}


@pytest.mark.parametrize(
    "content", [b"", b"no section", b"[default\n", b"\xff\xfe", b"[default]\n[default]\n"]
)
def test_a_broken_file_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken").write_bytes(content)
    broken = str(tmp_path / "broken")
    assert aws_config({"AWS_SHARED_CREDENTIALS_FILE": broken, "AWS_CONFIG_FILE": broken}) == {}
