"""The steps of a run as people read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headswap_cli.journal import Step, StepKind
from headswap_cli.render.steps import told_steps
from headswap_cli.wire import ENGINE_ORIGIN


def told(*steps: tuple[StepKind, dict[str, Any]]) -> list[tuple[str, str]]:
    made = [Step(kind, 1_700_000_000.0 + at, detail) for at, (kind, detail) in enumerate(steps)]
    return [(kind, text) for _, kind, text in told_steps(made)]


def state(status: str, progress: float) -> tuple[StepKind, dict[str, Any]]:
    return StepKind.STATE, {"status": status, "progress": progress}


def test_a_growing_percentage_is_one_step_and_every_other_state_its_own() -> None:
    steps = [
        state("queued", 0),
        *(state("processing", done) for done in (1, 40, 98)),
        state("completed", 100),
    ]
    assert told(*steps) == [
        ("state", "queued"),
        ("state", "processing, 1 to 98 %"),
        ("state", "completed"),
    ]
    assert told(state("processing", 40)) == [("state", "processing, 40 %")]


def test_two_like_steps_that_are_no_states_are_told_both() -> None:
    failed = StepKind.FAILED, {"status": "failed", "slug": "input", "message": "no face", "code": None}
    assert told(failed, failed) == [("failed", "no face")] * 2


def test_who_gets_what_is_told_by_the_photos_names_with_all_that_was_asked_for() -> None:
    url = f"{ENGINE_ORIGIN}/media/{'0' * 64}"
    photo = {"source": str(Path.cwd() / "me.jpg"), "sha256": "0" * 64, "url": url}
    body = {
        "video_url": "https://example.com/clip.mp4?signature=secret",
        "mappings": [
            {"obj_id": 2, "img_url": url, "more_img_urls": ["https://example.com/b.jpg?sig=secret"]}
        ],
        "model_name": "akool-premium",
        "resolution": "480p",
        "mode": "face",
        "keep_original_sound": False,
    }
    (published, intended) = told((StepKind.PUBLISHED, photo), (StepKind.INTENDED, {"body": body}))
    assert published == ("published", "me.jpg to the local engine")
    assert intended[1].startswith("obj_id 2 gets me.jpg, https://example.com/b.jpg")
    assert intended[1].endswith("; 480p, akool-premium, face, no sound")
    assert "secret" not in intended[1]


def test_every_kind_of_step_is_told() -> None:
    details: dict[StepKind, dict[str, Any]] = {
        StepKind.PUBLISHED: {"source": "a.mp4", "sha256": None, "url": "https://example.com/a.mp4"},
        StepKind.SUBMITTED: {"analysis_id": "abc", "video_url": None},
        StepKind.ANALYSED: {"status": "completed", "people": [], "analysis_id": "abc", "video_url": ""},
        StepKind.INTENDED: {"body": {}, "balance": None},
        StepKind.WAIVED: {},
        StepKind.CREATED: {"task_id": "def", "held": 3.0},
        StepKind.STATE: {"status": "queued", "progress": 0},
        StepKind.CHARGED: {"credits": 2.5},
        StepKind.FETCHING: {"target": "-"},
        StepKind.FETCHED: {"target": "-", "sha256": "0"},
        StepKind.DONE: {"output": "-", "size_bytes": 1234, "sha256": "0"},
        StepKind.FAILED: {"status": "failed", "slug": "x", "message": "why", "code": None},
        StepKind.CANCELLED: {"message": "The task def was cancelled."},
    }
    said = dict(told(*((kind, details[kind]) for kind in StepKind)))
    assert said["analysed"] == "completed; people: nobody"
    assert said["created"] == "task def, held 3"
    assert said["charged"] == "2.5 credits"
    assert said["cancelled"] == "The task def was cancelled."
    assert said["done"] == "stdout, 1,234 bytes"
