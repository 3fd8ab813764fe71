"""``--dry-run`` of what was begun before tells what the same command would do, which pays nothing anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import ANALYZE_PATH, CREATE_PATH, TASK_PATH
from tests.loopback import sample
from tests.origin import Answer, reset

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
RUN = ("run", VIDEO, "--face", f"1={FACE}")


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_task_that_exists_is_told_instead_of_a_request_and_the_same_command_pays_nothing(
    cloud: Headswap, service: HeadSwapService
) -> None:
    made = cloud(*RUN, "--detach", "--json").value
    out = words(cloud(*RUN, "--dry-run").out)
    assert f"nothing would be paid anew: the task {made['task_id']} of the run {made['run_id']} exists" in out
    assert "saved as clip.headswap.mp4" in out
    assert "POST" not in out
    value = cloud(*RUN, "--dry-run", "--json").value
    assert (value["request"], value["task_id"], value["run_id"]) == (None, made["task_id"], made["run_id"])
    assert value["analysis_id"] == made["analysis_id"]
    assert [mapping["face"] for mapping in value["mappings"]] == [FACE]
    cloud(*RUN)
    assert len(service.creates) == 1
    assert len(cloud("runs", "-q").out.split()) == 1


def test_a_task_at_work_would_be_waited_for_and_one_in_the_background_gone_on_with(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[TASK_PATH] = 10_000
    cloud(*RUN, "--detach")
    assert "It would be waited for, and its result be saved as" in words(cloud(*RUN, "--dry-run").out)
    assert "without --dry-run goes on with it" in words(cloud(*RUN, "--detach", "--dry-run").out)
    assert cloud(*RUN, "--dry-run", "--json").value["status"] in {"queued", "processing"}


def test_what_is_done_is_exit_2_as_without_a_rehearsal_and_new_rehearses_the_payment(
    cloud: Headswap, service: HeadSwapService
) -> None:
    cloud(*RUN)
    assert cloud(*RUN, "--dry-run", code=2).err == cloud(*RUN, code=2).err
    other = cloud(*RUN, "-o", "other.mp4", "--dry-run").out
    assert "It would be saved as other.mp4" in words(other)
    assert cloud(*RUN, "--new", "-o", "other.mp4", "--dry-run").out.startswith("Nothing was paid. This is")
    assert len(service.creates) == 1


def test_the_same_task_by_another_spelling_is_known_once_the_people_are(
    cloud: Headswap, service: HeadSwapService
) -> None:
    made = cloud(*RUN, "--detach", "--json").value
    value = cloud("run", VIDEO, "--face", FACE, "--dry-run", "--json").value
    assert (value["request"], value["run_id"]) == (None, made["run_id"])
    assert cloud("runs", "-q").out.split() == [made["run_id"]]
    again = cloud("run", VIDEO, "--face", FACE, "--detach", "--json").value
    assert again["task_id"] == made["task_id"]


def test_a_swap_that_has_its_task_is_told_too(cloud: Headswap, service: HeadSwapService) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    swap = ("swap", analysis, "--face", f"1={FACE}")
    task_id = cloud(*swap, "-q").out.strip()
    assert f"the task {task_id} of the run" in words(cloud(*swap, "--dry-run").out)
    assert cloud(*swap, "--dry-run", "--json").value["task_id"] == task_id
    assert len(service.creates) == 1


@pytest.mark.parametrize("way", ["unanswered", "failed"])
def test_a_rehearsal_ends_in_what_the_same_command_would_end_in(
    cloud: Headswap, service: HeadSwapService, way: str
) -> None:
    code = 5 if way == "unanswered" else 3
    if way == "unanswered":
        service.script(CREATE_PATH, reset)
    else:
        service.errors[TASK_PATH] = "No face found"
    cloud(*RUN, code=code)
    rehearsed = cloud(*RUN, "--dry-run", "--json", code=code).value["error"]
    real = cloud(*RUN, "--json", code=code).value["error"]
    assert rehearsed["message"] == real["message"]
    assert rehearsed["hint"] == real["hint"]


def test_a_run_that_has_no_task_yet_is_named_and_its_request_shown(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(ANALYZE_PATH, Answer(sample("server_fault")))
    run_id = cloud(*RUN, "--json", code=1).value["error"]["run_id"]
    said = cloud(*RUN, "--dry-run", "--json")
    assert f"without --dry-run the run {run_id} is gone on with" in words(said.err)
    assert said.value["request"]["body"]["video_url"] == VIDEO
    assert cloud(*RUN, "--json").value["run_id"] == run_id


def test_rows_of_a_batch_that_exist_are_not_said_to_be_paid_for(
    cloud: Headswap, service: HeadSwapService
) -> None:
    rows = [f"{VIDEO}?{number},{FACE},{number}.mp4" for number in (1, 2, 3)]
    (cloud.cwd / "jobs.csv").write_text("\n".join(["video,face,output", *rows, ""]))
    cloud("run", f"{VIDEO}?1", "--face", FACE, "-o", "1.mp4")
    task_id = cloud("run", f"{VIDEO}?2", "--face", FACE, "--detach", "-q").out.strip()
    said = cloud("batch", "jobs.csv", "--dry-run")
    assert f": exists already, task {task_id}" in words(said.err)
    assert "2 exist already, 1 would be paid for, nothing was" in words(said.out)
    assert len(service.creates) == 2


@pytest.mark.parametrize("words", [(), ("--wait",)])
def test_the_state_of_a_rehearsal_that_is_over_says_that_nothing_was_made(
    cloud: Headswap, words: tuple[str, ...]
) -> None:
    run_id = cloud(*RUN, "--dry-run", "--json").value["run_id"]
    (line,) = cloud("status", run_id, *words).out.splitlines()[1:]
    assert line.split() == [run_id, "run", "completed", "100%", "dry", "run:", "nothing", "made"]
    assert cloud("status", run_id, "--json").value["error"] is None
