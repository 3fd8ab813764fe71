"""The same run again: nothing is done twice, and nothing is paid twice unless it is asked for."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH, CREATE_PATH, TASK_PATH
from tests.loopback import sample, tiny_video
from tests.origin import Answer, reset

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/a%20clip.mp4?sig=1", "https://example.com/me.jpg"
RUN = ("run", VIDEO, "--face", FACE)
OUTPUT = "a_clip.headswap.mp4"


def poured(program: Headswap) -> bytes:
    """Return what a run writes to stdout."""
    command = program.command(*RUN, "-o", "-")
    return subprocess.run(command, cwd=program.cwd, env=program.env, capture_output=True, check=True).stdout


def analyses(service: HeadSwapService) -> int:
    return len(service.sent("POST", ANALYZE_PATH))


def test_a_completed_run_again_is_exit_2_naming_its_file_and_the_ways_out(
    cloud: Headswap, service: HeadSwapService
) -> None:
    run_id = cloud(*RUN, "--json").value["run_id"]
    asked = len(service.requests)
    error = cloud(*RUN, "--json", code=2).value["error"]
    assert run_id in error["message"]
    assert OUTPUT in error["message"]
    for way in ("-o", "--force", "--new"):
        assert way in error["hint"]
    assert len(service.requests) == asked


def test_a_completed_run_again_from_another_folder_names_its_file_too(
    cloud: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    made = cloud(*RUN, "--json").value
    cloud.cwd = tmp_path / "elsewhere"
    cloud.cwd.mkdir()
    assert made["output"] in cloud(*RUN, code=2).err
    assert len(service.creates) == 1


@pytest.mark.parametrize("flags", [(), ("-o", "other.mp4"), ("--force",)])
def test_a_result_that_is_wanted_again_is_downloaded_free_of_charge(
    cloud: Headswap, service: HeadSwapService, flags: tuple[str, ...]
) -> None:
    first = cloud(*RUN, "--json").value
    if not flags:
        (cloud.cwd / OUTPUT).unlink()
    second = cloud(*RUN, *flags, "--json").value
    assert (second["run_id"], second["task_id"]) == (first["run_id"], first["task_id"])
    assert (cloud.cwd / ("other.mp4" if "-o" in flags else OUTPUT)).read_bytes() == tiny_video()
    assert (len(service.creates), analyses(service)) == (1, 1)
    assert [person["obj_id"] for person in second["people"]] == [0]
    assert second["mappings"] == first["mappings"]


def test_a_file_of_the_users_in_the_place_of_the_result_is_left_alone(
    cloud: Headswap, service: HeadSwapService
) -> None:
    cloud(*RUN)
    (cloud.cwd / OUTPUT).write_bytes(b"mine")
    assert "exists already" in cloud(*RUN, code=2).err
    assert (cloud.cwd / OUTPUT).read_bytes() == b"mine"


def test_only_new_pays_again(cloud: Headswap, service: HeadSwapService) -> None:
    first = cloud(*RUN, "--json").value
    second = cloud(*RUN, "--new", "-o", "second.mp4", "--json").value
    assert first["task_id"] != second["task_id"]
    assert first["run_id"] != second["run_id"]
    assert len(service.creates) == 2
    assert second["run_id"] in cloud(*RUN, "-o", "second.mp4", code=2).err


def test_a_second_payment_that_did_not_come_to_pass_is_not_made_without_new(
    cloud: Headswap, service: HeadSwapService
) -> None:
    made = cloud(*RUN, "--json").value
    service.script(CREATE_PATH, Answer(sample("no_credits")))
    cloud(*RUN, "--new", "-o", "second.mp4", code=11)
    assert made["run_id"] in cloud(*RUN, code=2).err
    assert cloud(*RUN, "-o", "copy.mp4", "--json").value["task_id"] == made["task_id"]
    assert len(service.tasks) == 1


def test_a_second_payment_that_was_stopped_before_is_made_once(
    cloud: Headswap, service: HeadSwapService
) -> None:
    cloud(*RUN)
    service.script(ANALYZE_PATH, Answer(sample("server_fault")))
    cloud(*RUN, "--new", "-o", "second.mp4", code=1)
    cloud(*RUN, "--new", "-o", "second.mp4")
    cloud("resume")
    assert len(service.tasks) == 2


def test_a_run_that_ran_out_of_time_goes_on_with_its_task(cloud: Headswap, service: HeadSwapService) -> None:
    service.polls[TASK_PATH] = 10_000
    error = cloud(*RUN, "--timeout", "2s", "--json", code=4).value["error"]
    service.polls[TASK_PATH] = 0
    value = cloud(*RUN, "--json").value
    assert (value["run_id"], value["task_id"]) == (error["run_id"], error["task_id"])
    assert (len(service.creates), analyses(service)) == (1, 1)


def test_a_run_that_ran_out_of_time_in_its_analysis_goes_on_with_that(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[ANALYSIS_PATH] = 10_000
    error = cloud(*RUN, "--timeout", "1s", "--json", code=4).value["error"]
    assert error["hint"] == f"Wait on and save it: headswap resume {error['run_id']}"
    service.polls[ANALYSIS_PATH] = 0
    assert cloud(*RUN, "--json").value["run_id"] == error["run_id"]
    assert (len(service.creates), analyses(service)) == (1, 1)


def test_a_task_that_failed_is_exit_3_again_with_the_reason_and_the_way_to_pay_again(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.errors[TASK_PATH] = "Out of memory"
    cloud(*RUN, code=3)
    ran = cloud(*RUN, code=3)
    assert "Out of memory" in ran.err
    assert "--new" in ran.err
    assert len(service.creates) == 1
    service.errors[TASK_PATH] = None
    cloud(*RUN, "--new")
    assert len(service.creates) == 2


@pytest.mark.parametrize("code", [1104, 1003, 4711])
def test_a_create_that_was_refused_may_be_asked_for_again(
    cloud: Headswap, service: HeadSwapService, code: int
) -> None:
    service.script(CREATE_PATH, Answer({"code": code, "msg": "no"}))
    run_id = cloud(*RUN, "--json", code=None).value["error"]["run_id"]
    assert cloud(*RUN, "--json").value["run_id"] == run_id
    assert len(service.creates) == 2
    assert len(service.tasks) == 1


def test_a_service_fault_at_the_create_leaves_the_run_open(cloud: Headswap, service: HeadSwapService) -> None:
    service.script(CREATE_PATH, Answer({"code": 2001, "msg": "busy"}))
    run_id = cloud(*RUN, "--json", code=1).value["error"]["run_id"]
    (open_run,) = cloud("runs", "--status", "processing", "--json").value
    assert open_run["run_id"] == run_id
    assert cloud("status", run_id, "--json").value["status"] == "processing"
    assert cloud(*RUN, "--json").value["run_id"] == run_id


def test_an_unanswered_create_is_exit_5_at_once_and_nothing_is_sent(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(CREATE_PATH, reset)
    run_id = cloud(*RUN, "--json", code=5).value["error"]["run_id"]
    asked = len(service.requests)
    steps = cloud("runs", "show", run_id, "--json").value["steps"]
    error = cloud(*RUN, "--json", code=5).value["error"]
    assert error["run_id"] == run_id
    assert error["hint"] == f"headswap resume {run_id}"
    assert len(service.requests) == asked
    assert cloud("runs", "show", run_id, "--json").value["steps"] == steps


def test_new_pays_in_spite_of_an_unanswered_create(cloud: Headswap, service: HeadSwapService) -> None:
    service.script(CREATE_PATH, reset)
    cloud(*RUN, code=5)
    cloud(*RUN, "--new")
    assert len(service.creates) == 2


def test_a_result_for_stdout_leaves_no_path_in_the_journal(cloud: Headswap, service: HeadSwapService) -> None:
    assert poured(cloud) == tiny_video()
    with sqlite3.connect(cloud.data / "journal.sqlite3") as connection:
        (row,) = connection.execute("SELECT target, output, status FROM runs")
        details = "".join(one[0] for one in connection.execute("SELECT detail FROM steps"))
    connection.close()
    assert row == (None, "-", "completed")
    assert "headswap-" not in details
    assert poured(cloud) == tiny_video()
    assert len(service.creates) == 1


def test_a_name_with_the_task_id_is_known_again(cloud: Headswap, service: HeadSwapService) -> None:
    cloud(*RUN, "-o", "{task_id}.mp4")
    (name,) = [path.name for path in cloud.cwd.iterdir()]
    assert name == f"{service.tasks[0]}.mp4"
    assert name in cloud(*RUN, "-o", "{task_id}.mp4", code=2).err


def test_two_at_once_pay_once(cloud: Headswap, service: HeadSwapService) -> None:
    service.polls[TASK_PATH] = 2
    processes = [cloud.start(*RUN, "--json") for _ in range(3)]
    said = [json.loads(process.communicate()[0]) for process in processes]
    assert len(service.creates) == 1
    done = [value for value in said if "error" not in value]
    assert len(done) == 1
    for value in said:
        if "error" in value:
            assert value["error"]["exit_code"] == 2
            assert value["error"]["run_id"] == done[0]["run_id"]


def test_a_target_that_appears_during_the_run_is_left_and_the_result_kept(
    cloud: Headswap, service: HeadSwapService
) -> None:
    target = cloud.cwd / OUTPUT
    made = service.media.respond

    def respond(request: object) -> Answer:
        target.write_bytes(b"somebody else's")
        return made(request)  # type: ignore[arg-type]

    service.media.respond = respond  # type: ignore[method-assign]
    ran = cloud(*RUN, code=2)
    assert target.read_bytes() == b"somebody else's"
    assert f"{OUTPUT}.part" in ran.err
    assert (cloud.cwd / f"{OUTPUT}.part").read_bytes() == tiny_video()
    cloud(*RUN, "--force")
    assert target.read_bytes() == tiny_video()
    assert len(service.creates) == 1


def test_a_result_that_got_its_name_before_the_kill_is_finished_quietly(
    cloud: Headswap, service: HeadSwapService
) -> None:
    made = cloud(*RUN, "--json").value
    with sqlite3.connect(cloud.data / "journal.sqlite3") as connection:
        connection.execute("DELETE FROM steps WHERE kind = 'done'")
        connection.execute("UPDATE runs SET output = NULL, sha256 = NULL, last_step = 'fetched'")
    connection.close()
    part = cloud.cwd / f"{OUTPUT}.part"
    part.hardlink_to(cloud.cwd / OUTPUT)
    (cloud.cwd / f"{OUTPUT}.part.json").write_text("{}")
    asked = len(service.requests) + len(service.media.requests)
    again = cloud(*RUN, "--json").value
    assert again["output"] == made["output"]
    assert again["sha256"] == made["sha256"]
    assert [path.name for path in cloud.cwd.iterdir()] == [OUTPUT]
    assert len(service.requests) + len(service.media.requests) == asked


def test_a_create_that_was_throttled_is_sent_again(cloud: Headswap, service: HeadSwapService) -> None:
    cloud("analyze", VIDEO)
    service.script(CREATE_PATH, Answer({"code": 1005, "msg": "slow down"}))
    cloud(*RUN)
    assert len(service.tasks) == 1


def test_a_file_that_was_saved_is_still_known_when_the_video_went_to_stdout_later_on(
    cloud: Headswap,
) -> None:
    run_id = cloud(*RUN, "--json").value["run_id"]
    saved = cloud("runs", "--json").value[0]
    video = poured(cloud)
    command = cloud.command("download", run_id, "-o", "-")
    again = subprocess.run(command, cwd=cloud.cwd, env=cloud.env, capture_output=True, check=True).stdout
    assert (cloud.cwd / OUTPUT).read_bytes() == video == again
    (now,) = cloud("runs", "--json").value
    assert now == saved
    assert cloud("status", run_id, "--json").value["output"] == str(cloud.cwd / OUTPUT)
    assert "has saved this already" in cloud(*RUN, code=2).err
    assert cloud(*RUN, "--json", code=2).value["error"]["output"] == str(cloud.cwd / OUTPUT)
    cloud("runs", "forget", run_id)
    poured(cloud)
    (run,) = cloud("runs", "--json").value
    assert run["output"] == "-"
    assert "completed  100%  to stdout\n" in cloud("status", run["run_id"]).out
