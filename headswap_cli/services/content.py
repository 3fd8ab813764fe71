"""What names a wish, a source video and a purchase, so that the same one is known when it comes again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.media import is_url
from headswap_cli.models import SwapOptions
from headswap_cli.services.deps import absolute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from headswap_cli.models import FaceMapping


@dataclass(frozen=True, slots=True)
class Content:
    """What a run is known by.

    ``key`` names the wish, ``source_key`` the video. ``hashes`` holds the SHA-256 of each source as the user
    named it; None for a URL, which is known by its string.
    """

    key: str
    source_key: str
    hashes: Mapping[str, str | None]


def content_of(
    profile: str, video: str, faces: Sequence[FaceMapping], options: SwapOptions | None = None
) -> Content:
    """Return what a video with these faces and options is known by; files are read whole.

    Raises:
        InputError: a file can't be read.
    """
    likes = [face.like for face in faces if face.like]
    hashes = hashes_of([video, *(face.image for face in faces), *likes])
    named = (
        (*face.whom[:3], hashes[face.like] if face.like else "", _name(face.image, hashes)) for face in faces
    )
    # Photos of one person stay in their order: the first is the main one.
    wanted = sorted(named, key=lambda one: [str(part) for part in one[:4]])
    source_key = _name(video, hashes)
    return Content(_digest("run", profile, source_key, wanted, _options(options)), source_key, hashes)


def purchase_key(
    profile: str,
    analysis_id: str,
    given: Sequence[tuple[int, str]],
    hashes: Mapping[str, str | None],
    options: SwapOptions,
) -> str:
    """Return what a task is known by, whichever command buys it; ``given`` is who gets which photo."""
    bought = sorted(((obj_id, _name(face, hashes)) for obj_id, face in given), key=lambda one: one[0])
    return _digest("task", profile, analysis_id, bought, _options(options))


def hashes_of(sources: Iterable[str]) -> dict[str, str | None]:
    """Return the SHA-256 of each file, None for each URL.

    Raises:
        InputError: a file can't be read.
    """
    return {source: None if is_url(source) else _hash(absolute(source)) for source in sources}


def _hash(path: Path) -> str:
    """Return the hash of a file, which a command asks for more than once."""
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.") from error
    return _hash_of_state(path, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash_of_state(path: Path, *_state: int) -> str:
    from headswap_cli.transfer import hash_file

    return hash_file(path)


def _name(source: str, hashes: Mapping[str, str | None]) -> str:
    return hashes[source] or source


def _options(options: SwapOptions | None) -> dict[str, object]:
    """Return what changes the result and is not as usual: an option that comes up later changes no key."""
    usual = asdict(SwapOptions())
    chosen = asdict(options.unsaid) if options is not None else {}
    return {name: chosen[name] for name in chosen if chosen[name] != usual[name] and name != "webhook_url"}


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
