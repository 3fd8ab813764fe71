"""The file of profiles: edited by hand or by ``headswap profile``, whose edits keep every comment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.keys import Place, replace_private
from headswap_cli.profiles.toml import check_keys, read_toml
from headswap_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tomlkit import TOMLDocument
    from tomlkit.items import Table

SETTINGS = ("base_url", "client_id", "hosting", "resolution", "model", "output")
BUILT_IN = ("local", "akool")
_KEY_IN = "key_in"
# Part of a file's name, on disks that don't tell A from a, too.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile as it is written down; ``key_in`` is where its secret lies, None if it has none."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    key_in: Place | None = None


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles, the oldest first, and the one that ``profile use`` chose."""

    default: str | None
    by_name: Mapping[str, Profile]

    def names(self) -> list[str]:
        """Return every name there is, the built-in ones first."""
        return [*BUILT_IN, *(name for name in self.by_name if name not in BUILT_IN)]

    def get(self, name: str) -> Profile | None:
        """Return a profile; a built-in one needs no line in the file."""
        return self.by_name.get(name) or (Profile(name) if name in BUILT_IN else None)

    def require(self, name: str) -> Profile:
        """Return a profile.

        Raises:
            InputError: there is none of that name.
        """
        profile = self.get(name)
        if profile is None:
            raise InputError(
                f"There is no profile {printable(name)!r}; there are: {', '.join(self.names())}.",
                hint="Choose one: --profile local, or make it: headswap profile add NAME",
            )
        return profile


class ProfileFile:
    """The file ``profiles.toml``.

    Args:
        folder: The folder for settings; made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "profiles.toml"

    def read(self) -> Profiles:
        """Return what it says; nothing where there is no file.

        Raises:
            InputError: it is no TOML, or says something that no profile can say.
        """
        document = read_toml(self.path) or {}
        tables = document.pop("profiles", {})
        default = check_keys(self.path, document, ("default",)).get("default")
        if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
            raise InputError(f"{str(self.path)!r}: profiles are tables.", hint="Write [profiles.NAME]")
        return Profiles(default, {name: self._profile(name, table) for name, table in tables.items()})

    def _profile(self, name: str, table: dict[str, object]) -> Profile:
        values = check_keys(self.path, table, (*SETTINGS, _KEY_IN))
        key_in = values.pop(_KEY_IN, None)
        if key_in is not None and key_in not in set(Place):
            raise InputError(
                f"{str(self.path)!r}: {_KEY_IN} of {printable(name)!r} is neither of {', '.join(Place)}."
            )
        return Profile(check_name(name), values, Place(key_in) if key_in else None)

    def put(self, name: str, changes: Mapping[str, str | None], *, key_in: Place | None = None) -> None:
        """Write settings of a profile, which is made if it isn't there; None takes a setting out."""
        document = self._edit()
        table = self._table(document, name)
        for setting, value in {**changes, **({_KEY_IN: key_in.value} if key_in else {})}.items():
            if value is None:
                table.pop(setting, None)
            else:
                table[setting] = value
        self._write(document)

    def use(self, name: str | None) -> None:
        """Make a profile the default; None leaves it to the keys that are known."""
        document = self._edit()
        if name is not None:
            document["default"] = name
        else:
            document.pop("default", None)
        self._write(document)

    def remove(self, name: str) -> None:
        """Take a profile out."""
        document = self._edit()
        document.get("profiles", {}).pop(name, None)
        if document.get("default") == name:
            document.pop("default")
        self._write(document)

    def _edit(self) -> TOMLDocument:
        import tomlkit

        self.read()  # refuses what no later command could read either
        return tomlkit.parse(self.path.read_text("utf-8")) if self.path.exists() else tomlkit.document()

    @staticmethod
    def _table(document: TOMLDocument, name: str) -> Table:
        import tomlkit

        if "profiles" not in document:
            document["profiles"] = tomlkit.table(is_super_table=True)
        profiles: Table = document["profiles"]
        if name not in profiles:
            profiles[name] = tomlkit.table()
        table: Table = profiles[name]
        return table

    def _write(self, document: TOMLDocument) -> None:
        import tomlkit

        replace_private(self.path, tomlkit.dumps(document).encode())


def check_name(name: str) -> str:
    """Return a profile's name if it can be one.

    Raises:
        InputError: it is empty, too long, or holds more than letters, digits, ``-`` and ``_``.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{printable(name)!r} cannot be a profile's name.", hint="Use letters, digits, - and _: work-2"
        )
    return name
