"""Which heads are looked at by themselves where a shot's background is told from its people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine.analysis import Analyser
from headswap_cli.engine.decode import open_video
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.headmatte import head_window
from headswap_cli.engine.matte import PersonMatte
from tests import media
from tests.engine import worse

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Frame, Mask

pytestmark = pytest.mark.media


@pytest.mark.parametrize(("part", "alone"), [(0.5, 1), (0.9, 0)])
def test_a_head_whose_square_is_half_the_frames_is_looked_at_by_itself_and_one_that_fills_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: float, alone: int
) -> None:
    frame = worse.moment("single_face.mp4", 0)
    landmarks = worse.face_of(frame)
    *_, side = head_window(landmarks[:, :2].mean(axis=0), face_width(landmarks))
    scale = part * max(frame.shape[:2]) / side
    sides: list[float] = []
    usual = PersonMatte.__call__

    def noted(self: PersonMatte, frame: Frame, x0: float, y0: float, side: float) -> Mask:
        sides.append(side / max(frame.shape[:2]))
        return usual(self, frame, x0, y0, side)

    monkeypatch.setattr(PersonMatte, "__call__", noted)
    clip = media.written(tmp_path / "in.mp4", [_zoomed(frame, landmarks[1, :2], scale)] * 6)
    with open_video(clip) as video:
        Analyser(media.weights_dir()).analyse(video.frames(), video.properties, lambda _done, _total: None)
    assert len([one for one in sides if one == pytest.approx(part, abs=0.06)]) == alone


def _zoomed(frame: Frame, middle: np.ndarray, scale: float) -> Frame:
    """Return a frame of the same size in which the face is larger or smaller, in the middle."""
    height, width = frame.shape[:2]
    shift = np.array([width / 2, height / 2]) - scale * middle
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return np.asarray(
        cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
