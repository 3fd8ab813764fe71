"""Where a result is saved, settled before anything is sent."""

from __future__ import annotations

import re
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from headswap_cli.errors import InputError
from headswap_cli.media import is_url
from headswap_cli.text import file_stem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUFFIX = ".headswap.mp4"
_PLACEHOLDER = re.compile(r"\{(stem|date|task_id|person)\}")


def default_name(source: str) -> str:
    """Return ``STEM.headswap.mp4`` for a source video; of a URL only letters that every disk takes stay."""
    stem = file_stem(unquote(urlsplit(source).path)) if is_url(source) else Path(source).stem
    return stem + SUFFIX


def target_path(
    output: str | None,
    name: str,
    *,
    task_id: str | None = None,
    today: Callable[[], date] = date.today,
) -> Path:
    """Return the absolute path that ``--output`` means: a file, or ``name`` in a folder (default: here).

    Args:
        output: May hold ``{stem}`` (of the source video), ``{date}`` and, once there is one, ``{task_id}``.
        name: What the result is called unless the user says else.
        task_id: Whose result it is.
        today: Gives the date.

    Raises:
        InputError: a placeholder whose value is not known yet.
    """
    if output is None:
        return Path.cwd() / name
    values = {"stem": name.removesuffix(SUFFIX), "date": today().isoformat()}
    if task_id is not None:
        values["task_id"] = file_stem(task_id)  # a service chose it
    path = Path(_filled(output, values)).expanduser().absolute()
    return path / name if path.is_dir() or output.endswith(("/", "\\")) else path


def _filled(output: str, values: Mapping[str, str]) -> str:
    def _value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise InputError(
                f"{match[0]} in the output {output!r} is not known before anything is sent.",
                hint=f"It may hold {', '.join(f'{{{name}}}' for name in values)}",
            )
        return values[match[1]]

    return _PLACEHOLDER.sub(_value, output)


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
