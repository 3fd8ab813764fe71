"""Where a result is saved, settled before anything is sent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headswap_cli.errors import InputError
from headswap_cli.media import is_url
from headswap_cli.text import file_stem

SUFFIX = ".headswap.mp4"


def default_name(source: str) -> str:
    """Return ``STEM.headswap.mp4`` for a source video; of a URL only letters that every disk takes stay."""
    stem = file_stem(unquote(urlsplit(source).path)) if is_url(source) else Path(source).stem
    return stem + SUFFIX


def target_path(output: str | None, name: str) -> Path:
    """Return the absolute path that ``--output`` means: a file, or ``name`` in a folder (default: here)."""
    if output is None:
        return Path.cwd() / name
    path = Path(output).expanduser().absolute()
    return path / name if path.is_dir() or output.endswith(("/", "\\")) else path


def check_target(target: Path, *, force: bool) -> None:
    """Check that ``target`` may and can be written; leaves nothing behind.

    Raises:
        InputError: it exists and ``force`` is off, its folder is missing, or nothing can be written there.
    """
    if target.is_dir():
        raise InputError(f"The output {str(target)!r} is a folder.", hint="Name a file: -o out.mp4")
    if target.exists() and not force:
        raise InputError(
            f"The output {str(target)!r} exists already; nothing was sent.",
            hint="Replace it with --force, or name another: -o FILE",
        )
    if not target.parent.is_dir():
        raise InputError(
            f"The output folder {str(target.parent)!r} does not exist.", hint=f"mkdir -p {target.parent}"
        )
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise InputError(
            f"Nothing can be written to the output folder {str(target.parent)!r}: {error.strerror}.",
            hint="Name another place: -o FILE",
        ) from error
