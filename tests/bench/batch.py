"""A batch of a thousand rows: memory, CPU for each look, requests, lateness; and a kill at half of it.

Usage: python -m tests.bench.batch [--rows 1000] [--parallel 1000]

The service is a process of its own on loopback. Its tasks take times spread so widely that they don't fall in
step with the looks, and all rows are under way at once, which is hardest for the client. CPU for a look is
what two batches differ by whose tasks take different times, by the looks that it made: all else is the same.
Looks that come alone find caches cold; the same is measured where they come as thick as a thousand a second.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from headswap_cli.api import v4
from headswap_cli.api.client import ApiClient, keyed_http
from headswap_cli.models import MappedFace, SwapOptions
from headswap_cli.services.crew import Crew, Job
from headswap_cli.wire import ANALYSIS_PATH, TASK_PATH
from tests.loopback import API_KEY, HeadSwapService
from tests.origin import Answer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.origin import Recorded

VIDEO, FACE = "https://example.com/clip.mp4", "https://example.com/me.jpg"
ANALYSIS_S = 6.0
SHORT_S, LONG_S = 30.0, 90.0
SEED = 5


class TimedService(HeadSwapService):
    """Its jobs take seconds, not looks; it remembers when each was over and when it was looked at.

    Args:
        task_s: How long a task takes, about; analyses take ``ANALYSIS_S``.
    """

    def __init__(self, task_s: float) -> None:
        super().__init__(analysis_polls=0, task_polls=0)
        self._took = {ANALYSIS_PATH: ANALYSIS_S, TASK_PATH: task_s}
        self._chance = random.Random(SEED)
        self._over: dict[str, float] = {}
        self._looked: dict[str, list[float]] = defaultdict(list)
        self._guard = threading.Lock()

    def respond(self, request: Recorded) -> Answer:
        """Answer by the clock; ``/stats`` tells what was seen."""
        if request.path == "/stats":
            return Answer(self.stats())
        if request.path in self._took:
            self._look(request.query["_id"])
        answer = super().respond(request)
        if request.method == "POST" and isinstance(answer.body, dict) and "data" in answer.body:
            path = ANALYSIS_PATH if request.path.endswith("analyze") else TASK_PATH
            took = self._took[path] * self._chance.uniform(0.4, 1.6)
            self._over[answer.body["data"]["_id"]] = time.monotonic() + took
        return answer

    def _look(self, identifier: str) -> None:
        now = time.monotonic()
        with self._guard:
            self._looked[identifier].append(now)
            self._looks[identifier] = 0 if now >= self._over.get(identifier, now) else -1_000_000

    def stats(self) -> dict[str, Any]:
        """Return the counts of requests, and of each task how late its end was seen and after which pause."""
        late, pauses = [], []
        for identifier in self.tasks:
            looks, over = self._looked[identifier], self._over[identifier]
            seen = next((index for index, at in enumerate(looks) if at >= over), 0)
            if seen:
                late.append(looks[seen] - over)
                pauses.append(looks[seen] - looks[seen - 1])
        bought = Counter(request.json["video_url"] for request in self.creates)
        return {
            "requests": len(self.requests),
            "looks": sum(map(len, self._looked.values())),
            "creates": len(self.creates),
            "bought_twice": sum(times > 1 for times in bought.values()),
            "late": late,
            "pauses": pauses,
        }


def serve(task_s: float) -> None:
    """Serve until stdin ends; the address goes to stdout."""
    with TimedService(task_s) as service:
        print(service.url, flush=True)
        sys.stdin.read()


@dataclass
class Service:
    """The service in a process of its own."""

    url: str

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/stats") as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def service(task_s: float) -> Iterator[Service]:
    """Run the service."""
    command = [sys.executable, "-m", "tests.bench.batch", "--serve", str(task_s)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Service(process.stdout.readline().strip())
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@dataclass
class Ran:
    """What a batch took: its exit code, MiB at the most, seconds of CPU and of waiting."""

    code: int
    peak_mib: float
    cpu_s: float
    wall_s: float


class Batch:
    """A batch of so many rows in a folder of its own."""

    def __init__(self, folder: Path, url: str, *, rows: int, parallel: int) -> None:
        self.folder = folder
        (folder / "cwd").mkdir()
        names = [f"https://example.com/clip{number}.mp4,{FACE}" for number in range(rows)]
        (folder / "cwd" / "jobs.csv").write_text("\n".join(["video,face", *names, ""]))
        self._command = [sys.executable, "-m", "headswap_cli", "batch", "jobs.csv", "--json"]
        self._command += ["--parallel", str(parallel)]
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HEADSWAP_")},
            "HOME": str(folder),
            "HEADSWAP_BASE_URL": url,
            "HEADSWAP_API_KEY": API_KEY,
            **{f"HEADSWAP_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "CACHE")},
        }

    @property
    def saved(self) -> int:
        """How many results lie there."""
        return len(list((self.folder / "cwd").glob("*.mp4")))

    def start(self) -> subprocess.Popen[bytes]:
        """Begin, or go on."""
        with (self.folder / "out").open("ab") as out, (self.folder / "err").open("ab") as err:
            return subprocess.Popen(
                self._command, cwd=self.folder / "cwd", env=self._env, stdout=out, stderr=err
            )

    def finish(self, process: subprocess.Popen[bytes], began: float) -> Ran:
        """Wait for the end."""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu_s = usage.ru_utime + usage.ru_stime
        return Ran(process.returncode, usage.ru_maxrss / 1024, cpu_s, time.monotonic() - began)


def whole(task_s: float, rows: int, parallel: int) -> tuple[Ran, dict[str, Any]]:
    """Do a batch without a fault."""
    with tempfile.TemporaryDirectory() as folder, service(task_s) as running:
        batch = Batch(Path(folder), running.url, rows=rows, parallel=parallel)
        ran = batch.finish(batch.start(), time.monotonic())
        assert (ran.code, batch.saved) == (0, rows), (batch.folder / "err").read_text()[-2000:]
        return ran, running.stats()


def killed(task_s: float, rows: int, parallel: int) -> tuple[Ran, dict[str, Any]]:
    """Kill a batch when half of its tasks are paid for, and go on with the same command."""
    with tempfile.TemporaryDirectory() as folder, service(task_s) as running:
        batch = Batch(Path(folder), running.url, rows=rows, parallel=parallel)
        process = batch.start()
        while running.stats()["creates"] < rows // 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        ran = batch.finish(batch.start(), time.monotonic())
        return ran, {**running.stats(), "saved": batch.saved}


def bare(pause_s: float, requests: int) -> float:
    """Return the milliseconds of CPU that one GET with plain httpx takes here and now, with such pauses.

    A request that comes alone finds caches cold, and takes a multiple of one in a loop.
    """
    with service(LONG_S) as running, httpx.Client(base_url=running.url) as http:
        http.get(TASK_PATH, params={"_id": "nobody"})
        before = time.process_time()
        for _ in range(requests):
            time.sleep(pause_s)
            http.get(TASK_PATH, params={"_id": "nobody"}, headers={"x-api-key": API_KEY})
        return 1000 * (time.process_time() - before) / requests


def dense(rows: int, looks: int, every_s: float = 1.0) -> float:
    """Return the milliseconds of CPU for a look where all rows are looked at every so many seconds."""
    own = threading.local()

    def look(identifier: str) -> None:
        if not hasattr(own, "client"):
            own.client = ApiClient(keyed_http(running.url, api_key=API_KEY))
        v4.fetch_task(own.client, identifier)

    def steps(identifier: str, begin_s: float) -> Generator[float, None, None]:
        yield begin_s
        for _ in range(looks):
            look(identifier)
            yield every_s

    with service(LONG_S) as running:
        faces = [MappedFace(1, 0, FACE, FACE)]
        client = ApiClient(keyed_http(running.url, api_key=API_KEY))
        v4.submit_analysis(client, VIDEO, any_length=False)
        task = v4.create_task(client, v4.create_body(VIDEO, faces, SwapOptions())).task_id
        chance = random.Random(SEED)
        jobs = [Job(row, steps(task, chance.random() * every_s)) for row in range(rows)]
        before = time.process_time()
        ended = [one for one in Crew(jobs, at_once=rows).run() if one is not None]
        assert [one.error for one in ended] == [None] * rows
        return 1000 * (time.process_time() - before) / (rows * looks)


def show(name: str, ran: Ran, stats: dict[str, Any], rows: int) -> None:
    """Print a line of a Markdown table."""
    late, pauses = stats["late"] or [0.0], stats["pauses"] or [0.0]
    print(
        f"| {name} | {ran.code} | {ran.peak_mib:.0f} | {ran.cpu_s:.1f} | {ran.wall_s:.0f} "
        f"| {stats['requests'] / rows:.1f} | {statistics.mean(late):.2f} | {statistics.mean(pauses) / 2:.2f} "
        f"| {stats['creates']} | {stats['bought_twice']} |",
        flush=True,
    )


def main() -> None:
    """Print what a batch takes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", type=float)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=1000)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
        return
    rows, parallel = given.rows, given.parallel
    print(
        "| batch | code | MiB | CPU, s | s | requests a row | late, s | half a pause, s | creates | twice |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    short, short_stats = whole(SHORT_S, rows, parallel)
    show(f"tasks of {SHORT_S:g} s", short, short_stats, rows)
    long, long_stats = whole(LONG_S, rows, parallel)
    show(f"tasks of {LONG_S:g} s", long, long_stats, rows)
    show("killed at half", *killed(SHORT_S, rows, parallel), rows)
    looks = long_stats["looks"] - short_stats["looks"]
    print(f"\nCPU for a look: {1000 * (long.cpu_s - short.cpu_s) / looks:.2f} ms ({looks} looks)")
    print(f"The same with {rows} rows looked at every second: {dense(rows, 15):.2f} ms")
    pause_s = long.wall_s / long_stats["looks"]
    print(
        f"Beside it, a bare httpx GET: {bare(0, 2000):.2f} ms in a loop, "
        f"{bare(pause_s, 1000):.2f} ms every {1000 * pause_s:.0f} ms"
    )


if __name__ == "__main__":
    main()
