"""What server and worker say of a task's photos."""

from __future__ import annotations

from headswap_cli.engine.orders import photos_of


def test_a_task_may_have_several_photos_of_each_person() -> None:
    photos = {"0": ["a", "b"], "3": ["c"]}
    assert photos_of({"photos": photos}) == photos


def test_tasks_that_were_queued_by_an_earlier_version_have_one_photo_a_person() -> None:
    assert photos_of({"photos": {"0": "a", "1": "b"}}) == {"0": ["a"], "1": ["b"]}


def test_an_analysis_has_no_photos() -> None:
    assert photos_of({"any_length": True}) == {}
