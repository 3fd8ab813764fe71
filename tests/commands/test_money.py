"""What a task costs: told if it can be known, kept within a budget, and rehearsed for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.journal import Journal
from headswap_cli.wire import ANALYZE_PATH, BALANCE_PATH, CREATE_PATH, TASK_PATH
from tests.origin import Answer, Fault, reset

if TYPE_CHECKING:
    from headswap_cli.journal import Run
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService
    from tests.origin import Recorded

VIDEO = "https://example.com/clip.mp4?Signature=x%2By"
FACE = "https://example.com/me.jpg"


@pytest.fixture
def service(service: HeadSwapService) -> HeadSwapService:
    service.credit, service.price = 100.0, 8.5
    return service


def journalled(headswap: Headswap, identifier: str) -> Run:
    with Journal(headswap.data / "journal.sqlite3") as journal:
        run = journal.find(identifier)
    assert run is not None
    return run


def test_a_run_tells_what_the_balance_fell_by_and_the_raw_amount_held(
    cloud: Headswap, service: HeadSwapService
) -> None:
    value = cloud("run", VIDEO, "--face", FACE, "--json").value
    assert (value["credits_charged"], value["held"]) == (8.5, 8)
    run = journalled(cloud, value["run_id"])
    assert (run.credits_charged, run.held) == (8.5, 8)


def test_a_run_tells_people_what_it_cost(cloud: Headswap) -> None:
    assert "cost: 8.5 credits (balance 91.5)" in cloud("run", VIDEO, "--face", FACE).err


def test_a_swap_that_waits_tells_what_it_cost(cloud: Headswap) -> None:
    analysis = cloud("analyze", "-q", VIDEO).out.strip()
    value = cloud("swap", analysis, "--face", FACE, "--wait", "--json").value
    assert (value["credits_charged"], value["held"], value["status"]) == (8.5, 8, "completed")


def test_what_was_not_waited_for_has_no_known_price(cloud: Headswap) -> None:
    value = cloud("run", VIDEO, "--face", FACE, "--detach", "--json").value
    assert (value["credits_charged"], value["held"]) == (None, 8)


def test_a_failed_task_tells_what_it_cost(cloud: Headswap, service: HeadSwapService) -> None:
    service.errors[TASK_PATH] = "No face found"
    ran = cloud("run", VIDEO, "--face", FACE, "--json", code=3)
    error = ran.value["error"]
    assert "cost:" not in ran.err
    assert "the balance fell by 8.5 credits" in error["message"]
    assert journalled(cloud, error["run_id"]).credits_charged == 8.5


@pytest.mark.parametrize(
    "fault",
    [
        Answer({"status": 404, "message": "Not Found"}),
        Answer(b"", 502),
        Answer({"code": 1000, "data": {}}),
        Answer({"code": 1000, "data": {"credit": "many"}}),
        Answer({"code": 1101, "msg": "Invalid token"}),
        reset,
    ],
)
@pytest.mark.parametrize("look", [0, 1])
def test_a_balance_that_cannot_be_had_makes_the_price_unknown_and_holds_up_nothing(
    cloud: Headswap, service: HeadSwapService, fault: Fault, look: int
) -> None:
    well = Answer({"code": 1000, "data": {"credit": 50}})
    service.script(BALANCE_PATH, *((well, fault) if look else (fault, well)))
    value = cloud("run", VIDEO, "--face", FACE, "--json").value
    assert (value["status"], value["credits_charged"]) == ("completed", None)
    assert len(service.sent("GET", BALANCE_PATH)) == look + 1


def test_a_balance_that_rose_is_no_price(cloud: Headswap, service: HeadSwapService) -> None:
    service.price = -500.0
    assert cloud("run", VIDEO, "--face", FACE, "--json").value["credits_charged"] is None


def test_a_price_is_unknown_where_another_run_paid_meanwhile(
    cloud: Headswap, service: HeadSwapService
) -> None:
    others: list[str] = []
    act_on = service.act_on

    def act(request: Recorded) -> Fault:
        # While the first task is looked at, somebody else makes one.
        if request.path == TASK_PATH and not others:
            others.append("begun")
            other = cloud("run", VIDEO, "--face", f"{FACE}?other", "--detach", "-q")
            others.append(other.out.strip())
        return act_on(request)

    service.act_on = act  # type: ignore[method-assign]
    value = cloud("run", VIDEO, "--face", FACE, "--json").value
    assert others[1] in service.tasks
    assert value["credits_charged"] is None
    assert journalled(cloud, value["run_id"]).credits_charged is None


@pytest.mark.parametrize(("credit", "budget"), [(9.0, "10"), (0.0, "0"), (0.0, "5"), (-3.0, "0")])
def test_a_run_is_refused_when_the_balance_is_zero_or_below_the_budget(
    cloud: Headswap, service: HeadSwapService, credit: float, budget: str
) -> None:
    service.credit = credit
    ran = cloud("run", VIDEO, "--face", FACE, "--max-credits", budget, code=11)
    assert f"balance is {credit:g} credits" in ran.err
    assert f"--max-credits is {budget}" in ran.err
    assert [request.path for request in service.requests] == [BALANCE_PATH]


def test_a_swap_is_refused_by_the_budget_too(cloud: Headswap, service: HeadSwapService) -> None:
    analysis = cloud("analyze", "-q", VIDEO).out.strip()
    cloud("swap", analysis, "--face", FACE, "--max-credits", "101", code=11)
    assert service.creates == []


def test_a_balance_that_fell_below_the_budget_during_the_analysis_stops_the_run(
    cloud: Headswap, service: HeadSwapService
) -> None:
    low = Answer({"code": 1000, "data": {"credit": 4}})
    service.script(BALANCE_PATH, Answer({"code": 1000, "data": {"credit": 10}}), low)
    cloud("run", VIDEO, "--face", FACE, "--max-credits", "10", code=11)
    assert service.creates == []


def test_a_budget_that_cannot_be_kept_because_there_is_no_balance_stops_the_run(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(BALANCE_PATH, Answer({"code": 1000, "data": {}}))
    assert "balance" in cloud("run", VIDEO, "--face", FACE, "--max-credits", "10", code=1).err
    assert service.sent("POST", ANALYZE_PATH) == []


def test_a_budget_says_plainly_what_it_cannot_know(cloud: Headswap) -> None:
    ran = cloud("run", VIDEO, "--face", FACE, "--max-credits", "20")
    assert "names no price beforehand" in ran.err
    assert "warning" not in ran.err


def test_a_task_that_took_more_than_the_budget_is_told(cloud: Headswap) -> None:
    err = cloud("run", VIDEO, "--face", FACE, "--max-credits", "5").err
    assert "warning: the task took 8.5 credits, more than --max-credits 5" in err


def test_a_budget_below_zero_is_exit_2(cloud: Headswap, service: HeadSwapService) -> None:
    cloud("run", VIDEO, "--face", FACE, "--max-credits=-1", code=2)
    assert service.requests == []


def test_too_few_credits_are_exit_11_with_the_way_out(cloud: Headswap, service: HeadSwapService) -> None:
    service.credit = 3.0
    ran = cloud("run", VIDEO, "--face", FACE, code=11)
    assert "1104" in ran.err
    assert "Add credits" in ran.err


def test_a_dry_run_prints_the_request_that_would_cost_and_sends_none(
    cloud: Headswap, service: HeadSwapService
) -> None:
    ran = cloud("run", VIDEO, "--face", f"1={FACE}", "--resolution", "480p", "--dry-run", "--json")
    body = {
        "video_url": VIDEO,
        "mappings": [{"obj_id": 0, "img_url": FACE}],
        "model_name": "akool-premium",
        "resolution": "480p",
        "keep_original_sound": True,
    }
    value = ran.value
    assert value["request"] == {"method": "POST", "url": f"{service.url}{CREATE_PATH}", "body": body}
    assert (value["dry_run"], value["balance"]) == (True, 100)
    assert value["people"][0]["person"] == 1
    assert service.creates == []
    assert not list(cloud.cwd.iterdir())


def test_a_dry_run_for_people_says_that_nothing_was_paid_and_shows_the_body(cloud: Headswap) -> None:
    out = cloud("run", VIDEO, "--face", FACE, "--dry-run").out
    assert out.startswith("Nothing was paid.")
    assert f'"video_url": "{VIDEO}"' in out
    assert "balance 100" in out


def test_what_a_dry_run_shows_is_what_is_sent(cloud: Headswap, service: HeadSwapService) -> None:
    flags = ("--no-sound", "--webhook-url", "https://example.com/hook")
    shown = cloud("run", VIDEO, "--face", FACE, *flags, "--dry-run", "--json").value["request"]["body"]
    cloud("run", VIDEO, "--face", FACE, *flags)
    assert service.creates[0].json == shown


def test_a_dry_run_leaves_an_analysis_to_go_on_from(cloud: Headswap, service: HeadSwapService) -> None:
    analysis = cloud("run", VIDEO, "--face", FACE, "--dry-run", "-q").out.strip()
    value = cloud("swap", analysis, "--face", FACE, "--dry-run", "--json").value
    assert value["analysis_id"] == analysis
    assert service.creates == []
    assert cloud("status", value["run_id"], "-q").out == "completed\n"
    cloud("swap", analysis, "--face", FACE)
    assert len(service.creates) == 1


def test_a_dry_run_ends_in_what_a_run_would_end_in(cloud: Headswap, service: HeadSwapService) -> None:
    cloud("run", VIDEO, "--face", f"2={FACE}", "--dry-run", code=2)
    cloud("run", VIDEO, "--face", FACE, "--dry-run", "--max-credits", "1000", code=11)
    assert service.creates == []


def test_a_webhook_over_plain_http_is_warned_of(cloud: Headswap, service: HeadSwapService) -> None:
    plain = cloud("run", VIDEO, "--face", FACE, "--webhook-url", "http://example.com/hook", "--detach")
    assert "warning: the webhook is plain http" in plain.err
    assert service.creates[0].json["webhookUrl"] == "http://example.com/hook"
    assert (
        "warning"
        not in cloud("run", VIDEO, "--face", FACE, "--webhook-url", "https://e.com/h", "--detach").err
    )
