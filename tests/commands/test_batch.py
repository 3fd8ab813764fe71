"""Many runs from a file: a row each, none stopped by another, none paid for twice."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from headswap_cli.commands.batch import columns
from headswap_cli.wire import ANALYZE_PATH, BALANCE_PATH, CREATE_PATH, TASK_PATH
from tests.clips import plain_clip
from tests.origin import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import Headswap, Ran
    from tests.loopback import HeadSwapService
    from tests.origin import Fault, Recorded

FACE = "https://example.com/me.jpg"


def video(number: int) -> str:
    return f"https://example.com/clip{number}.mp4"


def csv(headswap: Headswap, rows: int, *, face: str = FACE) -> str:
    """Write a batch of so many rows and return the file's name."""
    lines = [f"{video(number)},{face}" for number in range(1, rows + 1)]
    (headswap.cwd / "jobs.csv").write_text("\n".join(["video,face", *lines, ""]))
    return "jobs.csv"


def lines(ran: Ran) -> list[dict[str, Any]]:
    """The values of a stream of JSON Lines, by row."""
    return sorted((json.loads(line) for line in ran.out.splitlines()), key=lambda value: value["row"])


def fail_task(service: HeadSwapService, *numbers: int) -> None:
    """Let the tasks of these videos end as failed."""
    respond, wanted = service.respond, {video(number) for number in numbers}

    def told(request: Recorded) -> Answer:
        answer = respond(request)
        if request.path == TASK_PATH and isinstance(answer.body, dict):
            data = answer.body.get("data", {})
            if data.get("source_video_url") in wanted:
                data |= {"status": 4, "error_reason": "No face found"}
        return answer

    service.respond = told  # type: ignore[method-assign]


def test_every_row_is_saved_and_the_summary_counts_them(cloud: Headswap, service: HeadSwapService) -> None:
    service.price = 2.0
    ran = cloud("batch", csv(cloud, 5))
    assert ran.out.startswith("5 rows in ")
    assert "5 completed; the balance fell by 10 credits" in ran.out
    assert sorted(path.name for path in cloud.cwd.glob("*.mp4")) == [
        f"clip{number}.headswap.mp4" for number in range(1, 6)
    ]
    assert len(service.creates) == 5
    assert "[5/5] row " in ran.err


