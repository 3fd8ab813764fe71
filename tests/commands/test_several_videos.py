"""``run`` with several videos: the same for each, none stopped by another."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from headswap_cli.wire import CREATE_PATH, TASK_PATH
from tests.commands.test_batch import FACE, fail_task, video
from tests.origin import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEOS = [video(number) for number in (1, 2, 3)]


def test_several_videos_are_saved_each_under_its_name(cloud: Headswap, service: HeadSwapService) -> None:
    ran = cloud("run", *VIDEOS, "--face", FACE)
    assert ran.out.splitlines() == [f"clip{number}.headswap.mp4" for number in (1, 2, 3)]
    assert "3 videos in" in ran.err
    assert len(service.creates) == 3


def test_several_as_json_are_an_array_in_the_order_given(cloud: Headswap) -> None:
    value = cloud("run", *VIDEOS, "--face", FACE, "--json").value
    assert [one["video"] for one in value] == VIDEOS
    assert {one["status"] for one in value} == {"completed"}


def test_one_alone_stays_an_object(cloud: Headswap) -> None:
    assert isinstance(cloud("run", VIDEOS[0], "--face", FACE, "--json").value, dict)


def test_several_go_to_names_made_of_a_template(cloud: Headswap) -> None:
    cloud("run", *VIDEOS, "--face", FACE, "-o", "{row}-{stem}.mp4", "-q")
    assert sorted(path.name for path in cloud.cwd.iterdir()) == ["1-clip1.mp4", "2-clip2.mp4", "3-clip3.mp4"]


def test_several_to_one_file_or_to_stdout_are_exit_2(cloud: Headswap, service: HeadSwapService) -> None:
    one = cloud("run", *VIDEOS, "--face", FACE, "-o", "one.mp4", code=2)
    assert "video 2: video 1 has the output" in one.err
    assert "too: name them apart, -o '{row}-{stem}.mp4'.\n" in one.err
    assert "column" not in one.err
    assert "can't go to stdout" in cloud("run", *VIDEOS, "--face", FACE, "-o", "-", code=2).err
    assert service.requests == []


def test_several_without_a_face_are_exit_2(cloud: Headswap, service: HeadSwapService) -> None:
    assert "video 1: no face was given: --face 1=IMAGE.\n" in cloud("run", *VIDEOS, code=2).err
    assert service.requests == []


def test_one_of_several_that_fails_stops_no_other_and_its_code_is_returned(
    cloud: Headswap, service: HeadSwapService
) -> None:
    fail_task(service, 2)
    value = cloud("run", *VIDEOS, "--face", FACE, "--json", code=3).value
    assert ["error" in one for one in value] == [False, True, False]


def test_several_again_are_skipped_and_new_pays_for_all(cloud: Headswap, service: HeadSwapService) -> None:
    cloud("run", *VIDEOS, "--face", FACE)
    assert [one["skipped"] for one in cloud("run", *VIDEOS, "--face", FACE, "--json").value] == [True] * 3
    assert len(service.creates) == 3
    cloud("run", *VIDEOS, "--face", FACE, "--new", "--force")
    assert len(service.creates) == 6
    assert service.sent("GET", TASK_PATH)


def test_one_that_is_done_elsewhere_is_told_with_its_place_and_not_counted_as_completed_now(
    cloud: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    made = cloud("run", VIDEOS[0], "--face", FACE, "--json").value["output"]
    cloud.cwd = tmp_path / "elsewhere"
    cloud.cwd.mkdir()
    ran = cloud("run", *VIDEOS[:2], "--face", FACE)
    assert f"video 1 (clip1): was completed before, {made} " in " ".join(ran.err.split())
    assert "1 completed, 1 before" in ran.err
    value = cloud("run", *VIDEOS[:2], "--face", FACE, "--json").value
    assert [(one["skipped"], one["output"]) for one in value] == [
        (True, made),
        (True, str(cloud.cwd / "clip2.headswap.mp4")),
    ]
    assert len(service.creates) == 2


def test_ctrl_c_between_two_tries_of_a_create_leaves_nothing_in_question(
    cloud: Headswap, service: HeadSwapService
) -> None:
    busy = Answer({"code": 1005, "msg": "slow down"}, headers={"Retry-After": "30"})
    service.script(CREATE_PATH, busy, busy)
    process = cloud.start("run", *VIDEOS[:2], "--face", FACE)
    while not service.creates:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert cloud("runs", "--status", "unknown", "--json").value == []
    cloud("run", *VIDEOS[:2], "--face", FACE)
    assert len(service.tasks) == 2


def test_an_output_folder_that_is_missing_is_told_with_the_command_that_makes_it(headswap: Headswap) -> None:
    told = headswap("run", *VIDEOS, "--face", FACE, "-o", "out/{stem}.mp4", code=2).err
    assert f"does not exist. (mkdir -p {headswap.cwd / 'out'})" in told


def test_a_row_whose_result_could_not_be_had_is_not_paid_for_again_but_asked_for(
    cloud: Headswap, service: HeadSwapService
) -> None:
    (cloud.cwd / "jobs.csv").write_text(f"video\n{VIDEOS[0]}\n")
    batch = ("batch", "jobs.csv", "--face", FACE, "--retry-failed")
    respond = service.media.respond
    service.media.respond = lambda request: Answer(b"not yet", 404)  # type: ignore[method-assign]
    said = cloud(*batch, code=13).out
    assert f"headswap download {service.tasks[0]}" in said
    service.media.respond = respond  # type: ignore[method-assign]
    cloud(*batch)
    assert len(service.tasks) == 1
