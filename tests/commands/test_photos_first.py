"""Photos on the local engine are judged before the video: a bad one is bad input, and nothing was begun."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli import wire
from tests import media
from tests.clips import plain_clip, plain_photo
from tests.conftest import Headswap
from tests.engine.engines import RunningEngine, until
from tests.terminals import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.media


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    """An engine that finds one person, with a stand-in for the slow pipeline."""
    with RunningEngine(tmp_path / "standin") as running:
        yield running


@pytest.fixture
def program(engine: RunningEngine, tmp_path: Path) -> Headswap:
    """The program that finds that engine at work."""
    cache = str(media.weights_dir().parent)
    return Headswap(tmp_path / "user", HEADSWAP_DATA_DIR=str(engine.data), HEADSWAP_CACHE_DIR=cache)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return plain_clip(tmp_path / "clip.mp4", seconds=4)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return [plain_photo(tmp_path / name) for name in ("me.png", "you.png")]


def test_every_bad_photo_is_told_before_the_video_is_sent(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(bad="no face")
    me, you = photos
    ran = program("run", clip, "--face", f"1={me}", "--face", f"2={you}", code=2)
    assert f"{me}: bad: no face. {you}: bad: no face" in ran.err.replace("\n", " ")
    assert "hint: Take other photos" in ran.err
    assert "video: transfer" not in ran.err
    assert "analysis" not in (engine.folder / "engine.log").read_text()
    (known,) = program("runs", "--json").value
    assert (known["status"], known["analysis_id"], known["task_id"]) == ("failed", None, None)


@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--json",), ("--detach",)])
def test_what_a_photo_is_warned_of_is_told_once_and_before_the_video_is_sent(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path], words: tuple[str, ...]
) -> None:
    engine.tell(smile="the face in the reference photo smiles: take another")
    # The stand-in's video is none: it does not play.
    ran = program("run", clip, "--face", f"1={photos[0]}", *words, code=None)
    told = ran.err.replace("\n", " ")
    assert told.count("the face in the reference photo smiles") == 1
    assert told.index(f"{photos[0]}: the face in the reference photo") < told.index("video: transfer")


def test_a_swap_warns_of_a_photo_once_and_one_that_is_quiet_leaves_that_to_the_next_command(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(smile="it smiles")
    analysis = program("analyze", "-q", clip).out.strip()
    swap = ("swap", analysis, "--face", f"1={photos[0]}", "--wait")
    assert f"{photos[0]}: it smiles\n" in program(*swap[:-1], "--dry-run").err
    quiet = program(*swap, "-q")
    assert "smiles" not in quiet.err
    again = program(*swap).err
    assert again.splitlines().count("person 1: it smiles") == 1
    waited = program(*swap, "--new", "--json")
    assert waited.err.count("it smiles") == 1
    assert "person 1: it smiles" in waited.value["notices"]


def test_a_rehearsal_tells_in_json_what_its_photos_are_warned_of_though_nobody_hears_of_it_else(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(smile="it smiles")
    face = ("--face", f"1={photos[0]}")
    ran = program("run", clip, *face, "--dry-run", "--json", "--quiet")
    assert (ran.err, ran.value["notices"]) == ("", [f"{photos[0]}: it smiles"])
    swap = program("swap", ran.value["analysis_id"], *face, "--dry-run", "--json").value
    assert swap["notices"] == [f"{photos[0]}: it smiles"]


def test_of_several_photos_of_one_person_the_hint_speaks_of_all(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(bad="photos 1 and 2 show different people")
    me, you = photos
    ran = program("run", clip, "--face", f"1={me}", "--face", f"1={you}", code=2)
    assert "hint: Take other photos, or leave out the one that the reason names" in ran.err


def test_the_same_run_goes_on_once_the_photo_will_do(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(bad="no face")
    command = ("run", clip, "--face", f"1={photos[0]}", "--detach")
    assert "hint: Take another photo" in program(*command, code=2).err
    engine.tell()
    assert program(*command, "-q").out.strip()


def test_a_swap_and_a_rehearsal_judge_photos_too(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    analysis = program("analyze", "-q", clip).out.strip()
    engine.tell(bad="no face")
    for command in (("swap", analysis), ("swap", analysis, "--dry-run"), ("run", clip, "--dry-run")):
        assert "bad: no face" in program(*command, "--face", f"1={photos[0]}", code=2).err
    assert "task" not in (engine.folder / "engine.log").read_text()


def test_photos_behind_urls_are_read_by_the_task_alone(
    program: Headswap, engine: RunningEngine, clip: Path
) -> None:
    engine.tell(bad="no face")
    ran = program("run", clip, "--face", "1=http://127.0.0.1:1/me.jpg", code=3)
    assert "The photo could not be fetched" in ran.err
    # Its host may answer the next time.
    assert "refused each time" not in ran.err
    assert "to try the same again: " in ran.err.replace("\n", " ")


def test_photos_of_people_who_are_numbered_in_two_ways_are_left_to_the_task(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    # They may be two of one person, of which the second may be from the side.
    engine.tell(bad="no face")
    me, you = photos
    command = ("run", clip, "--face", f"1={me}", "--face", f"obj:0={you}", "--detach", "-q")
    assert program(*command).out.strip()


def test_a_busy_engine_judges_the_photos_after_the_job_that_it_is_at(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(hold=True)
    other = engine.analyze(engine.put(clip.read_bytes() + b"!"))
    engine.processing(wire.ANALYSIS_PATH, other)
    running = program.start("run", clip, "--face", f"1={photos[0]}")
    assert running.stderr is not None
    told = next(line for line in running.stderr if "at work on another job" in line)
    assert told
    engine.tell(bad="no face")
    _, said = running.communicate()
    assert running.returncode == 2
    assert "bad: no face" in said


def test_where_nothing_is_paid_nothing_is_said_of_paying(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path], tmp_path: Path
) -> None:
    other = plain_clip(tmp_path / "other.mp4", seconds=5)
    one = program("run", clip, "--face", f"1={photos[0]}", "--dry-run")
    assert one.out.startswith(
        f"Nothing was made. This is what would be sent to the local engine:\nPOST {wire.CREATE_PATH}\n"
    )
    assert "balance" not in one.out
    several = program("run", clip, other, "--face", f"1={photos[0]}", "--dry-run")
    assert "video 2 (other.mp4): would be made\n" in several.err
    assert "2 videos in" in several.err
    assert "2 would be made, nothing was" in several.err
    assert "hint: Mend these videos" in program("run", clip, other, code=2).err
    engine.tell(then="fault")
    failed = program("run", clip, other, "--face", f"1={photos[0]}", code=3)
    assert "To try again: --new" in failed.err
    for ran in (one, several, failed):
        assert "paid" not in ran.out + ran.err
        assert "credits" not in ran.out + ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
def test_a_photo_that_is_typed_is_judged_before_the_next_question(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(bad="no face", people=2)
    with Screen(program, "run", clip, columns=120) as screen:
        screen.until("Esc leaves")
        assert "paid" not in screen.text
        screen.press("\r")
        screen.until("The photo for person 1")
        screen.press(f"{photos[0]}\r")
        screen.until("bad: no face")
        screen.press("\x1b")
        assert screen.ended() == 130
    assert "task" not in (engine.folder / "engine.log").read_text()


def test_a_row_of_a_batch_with_a_bad_photo_is_bad_input_too(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(bad="no face")
    (program.cwd / "jobs.csv").write_text(f"video,face\n{clip},1={photos[0]}\n")
    ran = program("batch", "jobs.csv", "--json", code=2)
    assert "bad: no face" in ran.out


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C reaches all its processes")
def test_what_waits_for_its_photos_to_be_judged_is_ended_in_its_own_terminal_alone(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(hold=True)
    other = engine.analyze(engine.put(clip.read_bytes() + b"!"))
    engine.processing(wire.ANALYSIS_PATH, other)
    waiting = program.start("run", clip, "--face", f"1={photos[0]}")
    assert waiting.stderr is not None
    assert next(line for line in waiting.stderr if "at work on another job" in line)
    (known,) = program("runs", "--json").value
    run_id = known["run_id"]
    assert known["status"] == "unsent"
    for listed in (program("runs").out, program("runs", "show", run_id).out):
        assert "another headswap is at work on it" in listed
        assert "headswap resume" not in listed
    said = program("cancel", run_id, code=2).err
    assert f"{run_id} still waits in another headswap, which has submitted nothing to cancel yet." in said
    assert "hint: Ctrl-C in that terminal ends it." in said
    said = program("runs", "forget", run_id, "--force", code=2).err
    assert f"at work on the run {run_id}; nothing was forgotten." in said
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert f"Stopped. Nothing was submitted yet; to go on: headswap resume {run_id}; to end it" in said
    assert program("runs", "--status", "unsent", "-q").out == f"{run_id}\n"
    assert program("runs", "--status", "queued", "-q").out.strip() in {"", "No runs."}
    assert program("status", run_id, "-q").out == "unsent\n"
    assert program("cancel", run_id).out == f"Cancelled the run {run_id}, which had submitted nothing.\n"
    assert program("status", run_id, "-q").out == "cancelled\n"
    assert program("runs", "forget", run_id, "--force", "-q").out == f"{run_id}\n"


def test_waiting_for_a_run_of_another_terminal_follows_it_from_its_photos_to_its_task(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(hold=True)
    other = engine.analyze(engine.put(clip.read_bytes() + b"!"))
    engine.processing(wire.ANALYSIS_PATH, other)
    working = program.start("run", clip, "--face", f"1={photos[0]}", "--detach", "-q")
    (run,) = until(lambda: program("runs", "--json").value, bool)
    run_id = run["run_id"]
    assert "nothing was submitted; another headswap is at work on the run" in program("status", run_id).out
    ran = program("status", run_id, "--wait", "--timeout", "1s", code=4)
    assert f"Another headswap is still at work on the run {run_id} after 1s." in ran.err
    assert f"hint: Wait on: headswap status {run_id} --wait\n" in ran.err
    with Screen(program, "run", clip, "--face", f"1={photos[0]}", "--new", "--detach") as screen:
        screen.until("photos ")
        screen.until("queued")
        screen.press("\x03")
        assert screen.ended() == 130
    waiting = program.start("status", run_id, "--wait", "--json")
    assert waiting.stderr is not None
    assert "another headswap is at work on" in waiting.stderr.readline()
    engine.tell()
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert {(line["id"], line["kind"]) for line in lines} == {(run_id, "run")}
    assert (lines[0]["status"], lines[-1]["status"]) == ("unsent", "completed")
    assert "no task was created" not in out
    working.communicate(timeout=60)


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C reaches all its processes")
@pytest.mark.parametrize("words", [("run", "--face"), ("run", "--dry-run", "--face")])
def test_waiting_for_a_run_that_was_stopped_before_it_submitted_anything_is_exit_4_and_names_the_way_on(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path], words: tuple[str, ...]
) -> None:
    engine.tell(hold=True)
    engine.processing(wire.ANALYSIS_PATH, engine.analyze(engine.put(clip.read_bytes() + b"!")))
    stopped = program.start(words[0], clip, *words[1:], f"1={photos[0]}")
    assert stopped.stderr is not None
    assert next(line for line in stopped.stderr if "at work on another job" in line)
    stopped.send_signal(signal.SIGINT)
    stopped.communicate(timeout=60)
    run_id = program("runs", "-q").out.strip()
    is_real = "--dry-run" not in words
    way_on = f"headswap resume {run_id}" if is_real else "the same command again begins it"
    assert f"unsent  0%    nothing was submitted; {way_on}\n" in program("status", run_id).out
    listed = program("runs").out.splitlines()[1].split()
    assert listed[4:] == ["clip.mp4", "unsent", *(way_on.split() if is_real else ["-"])]
    ran = program("status", run_id, "--wait", code=4)
    assert f"error: The run {run_id} is not over: nothing was submitted; {way_on}\n" in ran.err
    both = program("status", run_id, "0" * 24, "--wait", code=13)
    assert f"The run {run_id} is not over: nothing was submitted; {way_on}\n" in both.err


@pytest.mark.parametrize("case", [(6, "5 %"), (1, "less than 1 %"), (60, None)])
def test_of_whom_most_of_the_video_shows_no_face_is_told_before_the_task_is_created(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path], case: tuple[int, str | None]
) -> None:
    seen, share = case
    engine.tell(seen=seen)
    told = f"person 1: there is a face to follow in {share} of the video, which is all that can be swapped\n"
    run = program("run", clip, "--face", f"1={photos[0]}", "--dry-run", "--json")
    assert (told in run.err) == (share is not None)
    analysis = run.value["analysis_id"]
    swap = program("swap", analysis, "--face", f"1={photos[0]}", "--dry-run").err
    assert (told in swap) == (share is not None)
    assert ("all that can be swapped" in run.err + swap) == (share is not None)


def test_where_the_time_is_over_before_a_run_has_its_task_the_run_is_what_to_wait_on(
    program: Headswap, engine: RunningEngine, clip: Path, photos: list[Path]
) -> None:
    engine.tell(hold=True)
    working = program.start("run", clip, "--face", f"1={photos[0]}", "--detach", "-q")
    runs = until(lambda: program("runs", "--json").value, lambda runs: runs and runs[0]["analysis_id"])
    run_id = runs[0]["run_id"]
    ran = program("status", run_id, "--wait", "--timeout", "1s", code=4)
    assert "is still processing after 1s; it goes on." in ran.err
    assert f"hint: Wait on: headswap status {run_id} --wait\n" in ran.err
    engine.tell()
    _, said = working.communicate(timeout=60)
    assert working.returncode == 0, said
