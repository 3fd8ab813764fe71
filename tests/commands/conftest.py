"""What the tests of profiles start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import Headswap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Ran
    from tests.loopback import HeadSwapService


@pytest.fixture
def keyless(tmp_path: Path) -> Headswap:
    """The program on a machine without a keyring and without a key."""
    return Headswap(tmp_path, PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


def add_profile(program: Headswap, service: HeadSwapService, *flags: str, name: str = "work") -> Ran:
    """Add a profile for the service on loopback."""
    flags = ("--api-key-stdin", "--base-url", service.url, *flags)
    return program("profile", "add", name, *flags, stdin=service.api_key)
