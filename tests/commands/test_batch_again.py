"""A batch again: what is done, what failed, what was killed, and that nothing is paid for twice."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import BALANCE_PATH, CREATE_PATH, TASK_PATH
from tests.clips import plain_photo
from tests.commands.test_batch import FACE, csv, fail_task, lines, video
from tests.origin import reset, silence

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService


def test_what_is_done_is_skipped_and_nothing_is_sent(cloud: Headswap, service: HeadSwapService) -> None:
    first = lines(cloud("batch", csv(cloud, 4), "--json"))
    service.requests.clear()
    again = cloud("batch", "jobs.csv", "--json")
    assert {**first[0], "skipped": True} == lines(again)[0]
    assert [row["skipped"] for row in lines(again)] == [True] * 4
    assert {request.path for request in service.requests} <= {BALANCE_PATH}
    assert "4 rows in 0 s: 0 completed, 4 before" in cloud("batch", "jobs.csv").out
    assert sorted(cloud("batch", "jobs.csv", "-q").out.splitlines()) == [
        f"clip{number}.headswap.mp4" for number in range(1, 5)
    ]


def test_a_row_whose_task_was_saved_elsewhere_before_is_skipped_too_once_it_is_done(
    cloud: Headswap, service: HeadSwapService
) -> None:
    for first in ("first.mp4", "second.mp4"):
        cloud("run", video(1), "--face", FACE, "-o", first)
    (cloud.cwd / "jobs.csv").write_text(
        f"video,face,output\n{video(1)},{FACE},1.mp4\n{video(2)},{FACE},2.mp4\n"
    )
    assert "2 completed" in cloud("batch", "jobs.csv").out
    again = lines(cloud("batch", "jobs.csv", "--json"))
    assert [row["skipped"] for row in again] == [True, True]
    assert again[0]["output"] == str(cloud.cwd / "1.mp4")
    assert len(service.creates) == 2


def test_rows_that_were_added_are_done_and_the_others_are_not(
    cloud: Headswap, service: HeadSwapService
) -> None:
    cloud("batch", csv(cloud, 2))
    assert "1 completed, 2 before" in cloud("batch", csv(cloud, 3)).out
    assert len(service.creates) == 3


def test_rows_whose_task_failed_are_paid_for_again_only_where_that_is_said(
    cloud: Headswap, service: HeadSwapService
) -> None:
    respond = service.respond
    fail_task(service, 2)
    cloud("batch", csv(cloud, 3), code=3)
    assert "To pay again: --retry-failed" in cloud("batch", "jobs.csv", code=3).out
    assert len(service.creates) == 3
    service.respond = respond  # type: ignore[method-assign]
    ran = cloud("batch", "jobs.csv", "--retry-failed", "--json")
    assert [row["skipped"] for row in lines(ran)] == [True, False, True]
    assert len(service.creates) == 4
    assert "0 completed, 3 before" in cloud("batch", "jobs.csv", "--retry-failed").out
    assert len(service.creates) == 4


def test_results_that_were_deleted_are_fetched_again_and_not_paid_for(
    cloud: Headswap, service: HeadSwapService
) -> None:
    cloud("batch", csv(cloud, 3))
    (cloud.cwd / "clip2.headswap.mp4").unlink()
    assert "1 completed, 2 before" in cloud("batch", "jobs.csv").out
    assert len(service.creates) == 3


def test_a_create_that_was_not_answered_is_exit_5_and_never_sent_again(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(CREATE_PATH, reset)
    ran = cloud("batch", csv(cloud, 3), "--parallel", "1", "--json", code=5)
    assert [row.get("error", {}).get("exit_code") for row in lines(ran)] == [5, None, None]
    cloud("batch", "jobs.csv", code=5)
    assert len(service.creates) == 3


def test_two_rows_of_one_content_are_paid_for_once(
    cloud: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    photos = [plain_photo(cloud.cwd / name) for name in ("a.png", "b.png")]
    upload = cloud.cwd / "up.py"
    upload.write_text("import sys; print('https://example.com/' + sys.argv[2])")
    hosting = f"command: {sys.executable} {upload} {{path}} {{name}}"
    rows = [f"{video(1)},{photo.name},{photo.stem}.mp4" for photo in photos]
    (cloud.cwd / "jobs.csv").write_text("\n".join(["video,face,output", *rows]))
    cloud("batch", "jobs.csv", HEADSWAP_HOSTING=hosting)
    assert len(service.creates) == 1
    assert (cloud.cwd / "a.mp4").read_bytes() == (cloud.cwd / "b.mp4").read_bytes()
    again = lines(cloud("batch", "jobs.csv", "--json", HEADSWAP_HOSTING=hosting))
    assert [row["skipped"] for row in again] == [True, True]


@pytest.mark.parametrize("kills", [1, 3])
def test_a_killed_batch_is_gone_on_with_and_nothing_is_paid_for_twice(
    cloud: Headswap, service: HeadSwapService, kills: int
) -> None:
    service.polls[TASK_PATH] = 1
    rows = 24
    csv(cloud, rows)
    for kill in range(1, kills + 1):
        process = cloud.start("batch", "jobs.csv")
        while len(service.creates) < kill * rows // (2 * kills):
            assert process.poll() is None
        process.kill()
        process.communicate(timeout=30)
    ran = cloud("batch", "jobs.csv", "--json", code=None)
    values = lines(ran)
    # A kill may strike between the head of a request and its body.
    bought = [request.json["video_url"] for request in service.creates if request.body]
    assert len(set(bought)) == len(bought)
    # A create under way at the kill may have been lost: then it is honestly unknown.
    assert {row["error"]["exit_code"] for row in values if "error" in row} <= {5}
    assert sum("error" in row for row in values) <= 8 * kills
    assert {row["status"] for row in values if "error" not in row} == {"completed"}
    assert len(values) == rows


def test_a_second_ctrl_c_leaves_at_once_and_what_was_sent_is_unknown(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.script(CREATE_PATH, silence)
    process = cloud.start("batch", csv(cloud, 1))
    assert process.stderr is not None
    while not service.creates:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    while "stopping" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    cloud("batch", "jobs.csv", code=5)
    assert len(service.creates) == 1
