"""Running the networks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headswap_cli.engine.networks import Network, sigmoid, to_input
from tests import media


def test_an_image_becomes_rgb_in_the_range_asked_for() -> None:
    image = np.array([[[0, 128, 255]]], np.uint8)

    np.testing.assert_allclose(to_input(image), [[[1, 128 / 255, 0]]], rtol=1e-6)
    np.testing.assert_allclose(to_input(image, low=-1, high=1), [[[1, 2 * 128 / 255 - 1, -1]]], atol=1e-6)
    assert to_input(image).dtype == to_input(image, low=-1).dtype == np.float32


def test_the_sigmoid_bears_any_number() -> None:
    values = np.array([-1e30, -1, 0, 1, 1e30], np.float32)

    np.testing.assert_allclose(sigmoid(values), [0, 0.26894, 0.5, 0.73106, 1], atol=1e-4)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"not a flatbuffer at all")

    with pytest.raises(ValueError, match=r"broken|buffer|model"):
        Network(path)


@pytest.mark.media
def test_a_network_answers_the_same_twice_and_keeps_earlier_answers() -> None:
    network = Network(media.weights_dir() / "face_landmark.tflite")
    image = np.random.default_rng(1).random((network.size, network.size, 3), np.float32)

    first = network(image)
    kept = [output.copy() for output in first]
    network(np.zeros_like(image))

    for one, copy, again in zip(first, kept, network(image), strict=True):
        np.testing.assert_array_equal(one, copy)
        np.testing.assert_array_equal(one, again)


@pytest.mark.media
def test_loading_a_network_says_nothing_and_leaves_standard_error_alone() -> None:
    script = (
        "import sys; from pathlib import Path; from headswap_cli.engine.networks import Network; "
        "Network(Path(sys.argv[1])); print('still here', file=sys.stderr)"
    )
    path = media.weights_dir() / "face_landmark.tflite"

    ran = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)

    assert (ran.returncode, ran.stdout, ran.stderr.splitlines()) == (0, "", ["still here"])
