"""Who is meant by a place in the picture or by a photo: numbers, once the people are known."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

from headswap_cli.errors import InputError
from headswap_cli.models import FaceMapping, Place
from headswap_cli.services.deps import absolute
from headswap_cli.services.mapping import check_mappings, people_listed, spelt
from headswap_cli.services.previews import fetch_previews

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from headswap_cli.models import Analysis, Person
    from headswap_cli.services.deps import Deps

    # How different somebody on a photo is from each person, by number from 1.
    Measure = Callable[[str], Mapping[int, float]]
    # See ``FaceMapping.whom``.
    Whom = tuple[int, int, str, str]

# Two views of one person were at most 0.49 apart on the test media, two people at least 0.54 but for one
# pair (0.48); a wrong choice is paid for, a refusal is not.
FITS = 0.5
# Anybody else must look less like the photo by so much.
APART = 0.1


class Likeness(Protocol):
    """Measures how different faces are, as ``engine.likeness.LikenessMeter`` does."""

    def distances(self, photo: Path, pictures: Mapping[int, bytes]) -> dict[int, float]:
        """Return how different the face on a photo is from that on each picture which shows one."""

    def fault(self, picture: bytes) -> str | None:
        """Return why ``distances`` would refuse a photo; None if it would not."""


def cast(deps: Deps, faces: Sequence[FaceMapping], analysis: Analysis) -> tuple[FaceMapping, ...]:
    """Return the faces with numbers; who looks like a photo is told with the distance.

    Raises:
        InputError: a place or a photo means nobody, or two people, or two of them mean the same person.
    """
    people, analysis_id = analysis.people, analysis.analysis_id

    @cache
    def _pictures() -> Mapping[int, bytes]:
        return fetch_previews(deps, people)

    @cache
    def _measure(photo: str) -> Mapping[int, float]:
        return deps.open_likeness().distances(absolute(photo), _pictures())

    return numbered(faces, people, analysis_id, measure=_measure, tell=deps.report.notice)


def unrecognisable(deps: Deps, pictures: Mapping[int, bytes]) -> dict[int, str]:
    """Return why people cannot be found again by their pictures, by number from 1; who can is left out.

    With a cloud service what compares faces need not be there: nobody looks.
    """
    if not deps.is_free:
        return {}
    meter = deps.open_likeness()
    faults = {number: meter.fault(picture) for number, picture in pictures.items()}
    return {number: fault for number, fault in faults.items() if fault is not None}


def numbered(
    faces: Sequence[FaceMapping],
    people: Sequence[Person],
    analysis_id: str,
    *,
    measure: Measure,
    tell: Callable[[str], None],
) -> tuple[FaceMapping, ...]:
    """Return the faces with numbers in the place of places and photos; the others as they are.

    Args:
        faces: What the user said.
        people: Whom the analysis found; if nobody, the faces are returned as they are.
        analysis_id: For the messages.
        measure: Compares a photo with everybody.
        tell: Is told who looks like a photo, once a photo.

    Raises:
        InputError: as ``cast``.
    """
    if not people:
        return tuple(faces)
    known, faults = _whom_they_mean(faces, people, measure, tell)
    taken = {number for numbers in known.values() for number in numbers}
    left = [person.person for person in people if person.person not in taken]
    for face, fault in faults:
        raise InputError(
            f"{fault.message} People in the video: {people_listed(people)}.",
            hint=_way_on(face, left, is_open=not taken and len(people) > 1),
            analysis_id=analysis_id,
        ) from fault
    _check_apart(faces, known, left, analysis_id, is_alone=len(people) == 1)
    cast = tuple(one for face in faces for one in _as_numbers(face, known[face.whom]))
    check_mappings(cast)
    return cast


def nearest(photo: str, distances: Mapping[int, float]) -> int:
    """Return the number of the person who looks like a photo.

    Args:
        photo: Its name, for the messages.
        distances: How different each person is from it.

    Raises:
        InputError: nobody looks like it, or two do.
    """
    if not distances:
        raise InputError(f"Nobody can be likened to {photo!r}: no picture of the people shows a face.")
    (best, first), *others = sorted(((apart, number) for number, apart in distances.items()))
    if best >= FITS:
        raise InputError(
            f"Nobody in the video looks like {photo!r}: the nearest is person {first} at a distance of"
            f" {best:.2f}, and from {FITS:.2f} on it is somebody else."
        )
    if others and others[0][0] < best + APART:
        raise InputError(
            f"Two people look like {photo!r}: person {first} (distance {best:.2f}) and person {others[0][1]}"
            f" ({others[0][0]:.2f}), less than {APART:g} apart."
        )
    return first


def placed(place: Place, people: Sequence[Person]) -> list[int]:
    """Return the numbers of the people at a place.

    Raises:
        InputError: the backend does not tell where people are.
    """
    if place is Place.ALL:
        return [person.person for person in people]
    boxes = {person.person: person.box for person in people if person.box is not None}
    if len(boxes) < len(people):
        raise InputError(f"The service does not tell where people are, so {place}= means nobody.")
    match place:
        case Place.LEFT:
            return [min(boxes, key=lambda number: boxes[number][0] + boxes[number][2])]
        case Place.RIGHT:
            return [max(boxes, key=lambda number: boxes[number][0] + boxes[number][2])]
    return [max(boxes, key=lambda number: _area(boxes[number]))]


def _whom_they_mean(
    faces: Sequence[FaceMapping], people: Sequence[Person], measure: Measure, tell: Callable[[str], None]
) -> tuple[dict[Whom, list[int]], list[tuple[FaceMapping, InputError]]]:
    """Return the numbers that faces mean, and who means nobody: what helps depends on who the others are."""
    known = {face.whom: _counted(face, people) for face in faces if face.is_cast}
    faults: list[tuple[FaceMapping, InputError]] = []
    for face in faces:
        if face.whom not in known:
            try:
                known[face.whom] = _found(face, people, measure, tell)
            except InputError as error:
                faults.append((face, error))
    return known, faults


def _as_numbers(face: FaceMapping, numbers: Sequence[int]) -> list[FaceMapping]:
    return [face] if face.is_cast else [FaceMapping(face.image, person=number) for number in numbers]


def _found(
    face: FaceMapping, people: Sequence[Person], measure: Measure, tell: Callable[[str], None]
) -> list[int]:
    if face.place is not None:
        return placed(face.place, people)
    photo = face.like or ""
    distances = measure(photo)
    number = nearest(photo, distances)
    others = [apart for other, apart in distances.items() if other != number]
    next_one = f", the next one {min(others):.2f}" if others else ""
    tell(f"{photo} looks like person {number} (distance {distances[number]:.2f}{next_one})")
    return [number]


def _counted(face: FaceMapping, people: Sequence[Person]) -> list[int]:
    """Return the numbers of whom a number or an obj_id means; none where nobody is named, or there."""
    if face.person is not None:
        return [face.person]
    return [person.person for person in people if person.obj_id == face.obj_id]


def _check_apart(
    faces: Sequence[FaceMapping],
    known: Mapping[Whom, Sequence[int]],
    left: Sequence[int],
    analysis_id: str,
    *,
    is_alone: bool,
) -> None:
    """Check that no two names mean one person: that would be several photos of one, and was never said."""
    named: dict[int, FaceMapping] = {}
    for face in faces:
        for number in known[face.whom]:
            other = named.setdefault(number, face)
            if other.whom != face.whom and not (other.is_cast and face.is_cast):
                found = other if face.is_cast else face
                others = f", or give it to who is left: {_numbered(found, left)}" if left else ""
                whom = f"person {number}{', the only one in the video' if is_alone else ''}"
                raise InputError(
                    f"Two of the faces mean {whom}: --face {spelt(other)} and --face {spelt(face)}.",
                    hint=f"Leave one of them out{others}",
                    analysis_id=analysis_id,
                )


def _way_on(face: FaceMapping, left: Sequence[int], *, is_open: bool) -> str:
    """Return what helps where a face means nobody; ``left`` are the people whom no other face means."""
    drop = "that --face, or its [[cast]] in the mapping file"
    if not left:
        return f"Everybody in the video is somebody else: leave out {drop}."
    name = f"--face N={face.image}" if is_open else _numbered(face, left)
    return (
        f"Name the person: {name}" if face.like is None else f"Leave out {drop}, or put in its place: {name}"
    )


def _numbered(face: FaceMapping, left: Sequence[int]) -> str:
    if len(left) == 1:
        return f"--face {left[0]}={face.image}"
    return f"--face N={face.image}, N being {', '.join(map(str, left[:-1]))} or {left[-1]}"


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
