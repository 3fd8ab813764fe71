"""Videos that are hostile, damaged or rare: each ends in a result that plays, or in a clear error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from headswap_cli import media
from headswap_cli.engine.decode import open_video, timeline_of
from headswap_cli.engine.pipeline import Pipeline
from headswap_cli.engine.types import MediaFault, Scene, SwapReport, SwapSettings
from headswap_cli.errors import InputError
from tests import footage
from tests.engine import corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The whole corpus, thousands of seeds, is for tests/bench/corpus.py.
_SEEDS = range(60)
_PLACES = 50


def passed_through(source: Path, target: Path) -> SwapReport:
    """Do what a swap does to a video, but for the heads."""
    with open_video(source) as video:
        scene = Scene(video.properties, (), (), timeline_of(video.frames()))
    return Pipeline(Path("no-weights")).swap(
        scene, source, target, {}, SwapSettings(), on_progress=lambda done, total: None
    )


def outcome(source: Path) -> str:
    """Return ``result`` or ``refused``; anything else raises."""
    target = source.with_suffix(".result.mp4")
    report: SwapReport | None = None
    reason = ""
    try:
        report = passed_through(source, target)
    except MediaFault as fault:
        reason = fault.reason
    if report is None:
        assert reason.startswith("The video")
        assert str(source) not in reason
        assert not target.exists()
        return "refused"
    assert report.frame_count > 0
    assert media.verify_playable(target) is not None
    target.unlink()
    return "result"


def preflight(source: Path) -> str:
    """Return ``taken`` or ``refused``; anything else raises."""
    try:
        media.check_video(source, any_length=True)
    except InputError as error:
        reason = str(error)
    else:
        return "taken"
    assert str(source) in reason
    return "refused"


@pytest.mark.parametrize(
    ("family", "results"),
    [
        (lambda folder: corpus.truncated(folder, _PLACES), 55),
        (lambda folder: corpus.flipped(folder, _SEEDS), 40),
        (corpus.lying, 9),
        (corpus.unusual, 30),
        (corpus.bombs, 1),
    ],
    ids=["truncated", "flipped", "lying", "unusual", "bombs"],
)
def test_a_hostile_video_ends_in_a_result_or_a_clear_error(
    tmp_path: Path, family: Callable[[Path], Iterator[Path]], results: int
) -> None:
    outcomes = [(preflight(path), outcome(path)) for path in family(tmp_path)]
    # Refusing everything would be no art.
    assert sum(verdict == "result" for _, verdict in outcomes) >= results


def test_no_impostor_is_taken_for_a_video(tmp_path: Path) -> None:
    for path in corpus.impostors(tmp_path):
        assert (preflight(path), outcome(path)) == ("refused", "refused"), path.name


def test_a_video_of_which_only_the_first_look_succeeds_is_refused(tmp_path: Path) -> None:
    # Found by trying: one thread decodes its first picture, two decode none.
    (path,) = corpus.flipped(tmp_path, range(3408, 3409))
    assert outcome(path) in {"result", "refused"}


def test_a_muxer_that_cannot_even_be_closed_is_a_clear_error(tmp_path: Path) -> None:
    (path,) = corpus.flipped(tmp_path, range(1393, 1394))
    assert outcome(path) in {"result", "refused"}


def test_too_many_pixels_are_named_with_the_limit(tmp_path: Path) -> None:
    path = corpus.encoded(tmp_path / "huge.avi", [np.zeros((4608, 8192, 3), np.uint8)], "mjpeg", "yuvj420p")
    with pytest.raises(MediaFault, match=r"8192 x 4608 pixels; the limit is 33177600"):
        passed_through(path, tmp_path / "out.mp4")


@pytest.mark.parametrize("side", [1, 2, 15])
def test_too_few_pixels_are_named_with_the_limit(tmp_path: Path, side: int) -> None:
    path = corpus.encoded(tmp_path / "tiny.mkv", corpus.pictures(60, side, side), "ffv1", "yuv444p")
    with pytest.raises(MediaFault, match=f"{side} x {side} pixels; at least 16 x 16 are needed"):
        passed_through(path, tmp_path / "out.mp4")


def test_more_frames_than_anybody_waits_for_are_named_with_the_limit(tmp_path: Path) -> None:
    path = corpus.long(tmp_path / "hours.mp4", seconds=5404)
    with pytest.raises(MediaFault, match="more than 54000 frames, which is the limit"):
        passed_through(path, tmp_path / "out.mp4")


@pytest.mark.parametrize("kind", ["ts", "h264"])
def test_pictures_that_change_their_size_get_that_of_the_first(tmp_path: Path, kind: str) -> None:
    path = corpus.changing_size(tmp_path / f"changing.{kind}", tmp_path)
    with open_video(path) as video:
        frames = [frame.image for frame in video.frames()]
    assert {frame.shape for frame in frames} == {(96, 128, 3)}
    # Scaled, not cut: all four corners are still there (the last picture has moved by half).
    assert sorted(footage.corner_colours(np.roll(frames[-1], -3 * 39 * 128 // 320, axis=1))) == [0, 1, 2, 3]


def test_a_stream_without_timestamps_is_as_long_as_its_frames(tmp_path: Path) -> None:
    path = corpus.encoded(tmp_path / "raw.h264", corpus.pictures(100), "libx264", "yuv420p", rate=25)
    info = media.check_video(path)
    assert info is not None
    assert info.duration_s == pytest.approx(4.0)


def test_a_clock_that_starts_again_costs_sound_and_not_the_video(tmp_path: Path) -> None:
    path = corpus.repeated(tmp_path / "again.ts", corpus.plain(tmp_path, "plain.ts"), times=3)
    assert outcome(path) == "result"


def test_a_title_in_another_encoding_does_no_harm(tmp_path: Path) -> None:
    content = corpus.plain(tmp_path).read_bytes().replace(b"Lavf", b"L\xe4\xf6\xfc")
    path = tmp_path / "latin.mp4"
    path.write_bytes(content)
    assert (preflight(path), outcome(path)) == ("taken", "result")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_no_file(headswap_pipe: Path) -> None:
    with pytest.raises(InputError, match="is a pipe or a device, not a file"):
        media.check_video(headswap_pipe)


@pytest.fixture
def headswap_pipe(tmp_path: Path) -> Path:
    """A named pipe that nobody writes to: reading it never ends."""
    path = tmp_path / "pipe.mp4"
    subprocess.run(["mkfifo", str(path)], check=True)
    return path
