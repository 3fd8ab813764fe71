"""What the setting ``hosting`` says: an object store's address, or a command that uploads."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from headswap_cli.errors import InputError
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = "command:"
SCHEMES = ("s3", "gs", "az")
OPTIONS = ("endpoint", "region", "account", "cleanup")
_HINT = "s3://BUCKET/PREFIX, gs://..., az://..., or 'command: my-upload {path} {name}'"
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True, slots=True)
class ObjectStoreSetting:
    """``SCHEME://BUCKET/PREFIX?OPTION=VALUE&...``; the store's keys come from its own variables and files."""

    scheme: str
    bucket: str
    prefix: str
    endpoint: str | None = None
    region: str | None = None
    account: str | None = None
    cleanup: bool = False


@dataclass(frozen=True, slots=True)
class CommandSetting:
    """A command line, split into words as a shell would, and run without one."""

    words: tuple[str, ...]


def parse_hosting(text: str) -> ObjectStoreSetting | CommandSetting:
    """Return what the setting means.

    Raises:
        InputError: nothing that is understood.
    """
    if text.startswith(COMMAND):
        return CommandSetting(_words(text.removeprefix(COMMAND).strip()))
    try:
        parts = urlsplit(text)
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise _not_understood(text) from error
    if parts.scheme not in SCHEMES or not parts.netloc or "@" in parts.netloc or parts.fragment:
        raise _not_understood(text)
    _check_options(given)
    return ObjectStoreSetting(
        scheme=parts.scheme,
        bucket=parts.netloc,
        prefix=unquote(parts.path).strip("/"),
        endpoint=given.get("endpoint"),
        region=given.get("region"),
        account=given.get("account"),
        cleanup=given.get("cleanup", "no") in _YES,
    )


def _words(line: str) -> tuple[str, ...]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InputError(f"The hosting command has a quote too many: {printable(line)!r}.") from error
    if not any("{path}" in word for word in words):
        raise InputError(
            f"The hosting command does not say where the file goes in: {printable(line)!r}.",
            hint="command: my-upload {path} {name}",
        )
    for option, script in pairwise(words):
        if option in {"-c", "-lc", "-ec"} and "{path}" in script:
            raise InputError(
                "The hosting command puts {path} into a shell's script, where a file's name could run.",
                hint="""command: sh -c 'my-upload "$0" "$1"' {path} {name}""",
            )
    return tuple(words)


def _check_options(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if name not in OPTIONS:
            raise InputError(
                f"The hosting option {printable(name)!r} does not exist.",
                hint=f"There are: {', '.join(OPTIONS)}. Keys go into the store's own variables, such as "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        if not value or (name == "cleanup" and value not in _YES + _NO):
            raise InputError(f"The hosting option {name}={printable(value)!r} says nothing.", hint=_HINT)


def _not_understood(text: str) -> InputError:
    shown = printable(re.split(r"[?#]", text)[0].rpartition("@")[2])
    return InputError(f"The hosting {shown!r} is not understood.", hint=f"Write it as {_HINT}")
