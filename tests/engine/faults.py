"""The faults: each a round in an arena, after which every acknowledged job has ended as it was asked."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from headswap_cli import local, wire
from headswap_cli.engine.listen import Patience
from tests import media
from tests.engine import arena as a
from tests.engine.arena import Arena, Asked, Tally
from tests.engine.engines import RunningEngine, create_body

if TYPE_CHECKING:
    from collections.abc import Callable

    Fault = Callable[[Arena], None]

DAY_S = 24 * 3600.0


class NotHere(Exception):
    """This machine does not let one try that."""


def worker_killed(arena: Arena) -> None:
    """A worker is killed once, somewhere between the first job's order and the last one's result."""
    with arena.start() as http:
        video = arena.analysed(http)
        asked = [arena.ask(http, video) for _ in range(2)]
        arena.wait_a_little(0.6)
        for pid in arena.worker_pids():
            a.kill(pid)
        arena.look_for_halves(http, asked)
        arena.judge(http, asked)


def worker_killed_by_a_job(arena: Arena) -> None:
    """A job kills its worker whenever it is tried: it fails and says why, and the next one is done."""
    with arena.start() as http:
        video = arena.analysed(http)
        arena.tell(then="die", frames=[(n, 10) for n in range(arena.rng.randrange(10))])
        deadly = arena.ask(http, video)
        record = a.ended(http, wire.TASK_PATH, deadly.task_id)
        if record["status"] != wire.FAILED or "ended twice" not in record["error_reason"]:
            arena.tally.wrong += 1
        arena.tell(people=2)
        arena.judge(http, [arena.ask(http, video)])


def server_killed(arena: Arena) -> None:
    """The server is killed at any moment; the next command takes up what was acknowledged."""
    with arena.start() as http:
        video = arena.analysed(http)
        asked: list[Asked] = []
        killer = threading.Timer(arena.rng.random() * 0.8, a.kill, (arena.engine_pid(),))
        killer.start()
        with contextlib.suppress(httpx.HTTPError):
            asked.extend(arena.ask(http, video) for _ in range(3))
            while True:
                arena.look_for_halves(http, asked)
                http.get("/health")
        killer.join()
    with arena.start() as http:
        arena.look_for_halves(http, asked)
        arena.judge(http, asked)


def everything_killed(arena: Arena) -> None:
    """Server and workers are killed at once, as by a power cut."""
    with arena.start() as http:
        video = arena.analysed(http)
        asked = [arena.ask(http, video) for _ in range(2)]
        arena.wait_a_little(0.8)
        for pid in (*arena.worker_pids(), arena.engine_pid()):
            a.kill(pid)
    with arena.start() as http:
        arena.judge(http, asked)


def server_killed_under_a_command(arena: Arena) -> None:
    """The server is killed while a command waits for a task: another one is started and finishes it."""
    analysis, photo = _analysis(arena)
    arena.tell(frames=[(n, 10) for n in range(1, 11)], pace_s=0.08, people=2)
    words = ("swap", analysis, "--face", f"1={photo}", "--wait", "-q")
    swap = arena.headswap.start(*words)
    arena.tally.jobs += 1
    arena.wait_a_little(0.8)
    a.kill(arena.engine_pid())
    _, err = swap.communicate(timeout=a.LONG_S)
    arena.settle(swap.returncode, err, *words)


def server_killed_in_an_upload(arena: Arena) -> None:
    """The server is killed while a command sends it a large file: its successor gets it, unasked."""
    analysis, photo = _analysis(arena)
    arena.tell(people=2)
    with photo.open("ab") as file:
        for _ in range(60):
            file.write(arena.rng.randbytes(1 << 20))
    words = ("swap", analysis, "--face", f"1={photo}", "--wait", "-q")
    arena.tally.jobs += 1
    swap = arena.headswap.start(*words)
    drafts = arena.engine / "media" / "drafts"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and swap.poll() is None and not any(drafts.iterdir()):
        time.sleep(0.001)
    arena.wait_a_little(0.3)
    a.kill(arena.engine_pid())
    _, err = swap.communicate(timeout=a.LONG_S)
    arena.settle(swap.returncode, err, *words)


def command_killed(arena: Arena) -> None:
    """A command is killed at any moment; the same command again ends well."""
    video, photo = _files(arena)
    killed = arena.headswap.start("analyze", video, "-q")
    arena.wait_a_little(1.5)
    killed.kill()
    killed.communicate(timeout=a.LONG_S)
    analysis = arena.run("analyze", video, "-q").strip()
    words = ("swap", analysis, "--face", f"1={photo}", "--wait", "-q")
    killed = arena.headswap.start(*words)
    arena.tally.jobs += 1
    arena.wait_a_little(1.5)
    killed.kill()
    killed.communicate(timeout=a.LONG_S)
    ran = arena.headswap(*words, code=None)
    arena.settle(ran.code, ran.err, *words)


def disk_full(arena: Arena) -> None:
    """The disk fills up while jobs come in; once there is room again all that were acknowledged end well."""
    if not a.mounted(arena.data, "3m"):
        raise NotHere("no file systems can be mounted")
    try:
        with arena.start() as http:
            video = arena.analysed(http)
            asked = [arena.ask(http, video)]
            _fill(arena.data / "filler", leave=arena.rng.choice([0, 1, 8, 12, 20, 40, 100]) * 4096)
            refused = 0
            for _ in range(4):
                try:
                    asked.append(arena.ask(http, video))
                except AssertionError as error:
                    refused += "disk" in str(error)
            http.get("/health").raise_for_status()
            arena.wait_a_little(1.0)
            if arena.rng.random() < 0.5:
                a.kill(arena.engine_pid())
                said = arena.run("status", "0" * 24, code=None)
                arena.tally.notes.append(said.strip()[-100:] if "Traceback" in said else "")
            (arena.data / "filler").unlink()
        with arena.start() as http:
            arena.judge(http, asked, may_fail="disk takes no more")
    finally:
        with contextlib.suppress(Exception):
            local.stop(arena.data)
        a.unmount(arena.data)


def folder_read_only(arena: Arena) -> None:
    """The data folder cannot be written to at the next start: a clear error; and later all goes on."""
    if not a.mounted(arena.data, "8m"):
        raise NotHere("no file systems can be mounted")
    try:
        with arena.start() as http:
            video = arena.analysed(http)
            asked = [arena.ask(http, video) for _ in range(2)]
            arena.wait_a_little(0.4)
            a.kill(arena.engine_pid())
        arena.left_over()
        if not a.remount(arena.data, "ro"):
            raise NotHere("file systems cannot be remounted")
        for words in (("analyze", _files(arena)[0]), ("serve", "--clear"), ("status", asked[0].task_id)):
            said = arena.run(*words, code=None)
            if "ead-only" not in said:
                arena.tally.wrong += 1
                arena.tally.notes.append(f"{words[0]}: {said.strip()[-200:]}")
        a.remount(arena.data, "rw")
        with arena.start() as http:
            arena.judge(http, asked)
    finally:
        with contextlib.suppress(Exception):
            local.stop(arena.data)
        a.unmount(arena.data)


def clock_jumps(arena: Arena) -> None:
    """The wall clock jumps by weeks, to and fro, while jobs are queued, and over a restart."""
    now = [time.time()]
    asked: list[Asked] = []
    for _ in range(2):
        with RunningEngine(arena.folder, clock=lambda: now[0]) as engine:
            arena.tell(pace_s=0.02, people=2)
            video = arena.analysed(engine.http)
            for _ in range(3):
                asked.append(arena.ask(engine.http, video))
                now[0] += arena.rng.choice([-400, -30, -1, 1, 30, 400]) * DAY_S
    with RunningEngine(arena.folder, clock=lambda: now[0]) as engine:
        for task in asked:
            answer = engine.http.get(wire.TASK_PATH, params={"_id": task.task_id}).json()
            if answer["code"] == wire.NOT_FOUND:
                # It had ended, and is so old by the clock that it was let go.
                continue
            record = answer["data"]
            if record["status"] not in {wire.COMPLETED, wire.FAILED}:
                record = a.ended(engine.http, wire.TASK_PATH, task.task_id)
            if record["status"] != wire.COMPLETED or not _is_right_or_gone(engine.http, record, task):
                arena.tally.wrong += 1


def left_overs(arena: Arena) -> None:
    """A killed engine's socket, descriptor, token and lock lie about, some of them spoilt."""
    with arena.start() as http:
        video = arena.analysed(http)
        asked = [arena.ask(http, video)]
        a.kill(arena.engine_pid())
    descriptor, sock = arena.engine / local.DESCRIPTOR, arena.engine / "engine.sock"
    said = json.loads(descriptor.read_text())
    spoil: list[Callable[[], object]] = [
        lambda: descriptor.write_text(descriptor.read_text()[: arena.rng.randrange(40)]),
        lambda: descriptor.write_text(json.dumps({**said, "pid": os.getpid()})),
        lambda: descriptor.write_text(json.dumps({**said, "token": "stale"})),
        lambda: descriptor.write_text(json.dumps({**said, "socket": None, "host": "127.0.0.1", "port": 1})),
        lambda: sock.rename(arena.engine / "moved.sock"),
        lambda: descriptor.replace(sock),
        sock.unlink,
        lambda: (arena.engine / local.LOCK).write_text(str(os.getpid())),
        lambda: (arena.engine / f"{local.DESCRIPTOR}.new").write_text("half"),
        lambda: (arena.engine / "media" / "drafts" / "half").write_text("half"),
    ]
    for damage in arena.rng.sample(spoil, 3):
        with contextlib.suppress(FileNotFoundError):
            damage()
    with arena.start() as http:
        arena.judge(http, asked)
        if list((arena.engine / "media" / "drafts").iterdir()):
            arena.tally.wrong += 1


