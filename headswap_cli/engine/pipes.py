"""How a process of the engine talks to the one that started it: over its standard streams."""

from __future__ import annotations

import os
import sys
from typing import IO


class HelperDiedError(Exception):
    """A process that worked along ended in the middle: nothing of what it did can be trusted."""


def take_stdout() -> IO[bytes]:
    """Keep stdout for what this process has to say: what a library prints goes to stderr from now on."""
    said = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return said
