"""What is refused on this machine, with value, limit and the command that mends it.

Videos and photos are read by PyAV where that is installed, else by ``ffprobe``; with neither only a file's
presence and size are checked, and the answer says so.
"""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from headswap_cli import pictures, wire
from headswap_cli.errors import InputError, TransferError
from headswap_cli.media import boxes, container, ffprobe
from headswap_cli.media.container import UnusableMediaError
from headswap_cli.text import file_stem

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from headswap_cli.models import VideoInfo

MIN_SIDE, MAX_SIDE = 32, 7680
MAX_BYTES = 2_000_000_000
# What lifts the limits of length, and of whom.
ANY_LENGTH = "add --any-length"
_OF_THE_ENGINE = f"{ANY_LENGTH} (the local engine alone takes it: -p local)"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_H264 = ("-map", "0:v:0", "-map", "0:a?", "-c:v", "libx264", "-pix_fmt", "yuv420p")


def is_url(source: str) -> bool:
    """Whether ``source`` is an http(s) URL, to be passed on byte for byte."""
    return source.lower().startswith(("http://", "https://"))


def is_other_url(source: str) -> bool:
    """Whether ``source`` is a URL of another scheme than http(s), such as ftp or file."""
    return not is_url(source) and _SCHEME.match(source) is not None


def check_scheme(source: str) -> None:
    """Check that a source is an http(s) URL or a path.

    Raises: InputError: it is another URL.
    """
    if is_other_url(source):
        raise InputError(
            f"only http(s) URLs and files are taken, not {source!r}",
            hint="download it, and give the path of the file",
        )


def known_name(source: str) -> str:
    """Return what a user knows a source by: a file's name; of a URL the stem of its path, and no key."""
    if not is_url(source):
        return source.replace("\\", "/").rpartition("/")[2]
    try:
        return file_stem(unquote(urlsplit(source).path))
    except ValueError:
        return file_stem("")


def probe(path: Path) -> VideoInfo | None:
    """Say what the video at ``path`` is, as displayed and as long as it truly plays.

    Returns: ``None`` where nothing is installed that could read it: only presence and size were checked.
    Raises: InputError: there is no such file, or it is no video that can be decoded.
    """
    _check_present(path, "video")
    if (reader := _reader()) is None:
        return None
    try:
        info: VideoInfo = reader.examine(path)
    except UnusableMediaError as error:
        hint = "give a video file, such as an mp4 or a mov; if this is one, download or copy it again"
        if error.codec:
            hint = _ffmpeg(path, *_H264)
        elif error.cut:
            hint = "download or copy it again: a part of it is missing"
        raise InputError(f"{path} {error.reason}", hint=hint) from error
    return info


def check_video(path: Path, *, any_length: bool = False, is_local: bool = False) -> VideoInfo | None:
    """Probe ``path`` and hold it against the limits of the service and of good sense.

    Args:
        path: The source video.
        any_length: Let any length and size pass; only the local engine takes it.
        is_local: Whether the video is for that engine.

    Returns: as ``probe``.
    Raises: InputError: as ``probe``, or it is too short, too long, too small, too large or holds two videos.
    """
    info = probe(path)
    if not any_length and (size_bytes := path.stat().st_size) > MAX_BYTES:
        raise InputError(
            f"{path} is {size_bytes / 1e9:.1f} GB large; the limit is {MAX_BYTES / 1e9:g} GB",
            hint=_ffmpeg(path, *_H264, "-crf", "20"),
        )
    if info is None:
        return None
    if info.video_streams > 1:
        raise InputError(
            f"{path} holds {info.video_streams} video streams; the limit is 1",
            hint=_ffmpeg(path, "-map", "0:v:0", "-map", "0:a?", "-c", "copy"),
        )
    _check_sides(path, info)
    if not any_length:
        _check_length(path, info.duration_s, is_local=is_local)
    return info


