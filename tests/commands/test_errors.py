"""Every row of the service's business codes, from the wire to the shell: exit code, number, words, hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH, BALANCE_PATH, CREATE_PATH, TASK_PATH, TOKEN_PATH
from tests.origin import Answer

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
ROWS = [
    (1101, 10, "auth"),
    (1102, 10, "auth"),
    (1109, 10, "auth"),
    (1200, 10, "auth"),
    (1006, 11, "credits"),
    (1103, 11, "credits"),
    (1104, 11, "credits"),
    (1213, 11, "credits"),
    (1221, 11, "credits"),
    (1008, 13, "not_found"),
    (1009, 13, "not_found"),
    (1014, 13, "not_found"),
    (1003, 12, "refused"),
    (1007, 12, "refused"),
    (1204, 12, "refused"),
    (1207, 12, "refused"),
    (1208, 12, "refused"),
    (1209, 12, "refused"),
    (1210, 12, "refused"),
    (4711, 1, "service"),
]
PASSING = [1005, 1015, 1016, 1205, 2001]


@pytest.mark.parametrize(("code", "exit_code", "slug"), ROWS)
def test_a_code_of_the_service_has_its_exit_code_number_words_and_hint(
    cloud: Headswap, service: HeadSwapService, code: int, exit_code: int, slug: str
) -> None:
    service.script(CREATE_PATH, Answer({"code": code, "msg": "in the vendor's words"}))
    error = cloud("run", VIDEO, "--face", FACE, "--json", code=exit_code).value["error"]
    assert (error["code"], error["exit_code"], error["service_code"]) == (slug, exit_code, code)
    assert f"{code}: in the vendor's words" in error["message"]
    assert error["hint"]
    assert error["retryable"] is False
    assert error["run_id"].startswith("run-")


@pytest.mark.parametrize("code", PASSING)
def test_a_passing_fault_of_a_look_is_outlived(cloud: Headswap, service: HeadSwapService, code: int) -> None:
    service.script(ANALYSIS_PATH, Answer({"code": code, "msg": "later"}))
    ran = cloud("run", VIDEO, "--face", FACE)
    assert f"trying again in 1 s: The service answered {code}: later" in ran.err
    assert len(service.creates) == 1


def test_a_command_that_asks_for_one_number_says_too_that_it_asks_again(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(BALANCE_PATH, Answer(b"", 503))
    ran = cloud("credits")
    assert ran.err == "trying again in 1 s: The service answered HTTP 503.\n"
    assert ran.out.strip().isdigit()
    service.script(BALANCE_PATH, Answer(b"", 503))
    assert cloud("credits", "--quiet").err == ""


def test_a_client_that_gets_its_token_first_says_so_of_both(
    headswap: Headswap, service: HeadSwapService
) -> None:
    service.script(TOKEN_PATH, Answer(b"", 429))
    service.script(BALANCE_PATH, Answer(b"", 503))
    headswap.env |= {"AKOOL_CLIENT_ID": service.client_id, "AKOOL_CLIENT_SECRET": service.api_key}
    ran = headswap("credits", HEADSWAP_BASE_URL=service.url)
    told = ran.err.splitlines()
    assert [line.partition(": ")[0] for line in told] == ["trying again in 1 s"] * 2
    assert ("429" in told[0], "503" in told[1]) == (True, True)


@pytest.mark.parametrize("code", [1015, 1016, 1205, 2001])
def test_a_fault_of_a_submission_is_exit_1_and_sent_once(
    cloud: Headswap, service: HeadSwapService, code: int
) -> None:
    service.script(CREATE_PATH, Answer({"code": code, "msg": "fault"}))
    error = cloud("run", VIDEO, "--face", FACE, "--json", code=1).value["error"]
    assert (error["code"], error["service_code"], error["retryable"]) == ("service", code, True)
    assert error["hint"]
    assert len(service.creates) == 1


@pytest.mark.parametrize("answer", [Answer({"code": 1005, "msg": "slow"}), Answer(b"", 429)])
@pytest.mark.parametrize("path", [ANALYZE_PATH, CREATE_PATH, TASK_PATH])
def test_throttling_is_waited_out(
    cloud: Headswap, service: HeadSwapService, path: str, answer: Answer
) -> None:
    service.script(path, answer)
    cloud("run", VIDEO, "--face", FACE)
    assert len(service.tasks) == 1


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [(400, 5), (401, 10), (403, 10), (404, 5), (413, 5), (500, 5), (502, 5), (504, 5)],
)
def test_a_bare_http_status_answers_a_create_only_where_it_turns_it_away(
    cloud: Headswap, service: HeadSwapService, status: int, exit_code: int
) -> None:
    service.script(CREATE_PATH, Answer(b"<html>no envelope</html>", status))
    ran = cloud("run", VIDEO, "--face", FACE, code=exit_code)
    assert f"HTTP {status}" in ran.err
    assert "hint: " in ran.err
    assert len(service.creates) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"code": 1000, "da', b'{"status": 404}', b'{"code": "1000"}', b"[]", b"null"]
)
def test_an_odd_body_of_a_look_is_asked_for_again(
    cloud: Headswap, service: HeadSwapService, body: bytes
) -> None:
    service.script(TASK_PATH, Answer(body))
    cloud("run", VIDEO, "--face", FACE)
    assert len(service.sent("GET", TASK_PATH)) == 2
    assert len(service.creates) == 1


def test_the_records_own_code_never_changes_the_exit_code(cloud: Headswap, service: HeadSwapService) -> None:
    failed = {"_id": "t", "status": 4, "error_code": 1104, "error_reason": "Insufficient balance"}
    service.script(TASK_PATH, Answer({"code": 1000, "data": failed}))
    error = cloud("run", VIDEO, "--face", FACE, "--json", code=3).value["error"]
    assert (error["code"], error["service_code"]) == ("failed", 1104)


@pytest.mark.parametrize(
    "words",
    [["run"], ["run", VIDEO, "--no-such-flag"], ["no-such-command"], ["run", VIDEO, "--max-credits", "many"]],
)
def test_wrong_usage_is_one_json_value_too_where_json_was_asked_for(
    headswap: Headswap, words: list[str]
) -> None:
    ran = headswap(*words, "--json", code=2)
    assert (ran.value["error"]["code"], ran.value["error"]["exit_code"]) == ("input", 2)
    assert "--help" in ran.value["error"]["hint"]
    assert ran.err == ""


def test_an_option_without_its_value_points_to_the_help_of_its_command(headswap: Headswap) -> None:
    assert "headswap run --help" in headswap("run", VIDEO, "--face", code=2).err
