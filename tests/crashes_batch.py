"""What may befall a batch: killed or cut off while its rows are at any step; and what is true afterwards."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.crashes import API_STEPS, CUTS, KILLS, UNKNOWN, Crash, Outcome, opened, result_of

if TYPE_CHECKING:
    from tests.crashes import World
    from tests.origin import Connection

ROWS = 4
# How many times a batch may be gone on with before it must have ended.
PATIENCE = 4


def batch_crashes() -> list[Crash]:
    """Return every way to fail that is tried on a batch."""
    each = [Crash("batch", step, name) for step in API_STEPS for name in (*KILLS, *CUTS)]
    return each + [Crash("batch", "any time", "killed")] * 12


def video(row: int) -> str:
    """Return the source video of a row, which counts from 1."""
    return f"https://example.com/clip{row}.mp4"


def suffer_batch(crash: Crash, seed: str) -> Outcome:
    """Let one batch crash in a new world, give the same command until it has ended, and say what was true."""
    with opened(f"{seed}/{crash}") as world:
        rows = [f"{video(row)},{world.photo},{row}.mp4" for row in range(1, ROWS + 1)]
        (world.program.cwd / "jobs.csv").write_text("\n".join(["video,face,output", *rows]))
        world.attempt(("batch", "jobs.csv", "--json"), _arrange(world, crash))
        code, ends = _go_on(world)
        bought = Counter(_tasks(world).values())
        is_lost = _is_lost(world, ends)
        for end in ends:
            if end.get("error", {}).get("exit_code") == UNKNOWN:
                _settle(world, end)
        was_unknown = code == UNKNOWN
        if was_unknown:
            code, ends = _go_on(world)
        return Outcome(
            crash=crash,
            tasks=max(bought.values(), default=0),
            is_lost=is_lost,
            is_wrong=_is_wrong(world),
            was_unknown=was_unknown,
            end="completed" if code == 0 and len(ends) == ROWS else f"exit {code}",
        )


def _arrange(world: World, crash: Crash) -> float | None:
    """Let it befall one of the first requests to the step, or kill at some time; return that in seconds."""
    if crash.step == "any time":
        return world.chance.uniform(0.2, 5.0)

    def spare(connection: Connection) -> None:
        world.service.respond(connection.recorded)(connection)

    made = (KILLS | CUTS)[crash.name](world, world.service)
    world.service.script(API_STEPS[crash.step], *[spare] * world.chance.randrange(ROWS), made)
    return None


def _go_on(world: World) -> tuple[int, list[dict[str, Any]]]:
    """Give the same command until it is done or unknown; return its code and what the rows came to."""
    for _ in range(PATIENCE):
        ran = world.program("batch", "jobs.csv", "--json", code=None)
        if ran.code in {0, UNKNOWN}:
            break
    return ran.code, [json.loads(line) for line in ran.out.splitlines()]


def _tasks(world: World) -> dict[str, str]:
    """Return the video of each task that exists at the service."""
    records = world.service.records
    return {task: records[task][1]["source_video_url"] for task in world.service.tasks}


def _is_lost(world: World, ends: list[dict[str, Any]]) -> bool:
    """Whether a task exists that its row knows neither by name nor as one that may exist."""
    by_video = {end["video"]: end for end in ends}
    for task, source in _tasks(world).items():
        end = by_video[source]
        if end.get("task_id") != task and end.get("error", {}).get("exit_code") != UNKNOWN:
            return True
    return False


def _settle(world: World, end: dict[str, Any]) -> None:
    """Do what an honest user does about an unknown outcome."""
    run_id = end["error"]["run_id"]
    found = [task for task, source in _tasks(world).items() if source == end["video"]]
    flags = ("--task", found[0]) if found else ("--resubmit",)
    world.program("resume", run_id, *flags)


def _is_wrong(world: World) -> bool:
    """Whether a row's file is not its task's to the byte, or something is left beside them."""
    by_video = {source: task for task, source in _tasks(world).items()}
    left = {path.name for path in world.program.cwd.iterdir()}
    if left != {"jobs.csv", *(f"{row}.mp4" for row in range(1, ROWS + 1))}:
        return True
    return any(
        (world.program.cwd / f"{row}.mp4").read_bytes() != result_of(by_video[video(row)])
        for row in range(1, ROWS + 1)
    )
