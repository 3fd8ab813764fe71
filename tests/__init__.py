"""The tests, one folder per room; a fake of the vendor's service in ``loopback``."""

import os
import tempfile
from pathlib import Path

from hypothesis import settings

# Machines that run this may be slow and shared, and nothing is written outside a test's own folder.
settings.register_profile("headswap", deadline=None, database=None)
settings.load_profile("headswap")

# Before numba reads it: kernels are compiled once for all processes of the tests and the engines they start.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir(), "headswap-tests", "numba")))
