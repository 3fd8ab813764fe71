"""What becomes of the whole hostile corpus: ``python -m tests.bench.corpus [--seeds N] [--engine]``.

Without ``--engine`` every file goes through the client's preflight and, under the worker's limit of memory,
through decoding and encoding; with it through a real engine: server, worker, networks, swap.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headswap_cli import local, wire
from headswap_cli.engine.limits import bound_memory
from tests import media
from tests.engine import corpus, photos
from tests.engine.engines import create_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

BATCH = 50


@dataclass
class Tally:
    """What became of one family of files."""

    verdicts: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0
    worst: str = ""
    peak_mib: int = 0

    def note(self, name: str, verdict: str, seconds: float, peak_mib: int) -> None:
        """Count a file."""
        self.verdicts[verdict] += 1
        self.peak_mib = max(self.peak_mib, peak_mib)
        if seconds > self.worst_s:
            self.worst_s, self.worst = seconds, name

    def row(self, family: str) -> str:
        """Return the family's line of the table."""
        counts = [self.verdicts[kind] for kind in ("result", "refused", "traceback", "crash")]
        shown = " | ".join(map(str, (sum(self.verdicts.values()), *counts)))
        return f"| {family} | {shown} | {self.peak_mib} | {self.worst_s:.1f} ({self.worst}) |"


def families(folder: Path, seeds: int) -> Iterator[tuple[str, Iterator[Path]]]:
    """Make the families one by one, each in a folder of its own."""
    makers: dict[str, Callable[[Path], Iterator[Path]]] = {
        "truncated": lambda place: corpus.truncated(place, 50),
        "flipped bits": lambda place: corpus.flipped(place, range(seeds)),
        "lying headers": corpus.lying,
        "rare": corpus.unusual,
        "impostors": corpus.impostors,
        "bombs": corpus.bombs,
        "large and long": large_and_long,
        "photos, sound": photos.sound,
        "photos, hostile": photos.hostile,
        "photos, truncated": lambda place: photos.truncated(place, 50),
        "photos, flipped bits": lambda place: photos.flipped(place, range(seeds)),
    }
    for name, make in makers.items():
        place = folder / name.replace(" ", "_").replace(",", "")
        place.mkdir()
        yield name, make(place)


def large_and_long(folder: Path) -> Iterator[Path]:
    """Write what takes long to make."""
    yield corpus.large(folder / "16k.mov", 16_000, 16_000, count=2)
    yield corpus.large(folder / "8k.mov", 7680, 4320)
    yield corpus.long(folder / "ten_minutes.mp4", seconds=600)
    yield corpus.long(folder / "hours.mp4", seconds=5500)


def judge() -> None:
    """Be a process that takes paths on stdin and says on stdout what became of each."""
    from tests.engine import test_hostile_photo, test_hostile_video

    bound_memory()
    for line in sys.stdin:
        path = Path(line.strip())
        judge_of = test_hostile_photo if "photos" in path.parent.name else test_hostile_video
        began = time.monotonic()
        try:
            judge_of.preflight(path)
            verdict = judge_of.outcome(path)
        except Exception as error:
            verdict = "traceback"
            sys.stderr.write(f"{path.name}: {error!r}\n")
        seconds = time.monotonic() - began
        peak_mib = peak_mib_of(Path("/proc/self/status"))
        sys.stdout.write(json.dumps([path.name, verdict.replace("read", "result"), seconds, peak_mib]) + "\n")
        sys.stdout.flush()


def judged(paths: list[Path]) -> Iterator[tuple[str, str, float, int]]:
    """Have files judged; whichever ends the judge is a crash, and the next judge goes on after it."""
    while paths:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.corpus", "--judge"],
            input="".join(f"{path}\n" for path in paths),
            stdout=subprocess.PIPE,
            text=True,
            timeout=1800,
        )
        said = [json.loads(line) for line in done.stdout.splitlines()]
        yield from said
        paths = paths[len(said) :]
        if paths:
            yield paths[0].name, "crash", 0.0, 0
            paths = paths[1:]


def through_the_media_path(folder: Path, seeds: int) -> None:
    """Print the table of the media path."""
    print("| family | files | results | clear errors | tracebacks | crashes | peak MiB | worst s |")
    print("|---|---|---|---|---|---|---|---|")
    for name, made in families(folder, seeds):
        tally, paths = Tally(), list(made)
        for start in range(0, len(paths), BATCH):
            for verdict in judged(paths[start : start + BATCH]):
                tally.note(*verdict)
        print(tally.row(name), flush=True)


