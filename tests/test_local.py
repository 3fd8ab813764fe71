"""The engine as a process: started on demand, one per data folder, gone when it should be."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from headswap_cli import __version__, local, wire
from headswap_cli.errors import EngineError
from tests import clips
from tests.engine.engines import RunningEngine, until

# httpcore leaks a Unix socket whose connection is refused, and here engines end under clients.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose engine is stopped in the end."""
    yield tmp_path / "data"
    local.stop(tmp_path / "data")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def processes_of(data: Path) -> list[int]:
    """Return the processes whose command names the data folder."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f"{data}\0".encode() in line.read_bytes():
                found.append(int(line.parent.name))
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_engine_is_started_once_and_found_from_then_on(data: Path, cache: Path) -> None:
    assert local.find(data) is None
    started = local.ensure(data, cache)
    assert started.version == __version__
    assert local.ensure(data, cache) == local.find(data) == started
    said = local.health(started)
    assert said == {"version": __version__, "pid": started.pid, "queued": 0, "processing": 0}


def test_two_commands_at_once_start_one_engine(data: Path, cache: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: local.ensure(data, cache), range(4)))
    assert len(found) == 1
    log = (data / "engine" / "engine.log").read_text()
    assert log.count("the engine begins") == 1
    assert "Traceback" not in log
    if sys.platform == "linux":
        # Those that came second are gone, or they would begin once the first one ends.
        (winner,) = found
        until(lambda: processes_of(data), lambda pids: pids == [winner.pid])


def test_a_second_engine_in_the_same_folder_ends_quietly_with_its_own_code(data: Path, cache: Path) -> None:
    local.ensure(data, cache)
    command = [sys.executable, "-m", "headswap_cli.engine", "--data", str(data), "--cache", str(cache)]
    second = subprocess.run(command, capture_output=True, timeout=30)
    assert (second.returncode, second.stdout, second.stderr) == (local.ALREADY_RUNNING, b"", b"")
    assert local.find(data) is not None


def test_only_the_owner_can_read_the_token_and_reach_the_socket(data: Path, cache: Path) -> None:
    endpoint = local.ensure(data, cache)
    folder = data / "engine"
    assert mode(folder) == 0o700
    assert mode(folder / local.DESCRIPTOR) == 0o600
    assert mode(folder / local.LOG) == 0o600
    assert endpoint.socket is not None
    assert mode(endpoint.socket) == 0o600
    assert endpoint.token not in repr(endpoint)
    assert endpoint.token not in (folder / local.LOG).read_text()


def test_the_token_is_another_at_every_start(data: Path, cache: Path) -> None:
    first = local.ensure(data, cache)
    assert local.stop(data)
    second = local.ensure(data, cache)
    assert first.token != second.token
    assert len(second.token) >= 32


def test_stop_says_whether_there_was_an_engine_and_leaves_no_trace_of_it(data: Path, cache: Path) -> None:
    assert not local.stop(data)
    endpoint = local.ensure(data, cache)
    assert local.stop(data)
    until(lambda: is_running(endpoint.pid), lambda running: not running)
    assert not (data / "engine" / local.DESCRIPTOR).exists()
    assert endpoint.socket is not None
    assert not endpoint.socket.exists()
    assert local.find(data) is None


def test_what_a_killed_engine_left_behind_does_not_keep_the_next_one_from_starting(
    data: Path, cache: Path
) -> None:
    killed = local.ensure(data, cache)
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: is_running(killed.pid), lambda running: not running)
    assert (data / "engine" / local.DESCRIPTOR).exists()
    assert local.find(data) is None
    assert not local.stop(data)
    started = local.ensure(data, cache)
    assert started.pid != killed.pid
    assert local.health(started) is not None


def test_an_engine_of_another_version_is_replaced(data: Path, cache: Path) -> None:
    old = local.ensure(data, cache)
    descriptor = data / "engine" / local.DESCRIPTOR
    descriptor.write_text(json.dumps({**json.loads(descriptor.read_text()), "version": "0.0.1"}))
    new = local.ensure(data, cache)
    assert new.pid != old.pid
    assert new.version == __version__


def test_an_engine_of_the_same_version_and_other_code_is_replaced(data: Path, cache: Path) -> None:
    old = local.ensure(data, cache)
    assert local.ensure(data, cache).pid == old.pid
    descriptor = data / "engine" / local.DESCRIPTOR
    descriptor.write_text(
        json.dumps({**json.loads(descriptor.read_text()), "build": "what was there before"})
    )
    assert local.ensure(data, cache).pid != old.pid


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"pid": "x"}', '{"pid": 1, "version": 1, "token": 1, "socket": 7}']
)
def test_a_descriptor_that_makes_no_sense_is_none(data: Path, content: str) -> None:
    (local.engine_folder(data) / local.DESCRIPTOR).write_text(content)
    assert local.find(data) is None


def test_somebody_elses_server_at_the_old_address_is_not_taken_for_the_engine(
    data: Path, cache: Path
) -> None:
    # The answer is right but for the process that gives it.
    endpoint = local.ensure(data, cache)
    assert local.health(replace(endpoint, pid=endpoint.pid + 1)) is None
    assert local.health(replace(endpoint, token="another")) is None


def test_an_idle_engine_ends_by_itself(data: Path, cache: Path) -> None:
    endpoint = local.ensure(data, cache, idle_timeout_s=0.3)
    until(lambda: is_running(endpoint.pid), lambda running: not running)
    assert not (data / "engine" / local.DESCRIPTOR).exists()


def test_where_the_socket_path_does_not_fit_the_engine_listens_on_loopback(
    tmp_path: Path, cache: Path
) -> None:
    data = tmp_path / ("d" * 100)
    endpoint = local.ensure(data, cache)
    try:
        assert (endpoint.socket, endpoint.host) == (None, "127.0.0.1")
        with local.client(endpoint) as http:
            assert http.get("/health").json()["data"]["pid"] == endpoint.pid
            assert str(http.base_url) == wire.ENGINE_ORIGIN
    finally:
        assert local.stop(data)


def test_the_client_never_uses_a_proxy_nor_follows_a_redirect(
    data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    endpoint = local.ensure(data, cache)
    with local.client(endpoint) as http:
        assert http.get("/health").status_code == 200
        assert not http.follow_redirects


def test_an_engine_that_cannot_start_is_an_error_with_the_last_line_of_its_log(
    data: Path, cache: Path
) -> None:
    folder = local.engine_folder(data)
    (folder / "jobs.sqlite3").write_text("this is no database, however long one looks at it" * 100)
    with pytest.raises(
        EngineError, match=r"ended with code 1: sqlite3.DatabaseError: .* not a database"
    ) as e:
        local.ensure(data, cache)
    assert str(folder / local.LOG) in (e.value.hint or "")


def test_a_data_folder_that_cannot_be_had_is_an_error_that_names_it(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match=r"cannot have its folder .*/file/engine: Not a directory"):
        local.ensure(tmp_path / "file", cache)


def test_an_engine_that_does_not_answer_in_time_is_an_error(data: Path, cache: Path) -> None:
    now = iter(range(0, 1000, 10))
    with pytest.raises(EngineError, match="did not answer within 5 s"):
        local.ensure(data, cache, start_timeout_s=5, clock=lambda: float(next(now)))
    local.ensure(data, cache)


def test_the_module_is_light_for_the_commands_that_only_look(data: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from headswap_cli import local\n"
        "assert local.find(Path(sys.argv[1])) is None\n"
        "heavy = {'httpx', 'starlette', 'hypercorn', 'sqlite3', 'subprocess', 'headswap_cli.engine'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", program, str(data)], check=True, timeout=30)


FOREGROUND = """
import sys
from pathlib import Path
from headswap_cli import local
from headswap_cli.errors import EngineError
try:
    code = local.run_foreground(
        Path(sys.argv[1]), Path(sys.argv[2]), local.Serving(port=int(sys.argv[3])),
        on_url=lambda url: sys.stdout.write(url + "\\n") and sys.stdout.flush(),
    )
