"""The face recognition network gives the numbers that dlib gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headswap_cli.engine.facenet import SIDE, FaceNet
from tests import media


@pytest.mark.media
def test_a_face_is_described_as_by_dlib_itself() -> None:
    """The numbers are those of dlib-bin 20.0.1 for the same picture."""
    y, x = np.mgrid[:SIDE, :SIDE]
    shapes = (x + y > 150, x * y > 5000, (x - 75) ** 2 + (y - 75) ** 2 < 3000)
    face = np.stack(shapes, axis=-1).astype(np.uint8) * np.uint8(200)

    described = FaceNet(media.weights_dir() / "dlib_face_recognition_resnet_model_v1.dat")(face)

    golden = [-0.05706, 0.134357, 0.036907, -0.014396, -0.077289, -0.049195, -0.052724, 0.000179]
    assert described.shape == (128,)
    np.testing.assert_allclose(described[:8], golden, atol=1e-5)
    assert np.linalg.norm(described) == pytest.approx(1.322584, abs=1e-5)


def test_another_file_is_no_network(tmp_path: Path) -> None:
    other = tmp_path / "other.dat"
    other.write_bytes(b"\x05con_4\x01\x03")

    with pytest.raises(ValueError, match="dlib"):
        FaceNet(other)