def check_photo(path: Path) -> bool:
    """Make sure that ``path`` is a picture that can be decoded.

    Returns: False where nothing is installed that could decode it.
    Raises: InputError: there is no such file, or it is no picture, or one that is too large.
    """
    _check_present(path, "photo")
    with path.open("rb") as file:
        fault = pictures.excess(pictures.size_of(file))
        file.seek(0)
        # Its first frame would decode, and be paid for.
        if fault is None and pictures.is_video(file.read(12)):
            fault = "is a video or a song, not a photo"
    if fault is not None:
        raise InputError(f"{path} {fault}", hint="give a JPEG, PNG or WebP photo")
    if (reader := _reader()) is None:
        return False
    try:
        reader.picture_opens(path)
    except UnusableMediaError as error:
        raise InputError(f"{path} {error.reason}", hint="give a JPEG, PNG or WebP photo") from error
    return True


def verify_playable(path: Path) -> float | None:
    """Decode the video at ``path`` to its end and return its length in seconds.

    Returns: ``None`` where nothing is installed that could decode it: it is a whole container, that is all.
    Raises: TransferError: it is no video, or breaks off before its end.
    """
    try:
        if (reader := _reader()) is not None:
            duration_s: float = reader.play(path)
            return duration_s
        boxes.check_whole(path)
    except UnusableMediaError as error:
        raise TransferError(f"{path} {error.reason}") from error
    return None


def _reader() -> ModuleType | None:
    if find_spec("av") is not None:
        return container
    return ffprobe if ffprobe.program() else None


def _check_length(path: Path, duration_s: float, *, is_local: bool) -> None:
    if wire.MIN_DURATION_S <= duration_s <= wire.MAX_DURATION_S:
        return
    shown = f"{duration_s:.1f}"
    if float(shown) in {wire.MIN_DURATION_S, wire.MAX_DURATION_S}:
        shown = f"{duration_s:.2f}"
    limits = f"{wire.MIN_DURATION_S:g}-{wire.MAX_DURATION_S:g} s"
    if duration_s > wire.MAX_DURATION_S:
        mend = _ffmpeg(path, "-t", f"{wire.MAX_DURATION_S:g}", *_H264)
    else:
        loops = str(int(wire.MIN_DURATION_S / max(duration_s, 0.05)) + 1)
        mend = _ffmpeg(path, "-t", f"{wire.MIN_DURATION_S:g}", *_H264, before=("-stream_loop", loops))
    raise InputError(
        f"{path} is {shown} s long; the limits are {limits}",
        hint=ANY_LENGTH if is_local else f"{_OF_THE_ENGINE}; for a service: {mend}",
    )


def _check_sides(path: Path, info: VideoInfo) -> None:
    least, most = sorted((info.width, info.height))
    if least >= MIN_SIDE and most <= MAX_SIDE:
        return
    scale = "scale=1280:1280:force_original_aspect_ratio=decrease:force_divisible_by=2"
    raise InputError(
        f"{path} is {info.width}x{info.height} pixels; the limits of a side are {MIN_SIDE}-{MAX_SIDE}",
        hint=_ffmpeg(path, "-vf", scale, *_H264),
    )


def _ffmpeg(path: Path, *arguments: str, before: tuple[str, ...] = ()) -> str:
    """Return the command that makes a better copy beside ``path``."""
    copy = path.with_name(f"{path.stem}.fit.mp4")
    return shlex.join(["ffmpeg", *before, "-i", str(path), *arguments, str(copy)])


def _check_present(path: Path, kind: str) -> None:
    try:
        _check_file(path, kind)
        with path.open("rb"):
            pass
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        hint = f"give yourself the right to read the {kind}, or a copy of it"
        raise InputError(f"{path} cannot be read: {reason}", hint=hint) from error


def _check_file(path: Path, kind: str) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a {kind}", hint=f"name the {kind} file in it")
    if not path.exists():
        raise InputError(f"no such file: {path}", hint=f"check the path of the {kind}")
    if not path.is_file():
        raise InputError(f"{path} is a pipe or a device, not a file", hint=f"save the {kind} to a file first")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes)", hint=f"copy or download the {kind} again")
