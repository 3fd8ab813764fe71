"""What a worker may take of memory and time, and how it says so."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli import wire
from headswap_cli.engine.limits import _READ_ONLY, MEMORY_BYTES, Watchdog, processes
from headswap_cli.engine.storage import MediaStore
from tests import clips

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "1" * 64
_WORKER = """
import sys
from pathlib import Path
from headswap_cli.engine import worker
from tests.engine.standin import StandIn

class Hungry(StandIn):
    def analyse(self, source, *, on_progress):
        {body}

data, cache = map(Path, sys.argv[1:])
worker.serve(lambda weights, _: Hungry(weights.parent), data, cache, stall_s={stall_s})
"""
_HEAPS = """
import ctypes, sys, threading
from headswap_cli.engine.limits import share_one_heap

{before}
kept = []
threads = [threading.Thread(target=lambda: kept.append(bytearray(50_000))) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def said_by_a_worker(
    tmp_path: Path, body: str, *, stall_s: float = 60, ends_itself: bool = False
) -> tuple[dict[str, object], int]:
    """Let a real worker process analyse by ``body``; return what it says last, and how it ended."""
    store = MediaStore(tmp_path / "media")
    clips.plain_clip(tmp_path / "clip.mp4", seconds=3).replace(store.folder / "uploads" / SOURCE)
    order = {"kind": "analysis", "id": "a" * 24, "source": SOURCE, "any_length": False}
    script = _WORKER.format(body=body, stall_s=stall_s)
    command = [sys.executable, "-c", script, str(tmp_path), str(tmp_path / "cache")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        said = json.loads(process.stdout.readline())
        if ends_itself:
            process.wait(60)
        process.stdin.close()
        return dict(said["failed"]), process.wait(60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its limit of data")
@pytest.mark.parametrize(
    "body",
    [
        f"import numpy; numpy.ones({MEMORY_BYTES}, numpy.uint8)",
        f"import cv2, numpy; cv2.resize(numpy.zeros((1, 1), numpy.uint8), (30000, {MEMORY_BYTES // 30000}))",
    ],
    ids=["numpy", "opencv"],
)
def test_work_that_needs_too_much_memory_fails_with_the_limit_and_the_worker_lives_on(
    tmp_path: Path, body: str
) -> None:
    failed, code = said_by_a_worker(tmp_path, body)
    assert failed["code"] == wire.TOO_LARGE
    assert failed["reason"] == "The work needs more memory than a worker may take (4 GiB)."
    assert code == 0


def test_work_that_does_not_get_on_is_given_up_with_its_worker(tmp_path: Path) -> None:
    failed, code = said_by_a_worker(tmp_path, "while True: pass", stall_s=0.3, ends_itself=True)
    assert failed["code"] == wire.SERVER_FAULT
    assert failed["reason"] == "The engine gave up: for 0.3 s the work did not get on."
    assert code == 1


def test_ffmpegs_errors_are_told_in_a_sentence(tmp_path: Path) -> None:
    body = "import av; raise av.ArgumentError(22, 'Invalid argument', 'a file')"
    failed, _ = said_by_a_worker(tmp_path, body)
    assert failed["code"] == wire.UNREADABLE
    assert failed["reason"] == "The video cannot be worked on: Invalid argument."


def test_work_that_gets_on_is_left_alone_however_long_it_takes() -> None:
    now = [0.0]
    given_up = threading.Event()
    watchdog = Watchdog(10.0, clock=lambda: now[0])
    with watchdog.over(given_up.set):
        for _ in range(100):
            now[0] += 9.0
            watchdog.pulse()
    assert not given_up.is_set()


def test_a_stall_is_noticed_once() -> None:
    calls: list[int] = []
    noticed = threading.Event()

    def give_up() -> None:
        calls.append(1)
        noticed.set()

    with Watchdog(0.01).over(give_up):
        assert noticed.wait(10)
    assert calls == [1]


@given(jobs_at_once=st.integers(1, 32))
def test_however_many_jobs_are_done_at_once_there_are_no_more_processes_than_processors_and_jobs(
    jobs_at_once: int,
) -> None:
    each = processes(jobs_at_once)
    assert 1 <= each <= 4
    assert each * jobs_at_once <= max(jobs_at_once, os.cpu_count() or 1)


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_info"),
    reason="glibc alone tells of its heaps",
)
@pytest.mark.parametrize(("before", "is_one"), [("", False), ("share_one_heap()", True)])
def test_all_threads_allocate_from_one_heap_where_they_are_told_to(before: str, *, is_one: bool) -> None:
    command = [sys.executable, "-c", _HEAPS.format(before=before)]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert (told.count("<heap nr=") == 1) is is_one


_PAGES = """
import cv2, numpy
from headswap_cli.engine.limits import give_back_files

def of_files_kb():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))

def work():
    return int(cv2.GaussianBlur(numpy.eye(64, dtype=numpy.float32), (5, 5), 2).sum())

done, before = work(), of_files_kb()
give_back_files()
print(before, of_files_kb(), done == work())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is handed back")
def test_code_that_was_read_is_handed_back_and_comes_again_when_it_is_needed() -> None:
    said = subprocess.run([sys.executable, "-c", _PAGES], stdout=subprocess.PIPE, text=True, check=True)

    before, after, works = said.stdout.split()
    assert int(after) < 0.7 * int(before)
    assert works == "True"


_SMAPS = b"""\
7f0000000000-7f0000001000 r--p 00000000 fe:01 11 /lib/library that was loaded.so (deleted)
Size:                  4 kB
Anonymous:             0 kB
KSM:                   0 kB
AnonHugePages:         0 kB
Swap:                  0 kB
SwapPss:               0 kB
VmFlags: rd mr mw me
7f0000001000-7f0000002000 r--p 00001000 fe:01 11 /lib/relocated_in_swap.so
Size:                  4 kB
Anonymous:             0 kB
Swap:                  4 kB
SwapPss:               0 kB
VmFlags: rd mr mw me ac
7f0000002000-7f0000003000 r--p 00001000 fe:01 12 /lib/relocated.so
Size:                  4 kB
Anonymous:             4 kB
Swap:                  0 kB
VmFlags: rd mr mw me ac
7f0000003000-7f0000004000 rw-p 00001000 fe:01 12 /lib/written.so
Size:                  4 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd wr mr mw me ac
7f0000004000-7f0000005000 r-xp 00000000 00:00 0 [vdso]
Size:                  4 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
7f0000009000-7f000000a000 r--s 00000000 fe:01 13 /weights/network.tflite
Size:                  4 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr me ms
7f0000005000-7f0000009000 r-xp 00002000 fe:01 12 /lib/code.so
Size:                 16 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
"""


def test_nothing_is_handed_back_that_is_in_memory_or_swap_alone() -> None:
    assert _READ_ONLY.findall(_SMAPS) == [
        (b"7f0000000000", b"7f0000001000"),
        (b"7f0000009000", b"7f000000a000"),
        (b"7f0000005000", b"7f0000009000"),
    ]


_FAULTS = """
import resource
import numpy as np
from headswap_cli.engine.limits import share_one_heap
{before}
def frame():
    arrays = [np.ones(2**21, np.float32) for _ in range(5)]
frame(), frame()
start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
frame()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_info"),
    reason="glibc alone gives memory back by itself",
)
@pytest.mark.parametrize(("before", "is_kept"), [("", False), ("share_one_heap()", True)])
def test_a_frames_memory_is_kept_for_the_next_frame(before: str, *, is_kept: bool) -> None:
    command = [sys.executable, "-c", _FAULTS.format(before=before)]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    # Pages of 4 KiB would be 10,000.
    assert (int(told) < 100) is is_kept
