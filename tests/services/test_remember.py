"""What the journal keeps of a wish is the wish."""

from __future__ import annotations

import json

from headswap_cli.journal import Run
from headswap_cli.models import FaceMapping, Mode, Quality, Status, SwapOptions, Tone
from headswap_cli.services.remember import faces_of, options_of, wish


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
