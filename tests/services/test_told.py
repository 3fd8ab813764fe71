"""What there is to know of a run: told once, by whatever id, and told all the same on a full disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import HeadswapError
from headswap_cli.journal import Journal
from headswap_cli.services.told import untold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SMILE, LEFT = "the face smiles", "person 1: 7 frames were left"


class FullDisk(Journal):
    def tell(self, run_id: str, notices: Sequence[str]) -> list[str]:
        raise HeadswapError("The journal can't be written: disk full.")


class Overtaken(Journal):
    """A journal that another command writes into right after the first look at what was told."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._other: Journal | None = Journal(path)

    def told(self, run_id: str) -> set[str]:
        known, other, self._other = super().told(run_id), self._other, None
        if other is not None:
            with other:
                other.tell(run_id, [LEFT])
        return known


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite3") as journal:
        yield journal


def begun(journal: Journal) -> str:
    run_id = journal.begin(profile="local", backend="local", source="clip.mp4", parameters={})
    journal.submitted(run_id, f"analysis of {run_id}")
    return run_id


def test_it_is_told_once_by_whatever_id_the_run_is_asked_for(journal: Journal) -> None:
    run_id = begun(journal)
    assert untold(journal, run_id, [LEFT]) == [LEFT]
    assert untold(journal, f"analysis of {run_id}", [LEFT, "more"]) == ["more"]
    assert untold(journal, begun(journal), [LEFT]) == [LEFT]


def test_what_a_photo_was_warned_of_is_no_news_of_whoever_has_it(journal: Journal) -> None:
    run_id = begun(journal)
    untold(journal, run_id, [f"me.png: {SMILE}"])
    assert untold(journal, run_id, [f"person 2: {SMILE}", LEFT]) == [LEFT]
    assert untold(journal, run_id, [LEFT.replace("1", "2")]) == [LEFT.replace("1", "2")]


def test_two_photos_are_each_warned_of_and_a_person_whose_photo_was_not_is_named(journal: Journal) -> None:
    run_id = begun(journal)
    early = [f"{photo}: {SMILE}" for photo in ("me.png", "you.png")]
    late = [f"person {number}: {SMILE}" for number in (1, 2, 3)]
    assert untold(journal, run_id, early) == early
    assert untold(journal, run_id, early + early) == []
    assert untold(journal, run_id, late[:2]) == []
    assert untold(journal, run_id, late) == late
    assert untold(journal, run_id, late) == []


def test_of_two_commands_that_come_upon_it_at_once_one_tells_it(tmp_path: Path) -> None:
    with Overtaken(tmp_path / "journal.sqlite3") as journal:
        assert untold(journal, begun(journal), [LEFT, "more"]) == ["more"]


def test_of_what_the_journal_does_not_know_all_is_told(journal: Journal) -> None:
    for _ in range(2):
        assert untold(journal, "a task of others", [LEFT]) == [LEFT]


def test_what_cannot_be_written_down_is_told_again(tmp_path: Path) -> None:
    with FullDisk(tmp_path / "journal.sqlite3") as journal:
        run_id = begun(journal)
        for _ in range(2):
            assert untold(journal, run_id, [LEFT]) == [LEFT]
