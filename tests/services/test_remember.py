"""What the journal keeps of a wish is the wish."""

from __future__ import annotations

import json
from dataclasses import asdict

from headswap_cli.journal import Run, Step, StepKind
from headswap_cli.models import FaceMapping, Mode, Person, Quality, Status, SwapOptions, Tone
from headswap_cli.services.remember import faces_of, options_of, people_in, wish


def test_faces_and_options_come_back_from_the_journal_as_they_were_given() -> None:
    faces = (FaceMapping("https://example.com/me.jpg", person=2),)
    options = SwapOptions(
        resolution="480p", keep_sound=False, mode=Mode.FACE, tone=Tone.BLEND, quality=Quality.LOW
    )
    kept = json.loads(json.dumps(wish(faces, options)))
    run = Run(
        run_id="r",
        profile="local",
        backend="local",
        source="in.mp4",
        target=None,
        status=Status.QUEUED,
        progress=0.0,
        analysis_id=None,
        task_id=None,
        video_url=None,
        body=None,
        output=None,
        size_bytes=None,
        sha256=None,
        error=None,
        created_at=0.0,
        parameters=kept,
    )
    assert faces_of(run) == faces
    assert options_of(run) == options
    assert isinstance(options_of(run).quality, Quality)


def test_people_come_back_from_the_journal_with_all_that_is_known_of_them() -> None:
    found = (
        Person(1, 0, "https://example.com/0.jpg", 0.83, 1.5, (10, 20, 30, 40)),
        Person(2, 3, None, None, None, None),
    )
    detail = json.loads(json.dumps({"people": [asdict(person) for person in found]}))
    assert people_in([Step(StepKind.ANALYSED, 0.0, detail)]) == found


def test_people_whom_an_earlier_version_wrote_down_are_known_as_far_as_it_did() -> None:
    kept = {"people": [{"person": 1, "obj_id": 0, "preview_url": None}]}
    assert people_in([Step(StepKind.ANALYSED, 0.0, kept)]) == (Person(1, 0),)
