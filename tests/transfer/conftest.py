"""A media host on loopback and a client without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.transfer import bare_http
from tests.loopback import MediaOrigin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

VIDEO = b"not a real video, but whole" * 10_000


@pytest.fixture
def cdn() -> Iterator[MediaOrigin]:
    """Holds ``clip.mp4``."""
    with MediaOrigin() as cdn:
        cdn.files["clip.mp4"] = VIDEO
        yield cdn


@pytest.fixture
def bare() -> Iterator[httpx.Client]:
    with bare_http(timeout_s=5.0) as bare:
        yield bare


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the result is to be, in a folder that is empty."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "clip.mp4"
