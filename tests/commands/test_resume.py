"""What was left open is taken up by ``resume``; nothing is paid for twice by itself."""

from __future__ import annotations

import json
import signal
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH, BALANCE_PATH, CREATE_PATH, TASK_PATH
from tests.loopback import tiny_video
from tests.origin import Answer, reset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService
    from tests.origin import Fault, Recorded

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
RUN = ("run", VIDEO, "--face", FACE)


def lost(cloud: Headswap, service: HeadSwapService, *command: str) -> str:
    """Lose the answer to a create that has arrived, and return the run."""

    def commit(connection: object) -> None:
        service.respond(service.creates[-1])
        reset(connection)  # type: ignore[arg-type]

    service.script(CREATE_PATH, commit)
    return str(cloud(*(command or RUN), "--json", code=5).value["error"]["run_id"])


def killed(cloud: Headswap, reached: Callable[[], object], *command: str) -> None:
    """Kill a command, for which nothing can be done, once the service has been asked something."""
    with cloud.start(*command) as process:
        until = time.monotonic() + 30
        while not reached() and time.monotonic() < until:
            process.poll()
        process.send_signal(signal.SIGKILL)


def test_resume_takes_up_everything_that_is_open(cloud: Headswap, service: HeadSwapService) -> None:
    service.polls[TASK_PATH] = 10_000
    first = cloud(*RUN, "-o", "one.mp4", "--timeout", "1s", "--json", code=4).value["error"]["run_id"]
    second = cloud("run", f"{VIDEO}?2", "--face", FACE, "--detach", "-o", "two.mp4", "--json").value["run_id"]
    service.polls[TASK_PATH] = 0
    ran = cloud("resume", "--json")
    assert [value["run_id"] for value in ran.value] == [first, second]
    named = [line for line in ran.err.splitlines() if line.startswith("run ")]
    assert named == [f"run {first} ({VIDEO})", f"run {second} ({VIDEO}?...)"]
    assert (cloud.cwd / "one.mp4").read_bytes() == (cloud.cwd / "two.mp4").read_bytes() == tiny_video()
    assert len(service.creates) == 2
    assert cloud("resume").out == "Nothing is open.\n"


def test_resume_works_from_another_folder(cloud: Headswap, service: HeadSwapService, tmp_path: Path) -> None:
    service.polls[TASK_PATH] = 10_000
    run_id = cloud(*RUN, "--timeout", "1s", "--json", code=4).value["error"]["run_id"]
    service.polls[TASK_PATH] = 0
    home, cloud.cwd = cloud.cwd, tmp_path / "elsewhere"
    cloud.cwd.mkdir()
    assert cloud("resume", run_id, "--json").value["output"] == str(home / "clip.headswap.mp4")
    assert not list(cloud.cwd.iterdir())


@pytest.mark.parametrize("path", [ANALYZE_PATH, ANALYSIS_PATH, TASK_PATH])
def test_a_run_that_was_killed_is_brought_to_its_end(
    cloud: Headswap, service: HeadSwapService, path: str
) -> None:
    service.polls = {ANALYSIS_PATH: 10_000, TASK_PATH: 10_000} | (
        {ANALYSIS_PATH: 0} if path == TASK_PATH else {}
    )
    killed(cloud, lambda: [request for request in service.requests if request.path == path], *RUN)
    service.polls = {ANALYSIS_PATH: 0, TASK_PATH: 0}
    (value,) = cloud("resume", "--json").value
    assert value["status"] == "completed"
    assert (cloud.cwd / "clip.headswap.mp4").read_bytes() == tiny_video()
    assert len(service.creates) == 1


