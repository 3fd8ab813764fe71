"""A cast kept for the next clip: a picture of each person and the photos of the head that they get.

Nothing that was measured of a face is in the file; on the next clip the pictures are looked at anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from headswap_cli.errors import InputError
from headswap_cli.media import is_url
from headswap_cli.models import FaceMapping
from headswap_cli.profiles.toml import read_toml
from headswap_cli.services.deps import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headswap_cli.models import Person

_HEADING = "Who gets whose head; people are found again by their pictures: headswap run VIDEO --mapping FILE"
_EXAMPLE = '[[cast]], like = "anna.jpg", faces = ["me.jpg"]'
_KEYS = frozenset({"like", "faces"})


def read_cast(path: Path) -> tuple[FaceMapping, ...]:
    """Return the faces that a file names, each with the picture of who is to get it.

    Args:
        path: The file; paths in it are seen from its folder, or from here where it is no file but a pipe.

    Raises:
        InputError: there is no such file, or it is not of that form; names what is wrong in it.
    """
    document = read_toml(path)
    if document is None:
        raise InputError(f"There is no mapping {str(path)!r}.", hint="Make one: --save-mapping FILE")
    rows = document.get("cast")
    if not isinstance(rows, list) or not rows or set(document) != {"cast"}:
        raise _wrong(path, "holds no list of [[cast]] and nothing else")
    # A pipe that a shell has made lies in a folder of no use.
    folder = path.parent if path.is_file() else Path.cwd()
    return tuple(
        face for number, row in enumerate(rows, start=1) for face in _faces(path, folder, number, row)
    )


def check_writable(path: Path, *, force: bool) -> None:
    """Check that a cast can be saved, before anything is sent.

    Raises:
        InputError: the file is there and ``force`` is not given, or its folder is not.
    """
    if path.exists() and not force:
        raise InputError(f"The mapping {str(path)!r} is there already.", hint="Replace it: --force")
    if not path.parent.is_dir():
        raise InputError(f"The folder {str(path.parent)!r} is not there.", hint=f"mkdir -p {path.parent}")


def save_cast(
    path: Path,
    matched: Sequence[tuple[Person, FaceMapping]],
    contents: Mapping[int, bytes],
    faults: Mapping[int, str] = MappingProxyType({}),
) -> list[Path]:
    """Write a file that ``read_cast`` reads, and the pictures of the people beside it; for the owner only.

    Args:
        path: The file.
        matched: Who gets which face.
        contents: The people's pictures as they came, by number from 1.
        faults: Why somebody could not be found again by that picture, likewise.

    Returns: what was written, the file first.

    Raises:
        InputError: somebody has no picture, or nothing can be written there.
    """
    import tomlkit

    people = list(dict.fromkeys(person for person, _ in matched))
    for person in people:
        fault = faults.get(person.person)
        if person.person not in contents or fault is not None:
            reason = f" ({fault})" if fault is not None else ""
            raise InputError(
                f"Person {person.person} has no picture to be found again by{reason}; the mapping was not"
                " saved.",
                hint="Leave out --save-mapping.",
            )
    document, rows = tomlkit.document(), tomlkit.aot()
    document.add(tomlkit.comment(_HEADING))
    written = [path]
    try:
        for person in people:
            picture = path.with_name(f"{path.stem}.person-{person.person}.jpg")
            _write(picture, contents[person.person])
            written.append(picture)
            row = tomlkit.table()
            row["like"] = picture.name
            row["faces"] = [_kept(face.image, path.parent) for other, face in matched if other == person]
            rows.append(row)
        document["cast"] = rows
        _write(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise InputError(f"The mapping {str(path)!r} cannot be saved: {error.strerror}.") from error
    return written


def _faces(path: Path, folder: Path, number: int, row: object) -> list[FaceMapping]:
    if not isinstance(row, dict) or set(row) != _KEYS:
        raise _wrong(path, f"[[cast]] {number} needs like and faces, and nothing else")
    like, faces = row["like"], row["faces"]
    if not _is_name(like) or is_url(like):
        raise _wrong(path, f"like of [[cast]] {number} is not the path of a picture")
    if not isinstance(faces, list) or not faces or not all(map(_is_name, faces)):
        raise _wrong(path, f"faces of [[cast]] {number} is not a list of photos")
    return [FaceMapping(_placed(face, folder), like=_placed(like, folder)) for face in faces]


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _placed(name: str, folder: Path) -> str:
    return name if is_url(name) or name.startswith("~") else str(folder / name)


def _kept(image: str, folder: Path) -> str:
    """Return a photo as the file names it: from its own folder where it lies below that."""
    if is_url(image):
        return image
    path = absolute(image)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        file.write(content)
    fresh.replace(path)


def _wrong(path: Path, what: str) -> InputError:
    return InputError(f"The mapping {str(path)!r} {what}.", hint=f"As in: {_EXAMPLE}")
