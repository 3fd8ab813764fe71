"""The weights: fetched once, whole, and never again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from headswap_cli.engine import weights
from headswap_cli.errors import EngineError, InputError
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


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_damage_that_a_size_does_not_show_is_repaired_where_it_is_asked_for(folder: Path) -> None:
    mesh = folder / "face_landmark.tflite"
    content = bytearray(mesh.read_bytes())
    content[1000] ^= 1
    mesh.write_bytes(content)

    weights.ensure(folder)
    assert weights.verify(folder) == ("face_landmark.tflite",)
    weights.ensure(folder, check=True)

    assert weights.verify(folder) == ()


@pytest.mark.parametrize("damage", ["gone", "empty", "half", "flipped", "a folder"])
def test_without_a_network_damaged_weights_are_an_error_that_names_package_and_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    offline(monkeypatch)
    network = folder / "iris_landmark.tflite"
    content = network.read_bytes()
    network.unlink()
    if damage == "a folder":
        network.mkdir()
    elif damage != "gone":
        network.write_bytes(
            {"empty": b"", "half": content[: len(content) // 2]}.get(damage, b"\1" + content[1:])
        )
    others = {name: (folder / name).stat().st_mtime_ns for name in _NAMES - {network.name}}

    with pytest.raises(EngineError, match=r"mediapipe 0\.10\.14") as refusal:
        weights.ensure(folder, check=True)

    assert "headswap serve --fetch" in (refusal.value.hint or "")
    assert weights.verify(folder) == (network.name,)
    # What was good stays as it was.
    assert {name: (folder / name).stat().st_mtime_ns for name in others} == others


def test_what_a_killed_fetch_left_half_written_is_cleared_away_by_the_next_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "iris_landmark.tflite").unlink()
    halves = (folder / ".iris_landmark.tflite.x7k2", folder / ".fetch-abc" / "archive")
    halves[0].write_bytes(b"half")
    halves[1].mkdir(parents=True)
    offline(monkeypatch)

    with pytest.raises(EngineError):
        weights.ensure(folder)

    assert not any(half.exists() for half in halves)


def test_a_fetch_that_is_killed_leaves_no_file_under_a_weights_name(folder: Path) -> None:
    for name in _NAMES:
        (folder / name).unlink()
    script = (
        "import sys; from pathlib import Path; from headswap_cli.engine import weights; "
        "weights.ensure(Path(sys.argv[1]), on_progress=lambda *_: print('on its way', flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGKILL)

    there = set(_NAMES) - set(weights.missing(folder))
    assert not there & set(weights.verify(folder))
    weights.ensure(folder)
    assert weights.verify(folder) == ()


def test_a_cache_that_cannot_be_had_is_an_input_error_naming_it(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")

    with pytest.raises(InputError, match="cache") as refusal:
        weights.ensure(tmp_path / "cache" / "weights")

    assert "HEADSWAP_CACHE_DIR" in (refusal.value.hint or "")
