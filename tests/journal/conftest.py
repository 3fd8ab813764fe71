"""A journal in a folder of its own, whose clock goes on by a second a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headswap_cli.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    seconds = iter(range(1000, 9999))
    with Journal(path, clock=lambda: next(seconds)) as journal:
        yield journal
