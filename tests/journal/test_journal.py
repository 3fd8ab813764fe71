"""What the journal keeps of a run, and in which order things may happen."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import (
    CreditsError,
    FailedError,
    HeadswapError,
    InputError,
    JobCancelledError,
    NetworkError,
    OutcomeUnknownError,
    RefusedError,
)
from headswap_cli.journal import Journal, StepKind, StepOrderError
from headswap_cli.models import Analysis, Person, Saved, Status

if TYPE_CHECKING:
    from collections.abc import Callable

VIDEO_URL = "https://example.com/clip.mp4?sig=1"
BODY = {"video_url": VIDEO_URL, "mappings": [{"obj_id": 0, "img_url": "https://example.com/me.jpg"}]}
ANALYSIS = Analysis(
    "a1", Status.COMPLETED, 3, VIDEO_URL, people=(Person(1, 0, "https://example.com/0.jpg"), Person(2, 1))
)
SAVED = Saved(Path("/out/clip.headswap.mp4"), 1466, "ab" * 32)


def begin(journal: Journal, source: str = "clip.mp4") -> str:
    return journal.begin(profile="akool", backend="akool", source=source, parameters={"resolution": "720p"})


def test_a_whole_run_is_kept_step_by_step_and_folded_into_one_row(journal: Journal) -> None:
    run_id = journal.begin(
        profile="local", backend="local", source="/v/clip.mp4", target="/out/x.mp4", parameters={"mode": None}
    )
    journal.published(run_id, "/v/clip.mp4", "cd" * 32, VIDEO_URL)
    journal.submitted(run_id, "a1")
    journal.analysed(run_id, ANALYSIS)
    journal.published(run_id, "/v/me.jpg", "ef" * 32, "https://example.com/me.jpg")
    journal.intend(run_id, BODY)
    journal.created(run_id, "t1")
    journal.state(run_id, Status.PROCESSING, 40.0)
    journal.state(run_id, Status.COMPLETED, 100.0)
    journal.done(run_id, SAVED)
    run = journal.find(run_id)
    assert run is not None
    assert (run.profile, run.backend, run.source, run.target) == (
        "local",
        "local",
        "/v/clip.mp4",
        "/out/x.mp4",
    )
    assert (run.status, run.progress, run.error) == (Status.COMPLETED, 100.0, None)
    assert (run.analysis_id, run.task_id, run.video_url) == ("a1", "t1", VIDEO_URL)
    assert (run.body, run.parameters) == (BODY, {"mode": None})
    assert (run.output, run.size_bytes, run.sha256) == (str(SAVED.path), 1466, "ab" * 32)
    assert (run.created_at, run.last_step) == (1000.0, StepKind.DONE)
    steps = journal.steps(run_id)
    assert [step.kind for step in steps] == [
        StepKind.PUBLISHED,
        StepKind.SUBMITTED,
        StepKind.ANALYSED,
        StepKind.PUBLISHED,
        StepKind.INTENDED,
        StepKind.CREATED,
        StepKind.STATE,
        StepKind.STATE,
        StepKind.DONE,
    ]
    assert [step.at for step in steps] == list(range(1001, 1010))
    assert steps[0].detail == {"source": "/v/clip.mp4", "sha256": "cd" * 32, "url": VIDEO_URL}
    assert steps[2].detail["people"][1] == {
        "person": 2,
        "obj_id": 1,
        "preview_url": None,
        "screen_share": None,
        "first_time_s": None,
        "box": None,
    }
    assert steps[4].detail == {"body": BODY, "balance": None}


def test_a_run_id_is_short_and_made_for_the_command_line(journal: Journal) -> None:
    ids = {begin(journal) for _ in range(50)}
    assert len(ids) == 50
    for run_id in ids:
        assert len(run_id) == 14
        assert run_id.startswith("run-")
        assert set(run_id[4:]) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_run_is_found_by_each_of_its_ids_newest_first(journal: Journal) -> None:
    first, second = begin(journal), begin(journal)
    for number, run_id in enumerate((first, second)):
        journal.submitted(run_id, "a1")
        journal.intend(run_id, BODY)
        journal.created(run_id, f"t{number}")
    found = {name: journal.find(name) for name in (first, second, "a1", "t0", "t1", "t2", "", "run-")}
    assert {name: run.run_id for name, run in found.items() if run} == {
        first: first,
        second: second,
        "a1": second,
        "t0": first,
        "t1": second,
    }


def test_runs_are_listed_newest_first_up_to_a_limit(journal: Journal) -> None:
    ids = [begin(journal) for _ in range(5)]
    assert [run.run_id for run in journal.runs(3)] == ids[:1:-1]
    assert len(journal.runs()) == 5


def test_a_state_is_written_only_when_it_changed(journal: Journal) -> None:
    run_id = begin(journal)
    journal.intend(run_id, BODY)
    journal.created(run_id, "t1")
    journal.state(run_id, Status.QUEUED, 0.0)
    for progress in (10.0, 10.0, 10.0, 20.0, 20.0):
        journal.state(run_id, Status.PROCESSING, progress)
    told = [step.detail["progress"] for step in journal.steps(run_id) if step.kind is StepKind.STATE]
    assert told == [10.0, 20.0]


def test_an_error_is_kept_with_its_class_and_code(journal: Journal) -> None:
    run_id = begin(journal)
    journal.intend(run_id, BODY)
    journal.failed(run_id, Status.FAILED, CreditsError("Not enough credits.", code=1104))
    run = journal.find(run_id)
    assert run is not None
    assert (run.status, run.error, run.task_id) == (Status.FAILED, "Not enough credits.", None)
    assert journal.steps(run_id)[-1].detail == {
        "status": "failed",
        "slug": "credits",
        "message": "Not enough credits.",
        "code": 1104,
    }


def test_a_result_saved_after_a_failed_download_ends_the_error(journal: Journal) -> None:
    run_id = begin(journal)
    journal.intend(run_id, BODY)
    journal.created(run_id, "t1")
    journal.failed(run_id, Status.FAILED, HeadswapError("broke off"))
    journal.done(run_id, SAVED)
    run = journal.find("t1")
    assert run is not None
    assert (run.status, run.error, run.output) == (Status.COMPLETED, None, str(SAVED.path))


def intend(journal: Journal, run_id: str) -> None:
    journal.intend(run_id, BODY)


def create(journal: Journal, run_id: str) -> None:
    journal.created(run_id, "t1")


def lose(journal: Journal, run_id: str) -> None:
    journal.failed(run_id, Status.UNKNOWN, OutcomeUnknownError("not confirmed"))


def refuse(journal: Journal, run_id: str) -> None:
    journal.failed(run_id, Status.FAILED, CreditsError("no"))


def waive(journal: Journal, run_id: str) -> None:
    journal.waive(run_id)


def fetch(journal: Journal, run_id: str) -> None:
    journal.fetching(run_id, "/out.mp4")


def submit(journal: Journal, run_id: str) -> None:
    journal.submitted(run_id, "a1")


def analyse(journal: Journal, run_id: str) -> None:
    journal.analysed(run_id, ANALYSIS)


def publish(journal: Journal, run_id: str) -> None:
    journal.published(run_id, "clip.mp4", None, VIDEO_URL)


def tell(journal: Journal, run_id: str) -> None:
    journal.state(run_id, Status.PROCESSING, 1.0)


def finish(journal: Journal, run_id: str) -> None:
    journal.done(run_id, SAVED)


@pytest.mark.parametrize(
    "steps",
    [
        [create],
        [submit, create],
        [tell],
        [finish],
        [intend, tell],
        [intend, finish],
        [intend, intend],
        [intend, submit],
        [intend, analyse],
        [intend, publish],
        [intend, create, create],
        [intend, create, intend],
        [intend, refuse, create],
        [intend, create, lose, intend],
        [intend, create, submit],
        [waive],
        [submit, waive],
        [intend, create, waive],
        [intend, lose, intend],
        [intend, lose, refuse, intend],
        [intend, lose, waive, create],
        [intend, fetch],
    ],
)
def test_an_impossible_order_is_refused_and_changes_nothing(
    journal: Journal, steps: list[Callable[[Journal, str], None]]
) -> None:
    run_id = begin(journal)
    for step in steps[:-1]:
        step(journal, run_id)
    before = (journal.find(run_id), journal.steps(run_id))
    with pytest.raises(StepOrderError):
        steps[-1](journal, run_id)
    assert (journal.find(run_id), journal.steps(run_id)) == before


@pytest.mark.parametrize(
    "steps",
    [
        [publish, submit, analyse, publish, intend, create, tell, finish, finish],
        [analyse, intend, create, finish],
        [refuse, publish, submit],
        [intend, refuse, intend, create],
        [intend, lose, create, tell, finish],
        [intend, lose, waive, intend, create],
        [intend, create, refuse, tell, finish],
    ],
)
def test_every_way_to_a_result_can_be_written(
    journal: Journal, steps: list[Callable[[Journal, str], None]]
) -> None:
    run_id = begin(journal)
    for step in steps:
        step(journal, run_id)
    assert len(journal.steps(run_id)) == len(steps)


def test_a_step_of_no_run_is_refused(journal: Journal) -> None:
    for step in (publish, submit, analyse, intend, create, tell, finish, refuse):
        with pytest.raises(StepOrderError):
            step(journal, "run-aaaaaaaaaa")


def test_any_path_and_message_can_be_kept(journal: Journal) -> None:
    source = os.fsdecode(b"/v/caf\xe9 \xf0\x9f\x99\x82 '; DROP TABLE runs; --.mp4")
    run_id = begin(journal, source)
    journal.failed(run_id, Status.FAILED, HeadswapError(f"{source} \ud800 can't be read"))
    run = journal.find(run_id)
    assert run is not None
    assert (run.source, run.error) == (source, f"{source} \ud800 can't be read")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_nobody_else_can_read_the_journal(path: Path) -> None:
    before = os.umask(0)
    try:
        with Journal(path) as journal:
            begin(journal)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"journal.sqlite3": 0o600, "journal.sqlite3-wal": 0o600, "journal.sqlite3-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_journal_that_others_could_read_is_closed_to_them(path: Path) -> None:
    with Journal(path):
        pass
    path.chmod(0o644)
    with Journal(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_outlives_its_process_and_is_opened_again(path: Path) -> None:
    with Journal(path) as journal:
        run_id = begin(journal)
    with Journal(path) as journal:
        assert journal.find(run_id) is not None


def test_a_file_that_is_no_journal_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"a diary, in plain words\n" * 100)
    with pytest.raises(InputError, match="journal") as caught:
        Journal(path)
    assert caught.value.hint
    assert path.read_bytes().startswith(b"a diary")


def test_a_journal_from_a_newer_version_is_refused_and_kept(path: Path) -> None:
    with Journal(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="newer"):
        Journal(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    connection.close()


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError):
        Journal(tmp_path / "file" / "journal.sqlite3")


def test_an_id_that_cannot_be_written_down_is_in_the_error(journal: Journal, path: Path) -> None:
    run_id = begin(journal)
    journal.intend(run_id, BODY)
    spoiler = sqlite3.connect(path)
    spoiler.execute("DROP TABLE steps")
    spoiler.close()
    with pytest.raises(HeadswapError, match="t-precious") as caught:
        journal.created(run_id, "t-precious")
    assert caught.value.ids == {"task_id": "t-precious"}


def test_an_analysis_stays_with_the_url_that_it_was_asked_for_by(journal: Journal) -> None:
    run_id = journal.begin(
        profile="akool", backend="akool", source="clip.mp4", source_key="abc", parameters={}
    )
    journal.submitted(run_id, "a1", VIDEO_URL)
    journal.published(run_id, "clip.mp4", "abc", "https://example.com/another")

    def _analyses(source_key: str = "abc", profile: str = "akool") -> list[tuple[str, str]]:
        return journal.analyses(source_key, profile, spoilt_by=["refused"])

    assert _analyses() == [("a1", VIDEO_URL)]
    for fault in (NetworkError("broke off"), FailedError("a bad photo")):
        journal.failed(run_id, Status.PROCESSING, fault)
        assert _analyses() == [("a1", VIDEO_URL)]
    assert _analyses(profile="other") == _analyses("other") == []
    journal.failed(run_id, Status.FAILED, RefusedError("no"))
    assert _analyses() == []


def cancelled_run(journal: Journal, *, is_new: bool) -> str:
    """Write down a run that bought a task which the user had ended."""
    run_id = journal.begin(
        profile="local",
        backend="local",
        source="clip.mp4",
        parameters={"command": "run", "is_new": is_new},
        content="c",
        is_new=is_new,
    )
    journal.submitted(run_id, "a1")
    journal.intend(run_id, BODY, purchase="p", is_new=is_new)
    journal.created(run_id, "t1")
    journal.cancelled(run_id, JobCancelledError("task", "t1"))
    return run_id


@pytest.mark.parametrize("is_new", [False, True])
def test_what_was_cancelled_is_open_for_nobody_and_in_nobodys_way(journal: Journal, is_new: bool) -> None:
    run_id = cancelled_run(journal, is_new=is_new)
    assert journal.open_runs() == []
    assert journal.runs_on("t1") == []
    assert journal.find_content("c") is None
    assert journal.find_content("p") is None
    assert journal.find_unpaid("c") is None
    other = journal.begin(
        profile="local", backend="local", source="clip.mp4", parameters={}, content="c", is_new=is_new
    )
    assert other != run_id
    journal.intend(other, BODY, purchase="p", is_new=False)
    assert [run.run_id for run in journal.finished_before(1e9)] == [run_id]


def test_after_its_end_a_cancelled_run_takes_no_state_of_its_task(journal: Journal) -> None:
    run_id = cancelled_run(journal, is_new=False)
    journal.state(run_id, Status.PROCESSING, 40.0)
    journal.state(run_id, Status.CANCELLED, 40.0)
    run = journal.run(run_id)
    assert (run.status, run.last_step) == (Status.CANCELLED, StepKind.CANCELLED)


def test_a_cancelled_analysis_ends_the_runs_that_wait_for_it_and_no_other(journal: Journal) -> None:
    waiting, bought, over = (begin(journal) for _ in range(3))
    for run_id in (waiting, bought, over):
        journal.submitted(run_id, "a1")
    journal.intend(bought, BODY)
    journal.created(bought, "t1")
    journal.failed(over, Status.FAILED, FailedError("no"))
    assert [run.run_id for run in journal.runs_on("a1")] == [waiting]
    assert [run.run_id for run in journal.runs_on("t1")] == [bought]
