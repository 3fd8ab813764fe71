"""All that this machine can check before an engine starts, a byte is sent or anything is paid."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.media import check_photo, check_scheme, check_video, is_url
from headswap_cli.services.deps import absolute
from headswap_cli.services.mapping import check_mappings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from headswap_cli.models import FaceMapping

# What services of this kind take; the API names codecs as a reason to refuse (1209) and lists none.
USUAL_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "prores"})
_UNCHECKED = "with neither PyAV nor ffprobe here: pip install av"


def check_sources(
    video: str | None,
    faces: Sequence[FaceMapping],
    *,
    any_length: bool,
    is_local: bool = False,
) -> list[str]:
    """Check the mappings and every file that is on this machine; URLs are left to the service.

    Args:
        video: A path or a URL; None if there is none.
        faces: Who gets which photo.
        any_length: Whether any length will do.
        is_local: Whether all of it is for the local engine.

    Returns: what the user should know and need not act on, such as what could not be checked.
    Raises: InputError: names the thing, the value and the limit.
    """
    looks = source_checks(video, faces, any_length=any_length, is_local=is_local, known_photos=set())
    return [notice for look in looks for notice in look()]


def source_checks(
    video: str | None,
    faces: Sequence[FaceMapping],
    *,
    any_length: bool,
    is_local: bool = False,
    known_photos: set[str],
) -> Iterator[Callable[[], list[str]]]:
    """Yield what ``check_sources`` does, one check after the other, for whoever wants to know every fault.

    Each returns notices, or raises ``InputError``. ``known_photos`` were looked at already, for others; what
    is looked at now is added.
    """
    yield partial(_mapping_notices, faces)
    for source in filter(is_url, (video or "", *dict.fromkeys(face.image for face in faces))):
        yield partial(_url_notices, source)
    if video is not None and not is_url(video):
        yield partial(_video_notices, video, any_length=any_length, is_local=is_local)
    for photo in _photos_here(faces):
        if photo not in known_photos:
            yield partial(_photo_notices, photo, known_photos)


def check_sendable(value: str, what: str) -> None:
    """Check that a request can carry what was typed: bytes outside UTF-8 are no text that could be sent.

    Raises:
        InputError: it can't.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"The {what} {value!r} holds bytes that are not UTF-8; nothing was sent.",
            hint="Percent-encode them in a URL, as %E9; else type it anew.",
        ) from error


def _photos_here(faces: Sequence[FaceMapping]) -> list[str]:
    """Return the photos on this machine, those of people who are meant too, each once."""
    named = (photo for face in faces for photo in (face.image, face.like) if photo is not None)
    return [photo for photo in dict.fromkeys(named) if not is_url(photo)]


def _mapping_notices(faces: Sequence[FaceMapping]) -> list[str]:
    check_mappings(faces)
    return []


def _url_notices(url: str) -> list[str]:
    check_sendable(url, "URL")
    return []


def _photo_notices(photo: str, known: set[str]) -> list[str]:
    """Look at a photo, and let it be known if it will do."""
    check_scheme(photo)
    is_checked = check_photo(absolute(photo))
    known.add(photo)
    return [] if is_checked else [f"{photo}: whether it can be decoded is unchecked, {_UNCHECKED}"]


def _video_notices(video: str, *, any_length: bool, is_local: bool) -> list[str]:
    check_scheme(video)
    info = check_video(absolute(video), any_length=any_length, is_local=is_local)
    if info is None:
        return [f"{video}: length, size and codec are unchecked, {_UNCHECKED}"]
    if info.codec and info.codec not in USUAL_CODECS and not is_local:
        return [
            f"{video} is encoded as {info.codec}, which a cloud service may refuse; H.264 is the safe choice"
        ]
    return []
