"""The engine's two jobs, from file to file: find the people in a video, and put other heads on them."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from headswap_cli import wire
from headswap_cli.engine.analysis import Analyser
from headswap_cli.engine.aside import Aside
from headswap_cli.engine.bars import find_bars
from headswap_cli.engine.cast import LEFT, Cast, told
from headswap_cli.engine.casting import Casting
from headswap_cli.engine.crew import Crew
from headswap_cli.engine.decode import ahead, open_known, open_video
from headswap_cli.engine.encode import Picture, bounded_size, clock, open_writer
from headswap_cli.engine.fit import Fit
from headswap_cli.engine.kernel import make_ready
from headswap_cli.engine.limits import give_back_files, give_back_memory
from headswap_cli.engine.segments import segments
from headswap_cli.engine.studio import Production, swappers
from headswap_cli.engine.types import MediaFault, PhotoFault, SwapReport
from headswap_cli.models import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from headswap_cli.engine.decode import VideoSource
    from headswap_cli.engine.types import OnProgress, Scene, SwapSettings
    from headswap_cli.models import Mode, Quality


_BITS = 8


class Pipeline:
    """Does jobs one after the other; networks are loaded when the first job needs them.

    Args:
        weights: The folder of the fetched weights.
        processes: How many are to make a video side by side, this one included.
        pulse: Is called while heads are made and people identified; what it raises ends the work. Where
            ``on_progress`` is told of frames, that ends it.
    """

    def __init__(
        self, weights: Path, *, processes: int = 1, pulse: Callable[[], None] = lambda: None
    ) -> None:
        self._weights = weights
        self._pulse = pulse
        self._crew = Crew(processes)

    def analyse(self, source: Path, *, on_progress: OnProgress) -> Scene:
        """Find the people of a video.

        Raises: MediaFault: the video cannot be read.
        """
        # They are ready by the time they are needed.
        self._crew.gather()
        with open_video(source) as video:
            # Its networks are loaded in an instant, and in the way of what comes next.
            analyser = Analyser(self._weights)
            give_back_memory()
            # While no other thread is there that may load a library.
            give_back_files()
            coming = video.frames()
            first = next(coming)
            bars = find_bars(source, video.properties, first.image, self._pulse)
            properties = replace(video.properties, bars=bars)
            with ahead(chain([first], coming)) as frames:
                scene = analyser.analyse(frames, properties, on_progress)
        del analyser
        give_back_memory()
        return scene

    def check_photos(self, photos: Mapping[int, Sequence[Path]]) -> None:
        """Make the heads of a swap to come, which is far quicker than to look at its video first.

        Raises: MediaFault: a photo cannot be used; the reason names the value and the limit.
        """
        self._crew.gather()
        self._casting.check(photos)

    def judge_photos(self, photos: Sequence[Sequence[Path]], mode: Mode | None) -> Judgement:
        """Say which photos no head can be made of, or no good one, before anybody has looked at a video.

        The heads of the others are kept until they are wanted, unless another swap comes first.

        Args:
            photos: Of each person, the main one first.
            mode: How much of the heads is to be worn; None where the video is to decide.
        """
        tried = self._casting.tried(dict(enumerate(photos)))
        give_back_memory()
        return Judgement(
            {place: one.reason for place, one in tried.items() if isinstance(one, PhotoFault)},
            {place: one.told(mode) for place, one in tried.items() if not isinstance(one, PhotoFault)},
        )

    def swap(
        self,
        scene: Scene,
        source: Path,
        target: Path,
        photos: Mapping[int, Sequence[Path]],
        settings: SwapSettings,
        *,
        on_progress: OnProgress,
    ) -> SwapReport:
        """Write a video in which some people wear other heads.

        Frames stream through one by one: memory does not grow with the video's length. How many processes
        there are changes nothing in the result.

        Args:
            scene: What ``analyse`` told of ``source``.
            source: The source video.
            target: The mp4 to write; it appears when it is whole.
            photos: Photos of the new head of each person to change, by ``obj_id``, the main one first.
            settings: What the user chose.
            on_progress: Told after every frame.

        Raises:
            MediaFault: A photo or the video cannot be used, a person is not in the scene, or nobody was
                swapped in any frame.
            HelperDiedError: A process that worked along ended.
        """
        size = bounded_size(scene.video.width, scene.video.height, settings.short_side)
        fit = Fit.to_size(scene.video, *size)
        with open_known(source, scene.video) as video:
            picture, losses = _picture(video, fit, settings.quality), _losses(video)
        with Aside() as aside:
            # Most of what photos need leaves another thread free to work.
            aside.later(make_ready)
            roles, remarks = self._casting.roles(scene, photos, settings, fit, picture.colour)
            meetings = self._casting.meetings(scene, source, roles)
        self._casting.clear()
        give_back_memory()
        times = clock(scene.timeline, picture)
        production = Production(
            self._weights, source, scene.video, scene.timeline, picture, times, fit, roles, meetings
        )
        sound_of = source if settings.keep_sound else None
        counter = _Counter(scene.video.frame_count, on_progress)
        with open_writer(target, picture, times, sound_of=sound_of) as writer:
            reports = self._crew.make(production, segments(scene), writer.write, counter)
            frame_count = sum(report.frame_count for report in reports)
            frames_swapped = sum(report.frames_swapped for report in reports)
            if roles and not frames_swapped:
                raise MediaFault(
                    wire.INVALID_PARAMETER,
                    f"nobody was swapped in any of the {frame_count} frames, and the result would be the"
                    f" source ({LEFT})",
                )
        tallies = [report.tallies for report in reports]
        give_back_memory()
        return SwapReport(
            frame_count,
            frames_swapped,
            (*told(frame_count, frames_swapped, tallies), *writer.notices, *remarks, *losses),
            {role.obj_id: role.mode for role in roles},
        )

    def cast(
        self, scene: Scene, source: Path, photos: Mapping[int, Sequence[Path]], settings: SwapSettings
    ) -> Cast:
        """Prepare the heads and who wears them, for frames one after the other; arguments as of ``swap``.

        Raises: MediaFault: a photo or the video cannot be used, or a person is not in the scene.
        """
        size = bounded_size(scene.video.width, scene.video.height, settings.short_side)
        fit = Fit.to_size(scene.video, *size)
        with open_known(source, scene.video) as video:
            colour = video.colour
        roles, _ = self._casting.roles(scene, photos, settings, fit, colour)
        meetings = self._casting.meetings(scene, source, roles)
        return Cast(scene, fit, swappers(roles, self._weights), meetings)

    def close(self) -> None:
        """End the processes that work along."""
        self._crew.dismiss()

    @cached_property
    def _casting(self) -> Casting:
        return Casting(self._weights, self._pulse)


class _Counter:
    """Counts frames for ``on_progress``."""

    def __init__(self, expected: int, on_progress: OnProgress) -> None:
        self._done = 0
        self._expected = expected
        self._on_progress = on_progress

    def __call__(self) -> None:
        self._done += 1
        self._on_progress(self._done, max(self._done, self._expected))


def _losses(video: VideoSource) -> list[str]:
    """Say what of the source an H.264 file for any player cannot hold."""
    lost = []
    if video.bits > _BITS:
        lost.append(
            f"the video has {video.bits} bits a colour and the result {_BITS}, under the same colour tags:"
            " soft gradients may show steps"
        )
    if video.interlaced:
        lost.append(
            "the video is interlaced and the result is not: edges that move look combed unless you"
            " deinterlace it before"
        )
    return lost


def _picture(video: VideoSource, fit: Fit, quality: Quality) -> Picture:
    return Picture(
        fit.width,
        fit.height,
        video.time_base,
        video.properties.frame_rate,
        video.colour,
        video.pixel_aspect,
        video.origin_s,
        quality,
    )
