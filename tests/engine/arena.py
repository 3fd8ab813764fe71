"""Where faults are tried: real commands, engines and workers, and what is left of them counted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from headswap_cli import local, wire
from headswap_cli.engine.types import SwapSettings
from headswap_cli.errors import ExitCode
from headswap_cli.models import Mode
from tests import clips, media
from tests.conftest import USERS, Headswap
from tests.engine import standin
from tests.engine.engines import create_body

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

LONG_S = 60.0
SHIM = Path(__file__).parent / "shim"


@dataclass
class Tally:
    """What became of the rounds of one fault."""

    rounds: int = 0
    jobs: int = 0
    lost: int = 0
    wrong: int = 0
    orphans: int = 0
    hung: int = 0
    exposed: int = 0
    listening: int = 0
    files: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not any((self.lost, self.wrong, self.orphans, self.hung, self.exposed, self.listening))


@dataclass(frozen=True)
class Asked:
    """A task that was acknowledged, and what its result must say."""

    task_id: str
    photos: dict[str, list[str]]
    settings: dict[str, Any]


class Arena:
    """A home with an engine of its own; a context manager that stops what runs and counts what is left.

    Args:
        folder: Where everything lies.
        rng: Decides whatever is to be random.
        tally: Is told what went wrong.
        is_real: Whether the real pipeline does the work, else the quick one.
    """

    def __init__(self, folder: Path, rng: random.Random, tally: Tally, *, is_real: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.rng, self.tally = folder, rng, tally
        self.cache = folder / "cache"
        self.cache.mkdir(mode=0o700, exist_ok=True)
        (self.cache / "weights").symlink_to(media.weights_dir())
        if is_real:
            media.copy_kernels(self.cache)
        more = {} if is_real else {"ARENA_STANDIN": str(standin.SCRIPT)}
        paths = os.pathsep.join(map(str, (SHIM, USERS, Path(__file__).parents[2])))
        self.headswap = Headswap(folder, PYTHONPATH=paths, **more)
        self.data = self.headswap.data

    def __enter__(self) -> Self:
        self.tally.rounds += 1
        self.tell(frames=[(n, 10) for n in range(1, 11)], pace_s=0.01 + 0.04 * self.rng.random(), people=2)
        return self

    def __exit__(self, *_: object) -> None:
        # On demand an engine listens on its Unix socket, and nowhere else.
        self._count_sockets(listening_to_the_network([pid for pid, _ in self._processes()]))
        with contextlib.suppress(Exception):
            local.stop(self.data)
        self.tally.orphans += len(self.left_over())
        self._count_sockets(self._unix_sockets())
        self._look_at_modes()

    @property
    def engine(self) -> Path:
        """The engine's own folder."""
        return self.data / "engine"

    def tell(self, **told: Any) -> None:
        """Say how the quick pipeline is to behave."""
        draft = self.cache / "draft.json"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(told))
        draft.replace(self.cache / "standin.json")

    def run(self, *arguments: object, code: int | None = 0, **env: str) -> str:
        """Run a command to its end; return its stdout, or what it said of its failure."""
        try:
            ran = self.headswap(*arguments, code=None, **env)
        except subprocess.TimeoutExpired:
            self.tally.hung += 1
            return ""
        except AssertionError as error:
            self.tally.wrong += 1
            self.tally.notes.append(str(error)[-300:])
            return ""
        if code is not None and ran.code != code:
            self.tally.wrong += 1
            self.tally.notes.append(f"{arguments[0]}: exit {ran.code}: {ran.err.strip()[-200:]}")
        return ran.out if ran.code == 0 else ran.err

    def start(self) -> httpx.Client:
        """See to it that the engine runs, as a command does; return a client."""
        self.run("status", "0" * 24, code=None)
        return self.client()

    def client(self) -> httpx.Client:
        """Return a client of the engine that runs."""
        endpoint = local.find(self.data)
        assert endpoint is not None
        return local.client(endpoint)

    def analysed(self, http: httpx.Client) -> str:
        """Return the URL of a video whose people are known."""
        url = put(http, clip())
        analysis = str(post(http, wire.ANALYZE_PATH, {"video_url": url, "type": "head"})["_id"])
        assert ended(http, wire.ANALYSIS_PATH, analysis)["status"] == wire.COMPLETED
        return url

    def ask(self, http: httpx.Client, video: str) -> Asked:
        """Have a task made whose result is like no other's."""
        photo = self.rng.randbytes(100)
        url, obj_id = put(http, photo), self.rng.randrange(2)
        mode = self.rng.choice([*Mode])
        body = create_body(video, {obj_id: url}, resolution=self.rng.choice(wire.RESOLUTIONS), mode=mode)
        task_id = str(post(http, wire.CREATE_PATH, body)["_id"])
        self.tally.jobs += 1
        settings = asdict(SwapSettings(int(body["resolution"][:3]), mode))
        return Asked(task_id, {str(obj_id): [hashlib.sha256(photo).hexdigest()]}, settings)

    def judge(self, http: httpx.Client, asked: list[Asked], *, may_fail: str | None = None) -> None:
        """Wait for the verdicts; count what is lost and what is not as it was asked."""
        for task in asked:
            try:
                record = ended(http, wire.TASK_PATH, task.task_id)
            except (AssertionError, httpx.HTTPError, KeyError) as error:
                self.tally.lost += 1
                self.tally.notes.append(f"lost: {error!r}"[:200])
                continue
            if record["status"] == wire.FAILED and may_fail and may_fail in record["error_reason"]:
                continue
            if record["status"] != wire.COMPLETED or not is_as_asked(http.get(record["video_url"]), task):
                self.tally.wrong += 1
                self.tally.notes.append(f"wrong: {record['error_reason']}"[:200])

    def settle(self, code: int, said: str, *words: object) -> None:
        """Judge the end of a ``swap`` under a fault: done, or honestly unknown."""
        if code == ExitCode.UNKNOWN:
            # What was sent and not heard of; only the user may send it again.
            again = [str(word).replace("1=", "obj:0=") for word in words]
            ran = self.headswap(*again, code=None)
            code, said = ran.code, ran.err
        if code not in {ExitCode.DONE, ExitCode.UNKNOWN} or "Traceback" in said:
            self.tally.wrong += 1
            self.tally.notes.append(f"exit {code}: {said.strip()[-200:]}")

    def look_for_halves(self, http: httpx.Client, asked: list[Asked]) -> None:
        """Fetch results before they are there: none or a whole one is served."""
        for task in asked:
            with contextlib.suppress(httpx.HTTPError):
                reply = http.get(f"/media/{task.task_id}.mp4")
                if reply.status_code == 200 and not reply.text.endswith("}"):
                    self.tally.wrong += 1
                    self.tally.notes.append("half a result was served")

    def engine_pid(self) -> int | None:
        """Return the process that the engine is."""
        endpoint = local.find(self.data)
        return endpoint.pid if endpoint else None

    def worker_pids(self) -> list[int]:
        """Return the workers' processes."""
        return [pid for pid, line in self._processes() if "standin.py" in line or "engine.worker" in line]

    def helper_pids(self) -> list[int]:
        """Return the processes that work along with the workers."""
        return [pid for pid, line in self._processes() if "engine.helper" in line]

    def wait_a_little(self, most_s: float) -> None:
        """Let things happen for a random while."""
        time.sleep(self.rng.random() * most_s)

    def left_over(self) -> list[int]:
        """Return the processes that are still there a while later; they are ended."""
        deadline = time.monotonic() + 5
        while (left := [pid for pid, _ in self._processes()]) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in left:
            kill(pid)
        return left

    def _count_sockets(self, found: list[str]) -> None:
        self.tally.listening += len(found)
        self.tally.notes.extend(f"listens: {one}" for one in found)

    def _unix_sockets(self) -> list[str]:
        """Return the sockets below this arena's folder that somebody still holds."""
        with contextlib.suppress(OSError):
            lines = Path("/proc/net/unix").read_text().splitlines()
            return [line for line in lines if f"{self.folder}/" in line]
        return []

    def _look_at_modes(self) -> None:
        """Count what others than its owner could read, write or list: whatever is kept, folders and files."""
        for kept in (self.data, self.folder / "config", self.cache, self.folder / "run"):
            for path in [kept, *kept.rglob("*")] if kept.exists() else []:
                self.tally.files += 1
                if not path.is_symlink() and path.lstat().st_mode & 0o077:
                    self.tally.exposed += 1
                    self.tally.notes.append(f"{path.lstat().st_mode & 0o777:04o} {path}")

    def _processes(self) -> list[tuple[int, str]]:
        """Return the processes whose command line names this arena's folder, and helpers that live in it."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                line, home = (
                    (entry / name).read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    for name in ("cmdline", "environ")
                )
                is_helper = "headswap_cli.engine.helper" in line and f"{self.folder}/" in home
                if (f"{self.folder}/" in line or is_helper) and int(entry.name) != os.getpid():
                    found.append((int(entry.name), line))
        return found


def listening_to_the_network(pids: Iterable[int]) -> list[str]:
    """Return the TCP sockets on which these processes wait for somebody, as Linux tells it (``ss -ltnp``)."""
    held = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            held |= {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    found = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
            # State 0A is LISTEN, and the tenth column the inode: proc_pid_net(5).
            found += [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held]
    return found


def is_as_asked(result: httpx.Response, task: Asked) -> bool:
    """Whether the result of a completed task is what this task asked for."""
    said = result.json()
    return bool(said.get("photos") == task.photos and said.get("settings") == task.settings)


def kill(pid: int | None) -> None:
    """End a process as nothing else does."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def put(http: httpx.Client, content: bytes) -> str:
    """Upload; return the URL."""
    name = hashlib.sha256(content).hexdigest()
    return str(data_of(http.put(f"/media/{name}", content=content))["url"])


