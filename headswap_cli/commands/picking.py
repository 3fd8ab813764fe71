"""Asking who gets which head, where nobody said and there is somebody to ask."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headswap_cli.errors import ExitCode, HeadswapError, InputError, Stopped
from headswap_cli.models import FaceMapping
from headswap_cli.wire import MAX_PHOTOS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from headswap_cli.context import AppContext
    from headswap_cli.models import Analysis
    from headswap_cli.services.deps import Deadline
    from headswap_cli.services.run import RunRequest


@dataclass(frozen=True, slots=True)
class Settled:
    """Who gets which face, by numbers, and the deadline, which does not run while somebody thinks."""

    faces: tuple[FaceMapping, ...]
    deadline: Deadline


def settle_faces(
    app: AppContext,
    request: RunRequest,
    *,
    images: bool,
    save_to: Path | None,
    deadline: Deadline,
    check: Callable[[FaceMapping], object],
    clock: Callable[[], float] = time.monotonic,
) -> Settled:
    """Find the people, ask who gets which face where nobody said, and save the cast for the next clip.

    Args:
        app: What the command works in.
        request: What is known so far; without faces the user is asked.
        images: Whether to draw the people.
        save_to: Where to save the cast; None to save none.
        deadline: When to give up the analysis.
        check: Raises if a face cannot be used.
        clock: Monotonic seconds.

    Raises:
        InputError: nobody is in the video, nobody was chosen, or the cast cannot be saved; nothing was paid.
        Stopped: the user left by Escape or Ctrl-C; nothing was paid.
    """
    from headswap_cli.services.analyze import analyze_steps
    from headswap_cli.services.castfile import save_cast
    from headswap_cli.services.casting import cast, unrecognisable
    from headswap_cli.services.mapping import match_people
    from headswap_cli.services.previews import fetch_previews
    from headswap_cli.services.wait import drive

    terminal = app.canvas(images=images, on_stderr=True) if not request.faces else None
    with app.open(announce=True) as deps:
        any_length = request.options.any_length
        steps = analyze_steps(deps, request.video, any_length=any_length, deadline=deadline)
        found = drive(steps, deps.sleep).analysis
        is_free = deps.is_free
        contents = fetch_previews(deps, found.people) if terminal or save_to else {}
        faults = unrecognisable(deps, contents) if save_to else {}
        faces = cast(deps, request.faces, found)
    since = clock()
    if not faces and found.people and app.view.can_ask:
        if terminal is not None:
            app.view.people(found.people, contents, terminal, on_stderr=True)
        faces = _asked(app, found, check, is_free=is_free)
    matched = match_people(faces, found.people, found.analysis_id, most=MAX_PHOTOS)
    if save_to is not None:
        written = save_cast(save_to, matched, contents, faults)
        app.view.notices([f"saved {', '.join(map(str, written))}"])
    return Settled(faces, replace(deadline, at=deadline.at + clock() - since))


def _asked(
    app: AppContext, found: Analysis, check: Callable[[FaceMapping], object], *, is_free: bool
) -> tuple[FaceMapping, ...]:
    """Return what the user chose; the command that says the same is told."""
    from headswap_cli.render.picker import LeftError
    from headswap_cli.services.mapping import people_listed

    try:
        picked = app.view.pick(
            found.people, lambda photo: _fault(photo, check) or _refusal(app, photo), is_free=is_free
        )
    except LeftError as error:
        stopped = Stopped(ExitCode.INTERRUPTED)
        unpaid = "" if is_free else "Nothing was paid. "
        stopped.hint = f"{unpaid}People in the video: {people_listed(found.people)}. {_way_on(found)}"
        raise stopped from error
    faces = tuple(FaceMapping(photo, person=person.person) for person, photo in picked)
    app.view.notices([f"next time: {command_of(faces, sys.argv[1:])}"])
    return faces


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


def _refusal(app: AppContext, photo: str) -> str | None:
    """Return why the local engine refuses a photo; what it cannot say now, the run will."""
    from headswap_cli.render.progress import Silent
    from headswap_cli.services.photos import photo_fault

    try:
        with app.open(shown_by=Silent()) as deps:
            return photo_fault(deps, photo)
    except HeadswapError:
        return None


def _way_on(analysis: Analysis) -> str:
    return f"Go on: headswap swap {analysis.analysis_id} --face {analysis.people[0].person}=IMAGE"
