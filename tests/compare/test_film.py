"""The video of both: which picture is where, and that times, sound and the synthetic mark are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from headswap_cli.compare.film import Layout, arranged, write_film
from headswap_cli.compare.subject import of_files
from tests.compare.clips import HEIGHT, UNEVEN, WIDTH, coded, index_of, source_and_result
from tests.footage import corner_colours, corners, picture_times, sound_packets, write_video

if TYPE_CHECKING:
    from numpy.typing import NDArray


def filmed(folder: Path, before: Path, after: Path, layout: Layout = Layout.SIDE) -> Path:
    target = folder / "film.mp4"
    write_film(of_files(before, after), target, layout, lambda _: None)
    return target


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def halves(picture: NDArray[np.uint8], layout: Layout) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    height, width = picture.shape[:2]
    if layout is Layout.STACK:
        return picture[: height // 2], picture[height // 2 + 1 :]
    return picture[:, : width // 2], picture[:, width // 2 + 1 :]


@pytest.mark.parametrize("layout", Layout)
def test_the_source_is_on_one_side_and_the_result_of_that_time_on_the_other(
    tmp_path: Path, layout: Layout
) -> None:
    film = filmed(tmp_path, *source_and_result(tmp_path), layout)
    shown = pictures(film)
    assert len(shown) == 60
    for index in (5, 30, 55):
        first, second = halves(shown[index], layout)
        bottom = first[-24:-8, :16], second[-24:-8, -16:]
        assert [(float(one.mean()) - 10) / 4 for one in bottom] == pytest.approx([index, index], abs=1)
        stripes = [int(one[one.shape[0] // 2].max()) for one in (first[:, :-8], second[:, 8:])]
        assert stripes[1] > 200
        assert layout is Layout.SPLIT or stripes[0] < 30 + 4 * index


def test_a_variable_frame_rate_and_the_bytes_of_the_sound_are_kept(tmp_path: Path) -> None:
    before, after = source_and_result(tmp_path, times=UNEVEN)
    film = filmed(tmp_path, before, after)
    assert picture_times(film) == pytest.approx(picture_times(after), abs=1e-4)
    sound = sound_packets(film)
    assert sound
    assert [content for content, _ in sound] == [content for content, _ in sound_packets(after)]
    assert [float(at) for _, at in sound] == pytest.approx([float(at) for _, at in sound_packets(after)])


def test_the_film_says_that_it_is_synthetic(tmp_path: Path) -> None:
    film = filmed(tmp_path, *source_and_result(tmp_path, count=10))
    with av.open(str(film)) as container:
        assert container.metadata["comment"].startswith("Synthetic video")
    assert b"compositeWithTrainedAlgorithmicMedia" in film.read_bytes()


def test_the_film_is_as_long_as_the_shorter_of_both(tmp_path: Path) -> None:
    before = write_video(tmp_path / "in.mp4", [coded(index, changed=False) for index in range(20)])
    after = write_video(tmp_path / "out.mp4", [coded(index, changed=True) for index in range(50)])
    shown = pictures(filmed(tmp_path, before, after))
    assert len(shown) == pytest.approx(20, abs=1)
    assert index_of(shown[10][-10:]) == pytest.approx(10, abs=1)


def test_a_turned_source_stands_upright_beside_its_result(tmp_path: Path) -> None:
    before = write_video(tmp_path / "in.mp4", [corners(96, 128)] * 5, quarter_turns=1)
    after = write_video(tmp_path / "out.mp4", [np.rot90(corners(96, 128), -1)] * 5)
    first, second = halves(pictures(filmed(tmp_path, before, after))[2], Layout.SIDE)
    assert corner_colours(first[40:]) == corner_colours(second[40:])


def test_a_source_of_another_shape_is_fitted_between_black_bars(tmp_path: Path) -> None:
    before = write_video(tmp_path / "in.mp4", [np.full((96, 48, 3), 200, np.uint8)] * 5)
    after = write_video(tmp_path / "out.mp4", [np.full((96, 128, 3), 200, np.uint8)] * 5)
    first, second = halves(pictures(filmed(tmp_path, before, after))[2], Layout.SIDE)
    middle = first.shape[0] // 2
    assert int(first[middle, 10].max()) < 30
    assert int(first[middle, first.shape[1] // 2].min()) > 180
    assert int(second[middle, 10].min()) > 180


@pytest.mark.parametrize(("width", "height"), [(WIDTH, HEIGHT), (1921, 1081), (720, 1280), (16, 16)])
def test_both_pictures_have_even_sides_and_are_neither_tiny_nor_huge(width: int, height: int) -> None:
    cells = arranged(Layout.SIDE, width, height)
    assert not any(side % 2 for side in (*cells.size, *cells.whole))
    assert 350 <= min(cells.size) <= 722
    assert cells.size[0] / cells.size[1] == pytest.approx(width / height, rel=0.02)


def test_what_breaks_leaves_no_film_behind(tmp_path: Path) -> None:
    before, after = source_and_result(tmp_path, count=10)

    def stop(_part: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(of_files(before, after), tmp_path / "film.mp4", Layout.SIDE, stop)
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "out.mp4"}
