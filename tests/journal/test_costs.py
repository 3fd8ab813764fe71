"""What the journal keeps of money and time."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from headswap_cli.journal import Journal, StepOrderError
from headswap_cli.journal.store import MIGRATIONS
from headswap_cli.models import Status

if TYPE_CHECKING:
    from pathlib import Path

BODY = {"video_url": "https://example.com/clip.mp4", "mappings": []}


def begin(journal: Journal, profile: str = "akool") -> str:
    return journal.begin(profile=profile, backend="akool", source="clip.mp4", parameters={})


def test_how_long_like_jobs_took_is_told_newest_first_and_at_most_twenty(journal: Journal) -> None:
    for seconds in range(30):
        journal.took("task akool 720p", float(seconds))
    journal.took("task akool 480p", 99.0)
    assert journal.durations("task akool 720p") == [float(seconds) for seconds in range(29, 9, -1)]
    assert journal.durations("task other") == []


def test_like_jobs_are_those_with_a_video_about_as_long(journal: Journal) -> None:
    for length_s, took_s in ((5.0, 50.0), (9.0, 90.0), (10.0, 100.0), (13.0, 130.0), (20.0, 200.0)):
        journal.took("task", took_s, length_s)
    journal.took("task", 1.0)
    assert journal.durations("task", 10.0) == [1.0, 130.0, 100.0, 90.0]


def test_money_is_kept_with_the_run(journal: Journal) -> None:
    run_id = begin(journal)
    journal.intend(run_id, BODY)
    journal.created(run_id, "t1", 8.0)
    journal.charged(run_id, 2.5)
    run = journal.find(run_id)
    assert run is not None
    assert (run.held, run.credits_charged, run.status) == (8.0, 2.5, Status.QUEUED)


def test_nothing_is_charged_before_there_is_a_task(journal: Journal) -> None:
    with pytest.raises(StepOrderError):
        journal.charged(begin(journal), 2.5)


@pytest.mark.parametrize(("profile", "paid"), [("akool", True), ("other", False)])
def test_another_run_of_the_profile_that_pays_meanwhile_is_noticed(
    journal: Journal, profile: str, paid: bool
) -> None:
    earlier = begin(journal, profile)
    journal.intend(earlier, BODY)
    journal.created(earlier, "t0")
    run_id = begin(journal)
    journal.intend(run_id, BODY)
    journal.created(run_id, "t1")
    journal.submitted(begin(journal, profile), "a1")
    assert not journal.others_paid(run_id)
    journal.state(earlier, Status.PROCESSING, 10.0)
    assert journal.others_paid(run_id) is paid


def test_a_journal_of_the_first_version_is_brought_up_and_keeps_its_runs(path: Path) -> None:
    path.parent.mkdir(parents=True)
    old = sqlite3.connect(path)
    old.executescript(MIGRATIONS[0])
    old.execute(
        "INSERT INTO runs (run_id, created_at, profile, backend, source, parameters)"
        " VALUES ('run-old', 1.0, 'akool', 'akool', 'clip.mp4', '{}')"
    )
    old.execute("PRAGMA user_version = 1")
    old.commit()
    old.close()
    with Journal(path) as journal:
        run = journal.find("run-old")
    assert run is not None
    assert (run.source, run.held, run.credits_charged) == ("clip.mp4", None, None)
