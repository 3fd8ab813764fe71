"""What is compared: two videos, and the story of the run that made one of the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headswap_cli import media
from headswap_cli.errors import InputError, NotFoundError
from headswap_cli.journal import StepKind
from headswap_cli.models import Status
from headswap_cli.packages import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headswap_cli.journal import Journal, Run, Step
    from headswap_cli.models import VideoInfo

    Fetch = Callable[[str], Path]

USAGE = "headswap compare RUN, or headswap compare before.mp4 after.mp4"
# Two clocks of one video differ by less.
_SAME_LENGTH_S = 0.1
_SAME_SHAPE = 0.02
# What took less was there already.
_NO_TIME_S = 0.1


@dataclass(frozen=True, slots=True)
class Given:
    """A person whom an analysis found, and the reference faces put in: paths or URLs, none for most."""

    person: int
    obj_id: int
    faces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What the journal tells of a run; durations in seconds, by what they were spent on."""

    run: Run
    people: tuple[Given, ...]
    took_s: tuple[tuple[str, float], ...]

    def photos(self) -> dict[int, list[Path]]:
        """Return the reference faces of each changed person that still lie on this machine, by ``obj_id``."""
        here = {
            given.obj_id: [
                path for face in given.faces if (path := _local(face)) is not None and path.is_file()
            ]
            for given in self.people
        }
        return {obj_id: paths for obj_id, paths in here.items() if paths}


