"""Which person gets which reference face."""

from __future__ import annotations

import shlex
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.models import FaceMapping, Place
from headswap_cli.wire import MAX_MAPPINGS, MAX_PHOTOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.models import Person


def check_mappings(faces: Sequence[FaceMapping]) -> None:
    """Check what can be checked before anybody has looked at the video.

    Raises:
        InputError: more than five people, more photos of one than there may be, or a face for "the only
            person" beside others.
    """
    named = Counter(face.whom for face in faces)
    if len(named) > MAX_MAPPINGS:
        raise InputError(
            f"Faces were given for {len(named)} people; one task takes at most {MAX_MAPPINGS}.",
            hint="Make two runs, the second on the result of the first.",
        )
    for face in faces:
        if (times := named[face.whom]) > MAX_PHOTOS:
            raise InputError(f"{_name(face)} was given {times} photos; a person takes at most {MAX_PHOTOS}.")
    if FaceMapping("").whom in named and len(faces) > 1:
        raise InputError(
            "With several faces each must say whose it is.",
            hint="Number the people: --face 1=a.jpg --face 2=b.jpg; several photos of one person, on the"
            " local engine: --face 1=a.jpg --face 1=b.jpg",
        )
    if any(face.place is Place.ALL for face in faces) and len(named) > 1:
        raise InputError("all= gives everybody that face, so no other --face can stand beside it.")


def check_single_photos(faces: Sequence[FaceMapping], profile: str) -> None:
    """Check that nobody has several photos, of which only the local engine makes use.

    Raises:
        InputError: somebody has.
    """
    named = Counter(face.whom for face in faces)
    for face in faces:
        if (times := named[face.whom]) > 1:
            raise InputError(
                f"{_name(face)} was given {times} photos; the service of the profile {profile!r}"
                " takes one image a person.",
                hint="Give the best one, or work on this machine: --profile local",
            )


def people_listed(people: Sequence[Person]) -> str:
    """Return the people as a sentence part: ``1 (obj_id 0, left, in 80 % of the video), 2 (obj_id 1)``.

    Where they are and how much of the video shows them is said as far as the backend tells.
    """
    where = whereabouts(people)
    return ", ".join(
        f"{person.person} ({', '.join([f'obj_id {person.obj_id}', *where[person.person], *_seen(person)])})"
        for person in people
    )


def whereabouts(people: Sequence[Person]) -> dict[int, list[str]]:
    """Return where each person mostly is among the others, by number from 1, in words; one or none.

    None where the backend does not tell, and where two are at one place, as those who take turns are.
    """
    boxes = [(person.box, person.person) for person in people if person.box is not None]
    ordered = sorted(boxes, key=lambda one: one[0][0] + one[0][2])
    if len(boxes) < len(people) or len(people) < 2 or not _stand_apart([box for box, _ in ordered]):
        return {person.person: [] for person in people}
    inner = [f"no. {rank} from the left" for rank in range(2, len(people))]
    words = [Place.LEFT, *(["middle"] if len(inner) == 1 else inner), Place.RIGHT]
    return {number: [str(word)] for (_, number), word in zip(ordered, words, strict=True)}


def _stand_apart(boxes: Sequence[tuple[int, int, int, int]]) -> bool:
    """Tell whether nobody's middle is within the next one's box, from the left to the right."""
    return all(
        2 * box[2] < after[0] + after[2] and box[0] + box[2] < 2 * after[0] for box, after in pairwise(boxes)
    )


def spelt(face: FaceMapping) -> str:
    """Return a face as ``--face`` takes it."""
    if face.person is not None:
        whom = str(face.person)
    elif face.obj_id is not None:
        whom = f"obj:{face.obj_id}"
    else:
        whom = f"like:{face.like}" if face.place is None else str(face.place)
    return f"{whom}={face.image}"


def _seen(person: Person) -> list[str]:
    share = person.screen_share
    return [] if share is None else [f"in {100 * share:.0f} % of the video"]


def match_people(
    faces: Sequence[FaceMapping],
    people: Sequence[Person],
    analysis_id: str,
    *,
    most: int = 1,
    video: str | None = None,
) -> list[tuple[Person, FaceMapping]]:
    """Return each mapping with the person it means, in the order given.

    Args:
        faces: What the user said.
        people: Whom the analysis found.
        analysis_id: For the messages.
        most: How many photos a person may have.
        video: The file that ``run`` was given, to name it in a hint; None to name the analysis.

    Raises:
        InputError: nobody is in the video, no face was given, a named person is not there, or too many
            mappings mean the same one.
    """
    if not people:
        raise InputError(
            "Nobody was found in the video, so there is no head to swap.",
            hint="Give a video that shows a face from the front, neither tiny nor cut off, for a while.",
            analysis_id=analysis_id,
        )
    if not faces:
        way = ("swap", analysis_id) if video is None else ("run", video)
        raise InputError(
            f"No face was given. People in the video: {people_listed(people)}.",
            hint=shlex.join(["headswap", *way, "--face", f"{people[0].person}=me.jpg"]),
            analysis_id=analysis_id,
        )
    matched = [(_person_meant(face, people, analysis_id), face) for face in faces]
    for person, times in Counter(person for person, _ in matched).items():
        if times > most:
            raise InputError(
                f"Person {person.person} (obj_id {person.obj_id}) was given {times} photos; at most {most}"
                " can be used.",
                analysis_id=analysis_id,
            )
    return matched


def _name(face: FaceMapping) -> str:
    if face.person is not None:
        return f"Person {face.person}"
    if face.obj_id is not None:
        return f"obj:{face.obj_id}"
    return f"like:{face.like}" if face.place is None else f"{face.place}"


def _person_meant(face: FaceMapping, people: Sequence[Person], analysis_id: str) -> Person:
    if face.person is None and face.obj_id is None:
        if len(people) == 1:
            return people[0]
        raise InputError(
            f"The video holds {len(people)} people, so --face must say whose: {people_listed(people)}.",
            hint=_ways(face, people),
            analysis_id=analysis_id,
        )
    for person in people:
        if face.person == person.person or (face.person is None and face.obj_id == person.obj_id):
            return person
    who = f"Person {face.person}" if face.person is not None else f"The obj_id {face.obj_id}"
    raise InputError(
        f"{who} is not in the video; found: {people_listed(people)}.",
        hint=f"--face {people[0].person}={face.image}",
        analysis_id=analysis_id,
    )


def _ways(face: FaceMapping, people: Sequence[Person]) -> str:
    number = f"--face {people[0].person}={face.image}"
    if not any(whereabouts(people).values()):
        return number
    return f"{number}, or by the place: --face left={face.image}, --face right={face.image}"
