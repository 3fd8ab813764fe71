"""Find, start and stop the local engine's process, and talk to it.

Nothing of the engine is imported here: it is another process, found through a descriptor in its folder.
"""

from __future__ import annotations

from headswap_cli.local.endpoint import (
    DESCRIPTOR,
    HEALTH_PATH,
    LOCK,
    LOG,
    SHUTDOWN_PATH,
    Endpoint,
    client,
    descriptor_path,
    engine_folder,
    find,
    health,
)
from headswap_cli.local.foreground import Serving, is_loopback, run_foreground
from headswap_cli.local.process import ALREADY_RUNNING, CANNOT_WRITE, clear, ensure, stop, unfinished

__all__ = [
    "ALREADY_RUNNING",
    "CANNOT_WRITE",
    "DESCRIPTOR",
    "HEALTH_PATH",
    "LOCK",
    "LOG",
    "SHUTDOWN_PATH",
    "Endpoint",
    "Serving",
    "clear",
    "client",
    "descriptor_path",
    "engine_folder",
    "ensure",
    "find",
    "health",
    "is_loopback",
    "run_foreground",
    "stop",
    "unfinished",
]
