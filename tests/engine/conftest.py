"""A real server, a video for it, and one in which people were found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli import wire
from tests import clips
from tests.engine.engines import RunningEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of four seconds."""
    return clips.plain_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=4).read_bytes()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path) as running:
        yield running


@pytest.fixture
def analysed(engine: RunningEngine, clip: bytes) -> str:
    """The URL of a video in which two people were found."""
    engine.tell(people=2)
    url = engine.put(clip)
    engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))
    return url
