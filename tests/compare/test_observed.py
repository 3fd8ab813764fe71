"""What the engine sees on real video: when to look, whom the result looks like, how steady it is."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from headswap_cli.compare.observed import observe
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.types import SwapSettings
from headswap_cli.errors import EngineError
from headswap_cli.models import Mode
from tests import media
from tests.compare.clips import source_and_result
from tests.quality import silent, two_people

if TYPE_CHECKING:
    from headswap_cli.compare.observed import Observed
    from tests.conftest import Headswap

WHY = ["first seen", "most turned", "widest mouth", "fastest motion"]

pytestmark = pytest.mark.media


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two people side by side, the first of whom got another head."""
    folder = tmp_path_factory.mktemp("swapped")
    source, target = two_people(folder), folder / "out.mp4"
    pipeline = Pipeline(media.weights_dir())
    scene = pipeline.analyse(source, on_progress=silent)
    photos = {0: [media.photo("astronaut.png")]}
    pipeline.swap(scene, source, target, photos, SwapSettings(mode=Mode.HEAD), on_progress=silent)
    return source, target


@pytest.fixture(scope="module")
def beginning(swapped: tuple[Path, Path]) -> tuple[Path, Path]:
    """The first frames of both."""
    before, after = (
        media.excerpt(whole, whole.with_name(f"begin-{whole.name}"), start=0, count=20) for whole in swapped
    )
    return before, after


@pytest.fixture(scope="module")
def people(swapped: tuple[Path, Path]) -> tuple[Observed, ...]:
    told: list[float] = []
    seen = observe(media.weights_dir().parent, *swapped, {0: [media.photo("astronaut.png")]}, told.append)
    assert told == sorted(told)
    assert told[-1] == 100
    return seen


def test_the_changed_person_has_come_close_to_the_photo_and_the_other_has_not_changed(
    people: tuple[Observed, ...],
) -> None:
    changed, other = people
    assert changed.to_photo is not None
    assert changed.source_to_photo is not None
    assert changed.to_source is not None
    assert mean(changed.to_photo.values) < 0.55 < mean(changed.source_to_photo.values)
    assert mean(changed.to_source.values) > 0.5
    assert other.to_photo is None
    assert other.to_source is not None
    assert mean(other.to_source.values) < 0.35


def test_each_person_has_the_four_moments_with_a_face_in_the_box(people: tuple[Observed, ...]) -> None:
    for person in people:
        assert [sight.why for sight in person.sights] == [
            "first seen",
            "most turned",
            "widest mouth",
            "fastest motion",
        ]
        for sight in person.sights:
            x0, y0, x1, y1 = sight.box
            assert 0 <= sight.time_s <= 3
            assert 0.05 < x1 - x0 < 0.6
            assert 0.1 < y1 - y0 < 1.0
    middles = [sum(person.sights[0].box[::2]) / 2 for person in people]
    assert abs(middles[0] - middles[1]) > 0.2


def test_the_result_is_about_as_steady_as_its_source(people: tuple[Observed, ...]) -> None:
    for person in people:
        assert len(person.jitter_after.values) > 50
        assert 0 < mean(person.jitter_after.values) < 2 * mean(person.jitter_before.values) + 0.2


def test_what_it_sees_goes_into_the_sheet_the_page_and_the_json(
    local: Headswap, beginning: tuple[Path, Path]
) -> None:
    value = local("compare", *beginning, "-o", "both", "--json").value
    assert [person["obj_id"] for person in value["people"]] == [0, 1]
    folder = local.cwd / "both"
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.height > 600
    page = (folder / "page.html").read_text()
    assert page.count('<figure class="chart">') == 4
    for told in ("widest mouth", "Person 2", "Values as a table", "Jitter of the face"):
        assert told in page


def test_quick_asks_nobody(local: Headswap, beginning: tuple[Path, Path]) -> None:
    value = local("compare", *beginning, "--html", "page.html", "--quick", "--json").value
    assert value["people"] == []
    assert "Jitter of the face" not in (local.cwd / "page.html").read_text()


def test_nobody_in_the_video_is_no_fault(tmp_path: Path) -> None:
    assert observe(media.weights_dir().parent, *source_and_result(tmp_path), {}, lambda _: None) == ()


def test_a_photo_that_is_none_is_passed_over(beginning: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_text("no photo")
    people = observe(media.weights_dir().parent, *beginning, {0: [tmp_path / "me.jpg"]}, lambda _: None)
    assert people[0].to_photo is None


def test_a_process_that_ends_without_a_word_is_an_error_that_says_so(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'raise SystemExit(3)'\n")
    python.chmod(0o700)
    with pytest.raises(EngineError, match="ended with 3"):
        observe(tmp_path, tmp_path / "a", tmp_path / "b", {}, lambda _: None, python=str(python))


def test_the_process_finds_the_kernels_that_the_engine_has_compiled(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "{\\"failed\\": \\"$NUMBA_CACHE_DIR\\"}"\n')
    python.chmod(0o700)
    with pytest.raises(EngineError, match=re.escape(str(tmp_path / "cache" / "numba"))):
        observe(tmp_path / "cache", tmp_path / "a", tmp_path / "b", {}, lambda _: None, python=str(python))


def test_a_video_that_cannot_be_read_is_an_error_that_says_why(tmp_path: Path) -> None:
    before, _ = source_and_result(tmp_path, count=5)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(EngineError, match="not a video"):
        observe(media.weights_dir().parent, before, tmp_path / "text.mp4", {}, lambda _: None)
