"""The packages of the extras: what can be done with what is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headswap_cli.models import FaceMapping

ENGINE_MODULES = ("ai_edge_litert", "av", "cv2", "filelock", "hypercorn", "numba", "starlette")
IMAGE_MODULES = ("PIL", "av", "numpy")


def has_engine() -> bool:
    """Whether the engine's packages are installed."""
    return all(find_spec(name) is not None for name in ENGINE_MODULES)


def can_draw() -> bool:
    """Whether pictures can be drawn on a terminal."""
    return find_spec("PIL") is not None


def require_engine() -> None:
    """Check that the engine's packages are installed.

    Raises:
        InputError: the extra ``local`` is missing.
    """
    missing = [name for name in ENGINE_MODULES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"The local engine is not installed (missing: {', '.join(missing)}).",
            hint="pip install 'headswap-cli[local]', or set HEADSWAP_API_KEY to use the cloud service",
        )


def require_likeness(faces: Iterable[FaceMapping]) -> None:
    """Check that faces can be compared, if any is to be found by likeness.

    Raises:
        InputError: the extra ``local`` is missing.
    """
    if any(face.like for face in faces):
        require_engine()


def require_images() -> None:
    """Check that videos can be read and pictures drawn.

    Raises:
        InputError: the extra ``images`` is missing.
    """
    missing = [name for name in IMAGE_MODULES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"Drawing pictures needs more packages (missing: {', '.join(missing)}).",
            hint="pip install 'headswap-cli[images]'",
        )
