"""Which moments are shown, and how near: by what the engine saw, or evenly where nobody was looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from headswap_cli.compare.moments import Still, even_stills, middle_of_change, portraits, stills
from headswap_cli.compare.observed import Box, Curve, Observed, Sight
from headswap_cli.compare.sheet import clock, draw_sheet
from headswap_cli.compare.subject import Subject, of_files
from headswap_cli.errors import InputError
from tests.compare.clips import HEIGHT, WIDTH, coded, source_and_result
from tests.footage import write_video

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SMALL: Box = (0.4, 0.35, 0.5, 0.48)
LARGE: Box = (0.2, 0.05, 0.8, 0.95)
EMPTY = Curve((), ())


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """Two seconds whose grey tells the frame; the result has a striped middle."""
    return of_files(*source_and_result(tmp_path))


def person(obj_id: int, *sights: tuple[str, float], box: Box = LARGE) -> Observed:
    """Return somebody who is worth a look at these times."""
    seen = tuple(Sight(why, time_s, box) for why, time_s in sights)
    return Observed(obj_id, 1.0, 0.0, seen, None, None, None, EMPTY, EMPTY)


def grey_index(picture: Image.Image) -> float:
    """Return the number of the frame that a picture's corner tells."""
    return (float(np.asarray(picture.convert("L"))[:4, :4].mean()) - 10) / 4


def test_each_moment_is_the_frame_of_its_time_in_both_videos(subject: Subject) -> None:
    seen = stills(subject, [person(0, ("a", 0.5), ("b", 1.5), ("c", 1.9))], cell=96)
    assert [still.why for still in seen] == [("a",), ("b",), ("c",)]
    for still, time_s in zip(seen, (0.5, 1.5, 1.9), strict=True):
        assert still.time_s == pytest.approx(time_s, abs=0.035)
        assert grey_index(still.before) == pytest.approx(still.time_s * 30, abs=1)
        assert grey_index(still.after) == pytest.approx(still.time_s * 30, abs=1)
        assert still.before.size == still.after.size


def test_moments_of_one_person_at_one_time_share_a_picture_and_keep_both_reasons(subject: Subject) -> None:
    people = [person(0, ("first", 0.5), ("fast", 0.45)), person(1, ("first", 0.5))]
    seen = stills(subject, people, cell=96)
    assert [(still.obj_id, still.why) for still in seen] == [(0, ("first", "fast")), (1, ("first",))]


def test_a_moment_at_the_very_end_is_the_last_frame_and_one_beyond_is_left_out(subject: Subject) -> None:
    seen = stills(subject, [person(0, ("end", subject.length_s), ("beyond", 9.0))], cell=96)
    assert [still.why for still in seen] == [("end",)]
    assert grey_index(seen[0].before) == pytest.approx(59, abs=1)


def test_a_small_face_is_shown_from_nearer_and_a_large_one_in_its_whole_picture(subject: Subject) -> None:
    def striped(box: Box) -> float:
        (still,) = stills(subject, [person(0, ("a", 0.5), box=box)], cell=256)
        assert still.after.width / still.after.height == pytest.approx(WIDTH / HEIGHT, rel=0.02)
        return float((np.asarray(still.after.convert("L")) > 150).mean())

    assert striped((0.45, 0.4, 0.55, 0.55)) > 3 * striped(LARGE)


def test_of_several_people_each_is_shown_alone_and_square(subject: Subject) -> None:
    people = [person(0, ("a", 0.5), box=SMALL), person(1, ("a", 0.5), box=(0.9, 0.8, 1.0, 1.0))]
    for still in stills(subject, people, cell=128):
        assert still.after.size == (128, 128)


@pytest.mark.parametrize("box", [SMALL, LARGE, (0.0, 0.0, 0.1, 0.1), (0.95, 0.9, 1.05, 1.1)])
def test_a_portrait_is_square_and_never_leaves_the_picture(subject: Subject, box: Box) -> None:
    before, after = portraits(subject, [person(3, ("a", 0.5), box=box)], side=64)[3]
    assert before.size == after.size == (64, 64)
    assert int(np.asarray(before.convert("L")).min()) > 40


def test_where_nobody_is_known_the_moments_are_even_and_one_is_the_fastest(tmp_path: Path) -> None:
    def moving(index: int, *, changed: bool) -> NDArray[np.uint8]:
        picture = coded(10, changed=changed)
        x = 8 + (index if index < 45 else index + 6 * (index - 44)) % 90
        picture[70:90, x : x + 24] = 230
        return picture

    before = write_video(tmp_path / "in.mp4", [moving(index, changed=False) for index in range(60)])
    after = write_video(tmp_path / "out.mp4", [moving(index, changed=True) for index in range(60)])
    seen = stills(of_files(before, after), [], cell=96)
    assert len(seen) == 6
    assert [still.time_s for still in seen] == sorted(still.time_s for still in seen)
    (fastest,) = [still for still in seen if still.why]
    assert fastest.why == ("fastest motion",)
    assert fastest.time_s >= 45 / 30


def test_a_cut_is_no_motion(tmp_path: Path) -> None:
    pictures = [np.full((HEIGHT, WIDTH, 3), 20 if index < 30 else 220, np.uint8) for index in range(60)]
    clip = write_video(tmp_path / "in.mp4", pictures)
    assert not any(still.why for still in even_stills(of_files(clip, clip), 6, cell=64))


def test_the_divider_goes_through_what_changed(tmp_path: Path) -> None:
    before = write_video(tmp_path / "in.mp4", [coded(20, changed=False)] * 20)
    changed = coded(20, changed=False)
    changed[20:60, 90:110] = 230
    after = write_video(tmp_path / "out.mp4", [changed] * 20)
    assert middle_of_change(of_files(before, after)) == pytest.approx(100 / WIDTH, abs=0.03)
    assert middle_of_change(of_files(before, before)) == 0.5


def test_a_sheet_has_a_band_for_each_person(tmp_path: Path) -> None:
    picture = Image.new("RGB", (60, 40), (200, 30, 30))

    def height(owners: list[int]) -> int:
        seen = [Still(1.0, ("a",), obj_id, picture, picture) for obj_id in owners]
        draw_sheet(seen, {0: "Person 1", 1: "Person 2"}, tmp_path / "s.png")
        with Image.open(tmp_path / "s.png") as sheet:
            return sheet.height

    assert height([0, 1]) == 2 * height([0, 0]) == 2 * height([0])


def test_a_sheet_says_that_it_is_synthetic(tmp_path: Path) -> None:
    picture = Image.new("RGB", (60, 40))
    draw_sheet([Still(1.0, (), None, picture, picture)], {}, tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as sheet:
        assert str(sheet.info["Comment"]).startswith("Synthetic")
        assert "compositeWithTrainedAlgorithmicMedia" in str(sheet.info["XML:com.adobe.xmp"])


def test_no_moment_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no moment in common"):
        draw_sheet([], {}, tmp_path / "s.png")


@pytest.mark.parametrize(
    ("time_s", "shown"),
    [(0, "0:00.0"), (0.1, "0:00.1"), (59.99, "0:59.9"), (60, "1:00.0"), (754.3, "12:34.3")],
)
def test_times_read_as_a_clock_does(time_s: float, shown: str) -> None:
    assert clock(time_s) == shown
