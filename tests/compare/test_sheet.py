"""The contact sheet: source over result at the same moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from headswap_cli.compare.sheet import contact_sheet
from headswap_cli.errors import InputError
from tests.clips import sound_only
from tests.footage import corner_colours, corners, write_video

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CELL = 128


def coded(index: int, *, changed: bool) -> NDArray[np.uint8]:
    """Return a picture whose grey tells its index; a changed one has a striped middle."""
    picture = np.full((96, 128, 3), 10 + 4 * index, np.uint8)
    if changed:
        picture[32:64, 48:80:4] = 255
    return picture


def cells(sheet: Path) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Return the pictures of the upper and the lower row, BGR, by the sheet's measures."""
    picture = np.asarray(Image.open(sheet).convert("RGB"))[..., ::-1]
    width, height = CELL, CELL * 96 // 128
    lefts = range(92, picture.shape[1] - width, width + 8)
    rows = [
        [picture[top : top + height, left : left + width] for left in lefts] for top in (24, 24 + height + 8)
    ]
    return rows[0], rows[1]


def test_each_column_shows_one_moment_of_both_and_time_goes_to_the_right(tmp_path: Path) -> None:
    before = write_video(tmp_path / "in.mp4", [coded(index, changed=False) for index in range(60)])
    after = write_video(tmp_path / "out.mp4", [coded(index, changed=True) for index in range(60)])
    contact_sheet(before, after, tmp_path / "sheet.png", moments=4, cell=CELL)
    upper, lower = cells(tmp_path / "sheet.png")
    greys = [int(cell[4, 4].mean()) for cell in upper]
    assert len(greys) == 4
    assert greys == sorted(greys)
    assert greys[-1] - greys[0] > 100
    assert [int(cell[4, 4].mean()) for cell in lower] == pytest.approx(greys, abs=3)
    assert all(cell[48].max() > 200 for cell in lower)
    assert all(int(cell.max()) - int(cell.min()) < 12 for cell in upper)


def test_of_each_span_the_frame_is_shown_that_shows_the_change_best(tmp_path: Path) -> None:
    before = write_video(tmp_path / "in.mp4", [coded(index, changed=False) for index in range(40)])
    after = write_video(tmp_path / "out.mp4", [coded(index, changed=index in {7, 31}) for index in range(40)])
    contact_sheet(before, after, tmp_path / "sheet.png", moments=2, cell=CELL)
    _, lower = cells(tmp_path / "sheet.png")
    assert [int(cell[4, 4].mean()) for cell in lower] == pytest.approx([10 + 4 * 7, 10 + 4 * 31], abs=3)


def test_results_at_another_frame_rate_are_paired_by_time(tmp_path: Path) -> None:
    before = write_video(tmp_path / "in.mp4", [coded(index, changed=False) for index in range(40)])
    after = write_video(
        tmp_path / "out.mp4",
        [coded(index, changed=True) for index in range(0, 40, 2)],
        times=range(0, 800, 40),
    )
    contact_sheet(before, after, tmp_path / "sheet.png", moments=3, cell=CELL)
    upper, lower = cells(tmp_path / "sheet.png")
    for first, second in zip(upper, lower, strict=True):
        assert int(first[4, 4].mean()) == pytest.approx(int(second[4, 4].mean()), abs=3)


def test_a_turned_video_stands_upright_on_the_sheet(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "in.mp4", [corners(96, 128)] * 5, quarter_turns=1)
    contact_sheet(clip, clip, tmp_path / "sheet.png", moments=1, cell=CELL)
    upper, _ = cells(tmp_path / "sheet.png")
    assert corner_colours(upper[0]) == [2, 0, 3, 1]


def test_a_clip_with_fewer_frames_than_moments_has_a_column_for_each(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "in.mp4", [coded(index, changed=True) for index in range(2)])
    contact_sheet(clip, clip, tmp_path / "sheet.png", cell=CELL)
    assert len(cells(tmp_path / "sheet.png")[0]) == 2


def test_what_cannot_be_decoded_is_refused_by_name(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "in.mp4", [corners()] * 3)
    with pytest.raises(InputError, match=r"song\.mp4"):
        contact_sheet(clip, sound_only(tmp_path / "song.mp4"), tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "in.mp4", [corners()] * 3)
    with pytest.raises(InputError, match=r"sheet\.png"):
        contact_sheet(clip, clip, tmp_path / "no" / "sheet.png")
