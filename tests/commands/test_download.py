"""``headswap download``, and the names that results get."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from headswap_cli.wire import TASK_PATH
from tests.loopback import HeadSwapService, tiny_video
from tests.origin import Answer, raw
from tests.transfer.ranged import Ranged

if TYPE_CHECKING:
    from tests.conftest import Headswap
    from tests.origin import Connection

VIDEO = "https://example.com/a%20clip.mp4?Signature=x%2By"
FACE = "https://example.com/me.jpg"
DEAD = Answer(b"<Error>Request has expired</Error>", 403)


def bought(cloud: Headswap, face: str = FACE) -> str:
    """Return the id of a finished task."""
    task = cloud("run", VIDEO, "--face", f"1={face}", "--detach").out.strip()
    cloud("status", task, "--wait")
    return task


def test_a_run_may_name_its_result_by_all_that_there_is(cloud: Headswap) -> None:
    ran = cloud("run", VIDEO, "--face", f"1={FACE}", "-o", "{stem}.{person}.{task_id}.mp4", "--json")
    name = f"a_clip.1.{ran.value['task_id']}.mp4"
    assert ran.value["output"] == str(cloud.cwd / name)
    assert [path.name for path in cloud.cwd.iterdir()] == [name]


def test_a_download_may_name_its_result_by_all_that_the_journal_knows(cloud: Headswap) -> None:
    task = bought(cloud)
    assert cloud("download", task, "-o", "{stem}.{person}.{task_id}.mp4").out == f"a_clip.1.{task}.mp4\n"


def test_an_unknown_placeholder_is_exit_2_before_anything_is_sent(
    cloud: Headswap, service: HeadSwapService
) -> None:
    assert (
        "{stem}, {task_id}, {person}, {date}"
        in cloud("run", VIDEO, "--face", FACE, "-o", "{name}.mp4", code=2).err
    )
    assert service.requests == []


def test_results_of_videos_with_one_name_are_never_saved_over_each_other(
    cloud: Headswap, service: HeadSwapService
) -> None:
    first, second = (
        bought(cloud),
        cloud("run", VIDEO, "--face", "https://example.com/you.jpg", "--detach").out,
    )
    cloud("status", second.strip(), "--wait")
    ids = (first, second.strip())
    service.media.requests.clear()
    assert "{task_id}" in cloud("download", *ids, "--force", code=2).err
    assert service.media.requests == []
    assert len(cloud("download", *ids, "-o", "{task_id}.mp4").out.splitlines()) == 2
    assert {path.name for path in cloud.cwd.iterdir()} == {f"{task}.mp4" for task in ids}


def test_a_dead_link_is_asked_for_anew_and_the_result_saved(
    cloud: Headswap, service: HeadSwapService
) -> None:
    task = bought(cloud)
    service.requests.clear()
    service.media.script(f"/r/{task}.mp4", DEAD)
    ran = cloud("download", task, "-o", "out.mp4")
    assert ran.out == "out.mp4\n"
    assert (cloud.cwd / "out.mp4").read_bytes() == tiny_video()
    assert len(service.sent("GET", TASK_PATH)) == 2


def test_a_result_that_is_gone_is_exit_13_after_one_new_link(
    cloud: Headswap, service: HeadSwapService
) -> None:
    task = bought(cloud)
    service.requests.clear()
    service.media.script(f"/r/{task}.mp4", *[DEAD] * 9)
    assert "is gone" in cloud("download", task, "-o", "out.mp4", code=13).err
    assert len(service.sent("GET", TASK_PATH)) == 2
    assert not list(cloud.cwd.iterdir())


def test_a_link_that_dies_on_the_way_costs_no_byte(cloud: Headswap, service: HeadSwapService) -> None:
    task, video = bought(cloud), tiny_video()
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(video)}\r\nETag: "a"\r\n\r\n'.encode()
    service.media.script(f"/files/{task}.mp4", raw(head + video[:1000]))
    cloud("download", task, "-o", "out.mp4", code=1)
    assert (cloud.cwd / "out.mp4.part").stat().st_size == 1000
    rest = {"Content-Range": f"bytes 1000-{len(video) - 1}/{len(video)}", "ETag": '"a"'}
    service.media.script(f"/files/{task}.mp4", DEAD, Answer(video[1000:], 206, rest))
    assert cloud("download", task, "-o", "out.mp4").out == "out.mp4\n"
    assert (cloud.cwd / "out.mp4").read_bytes() == video
    assert [path.name for path in cloud.cwd.iterdir()] == ["out.mp4"]
    asked = [request.headers.get("range") for request in service.media.sent("GET", f"/files/{task}.mp4")]
    assert asked == [None, "bytes=1000-", "bytes=1000-"]


def test_nothing_that_a_server_says_becomes_a_path(
    cloud: Headswap, service: HeadSwapService, tmp_path: Path
) -> None:
    task = bought(cloud)
    named = {"Content-Disposition": 'attachment; filename="../../evil.mp4"'}
    service.media.script(f"/files/{task}.mp4", Answer(tiny_video(), headers=named))
    before = set(tmp_path.rglob("*evil*"))
    cloud("download", task, "-o", f"new{os.sep}", code=2)
    cloud("download", task)
    assert set(tmp_path.rglob("*evil*")) == before
    assert [path.name for path in cloud.cwd.iterdir()] == ["a_clip.headswap.mp4"]


def test_a_download_that_is_killed_again_and_again_fetches_each_byte_once(
    cloud: Headswap, service: HeadSwapService
) -> None:
    task, video = bought(cloud), tiny_video()
    part, chance = cloud.cwd / "out.mp4.part", random.Random(5)
    stops = sorted(chance.sample(range(1, len(video)), 6))
    ends = [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)] * 2
    ranged = Ranged(video, hangs=True)
    for (number, code), stop in zip(ends, stops, strict=True):
        ranged.cut = stop - (part.stat().st_size if part.exists() else 0)
        service.media.script(f"/files/{task}.mp4", ranged)
        process = cloud.start("download", task, "-o", "out.mp4")
        while not (part.exists() and part.stat().st_size == stop):
            assert process.poll() is None, process.communicate()
        process.send_signal(number)
        process.communicate(timeout=30)
        assert process.returncode == code
        assert part.stat().st_size == stop
    service.media.script(f"/files/{task}.mp4", Ranged(video))
    cloud("download", task, "-o", "out.mp4")
    assert (cloud.cwd / "out.mp4").read_bytes() == video
    assert [path.name for path in cloud.cwd.iterdir()] == ["out.mp4"]
    asked = [request.headers.get("range") for request in service.media.sent("GET", f"/files/{task}.mp4")]
    assert asked == [None, *(f"bytes={stop}-" for stop in stops)]


def test_of_two_downloads_to_one_target_one_is_refused_and_the_other_unharmed(
    cloud: Headswap, service: HeadSwapService
) -> None:
    task, go_on = bought(cloud), threading.Event()

    def slowly(connection: Connection) -> None:
        go_on.wait(60)
        Answer(tiny_video())(connection)

    service.media.script(f"/files/{task}.mp4", slowly)
    first = cloud.start("download", task, "-o", "out.mp4")
    while not (cloud.cwd / "out.mp4.part").exists():
        assert first.poll() is None, first.communicate()
    assert "Another download" in cloud("download", task, "-o", "out.mp4", code=2).err
    go_on.set()
    assert first.communicate(timeout=30)[0] == "out.mp4\n"
    assert (cloud.cwd / "out.mp4").read_bytes() == tiny_video()


def test_the_same_download_of_several_goes_on_where_it_was_stopped(
    cloud: Headswap, service: HeadSwapService
) -> None:
    ids = [bought(cloud, f"https://example.com/{face}.jpg") for face in range(3)]
    words = ("download", *ids, "-o", "{task_id}.mp4")
    service.media.script(f"/r/{ids[1]}.mp4", Answer(b"", 404), Answer(b"", 404))
    ran = cloud(*words, code=13)
    assert ran.out.split() == [f"{ids[0]}.mp4", f"{ids[2]}.mp4"]
    assert ids[1] in ran.err
    service.media.requests.clear()
    assert cloud(*words).out.split() == [f"{task}.mp4" for task in ids]
    assert {Path(request.path).stem for request in service.media.requests} == {ids[1]}
    # What is not as it was saved is somebody's own work by now.
    (cloud.cwd / f"{ids[0]}.mp4").write_bytes(b"cut by the user")
    assert ids[0] in cloud(*words, code=2).err
    assert (cloud.cwd / f"{ids[0]}.mp4").read_bytes() == b"cut by the user"


def test_of_several_downloads_in_json_the_failed_one_is_an_entry(
    cloud: Headswap, service: HeadSwapService
) -> None:
    task = bought(cloud)
    saved, lost = cloud("download", task, "f" * 24, "--json", "-o", "{task_id}.mp4", code=13).value
    assert (saved["task_id"], saved["status"]) == (task, "completed")
    assert (lost["task_id"], lost["output"], lost["error"]["code"]) == ("f" * 24, None, "not_found")


def test_an_analysis_has_no_result_and_the_command_that_makes_one_is_told(cloud: Headswap) -> None:
    analysis = cloud("analyze", VIDEO, "-q").out.strip()
    said = cloud("download", analysis, code=13).err
    assert "is an analysis" in said
    assert f"headswap swap {analysis}" in said
