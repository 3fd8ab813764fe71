"""A contact sheet: the source over the result at the moments that matter, as one picture."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from headswap_cli.compare.moments import even_stills
from headswap_cli.compare.subject import of_files
from headswap_cli.errors import InputError
from headswap_cli.media import provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headswap_cli.compare.moments import Still

_GAP = 8
_MARGIN = 24
_GUTTER = 92
_CAPTION = 34
_REASON = 26
_HEADING = 40
_BACKGROUND = (22, 24, 29)
_TEXT = (214, 217, 224)
_FAINT = (132, 138, 150)
_FONT_SIZE = 20


def contact_sheet(before: Path, after: Path, target: Path, *, moments: int = 6, cell: int = 384) -> None:
    """Draw source over result at some moments, left to right in time; small clips are enlarged.

    Args:
        before: The source video.
        after: The result; paired with the source by time.
        target: The PNG to write.
        moments: How many columns; fewer where the result has fewer frames.
        cell: The longer side of each picture, pixels.

    Raises: InputError: a video cannot be decoded, they share no moment, or the PNG cannot be written.
    """
    subject = of_files(before, after)
    draw_sheet(even_stills(subject, moments, cell=cell, motion=False), {}, target)


def draw_sheet(stills: Sequence[Still], titles: Mapping[int, str], target: Path) -> None:
    """Draw stills as a PNG: a band for each person, with the source over the result.

    Args:
        stills: In order; those of a person stand together.
        titles: What stands over a person's band, by ``obj_id``.
        target: Where to; replaced if it is there.

    Raises: InputError: there are none, or the PNG cannot be written.
    """
    if not stills:
        raise InputError("The two videos have no moment in common.")
    bands = [(obj_id, list(band)) for obj_id, band in groupby(stills, key=lambda still: still.obj_id)]
    pictures = [_band(band, None if obj_id is None else titles.get(obj_id)) for obj_id, band in bands]
    width, height = max(one.width for one in pictures), sum(one.height for one in pictures)
    sheet = Image.new("RGB", (width, height), _BACKGROUND)
    top = 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height
    try:
        sheet.save(target, format="PNG", optimize=True, pnginfo=_mark())
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}") from error


def clock(time_s: float) -> str:
    """Return a time as minutes, seconds and tenths."""
    tenths = int(time_s * 10 + 1e-6)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"


def _mark() -> PngInfo:
    """Return what the picture says of itself: that heads in it are synthetic."""
    info = PngInfo()
    info.add_text("Comment", provenance.COMMENT)
    info.add_itxt("XML:com.adobe.xmp", provenance.packet())
    return info


def _band(stills: Sequence[Still], title: str | None) -> Image.Image:
    width, height = stills[0].after.size
    heading = _HEADING if title else 0
    reason = _REASON if any(still.why for still in stills) else 0
    band = Image.new(
        "RGB",
        (
            _GUTTER + len(stills) * (width + _GAP) - _GAP + _MARGIN,
            heading + _MARGIN + 2 * height + _GAP + _CAPTION + reason,
        ),
        _BACKGROUND,
    )
    pen, font = ImageDraw.Draw(band), ImageFont.load_default(_FONT_SIZE)
    rows = (heading + _MARGIN, heading + _MARGIN + height + _GAP)
    if title:
        pen.text((_GUTTER, _MARGIN + heading // 2 - 6), title, font=font, fill=_TEXT, anchor="lm")
    for top, label in zip(rows, ("source", "result"), strict=True):
        pen.text((_GUTTER - 14, top + height // 2), label, font=font, fill=_TEXT, anchor="rm")
    for column, still in enumerate(stills):
        left = _GUTTER + column * (width + _GAP)
        for top, picture in zip(rows, (still.before, still.after), strict=True):
            band.paste(picture, (left, top))
        middle, below = left + width // 2, rows[1] + height + _CAPTION // 2
        pen.text((middle, below), clock(still.time_s), font=font, fill=_FAINT, anchor="mm")
        pen.text((middle, below + _REASON), ", ".join(still.why), font=font, fill=_TEXT, anchor="mm")
    return band
