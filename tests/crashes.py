"""What may befall a command that pays: killed or cut off at any step; and what is true after ``resume``."""

from __future__ import annotations

import random
import shlex
import signal
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH, CREATE_PATH, TASK_PATH
from tests.clips import plain_clip, plain_photo
from tests.conftest import Headswap
from tests.hosting.conftest import UPLOADER, FolderOrigin
from tests.loopback import HeadSwapService, tiny_video
from tests.origin import Answer, raw, reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.conftest import Ran
    from tests.origin import Connection, Fault, Origin

UNKNOWN = 5
# How many times a stopped run may be gone on with before it must have ended.
PATIENCE = 4
LATE_S = 0.4


class Prey:
    """The process under test, which faults may kill."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def kill(self) -> None:
        """Kill it as nothing can be done about."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)


class TellingService(HeadSwapService):
    """The service, whose every result differs by a box that players skip; its media, too, may fail."""

    def _outcome(self, path: str, identifier: str) -> dict[str, Any]:
        outcome = super()._outcome(path, identifier)
        if path == TASK_PATH:
            self.media.files[f"{identifier}.mp4"] = result_of(identifier)
        return outcome


def result_of(task_id: str) -> bytes:
    """Return the one right result of a task: a video with its id in a free box at the end."""
    name = task_id.encode()
    return tiny_video() + (len(name) + 8).to_bytes(4, "big") + b"free" + name


