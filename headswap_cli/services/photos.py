"""Photos that the local engine would refuse, or warn of, are judged before it looks at the video."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from headswap_cli.errors import HeadswapError, InputError
from headswap_cli.media import is_url
from headswap_cli.models import Backend, Judgement, Status
from headswap_cli.services.deps import absolute
from headswap_cli.services.hosted import hosted
from headswap_cli.services.told import untold

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from headswap_cli.models import FaceMapping, Mode
    from headswap_cli.services.deps import Deadline, Deps

OTHER_PHOTO = "Take another photo: what the reason names is refused each time."
_OTHER_OF_SEVERAL = "Take other photos, or leave out the one that the reason names: it is refused each time."
OTHER_PHOTOS = "Take other photos: these are refused each time, for what the reasons name."
# The engine itself waits for a while before it says that it has no time.
_PAUSE_S = 0.2


def check_photos(
    deps: Deps,
    run_id: str,
    faces: Sequence[FaceMapping],
    hashes: Mapping[str, str | None],
    mode: Mode | None,
    *,
    deadline: Deadline | None,
) -> Generator[float, None, list[str]]:
    """Have the local engine judge the photos that lie on this machine; it keeps the heads for the task.

    What it warns of is told at once.

    Those of a cloud service, and those behind URLs, which nobody reads before the task, are not judged; nor
    are any where it is not known yet which of them show one person.

    Args:
        deps: The backend and the journal.
        run_id: The run that they are for.
        faces: Who gets which photo; who that is need not be known yet.
        hashes: What each photo is known by.
        mode: How much of the heads is to be worn; None where the video is to decide.
        deadline: When to leave it to the task; None to ask once.

    Returns: what it warns of.

    Raises:
        InputError: photos cannot be used; nothing was paid. The reasons name the values and the limits.
    """
    photos = _by_person(faces) if deps.settings.backend is Backend.LOCAL else []
    if not photos:
        return []
    urls = [[hosted(deps, run_id, photo, "photo", hashes[photo]) for photo in one] for one in photos]
    judged = yield from _judged(deps, partial(_asked, deps, urls, mode), deadline)
    if judged is None:
        return []
    warnings = [
        f"{', '.join(photos[place])}: {warning}" for place, told in judged.warned.items() for warning in told
    ]
    # Who wants to hear nothing is told by the next command.
    for warning in [] if deps.is_quiet else untold(deps.journal, run_id, warnings):
        deps.report.notice(warning)
    _require_usable(photos, judged)
    return warnings


def _require_usable(photos: Sequence[Sequence[str]], judged: Judgement) -> None:
    if judged.refused:
        told = ". ".join(f"{', '.join(photos[place])}: {reason}" for place, reason in judged.refused.items())
        raise InputError(told, hint=_way_on([photos[place] for place in judged.refused]))


def _way_on(refused: Sequence[Sequence[str]]) -> str:
    """Return what mends refused photos, of one person or several."""
    if len(refused) > 1:
        return OTHER_PHOTOS
    return OTHER_PHOTO if len(refused[0]) == 1 else _OTHER_OF_SEVERAL


def photo_fault(deps: Deps, photo: str) -> str | None:
    """Return why a photo cannot be used by itself; None if nothing is wrong with it, or that is not known."""
    if deps.settings.backend is not Backend.LOCAL or deps.open_host is None or is_url(photo):
        return None
    judged = _asked(deps, [[deps.open_host().publish(absolute(photo))]], None)
    return judged.refused.get(0) if judged else None


def _judged(
    deps: Deps, ask: Callable[[], Judgement | None], deadline: Deadline | None
) -> Generator[float, None, Judgement | None]:
    """Ask until the engine has time; return None if it had none."""
    judged = ask()
    if judged is None and deadline is not None:
        deps.report.notice("the local engine is at work on another job; the photos are judged after that")
        while judged is None and deps.clock() < deadline.at:
            # On a terminal it spins: it may be for minutes.
            deps.report.state("photos", Status.QUEUED, 0)
            yield _PAUSE_S
            judged = ask()
        if judged is not None:
            deps.report.state("photos", Status.COMPLETED, 100)
    return judged


def _by_person(faces: Sequence[FaceMapping]) -> list[list[str]]:
    """Return the photos of each person all of whose photos lie on this machine.

    Person 2 may be obj_id 1: where both ways to number people are used, nobody knows yet whose photos belong
    together, and of several the further ones may be from the side.
    """
    if any(face.person is not None for face in faces) and any(face.obj_id is not None for face in faces):
        return []
    people: dict[object, list[str]] = {}
    for face in faces:
        people.setdefault(face.whom, []).append(face.image)
    return [photos for photos in people.values() if not any(map(is_url, photos))]


def _asked(deps: Deps, urls: Sequence[Sequence[str]], mode: Mode | None) -> Judgement | None:
    from headswap_cli.api.photos import judged_photos

    try:
        return judged_photos(deps.client, urls, mode)
    except HeadswapError:
        # It was ended, or is of another build: the task judges them too.
        return Judgement({}, {})