def two_versions(arena: Arena) -> None:
    """A newer command replaces an idle older engine, and refuses a busy one or a newer one, in words."""
    old, new = {"ARENA_VERSION": "0.0.9"}, {"ARENA_VERSION": "9.0.0"}
    arena.run("status", "0" * 24, code=None, **old)
    with arena.client() as http:
        video = arena.analysed(http)
        arena.tell(hold=True, people=2)
        asked = [arena.ask(http, video)]
        busy = arena.run("status", asked[0].task_id, code=1)
        arena.tell(people=2)
        arena.judge(http, asked)
    if "is at work" not in busy:
        arena.tally.wrong += 1
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: arena.run("status", asked[0].task_id), range(3)))
    arena.run("status", asked[0].task_id, code=None, **old)
    arena.run("status", asked[0].task_id, code=0, **new)
    if "newer than this command" not in arena.run("status", asked[0].task_id, code=1):
        arena.tally.wrong += 1
    with arena.client() as http:
        arena.judge(http, asked)


def many_connections(arena: Arena) -> None:
    """Two hundred connections at once, each with a job or a question."""
    with arena.start() as http:
        video = arena.analysed(http)
        arena.tell(people=2)
        endpoint = local.find(arena.data)
        assert endpoint is not None
        gate = threading.Barrier(200)

        def ask(number: int) -> Asked | None:
            with local.client(endpoint) as own:
                gate.wait(a.LONG_S)
                if number % 20 == 0:
                    return arena.ask(own, video)
                a.data_of(own.get("/health"))
                return None

        with ThreadPoolExecutor(200) as pool:
            asked = [task for task in pool.map(ask, range(200)) if task]
        arena.judge(http, asked)


