"""The crew: what one process makes, several make the same; and nothing is taken from one that fails."""

from __future__ import annotations

import os
import signal
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli import wire
from headswap_cli.engine.crew import _SPOOL_BYTES, Joiner
from headswap_cli.engine.decode import open_video, timeline_of
from headswap_cli.engine.encode import CodedFrame
from headswap_cli.engine.helper import Helper
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.pipes import HelperDiedError
from headswap_cli.engine.segments import segments
from headswap_cli.engine.types import MediaFault, Scene, SwapSettings
from headswap_cli.models import Mode, Quality
from tests import media
from tests.footage import corners, noise, picture_times, sound_packets, write_video

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAMES = 150


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five seconds that move, unevenly timed, with sound."""
    pictures = [np.roll(corners(), 2 * index, axis=1) for index in range(FRAMES)]
    times = [20 * index + index % 7 for index in range(FRAMES)]
    return write_video(tmp_path / "in.mp4", pictures, times=times, sound=noise(5), keys_every=25)


@pytest.fixture
def scene(source: Path) -> Scene:
    """What a whole pass tells; nobody is there."""
    with open_video(source) as video:
        return Scene(video.properties, (), (), timeline_of(video.frames()))


@pytest.fixture
def crew_of_three(tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path / "no-weights", processes=3)
    yield pipeline
    pipeline.close()


def nothing(frames_done: int, frames_total: int) -> None:
    """Take no note."""


@pytest.mark.parametrize("quality", [Quality.STANDARD, Quality.HIGH])
def test_any_number_of_processes_makes_the_same_file_with_all_times_and_sound(
    source: Path, scene: Scene, crew_of_three: Pipeline, tmp_path: Path, quality: Quality
) -> None:
    alone = Pipeline(tmp_path / "no-weights")
    assert len(segments(scene)) >= 3
    told: list[tuple[int, int]] = []
    for pipeline, name in ((alone, "one.mp4"), (crew_of_three, "three.mp4"), (crew_of_three, "again.mp4")):
        told.clear()
        report = pipeline.swap(
            scene,
            source,
            tmp_path / name,
            {},
            SwapSettings(quality=quality),
            on_progress=lambda done, total: told.append((done, total)),
        )
        assert report.frame_count == FRAMES
        assert told == [(done, FRAMES) for done in range(1, FRAMES + 1)]
    one, three, again = ((tmp_path / name).read_bytes() for name in ("one.mp4", "three.mp4", "again.mp4"))
    assert one == three == again
    assert picture_times(tmp_path / "one.mp4") == picture_times(source)
    assert sound_packets(tmp_path / "one.mp4") == sound_packets(source)


def test_what_is_made_up_for_damage_is_the_same_by_any_number_of_processes(
    source: Path, crew_of_three: Pipeline, tmp_path: Path
) -> None:
    content = bytearray(source.read_bytes())
    for share in (0.2, 0.5, 0.7):
        at = int(share * len(content))
        content[at : at + 40] = bytes(40)
    source.write_bytes(content)
    with open_video(source) as video:
        scene = Scene(video.properties, (), (), timeline_of(video.frames()))
    assert scene.timeline.keys == ()
    settings = SwapSettings(keep_sound=False)
    for pipeline, name in ((Pipeline(tmp_path / "no-weights"), "one.mp4"), (crew_of_three, "three.mp4")):
        pipeline.swap(scene, source, tmp_path / name, {}, settings, on_progress=nothing)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "three.mp4").read_bytes()


@pytest.mark.media
def test_heads_put_on_by_two_processes_are_those_put_on_by_one(tmp_path: Path) -> None:
    clip = media.clip("carphone_pristine.mp4")
    weights, photos = media.weights_dir(), {0: [media.photo("astronaut.png")]}
    results = []
    for processes in (1, 2):
        pipeline = Pipeline(weights, processes=processes)
        found = pipeline.analyse(clip, on_progress=nothing)
        target = tmp_path / f"{processes}.mp4"
        try:
            report = pipeline.swap(
                found, clip, target, photos, SwapSettings(mode=Mode.HEAD), on_progress=nothing
            )
        finally:
            pipeline.close()
        results.append((report, target.read_bytes()))
    assert results[0] == results[1]
    assert results[0][0].frames_swapped == 120


def test_a_deep_source_says_what_the_result_cannot_hold(crew_of_three: Pipeline, tmp_path: Path) -> None:
    deep = write_video(tmp_path / "deep.mov", [corners()] * 8, codec="prores_ks")
    with open_video(deep) as video:
        told = Scene(video.properties, (), (), timeline_of(video.frames()))
    report = crew_of_three.swap(told, deep, tmp_path / "out.mp4", {}, SwapSettings(), on_progress=nothing)
    (notice,) = report.notices
    assert "10 bits a colour and the result 8" in notice


def test_an_interlaced_source_says_that_it_should_be_deinterlaced(
    crew_of_three: Pipeline, tmp_path: Path
) -> None:
    combed = write_video(tmp_path / "in.mp4", [corners()] * 8, interlaced=True)
    with open_video(combed) as video:
        told = Scene(video.properties, (), (), timeline_of(video.frames()))
    report = crew_of_three.swap(told, combed, tmp_path / "out.mp4", {}, SwapSettings(), on_progress=nothing)
    (notice,) = report.notices
    assert "deinterlace it before" in notice


def test_a_helper_that_is_killed_ends_the_work_and_leaves_nothing(
    source: Path, scene: Scene, crew_of_three: Pipeline, tmp_path: Path
) -> None:
    def kill_one(frames_done: int, frames_total: int) -> None:
        if frames_done == 20:
            os.kill(helpers_of_this_process()[0], signal.SIGKILL)

    with pytest.raises(HelperDiedError, match="signal 9"):
        crew_of_three.swap(scene, source, tmp_path / "out.mp4", {}, SwapSettings(), on_progress=kill_one)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
    assert helpers_of_this_process() == []
    crew_of_three.swap(scene, source, tmp_path / "out.mp4", {}, SwapSettings(), on_progress=nothing)
    assert picture_times(tmp_path / "out.mp4") == picture_times(source)


def test_what_goes_wrong_in_a_helper_is_told_as_if_it_were_here(
    source: Path, scene: Scene, crew_of_three: Pipeline, tmp_path: Path
) -> None:
    def lose_the_source(frames_done: int, frames_total: int) -> None:
        # Who has it open would read on if it were deleted.
        os.truncate(source, 0)

    with pytest.raises(MediaFault) as caught:
        crew_of_three.swap(
            scene,
            source,
            tmp_path / "out.mp4",
            {},
            SwapSettings(keep_sound=False),
            on_progress=lose_the_source,
        )
    assert caught.value.code == wire.UNREADABLE
    assert list(tmp_path.iterdir()) == [source]


def test_a_helper_ends_when_nobody_holds_its_other_end() -> None:
    helper = Helper()
    assert helper.is_alive
    stream = helper._process.stdin
    assert stream is not None
    stream.close()
    assert helper._process.wait(timeout=30) == 0
    helper.close()


def test_a_helper_ends_when_what_it_is_told_makes_no_sense() -> None:
    helper = Helper()
    stream = helper._process.stdin
    assert stream is not None
    stream.write(b"no pickle")
    stream.flush()
    assert helper._process.wait(timeout=30) == 1
    helper.close()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), max_size=30), st.permutations(range(5)))
def test_frames_are_written_in_order_whatever_comes_first(
    comings: list[tuple[int, int]], endings: list[int]
) -> None:
    written: list[CodedFrame] = []
    joiner = Joiner(written.append)
    expected: dict[int, list[CodedFrame]] = {index: [] for index in range(5)}
    for number, (index, count) in enumerate(comings):
        coded = [CodedFrame(bytes([number, k]), k, 1, is_key=False) for k in range(count)]
        expected[index] += coded
        joiner.take(index, coded)
    for index in endings:
        joiner.end(index)
    joiner.close()
    assert written == [frame for index in range(5) for frame in expected[index]]


def test_segments_that_wait_share_one_file_and_little_memory() -> None:
    written: list[tuple[int, int]] = []
    open_before = descriptors()
    tracemalloc.start()
    with closing(Joiner(lambda frame: written.append((frame.time, len(frame.content))))) as joiner:
        for part in range(2):
            for index in reversed(range(1, 201)):
                time = 10 * index + part
                joiner.take(index, [CodedFrame(bytes(50_000), time, 1, is_key=False)])
                # A buffer that grows is given an eighth more than it holds.
                assert tracemalloc.get_traced_memory()[0] < 1.2 * _SPOOL_BYTES
        tracemalloc.stop()
        assert descriptors() == open_before + 1
        for index in range(201):
            joiner.end(index)
    assert written == [(10 * index + part, 50_000) for index in range(1, 201) for part in range(2)]


def descriptors() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


def helpers_of_this_process() -> list[int]:
    """Return the numbers of the helper processes that this one has started and that live."""
    found = []
    for folder in os.scandir("/proc"):
        if folder.name.isdigit():
            try:
                with open(f"{folder.path}/stat") as stat, open(f"{folder.path}/cmdline", "rb") as line:  # noqa: PTH123
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                    if parent == os.getpid() and b"engine.helper" in line.read():
                        found.append(int(folder.name))
            except OSError:
                continue
    return found
