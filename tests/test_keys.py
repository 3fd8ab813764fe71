"""Where secrets lie: the system's keyring where one works, else files for the owner alone."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.errors import AuthError, InputError
from headswap_cli.keys import FileStore, Place, Secret, TokenShelf, best_place, replace_private, store_at
from tests.conftest import Headswap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.loopback import HeadSwapService

KEY = "key-0123456789abcdef"


@pytest.fixture
def secret_service(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A bus with an unlocked gnome-keyring on it, for this test alone; the environment that leads there."""
    for program in ("dbus-daemon", "gnome-keyring-daemon"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install dbus gnome-keyring")
    pytest.importorskip("keyring")
    runtime = tmp_path / "runtime"
    runtime.mkdir(0o700)
    env = {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(runtime), "PATH": "/usr/bin:/bin"}
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert bus.stdout is not None
    env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
    try:
        # Returns once it listens, and ends with its bus.
        subprocess.run(
            ["gnome-keyring-daemon", "--unlock", "--components=secrets", "--daemonize"],
            env=env,
            input=b"password of the keyring",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        yield env
    finally:
        bus.terminate()
        bus.wait(10)
        bus.stdout.close()


@pytest.fixture
def keyed(tmp_path: Path, secret_service: dict[str, str], service: HeadSwapService) -> Headswap:
    """The program on a machine with a keyring, and a profile whose key lies there."""
    program = Headswap(tmp_path / "program", **secret_service)
    arguments = ("profile", "add", "work", "--api-key-stdin", "--base-url", service.url)
    added = program(*arguments, "--json", stdin=service.api_key)
    assert added.value["key_in"] == "keyring"
    return program


def test_a_key_in_the_keyring_is_in_no_file_and_works(keyed: Headswap, service: HeadSwapService) -> None:
    assert keyed("credits").out == "100\n"
    assert service.requests[-1].headers["x-api-key"] == service.api_key
    files = [path for path in keyed.cwd.parent.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if service.api_key.encode() in path.read_bytes()]


def test_removing_a_profile_takes_its_key_out_of_the_keyring(keyed: Headswap) -> None:
    keyed("profile", "remove", "work")
    script = (
        "import secretstorage as s; c = s.dbus_init();"
        "print([i.get_attributes() for i in s.get_default_collection(c).get_all_items()])"
    )
    left = subprocess.run([sys.executable, "-c", script], env=keyed.env, capture_output=True, check=True)
    assert left.stdout == b"[]\n"


def test_a_bearer_token_lies_where_its_secret_lies(keyed: Headswap, service: HeadSwapService) -> None:
    arguments = ("profile", "set", "work", f"client_id={service.client_id}", "--api-key-stdin")
    keyed(*arguments, stdin=service.api_key)
    keyed("credits")
    keyed("credits")
    files = [path for path in keyed.cwd.parent.rglob("*") if path.is_file()]
    assert not [path for path in files if service.token.encode() in path.read_bytes()]
    assert service.requests[-1].headers["authorization"] == f"Bearer {service.token}"


def test_a_keyring_that_went_away_is_exit_10_with_the_way_to_give_the_key_again(keyed: Headswap) -> None:
    ran = keyed("credits", code=10, DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere")
    assert "keyring" in ran.err
    assert "headswap profile set work --api-key-stdin" in ran.err


def test_a_locked_keyring_keeps_nobody_from_giving_a_new_key_or_removing_the_profile(
    keyed: Headswap, service: HeadSwapService
) -> None:
    lock = "import secretstorage as s; s.get_default_collection(s.dbus_init()).lock()"
    subprocess.run([sys.executable, "-c", lock], env=keyed.env, check=True)
    assert "locked" in keyed("credits", code=10).err
    assert keyed("profile", "show", "-q").out == "work\n"
    changed = keyed("profile", "set", "work", "--api-key-stdin", "--json", stdin=service.api_key)
    assert changed.value["key_in"] == "file"
    assert keyed("credits").out == "100\n"
    keyed("profile", "remove", "work")
    assert keyed("profile", "list", "-q").out.split() == ["akool", "local"]


def test_a_profile_whose_keyring_went_away_can_be_removed(keyed: Headswap) -> None:
    ran = keyed("profile", "remove", "work", DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere")
    assert "still in the system's keyring" in ran.out
    assert "work" not in keyed("profile", "list", "-q").out


def test_a_command_that_needs_no_key_does_not_load_the_keyring(keyed: Headswap) -> None:
    for arguments in (("profile", "list"), ("profile", "show"), ("serve", "--status")):
        loaded = imports(keyed, *arguments)
        assert "headswap_cli.context" in loaded
        assert not [name for name in loaded if name.startswith(("keyring", "secretstorage", "tomlkit"))]


def test_a_key_in_a_file_never_loads_the_keyring(tmp_path: Path, service: HeadSwapService) -> None:
    program = Headswap(tmp_path, PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    arguments = ("profile", "add", "work", "--api-key-stdin", "--base-url", service.url)
    program(*arguments, stdin=service.api_key)
    loaded = imports(program, "credits")
    assert "httpx" in loaded
    assert not [name for name in loaded if name.startswith(("keyring", "obstore", "tomlkit"))]


def imports(program: Headswap, *arguments: str) -> list[str]:
    """Return the modules that a command loads."""
    command = [sys.executable, "-X", "importtime", *program.command(*arguments)[1:]]
    done = subprocess.run(
        command, cwd=program.cwd, env=program.env, capture_output=True, text=True, check=True
    )
    return [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line]


def test_without_a_keyring_the_place_is_a_file(tmp_path: Path) -> None:
    keyring = pytest.importorskip("keyring")
    fail = pytest.importorskip("keyring.backends.fail")
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    try:
        assert best_place(tmp_path) is Place.FILE
        with pytest.raises(AuthError, match="keyring can't be read"):
            store_at(Place.KEYRING, tmp_path).load("work", Secret.API_KEY)
    finally:
        keyring.set_keyring(before)


def test_each_profile_and_secret_is_kept_apart(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.save("work", Secret.API_KEY, "one")
    store.save("work", Secret.TOKEN, "two")
    store.save("play", Secret.API_KEY, "three")
    store.remove("work", Secret.TOKEN)
    store.remove("work", Secret.TOKEN)
    assert store.load("work", Secret.API_KEY) == "one"
    assert store.load("work", Secret.TOKEN) is None
    assert store.load("play", Secret.API_KEY) == "three"


def test_a_key_file_that_is_no_text_is_an_auth_error_that_shows_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "work.api_key").write_bytes(b"hunter2\xff")
    with pytest.raises(AuthError) as caught:
        FileStore(tmp_path).load("work", Secret.API_KEY)
    assert caught.value.__cause__ is None
    assert "hunter2" not in str(caught.value)


def test_a_token_that_can_not_be_kept_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be")
    shelf = TokenShelf(Place.FILE, tmp_path, "work")
    shelf.save("token")
    assert shelf.load() is None


def test_a_private_file_is_replaced_in_one_step_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    replace_private(path, b"one")
    path.chmod(0o644)
    inode = path.stat().st_ino
    replace_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_a_link_to_a_file_elsewhere_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    link = tmp_path / "profiles.toml"
    link.symlink_to(tmp_path / "dotfiles" / "profiles.toml")
    replace_private(link, b"x")
    assert link.is_symlink()
    assert (tmp_path / "dotfiles" / "profiles.toml").read_bytes() == b"x"


def test_a_place_that_can_not_be_written_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="can't be written"):
        replace_private(tmp_path / "file" / "secret", b"x")
