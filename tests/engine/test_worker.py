"""What the worker does with an order, without the process around it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli import wire
from headswap_cli.engine.orders import KEPT_SCENES, Share, length_fault
from headswap_cli.engine.remote import Fetcher
from headswap_cli.engine.storage import MediaStore
from headswap_cli.engine.worker import Workbench
from tests import clips
from tests.engine.standin import SCRIPT, StandIn

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.orders import AnalysisOrder, Event, SwapOrder

SOURCE, PHOTO = "1" * 64, "2" * 64


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    """A store with one video and one photo."""
    store = MediaStore(tmp_path / "media")
    clips.plain_clip(tmp_path / "clip.mp4", seconds=3).replace(store.folder / "uploads" / SOURCE)
    (store.folder / "uploads" / PHOTO).write_bytes(b"a photo")
    return store


@pytest.fixture
def heard() -> list[Event]:
    """What the workbench said."""
    return []


@pytest.fixture
def bench(tmp_path: Path, media: MediaStore, heard: list[Event]) -> Workbench:
    return Workbench(media, lambda: StandIn(tmp_path), heard.append, Fetcher(public_only=True))


def analysis(number: int) -> AnalysisOrder:
    return {"kind": "analysis", "id": f"{number:024x}", "source": SOURCE, "any_length": False}


def swap(analysis_number: int) -> SwapOrder:
    return {
        "kind": "task",
        "id": "f" * 24,
        "analysis_id": f"{analysis_number:024x}",
        "source": SOURCE,
        "photos": {"0": [PHOTO]},
        "short_side": 720,
        "mode": None,
        "tone": None,
        "quality": None,
        "keep_sound": True,
    }


def analyses_before_the_swap(bench: Workbench, media: MediaStore, analysis_number: int) -> int:
    assert "done" in bench.perform(swap(analysis_number))
    said = json.loads((media.folder / "results" / f"{'f' * 24}.mp4").read_bytes())
    return int(said["analyses"])


def test_the_scenes_of_the_last_few_videos_are_kept_and_older_ones_are_found_anew(
    bench: Workbench, media: MediaStore
) -> None:
    for number in range(KEPT_SCENES + 1):
        bench.perform(analysis(number))
    made = KEPT_SCENES + 1
    assert analyses_before_the_swap(bench, media, 1) == made
    assert analyses_before_the_swap(bench, media, 0) == made + 1
    # Number 1 was in use meanwhile, so number 2 had to go.
    assert analyses_before_the_swap(bench, media, 1) == made + 1
    assert analyses_before_the_swap(bench, media, 2) == made + 2


def test_a_swap_that_must_analyse_first_shows_one_progress_over_both(
    bench: Workbench, heard: list[Event]
) -> None:
    bench.perform(swap(7))
    assert [event["progress"] for event in heard] == [25, 50, 75, 100]
    heard.clear()
    bench.perform(swap(7))
    assert [event["progress"] for event in heard] == [50, 100]


def test_media_that_is_gone_is_a_failure_that_names_it(bench: Workbench, media: MediaStore) -> None:
    (media.folder / "uploads" / PHOTO).unlink()
    failed = bench.perform(swap(1))["failed"]
    assert failed["code"] == wire.SERVER_FAULT
    assert failed["reason"] == f"FileNotFoundError: the engine holds no media {PHOTO} any more"


def test_a_bad_photo_is_told_before_the_video_is_looked_at(
    tmp_path: Path, bench: Workbench, heard: list[Event]
) -> None:
    (tmp_path / "standin.json").write_text('{"then": "bad photo"}')
    failed = bench.perform(swap(1))["failed"]
    assert (failed["code"], failed["reason"]) == (1003, "person 1: the reference photo shows no face")
    assert heard == []


def test_a_swap_that_fails_leaves_no_half_video(tmp_path: Path, bench: Workbench, media: MediaStore) -> None:
    (tmp_path / "standin.json").write_text('{"then": "bug"}')
    assert "failed" in bench.perform(swap(1))
    assert not list(media.drafts.iterdir())
    assert not list((media.folder / "results").iterdir())


@given(
    frames=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200))),
    since=st.integers(0, 50),
    upto=st.integers(50, 100),
)
def test_percents_only_grow_and_stay_within_their_share(
    frames: list[tuple[int, int]], since: int, upto: int
) -> None:
    heard: list[Event] = []
    share = Share(heard.append, since=since, upto=upto)
    for done, total in frames:
        share(done, total)
    percents = [event["progress"] for event in heard]
    assert percents == sorted(set(percents))
    assert all(since < percent <= upto for percent in percents)


@pytest.mark.parametrize(
    ("duration_s", "shown"), [(3.0, None), (20.0, None), (2.999, "2.999"), (20.04, "20.040"), (25.0, "25.0")]
)
def test_the_length_that_is_refused_is_shown_so_that_one_sees_why(
    duration_s: float, shown: str | None
) -> None:
    fault = length_fault(duration_s)
    if shown is None:
        assert fault is None
    else:
        assert fault is not None
        assert fault.startswith(f"The video lasts {shown} s; the limit is 3 to 20 s.")


def test_the_real_worker_ends_when_its_server_is_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headswap_cli.engine.worker", str(tmp_path), str(tmp_path / "cache")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_real_worker_ends_when_what_it_is_told_makes_no_sense(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headswap_cli.engine.worker", str(tmp_path), str(tmp_path / "cache")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        assert process.wait(30) == 1
        assert "KeyError" in process.stderr.read().decode()


def test_the_worker_ends_in_the_middle_of_its_work_when_its_server_is_gone(
    tmp_path: Path, media: MediaStore
) -> None:
    (tmp_path / "standin.json").write_text('{"hold": true}')
    command = [sys.executable, str(SCRIPT), str(media.folder.parent), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(analysis(1)).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"progress": 50}
        # What the system tells all processes at once is for the server to answer.
        process.terminate()
        assert json.loads(process.stdout.readline()) == {"progress": 100}
        process.stdin.close()
        assert process.wait(30) == 0


def test_without_weights_the_real_worker_says_how_to_get_them(tmp_path: Path, media: MediaStore) -> None:
    assert media.folder == tmp_path / "media"
    command = [sys.executable, "-m", "headswap_cli.engine.worker", str(tmp_path), str(tmp_path / "cache")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(analysis(1)).encode() + b"\n")
        process.stdin.flush()
        failed = json.loads(process.stdout.readline())["failed"]
        process.stdin.close()
    assert failed["code"] == wire.SERVER_FAULT
    assert failed["reason"].endswith("run: headswap serve --fetch")
    assert failed["trace"] is None