@dataclass
class World:
    """One user's machine, the service and the user's own shelf for files; everything is new."""

    folder: Path
    service: TellingService
    shelf: FolderOrigin
    prey: Prey
    chance: random.Random
    program: Headswap = field(init=False)

    def __post_init__(self) -> None:
        self.program = Headswap(
            self.folder / "program",
            HEADSWAP_BASE_URL=self.service.url,
            HEADSWAP_API_KEY=self.service.api_key,
            HEADSWAP_HOSTING=f"command: {shlex.join(self._uploader())}",
        )
        self.clip = plain_clip(self.folder / "clip.mp4", seconds=4)
        self.photo = plain_photo(self.folder / "me.png")

    def _uploader(self) -> list[str]:
        script = self.folder / "upload.py"
        script.write_text(UPLOADER)
        return [sys.executable, str(script), "{path}", "{name}", str(self.shelf.folder), self.shelf.url]

    def attempt(self, command: tuple[str, ...], kill_after_s: float | None = None) -> None:
        """Run a command to its end, whatever that is."""
        with self.program.start(*command) as process:
            self.prey.process = process
            try:
                process.communicate(timeout=kill_after_s or 120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            assert kill_after_s or process.returncode is not None


def opened(seed: str) -> AbstractContextManager[World]:
    """Open a world; the same seed makes the same choices in it."""
    from contextlib import contextmanager

    @contextmanager
    def _open() -> Iterator[World]:
        with tempfile.TemporaryDirectory(prefix="crash-") as name:
            files = Path(name) / "shelf" / "files"
            files.mkdir(parents=True)
            with TellingService(analysis_polls=1, task_polls=1) as service, FolderOrigin(files) as shelf:
                chance = random.Random(zlib.crc32(seed.encode()))
                yield World(Path(name), service, shelf, Prey(), chance)

    return _open()


# --- What may befall a request: each makes the fault from the world and the server that is asked. ---


def kill_on_arrival(world: World, _: Origin) -> Fault:
    """The request arrives, nothing comes of it, and who sent it is killed."""

    def act(connection: Connection) -> None:
        world.prey.kill()
        reset(connection)

    return act


def kill_unanswered(world: World, origin: Origin) -> Fault:
    """The request takes effect, and who sent it is killed before the answer."""

    def act(connection: Connection) -> None:
        origin.respond(connection.recorded)
        world.prey.kill()
        reset(connection)

    return act


def kill_answered(world: World, origin: Origin) -> Fault:
    """The answer is sent, and who asked is killed a moment later."""
    pause_s = world.chance.uniform(0, 0.03)

    def act(connection: Connection) -> None:
        origin.respond(connection.recorded)(connection)
        connection.wfile.flush()
        origin.closing.wait(pause_s)
        world.prey.kill()

    return act


def kill_late(world: World, origin: Origin) -> Fault:
    """The request takes effect; its answer comes late, and who waits is killed before it or just then."""
    pause_s = world.chance.uniform(0.01, 0.1)

    def act(connection: Connection) -> None:
        answer = origin.respond(connection.recorded)
        origin.closing.wait(pause_s)
        if pause_s < 0.05:
            world.prey.kill()
        answer(connection)
        world.prey.kill()

    return act


def drop(_: World, __: Origin) -> Fault:
    """The connection is torn down before the request takes effect."""
    return reset


def answer_late(_: World, origin: Origin) -> Fault:
    """The request takes effect, and its answer comes late."""

    def act(connection: Connection) -> None:
        answer = origin.respond(connection.recorded)
        origin.closing.wait(LATE_S)
        answer(connection)

    return act


def reset_after(_: World, origin: Origin) -> Fault:
    """The request takes effect, and the connection is torn down."""

    def act(connection: Connection) -> None:
        origin.respond(connection.recorded)
        reset(connection)

    return act


def error_after(_: World, origin: Origin) -> Fault:
    """The request takes effect, and a gateway answers that it is broken."""

    def act(connection: Connection) -> None:
        origin.respond(connection.recorded)
        Answer(b"<html>Bad Gateway</html>", 502)(connection)

    return act


def drip_after(_: World, origin: Origin) -> Fault:
    """The request takes effect, and the answer comes in drops and is cut off."""

    def act(connection: Connection) -> None:
        origin.respond(connection.recorded)
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")(connection)
        for _drop in range(5):
            origin.closing.wait(0.02)
            connection.wfile.write(b" ")
        reset(connection)

    return act


def cut_half(world: World, origin: Origin) -> Fault:
    """Half of a file comes, and then nothing more; who receives it is killed as often as not."""
    is_killed = world.chance.random() < 0.5

    def act(connection: Connection) -> None:
        answer = origin.respond(connection.recorded)
        body = answer.body if isinstance(answer.body, bytes) else b""
        head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nETag: "{len(body)}"\r\n\r\n'
        connection.wfile.write(head.encode() + body[: len(body) // 2])
        connection.wfile.flush()
        if is_killed:
            world.prey.kill()
        reset(connection)

    return act


Befalling = "Callable[[World, Origin], Fault]"
KILLS: dict[str, Any] = {
    "killed on arrival": kill_on_arrival,
    "killed unanswered": kill_unanswered,
    "killed when answered": kill_answered,
    "killed while it waits": kill_late,
}
CUTS: dict[str, Any] = {
    "dropped before": drop,
    "answered late": answer_late,
    "reset after": reset_after,
    "5xx after": error_after,
    "dripped and cut": drip_after,
}
API_STEPS = {"analyze": ANALYZE_PATH, "analysis": ANALYSIS_PATH, "create": CREATE_PATH, "task": TASK_PATH}


@dataclass(frozen=True)
class Crash:
    """One way to fail: what befalls the request to a step; of ``any time`` a kill at a random moment."""

    command: str
    step: str
    name: str

    def __str__(self) -> str:
        return f"{self.command}: {self.step} {self.name}"


def crashes() -> list[Crash]:
    """Return every way to fail that is tried."""
    each = []
    for command in COMMANDS:
        each += [
            Crash(command, step, name)
            for step in API_STEPS
            if not (command == "swap" and step == "analyze")
            for name in (*KILLS, *CUTS)
        ]
        each += [Crash(command, "any time", "killed")] * 4
    each += [Crash("run", "result", "cut in half")] * 3
    return each


def arrange(world: World, crash: Crash) -> float | None:
    """Prepare what is to happen; return after how many seconds the command is killed, None if not by time."""
    if crash.step == "any time":
        return world.chance.uniform(0.05, 1.6)
    if crash.step == "result":
        served = world.service.media.act_on
        fault, is_met = cut_half(world, world.service.media), False

        def act_on(request: Any) -> Fault:
            nonlocal is_met
            usual = served(request)
            if is_met or not request.path.startswith("/files/"):
                return usual
            is_met = True
            return fault

        world.service.media.act_on = act_on  # type: ignore[method-assign]
        return None
    made = (KILLS | CUTS)[crash.name]
    world.service.script(API_STEPS[crash.step], made(world, world.service))
    return None


def run_command(world: World) -> tuple[str, ...]:
    """Return a run of local files."""
    return ("run", str(world.clip), "--face", f"1={world.photo}", "-o", "out.mp4", "-q")


def swap_command(world: World) -> tuple[str, ...]:
    """Return a swap of an analysis that is made first, undisturbed."""
    analysis = world.program("analyze", world.clip, "-q").out.strip()
    return ("swap", analysis, "--face", f"1={world.photo}", "--wait", "-q")


COMMANDS: dict[str, Callable[[World], tuple[str, ...]]] = {"run": run_command, "swap": swap_command}


@dataclass(frozen=True)
class Outcome:
    """What was true after a crash; ``tasks`` is how many exist before anybody says to send again."""

    crash: Crash
    tasks: int
    is_lost: bool
    is_wrong: bool
    was_unknown: bool
    end: str

    @property
    def is_clean(self) -> bool:
        """Whether nothing was paid twice, lost or wrong, and the run came to its end."""
        return self.tasks <= 1 and not self.is_lost and not self.is_wrong and self.end == "completed"


def suffer(crash: Crash, seed: str) -> Outcome:
    """Let one command crash in a new world, resume until it has ended, and say what was true then."""
    with opened(f"{seed}/{crash}") as world:
        command = COMMANDS[crash.command](world)
        kill_after_s = arrange(world, crash)
        world.attempt(command, kill_after_s)
        code = _go_on(world, command)
        tasks = len(world.service.tasks)
        run = _last_run(world)
        is_lost = bool(world.service.tasks) and run["task_id"] is None and run["status"] != "unknown"
        if code == UNKNOWN:
            _settle(world, run["run_id"])
        run = _last_run(world)
        is_wrong = _is_wrong(world, crash, run)
        return Outcome(crash, tasks, is_lost, is_wrong, code == UNKNOWN, run["status"])


def _go_on(world: World, command: tuple[str, ...]) -> int:
    """Resume, or give the same command again, until it is done or unknown."""
    ran: Ran | None = None
    for _ in range(PATIENCE):
        is_begun = bool(_runs(world, command[0]))
        again = ("resume", "-q") if is_begun and world.chance.random() < 0.6 else command
        ran = world.program(*again, code=None)
        if ran.code in {0, UNKNOWN} or "has saved this already" in ran.err:
            return UNKNOWN if ran.code == UNKNOWN else 0
    return ran.code if ran is not None else UNKNOWN


def _settle(world: World, run_id: str) -> None:
    """Do what an honest user does about an unknown outcome: name the task, or send again if there is none."""
    if world.service.tasks:
        world.program("resume", run_id, "--task", world.service.tasks[-1])
    else:
        world.program("resume", run_id, "--resubmit")


def _runs(world: World, command: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = world.program("runs", "--json").value
    return [run for run in runs if run["command"] == command]


def _last_run(world: World) -> dict[str, Any]:
    return next(iter(_runs(world, "run") + _runs(world, "swap")))


def _is_wrong(world: World, crash: Crash, run: dict[str, Any]) -> bool:
    """Whether the file is not the task's to the byte, or something is left beside it."""
    if crash.command == "swap":
        world.program("download", run["task_id"], "-o", "out.mp4", "-q")
    left = [path.name for path in world.program.cwd.iterdir()]
    return left != ["out.mp4"] or (world.program.cwd / "out.mp4").read_bytes() != result_of(run["task_id"])
