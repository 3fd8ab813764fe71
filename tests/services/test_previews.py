"""Pictures of people are had in time, or not at all, whatever the servers do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.services.previews import save_previews, viewing_folder
from tests.origin import drip, silence
from tests.render.test_drawing import encoded, picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService
    from tests.origin import Fault

DRIPPING_HEAD = drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")


@pytest.fixture
def urls(service: HeadSwapService) -> list[str]:
    """Where the pictures of three people are."""
    for obj_id in range(3):
        service.media.files[f"{obj_id}.jpg"] = encoded(picture(), "JPEG")
    return [f"{service.media.url}/files/{obj_id}.jpg" for obj_id in range(3)]


SCRIPT = """
import json, sys
from headswap_cli.context import AppContext
from headswap_cli.models import Person
from headswap_cli.services.previews import fetch_previews
timeout_s, *urls = sys.argv[1:]
people = [Person(number, number - 1, url) for number, url in enumerate(urls, start=1)]
with AppContext().open() as deps:
    found = fetch_previews(deps, people, timeout_s=float(timeout_s))
    print(json.dumps({number: len(content) for number, content in found.items()}))
"""


def fetched(cloud: Headswap, urls: Sequence[str], *, timeout_s: float = 30.0) -> tuple[dict[str, int], str]:
    """Return the sizes of the pictures by number, and what was said, of a process that has ended."""
    command = [sys.executable, "-c", SCRIPT, str(timeout_s), *urls]
    ran = subprocess.run(
        command, cwd=cloud.cwd, env=cloud.env, capture_output=True, text=True, timeout=60, check=True
    )
    cloud.assert_secret(ran.stdout, ran.stderr)
    return json.loads(ran.stdout), ran.stderr


@pytest.mark.parametrize("fault", [DRIPPING_HEAD, silence])
def test_one_that_never_comes_holds_up_neither_the_others_nor_the_end(
    cloud: Headswap, service: HeadSwapService, urls: list[str], fault: Fault
) -> None:
    service.media.script("/files/1.jpg", fault)
    found, said = fetched(cloud, urls, timeout_s=1.0)
    assert sorted(found) == ["1", "3"]
    assert said == "no picture of person 2: It was not all there after 1 s.\n"


def test_more_people_than_are_fetched_at_once_are_all_fetched(cloud: Headswap, urls: list[str]) -> None:
    found, said = fetched(cloud, urls[:1] * 20)
    assert (len(found), said) == (20, "")


def test_no_key_is_sent_to_whoever_has_the_pictures(
    cloud: Headswap, service: HeadSwapService, urls: list[str]
) -> None:
    fetched(cloud, urls)
    assert len(service.media.requests) == 3
    for request in service.media.requests:
        assert not {"x-api-key", "authorization"} & set(request.headers)


def test_what_is_no_picture_is_not_saved_and_leaves_nothing(tmp_path: Path) -> None:
    contents = {1: encoded(picture()), 2: b"<html>", 3: b"\x89PNG\r\n\x1a\nhalf"}
    saved, faults = save_previews(contents, "/a/clip.mp4", tmp_path)
    assert saved == {1: tmp_path / "clip.person-1.jpg"}
    assert [path.name for path in tmp_path.iterdir()] == ["clip.person-1.jpg"]
    assert [fault[:29] for fault in faults] == [
        "no picture of person 2 was sa",
        "no picture of person 3 was sa",
    ]


def test_pictures_for_the_viewer_are_kept_a_week_in_private_folders(tmp_path: Path) -> None:
    old = viewing_folder(tmp_path, "an1", now=lambda: 0.0)
    (old / "clip.person-1.jpg").touch()
    os.utime(old, (1000.0, 1000.0))
    fresh = viewing_folder(tmp_path, "../../evil", now=lambda: 1000.0 + 8 * 86400)
    assert not old.exists()
    assert fresh.parent == old.parent == tmp_path / "previews"
    assert {path.stat().st_mode & 0o777 for path in (fresh, fresh.parent)} == {0o700}
