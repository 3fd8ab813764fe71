"""Asking who gets which head, where nobody said and there is somebody to ask."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headswap_cli.errors import ExitCode, InputError, Stopped
from headswap_cli.models import FaceMapping

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headswap_cli.context import AppContext
    from headswap_cli.models import Analysis
    from headswap_cli.services.deps import Deadline


@dataclass(frozen=True, slots=True)
class Picked:
    """What the user chose, and the deadline, which does not run while somebody thinks."""

    faces: tuple[FaceMapping, ...]
    deadline: Deadline


def pick_faces(
    app: AppContext,
    video: str,
    *,
    any_length: bool,
    images: bool,
    deadline: Deadline,
    check: Callable[[FaceMapping], object],
    arguments: Sequence[str] = (),
    clock: Callable[[], float] = time.monotonic,
) -> Picked:
    """Find the people, draw them, and let the user choose; the command that says the same is told.

    Args:
        app: What the command works in.
        video: The source video.
        any_length: As for ``analyze``.
        images: Whether to draw the people.
        deadline: When to give up the analysis.
        check: Raises if a face cannot be used.
        arguments: Of this command, by default the process's.
        clock: Monotonic seconds.

    Raises:
        InputError: nobody is in the video, or the user chose nobody; nothing was paid.
        Stopped: the user left by Ctrl-C; nothing was paid.
    """
    from headswap_cli.render.picker import CancelledError, InterruptedByKeyError
    from headswap_cli.services.analyze import analyze_steps
    from headswap_cli.services.mapping import match_people, people_listed
    from headswap_cli.services.previews import fetch_previews
    from headswap_cli.services.wait import drive

    terminal = app.canvas(images=images, on_stderr=True)
    with app.open(announce=True) as deps:
        steps = analyze_steps(deps, video, any_length=any_length, deadline=deadline)
        found = drive(steps, deps.sleep).analysis
        contents = fetch_previews(deps, found.people) if terminal else {}
    if not found.people:
        match_people((), (), found.analysis_id)
    if terminal is not None:
        app.view.people(found.people, contents, terminal, on_stderr=True)
    since = clock()
    try:
        picked = app.view.pick(found.people, lambda photo: _fault(photo, check))
    except CancelledError:
        match_people((), found.people, found.analysis_id)
        raise
    except InterruptedByKeyError as error:
        stopped = Stopped(ExitCode.INTERRUPTED)
        stopped.hint = (
            f"Nothing was paid. People in the video: {people_listed(found.people)}. {_way_on(found)}"
        )
        raise stopped from error
    faces = tuple(FaceMapping(photo, person=person.person) for person, photo in picked)
    app.view.notices([f"next time: {command_of(faces, arguments or sys.argv[1:])}"])
    return Picked(faces, replace(deadline, at=deadline.at + clock() - since))


def command_of(faces: Sequence[FaceMapping], arguments: Sequence[str]) -> str:
    """Return the command line that asks nothing: the one given, with the faces behind the command's name.

    Args:
        faces: What was chosen, people by number.
        arguments: Of the process, the command's name first.
    """
    flags = [word for face in faces for word in ("--face", f"{face.person}={face.image}")]
    return shlex.join(["headswap", *arguments[:1], *flags, *arguments[1:]])


def _fault(photo: str, check: Callable[[FaceMapping], object]) -> str | None:
    try:
        check(FaceMapping(photo))
    except InputError as error:
        return error.message
    return None


def _way_on(analysis: Analysis) -> str:
    return f"Go on: headswap swap {analysis.analysis_id} --face {analysis.people[0].person}=IMAGE"
