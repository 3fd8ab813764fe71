"""What is told of a comparison: the story of the run, and in what the two videos differ."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.compare.facts import name_of, people_of, run_of
from headswap_cli.compare.observed import Curve, Observed
from headswap_cli.compare.subject import Subject, story_of
from headswap_cli.journal import Run, Step, StepKind
from headswap_cli.models import Status, VideoInfo

INFO = VideoInfo(4.0, 640, 360, Fraction(25), 100, has_audio=True, codec="h264")
RUN = Run(
    run_id="run-aaaaaaaaaa",
    profile="work",
    backend="akool",
    source="in.mp4",
    target=None,
    status=Status.COMPLETED,
    progress=100.0,
    analysis_id="a" * 24,
    task_id="b" * 24,
    video_url=None,
    body=None,
    output="out.mp4",
    size_bytes=None,
    sha256=None,
    error=None,
    created_at=0.0,
    parameters={"options": {"resolution": "480p", "model": "m", "mode": None}},
)


def steps(*told: tuple[StepKind, float, dict[str, Any]]) -> list[Step]:
    return [Step(kind, at, detail) for kind, at, detail in told]


WHOLE = steps(
    (StepKind.PUBLISHED, 1.0, {"source": "in.mp4", "sha256": None, "url": "https://h/v"}),
    (StepKind.SUBMITTED, 2.0, {"analysis_id": "a" * 24}),
    (
        StepKind.ANALYSED,
        5.5,
        {"people": [{"person": 1, "obj_id": 0}, {"person": 2, "obj_id": 4}]},
    ),
    (StepKind.PUBLISHED, 6.0, {"source": "me.jpg", "sha256": None, "url": "https://h/1"}),
    (
        StepKind.INTENDED,
        7.0,
        {"body": {"mappings": [{"obj_id": 4, "img_url": "https://h/1", "more_img_urls": ["https://h/2"]}]}},
    ),
    (StepKind.CREATED, 8.0, {"task_id": "b" * 24}),
    (StepKind.STATE, 20.5, {"status": "completed"}),
    (StepKind.DONE, 90.0, {"output": "out.mp4"}),
)


def notes(before: VideoInfo, after: VideoInfo) -> tuple[str, ...]:
    return Subject(Path("in.mp4"), Path("out.mp4"), before, after).notes


def test_the_steps_tell_who_got_which_photos_and_how_long_it_took() -> None:
    story = story_of(RUN, WHOLE)
    assert [(one.person, one.obj_id, one.faces) for one in story.people] == [
        (1, 0, ()),
        (2, 4, ("me.jpg", "https://h/2")),
    ]
    assert story.took_s == (("analysis", 3.5), ("swap", 12.5))


def test_what_was_there_already_took_no_time() -> None:
    told = steps((StepKind.SUBMITTED, 2.0, {}), (StepKind.ANALYSED, 2.01, {}), (StepKind.CREATED, 3.0, {}))
    assert story_of(RUN, told).took_s == ()


@given(st.integers(0, len(WHOLE)))
def test_a_run_that_was_stopped_anywhere_has_a_story(count: int) -> None:
    story = story_of(RUN, WHOLE[:count])
    assert all(took_s > 0 for _, took_s in story.took_s)
    assert len(people_of(story, ())) == (2 if count > 2 else 0)


def test_people_are_told_with_what_the_engine_saw_of_them() -> None:
    curve = Curve((0.0, 1.0, 2.0), (0.2, 0.3, 0.9))
    seen = Observed(4, 0.5, 1.25, (), curve, curve, curve, curve, Curve((), ()))
    first, second = people_of(story_of(RUN, WHOLE), [seen])
    assert dict(first.facts) == {"In the API": "obj_id 0", "Gets": "nobody's: left as they are"}
    assert dict(second.facts) == {
        "In the API": "obj_id 4",
        "Gets": "me.jpg, 2",
        "On screen": "50 % of the frames, from 0:01.2",
        "Distance to the photo": "0.30 before, 0.30 after",
        "Distance to the source": "0.30",
    }
    assert [who.name for who in people_of(None, [seen])] == ["Person 5"]


def test_the_run_is_told_with_its_maker_settings_times_and_credits(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("in.mp4", "out.mp4")]
    for path in files:
        path.write_bytes(bytes(2_500_000))
    run = replace(RUN, held=2.0, credits_charged=5.0)
    rows = dict(
        run_of(Subject(files[0], files[1], INFO, replace(INFO, has_audio=False), story_of(run, WHOLE)))
    )
    assert rows["Made by"] == "akool (m), profile work"
    assert rows["Settings"] == "480p"
    assert rows["Begun"] == "1970-01-01 00:00 UTC"
    assert rows["Time for the swap"] == "12.5 s"
    assert rows["Credits"] == "5 (held: 2)"
    assert rows["Result"] == "out.mp4: 640x360, 4.00 s, 100 frames at 25/s, h264, silent, 2.50 MB"


@pytest.mark.parametrize(
    ("after", "note"),
    [
        (replace(INFO, duration_s=3.0, frame_count=75), "compared are the first 3.0 s"),
        (replace(INFO, frame_count=50), "100 frames, the result 50: they are paired by time"),
        (replace(INFO, width=320, height=180), "shown in the result's size"),
        (replace(INFO, width=360, height=640), "the shapes differ"),
        (replace(INFO, has_audio=False), "The result has no sound"),
    ],
    ids=["length", "frames", "size", "shape", "sound"],
)
def test_each_difference_is_said_once(after: VideoInfo, note: str) -> None:
    (said,) = notes(INFO, after)
    assert note in said


def test_equal_videos_need_no_word() -> None:
    assert notes(INFO, INFO) == ()


@given(st.text())
def test_a_url_is_named_without_its_query_whatever_it_holds(text: str) -> None:
    assert "signature" not in name_of(f"https://e.com/{text.replace('?', '').replace('#', '')}?signature=1")
