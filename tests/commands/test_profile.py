"""Profiles, as users make and use them."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import BALANCE_PATH, TOKEN_PATH
from tests.commands.conftest import add_profile
from tests.conftest import Headswap
from tests.origin import Answer, Origin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"


def test_a_profile_is_added_once_its_key_has_opened_the_balance(
    keyless: Headswap, service: HeadSwapService
) -> None:
    service.credit = 12.5
    ran = add_profile(keyless, service, "--json")
    assert ran.value == {
        "profile": "work",
        "backend": "akool",
        "default": True,
        "key_in": "file",
        "base_url": service.url,
        "client_id": None,
        "hosting": None,
        "credits": 12.5,
    }
    assert [request.path for request in service.requests] == [BALANCE_PATH]


def test_a_profile_works_without_any_variable(keyless: Headswap, service: HeadSwapService) -> None:
    add_profile(keyless, service)
    ran = keyless("run", VIDEO, "--face", FACE)
    assert "backend: akool (profile work)" in ran.err
    assert len(service.creates) == 1
    assert all(request.headers["x-api-key"] == service.api_key for request in service.requests)


def test_a_wrong_key_is_exit_10_and_nothing_is_kept(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    arguments = ("profile", "add", "work", "--api-key-stdin", "--base-url", service.url)
    ran = keyless(*arguments, stdin="wrong-key-123", code=10)
    assert "Nothing was kept" in ran.err
    assert "hint: Nothing was kept. To keep it untried: --no-verify" in ran.err
    assert not config.exists()


def test_the_key_is_tried_where_the_environment_says_the_service_is(
    keyless: Headswap, service: HeadSwapService
) -> None:
    arguments = ("profile", "add", "work", "--api-key-stdin", "--json")
    assert keyless(*arguments, stdin=service.api_key, HEADSWAP_BASE_URL=service.url).value["credits"] == 100.0


def test_no_verify_sends_nothing(keyless: Headswap, service: HeadSwapService) -> None:
    assert "not checked" in add_profile(keyless, service, "--no-verify").out
    assert service.requests == []


@pytest.mark.parametrize("stdin", ["", "  \n", "two words", "kéy", "a\nb"])
def test_a_key_that_is_none_is_refused(keyless: Headswap, config: Path, stdin: str) -> None:
    ran = keyless("profile", "add", "work", "--api-key-stdin", "--no-verify", stdin=stdin, code=None)
    assert ran.code in {2, 10}
    assert not config.exists()


def test_without_a_terminal_or_stdin_the_way_to_give_the_key_is_named(keyless: Headswap) -> None:
    assert "--api-key-stdin" in keyless("profile", "add", "work", code=2).err


def test_a_key_is_asked_for_on_a_terminal_and_not_shown(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    controller, terminal = pty.openpty()
    command = keyless.command("profile", "add", "work", "--base-url", service.url)
    with subprocess.Popen(
        command,
        cwd=keyless.cwd,
        env=keyless.env,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        shown = b""
        while b"API key of work" not in shown:
            shown += os.read(controller, 1024)
        until = time.monotonic() + 10
        os.write(controller, service.api_key.encode() + b"\n")
        while time.monotonic() < until:
            try:
                shown += os.read(controller, 1024)
            except OSError:
                break
        assert process.wait(10) == 0, shown
    os.close(controller)
    assert service.api_key.encode() not in shown
    assert (config / "keys/work.api_key").read_text().strip() == service.api_key


def test_keys_and_profiles_are_for_the_owner_alone(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in config.rglob("*")}
    assert modes == {"profiles.toml": 0o600, "keys": 0o700, "work.api_key": 0o600}
    assert service.api_key not in (config / "profiles.toml").read_text()


def test_the_first_profile_is_the_default_and_use_changes_that(
    keyless: Headswap, service: HeadSwapService
) -> None:
    add_profile(keyless, service)
    add_profile(keyless, service, name="other")
    assert keyless("profile", "show", "-q").out == "work\n"
    keyless("profile", "use", "other")
    assert keyless("profile", "show", "-q").out == "other\n"
    assert keyless("profile", "show", "-q", HEADSWAP_PROFILE="work").out == "work\n"
    assert keyless("profile", "show", "-q", "-p", "local", HEADSWAP_PROFILE="work").out == "local\n"
    assert keyless("profile", "show", "-q", HEADSWAP_API_KEY="key-of-the-shell").out == "akool\n"


def test_list_is_an_array_newest_first(keyless: Headswap, service: HeadSwapService) -> None:
    add_profile(keyless, service)
    add_profile(keyless, service, name="other")
    assert keyless("profile", "list", "-q").out.split() == ["other", "work", "akool", "local"]
    values = keyless("profile", "list", "--json").value
    assert [value["profile"] for value in values if value["default"]] == ["work"]
    assert service.api_key not in json.dumps(values)


def test_show_tells_each_values_source_and_masks_the_key(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service, "--hosting", "s3://shelf/p")
    (keyless.cwd / "headswap.toml").write_text('resolution = "480p"\n')
    value = keyless("profile", "show", "--json", HEADSWAP_HOSTING="gs://other").value
    assert {name: (each["value"], each["source"]) for name, each in value["settings"].items()} == {
        "base_url": (service.url, f"profile {config / 'profiles.toml'}"),
        "hosting": ("gs://other", "environment HEADSWAP_HOSTING"),
        "resolution": ("480p", f"project {keyless.cwd / 'headswap.toml'}"),
        "model": ("akool-premium", "default"),
        "output": (None, "default"),
        "api_key": ("****", "file"),
    }
    ran = keyless("profile", "show", HEADSWAP_API_KEY="secret-of-the-environment")
    assert "environment HEADSWAP_API_KEY" in ran.out
    assert "secret-of-the-environment" not in ran.out + ran.err


def test_set_changes_and_takes_out_and_keeps_comments(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service)
    file = config / "profiles.toml"
    file.write_text(f"# my profiles\n{file.read_text()}# the end\n")
    keyless("profile", "set", "work", "resolution=480p", "hosting=s3://shelf")
    keyless("profile", "set", "work", "hosting=")
    text = file.read_text()
    assert text.startswith("# my profiles\n")
    assert "# the end" in text
    assert 'resolution = "480p"' in text
    assert "hosting" not in text
    assert keyless("run", VIDEO, "--face", FACE, "--json").code == 0
    assert service.creates[0].json["resolution"] == "480p"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("api_key=hunter2hunter2", "never an argument"),
        ("token=hunter2hunter2", "never an argument"),
        ("client-secret=hunter2hunter2", "never an argument"),
        ("colour=red", "no setting"),
        ("resolution", "no setting"),
        ("resolution=4k", "does not exist"),
        ("base_url=http://example.com", "plain http"),
        ("base_url=https://me:hunter2hunter2@example.com", "holds a password"),
        ("hosting=ftp://x", "not understood"),
        ("output=a\x1bb", "can't be printed"),
    ],
)
def test_what_can_not_be_set_is_exit_2(
    keyless: Headswap, service: HeadSwapService, config: Path, word: str, said: str
) -> None:
    add_profile(keyless, service)
    before = (config / "profiles.toml").read_text()
    ran = keyless("profile", "set", "work", word, code=2)
    assert said in ran.err
    assert "hunter2" not in ran.err
    assert (config / "profiles.toml").read_text() == before


def test_a_new_key_replaces_the_old_one_and_is_tried_first(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service)
    keyless("profile", "set", "work", "--api-key-stdin", stdin="wrong", code=10)
    assert (config / "keys/work.api_key").read_text().strip() == service.api_key
    service.api_key = "key-new-0123456789"
    keyless("profile", "set", "work", "--api-key-stdin", stdin=service.api_key)
    assert keyless("credits").out == "100\n"


def test_remove_forgets_the_profile_and_its_key(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service)
    keyless("profile", "remove", "work")
    assert [path.name for path in config.rglob("*") if path.is_file()] == ["profiles.toml"]
    assert "work" not in (config / "profiles.toml").read_text()
    assert keyless("profile", "show", "-q").out == "local\n"
    keyless("profile", "remove", "work", code=2)


def test_a_built_in_profile_stays_and_only_what_was_set_in_it_is_removed(keyless: Headswap) -> None:
    keyless("profile", "set", "local", "resolution=480p")
    said = keyless("profile", "remove", "local").out
    assert said == "The profile local is built in and stays; what was set in it was removed.\n"
    assert "480p" not in keyless("profile", "show", "local").out
    said = keyless("profile", "remove", "local", code=2).err
    assert "The profile local is built in and cannot be removed; nothing was set in it." in said


@pytest.mark.parametrize("name", ["local", "WORK", "a b", "../x", "", "-x", "x" * 65, "ü"])
def test_a_name_that_is_taken_or_none_is_refused(
    keyless: Headswap, service: HeadSwapService, name: str
) -> None:
    add_profile(keyless, service)
    keyless("profile", "add", "--api-key-stdin", "--no-verify", "--", name, stdin="k", code=2)


def test_the_built_in_cloud_profile_can_be_given_a_key(keyless: Headswap, service: HeadSwapService) -> None:
    add_profile(keyless, service, name="akool")
    assert keyless("credits").out == "100\n"


def test_a_client_id_gets_a_bearer_token_that_is_kept_for_the_next_command(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service, "--client-id", service.client_id)
    keyless("credits")
    keyless("credits")
    assert len(service.sent("POST", TOKEN_PATH)) == 2, "one to try the secret, one to keep"
    assert {path.name for path in (config / "keys").iterdir()} == {"work.client_secret", "work.token"}
    for request in service.sent("GET", BALANCE_PATH):
        assert request.headers["authorization"] == f"Bearer {service.token}"
        assert "x-api-key" not in request.headers


def test_a_token_that_was_revoked_is_fetched_again_once(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service, "--client-id", service.client_id)
    keyless("credits")
    service.token = "token.new"
    assert keyless("run", VIDEO, "--face", FACE).code == 0
    assert keyless("credits").code == 0
    assert len(service.sent("POST", TOKEN_PATH)) == 3
    assert len(service.creates) == 1
    assert stat.S_IMODE((config / "keys/work.token").stat().st_mode) == 0o600


def test_the_vendors_own_variables_are_understood(keyless: Headswap, service: HeadSwapService) -> None:
    keyless.env["HEADSWAP_BASE_URL"] = service.url
    pair = (service.client_id, service.api_key)
    assert keyless("credits", AKOOL_CLIENT_ID=pair[0], AKOOL_CLIENT_SECRET=pair[1]).out == "100\n"
    assert "authorization" in service.requests[-1].headers
    for variable in ("AKOOL_API_KEY", "AKOOL_CLIENT_SECRET"):
        keyless.env[variable] = service.api_key
        assert keyless("credits").out == "100\n"
        del keyless.env[variable]
        assert "x-api-key" in service.requests[-1].headers
    assert keyless("credits", HEADSWAP_TOKEN=service.token).out == "100\n"


def test_a_key_that_was_deleted_by_hand_is_exit_10_with_the_way_to_give_it_again(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service)
    (config / "keys/work.api_key").unlink()
    assert "headswap profile set work --api-key-stdin" in keyless("credits", code=10).err


def test_a_key_file_that_others_can_read_is_closed(
    keyless: Headswap, service: HeadSwapService, config: Path
) -> None:
    add_profile(keyless, service)
    file = config / "keys/work.api_key"
    file.chmod(0o644)
    keyless("credits")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_credits_are_digits_alone_and_json(keyless: Headswap, service: HeadSwapService) -> None:
    keyless.env |= {"HEADSWAP_API_KEY": service.api_key, "HEADSWAP_BASE_URL": service.url}
    service.credit = 1234567.25
    assert keyless("credits").out == "1234567.25\n"
    assert keyless("credits", "-q").out == "1234567.25\n"
    assert keyless("credits", "--json").value == {"profile": "akool", "credits": 1234567.25}
    service.script(BALANCE_PATH, Answer({"code": 1101, "msg": "invalid"}))
    assert keyless("credits", "--json", code=10).value["error"]["code"] == "auth"


def test_credits_of_the_local_engine_are_exit_2_and_start_nothing(keyless: Headswap) -> None:
    assert "free of charge" in keyless("credits", code=2).err
    assert not (keyless.data / "engine").exists()


def test_a_profile_that_the_journal_remembers_is_used_for_its_ids(
    keyless: Headswap, service: HeadSwapService
) -> None:
    add_profile(keyless, service)
    task = keyless("run", VIDEO, "--face", FACE, "--detach").out.strip()
    keyless("profile", "use", "local")
    assert keyless("status", task, "-q").out == "completed\n"


def test_no_output_file_or_log_holds_a_key(
    keyless: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    secret = service.api_key
    with Origin() as proxy:
        shown = [add_profile(keyless, service, "--verbose"), keyless("profile", "show", "--json")]
        shown += [keyless("profile", "list"), keyless("credits", "-v", HTTP_PROXY=proxy.url)]
        shown += [keyless("run", VIDEO, "--face", FACE, "-v")]
        assert proxy.requests == []
    assert secret not in "".join(ran.out + ran.err for ran in shown)
    holding = [
        path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
    ]
    assert [path.name for path in holding] == ["work.api_key"]
