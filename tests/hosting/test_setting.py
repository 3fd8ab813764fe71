"""What the setting ``hosting`` may say."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import InputError
from headswap_cli.hosting import parse_hosting
from headswap_cli.hosting.setting import CommandSetting, ObjectStoreSetting


def test_an_address_names_store_bucket_prefix_and_options() -> None:
    text = "s3://shelf/a%20b/c/?endpoint=https://s3.example.com:9000&region=eu-west-1&cleanup=yes"
    assert parse_hosting(text) == ObjectStoreSetting(
        "s3", "shelf", "a b/c", "https://s3.example.com:9000", "eu-west-1", None, cleanup=True
    )
    assert parse_hosting("gs://shelf") == ObjectStoreSetting("gs", "shelf", "")
    assert parse_hosting("az://box/p?account=mine") == ObjectStoreSetting("az", "box", "p", account="mine")


def test_a_command_is_split_into_words_as_a_shell_would() -> None:
    setting = parse_hosting("command: up --to 'my remote' {path} {name}")
    assert setting == CommandSetting(("up", "--to", "my remote", "{path}", "{name}"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shelf",
        "ftp://shelf",
        "https://shelf.example.com",
        "s3://",
        "s3:///prefix",
        "s3://key:hunter2@shelf",
        "s3://shelf#hunter2",
        "s3://shelf?secret_access_key=hunter2",
        "s3://shelf?region",
        "s3://shelf?region=",
        "s3://shelf?cleanup=perhaps",
        "s3://[shelf",
        "command:",
        "command: upload",
        "command: upload '{path}",
        "command: sh -c 'upload {path}'",
        "command: bash -lc 'upload {path}' {name}",
    ],
)
def test_what_is_not_understood_is_refused_with_a_way_to_write_it(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_hosting(text)
    assert caught.value.hint or "quote" in caught.value.message
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


@given(st.text())
def test_any_text_is_a_setting_or_an_input_error(text: str) -> None:
    for prefix in ("", "command:", "s3://", "s3://b?"):
        with suppress(InputError):
            parse_hosting(prefix + text)
