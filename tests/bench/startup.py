"""How long commands take to start, as multiples of an empty Python, measured in turn in one run.

Usage: python -m tests.bench.startup [ROUNDS [PYTHON]]

PYTHON is the interpreter of an environment with the program as users have it. In the developers' environment
another package brings click, and with it httpx imports a command line of its own: 50 ms on every request.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from tests.loopback import HeadSwapService
from tests.origin import Answer

# (what, arguments, the most that it may take)
ROWS = (
    ("--version", ["--version"], 1.6),
    ("plain help", ["--help"], 6.5),
    ("a command without HTTP", ["serve", "--status"], 8.0),
    ("one GET", ["status", "f" * 24], 16.0),
)


def seconds(command: list[str], env: dict[str, str]) -> float:
    """Run a command and return its wall-clock seconds."""
    started = time.perf_counter()
    subprocess.run(command, env=env, capture_output=True, check=False)
    return time.perf_counter() - started


def main() -> None:
    """Print a Markdown table: what, times an empty Python (median of the rounds' ratios), limit."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    subprocess.run([python, "-m", "compileall", "-q", "headswap_cli"], check=True)
    ratios: dict[str, list[float]] = {what: [] for what, _, _ in ROWS}
    with tempfile.TemporaryDirectory() as folder, HeadSwapService() as service:
        # Any id is a task at work, so that one look is enough.
        service.respond = lambda request: Answer(  # type: ignore[method-assign]
            {"code": 1000, "data": {"_id": request.query.get("_id"), "status": 2, "progress": 10}}
        )
        env = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            **{f"HEADSWAP_{name}_DIR": folder for name in ("CONFIG", "DATA", "CACHE")},
        }
        key = {"HEADSWAP_BASE_URL": service.url, "HEADSWAP_API_KEY": service.api_key}
        for _ in range(rounds + 1):
            base = seconds([python, "-c", "pass"], env)
            for what, arguments, _ in ROWS:
                own = {**env, **key} if what == "one GET" else env
                taken = seconds([python, "-m", "headswap_cli", *arguments], own)
                ratios[what].append(taken / base)
    print("| command | x an empty Python | limit |\n|---|---|---|")
    for what, _, limit in ROWS:
        print(f"| {what} | {statistics.median(ratios[what][1:]):.1f} | {limit} |")


if __name__ == "__main__":
    main()
