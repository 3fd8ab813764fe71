"""The entry point; it tells its version before anything heavy is imported."""

from __future__ import annotations

import os
import sys

from headswap_cli import __version__


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] == ["--version"] and _is_told():
        return 0
    from headswap_cli.cli import main as run

    return run()


def _is_told() -> bool:
    """Tell the version; False where stdout takes nothing, which the command line has words for."""
    try:
        # Past the buffer, where it would be left to fail once more.
        os.write(sys.stdout.fileno(), f"headswap {__version__}\n".encode())
    except (AttributeError, OSError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
