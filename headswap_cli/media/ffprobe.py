"""The same questions to the program ``ffprobe``, for machines that have it and not PyAV."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from headswap_cli.media.container import CONTAINERS, PICTURES, UnusableMediaError
from headswap_cli.models import VideoInfo
from headswap_cli.text import printable

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 120.0
_FIELDS = (
    "format=duration:stream=codec_type,codec_name,width,height,avg_frame_rate,duration,nb_frames"
    ",nb_read_packets,nb_read_frames:stream_disposition=attached_pic:stream_side_data=rotation"
)


def program() -> str | None:
    """Return where ``ffprobe`` is; None if this machine has none."""
    import shutil

    return shutil.which("ffprobe")


def examine(path: Path) -> VideoInfo:
    """Read what the video at ``path`` says about itself, its packets counted.

    Raises: UnusableMediaError: it is no video.
    """
    told = _ask(path, CONTAINERS, "-count_packets")
    pictures = _pictures(told)
    if not pictures:
        has_sound = any(stream.get("codec_type") == "audio" for stream in told["streams"])
        raise UnusableMediaError("holds sound only, no picture" if has_sound else "holds no video")
    return _described(told, pictures)


def picture_opens(path: Path) -> None:
    """Decode the picture at ``path``.

    Raises: UnusableMediaError: it is no picture.
    """
    told = _ask(path, PICTURES, "-count_frames")
    if not any(_whole(stream.get("nb_read_frames")) for stream in _pictures(told)):
        raise UnusableMediaError("is not a picture that can be read (no picture in it)")


def play(path: Path) -> float:
    """Decode the video at ``path`` to its end and return its length in seconds.

    Raises: UnusableMediaError: it is no video, or breaks off before its end.
    """
    told = _ask(path, CONTAINERS, "-count_packets", "-count_frames")
    pictures = _pictures(told)
    decoded = _whole(pictures[0].get("nb_read_frames")) if pictures else 0
    if not decoded:
        raise UnusableMediaError("holds no picture that can be decoded")
    # The index says how many there were; packets, for an edit list may hide frames of a whole file.
    there, promised = (_whole(pictures[0].get(name)) or 0 for name in ("nb_read_packets", "nb_frames"))
    if there < promised:
        raise UnusableMediaError(f"breaks off after {there} of {promised} frames")
    return _described(told, pictures).duration_s


def _ask(path: Path, formats: str, *counts: str) -> dict[str, Any]:
    import subprocess

    command = [
        program() or "ffprobe",
        "-v",
        "error",
        "-protocol_whitelist",
        "file",
        "-format_whitelist",
        formats,
    ]
    command += [*counts, "-show_entries", _FIELDS, "-of", "json", f"file:{os.fspath(path)}"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
        told = json.loads(done.stdout.strip() or b"{}")
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise UnusableMediaError("could not be examined by ffprobe") from error
    if done.returncode or not isinstance(told, dict) or not told.get("streams"):
        reason = printable(done.stderr.decode("utf-8", "replace").rpartition(": ")[2], 80)
        raise UnusableMediaError(f"is not readable, or is cut off ({reason or 'nothing in it'})")
    return told


def _pictures(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        stream
        for stream in told["streams"]
        if stream.get("codec_type") == "video" and not stream.get("disposition", {}).get("attached_pic")
    ]


def _described(told: dict[str, Any], pictures: list[dict[str, Any]]) -> VideoInfo:
    stream = pictures[0]
    width, height = _shown_size(stream)
    packets, rate = _whole(stream.get("nb_read_packets")), _rate(stream.get("avg_frame_rate"))
    duration_s = _seconds(stream.get("duration")) or _seconds(told.get("format", {}).get("duration"))
    return VideoInfo(
        duration_s=duration_s or float((packets or 0) / rate),
        width=width,
        height=height,
        frame_rate=rate,
        frame_count=packets,
        has_audio=any(other.get("codec_type") == "audio" for other in told["streams"]),
        codec=printable(str(stream.get("codec_name", "")), 40),
        video_streams=len(pictures),
    )


def _shown_size(stream: dict[str, Any]) -> tuple[int, int]:
    width, height = _whole(stream.get("width")), _whole(stream.get("height"))
    if not (width and height):
        raise UnusableMediaError("is encoded in a way that cannot be decoded here", codec=True)
    is_sideways = any(_is_sideways(data) for data in stream.get("side_data_list", []))
    return (height, width) if is_sideways else (width, height)


def _is_sideways(data: dict[str, Any]) -> bool:
    return (_whole(data.get("rotation")) or 0) % 180 == 90


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | str) and str(value).lstrip("-").isdecimal() else None


def _seconds(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _rate(value: object) -> Fraction:
    try:
        return Fraction(str(value)) or Fraction(25)
    except (ValueError, ZeroDivisionError):
        return Fraction(25)
