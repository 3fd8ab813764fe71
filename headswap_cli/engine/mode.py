"""Choose for each person how much to replace: the whole head, or the inner face only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headswap_cli.engine import topology
from headswap_cli.engine.geometry import face_box, face_width
from headswap_cli.engine.headmatte import head_window
from headswap_cli.engine.reference import Reference, beside_jaw
from headswap_cli.models import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headswap_cli.engine.types import Frame, Landmarks, Matte

# How much of the space beside the jaw hair fills: short hair up to .2, a bob .6, hair that falls onto the
# shoulders all. Who has so much more than the reference keeps it unasked: below a bob long hair would go on.
_LONG_HAIR, _SURELY_LONG, _MORE = 0.5, 0.6, 0.3
_CUT_OFF = 0.45
_MOST_SAMPLES = 12


@dataclass(frozen=True, slots=True)
class Treatment:
    """How much of a person to replace, and whether hair that hangs down beside the jaw must go, too.

    ``bares_neck`` is whether none of the new head comes in its place: what it hid has to be guessed.
    """

    mode: Mode
    cuts_hair: bool = False
    bares_neck: bool = False


@dataclass(frozen=True, slots=True)
class OwnHead:
    """How a person's own head is seen in a video.

    ``hanging`` is how much of the space beside the jaw its hair fills, 0 to 1, ``is_cut_off`` whether the top
    or a side of it lies beyond the frame most of the time.
    """

    hanging: float
    is_cut_off: bool


def remarks(way: Treatment, asked: Mode | None) -> tuple[str, ...]:
    """Say of a person who keeps their own hair unasked, or whose neck is guessed, that it is so."""
    if way.mode is Mode.FACE and asked is None:
        return (
            "the face alone was swapped, because the video shows more hair than the photo or the picture's"
            " edge cuts a head off (--mode head swaps it all)",
        )
    if way.bares_neck:
        return (
            "the video shows more hair than the photo, and what that hid of neck and shoulders is guessed"
            " (--mode face keeps it and looks better)",
        )
    return ()


def own_head(samples: Sequence[tuple[Frame, Landmarks]], matte: Matte) -> OwnHead | None:
    """Look at a person's own head, None where it is not seen.

    Args:
        samples: Some frames, BGR, and the person's landmarks in their pixels, spread over the video.
        matte: Tells people from background in a square window.
    """
    chosen = samples[:: max(1, len(samples) // _MOST_SAMPLES)]
    if not chosen:
        return None
    hanging = float(np.median([_hanging_hair(frame, landmarks, matte) for frame, landmarks in chosen]))
    cut_off = float(np.mean([_cut_off(frame, landmarks) for frame, landmarks in chosen])) > 0.5
    return OwnHead(hanging, cut_off)


def treat(reference: Reference, own: OwnHead | None, asked: Mode | None = None) -> Treatment:
    """Decide how much of this person to replace.

    Unasked, only the face where either head is cut off by its picture's edge, or where the person's hair
    hangs down beside the jaw and the reference's does not: taken away it would leave a hole.

    Args:
        reference: The head to put on.
        own: The person's.
        asked: What the user wants.
    """
    if asked is Mode.FACE or own is None:
        return Treatment(asked or Mode.FACE)
    more = own.hanging - reference.hanging_hair
    if asked is None and (more > _MORE or own.is_cut_off or reference.is_cut_off):
        return Treatment(Mode.FACE)
    return Treatment(Mode.HEAD, cuts_hair=own.hanging > _LONG_HAIR, bares_neck=more > _SURELY_LONG)


def _cut_off(frame: Frame, landmarks: Landmarks) -> bool:
    """Tell whether the top or a side of the head lies beyond the frame."""
    height, width = frame.shape[:2]
    box = face_box(landmarks)
    reach = _CUT_OFF * face_width(landmarks)
    return bool(
        box[1] - 0.6 * reach < 0
        or box[0] - 0.4 * reach < 0
        or box[2] + 0.4 * reach > width
        or box[3] > height
    )


def _hanging_hair(frame: Frame, landmarks: Landmarks, matte: Matte) -> float:
    x0, y0, side = head_window(landmarks[topology.OVAL, :2].mean(axis=0), face_width(landmarks))
    person = matte(frame, x0, y0, side)
    scale = person.shape[0] / side
    placed = landmarks * np.float32(scale)
    placed[:, :2] -= np.array([x0, y0], np.float32) * np.float32(scale)
    return beside_jaw(person, placed)
