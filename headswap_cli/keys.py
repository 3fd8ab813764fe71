"""Where secrets lie: the system's keyring where one works, else files for the owner alone.

``keyring`` is imported only by what needs a secret that lies there: learning that a machine has none takes
longer than most commands.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from headswap_cli.errors import AuthError, HeadswapError, InputError
from headswap_cli.folders import make_private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

# What `keyring` itself calls recommended; below are plain text files and places that keep nothing.
MIN_PRIORITY = 1


class Secret(StrEnum):
    """What can be kept for a profile."""

    API_KEY = "api_key"
    CLIENT_SECRET = "client_secret"  # noqa: S105  the name of a secret is none
    TOKEN = "token"  # noqa: S105


class Place(StrEnum):
    """Where a profile's secrets lie, as its table in the file says it."""

    KEYRING = "keyring"
    FILE = "file"


class KeyStore(Protocol):
    """Keeps the secrets of profiles."""

    def load(self, profile: str, secret: Secret) -> str | None:
        """Return a secret, None if none is kept.

        Raises:
            AuthError: the place can't be read.
        """

    def save(self, profile: str, secret: Secret, value: str) -> None:
        """Keep a secret in place of the one before.

        Raises:
            InputError: the place can't be written.
        """

    def remove(self, profile: str, secret: Secret) -> None:
        """Forget a secret; one that isn't kept is no error."""


class FileStore:
    """One file a secret, so that no writer can lose another's.

    Args:
        folder: Made for the owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, profile: str, secret: Secret) -> str | None:
        """Return what is in the file; one that others could read is closed to them first."""
        path = self.path(profile, secret)
        try:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                path.chmod(0o600)
            return path.read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            # Without its cause: a UnicodeDecodeError holds all that was read.
            raise AuthError(
                f"The key file {str(path)!r} can't be read: {reason}.",
                hint=f"headswap profile set {profile} --api-key-stdin",
            ) from None

    def save(self, profile: str, secret: Secret, value: str) -> None:
        """Replace the file in one step."""
        replace_private(self.path(profile, secret), f"{value}\n".encode())

    def remove(self, profile: str, secret: Secret) -> None:
        """Delete the file."""
        self.path(profile, secret).unlink(missing_ok=True)

    def path(self, profile: str, secret: Secret) -> Path:
        """Return the file of a secret."""
        return self._folder / f"{profile}.{secret}"


class KeyringStore:
    """The system's keyring: Secret Service, Keychain, Credential Locker.

    Args:
        folder: The profiles' folder, part of the entry's name: two sets of profiles stay apart.
    """

    def __init__(self, folder: Path) -> None:
        self._service = f"headswap ({folder})"

    def works(self) -> bool:
        """Tell whether this machine has a keyring that keeps what it is given."""
        if find_spec("keyring") is None:
            return False
        import keyring

        with suppress(Exception):
            if keyring.get_keyring().priority < MIN_PRIORITY:
                return False
            keyring.set_password(self._service, "trial", "kept")
            kept = keyring.get_password(self._service, "trial")
            keyring.delete_password(self._service, "trial")
            return kept == "kept"
        return False

    def load(self, profile: str, secret: Secret) -> str | None:
        """Ask the keyring."""
        with self._open("read", profile):
            import keyring

            return keyring.get_password(self._service, f"{profile}.{secret}")

    def save(self, profile: str, secret: Secret, value: str) -> None:
        """Hand it to the keyring."""
        with self._open("written", profile):
            import keyring

            keyring.set_password(self._service, f"{profile}.{secret}", value)

    def remove(self, profile: str, secret: Secret) -> None:
        """Delete it there."""
        with self._open("written", profile):
            import keyring

            if keyring.get_password(self._service, f"{profile}.{secret}") is not None:
                keyring.delete_password(self._service, f"{profile}.{secret}")

    @contextmanager
    def _open(self, verb: str, profile: str) -> Iterator[None]:
        """Turn every failure into ours; backends raise what they like, and their frames hold the secret."""
        try:
            yield
        except Exception as error:
            is_missing = isinstance(error, ImportError)
            reason = "the package `keyring` is not installed" if is_missing else "it is locked or not running"
            raise AuthError(
                f"The system's keyring can't be {verb}: {reason} ({type(error).__name__}).",
                hint=f"Unlock it, or give the key again: headswap profile set {profile} --api-key-stdin",
            ) from None


class TokenShelf:
    """Keeps the bearer token of one profile where its secret lies, as well as that goes.

    Without it each command fetches a token of its own: slower, and no reason to fail.

    Args:
        place: Where.
        folder: The one that holds the profiles.
        profile: Whose token.
    """

    def __init__(self, place: Place, folder: Path, profile: str) -> None:
        self._store, self._profile = store_at(place, folder), profile

    def load(self) -> str | None:
        """Return what was saved last, None if nothing can be read."""
        with suppress(HeadswapError):
            return self._store.load(self._profile, Secret.TOKEN)
        return None

    def save(self, text: str) -> None:
        """Keep it if the place takes it."""
        with suppress(HeadswapError):
            self._store.save(self._profile, Secret.TOKEN, text)


def store_at(place: Place, folder: Path) -> KeyStore:
    """Return the store at a place; ``folder`` is the one that holds the profiles."""
    return KeyringStore(folder) if place is Place.KEYRING else FileStore(folder / "keys")


def best_place(folder: Path) -> Place:
    """Return the keyring where one works, else the files."""
    return Place.KEYRING if KeyringStore(folder).works() else Place.FILE


def replace_private(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` for the owner alone: the old file or the new one is there, never a part.

    Raises:
        InputError: it can't be written.
    """
    path = path.resolve()  # a link, as dotfiles are, stays one
    try:
        make_private_folder(path.parent)
        # Made with mode 0600; writing into an existing file would keep the mode that it has.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(
            f"{str(path)!r} can't be written: {error.strerror}.",
            hint="Keep the profiles elsewhere: HEADSWAP_CONFIG_DIR=FOLDER",
        ) from error