def slow_clients(arena: Arena) -> None:
    """Clients that stop half-way in a head, a body or an answer are dropped; nobody else waits for them."""
    patience = Patience(idle_s=0.5, body_s=0.5, unread_s=0.4)
    large = arena.rng.randbytes(64) * 400_000
    with RunningEngine(arena.folder, host="127.0.0.1", patience=patience) as engine:
        arena.tell(people=2)
        video, big = arena.analysed(engine.http), a.put(engine.http, large)
        head = f"Host: 127.0.0.1:{engine.endpoint.port}\r\nx-api-key: {engine.endpoint.token}\r\n"
        starts = [
            f"GET /health HTTP/1.1\r\n{head}",
            f"POST {wire.CREATE_PATH} HTTP/1.1\r\n{head}Content-Length: 900\r\n\r\n{{",
            f"PUT /media/{'0' * 64} HTTP/1.1\r\n{head}Content-Length: 9000000\r\n\r\n12",
            f"GET {big.removeprefix(wire.ENGINE_ORIGIN)} HTTP/1.1\r\n{head}\r\n",
            "",
        ]
        slow = [_connected(engine.endpoint.port or 0, arena.rng.choice(starts)) for _ in range(40)]
        began = time.monotonic()
        asked = [arena.ask(engine.http, video) for _ in range(2)]
        arena.judge(engine.http, asked)
        took_s = time.monotonic() - began
        arena.tally.hung += took_s > 15
        arena.tally.hung += sum(not _is_dropped(connection) for connection in slow)


def many_terminals(arena: Arena) -> None:
    """Six commands at once make jobs that two workers do: in order, all of them, two at a time at most."""
    with RunningEngine(arena.folder, workers=2) as engine:
        arena.tell(pace_s=0.01, people=2)
        video = arena.analysed(engine.http)
        with ThreadPoolExecutor(6) as pool:
            asked = list(pool.map(lambda _: arena.ask(engine.http, video), range(6)))
        arena.judge(engine.http, asked)
        if len(arena.worker_pids()) > 2:
            arena.tally.wrong += 1


def real_work_killed(arena: Arena) -> None:
    """Worker, helper, server or all are killed while the real pipeline works; the video is the same."""
    with arena.start() as http:
        task_id = _real_task(http)
        arena.tally.jobs += 1
        _until_it_shows(http, task_id)
        arena.wait_a_little(1.0)
        victims = arena.rng.choice(["worker", "helper", "server", "all"])
        for pid in arena.worker_pids() if victims in {"worker", "all"} else []:
            a.kill(pid)
        for pid in arena.helper_pids()[:1] if victims == "helper" else []:
            a.kill(pid)
        if victims in {"server", "all"}:
            a.kill(arena.engine_pid())
    with arena.start() as http:
        record = a.ended(http, wire.TASK_PATH, task_id)
        if record["status"] != wire.COMPLETED or _fetched(http, record) != _undisturbed():
            arena.tally.wrong += 1
            arena.tally.notes.append(f"{victims}: {record['error_reason']}")