def with_faces(folder: Path) -> Iterator[Path]:
    """Write damaged copies of a clip with a face in it."""
    import random

    content = media.clip("carphone_pristine.mp4").read_bytes()
    for place in range(1, 51):
        path = folder / f"cut_{place:02}.mp4"
        path.write_bytes(content[: len(content) * place // 50])
        yield path
    for seed in range(50):
        chance, damaged = random.Random(seed), bytearray(content)
        for _ in range(chance.choice((1, 4, 16, 64))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path = folder / f"flip_{seed:02}.mp4"
        path.write_bytes(damaged)
        yield path


def peak_mib_of(status: Path) -> int:
    """Return the most memory that a process had since it began its program (Linux)."""
    return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024


def worker_peak_mib() -> int:
    """Return the most memory that a living worker ever had (Linux)."""
    peaks = [0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"headswap_cli.engine.worker" in (process / "cmdline").read_bytes():
                peaks.append(peak_mib_of(process / "status"))
        except (OSError, IndexError):
            continue
    return max(peaks)


def put(http: httpx.Client, path: Path) -> str:
    content = path.read_bytes()
    answer = http.put(f"/media/{hashlib.sha256(content).hexdigest()}", content=content, timeout=60).json()
    return str(answer["data"]["url"])


def ended(http: httpx.Client, path: str, answer: dict[str, Any]) -> dict[str, Any]:
    while True:
        record: dict[str, Any] = http.get(path, params={"_id": answer["data"]["_id"]}).json()["data"]
        if record["status"] in {wire.COMPLETED, wire.FAILED}:
            return record
        time.sleep(0.05)


def done_by(http: httpx.Client, path: Path, portrait: str) -> tuple[str, str]:
    """Let the engine do all it can with a file; return the verdict and the reason of a refusal."""
    if not path.stat().st_size:
        return "refused", "empty"
    body: dict[str, Any] = {"video_url": put(http, path), "type": "head", "any_length": True}
    analysis = ended(http, wire.ANALYSIS_PATH, http.post(wire.ANALYZE_PATH, json=body).json())
    record = analysis
    if analysis["status"] == wire.COMPLETED and analysis["analysis_result"]["media"]:
        task = create_body(body["video_url"], {0: portrait}, any_length=True)
        record = ended(http, wire.TASK_PATH, http.post(wire.CREATE_PATH, json=task).json())
    if record["status"] == wire.COMPLETED:
        return "result", ""
    kind = "refused" if record["error_code"] != wire.SERVER_FAULT else "traceback"
    return kind, record["error_reason"]


def through_an_engine(folder: Path) -> None:
    """Print the table of a real engine, and whether it is the same one at the end."""
    data = folder / "data"
    endpoint = local.ensure(data, media.weights_dir().parent)
    with local.client(endpoint) as http:
        portrait, before = put(http, media.photo("astronaut.png")), http.get("/health").json()["data"]["pid"]
        print("| family | files | results | clear errors | tracebacks | crashes | peak MiB | worst s |")
        print("|---|---|---|---|---|---|---|---|")
        makers = {
            "faces, damaged": with_faces,
            "lying headers": corpus.lying,
            "rare": corpus.unusual,
            "impostors": corpus.impostors,
            "bombs": corpus.bombs,
            "large and long": large_and_long,
        }
        for name, make in makers.items():
            place, tally = folder / name.replace(" ", "_"), Tally()
            place.mkdir()
            for path in make(place):
                began = time.monotonic()
                verdict, reason = done_by(http, path, portrait)
                tally.note(path.name, verdict, time.monotonic() - began, worker_peak_mib())
                sys.stderr.write(f"{path.name}: {verdict} {reason}\n")
            print(tally.row(name), flush=True)
        print(f"the same server at the end: {http.get('/health').json()['data']['pid'] == before}")
    local.stop(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--engine", action="store_true")
    parser.add_argument("--judge", action="store_true")
    given = parser.parse_args()
    if given.judge:
        judge()
        return
    with tempfile.TemporaryDirectory() as folder:
        if given.engine:
            through_an_engine(Path(folder))
        else:
            through_the_media_path(Path(folder), given.seeds)


if __name__ == "__main__":
    main()
