"""Moving files over HTTP: down through a ``.part`` that becomes the target only when it is whole, and up."""

from headswap_cli.transfer.http import (
    OnBytes,
    bare_http,
    is_loopback,
    open_http,
    quiet_logs,
    read_reply,
    translated,
    trusted_roots,
    without_query,
)
from headswap_cli.transfer.part import clear_part
from headswap_cli.transfer.receive import download, is_there
from headswap_cli.transfer.send import hash_file, upload

__all__ = [
    "OnBytes",
    "bare_http",
    "clear_part",
    "download",
    "hash_file",
    "is_loopback",
    "is_there",
    "open_http",
    "quiet_logs",
    "read_reply",
    "translated",
    "trusted_roots",
    "upload",
    "without_query",
]