FAULTS: dict[str, Fault] = {
    "worker killed": worker_killed,
    "job that kills its workers": worker_killed_by_a_job,
    "server killed": server_killed,
    "server and workers killed": everything_killed,
    "server killed under a command": server_killed_under_a_command,
    "server killed in an upload": server_killed_in_an_upload,
    "command killed": command_killed,
    "disk full": disk_full,
    "folder read-only": folder_read_only,
    "clock jumps": clock_jumps,
    "stale socket, token, lock, pid": left_overs,
    "two versions": two_versions,
    "200 connections at once": many_connections,
    "slow clients": slow_clients,
    "many terminals, two workers": many_terminals,
}


def try_fault(fault: Fault, seed: str, rounds: int, *, is_real: bool = False) -> Tally:
    """Try a fault some times, each in a fresh arena; the same seed makes the same choices.

    Raises: NotHere: It cannot be tried on this machine.
    """
    tally = Tally()
    for number in range(rounds):
        folder = Path(tempfile.mkdtemp(prefix="hs-"))
        try:
            rng = random.Random(f"{seed}/{number}")
            with Arena(folder / "a", rng, tally, is_real=is_real) as arena:
                try:
                    fault(arena)
                except (AssertionError, httpx.HTTPError, OSError, KeyError, ValueError) as error:
                    tally.wrong += 1
                    tally.notes.append(f"round {number}: {error!r}"[:400])
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return tally


def _analysis(arena: Arena) -> tuple[str, Path]:
    video, photo = _files(arena)
    return arena.run("analyze", video, "-q").strip(), photo


def _files(arena: Arena) -> tuple[Path, Path]:
    video, photo = arena.folder / "clip.mp4", arena.folder / "me.png"
    video.write_bytes(a.clip())
    # A picture that no other round has: what follows its end is nobody's business.
    photo.write_bytes(a.photo() + arena.rng.randbytes(100))
    return video, photo


def _real_task(http: httpx.Client) -> str:
    video, photo = (a.put(http, path.read_bytes()) for path in _real_files())
    analysis = str(a.post(http, wire.ANALYZE_PATH, {"video_url": video, "type": "head"})["_id"])
    assert a.ended(http, wire.ANALYSIS_PATH, analysis)["status"] == wire.COMPLETED
    return str(a.post(http, wire.CREATE_PATH, create_body(video, {0: photo}))["_id"])


def _until_it_shows(http: httpx.Client, task_id: str) -> None:
    """Wait until a task has made its first frames."""
    deadline = time.monotonic() + a.LONG_S
    while not a.data_of(http.get(wire.TASK_PATH, params={"_id": task_id}))["progress"]:
        assert time.monotonic() < deadline, task_id
        time.sleep(0.02)


def _real_files() -> tuple[Path, Path]:
    return media.clip("carphone_pristine.mp4"), media.photo("astronaut.png")


def _fetched(http: httpx.Client, record: dict[str, Any]) -> bytes:
    return http.get(record["video_url"]).content


@cache
def _undisturbed() -> bytes:
    """Return the video that the real pipeline makes where nothing gets in its way."""
    with (
        tempfile.TemporaryDirectory(prefix="hs-") as folder,
        Arena(Path(folder) / "a", random.Random(0), Tally(), is_real=True) as arena,
        arena.start() as http,
    ):
        return _fetched(http, a.ended(http, wire.TASK_PATH, _real_task(http)))


def _fill(path: Path, *, leave: int) -> None:
    """Take all the room there is, but for ``leave`` bytes or so."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    with path.open("rb+") as file:
        file.truncate(max(0, path.stat().st_size - leave))


def _is_right_or_gone(http: httpx.Client, record: dict[str, Any], task: Asked) -> bool:
    """Whether a result is as asked; files have the machine's own time, and may seem old at once."""
    try:
        result = http.get(record["video_url"])
    except httpx.RemoteProtocolError:
        # It was let go just then, and the client cannot take that for a whole file.
        return True
    return result.status_code == 404 or a.is_as_asked(result, task)


def _connected(port: int, text: str) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.sendall(text.encode())
    return connection


def _is_dropped(connection: socket.socket) -> bool:
    """Whether the server has closed a connection, or does so soon."""
    with connection:
        connection.settimeout(10)
        try:
            while connection.recv(1 << 16):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True
