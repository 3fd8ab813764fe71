"""What every test starts from: an empty home, the program as a process, a service on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import media
from tests.loopback import API_KEY, TOKEN, HeadSwapService
from tests.nanio import Nanio

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a developer's shell may hold and a test must not see.
_STRANGE = (
    "HEADSWAP_",
    "AKOOL_",
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "RCLONE_",
    "XDG_",
    "NO_COLOR",
    "FORCE_COLOR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    # What is written past the buffer fails at another place.
    "PYTHONUNBUFFERED",
)


# Variables that hold secrets, and where a profile may keep them: files for the owner alone.
_SECRET_VARIABLES = ("_API_KEY", "_TOKEN", "_SECRET", "_SECRET_ACCESS_KEY")
_KEPT = (".api_key", ".client_secret", ".token")

# What hides from the program what its users don't have.
USERS = Path(__file__).parent / "users"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long: at the end no process is to wait for another's."""
    slow = {item.path for item in items if item.get_closest_marker("media")}
    items.sort(key=lambda item: item.path not in slow)


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)


class Headswap:
    """The program, run as users run it: a process in a folder, with an empty home.

    Whatever a command prints or writes is searched for every key that it knew.
    """

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.cwd = folder / "cwd"
        self.cwd.mkdir(parents=True)
        self.data = folder / "data"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_STRANGE)},
            "HOME": str(folder / "home"),
            "HEADSWAP_CONFIG_DIR": str(folder / "config"),
            "HEADSWAP_DATA_DIR": str(self.data),
            "HEADSWAP_CACHE_DIR": str(folder / "cache"),
            "COLUMNS": "100",
            "PYTHONPATH": str(USERS),
            **env,
        }

    def command(self, *arguments: object) -> list[str]:
        """Return the command line that runs the program."""
        return [sys.executable, "-m", "headswap_cli", *map(str, arguments)]

    def __call__(self, *arguments: object, code: int | None = 0, stdin: str = "", **env: str) -> Ran:
        """Run to the end; the exit code must be ``code`` unless that is None."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.cwd,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            input=stdin,
            timeout=300,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        self.assert_secret(ran.out, ran.err, **env)
        assert code is None or ran.code == code, f"exit {ran.code}\nstdout: {ran.out}\nstderr: {ran.err}"
        assert "Traceback" not in ran.err, ran.err
        return ran

    def assert_secret(self, *texts: str, **env: str) -> None:
        """Search texts, and every file that is here now, for the keys that a command knew."""
        known = {**self.env, **env}
        keys = {known[name] for name in known if name.endswith(_SECRET_VARIABLES) and known[name]}
        keys |= {API_KEY, TOKEN}
        for text in texts:
            assert not [key for key in keys if key in text], f"a key was printed: {text}"
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.name.endswith(_KEPT):
                content = path.read_bytes()
                assert not [key for key in keys if key.encode() in content], f"a key was written to {path}"

    def start(self, *arguments: object, **env: str) -> subprocess.Popen[str]:
        """Run in the background, both streams as pipes."""
        return _Watched(
            self,
            self.command(*arguments),
            cwd=self.cwd,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )


class _Watched(subprocess.Popen[str]):
    """A command in the background; what it says is searched for keys once it is read."""

    def __init__(self, program: Headswap, command: list[str], **options: Any) -> None:
        self._program = program
        super().__init__(command, **options)

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        out, err = super().communicate(input, timeout)
        self._program.assert_secret(out, err)
        return out, err


@pytest.fixture
def headswap(tmp_path: Path) -> Headswap:
    """The program with nothing in its home: no weights, no key, no journal."""
    return Headswap(tmp_path)


@pytest.fixture(scope="session")
def engine_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of commands that share one engine, with weights; it is stopped at the end."""
    folder = tmp_path_factory.mktemp("engine")
    env = {"HEADSWAP_DATA_DIR": str(folder / "data"), "HEADSWAP_CACHE_DIR": str(media.weights_dir().parent)}
    yield env
    Headswap(folder / "stop", **env)("serve", "--stop")


@pytest.fixture(scope="session")
def nanio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nanio]:
    """One S3 server for the session; tests take prefixes of their own."""
    with Nanio(tmp_path_factory.mktemp("nanio")) as nanio:
        yield nanio


@pytest.fixture
def local(tmp_path: Path, engine_folders: dict[str, str]) -> Headswap:
    """The program with the local engine's weights at hand."""
    return Headswap(tmp_path, **engine_folders)


@pytest.fixture
def service() -> Iterator[HeadSwapService]:
    """The vendor's service, on loopback; everything is done at the first look."""
    with HeadSwapService(analysis_polls=0, task_polls=0) as running:
        yield running


@pytest.fixture
def cloud(tmp_path: Path, service: HeadSwapService) -> Headswap:
    """The program with a key for the service on loopback."""
    return Headswap(tmp_path, HEADSWAP_BASE_URL=service.url, HEADSWAP_API_KEY=service.api_key)
