"""A worker with a quick pipeline: run as a script, obedient to ``standin.json`` in its cache folder.

``people`` (how many there are), ``seen`` (in how many of 120 frames), ``then`` (``fault``, ``bug``, ``die``,
``lose a helper`` in the first analysis or swap, or ``bad photo`` before one), ``hold`` (work on until the
setting changes; meanwhile on_progress is told ``at``, if that is there), ``frames`` (what on_progress is
told, pairs), ``pace_s`` (how long each of these takes), ``heads`` (make those before a swap until the setting
changes), ``bad`` (why every photo is refused when photos are judged by themselves), ``smile`` (what every
photo is warned of, then and with the result).
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headswap_cli.engine import worker
from headswap_cli.engine.decode import open_video
from headswap_cli.engine.orders import PUBLIC_ONLY
from headswap_cli.engine.pipes import HelperDiedError
from headswap_cli.engine.types import (
    MediaFault,
    Person,
    PhotoFault,
    Scene,
    SwapReport,
    Track,
    VideoProperties,
)
from headswap_cli.models import Judgement, Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from headswap_cli.engine.types import OnProgress, SwapSettings

SCRIPT = Path(__file__)


class StandIn:
    """Finds as many people as it is told; its "video" is JSON that says what it was asked."""

    def __init__(self, cache: Path, pulse: Callable[[], None] = lambda: None) -> None:
        self._pulse = pulse
        self._settings = cache / "standin.json"
        self._analyses = 0

    def analyse(self, source: Path, *, on_progress: OnProgress) -> Scene:
        self._analyses += 1
        os.write(1, b"a library's chatter\n")
        with open_video(source) as video:
            duration_s = video.properties.duration_s
        told = self._obey(on_progress)
        preview = np.full((8, 8, 3), 90, np.uint8)
        mesh = np.full((told.get("seen", 60), 478, 3), 20, np.float32)
        track = Track(0, 12, mesh, np.zeros(128), b"", 1.0)
        people = tuple(Person(obj_id, (track,), preview) for obj_id in range(told.get("people", 1)))
        return Scene(VideoProperties(64, 48, Fraction(30000, 1001), 120, duration_s), (), people)

    def check_photos(self, photos: Mapping[int, Sequence[Path]]) -> None:
        while self._told().get("heads"):
            self._pulse()
        if self._told().get("then") == "bad photo":
            raise PhotoFault(1003, "person 1: the reference photo shows no face")

    def judge_photos(self, photos: Sequence[Sequence[Path]], mode: Mode | None) -> Judgement:
        told = self._told()
        if told.get("then") == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if told.get("then") == "bug":
            raise ZeroDivisionError("a face of no width")
        places = range(len(photos))
        return Judgement(
            {place: f"bad: {told['bad']}" for place in places if "bad" in told},
            {place: (told["smile"],) for place in places if "smile" in told},
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
        # Half a result, for as long as the work takes.
        target.write_text('{"half":')
        told = self._obey(on_progress)
        said = {
            "people": len(scene.people),
            "source": source.name,
            "photos": {obj_id: [path.name for path in paths] for obj_id, paths in photos.items()},
            "settings": dataclasses.asdict(settings),
            "analyses": self._analyses,
            "niceness": os.nice(0),
            "expendable": _expendable(),
            "numba": os.environ.get("NUMBA_CACHE_DIR"),
        }
        target.write_text(json.dumps(said))
        modes = dict.fromkeys(photos, settings.mode or Mode.HEAD)
        remarks = [f"person {obj_id + 1}: {told['smile']}" for obj_id in photos if "smile" in told]
        return SwapReport(120, 119, ("One frame passes unchanged.", *remarks), modes)

    def _obey(self, on_progress: OnProgress) -> dict[str, Any]:
        told = self._told()
        for done, total in told.get("frames", [(1, 2), (2, 2)]):
            on_progress(done, total)
            time.sleep(told.get("pace_s", 0))
        while told.get("hold"):
            told = self._told()
            if "at" in told:
                on_progress(*told["at"])
        if told.get("then") == "fault":
            raise MediaFault(1209, "The video's codec is unknown.")
        if told.get("then") == "bug":
            raise ZeroDivisionError("a frame of no width")
        if told.get("then") == "lose a helper":
            raise HelperDiedError("a helper ended with signal 9")
        if told.get("then") == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return told

    def _told(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._settings.read_text()))
        except FileNotFoundError:
            return {}


def _expendable() -> bool:
    """Whether the system would rather end this process than the server, should memory run out."""
    mine, servers = (Path(f"/proc/{pid}/oom_score_adj") for pid in ("self", os.getppid()))
    return not mine.exists() or int(mine.read_text()) > int(servers.read_text())


if __name__ == "__main__":
    data, cache, *flags = sys.argv[1:]
    worker.serve(
        lambda weights, pulse: StandIn(weights.parent, pulse),
        Path(data),
        Path(cache),
        public_only=PUBLIC_ONLY in flags,
    )