def test_json_is_a_line_a_row_with_the_fields_of_a_run(cloud: Headswap) -> None:
    alone = cloud("run", video(9), "--face", FACE, "--json").value
    rows = lines(cloud("batch", csv(cloud, 3), "--json"))
    assert [row["row"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert set(alone) <= set(row)
        assert row["status"] == "completed"
        assert row["video"] == video(row["row"])


def test_quiet_prints_the_paths_alone(cloud: Headswap) -> None:
    ran = cloud("batch", csv(cloud, 2), "-q")
    assert sorted(ran.out.splitlines()) == ["clip1.headswap.mp4", "clip2.headswap.mp4"]
    assert ran.err == ""


def test_quiet_still_tells_on_stderr_which_rows_failed(cloud: Headswap, service: HeadSwapService) -> None:
    fail_task(service, 2)
    ran = cloud("batch", csv(cloud, 3), "-q", code=3)
    assert len(ran.out.splitlines()) == 2
    assert ran.err.startswith("row 2 (clip2): error: The task failed: No face found")


def test_verbose_shows_every_request(cloud: Headswap, service: HeadSwapService) -> None:
    err = cloud("batch", csv(cloud, 3), "--verbose").err
    assert len([line for line in err.splitlines() if " -> 200" in line]) >= len(service.requests)


def test_a_row_that_fails_stops_no_other_and_its_code_is_the_batchs(
    cloud: Headswap, service: HeadSwapService
) -> None:
    fail_task(service, 2)
    ran = cloud("batch", csv(cloud, 4), "--json", code=3)
    rows = lines(ran)
    assert [row.get("status") for row in rows] == ["completed", None, "completed", "completed"]
    error = rows[1]["error"]
    assert (error["code"], error["exit_code"]) == ("failed", 3)
    assert "No face found" in error["message"]
    assert error["run_id"]


def test_the_summary_names_each_row_that_failed(cloud: Headswap, service: HeadSwapService) -> None:
    fail_task(service, 1, 3)
    out = cloud("batch", csv(cloud, 4), code=3).out.splitlines()
    assert "2 completed, 2 failed" in out[0]
    assert [line.partition(":")[0] for line in out[1:] if line.startswith("row ")] == [
        "row 1 (clip1)",
        "row 3 (clip3)",
    ]
    assert "nothing is paid for twice" in out[-1]


def test_fail_fast_begins_no_other_row(cloud: Headswap, service: HeadSwapService) -> None:
    fail_task(service, 1)
    ran = cloud("batch", csv(cloud, 20), "--fail-fast", "--parallel", "1", code=3)
    assert len(service.creates) == 1
    assert "19 not begun" in ran.out


def test_at_most_so_many_rows_are_under_way(cloud: Headswap, service: HeadSwapService) -> None:
    open_tasks, most = set[str](), 0
    act_on = service.act_on

    def act(request: Recorded) -> Fault:
        nonlocal most
        if request.path == ANALYZE_PATH:
            open_tasks.add(request.json["video_url"])
            most = max(most, len(open_tasks))
        answer = act_on(request)
        if request.path == TASK_PATH and isinstance(answer, Answer) and isinstance(answer.body, dict):
            open_tasks.discard(answer.body["data"]["source_video_url"])
        return answer

    service.act_on = act  # type: ignore[method-assign]
    cloud("batch", csv(cloud, 9), "--parallel", "3")
    assert most <= 4  # the third may be over here before its end is known there


def test_flags_hold_for_the_rows_that_do_not_say_otherwise(cloud: Headswap, service: HeadSwapService) -> None:
    rows = [
        {"video": video(1)},
        {"video": video(2), "resolution": "720p", "no_sound": False, "face": "https://example.com/you.jpg"},
    ]
    stdin = "\n".join(map(json.dumps, rows))
    cloud("batch", "-", "--face", FACE, "--resolution", "480p", "--no-sound", "-o", "{row}.mp4", stdin=stdin)
    sent = {request.json["video_url"]: request.json for request in service.creates}
    one, two = sent[video(1)], sent[video(2)]
    assert (one["resolution"], one["keep_original_sound"]) == ("480p", False)
    assert (two["resolution"], two["keep_original_sound"]) == ("720p", True)
    assert [one["mappings"][0]["img_url"], two["mappings"][0]["img_url"]] == [
        FACE,
        "https://example.com/you.jpg",
    ]
    assert sorted(path.name for path in cloud.cwd.glob("*.mp4")) == ["1.mp4", "2.mp4"]


def test_paths_start_from_the_folder_of_the_file(cloud: Headswap) -> None:
    folder = cloud.cwd / "sub"
    (folder / "out").mkdir(parents=True)
    (folder / "jobs.csv").write_text(f"video,face,output\n{video(1)},{FACE},out/\n")
    cloud("batch", "sub/jobs.csv")
    assert (folder / "out" / "clip1.headswap.mp4").exists()


def refused(headswap: Headswap, content: str, *flags: str) -> tuple[str, list[dict[str, Any]]]:
    """Run a batch that is refused; return what people read, and the problems as values."""
    (headswap.cwd / "jobs.csv").write_text(content)
    told = headswap("batch", "jobs.csv", *flags, code=2).err
    return told, headswap("batch", "jobs.csv", *flags, "--json", code=2).value["error"]["rows"]


def test_every_wrong_row_is_listed_before_anything_is_sent(cloud: Headswap, service: HeadSwapService) -> None:
    content = (
        "video,face,resolution,quality,output\n"
        f"{video(1)},{FACE},720p,,a.mp4\n"
        f"gone.mp4,{FACE},720p,,b.mp4\n"
        f"{video(2)},0={FACE},900p,,c.mp4\n"
        f"{video(3)},,720p,,d.mp4\n"
        f"{video(4)},{FACE},720p,,a.mp4\n"
        f"{video(1)},{FACE},720p,standard,e.mp4\n"
        f"{video(5)},{FACE},720p,,nowhere/f.mp4\n"
    )
    told, rows = refused(cloud, content)
    assert "6 of 7 rows can't be done; nothing was sent." in told
    assert [row["row"] for row in rows] == [2, 3, 3, 4, 5, 6, 7]
    assert [row["line"] for row in rows] == [3, 4, 4, 5, 6, 7, 8]
    said = [row["message"] for row in rows]
    for words, message in zip(
        ["gone.mp4", "0=", "900p", "no face was given", "row 1 has the output", "row 1 asks", "nowhere"],
        said,
        strict=True,
    ):
        assert words in message
    assert service.requests == []


def test_every_mistake_of_a_row_is_listed(cloud: Headswap, service: HeadSwapService) -> None:
    content = (
        "video,face,resolution,mode,output\n"
        "gone.mp4,1=no.jpg;2=none.jpg,900p,,nowhere/a.mp4\n"
        "gone.mp4,1=no.jpg;1=none.jpg,720p,,nowhere/b.mp4\n"
        f"{video(1)},0={FACE};x=me.jpg,720p,,c.mp4\n"
    )
    _, rows = refused(cloud, content)
    said: dict[int, str] = {}
    for row in rows:
        said[row["row"]] = said.get(row["row"], "") + row["message"]
    assert [words in said[1] for words in ("900p", "gone.mp4", "no.jpg", "none.jpg")] == [True] * 4
    assert [words in said[2] for words in ("gone.mp4", "no.jpg", "none.jpg", "nowhere")] == [True] * 4
    assert "0=" in said[3]
    assert service.requests == []


def test_a_row_whose_video_is_too_long_names_the_flag_that_lifts_the_limit(
    cloud: Headswap, service: HeadSwapService
) -> None:
    plain_clip(cloud.cwd / "long.mp4", seconds=25)
    _, (row,) = refused(cloud, f"video,face\nlong.mp4,{FACE}\n")
    assert row["message"].endswith(
        "25.0 s long; the limits are 3-20 s; add --any-length (the local engine alone takes it: -p local)"
    )
    assert service.requests == []


def test_every_option_of_a_row_that_the_service_does_not_know_is_named(
    cloud: Headswap, service: HeadSwapService
) -> None:
    told, _ = refused(cloud, f"video,face,mode,tone\n{video(1)},{FACE},head,blend\n")
    assert "--mode, --tone are options of the local engine" in told
    assert service.requests == []


@pytest.mark.parametrize(
    ("content", "flags", "said"),
    [
        ("vidoe,face\na,b\n", (), "did you mean 'video'?"),
        (f"video,face,mode\n{video(1)},{FACE},head\n", (), "--mode is an option of the local engine"),
        (f"video,face,output\n{video(1)},{FACE},-\n", (), "can't go to stdout"),
        (f"video,face,timeout\n{video(1)},{FACE},soon\n", (), "'soon' is not a duration"),
        (f"video,face,webhook-url\n{video(1)},{FACE},hook\n", (), "'hook' is not an http(s) URL"),
        (f"video,face\n{video(1)},{FACE}\n", ("-o", "{nothing}.mp4"), "{nothing} in the output"),
    ],
)
def test_a_mistake_is_exit_2_and_nothing_is_sent(
    cloud: Headswap, service: HeadSwapService, content: str, flags: Sequence[str], said: str
) -> None:
    told, rows = refused(cloud, content, *flags)
    assert said in told
    assert said in rows[0]["message"]
    assert service.requests == []


def test_a_file_that_is_not_there_is_exit_2(cloud: Headswap) -> None:
    assert "'gone.csv' can't be read: No such file" in cloud("batch", "gone.csv", code=2).err


def test_the_columns_are_the_flags_of_run(tmp_path: Path) -> None:
    from tests.commands.test_help import COMMANDS

    flags = {
        parameter.name.replace("_", "-") for parameter in COMMANDS["run",].params if parameter.name != "help"
    }
    known = columns(tmp_path)
    assert {*known.names, *known.whole, *known.alone} >= {
        {"as-json": "json", "videos": "video"}.get(flag, flag) for flag in flags
    }


def test_a_wrong_key_ends_the_batch_and_not_each_row(cloud: Headswap, service: HeadSwapService) -> None:
    ran = cloud("batch", csv(cloud, 50), code=10, HEADSWAP_API_KEY="key-that-is-wrong")
    assert len(service.sent("POST", ANALYZE_PATH)) <= 16
    assert "not begun" in ran.out


def test_when_the_credits_are_used_up_no_row_is_begun_any_more(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.credit, service.price = 5.0, 2.0
    ran = cloud("batch", csv(cloud, 30), "--parallel", "2", code=11)
    assert "2 completed" in ran.out
    assert len(service.tasks) == 2
    assert len(service.creates) <= 5  # those that were being sent when the first was refused


def test_a_budget_holds_for_the_whole_batch(cloud: Headswap, service: HeadSwapService) -> None:
    service.price = 4.0
    ran = cloud("batch", csv(cloud, 30), "--max-credits", "10", code=11)
    assert len(service.creates) == 3
    assert "3 completed" in ran.out
    assert "names no price beforehand" in ran.err
    assert "12 credits of --max-credits 10 are spent" in ran.out


def test_a_budget_above_the_balance_is_refused_before_anything_is_sent(
    cloud: Headswap, service: HeadSwapService
) -> None:
    cloud("batch", csv(cloud, 3), "--max-credits", "101", code=11)
    assert {request.path for request in service.requests} == {BALANCE_PATH}


def test_a_dry_run_does_all_that_is_free_and_pays_nothing(cloud: Headswap, service: HeadSwapService) -> None:
    out = cloud("batch", csv(cloud, 3), "--dry-run").out
    assert "3 would be paid for, nothing was" in out
    assert service.creates == []
    rows = lines(cloud("batch", "jobs.csv", "--dry-run", "--json"))
    assert [row["request"]["body"]["video_url"] for row in rows] == [video(1), video(2), video(3)]


def test_detached_rows_print_their_task_ids(cloud: Headswap, service: HeadSwapService) -> None:
    ran = cloud("batch", csv(cloud, 3), "--detach", "-q")
    assert sorted(ran.out.splitlines()) == sorted(service.tasks)
    assert not list(cloud.cwd.glob("*.mp4"))


def test_throttling_is_borne_by_all_rows(cloud: Headswap, service: HeadSwapService) -> None:
    throttled = Answer({"code": 1005, "msg": "slow down"}, headers={"Retry-After": "1"})
    service.script(ANALYZE_PATH, throttled, throttled, throttled)
    service.script(CREATE_PATH, Answer(b"", 429))
    cloud("batch", csv(cloud, 4))
    assert len(service.tasks) == 4


def test_ctrl_c_leaves_what_was_submitted_and_tells_the_way_on(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.polls[TASK_PATH] = 10_000
    process = cloud.start("batch", csv(cloud, 3))
    assert process.stderr is not None
    while len(service.sent("GET", TASK_PATH)) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "3 are at work at the service" in err
    assert "Run the same command again" in err
    assert "Traceback" not in err


def test_ctrl_c_does_not_cut_off_a_create(cloud: Headswap, service: HeadSwapService) -> None:
    import threading

    answered, arrived = threading.Event(), threading.Event()
    act_on = service.act_on

    def act(request: Recorded) -> Fault:
        if request.path == CREATE_PATH:
            arrived.set()
            assert answered.wait(30)
        return act_on(request)

    service.act_on = act  # type: ignore[method-assign]
    process = cloud.start("batch", csv(cloud, 1))
    assert arrived.wait(30)
    process.send_signal(signal.SIGINT)
    answered.set()
    process.communicate(timeout=30)
    assert process.returncode == 130
    [task] = service.tasks
    assert cloud("status", task, "-q").out.strip() in {"queued", "processing", "completed"}
