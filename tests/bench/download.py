"""Download beside curl, wget and aria2c from a real nginx: ``python -m tests.bench.download --mib 1024``.

Prints a table of rates, peak memory and CPU, on loopback and on a capped link, then what each makes of
the traps of resuming: a kill at 99 %, and another file under the same name. Missing tools are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OURS = """
import sys
from pathlib import Path
from headswap_cli.transfer import bare_http, download
with bare_http() as http:
    if len(sys.argv) > 2:
        download(http, sys.argv[1], Path(sys.argv[2]), verify=lambda part: None)
"""
CONFIG = """
daemon off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;
events {{}}
http {{
  log_format served '$status $body_bytes_sent $uri'; access_log {folder}/access.log served;
  sendfile on; root {folder}/www;
  server {{ listen 127.0.0.1:{port}; location /capped/ {{ alias {folder}/www/; limit_rate {cap}m; }} }}
}}
"""


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mib: float


class Nginx:
    """A real server of a folder."""

    def __init__(self, folder: Path, cap_mib: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.www = folder, folder / "www"
        self.www.mkdir()
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=self.port, cap=cap_mib))
        folder.chmod(0o755)
        self.process = subprocess.Popen(["nginx", "-c", str(config), "-p", str(folder)])
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            assert self.process.poll() is None, "nginx did not start"

    def served(self) -> tuple[int, int]:
        """Return how many answers were given and how many bytes sent since the last call."""
        log = self.folder / "access.log"
        time.sleep(0.2)
        lines = log.read_text().splitlines()
        os.truncate(log, 0)
        return len(lines), sum(int(line.split()[1]) for line in lines)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def tools() -> dict[str, list[str]]:
    """Return the command of each tool there is; ``URL`` and ``FILE`` stand for themselves."""
    every = {
        "headswap": [sys.executable, "-c", OURS, "URL", "FILE"],
        "curl": ["curl", "-sS", "-f", "-C", "-", "-o", "FILE", "URL"],
        "wget": ["wget", "-q", "-c", "-O", "FILE", "URL"],
        "aria2c": [
            *("aria2c", "-q", "-c", "-x1", "-s1", "--file-allocation=none", "--allow-overwrite"),
            *("-d", "/", "-o", "FILE", "URL"),
        ],
    }
    return {name: command for name, command in every.items() if shutil.which(command[0])}


def filled(command: Sequence[str], url: str, file: Path) -> list[str]:
    shown = {"URL": url, "FILE": str(file)}
    return [shown.get(word, word) for word in command]


def measured(command: list[str]) -> Cost:
    began = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def rates(nginx: Nginx, out: Path, path: str, rounds: int) -> None:
    size_mib = (nginx.www / "a.bin").stat().st_size / 2**20
    costs: dict[str, list[Cost]] = {name: [] for name in tools()}
    for _ in range(rounds):
        for name, command in tools().items():
            out.unlink(missing_ok=True)
            os.sync()  # else one pays for what another left to be written
            costs[name].append(measured(filled(command, f"http://127.0.0.1:{nginx.port}{path}", out)))
    idle = measured([sys.executable, "-c", OURS]).peak_mib
    base = statistics.median(cost.wall_s for cost in costs.get("curl", costs["headswap"]))
    for name, runs in costs.items():
        wall_s = statistics.median(cost.wall_s for cost in runs)
        cpu_s = statistics.median(cost.cpu_s for cost in runs)
        above = f"{max(cost.peak_mib for cost in runs) - idle:.1f}" if name == "headswap" else "-"
        print(
            f"| {path} | {name} | {size_mib / wall_s:.0f} | {base / wall_s:.2f} | {cpu_s:.2f} | {above} |",
            flush=True,
        )


@contextmanager
def killed(nginx: Nginx, command: Sequence[str], out: Path, share: float) -> Iterator[str]:
    """Start a download on the capped link, kill it once that share is on the disk, and yield its URL."""
    for left in out.parent.glob(f"{out.name}*"):
        left.unlink()
    (nginx.www / "b.bin").unlink(missing_ok=True)
    shutil.copy(nginx.www / "a.bin", nginx.www / "b.bin")
    size, url = (nginx.www / "b.bin").stat().st_size, f"http://127.0.0.1:{nginx.port}/capped/b.bin"
    process = subprocess.Popen(filled(command, url, out))
    while max((path.stat().st_size for path in out.parent.glob(f"{out.name}*")), default=0) < share * size:
        assert process.poll() is None, "it was over too soon"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    nginx.served()
    yield url


def traps(nginx: Nginx, out: Path) -> None:
    served = nginx.www / "b.bin"
    for name, command in tools().items():
        with killed(nginx, command, out, 0.99) as url:
            on_disk = max(path.stat().st_size for path in out.parent.glob(f"{out.name}*"))
            code = subprocess.run(filled(command, url, out), stderr=subprocess.DEVNULL).returncode
            _, sent = nginx.served()
            again = max(sent - (served.stat().st_size - on_disk), 0)
            right = same(out, served)
            print(
                f"| {name} | kill -9 at 99 % | {code} | {'whole' if right else 'WRONG'} | {again} |",
                flush=True,
            )
        with killed(nginx, command, out, 0.5) as url:
            served.write_bytes(served.read_bytes()[::-1])
            code = subprocess.run(filled(command, url, out), stderr=subprocess.DEVNULL).returncode
            right = same(out, served)
            print(
                f"| {name} | another file | {code} | {'the new one' if right else 'SPLICED'} | - |",
                flush=True,
            )


def same(one: Path, other: Path) -> bool:
    def digest(path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return one.exists() and digest(one) == digest(other)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.download")
    parser.add_argument("--mib", type=int, default=1024, help="size on loopback")
    parser.add_argument("--cap-mib", type=int, default=20, help="bytes a second of the capped link, in MiB")
    parser.add_argument("--capped-s", type=int, default=15, help="seconds that the capped link is to take")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    if not shutil.which("nginx"):
        parser.error("nginx is not installed")
    with TemporaryDirectory() as folder:
        nginx, out = Nginx(Path(folder), given.cap_mib), Path(folder) / "out"
        out.mkdir()
        try:
            fill(nginx.www / "a.bin", given.mib)
            print("| link | tool | MiB/s | of curl | CPU s | MiB above idle |\n|---|---|---|---|---|---|")
            rates(nginx, out / "a.bin", "/a.bin", given.rounds)
            fill(nginx.www / "a.bin", given.cap_mib * given.capped_s)
            rates(nginx, out / "a.bin", "/capped/a.bin", 1)
            fill(nginx.www / "a.bin", given.cap_mib * 5)
            print("\n| tool | trap | exit | result | bytes sent twice |\n|---|---|---|---|---|")
            traps(nginx, out / "b.bin")
        finally:
            nginx.stop()
    return 0


def fill(path: Path, mib: int) -> None:
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))


if __name__ == "__main__":
    sys.exit(main())