except EngineError as error:
    sys.exit(f"EngineError: {error}")
sys.exit(code)
"""


def foreground(data: Path, cache: Path, port: int = 0) -> subprocess.Popen[str]:
    """Run ``run_foreground`` in a process of its own, as the command does."""
    return subprocess.Popen(
        [sys.executable, "-c", FOREGROUND, str(data), str(cache), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("whole_group", [False, True], ids=["process", "terminal"])
def test_in_the_foreground_it_tells_its_url_and_a_signal_ends_it_with_the_signals_code(
    data: Path, cache: Path, number: int, code: int, whole_group: bool
) -> None:
    with foreground(data, cache) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        endpoint = local.find(data)
        assert endpoint is not None
        assert url == endpoint.url == f"http://127.0.0.1:{endpoint.port}"
        answer = httpx.get(f"{url}/health", headers={"x-api-key": endpoint.token}, trust_env=False).json()
        assert answer["data"]["pid"] == endpoint.pid
        (os.killpg if whole_group else os.kill)(process.pid, number)
        assert process.wait(30) == code
    assert not is_running(endpoint.pid)
    assert local.find(data) is None


def test_in_the_foreground_stop_ends_it_with_code_0(data: Path, cache: Path) -> None:
    with foreground(data, cache) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert local.stop(data)
        assert process.wait(30) == 0


def test_a_second_engine_in_the_foreground_is_an_error(data: Path, cache: Path) -> None:
    local.ensure(data, cache)
    with foreground(data, cache) as process:
        _, said = process.communicate(timeout=30)
    assert said == "EngineError: A local engine is running already.\n"


def test_a_port_that_is_taken_is_an_error_with_the_reason(data: Path, cache: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        foreground(data, cache, taken.getsockname()[1]) as process,
    ):
        _, said = process.communicate(timeout=30)
    assert said.startswith("EngineError: The local engine ended with code 1: OSError: ")
    assert "in use" in said


def claim_version(data: Path, version: str) -> None:
    """Make the engine that runs one of another version, as far as anybody can tell."""
    descriptor = data / "engine" / local.DESCRIPTOR
    descriptor.write_text(json.dumps({**json.loads(descriptor.read_text()), "version": version}))


def test_a_newer_engine_is_left_alone_and_the_command_says_what_to_do(data: Path, cache: Path) -> None:
    running = local.ensure(data, cache)
    claim_version(data, "99.0.0")
    with pytest.raises(EngineError, match=r"version 99\.0\.0, newer than this command") as refusal:
        local.ensure(data, cache)
    assert "headswap serve --stop" in (refusal.value.hint or "")
    assert is_running(running.pid)


def test_an_older_engine_that_is_at_work_is_left_alone_until_it_has_done(tmp_path: Path) -> None:
    with RunningEngine(tmp_path) as engine:
        engine.tell(hold=True)
        url = engine.put(clips.plain_clip(tmp_path / "clip.mp4", seconds=4).read_bytes())
        engine.processing(wire.ANALYSIS_PATH, engine.analyze(url))
        claim_version(engine.data, "0.0.1")
        with pytest.raises(EngineError, match=r"version 0\.0\.1 is at work") as refusal:
            local.ensure(engine.data, engine.cache)
        assert "headswap serve --stop" in (refusal.value.hint or "")
        claim_version(engine.data, __version__)
        engine.tell()


def test_commands_that_replace_an_older_engine_at_once_end_up_with_one(data: Path, cache: Path) -> None:
    old = local.ensure(data, cache)
    claim_version(data, "0.0.1")
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: local.ensure(data, cache), range(4)))
    assert len(found) == 1
    assert old.pid not in {endpoint.pid for endpoint in found}


def test_a_client_goes_on_with_the_successor_of_an_engine_that_was_killed(data: Path, cache: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from headswap_cli import local\n"
        "data, cache = map(Path, sys.argv[1:])\n"
        "first = local.ensure(data, cache)\n"
        "with local.client(first, renew=lambda: local.ensure(data, cache)) as http:\n"
        "    assert http.get('/health').json()['data']['pid'] == first.pid\n"
        "    os.kill(first.pid, signal.SIGKILL)\n"
        "    while local.find(data): pass\n"
        "    for _ in range(2):\n"
        "        second = http.get('/health').json()['data']['pid']\n"
        "assert second != first.pid and second == local.find(data).pid\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(data), str(cache)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_without_a_successor_a_killed_engine_is_a_failed_connection(data: Path, cache: Path) -> None:
    endpoint = replace(local.ensure(data, cache), socket=None, host="127.0.0.1", port=1)
    with local.client(endpoint) as http, pytest.raises(httpx.ConnectError):
        http.get("/health")


def test_an_engine_that_is_there_and_mute_is_named_with_the_way_to_end_it(data: Path, cache: Path) -> None:
    endpoint = local.ensure(data, cache)
    os.kill(endpoint.pid, signal.SIGSTOP)
    now = iter(range(0, 1000, 10))
    try:
        with pytest.raises(EngineError, match=f"process {endpoint.pid}.* did not answer within 5 s") as mute:
            local.ensure(data, cache, start_timeout_s=5, clock=lambda: float(next(now)))
        assert f"kill -9 {endpoint.pid}" in (mute.value.hint or "")
        # It is there: that it was not running would be a lie.
        with pytest.raises(EngineError, match=f"process {endpoint.pid}.* did not answer"):
            local.stop(data, timeout_s=0.1)
    finally:
        os.kill(endpoint.pid, signal.SIGCONT)
    assert local.stop(data)


def test_the_engine_and_its_workers_leave_no_core_dump(data: Path, cache: Path) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux tells one process another's limits")
    endpoint = local.ensure(data, cache)
    assert resource.prlimit(endpoint.pid, resource.RLIMIT_CORE) == (0, 0)