@dataclass(frozen=True, slots=True)
class Subject:
    """The two videos; ``remarks`` are sentences on them for the user, ``urls`` where they were fetched."""

    before: Path
    after: Path
    before_info: VideoInfo
    after_info: VideoInfo
    story: Story | None = None
    remarks: tuple[str, ...] = ()
    urls: tuple[str | None, str | None] = (None, None)

    @property
    def length_s(self) -> float:
        """How long both go."""
        return min(self.before_info.duration_s, self.after_info.duration_s)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know before comparing, in sentences."""
        return (*self.remarks, *_differences(self.before_info, self.after_info))


def subject_of(words: Sequence[str], journal: Journal, fetch: Fetch) -> Subject:
    """Return what a command's words mean: a run, or two videos.

    Args:
        words: As they were typed.
        journal: Where runs are written down.
        fetch: Saves what is at a URL and returns where.

    Raises:
        InputError: as ``of_run`` and ``of_files``; they are neither one word nor two, or both are one file.
        NotFoundError: the journal knows no such run.
    """
    if len(words) == 1:
        return of_run(journal, words[0], fetch)
    if len(words) != 2:
        raise InputError(f"Comparing takes one run or two videos, not {len(words)} names.", hint=USAGE)
    before, after = (_here(word, fetch) for word in words)
    subject = replace(of_files(before, after), urls=(_url(words[0]), _url(words[1])))
    if before.samefile(after):
        raise InputError(f"{before} and {after} are the same file: there is nothing to compare.", hint=USAGE)
    return subject


def of_files(before: Path, after: Path, story: Story | None = None, remarks: tuple[str, ...] = ()) -> Subject:
    """Look at two videos.

    Raises: InputError: one cannot be decoded.
    """
    infos = [media.probe(path) for path in (before, after)]
    if infos[0] is None or infos[1] is None:
        raise InputError("Videos cannot be read here.", hint="pip install 'headswap-cli[images]'")
    return Subject(before.absolute(), after.absolute(), infos[0], infos[1], story, remarks)


def of_run(journal: Journal, identifier: str, fetch: Fetch) -> Subject:
    """Look at what a run was given and what it saved.

    Args:
        journal: Where it is written down.
        identifier: Its id, or that of its task or analysis.
        fetch: As for ``subject_of``.

    Raises:
        NotFoundError: the journal knows no such run.
        InputError: it has no result, or one of its videos is not here.
    """
    if Path(identifier).exists():
        raise InputError(
            f"{identifier!r} is one video; comparing takes two.",
            hint=f"headswap compare {identifier} after.mp4",
        )
    run = journal.find(identifier)
    if run is None:
        raise NotFoundError(f"The journal knows no run {identifier!r}.", hint=USAGE)
    if run.output is None:
        raise _without_result(run)
    # A result that was saved in several places may be left in one.
    places = [saved.path for saved in journal.saved(run.run_id)]
    source, after = _local(run.source), next(filter(Path.is_file, places), Path(run.output))
    if source is not None and not source.exists():
        raise InputError(
            f"The source of {run.run_id} is not here: {run.source}",
            hint=f"Go to the folder that it was run in, or: headswap compare before.mp4 {after}",
        )
    if not after.exists():
        raise InputError(
            f"The result of {run.run_id} is gone: {after}", hint=f"headswap download {run.run_id}"
        )
    before, steps = source or fetch(run.source), journal.steps(run.run_id)
    remarks = tuple(_changes(run, steps, before, after))
    return replace(of_files(before, after, story_of(run, steps), remarks), urls=(_url(run.source), None))


def _changes(run: Run, steps: Sequence[Step], before: Path, after: Path) -> list[str]:
    """Say which of the two is no longer what the run took or made."""
    taken = [step.detail for step in steps if step.kind is StepKind.PUBLISHED]
    was = next((one["sha256"] for one in taken if one["source"] == run.source), None)
    known = (("source", was, before), ("result", run.sha256, after))
    return [
        f"The {name} has been changed since the run {run.run_id}."
        for name, sha256, path in known
        if sha256 is not None and sha256_of(path) != sha256
    ]


def story_of(run: Run, steps: Sequence[Step]) -> Story:
    """Return what became of a run, by its steps, oldest first."""
    known: list[dict[str, Any]] = []
    sources: dict[str, str] = {}
    faces: dict[int, tuple[str, ...]] = {}
    for step in steps:
        if step.kind is StepKind.PUBLISHED:
            sources[step.detail["url"]] = step.detail["source"]
        known = step.detail.get("people", known)
        for mapping in step.detail.get("body", {}).get("mappings", ()):
            urls = (mapping["img_url"], *mapping.get("more_img_urls", ()))
            faces[mapping["obj_id"]] = tuple(sources.get(url, url) for url in urls)
    people = tuple(Given(one["person"], one["obj_id"], faces.get(one["obj_id"], ())) for one in known)
    return Story(run, people, tuple(_durations(steps)))


def _durations(steps: Sequence[Step]) -> list[tuple[str, float]]:
    at = {step.kind: step.at for step in steps}
    # Watched to its end, or else to where it was saved.
    at[StepKind.STATE] = at.get(StepKind.STATE, at.get(StepKind.DONE, 0.0))
    spans = (
        ("analysis", StepKind.SUBMITTED, StepKind.ANALYSED),
        ("swap", StepKind.CREATED, StepKind.STATE),
    )
    took = [(name, at[last] - at[first]) for name, first, last in spans if first in at and last in at]
    return [(name, took_s) for name, took_s in took if took_s >= _NO_TIME_S]


def _without_result(run: Run) -> InputError:
    if run.status is Status.CANCELLED:
        hint = "The same command again makes it anew."
        return InputError(f"The run {run.run_id} was cancelled, and has no result.", hint=hint)
    if run.task_id is not None:
        way = f"headswap status {run.run_id} --wait && headswap download {run.run_id}"
        return InputError(f"The run {run.run_id} has no result yet; its status: {run.status}.", hint=way)
    if run.status is Status.COMPLETED:
        way = f"headswap swap {run.analysis_id} --face 1=IMAGE"
        return InputError(f"The run {run.run_id} only found the people of its video.", hint=way)
    way = f"headswap status {run.run_id}"
    return InputError(f"The run {run.run_id} has no result; its status: {run.status}.", hint=way)


def _here(word: str, fetch: Fetch) -> Path:
    media.check_scheme(word)
    return _local(word) or fetch(word)


def _url(source: str) -> str | None:
    return source if media.is_url(source) else None


def _local(source: str) -> Path | None:
    return None if media.is_url(source) else Path(source).expanduser().absolute()


def _differences(before: VideoInfo, after: VideoInfo) -> list[str]:
    notes = []
    if abs(before.duration_s - after.duration_s) > _SAME_LENGTH_S:
        shorter = min(before.duration_s, after.duration_s)
        notes.append(
            f"The source is {before.duration_s:.1f} s long, the result {after.duration_s:.1f} s: "
            f"compared are the first {shorter:.1f} s."
        )
    elif before.frame_count != after.frame_count:
        notes.append(
            f"The source has {before.frame_count} frames, the result {after.frame_count}: "
            "they are paired by time."
        )
    shapes = [info.width / info.height for info in (before, after)]
    if abs(shapes[0] / shapes[1] - 1) > _SAME_SHAPE:
        notes.append(
            f"The source is {before.width}x{before.height} pixels, the result {after.width}x{after.height}: "
            "the shapes differ, so the source is fitted into the result's."
        )
    elif before.width != after.width:
        notes.append(
            f"The source is {before.width}x{before.height} pixels, the result {after.width}x{after.height}: "
            "the source is shown in the result's size."
        )
    if before.has_audio and not after.has_audio:
        notes.append("The result has no sound.")
    return notes