def test_a_run_killed_between_a_create_and_its_answer_is_unknown(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(CREATE_PATH, lambda connection: service.closing.wait())  # type: ignore[arg-type]
    killed(cloud, lambda: service.creates, *RUN)
    (open_run,) = cloud("runs", "--json").value
    assert open_run["status"] == "unknown"
    cloud("resume", open_run["run_id"], code=5)
    cloud(*RUN, code=5)
    assert len(service.creates) == 1


def test_resume_of_an_unanswered_create_states_the_facts_and_sends_nothing(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.credit, service.price = 40.0, 2.5
    run_id = lost(cloud, service)
    error = cloud("resume", run_id, "--json", code=5).value["error"]
    assert time.strftime("%Y-%m-%d", time.gmtime()) in error["message"]
    assert VIDEO in error["message"]
    assert "40 before it and is 37.5 now" in error["message"]
    assert f"headswap resume {run_id} --task ID" in error["hint"]
    assert f"headswap resume {run_id} --resubmit" in error["hint"]
    assert len(service.creates) == 1


def test_a_balance_that_cannot_be_had_is_said_to_be_so(cloud: Headswap, service: HeadSwapService) -> None:
    service.credit = None  # type: ignore[assignment]
    run_id = lost(cloud, service)
    assert "unknown before it and is not to be had now" in cloud("resume", run_id, code=5).err


def test_the_task_that_was_made_is_adopted_once_it_is_named(
    cloud: Headswap, service: HeadSwapService
) -> None:
    run_id = lost(cloud, service)
    value = cloud("resume", run_id, "--task", service.tasks[0], "--json").value
    assert (value["run_id"], value["task_id"]) == (run_id, service.tasks[0])
    assert (cloud.cwd / "clip.headswap.mp4").read_bytes() == tiny_video()
    assert len(service.creates) == 1


def test_a_task_of_another_video_is_not_adopted(cloud: Headswap, service: HeadSwapService) -> None:
    run_id = lost(cloud, service)
    elsewhere = str(cloud.folder / "elsewhere")
    command = ("run", f"{VIDEO}?2", "--face", FACE, "--detach", "-q")
    other = cloud(*command, HEADSWAP_DATA_DIR=elsewhere).out.strip()
    assert "not of the video" in cloud("resume", run_id, "--task", other, code=2).err
    assert cloud("runs", "show", run_id, "--json").value["status"] == "unknown"


def test_a_task_of_another_run_is_not_adopted(cloud: Headswap, service: HeadSwapService) -> None:
    made = cloud(*RUN, "--json").value
    run_id = lost(cloud, service, *RUN, "--new", "-o", "x.mp4")
    assert made["run_id"] in cloud("resume", run_id, "--task", made["task_id"], code=2).err


def test_a_task_that_nobody_knows_is_not_adopted(cloud: Headswap, service: HeadSwapService) -> None:
    run_id = lost(cloud, service)
    cloud("resume", run_id, "--task", "f" * 24, code=13)
    assert cloud("runs", "show", run_id, "--json").value["status"] == "unknown"


def test_resubmit_states_the_facts_and_sends_it_again(cloud: Headswap, service: HeadSwapService) -> None:
    service.script(CREATE_PATH, reset)
    run_id = cloud(*RUN, "--json", code=5).value["error"]["run_id"]
    ran = cloud("resume", run_id, "--resubmit", "--json")
    assert ran.value["run_id"] == run_id
    assert "got no answer" in ran.err
    assert len(service.creates) == 2
    kinds = [step["kind"] for step in cloud("runs", "show", run_id, "--json").value["steps"]]
    assert kinds.count("intended") == 2
    assert kinds[kinds.index("waived") :][:3] == ["waived", "submitted", "analysed"]


def test_of_two_that_send_it_again_at_once_one_does(cloud: Headswap, service: HeadSwapService) -> None:
    service.script(CREATE_PATH, reset)
    run_id = cloud(*RUN, "--json", code=5).value["error"]["run_id"]
    answered, arrived = threading.Event(), threading.Event()
    act_on = service.act_on

    def act(request: Recorded) -> Fault:
        if request.path == BALANCE_PATH and not arrived.is_set():
            arrived.set()
            assert answered.wait(30)
        return act_on(request)

    service.act_on = act  # type: ignore[method-assign]
    process = cloud.start("resume", run_id, "--resubmit")
    assert arrived.wait(30)
    cloud("resume", run_id, "--resubmit")
    answered.set()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert service.tasks[0] in err
    assert len(service.tasks) == 1


@pytest.mark.parametrize("flags", [("--resubmit",), ("--task", "t1")])
def test_what_is_not_in_question_can_be_neither_adopted_nor_sent_again(
    cloud: Headswap, service: HeadSwapService, flags: tuple[str, ...]
) -> None:
    run_id = cloud(*RUN, "--json").value["run_id"]
    assert service.tasks[0] in cloud("resume", run_id, *flags, code=2).err
    assert len(service.creates) == 1


@pytest.mark.parametrize(
    "flags", [("--resubmit",), ("--task", "t1"), ("run-a", "--task", "t1", "--resubmit")]
)
def test_the_ways_out_are_for_one_run_one_at_a_time(cloud: Headswap, flags: tuple[str, ...]) -> None:
    cloud("resume", *flags, code=2)


def test_a_swap_that_was_stopped_is_waited_for(cloud: Headswap, service: HeadSwapService) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    task = cloud("swap", analysis, "--face", FACE, "-q").out.strip()
    (value,) = cloud("resume", "--json").value
    assert (value["task_id"], value["status"]) == (task, "completed")
    assert cloud("resume", "--json").value == []
    assert not list(cloud.cwd.iterdir())


def test_an_unanswered_swap_is_sent_again_if_the_user_says_so(
    cloud: Headswap, service: HeadSwapService
) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    service.script(CREATE_PATH, reset)
    run_id = cloud("swap", analysis, "--face", FACE, "--json", code=5).value["error"]["run_id"]
    assert cloud("resume", run_id, "--resubmit", "--json").value["status"] == "completed"
    assert len(service.creates) == 2


def test_of_several_the_worst_code_is_returned_and_the_others_are_done(
    cloud: Headswap, service: HeadSwapService
) -> None:
    run_id = lost(cloud, service, *RUN, "-o", "one.mp4")
    cloud("run", f"{VIDEO}?2", "--face", FACE, "--detach", "-o", "two.mp4")
    values = cloud("resume", "--json", code=5).value
    errors = {value["run_id"]: value["error"]["code"] for value in values if "error" in value}
    assert errors == {run_id: "outcome_unknown"}
    assert (cloud.cwd / "two.mp4").read_bytes() == tiny_video()
    ran = cloud("resume", code=5)
    assert run_id in ran.err
    assert ran.out == ""


def test_an_expired_result_link_is_asked_for_again(cloud: Headswap, service: HeadSwapService) -> None:
    cloud(*RUN, "--detach")
    service.media.script(f"/r/{service.tasks[0]}.mp4", Answer(b"expired", 403))
    cloud("resume")
    assert (cloud.cwd / "clip.headswap.mp4").read_bytes() == tiny_video()


def test_a_result_that_is_gone_is_exit_13_and_said(cloud: Headswap, service: HeadSwapService) -> None:
    cloud(*RUN, "--detach")
    service.media.respond = lambda request: Answer(b"gone", 404)  # type: ignore[method-assign]
    ran = cloud("resume", code=13)
    assert "gone" in ran.err
    assert "headswap run VIDEO --face N=IMAGE --new, which pays again" in " ".join(ran.err.split())
    assert cloud("resume").out == "Nothing is open.\n"


def test_a_task_that_the_service_has_forgotten_is_exit_13(cloud: Headswap, service: HeadSwapService) -> None:
    run_id = cloud(*RUN, "--detach", "--json").value["run_id"]
    service.script(TASK_PATH, Answer({"code": 1014, "msg": "not found"}))
    assert f"headswap runs forget {run_id} --force" in cloud("resume", run_id, code=13).err
    cloud("runs", "forget", run_id, "--force")


def signed(life_s: int) -> str:
    """Return a link that says how long it is good for from now."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"{VIDEO}?X-Amz-Date={now}&X-Amz-Expires={life_s}&X-Amz-Signature=abc"


def test_a_link_of_the_users_that_is_about_to_end_is_refused_before_anything_is_paid(
    cloud: Headswap, service: HeadSwapService
) -> None:
    error = cloud("run", signed(60), "--face", FACE, "--json", code=2).value["error"]
    assert "link of the video" in error["message"]
    assert service.creates == []
    assert "link of the" in cloud(*RUN[:2], "--face", signed(60), code=2).err
    assert service.creates == []
    cloud("run", signed(3600), "--face", FACE)


def test_signatures_are_masked_in_every_view(cloud: Headswap, service: HeadSwapService) -> None:
    video = signed(7200)
    service.script(CREATE_PATH, reset)
    run_id = cloud("run", video, "--face", FACE, "--json", code=5).value["error"]["run_id"]
    assert parse_qs(urlsplit(video).query)["X-Amz-Signature"] == ["abc"]
    for command in (("runs",), ("runs", "show", run_id), ("resume", run_id), ("resume",)):
        for flags in ((), ("--json",)):
            ran = cloud(*command, *flags, code=None)
            assert "X-Amz" not in ran.out + ran.err, ran


def test_a_run_goes_on_with_the_profile_that_it_was_begun_with(
    cloud: Headswap, service: HeadSwapService
) -> None:
    run_id = cloud(*RUN, "--detach", "--json").value["run_id"]
    value = cloud("resume", "--json", HEADSWAP_PROFILE="local").value[0]
    assert (value["run_id"], value["profile"]) == (run_id, "akool")


def test_what_was_only_analysed_cannot_be_resumed(cloud: Headswap) -> None:
    run_id = cloud("analyze", VIDEO, "--json").value["run_id"]
    assert f"headswap status {run_id}" in cloud("resume", run_id, code=2).err
    cloud("resume", "run-aaaaaaaaaa", code=13)


def test_a_run_at_work_is_left_to_the_command_that_is_at_it(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[TASK_PATH] = 10_000
    with cloud.start(*RUN) as process:
        until = time.monotonic() + 30
        while not service.sent("GET", TASK_PATH) and time.monotonic() < until:
            process.poll()
        (run_id,) = cloud("runs", "-q").out.split()
        said = cloud("resume", run_id, "--json", code=None)
        ran = cloud("resume", "--json", code=None)
        service.polls[TASK_PATH] = 0
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert "at work" in json.loads(said.out)["error"]["message"]
    assert (said.code, ran.code, ran.value) == (2, 0, [])
    assert "at work" in ran.err
    assert len(service.creates) == 1


def test_a_run_that_is_done_is_resumed_by_downloading_it_again(
    cloud: Headswap, service: HeadSwapService
) -> None:
    run_id = cloud(*RUN, "--json").value["run_id"]
    assert (
        cloud("resume", run_id, "--json", code=2)
        .value["error"]["hint"]
        .endswith(f"headswap download {run_id} -o FILE")
    )
    assert len(service.creates) == 1


def test_resume_says_what_to_do_where_another_file_has_the_outputs_name(
    cloud: Headswap, service: HeadSwapService
) -> None:
    run_id = out_of_time(cloud, service)
    (cloud.cwd / "clip.headswap.mp4").write_text("mine")
    hint = cloud("resume", run_id, "--json", code=2).value["error"]["hint"]
    assert hint == f"Move that file away, then: headswap resume {run_id}"
    (cloud.cwd / "clip.headswap.mp4").unlink()
    cloud("resume", run_id)


def out_of_time(cloud: Headswap, service: HeadSwapService) -> str:
    """Return a run whose wait was too short."""
    service.polls[TASK_PATH] = 10_000
    run_id = cloud(*RUN, "--timeout", "1s", "--json", code=4).value["error"]["run_id"]
    service.polls[TASK_PATH] = 0
    return str(run_id)


def test_a_run_that_was_stopped_before_it_submitted_anything_is_ended_by_cancel(
    cloud: Headswap, service: HeadSwapService
) -> None:
    busy = Answer({"code": 1005, "msg": "slow down"}, headers={"Retry-After": "30"})
    service.script(ANALYZE_PATH, busy)
    stopped = cloud.start(*RUN)
    while not service.sent("POST", ANALYZE_PATH):
        assert stopped.poll() is None
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=30)
    run_id = cloud("runs", "--status", "unsent", "-q").out.strip()
    assert f"to end it for good: headswap cancel {run_id}" in " ".join(said.split())
    assert cloud("cancel", run_id).out == f"Cancelled the run {run_id}, which had submitted nothing.\n"
    assert cloud("cancel", run_id).out == f"The run {run_id} was cancelled before.\n"
    assert cloud("resume").out == "Nothing is open.\n"
    assert service.creates == []
    assert cloud(*RUN, "--json").value["run_id"] != run_id
