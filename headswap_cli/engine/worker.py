"""The process that does the work: orders come in as JSON lines, progress and outcomes go out as JSON lines.

It is a process of its own, so that the server stays responsive and a crash of a codec costs one job. What it
knows of people's faces (embeddings, landmarks) is in its memory alone and goes with it. Nothing heavy is
imported before the first order.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headswap_cli import pictures
from headswap_cli.engine.cancel import UnwantedError, Wishes, listen
from headswap_cli.engine.limits import (
    MEMORY_BYTES,
    STALL_S,
    Watchdog,
    ran_out_of_memory,
    settle_in,
)
from headswap_cli.engine.orders import KEPT_SCENES, PROCESSES, PUBLIC_ONLY, Share, length_fault
from headswap_cli.engine.pipes import HelperDiedError, take_stdout
from headswap_cli.engine.remote import Fetcher
from headswap_cli.engine.storage import MediaStore, fetched_name, preview_name, result_name
from headswap_cli.folders import DISK_FULL
from headswap_cli.media import is_url
from headswap_cli.packages import FETCH_COMMAND
from headswap_cli.wire import (
    DURATION,
    OF_A_PHOTO,
    SERVER_FAULT,
    TOO_LARGE,
    UNREADABLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headswap_cli.engine.orders import (
        AnalysisOrder,
        Event,
        Order,
        PhotosOrder,
        SwapOrder,
    )
    from headswap_cli.engine.types import OnProgress, Scene, SwapReport, SwapSettings
    from headswap_cli.models import Judgement, Mode
    from headswap_cli.wire import JsonObject


class SwapPipeline(Protocol):
    """What the worker asks of ``pipeline.Pipeline``."""

    def analyse(self, source: Path, *, on_progress: OnProgress) -> Scene:
        """Find the people of a video."""

    def check_photos(self, photos: Mapping[int, Sequence[Path]]) -> None:
        """Raise ``PhotoFault`` where a photo of the swap to come cannot be used."""

    def judge_photos(self, photos: Sequence[Sequence[Path]], mode: Mode | None) -> Judgement:
        """Return why photos cannot be used, or look less good than others."""

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
        """Write a video in which the people named by ``photos`` wear other heads."""


class Workbench:
    """Does one order after the other and remembers the scenes of the last few videos.

    Args:
        media: Where sources lie and results go.
        make_pipeline: Makes the pipeline, once the first order needs it.
        emit: Is told progress.
        fetcher: Gets what orders name by URL.
        pulse: Is called as the work begins and after every frame: it gets on. What it raises ends it.
    """

    def __init__(
        self,
        media: MediaStore,
        make_pipeline: Callable[[], SwapPipeline],
        emit: Callable[[Event], None],
        fetcher: Fetcher,
        *,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self._media = media
        self._fetcher = fetcher
        self._make_pipeline = make_pipeline
        self._emit = emit
        self._pulse = pulse
        self._pipeline: SwapPipeline | None = None
        self._scenes: OrderedDict[str, Scene] = OrderedDict()

    def perform(self, order: Order) -> Event:
        """Do ``order``; whatever goes wrong becomes a ``failed`` event.

        Raises: HelperDiedError: A process that worked along ended: this one cannot go on.
        """
        from headswap_cli.engine.types import MediaFault, PhotoFault

        try:
            return {"done": self._done(order)}
        except UnwantedError:
            return {"cancelled": True}
        except MediaFault as fault:
            subject = OF_A_PHOTO if isinstance(fault, PhotoFault) else ""
            return {"failed": {"code": fault.code, "reason": fault.reason, "subject": subject, "trace": None}}
        except HelperDiedError:
            # As if this process had died: what killed a part of the work may kill all of it.
            raise
        except Exception as error:
            if ran_out_of_memory(error):
                self._scenes.clear()
            code, reason = _diagnosis(error)
            return {"failed": {"code": code, "reason": reason, "trace": traceback.format_exc()}}

    def _done(self, order: Order) -> JsonObject:
        self._pulse()
        if order["kind"] == "analysis":
            return self._analyse(order)
        return self._swap(order) if order["kind"] == "task" else self._judge(order)

    def _judge(self, order: PhotosOrder) -> JsonObject:
        from headswap_cli.models import Mode

        photos = [list(map(self._file, names)) for names in order["photos"]]
        judged = self._use_pipeline().judge_photos(photos, Mode(order["mode"]) if order["mode"] else None)
        told = [(place, warning) for place, warnings in judged.warned.items() for warning in warnings]
        return {
            "refused": [{"person": place, "reason": reason} for place, reason in judged.refused.items()],
            "warned": [{"person": place, "warning": warning} for place, warning in told],
        }

    def _analyse(self, order: AnalysisOrder) -> JsonObject:
        from headswap_cli.engine.decode import open_video
        from headswap_cli.engine.sighting import sighting

        source = self._held(order["source"], fetched_name(order["id"]), self._fetcher.video)
        if not order["any_length"]:
            # Before the work: the people of an hour of video are found in an hour.
            with open_video(source) as video:
                _check_length(video.properties.duration_s)
        scene = self._scene(order["id"], source, Share(self._emit, pulse=self._pulse))
        for person in scene.people:
            with self._media.made(preview_name(order["id"], person.obj_id), order["id"]) as draft:
                draft.write_bytes(_jpeg(person.preview))
        video_info = scene.video
        return {
            "people": [person.obj_id for person in scene.people],
            "sightings": [sighting(person, video_info) for person in scene.people],
            "width": video_info.width,
            "height": video_info.height,
            "fps": round(float(video_info.frame_rate), 3),
            "frame_count": video_info.frame_count,
            "duration_s": video_info.duration_s,
        }

    def _swap(self, order: SwapOrder) -> JsonObject:
        from headswap_cli.engine.types import SwapSettings
        from headswap_cli.models import Mode, Quality, Tone

        source = self._file(order["source"])
        photos = {
            int(obj_id): [
                self._held(name, fetched_name(order["id"], int(obj_id), number), self._fetcher.photo)
                for number, name in enumerate(names)
            ]
            for obj_id, names in order["photos"].items()
        }
        settings = SwapSettings(
            short_side=order["short_side"],
            mode=Mode(order["mode"]) if order["mode"] else None,
            keep_sound=order["keep_sound"],
            tone=Tone(order["tone"]) if order["tone"] else None,
            quality=Quality(order["quality"]) if order["quality"] else Quality.STANDARD,
        )
        # Before the video: a bad photo is told in a second, the people of a video are found in many.
        self._use_pipeline().check_photos(photos)
        self._pulse()
        is_known = order["analysis_id"] in self._scenes
        scene = self._scene(order["analysis_id"], source, Share(self._emit, upto=50, pulse=self._pulse))
        with self._media.made(result_name(order["id"]), order["id"]) as draft:
            report = self._use_pipeline().swap(
                scene,
                source,
                draft,
                photos,
                settings,
                on_progress=Share(self._emit, since=0 if is_known else 50, pulse=self._pulse),
            )
        modes = [{"obj_id": obj_id, "mode": mode} for obj_id, mode in sorted(report.modes.items())]
        return {
            "notices": list(report.notices),
            "frames_swapped": report.frames_swapped,
            "modes": modes,
        }

    def _scene(self, analysis_id: str, source: Path, on_progress: OnProgress) -> Scene:
        scene = self._scenes.pop(analysis_id, None)
        if scene is None:
            scene = self._use_pipeline().analyse(source, on_progress=on_progress)
        self._scenes[analysis_id] = scene
        while len(self._scenes) > KEPT_SCENES:
            self._scenes.popitem(last=False)
        return scene

    def _use_pipeline(self) -> SwapPipeline:
        if self._pipeline is None:
            self._pipeline = self._make_pipeline()
        return self._pipeline

    def _held(self, source: str, name: str, fetch: Callable[[str, Path], None]) -> Path:
        """Return the file that is meant by a media name; what is meant by a URL is fetched as ``name``."""
        if not is_url(source):
            return self._file(source)
        if self._media.find(name) is None:
            with self._media.made(name, name[:24]) as draft:
                fetch(source, draft)
        return self._file(name)

    def _file(self, name: str) -> Path:
        path = self._media.find(name)
        if path is None:
            raise FileNotFoundError(f"the engine holds no media {name} any more")
        return path


def serve(
    make_pipeline: Callable[[Path, Callable[[], None]], SwapPipeline],
    data: Path,
    cache: Path,
    *,
    public_only: bool = False,
    stall_s: float = STALL_S,
) -> None:
    """Do the orders that come in on stdin until it closes, then end at once, in the middle of one or not.

    Args:
        make_pipeline: Given the folder of the weights and what shows that it gets on, makes the pipeline.
        data: The engine's own folder.
        cache: The cache folder: ``weights``, ``numba``.
        public_only: Fetch from the public internet alone.
        stall_s: An order that does not get on for so long is given up, and this process with it.
    """
    _settle_in(cache)
    events = take_stdout()
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    wishes = Wishes()
    threading.Thread(target=listen, args=(sys.stdin.buffer, orders, wishes), daemon=True).start()

    speaking = threading.Lock()

    def emit(event: Event) -> None:
        with speaking:
            events.write(json.dumps(event).encode() + b"\n")
            events.flush()

    media, watchdog = MediaStore(data / "media"), Watchdog(stall_s)

    def pulse() -> None:
        watchdog.pulse()
        wishes.check()

    fetcher = Fetcher(public_only=public_only, pulse=pulse)
    bench = Workbench(media, lambda: make_pipeline(cache / "weights", pulse), emit, fetcher, pulse=pulse)

    def give_up(order: Order) -> None:
        media.drop_drafts(order["id"])
        reason = f"The engine gave up: for {stall_s:g} s the work did not get on."
        emit({"failed": {"code": SERVER_FAULT, "reason": reason, "trace": None}})
        # Whatever holds the main thread holds it in somebody else's code.
        os._exit(1)

    while True:
        order = orders.get()
        with watchdog.over(partial(give_up, order)), wishes.over(order["id"]):
            event = _performed(bench, order)
        emit(event)


def _performed(bench: Workbench, order: Order) -> Event:
    try:
        return bench.perform(order)
    except HelperDiedError:
        traceback.print_exc()
        sys.stderr.flush()
        # The thread that reads orders cannot be ended.
        os._exit(1)


def main() -> None:
    """Serve with the real pipeline: ``python -m headswap_cli.engine.worker DATA CACHE [FLAG ...]``."""
    data, cache, *flags = sys.argv[1:]
    asked = [int(flag.removeprefix(PROCESSES)) for flag in flags if flag.startswith(PROCESSES)]
    make = partial(_real_pipeline, processes=asked[-1] if asked else 1)
    serve(make, Path(data), Path(cache), public_only=PUBLIC_ONLY in flags)


def _real_pipeline(folder: Path, pulse: Callable[[], None], *, processes: int) -> SwapPipeline:
    import cv2

    from headswap_cli.engine import weights
    from headswap_cli.engine.types import MediaFault

    # Byte for byte: a damaged network may well load, and then work wrong.
    wrong = weights.verify(folder)
    if wrong:
        fault = f"The engine's networks are missing or damaged ({', '.join(wrong)} in {folder})"
        raise MediaFault(SERVER_FAULT, f"{fault}; run: {FETCH_COMMAND}")

    # One thread here: the frames are what is done side by side.
    cv2.setNumThreads(1)
    from headswap_cli.engine.pipeline import Pipeline

    return Pipeline(folder, processes=processes, pulse=pulse)


def _settle_in(cache: Path) -> None:
    """Write for the owner only, leave signals to the server, and see ``limits.settle_in``."""
    os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.environ["NUMBA_CACHE_DIR"] = str(cache / "numba")
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(pictures.MAX_PICTURE_PIXELS)
    settle_in()


def _jpeg(image: Any) -> bytes:
    import cv2

    _, encoded = cv2.imencode(".jpg", image)
    return encoded.tobytes()


def _diagnosis(error: Exception) -> tuple[int, str]:
    """Return the code and the reason of a failure that is no ``MediaFault``."""
    import av

    if ran_out_of_memory(error):
        return TOO_LARGE, f"The work needs more memory than a worker may take ({MEMORY_BYTES >> 30} GiB)."
    if (reason := _full_disk(error)) is not None:
        return SERVER_FAULT, reason
    if isinstance(error, av.FFmpegError):
        return UNREADABLE, f"The video cannot be worked on: {error.strerror}."
    return SERVER_FAULT, f"{type(error).__name__}: {error}"


def _full_disk(error: Exception) -> str | None:
    # PyAV's errors and the standard library's are OSErrors alike.
    if not isinstance(error, OSError) or error.errno not in DISK_FULL:
        return None
    return f"The engine's disk takes no more ({error.strerror}). Make room, or run: headswap serve --clear"


def _check_length(duration_s: float) -> None:
    from headswap_cli.engine.types import MediaFault

    reason = length_fault(duration_s)
    if reason is not None:
        raise MediaFault(DURATION, reason)


if __name__ == "__main__":
    main()
