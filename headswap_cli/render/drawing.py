"""Pictures as terminals draw them; decoded with care, for whoever made them is not known."""

from __future__ import annotations

import io
import re
import warnings
from base64 import b64encode
from typing import TYPE_CHECKING

from headswap_cli import pictures

if TYPE_CHECKING:
    from PIL.Image import Image

# Others have decoders that few have looked at, or call programs.
_FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 16_000_000
# Nothing larger is ever drawn.
_KEPT_SIDE = 1024
_KITTY_CHUNK = 4096
_SIXEL_COLOURS = 200
_SIXEL_BAND = 6
_SIXEL_LETTERS = bytes(63 + bits % 64 for bits in range(256))
_LONG_RUN = re.compile(rb"(.)\1{3,}", re.DOTALL)
_RESET = "\x1b[0m"


class UndrawableError(Exception):
    """A picture that is not drawn; the message is the end of a sentence that begins with it."""


def decode(content: bytes) -> Image:
    """Return a picture in RGB, at most 1024 pixels a side.

    Raises: UndrawableError: it is no JPEG, PNG or WebP, or one that is too large or damaged.
    """
    from PIL import Image, ImageOps

    size = pictures.size_of(io.BytesIO(content))
    if size is None:
        raise UndrawableError("is not a picture")
    if size[0] * size[1] > MAX_PIXELS:
        limit = f"the limit is {MAX_PIXELS // 10**6} million"
        raise UndrawableError(f"has {size[0]} x {size[1]} pixels; {limit}")
    try:
        with warnings.catch_warnings():
            # They would tear the table on stderr; what is wrong is said below.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                # A JPEG is decoded no larger than it is needed.
                opened.draft("RGB", (_KEPT_SIDE, _KEPT_SIDE))
                opened.thumbnail((_KEPT_SIDE, _KEPT_SIDE))
                return ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, ArithmeticError, Image.DecompressionBombError) as error:
        raise UndrawableError("is damaged, or of a kind that is not drawn") from error


def fitted(image: Image, columns: int, rows: int, cell: tuple[int, int]) -> tuple[Image, int, int]:
    """Return a picture scaled to whole cells, and how many it is wide and high.

    Args:
        image: Of any size.
        columns: At most so many.
        rows: At most so many.
        cell: A cell's width and height, pixels.
    """
    scale = min(columns * cell[0] / image.width, rows * cell[1] / image.height)
    wide = min(columns, max(1, round(image.width * scale / cell[0])))
    high = min(rows, max(1, round(image.height * scale / cell[1])))
    return image.resize((wide * cell[0], high * cell[1])), wide, high


def kitty(image: Image, columns: int, rows: int) -> str:
    """Return the commands that draw a picture over cells and leave the cursor where it is.

    Source: https://sw.kovidgoyal.net/kitty/graphics-protocol/
    """
    payload = b64encode(_png(image)).decode("ascii")
    chunks = [payload[at : at + _KITTY_CHUNK] for at in range(0, len(payload), _KITTY_CHUNK)]
    # q=2: no answer, which would lie on the input until the shell reads it.
    heads = [f"a=T,f=100,q=2,C=1,c={columns},r={rows},", *[""] * (len(chunks) - 1)]
    more = [*[1] * (len(chunks) - 1), 0]
    parts = zip(heads, more, chunks, strict=True)
    return "".join(f"\x1b_G{head}m={last};{chunk}\x1b\\" for head, last, chunk in parts)


def iterm(image: Image, columns: int, rows: int) -> str:
    """Return the command that draws a picture over cells.

    Source: https://iterm2.com/documentation-images.html
    """
    content = _png(image)
    options = f"inline=1;size={len(content)};width={columns};height={rows};preserveAspectRatio=0"
    return f"\x1b]1337;File={options}:{b64encode(content).decode('ascii')}\a"


def sixel(image: Image) -> str:
    """Return the command that draws a picture pixel by pixel.

    Source: https://vt100.net/docs/vt3xx-gp/chapter14.html
    """
    indexed = image.quantize(_SIXEL_COLOURS)
    palette = indexed.getpalette() or []
    pixels, width = indexed.tobytes(), image.width
    colours = sorted(set(pixels))
    # The device counts light from 0 to 100.
    shares = [round(part / 2.55) for part in palette]
    lights = ((colour, ";".join(map(str, shares[3 * colour : 3 * colour + 3]))) for colour in colours)
    registers = "".join(f"#{colour};2;{light}" for colour, light in lights)
    band = _SIXEL_BAND * width
    bands = (_sixel_band(pixels[at : at + band], width) for at in range(0, len(pixels), band))
    return f'\x1bP0;1;0q"1;1;{width};{image.height}{registers}{"-".join(bands)}\x1b\\'


def _sixel_band(pixels: bytes, width: int) -> str:
    """Return six rows of pixels, one layer a colour."""
    layers: dict[int, bytearray] = {}
    for place, colour in enumerate(pixels):
        row, column = divmod(place, width)
        layers.setdefault(colour, bytearray(width))[column] |= 1 << row
    return "$".join(f"#{colour}{_shortened(layer)}" for colour, layer in layers.items())


def _shortened(layer: bytearray) -> str:
    letters = layer.translate(_SIXEL_LETTERS)
    return _LONG_RUN.sub(lambda run: b"!%d%s" % (len(run[0]), run[1]), letters).decode("ascii")


def blocks(image: Image, columns: int, rows: int, *, true_colours: bool) -> list[str]:
    """Return a picture as lines of half blocks: the upper pixel in front, the lower one behind it."""
    small = image.resize((columns, 2 * rows))
    colours = _true(small) if true_colours else _of_256(small)
    lines = []
    for top in range(0, len(colours), 2 * columns):
        pairs = zip(colours[top : top + columns], colours[top + columns : top + 2 * columns], strict=True)
        lines.append("".join(f"\x1b[38;{above};48;{below}m▀" for above, below in pairs) + _RESET)
    return lines


def _true(image: Image) -> list[str]:
    return [f"2;{r};{g};{b}" for r, g, b in zip(*[iter(image.tobytes())] * 3, strict=True)]


def _of_256(image: Image) -> list[str]:
    """Return the pixels in the colours that every terminal has, dithered."""
    from PIL import Image as Pictures

    levels = (0, *range(95, 256, 40))
    cube = (part for r in levels for g in levels for b in levels for part in (r, g, b))
    palette = Pictures.new("P", (1, 1))
    palette.putpalette([*cube, *(part for grey in range(8, 248, 10) for part in (grey,) * 3)])
    indexed = image.quantize(palette=palette, dither=Pictures.Dither.FLOYDSTEINBERG)
    # The first sixteen are the user's own.
    return [f"5;{16 + index}" for index in indexed.tobytes()]


def _png(image: Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=6)
    return file.getvalue()
