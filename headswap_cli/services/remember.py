"""What the journal knows of a run: what was wished, who was found, who gets which face."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from headswap_cli.journal import StepKind
from headswap_cli.models import FaceMapping, MappedFace, Mode, Person, Place, Quality, SwapOptions, Tone
from headswap_cli.services.deps import lasting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headswap_cli.journal import Run, Step
    from headswap_cli.wire import JsonObject


def wish(faces: Iterable[FaceMapping], options: SwapOptions) -> JsonObject:
    """Return faces and options as the journal keeps them; a path is good in any folder."""
    kept = [
        {**asdict(face), "image": lasting(face.image), "like": face.like and lasting(face.like)}
        for face in faces
    ]
    return {"faces": kept, "options": asdict(options)}


def faces_of(run: Run) -> tuple[FaceMapping, ...]:
    """Return the faces that a run was begun with."""
    return tuple(
        FaceMapping(
            image=face["image"],
            person=face["person"],
            obj_id=face["obj_id"],
            place=Place(face["place"]) if face["place"] else None,
            like=face["like"],
        )
        for face in run.parameters.get("faces", ())
    )


def options_of(run: Run) -> SwapOptions:
    """Return the options that a run was begun with."""
    kept: JsonObject = run.parameters.get("options", {})
    known = {name.name: kept[name.name] for name in fields(SwapOptions) if name.name in kept}
    known["mode"] = Mode(known["mode"]) if known.get("mode") else None
    known["tone"] = Tone(known["tone"]) if known.get("tone") else None
    known["quality"] = Quality(known["quality"]) if known.get("quality") else None
    return SwapOptions(**known)


def people_in(steps: Sequence[Step]) -> tuple[Person, ...]:
    """Return who was found at last."""
    for step in reversed(steps):
        if step.kind is StepKind.ANALYSED:
            return tuple(map(_person, step.detail["people"]))
    return ()


def notices_in(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return what there was to know of the result when it was saved at last."""
    for step in reversed(steps):
        if step.kind is StepKind.DONE:
            # Earlier versions kept none.
            return tuple(step.detail.get("notices", ()))
    return ()


def _person(kept: JsonObject) -> Person:
    # Earlier versions kept neither when nor where somebody is seen.
    return Person(**{**kept, "box": tuple(kept["box"]) if kept.get("box") else None})


def mapped_faces(run: Run, steps: Sequence[Step]) -> tuple[MappedFace, ...]:
    """Return who was given which face in the request that was sent."""
    sources = {step.detail["url"]: step.detail["source"] for step in steps if step.kind is StepKind.PUBLISHED}
    numbers = {person.obj_id: person.person for person in people_in(steps)}
    return tuple(
        MappedFace(
            person=numbers.get(mapping["obj_id"], mapping["obj_id"] + 1),
            obj_id=mapping["obj_id"],
            face=sources.get(url, url),
            img_url=url,
        )
        for mapping in (run.body or {}).get("mappings", ())
        for url in (mapping["img_url"], *mapping.get("more_img_urls", ()))
    )