def post(http: httpx.Client, path: str, body: Any) -> dict[str, Any]:
    """Make a job; return its record."""
    return data_of(http.post(path, json=body))


def data_of(reply: httpx.Response) -> dict[str, Any]:
    """Return the data of an answer that is a success."""
    answer = reply.json()
    assert answer["code"] == wire.SUCCESS, answer
    return dict(answer["data"])


def ended(http: httpx.Client, path: str, job_id: str) -> dict[str, Any]:
    """Wait for a verdict; return the record."""
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        record = data_of(http.get(path, params={"_id": job_id}))
        if record["status"] in {wire.COMPLETED, wire.FAILED}:
            return record
        time.sleep(0.02)
    raise AssertionError(f"{path} {job_id} did not end")


@cache
def clip() -> bytes:
    """A video of four seconds."""
    with tempfile.TemporaryDirectory() as folder:
        return clips.plain_clip(Path(folder) / "clip.mp4", seconds=4).read_bytes()


@cache
def photo() -> bytes:
    """A picture without a face, which the quick pipeline does not mind."""
    with tempfile.TemporaryDirectory() as folder:
        return clips.plain_photo(Path(folder) / "photo.png").read_bytes()


def mounted(folder: Path, size: str) -> bool:
    """Mount a small file system of its own on a folder; False where that is not allowed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "linux":
        return False
    words = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    return subprocess.run(words, capture_output=True).returncode == 0


def remount(folder: Path, how: str) -> bool:
    """Make a mounted file system ``ro`` or ``rw``; False where it stays in use."""
    words = ["mount", "-o", f"remount,{how}", str(folder)]
    deadline = time.monotonic() + 5
    while subprocess.run(words, capture_output=True).returncode:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def unmount(folder: Path) -> None:
    """Take a file system away again."""
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)
