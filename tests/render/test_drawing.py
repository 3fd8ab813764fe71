"""Pictures as terminals draw them, decoded back and compared."""

from __future__ import annotations

import io
import re
import struct
import zlib
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from headswap_cli.render import drawing


def picture(width: int = 120, height: int = 80) -> Image.Image:
    """Return something with soft and sharp parts."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    pen = ImageDraw.Draw(image)
    pen.ellipse((width // 5, 5, width // 2, height - 5), fill=(200, 120, 90))
    pen.rectangle((width // 2, height // 3, width - 4, height // 2), fill=(20, 60, 160))
    return image.filter(ImageFilter.GaussianBlur(1))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def difference(first: Image.Image, second: Image.Image) -> float:
    """Return the mean difference of two pictures of one size, in grey levels."""
    assert first.size == second.size
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / 3


def from_kitty(stream: str) -> Image.Image:
    """Return the picture that a kitty terminal would put together from its chunks."""
    chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", stream)
    assert "".join(f"\x1b_G{head};{body}\x1b\\" for head, body in chunks) == stream
    assert [head.endswith("m=1") for head, _ in chunks] == [True] * (len(chunks) - 1) + [False]
    assert all(len(body) <= 4096 for _, body in chunks)
    return Image.open(io.BytesIO(b64decode("".join(body for _, body in chunks)))).convert("RGB")


def from_sixel(stream: str) -> Image.Image:
    """Return the picture that a sixel terminal would draw, read by the manual of the VT340."""
    body = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', stream)
    assert body
    image = Image.new("RGB", (int(body[1]), int(body[2])))
    pixels = image.load()
    assert pixels
    registers: dict[int, tuple[int, ...]] = {}
    column = row = colour = 0
    for number, light, again, letter, command in re.findall(
        r"#(\d+)(;2;\d+;\d+;\d+)?|(?:!(\d+))?([?-~])|([$-])", body[3]
    ):
        if number:
            colour = int(number)
            if light:
                registers[colour] = tuple(round(int(part) * 2.55) for part in light[3:].split(";"))
        elif letter:
            for _ in range(int(again or 1)):
                for bit in range(6):
                    if (ord(letter) - 63) >> bit & 1:
                        pixels[column, row + bit] = registers[colour]
                column += 1
        else:
            column, row = 0, row + 6 * (command == "-")
    return image


def test_a_kitty_stream_decodes_back_to_the_very_picture() -> None:
    image = picture(640, 480)
    assert difference(from_kitty(drawing.kitty(image, 32, 12)), image) == 0


def test_a_kitty_picture_says_its_cells_keeps_the_cursor_and_asks_for_no_answer() -> None:
    head = drawing.kitty(picture(), 12, 4).split(";")[0]
    assert head.startswith("\x1b_G")
    assert {"a=T", "f=100", "q=2", "C=1", "c=12", "r=4"} <= set(head[3:].split(","))


def test_an_iterm_stream_decodes_back_to_the_very_picture() -> None:
    image = picture()
    head, _, body = drawing.iterm(image, 12, 4).removesuffix("\a").partition(":")
    assert head.startswith("\x1b]1337;File=inline=1;")
    assert difference(Image.open(io.BytesIO(b64decode(body))).convert("RGB"), image) == 0


@pytest.mark.parametrize("size", [(120, 80), (64, 61), (1, 1), (7, 13)])
def test_a_sixel_stream_decodes_back_to_nearly_the_picture(size: tuple[int, int]) -> None:
    image = picture(200, 200).resize(size)
    assert difference(from_sixel(drawing.sixel(image)), image) < 4


@given(st.integers(1, 40), st.integers(1, 40), st.randoms(use_true_random=False))
def test_any_picture_of_few_colours_survives_sixel(width: int, height: int, chance: object) -> None:
    colours = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (51, 102, 204)]
    image = Image.new("RGB", (width, height))
    image.putdata([chance.choice(colours) for _ in range(width * height)])  # type: ignore[attr-defined]
    assert difference(from_sixel(drawing.sixel(image)), image) <= 1


@pytest.mark.parametrize("true_colours", [True, False])
def test_half_blocks_show_the_picture_two_pixels_a_cell(true_colours: bool) -> None:
    image = picture(24, 16)
    lines = drawing.blocks(image, 24, 8, true_colours=true_colours)
    assert [line.count("▀") for line in lines] == [24] * 8
    assert all(line.endswith("\x1b[0m") for line in lines)
    if true_colours:
        upper = re.findall(r"38;2;(\d+);(\d+);(\d+);", lines[0])
        assert [tuple(map(int, pixel)) for pixel in upper] == [image.getpixel((x, 0)) for x in range(24)]
    else:
        numbers = [int(number) for line in lines for number in re.findall(r"[34]8;5;(\d+)", line)]
        assert len(numbers) == 24 * 16
        assert min(numbers) >= 16


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_of_the_web_are_decoded(kind: str) -> None:
    assert difference(drawing.decode(encoded(picture(), kind)), picture()) < 6


def test_a_large_picture_is_made_smaller() -> None:
    assert drawing.decode(encoded(picture(3000, 1500))).size == (1024, 512)


def test_a_turned_photo_is_shown_upright() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(120, 80).save(file, "JPEG", exif=exif)
    assert drawing.decode(file.getvalue()).size == (80, 120)


def huge_png() -> bytes:
    """Return a PNG of a few bytes that says it is 50,000 by 50,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (huge_png(), "50000 x 50000"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "not a picture"),
        (b"<!doctype html><html><body>Sign in</body></html>", "not a picture"),
        (b"", "not a picture"),
        (encoded(picture())[:200], "damaged"),
        (encoded(picture(), "TIFF"), "not drawn"),
        (encoded(picture(), "GIF"), "not drawn"),
    ],
)
def test_what_is_no_sound_picture_of_a_sane_size_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(drawing.UndrawableError, match=said):
        drawing.decode(content)


STARTS = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 "]


@given(st.binary(max_size=300), st.sampled_from(STARTS))
def test_any_bytes_are_a_picture_or_are_refused(rest: bytes, start: bytes) -> None:
    try:
        drawing.decode(start + rest)
    except drawing.UndrawableError:
        return


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 60), st.integers(1, 30))
def test_a_fitted_picture_covers_whole_cells_and_no_more_than_there_are(
    width: int, height: int, columns: int, rows: int
) -> None:
    image, wide, high = drawing.fitted(Image.new("RGB", (width, height)), columns, rows, (10, 20))
    assert image.size == (wide * 10, high * 20)
    assert 1 <= wide <= columns
    assert 1 <= high <= rows
