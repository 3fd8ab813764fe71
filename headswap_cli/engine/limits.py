"""How much a worker may take: processors, memory, by the system's own limit, and time without getting on."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# 1080p takes 1.2 GiB of address space for data, 4K 1.5, 8K 3.3; where the camera moves 4K 1.8.
MEMORY_BYTES = 4 * 1024**3
# One frame takes a second at worst; a first job also loads networks and compiles kernels.
STALL_S = 300.0
# OpenCV's number for memory that cannot be had.
_CV_NO_MEMORY = -4
# glibc's numbers, malloc.h: how many heaps there may be, from what size on memory is asked of the system each
# time, and how much that is free at a heap's end is kept: up to 1080p a frame's arrays are smaller.
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
_LARGEST, _KEPT = 32 * 1024**2, 64 * 1024**2
# Linux's number for pages that may go, mman.h.
_DONT_NEED = 4
# Where a file is mapped that nobody writes to and of which nothing is in memory or swap alone, by
# proc_pid_smaps(5): what the loader wrote into a library is nowhere else. Networks are shared mappings.
_READ_ONLY = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) r-[x-][ps] \S+ \S+ \S+ +/.*\n"
    rb"(?:[A-Z].*\n)*?Anonymous: +0 kB\n(?:[A-Z].*\n)*?Swap: +0 kB$",
    re.MULTILINE,
)

_NICENESS = 5
# Each has networks of its own, some 300 MB.
_MOST_PROCESSES = 4


def processes(jobs_at_once: int) -> int:
    """Return by how many processes a job is done: as many as there are processors for each, four at most."""
    ours = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(_MOST_PROCESSES, ours // jobs_at_once))


def settle_in() -> None:
    """Be a good neighbour from now on: yield to others, and take no more memory than a worker may."""
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(_NICENESS)
    # Where memory runs out it is the work that is to go, not who waits for it: choom(1).
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    share_one_heap()
    bound_memory()


def bound_memory(limit_bytes: int = MEMORY_BYTES) -> None:
    """Let this process have so much data in memory and no more, where the system can hold it to that."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard != resource.RLIM_INFINITY:
            limit_bytes = min(limit_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, hard))


def share_one_heap() -> None:
    """Let all threads to come allocate from one heap: the C library would give each one, and keep them all.

    A job of two processes at 1280x720 peaked some 50 MB lower by it, in no more time: Python runs one thread
    at once. What a frame's arrays leave free is kept for the next one's: the system would empty every page of
    it anew.
    """
    if sys.platform == "linux":
        import ctypes

        # musl has no such function, and one heap.
        with suppress(OSError, AttributeError):
            set_option = ctypes.CDLL(None).mallopt
            set_option(_ARENA_MAX, 1)
            set_option(_MMAP_THRESHOLD, _LARGEST)
            set_option(_TRIM_THRESHOLD, _KEPT)


def give_back_memory() -> None:
    """Hand what is free of this process's memory back to the system, where the C library would keep it."""
    if sys.platform == "linux":
        import ctypes

        # musl has no such function, and keeps nothing.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def give_back_files() -> None:
    """Hand back what was read of libraries and other mapped files: it comes again when it is wanted.

    Most is not: what makes the kernels ready takes some 80 MB that nothing needs afterwards. Takes 30 ms;
    meanwhile no other thread may load a library.
    """
    if sys.platform == "linux":
        import ctypes

        library = ctypes.CDLL(None)
        with suppress(OSError):
            for start, end in _READ_ONLY.findall(Path("/proc/self/smaps").read_bytes()):
                first = int(start, 16)
                library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(int(end, 16) - first), _DONT_NEED)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says, in Python's words or OpenCV's, that there was no memory left."""
    return isinstance(error, MemoryError) or getattr(error, "code", None) == _CV_NO_MEMORY


class Watchdog:
    """Gives work up that shows no sign of life.

    Args:
        timeout_s: How long nothing may happen.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(self, timeout_s: float = STALL_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeout_s = timeout_s
        self._clock = clock
        self._alive_at = clock()

    def pulse(self) -> None:
        """Show a sign of life."""
        self._alive_at = self._clock()

    @contextmanager
    def over(self, give_up: Callable[[], None]) -> Iterator[None]:
        """Watch over the block; ``give_up`` is called, once and in another thread, if it stalls."""
        self.pulse()
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended, give_up), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event, give_up: Callable[[], None]) -> None:
        while (left_s := self._alive_at + self.timeout_s - self._clock()) > 0:
            if ended.wait(left_s):
                return
        if not ended.is_set():
            give_up()
