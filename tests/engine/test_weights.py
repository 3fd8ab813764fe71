"""The weights: fetched once, whole, and never again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from headswap_cli.engine import weights
from headswap_cli.errors import EngineError
from tests import media

pytestmark = pytest.mark.media

_NAMES = {member.name for package in weights.PACKAGES for member in package.members}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(media.weights_dir(), tmp_path / "weights", copy_function=shutil.copyfile))


def test_an_empty_folder_misses_all_weights(tmp_path: Path) -> None:
    assert set(weights.missing(tmp_path)) == _NAMES
    assert set(weights.verify(tmp_path / "not even made")) == _NAMES


def test_fetched_weights_are_complete_and_as_pinned(folder: Path) -> None:
    assert weights.missing(folder) == ()
    assert weights.verify(folder) == ()


def test_a_file_cut_short_is_missing(folder: Path) -> None:
    mesh = folder / "face_landmark.tflite"
    mesh.write_bytes(mesh.read_bytes()[:-1])

    assert weights.missing(folder) == ("face_landmark.tflite",)


def test_a_changed_byte_is_found_by_verify_alone(folder: Path) -> None:
    mesh = folder / "face_landmark.tflite"
    content = bytearray(mesh.read_bytes())
    content[1000] ^= 1
    mesh.write_bytes(content)

    assert weights.missing(folder) == ()
    assert weights.verify(folder) == ("face_landmark.tflite",)


def test_weights_that_are_there_need_no_pip(folder: Path) -> None:
    weights.ensure(folder, python="/nowhere/python")

    assert weights.verify(folder) == ()


def test_weights_that_cannot_be_fetched_are_an_engine_error_naming_the_command(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "face_landmark.tflite").unlink()
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / ("Scripts" if sys.platform == "win32" else "bin") / "python"

    with pytest.raises(EngineError, match=r"mediapipe 0\.10\.14") as refusal:
        weights.ensure(folder, python=str(python))

    assert "headswap serve --fetch" in (refusal.value.hint or "")


def test_two_processes_that_fetch_at_once_both_find_the_weights_whole(folder: Path) -> None:
    (folder / "face_landmark.tflite").unlink()
    left_over = folder / ".fetch-of-a-killed-process"
    left_over.mkdir()
    script = (
        "import sys; from pathlib import Path; from headswap_cli.engine import weights; "
        "folder = Path(sys.argv[1]); weights.ensure(folder); sys.exit(bool(weights.verify(folder)))"
    )

    running = [subprocess.Popen([sys.executable, "-c", script, str(folder)]) for _ in range(2)]

    assert [process.wait(timeout=300) for process in running] == [0, 0]
    assert not left_over.exists()
