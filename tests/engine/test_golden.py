"""The picture's values on real clips, so that a change that makes it worse is noticed.

The figures were measured with this test's own functions. They may move a little: networks and codecs take
other instructions on other processors, and an identity distance of two views of one face differs by about
0.05. What moves further changed the picture, for better or worse: look at it, run
``python tests/bench/engine.py``, then write the new figures down here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.models import Mode
from tests import media, quality

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.media

IDENTITY_TOLERANCE = 0.06
# Of the figure: a smoothed path's last tenths are noise.
JITTER_TOLERANCE = 0.3


def measured(folder: Path, clip: str, mode: Mode) -> quality.Quality:
    pipeline = Pipeline(media.weights_dir())
    source = quality.CLIPS[clip](folder)
    scene, _ = quality.swap(pipeline, source, folder / "result.mp4", mode)
    return quality.quality_of(pipeline, scene, source, folder / "result.mp4", mode)


@pytest.mark.parametrize(
    ("clip", "mode", "people", "swapped", "before", "after", "jitter"),
    [
        ("carphone", Mode.HEAD, 1, 120, 0.91, 0.43, 0.24),
        ("carphone", Mode.FACE, 1, 120, 0.91, 0.45, 0.24),
        ("two people", Mode.HEAD, 2, 72, 0.65, 0.30, 0.09),
    ],
)
def test_people_swaps_identities_and_calm_stay_as_they_were_measured(
    tmp_path: Path,
    clip: str,
    mode: Mode,
    *,
    people: int,
    swapped: int,
    before: float,
    after: float,
    jitter: float,
) -> None:
    found = measured(tmp_path, clip, mode)
    assert (found.people, found.cuts, found.swapped) == (people, 0, swapped)
    assert found.tracks == (1,) * people
    assert found.outside_db == math.inf
    assert found.identity_before == pytest.approx(before, abs=IDENTITY_TOLERANCE)
    assert found.identity_after == pytest.approx(after, abs=IDENTITY_TOLERANCE)
    assert found.jitter == pytest.approx(jitter, rel=JITTER_TOLERANCE)


def test_identities_hold_over_cuts(tmp_path: Path) -> None:
    pipeline = Pipeline(media.weights_dir())
    scene = pipeline.analyse(quality.cut_to_and_fro(tmp_path), on_progress=quality.silent)
    assert [shot.first_frame for shot in scene.shots] == [0, 36, 72, 108]
    seen = sorted([track.first_frame for track in person.tracks] for person in scene.people)
    assert seen == [[0, 72], [36, 108]]
