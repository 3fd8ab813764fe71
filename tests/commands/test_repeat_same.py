"""What makes a run the same one or another, and which analysis it uses again."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH
from tests.clips import plain_clip, plain_photo
from tests.hosting.conftest import UPLOADER, FolderOrigin
from tests.origin import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Headswap
    from tests.loopback import HeadSwapService

VIDEO, FACE = "https://example.com/a%20clip.mp4?sig=1", "https://example.com/me.jpg"
RUN = ("run", VIDEO, "--face", FACE)
OUTPUT = "a_clip.headswap.mp4"


def analyses(service: HeadSwapService) -> int:
    return len(service.sent("POST", ANALYZE_PATH))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return plain_clip(tmp_path / "clip.mp4", seconds=4)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return plain_photo(tmp_path / "me.png")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[FolderOrigin]:
    """A place of the user's own for local files."""
    folder = tmp_path / "shelf" / "files"
    folder.mkdir(parents=True)
    with FolderOrigin(folder) as origin:
        yield origin


@pytest.fixture
def files(cloud: Headswap, shelf: FolderOrigin, tmp_path: Path) -> Headswap:
    """The program with a program that uploads."""
    script = tmp_path / "upload.py"
    script.write_text(UPLOADER)
    words = [sys.executable, str(script), "{path}", "{name}", str(shelf.folder), shelf.url]
    cloud.env["HEADSWAP_HOSTING"] = f"command: {shlex.join(words)}"
    return cloud


def test_a_changed_photo_is_another_run_and_the_analysis_is_used_again(
    files: Headswap, service: HeadSwapService, clip: Path, photo: Path
) -> None:
    first = files("run", clip, "--face", photo, "--json").value
    photo.write_bytes(photo.read_bytes() + b"\0")
    second = files("run", clip, "--face", photo, "-o", "second.mp4", "--json").value
    assert first["run_id"] != second["run_id"]
    assert first["analysis_id"] == second["analysis_id"]
    assert (len(service.creates), analyses(service)) == (2, 1)


def test_a_file_under_another_name_is_the_same_run(
    files: Headswap, service: HeadSwapService, clip: Path, photo: Path, tmp_path: Path
) -> None:
    run_id = files("run", clip, "--face", photo, "--detach", "--json").value["run_id"]
    renamed = clip.rename(tmp_path / "renamed.mp4")
    assert files("run", renamed, "--face", photo, "--json").value["run_id"] == run_id
    assert len(service.creates) == 1


@pytest.mark.parametrize("flags", [("--resolution", "480p"), ("--no-sound",), ("--face", f"1={FACE}?2")])
def test_what_changes_the_result_makes_another_run(
    cloud: Headswap, service: HeadSwapService, flags: tuple[str, ...]
) -> None:
    service.people = 2
    first = ("run", VIDEO, "--face", f"2={FACE}", "--detach")
    cloud(*first)
    cloud(*first, *flags)
    assert (len(service.creates), analyses(service)) == (2, 1)


def test_the_order_of_faces_the_budget_and_the_patience_make_no_other_run(
    cloud: Headswap, service: HeadSwapService
) -> None:
    service.people = 2
    one, two = ("--face", f"1={FACE}"), ("--face", f"2={FACE}?2")
    cloud("run", VIDEO, *one, *two, "--detach")
    cloud("run", VIDEO, *two, *one, "--timeout", "2m", "--max-credits", "5", "-o", "x.mp4")
    assert len(service.creates) == 1


def test_a_person_named_by_the_api_number_buys_the_same_task(
    cloud: Headswap, service: HeadSwapService
) -> None:
    first = cloud("run", VIDEO, "--face", f"1={FACE}", "--json").value
    ran = cloud("run", VIDEO, "--face", f"obj:0={FACE}", "-o", "x.mp4", "--json")
    assert ran.value["run_id"] == first["run_id"]
    assert first["run_id"] in ran.err
    assert len(service.creates) == 1


def test_an_analysis_of_the_same_video_is_used_again(
    files: Headswap, service: HeadSwapService, clip: Path
) -> None:
    first = files("analyze", clip, "--json").value
    second = files("analyze", clip, "--json").value
    assert second["analysis_id"] == first["analysis_id"]
    assert second["people"] == first["people"]
    assert analyses(service) == 1


def test_an_analysis_whose_upload_is_gone_is_made_anew(
    files: Headswap, service: HeadSwapService, shelf: FolderOrigin, clip: Path
) -> None:
    first = files("analyze", clip, "-q").out
    for path in shelf.folder.iterdir():
        path.unlink()
    assert files("analyze", clip, "-q").out != first
    assert analyses(service) == 2


def test_an_analysis_that_the_service_has_forgotten_is_made_anew(
    cloud: Headswap, service: HeadSwapService
) -> None:
    cloud("analyze", VIDEO)
    service.script(ANALYSIS_PATH, Answer({"code": 1014, "msg": "not found"}))
    cloud("analyze", VIDEO)
    assert analyses(service) == 2


def test_a_rehearsal_leaves_nothing_that_a_run_takes_for_its_own(
    cloud: Headswap, service: HeadSwapService
) -> None:
    rehearsed = cloud(*RUN, "--dry-run", "--json").value
    made = cloud(*RUN, "--json").value
    assert made["run_id"] != rehearsed["run_id"]
    assert len(service.creates) == 1
    assert cloud("resume", "--json").value == []
