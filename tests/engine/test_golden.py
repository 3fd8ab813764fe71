"""The picture's values on real clips, so that a change that makes it worse is noticed.

The figures were measured with this test's own functions. They may move a little: networks and codecs take
other instructions on other processors, and an identity distance of two views of one face differs by about
0.05. What moves further changed the picture, for better or worse: look at it, run
``python tests/bench/engine.py``, then write the new figures down here.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import pytest

from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.types import SwapSettings
from headswap_cli.models import Mode
from tests import media, quality

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headswap_cli.engine.types import Scene

    Analysed = tuple[Path, Scene]

pytestmark = pytest.mark.media

IDENTITY_TOLERANCE = 0.06
# Of the figure: a smoothed path's last tenths are noise.
JITTER_TOLERANCE = 0.3


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(media.weights_dir())


@pytest.fixture(scope="module")
def analysed(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Analysed]:
    """Look at each clip once."""

    @cache
    def look(clip: str) -> Analysed:
        source = quality.CLIPS[clip](tmp_path_factory.mktemp("clip"))
        return source, pipeline.analyse(source, on_progress=quality.silent)

    return look


@pytest.mark.parametrize(
    ("clip", "mode", "people", "swapped", "before", "after", "jitter"),
    [
        ("carphone", Mode.HEAD, 1, 120, 0.91, 0.43, 0.24),
        ("carphone", Mode.FACE, 1, 120, 0.91, 0.45, 0.24),
        ("two people", Mode.HEAD, 2, 72, 0.65, 0.30, 0.09),
    ],
)
def test_people_swaps_identities_and_calm_stay_as_they_were_measured(
    pipeline: Pipeline,
    analysed: Callable[[str], Analysed],
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
    source, scene = analysed(clip)
    result, photos, settings = tmp_path / "result.mp4", quality.photos_for(scene), SwapSettings(mode=mode)
    pipeline.swap(scene, source, result, photos, settings, on_progress=quality.silent)
    found = quality.quality_of(pipeline, scene, source, result, mode)
    assert (found.people, found.cuts, found.swapped) == (people, 0, swapped)
    assert found.tracks == (1,) * people
    assert found.outside_db == math.inf
    assert found.identity_before == pytest.approx(before, abs=IDENTITY_TOLERANCE)
    assert found.identity_after == pytest.approx(after, abs=IDENTITY_TOLERANCE)
    assert found.jitter == pytest.approx(jitter, rel=JITTER_TOLERANCE)


def test_identities_hold_over_cuts(analysed: Callable[[str], Analysed]) -> None:
    _, scene = analysed("A B A B")
    assert [shot.first_frame for shot in scene.shots] == [0, 36, 72, 108]
    seen = sorted([track.first_frame for track in person.tracks] for person in scene.people)
    assert seen == [[0, 72], [36, 108]]
