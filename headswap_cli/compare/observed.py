"""What the local engine sees when it holds a result against its source, where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from headswap_cli.errors import EngineError
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from headswap_cli.wire import JsonObject

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time; of equal length, times in seconds and growing."""

    times_s: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """A moment at which a person is worth a look; ``box`` is the face's (x0, y0, x1, y1), in parts of 1."""

    why: str
    time_s: float
    box: Box


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of one person of the source; ``share`` of its frames is 0 to 1.

    ``to_source``, ``to_photo`` and ``source_to_photo`` are distances between faces: about 0.3 for one person,
    0.8 for two. ``jitter_before`` and ``jitter_after`` are in percent of the face's width.
    """

    obj_id: int
    share: float
    first_s: float
    sights: tuple[Sight, ...]
    to_source: Curve | None
    to_photo: Curve | None
    source_to_photo: Curve | None
    jitter_before: Curve
    jitter_after: Curve


def observe(
    cache: Path,
    before: Path,
    after: Path,
    photos: Mapping[int, Sequence[Path]],
    on_progress: Callable[[float], None],
    *,
    python: str = sys.executable,
) -> tuple[Observed, ...]:
    """Let the engine look at both videos, in a process of its own.

    Args:
        cache: The folder in which its weights lie, and its kernels.
        before: The source video.
        after: The result.
        photos: The reference faces by ``obj_id``, where they are known.
        on_progress: Told the part that is done, 0 to 100.
        python: Whose packages to use.

    Returns: The people of the source, longest on screen first.
    Raises: EngineError: it could not; the message says why.
    """
    order = {
        "before": str(before),
        "after": str(after),
        "photos": {str(obj_id): [str(path) for path in paths] for obj_id, paths in photos.items()},
    }
    command = [python, "-m", "headswap_cli.engine.measure", str(cache)]
    with subprocess.Popen(  # noqa: S603 - our own interpreter, arguments of ours
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        # Where the engine keeps them; which kernels are there is looked up as its modules are imported.
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache / "numba")},
    ) as process:
        try:
            outcome = _converse(process, order, on_progress)
        except BaseException:
            process.kill()
            raise
    if "people" not in outcome:
        reason = printable(str(outcome.get("failed", f"its process ended with {process.returncode}")))
        raise EngineError(f"The engine could not look at the faces: {reason}")
    return tuple(_person(person) for person in outcome["people"])


def _converse(
    process: subprocess.Popen[str], order: JsonObject, on_progress: Callable[[float], None]
) -> dict[str, Any]:
    outcome: dict[str, Any] = {}
    _give(process.stdin, json.dumps(order))
    for line in process.stdout or ():
        event = json.loads(line)
        if "progress" in event:
            on_progress(event["progress"])
        else:
            outcome = event
    return outcome


def _give(stream: IO[str] | None, text: str) -> None:
    if stream is not None:
        try:
            with stream:
                stream.write(text)
        except BrokenPipeError:
            # It ended before it read; what it ended with is what counts.
            return


def _person(told: dict[str, Any]) -> Observed:
    curves = {
        name: _curve(told[name])
        for name in ("to_source", "to_photo", "source_to_photo", "jitter_before", "jitter_after")
    }
    empty = Curve((), ())
    return Observed(
        obj_id=told["obj_id"],
        share=told["share"],
        first_s=told["first_s"],
        sights=tuple(Sight(one["why"], one["time_s"], tuple(one["box"])) for one in told["moments"]),
        to_source=curves["to_source"],
        to_photo=curves["to_photo"],
        source_to_photo=curves["source_to_photo"],
        jitter_before=curves["jitter_before"] or empty,
        jitter_after=curves["jitter_after"] or empty,
    )


def _curve(told: dict[str, Any] | None) -> Curve | None:
    return None if told is None else Curve(tuple(told["times_s"]), tuple(told["values"]))
