"""The commands against a v4 service over HTTP, given by an address and a key."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH, CREATE_PATH, TASK_PATH
from tests.loopback import HeadSwapService, tiny_video
from tests.origin import Answer, Connection, Fault, Recorded, reset

if TYPE_CHECKING:
    from tests.conftest import Headswap

VIDEO = "https://example.com/a%20clip.mp4?Signature=x%2By"
FACE = "https://example.com/me.jpg"


def test_run_saves_the_verified_result_and_prints_its_path_alone(
    cloud: Headswap, service: HeadSwapService
) -> None:
    ran = cloud("run", VIDEO, "--face", f"1={FACE}")
    assert ran.out == "a_clip.headswap.mp4\n"
    assert (cloud.cwd / "a_clip.headswap.mp4").read_bytes() == tiny_video()
    assert [path.name for path in cloud.cwd.iterdir()] == ["a_clip.headswap.mp4"]


def test_run_says_on_stderr_which_backend_it_uses(cloud: Headswap) -> None:
    assert "backend: akool (profile akool)" in cloud("run", VIDEO, "--face", FACE).err


def test_a_url_is_passed_on_byte_for_byte_to_both_calls(cloud: Headswap, service: HeadSwapService) -> None:
    cloud("run", VIDEO, "--face", f"1={FACE}")
    assert service.sent("POST", ANALYZE_PATH)[0].json == {"video_url": VIDEO, "type": "head"}
    assert service.creates[0].json == {
        "video_url": VIDEO,
        "mappings": [{"obj_id": 0, "img_url": FACE}],
        "model_name": "akool-premium",
        "resolution": "720p",
        "keep_original_sound": True,
    }


def test_the_flags_reach_the_service(cloud: Headswap, service: HeadSwapService) -> None:
    cloud(
        *("run", VIDEO, "--face", FACE, "--resolution", "480p", "--no-sound", "--model", "akool-premium"),
        *("--webhook-url", "https://example.com/hook"),
    )
    body = service.creates[0].json
    assert (body["resolution"], body["keep_original_sound"]) == ("480p", False)
    assert body["webhookUrl"] == "https://example.com/hook"


def test_json_is_one_value_with_the_promised_fields(cloud: Headswap) -> None:
    value = cloud("run", VIDEO, "--face", f"1={FACE}", "--json").value
    assert set(value) >= {
        *("run_id", "profile", "backend", "analysis_id", "task_id", "status", "people", "mappings"),
        *("output", "size_bytes", "sha256", "held", "credits_charged"),
    }
    assert value["status"] == "completed"
    assert value["people"][0]["person"] == 1
    assert value["mappings"] == [{"person": 1, "obj_id": 0, "face": FACE, "mode": None}]
    assert value["output"] == str(cloud.cwd / "a_clip.headswap.mp4")
    assert value["size_bytes"] == len(tiny_video())


def test_the_commands_work_one_by_one_in_a_pipeline(cloud: Headswap, service: HeadSwapService) -> None:
    analysis = cloud("analyze", "-q", VIDEO).out.strip()
    task = cloud("swap", "-q", analysis, "--face", f"1={FACE}").out.strip()
    assert cloud("status", "-q", task, "--wait").out == "completed\n"
    assert cloud("download", task, "-o", "out.mp4").out == "out.mp4\n"
    assert (cloud.cwd / "out.mp4").read_bytes() == tiny_video()
    assert len(service.creates) == 1


def test_analyze_lists_the_people_from_1(cloud: Headswap, service: HeadSwapService) -> None:
    service.people = 2
    ran = cloud("analyze", VIDEO)
    rows = [line.split()[:2] for line in ran.out.splitlines()[:3]]
    assert rows == [["PERSON", "OBJ_ID"], ["1", "0"], ["2", "1"]]
    value = cloud("analyze", VIDEO, "--json").value
    assert set(value) >= {"analysis_id", "status", "video_url", "people", "video"}
    assert [person["obj_id"] for person in value["people"]] == [0, 1]


def test_a_preview_that_cannot_be_had_leaves_the_analysis_as_it_is(cloud: Headswap) -> None:
    ran = cloud("analyze", VIDEO, "--previews", "people", "--json")
    assert ran.value["people"][0]["preview"] is None
    assert "no picture of person 1" in ran.err
    assert list((cloud.cwd / "people").iterdir()) == []


def test_status_tells_what_an_id_is_without_a_journal(
    cloud: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    made = cloud("run", VIDEO, "--face", FACE, "--json").value
    elsewhere = str(tmp_path / "elsewhere")
    assert cloud("status", made["task_id"], "--json", HEADSWAP_DATA_DIR=elsewhere).value["kind"] == "task"
    assert (
        cloud("status", made["analysis_id"], "--json", HEADSWAP_DATA_DIR=elsewhere).value["kind"]
        == "analysis"
    )
    assert cloud("status", "f" * 24, code=13, HEADSWAP_DATA_DIR=elsewhere).out == ""


def test_status_of_a_finished_run_needs_no_service(cloud: Headswap, service: HeadSwapService) -> None:
    made = cloud("run", VIDEO, "--face", FACE, "--json").value
    asked = len(service.requests)
    value = cloud("status", made["run_id"], "--json").value
    assert (value["kind"], value["status"], value["output"]) == ("run", "completed", made["output"])
    assert len(service.requests) == asked


def test_status_of_a_run_that_only_analysed_is_completed(cloud: Headswap, service: HeadSwapService) -> None:
    run_id = cloud("analyze", VIDEO, "--json").value["run_id"]
    asked = len(service.requests)
    assert cloud("status", run_id, "-q").out == "completed\n"
    assert len(service.requests) == asked


def test_status_of_several_ids_is_an_array(cloud: Headswap) -> None:
    made = cloud("run", VIDEO, "--face", FACE, "--json").value
    values = cloud("status", made["task_id"], made["analysis_id"], "--json").value
    assert [value["kind"] for value in values] == ["task", "analysis"]


def test_status_wait_in_json_prints_a_line_a_change(cloud: Headswap, service: HeadSwapService) -> None:
    task = cloud("run", VIDEO, "--face", FACE, "--detach").out.strip()
    service.polls[TASK_PATH] = 1
    lines = [json.loads(line) for line in cloud("status", task, "--wait", "--json").out.splitlines()]
    assert [line["status"] for line in lines] == ["processing", "completed"]
    assert lines[-1]["output_url"]


def test_download_of_an_unknown_id_is_named_by_its_task(cloud: Headswap, tmp_path: Path) -> None:
    task = cloud("run", VIDEO, "--face", FACE, "--json").value["task_id"]
    ran = cloud("download", task, HEADSWAP_DATA_DIR=str(tmp_path / "elsewhere"))
    assert ran.out == f"{task}.headswap.mp4\n"


def test_download_of_a_run_uses_the_name_of_its_video(cloud: Headswap) -> None:
    task = cloud("run", VIDEO, "--face", FACE, "--detach").out.strip()
    cloud("status", task, "--wait")
    assert cloud("download", task).out == "a_clip.headswap.mp4\n"


def test_a_detached_run_is_downloaded_to_where_it_was_to_go(cloud: Headswap) -> None:
    cloud("run", VIDEO, "--face", FACE, "--detach", "-o", "there.mp4")
    task = cloud("run", VIDEO, "--face", FACE, "--detach", "-o", "{task_id}.mp4").out.strip()
    assert cloud("download", task).out == f"{task}.mp4\n"


def test_a_run_tells_its_id_on_stderr(cloud: Headswap) -> None:
    ran = cloud("run", VIDEO, "--face", FACE)
    (line,) = [line for line in ran.err.splitlines() if line.startswith("run run-")]
    assert cloud("status", line.removeprefix("run "), "-q").out == "completed\n"


def test_a_run_stopped_during_its_analysis_is_not_completed_and_names_the_way_on(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[ANALYSIS_PATH] = 10_000
    error = cloud("run", VIDEO, "--face", FACE, "--timeout", "1s", "--json", code=4).value["error"]
    service.polls[ANALYSIS_PATH] = 0
    ran = cloud("status", error["run_id"], "--wait", code=4)
    assert "completed" not in ran.out
    way_on = ran.err.split("no task was created; ")[1].split()
    assert way_on[:3] == ["headswap", "resume", error["run_id"]]
    assert cloud(*way_on[1:3], "-q").out == "a_clip.headswap.mp4\n"


def test_an_analysis_that_was_left_at_its_command_is_all_that_its_run_was_for(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[ANALYSIS_PATH] = 10_000
    run_id = cloud("analyze", VIDEO, "--timeout", "1s", "--json", code=4).value["error"]["run_id"]
    service.polls[ANALYSIS_PATH] = 0
    assert cloud("status", run_id, "--wait", "-q").out == "completed\n"


def test_a_run_whose_download_broke_is_asked_of_the_service(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.media.respond = lambda request: Answer(b"gone", 404)  # type: ignore[method-assign]
    run_id = cloud("run", VIDEO, "--face", FACE, "--json", code=13).value["error"]["run_id"]
    assert cloud("status", run_id, "-q").out == "completed\n"


def test_download_to_stdout_is_the_video_and_nothing_else(cloud: Headswap) -> None:
    task = cloud("run", VIDEO, "--face", FACE, "--detach").out.strip()
    cloud("status", task, "--wait")
    command = cloud.command("download", task, "-o", "-")
    done = subprocess.run(command, cwd=cloud.cwd, env=cloud.env, capture_output=True, check=True)
    assert done.stdout == tiny_video()
    assert not list(cloud.cwd.iterdir())


def test_download_of_an_unfinished_task_is_exit_4(cloud: Headswap, service: HeadSwapService) -> None:
    service.polls[TASK_PATH] = 100
    task = cloud("run", VIDEO, "--face", FACE, "--detach").out.strip()
    assert f"headswap status {task} --wait" in cloud("download", task, code=4).err


def test_a_passed_deadline_is_exit_4_with_the_command_to_wait_on(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[TASK_PATH] = 10_000
    ran = cloud("run", VIDEO, "--face", FACE, "--timeout", "2s", "--json", code=4)
    error = ran.value["error"]
    assert error["code"] == "deadline"
    assert error["run_id"]
    assert error["hint"] == f"Wait on and save it: headswap resume {error['run_id']}"
    assert not list(cloud.cwd.iterdir())


@pytest.mark.parametrize("path", [ANALYSIS_PATH, TASK_PATH])
def test_a_failure_is_exit_3_with_the_reason(cloud: Headswap, service: HeadSwapService, path: str) -> None:
    service.errors[path] = "No face \x1b[31mfound\x1b[0m [bold]here"
    ran = cloud("run", VIDEO, "--face", FACE, code=3)
    assert "failed: No face found [bold]here" in ran.err
    assert "\x1b" not in ran.err
    assert ran.out == ""


def test_status_wait_returns_the_verdict_as_its_code(cloud: Headswap, service: HeadSwapService) -> None:
    service.errors[TASK_PATH] = "Out of memory"
    task = cloud("run", VIDEO, "--face", FACE, "--detach").out.strip()
    ran = cloud("status", task, "--wait", code=3)
    assert "failed" in ran.out
    assert "Out of memory" in ran.err
    assert cloud("status", task).out.count("failed") == 1


def test_a_video_with_nobody_in_it_is_exit_2_and_nothing_is_paid(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.people = 0
    assert "Nobody" in cloud("run", VIDEO, "--face", FACE, code=2).err
    assert service.creates == []


def test_a_person_who_is_not_there_is_exit_2_with_those_who_are(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.people = 2
    ran = cloud("run", VIDEO, "--face", f"3={FACE}", code=2)
    assert "found: 1 (obj_id 0), 2 (obj_id 1)" in ran.err
    assert service.creates == []


def test_without_a_face_the_people_are_listed_and_nothing_is_paid(
    cloud: Headswap, service: HeadSwapService
) -> None:
    error = cloud("run", VIDEO, "--json", code=2).value["error"]
    assert "1 (obj_id 0)" in error["message"]
    assert error["hint"].startswith(f"headswap swap {error['analysis_id']} --face 1=")
    assert service.creates == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Answer({"code": 1101, "msg": "Invalid token"}), 10),
        (Answer({"code": 1104, "msg": "Insufficient balance"}), 11),
        (Answer({"code": 1003, "msg": "Parameter error"}), 12),
        (Answer({"code": 1014, "msg": "Not found"}), 13),
        (Answer({"code": 4711, "msg": "Something else"}), 1),
        (Answer(b"<html>bad gateway</html>", 502), 5),
        (reset, 5),
    ],
)
def test_every_answer_to_a_create_has_its_exit_code_and_it_is_sent_once(
    cloud: Headswap, service: HeadSwapService, fault: Fault, code: int
) -> None:
    service.script(CREATE_PATH, fault)
    ran = cloud("run", VIDEO, "--face", FACE, code=code)
    assert len(service.creates) == 1
    assert service.api_key not in ran.out + ran.err
    assert not list(cloud.cwd.iterdir())


def test_an_unanswered_create_is_unknown_in_the_journal(cloud: Headswap, service: HeadSwapService) -> None:
    service.script(CREATE_PATH, reset)
    run_id = cloud("run", VIDEO, "--face", FACE, "--json", code=5).value["error"]["run_id"]
    assert cloud("status", run_id, "--json").value["status"] == "unknown"


def test_a_watch_survives_a_fault_of_the_service(cloud: Headswap, service: HeadSwapService) -> None:
    service.script(TASK_PATH, Answer(b"bad gateway", 502))
    cloud("run", VIDEO, "--face", FACE)
    assert len(service.creates) == 1


def test_the_key_goes_to_the_service_and_nowhere_else(cloud: Headswap, service: HeadSwapService) -> None:
    ran = cloud("run", VIDEO, "--face", FACE, "--verbose")
    assert all(request.headers["x-api-key"] == service.api_key for request in service.requests)
    assert service.media.requests
    assert all(service.api_key not in str(request) for request in service.media.requests)
    assert service.api_key not in ran.out + ran.err
    assert "Signature" not in ran.err
    for file in cloud.data.rglob("*"):
        assert not file.is_file() or service.api_key.encode() not in file.read_bytes()


def test_verbose_tells_every_request_on_stderr(cloud: Headswap, service: HeadSwapService) -> None:
    err = cloud("run", VIDEO, "--face", FACE, "-v").err
    assert f"POST {service.url}{CREATE_PATH} -> 200" in err


def test_quiet_leaves_stderr_empty(cloud: Headswap) -> None:
    assert cloud("run", VIDEO, "--face", FACE, "-q").err == ""


def test_progress_off_a_terminal_is_a_line_a_change(cloud: Headswap, service: HeadSwapService) -> None:
    service.polls = {ANALYSIS_PATH: 1, TASK_PATH: 1}
    err = cloud("run", VIDEO, "--face", FACE).err.splitlines()
    assert "analysis: processing" in err
    assert err.index("analysis: completed") < err.index("task: completed")
    assert len(err) == len(set(err))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_and_names_the_one_to_go_on_with(
    cloud: Headswap, service: HeadSwapService, number: int, code: int
) -> None:
    service.polls[TASK_PATH] = 10_000
    with cloud.start("run", VIDEO, "--face", FACE) as process:
        until = time.monotonic() + 30
        while not service.sent("GET", TASK_PATH) and time.monotonic() < until:
            process.poll()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert out == ""
    assert "headswap resume run-" in err


def test_a_signal_while_the_task_is_created_waits_for_its_id(
    cloud: Headswap, service: HeadSwapService
) -> None:
    struck = threading.Event()

    def late(connection: Connection) -> None:
        # The request has arrived; its answer comes only after the signal.
        struck.wait(30)
        service.respond(service.creates[0])(connection)

    service.script(CREATE_PATH, late)
    with cloud.start("run", VIDEO, "--face", FACE, "--json") as process:
        until = time.monotonic() + 30
        while not service.creates and time.monotonic() < until:
            process.poll()
        process.send_signal(signal.SIGINT)
        struck.set()
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["error"]["code"] == "stopped"
    (task,) = service.tasks
    assert cloud("download", task).out == "a_clip.headswap.mp4\n"


def test_a_fault_after_the_create_does_not_call_the_run_failed(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(TASK_PATH, Answer({"code": 1101, "msg": "Invalid token"}))
    error = cloud("run", VIDEO, "--face", FACE, "--json", code=10).value["error"]
    assert error["task_id"] == service.tasks[0]
    assert cloud("status", error["run_id"], "--wait", "-q").out == "completed\n"


def test_a_full_disk_behind_stderr_does_not_end_a_paid_run(cloud: Headswap, service: HeadSwapService) -> None:
    with Path("/dev/full").open("w") as full:
        command = cloud.command("run", VIDEO, "--face", FACE)
        done = subprocess.run(command, cwd=cloud.cwd, env=cloud.env, stdout=subprocess.PIPE, stderr=full)
    assert (done.returncode, done.stdout) == (0, b"a_clip.headswap.mp4\n")


def test_a_result_on_the_services_own_origin_is_fetched_without_the_key(
    cloud: Headswap, service: HeadSwapService
) -> None:
    made = service.respond
    video = tiny_video()

    def respond(request: Recorded) -> Answer:
        if request.path == "/own/result.mp4":
            return Answer(video)
        answer = made(request)
        if request.path == TASK_PATH:
            answer.body["data"]["video_url"] = f"{service.url}/own/result.mp4"
        return answer

    service.respond = respond  # type: ignore[method-assign]
    cloud("run", VIDEO, "--face", FACE)
    (fetched,) = service.sent("GET", "/own/result.mp4")
    assert "x-api-key" not in fetched.headers


@pytest.mark.parametrize(
    "flags", [("--mode", "face"), ("--any-length",), ("--tone", "reference"), ("--quality", "high")]
)
def test_flags_of_the_local_engine_are_refused_for_the_cloud(
    cloud: Headswap, service: HeadSwapService, flags: tuple[str, ...]
) -> None:
    (cloud.cwd / "jobs.csv").write_text(f"video,face\n{VIDEO},{FACE}\n")
    for words in (("run", VIDEO, "--face", FACE), ("swap", "an1", "--face", FACE), ("batch", "jobs.csv")):
        assert f"{flags[0]} is an option of the local engine" in cloud(*words, *flags, code=2).err
    assert service.requests == []


def test_a_second_photo_of_one_person_is_refused_for_the_cloud_before_anything_is_sent(
    cloud: Headswap, service: HeadSwapService
) -> None:
    told = cloud("run", VIDEO, "--face", f"1={FACE}", "--face", f"1={FACE}?2", code=2).err
    assert "Person 1 was given 2 photos" in told
    assert "takes one image a person" in told
    assert service.requests == []


def test_detached_there_is_no_video_for_stdout(cloud: Headswap, service: HeadSwapService) -> None:
    cloud("run", VIDEO, "--face", FACE, "--detach", "-o", "-", code=2)
    assert service.requests == []


def test_status_wait_of_an_unknown_outcome_is_exit_5(cloud: Headswap, service: HeadSwapService) -> None:
    service.script(CREATE_PATH, reset)
    run_id = cloud("run", VIDEO, "--face", FACE, "--json", code=5).value["error"]["run_id"]
    ran = cloud("status", run_id, "--wait", "--json", code=5)
    assert json.loads(ran.out.splitlines()[0])["status"] == "unknown"


def test_a_reader_that_goes_away_leaves_no_traceback(cloud: Headswap) -> None:
    with cloud.start("--help") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
