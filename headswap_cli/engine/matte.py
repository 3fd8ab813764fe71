"""Tell people from background, softly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.engine.geometry import Crop
from headswap_cli.engine.networks import Network, to_input

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.engine.types import Frame, Mask


class PersonMatte:
    """Mattes a square window of a frame.

    Args:
        weights: The folder of the fetched weights.
    """

    def __init__(self, weights: Path) -> None:
        self._network = Network(weights / "selfie_segmentation.tflite")

    def __call__(self, frame: Frame, x0: float, y0: float, side: float) -> Mask:
        """Return how much each pixel of the window shows a person, 0 to 1.

        Args:
            frame: The whole frame, BGR.
            x0: The window's left edge, pixels; it may reach beyond the frame.
            y0: Its upper edge.
            side: Its width and height.

        Returns: (256, 256) for any ``side``.
        """
        size = self._network.size
        image = Crop(x0 + side / 2, y0 + side / 2, side).take(frame, size)
        return self._network(to_input(image))[0][..., 0]
