"""The entry point; it tells its version before anything heavy is imported."""

from __future__ import annotations

import sys

from headswap_cli import __version__


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"headswap {__version__}\n")
        return 0
    from headswap_cli.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
