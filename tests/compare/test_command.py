"""``headswap compare`` as users run it: what it writes, what it says, what it refuses."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from PIL import Image

from headswap_cli.journal import Journal
from headswap_cli.models import Analysis, Person, Saved, Status
from headswap_cli.packages import sha256_of
from tests.clips import plain_photo, sound_only
from tests.compare.clips import coded, source_and_result
from tests.footage import write_video
from tests.origin import Answer, Origin, Recorded

if TYPE_CHECKING:
    from tests.conftest import Headswap

TOP = Path(__file__).parent.parent.parent
FACE_URL = "https://e.com/<script>alert(1)</script>.jpg?signature=secret"


@pytest.fixture
def clips(headswap: Headswap) -> tuple[Path, Path]:
    """A source and its result where the command runs."""
    return source_and_result(headswap.cwd, count=30)


def found(people: tuple[Person, ...]) -> Analysis:
    """Return an analysis that found these people."""
    return Analysis("a" * 24, Status.COMPLETED, 3, "https://e.com/v.mp4", people=people)


def a_run(headswap: Headswap, source: str, output: Path | None, *, face: str = FACE_URL) -> str:
    """Write a run into the journal; without an output it is still under way."""
    with Journal(headswap.data / "journal.sqlite3") as journal:
        run_id = journal.begin(
            profile="work", backend="akool", source=source, parameters={"resolution": "720p", "model": "m"}
        )
        journal.published(run_id, source, None, "https://e.com/v.mp4")
        journal.submitted(run_id, "a" * 24)
        journal.analysed(run_id, found((Person(1, 0), Person(2, 3))))
        journal.intend(run_id, {"mappings": [{"obj_id": 0, "img_url": face}]})
        journal.created(run_id, "b" * 24, 2.5)
        if output is not None:
            journal.charged(run_id, 12.0)
            journal.done(run_id, Saved(output, output.stat().st_size, sha256_of(output)))
    return run_id


def test_two_videos_give_a_sheet_a_video_and_a_page_in_a_folder(
    headswap: Headswap, clips: tuple[Path, Path]
) -> None:
    ran = headswap("compare", "in.mp4", "out.mp4")
    assert ran.out.splitlines() == ["in.compare/sheet.png", "in.compare/video.mp4", "in.compare/page.html"]
    folder = headswap.cwd / "in.compare"
    assert sorted(path.name for path in folder.iterdir()) == ["page.html", "sheet.png", "video.mp4"]
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.width > 384
    with av.open(str(folder / "video.mp4")) as container:
        assert container.streams.audio
    assert "<!doctype html>" in (folder / "page.html").read_text()
    assert "headswap serve --fetch" in ran.err


def test_only_what_is_named_is_made(headswap: Headswap, clips: tuple[Path, Path]) -> None:
    ran = headswap("compare", "in.mp4", "out.mp4", "--sheet", "s.png", "-q")
    assert ran.out == "s.png\n"
    assert ran.err == ""
    assert {path.name for path in headswap.cwd.iterdir()} == {"in.mp4", "out.mp4", "s.png"}


def test_json_names_the_files_and_what_differs(headswap: Headswap) -> None:
    write_video(headswap.cwd / "in.mp4", [coded(index, changed=False) for index in range(40)])
    write_video(headswap.cwd / "out.mp4", [coded(index, changed=True) for index in range(20)])
    value = headswap("compare", "in.mp4", "out.mp4", "-o", "both", "--json", "--quick").value
    assert set(value) == {
        *("run_id", "before", "after", "length_s", "sheet", "video", "page", "people", "notes"),
    }
    assert value["page"] == str(headswap.cwd / "both" / "page.html")
    assert value["length_s"] == pytest.approx(20 / 30, abs=0.05)
    assert value["notes"] == ["The source is 1.3 s long, the result 0.7 s: compared are the first 0.7 s."]


def test_a_run_is_told_with_its_people_its_mapping_and_its_credits(
    headswap: Headswap, clips: tuple[Path, Path]
) -> None:
    run_id = a_run(headswap, "in.mp4", clips[1])
    value = headswap("compare", run_id, "--html", "page.html", "--json").value
    assert value["run_id"] == run_id
    page = (headswap.cwd / "page.html").read_text()
    for told in (run_id, "Person 1", "Person 2", "12 (held: 2.5)", "akool (m), profile work", "obj_id 3"):
        assert told in page
    assert "secret" not in page


def test_a_video_that_was_changed_since_its_run_is_told(headswap: Headswap, clips: tuple[Path, Path]) -> None:
    run_id = a_run(headswap, "in.mp4", clips[1])
    assert headswap("compare", run_id, "--sheet", "s.png", "--json").value["notes"] == []
    clips[1].write_bytes(clips[1].read_bytes() + b"\0\0\0\x08free")
    value = headswap("compare", run_id, "--sheet", "s.png", "-f", "--json").value
    assert value["notes"] == [f"The result has been changed since the run {run_id}."]


class Web(Origin):
    """A server with one file under every path."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content

    def respond(self, request: Recorded) -> Answer:
        return Answer(self.content, headers={"Content-Type": "video/mp4"})


def test_a_source_on_the_web_is_fetched_without_any_key_and_left_nowhere(headswap: Headswap) -> None:
    before, after = source_and_result(headswap.cwd, count=10)
    with Web(before.read_bytes()) as web:
        before.unlink()
        run_id = a_run(headswap, f"{web.url}/clips/holiday.mp4?signature=secret", after)
        ran = headswap(
            "compare", run_id, "--json", HEADSWAP_API_KEY="k-very-secret-key", TMPDIR=str(headswap.cwd)
        )
        assert {name for request in web.requests for name in request.headers} & {
            "x-api-key",
            "authorization",
        } == set()
    assert ran.value["before"] == f"{web.url}/clips/holiday.mp4?signature=secret"
    assert ran.value["page"] == str(headswap.cwd / "holiday.compare" / "page.html")
    assert "signature" not in (headswap.cwd / "holiday.compare" / "page.html").read_text()
    assert {path.name for path in headswap.cwd.iterdir()} == {"out.mp4", "holiday.compare"}


def test_an_address_where_nothing_is_is_exit_13_and_named(
    headswap: Headswap, clips: tuple[Path, Path]
) -> None:
    with Web(b"") as web:
        web.script("/v.mp4", Answer(b"gone", 404))
        error = headswap("compare", f"{web.url}/v.mp4?signature=secret", "out.mp4", "--json", code=13).value[
            "error"
        ]
    assert error["message"] == f"There is no video to be had at {web.url}/v.mp4."
    assert "download" not in error["hint"]


def test_what_is_no_video_on_the_web_is_refused(headswap: Headswap) -> None:
    source_and_result(headswap.cwd, count=5)
    with Web(b"<html>not here</html>") as web:
        ran = headswap("compare", f"{web.url}/v.mp4", "out.mp4", code=1)
    assert "is not a video" in ran.err
    assert {path.name for path in headswap.cwd.iterdir()} == {"in.mp4", "out.mp4"}


def test_ctrl_c_ends_it_at_once_and_leaves_nothing_behind(headswap: Headswap) -> None:
    source_and_result(headswap.cwd, count=600)
    with headswap.start("compare", "in.mp4", "out.mp4", "--video", "both.mp4") as process:
        assert process.stderr is not None
        while "video: processing" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert {path.name for path in headswap.cwd.iterdir()} == {"in.mp4", "out.mp4"}


def test_the_id_of_a_task_means_its_run(headswap: Headswap, clips: tuple[Path, Path]) -> None:
    run_id = a_run(headswap, "in.mp4", clips[1])
    assert headswap("compare", "b" * 24, "--sheet", "s.png", "--json").value["run_id"] == run_id


def test_nothing_that_a_name_or_a_service_says_becomes_markup(headswap: Headswap) -> None:
    before, after = source_and_result(headswap.cwd, count=10)
    evil = headswap.cwd / "<img src=x onerror=alert(1)>.mp4"
    before.rename(evil)
    run_id = a_run(headswap, evil.name, after)
    headswap("compare", run_id, "--html", "page.html")
    page = (headswap.cwd / "page.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert page.count("<script") == 2
    assert "alert(1)</script>" not in page


def test_a_second_comparison_of_a_clip_is_told_how_to_name_another_folder(
    headswap: Headswap, clips: tuple[Path, Path]
) -> None:
    folder = headswap.cwd / "in.compare"
    folder.mkdir()
    (folder / "page.html").write_text("mine")
    refused = headswap("compare", "in.mp4", "out.mp4", code=2)
    assert "--force, or name another place: -o FOLDER" in refused.err
    assert (folder / "page.html").read_text() == "mine"


def test_a_sheet_replaces_another_only_by_force(headswap: Headswap, clips: tuple[Path, Path]) -> None:
    target = headswap.cwd / "s.png"
    target.write_text("mine")
    refused = headswap("compare", "in.mp4", "out.mp4", "--sheet", "s.png", code=2)
    assert "exists already" in refused.err
    assert "--force, or name another place: --sheet, --video or --html FILE" in refused.err
    assert target.read_text() == "mine"
    headswap("compare", "in.mp4", "out.mp4", "--sheet", "s.png", "--force")
    assert target.read_bytes().startswith(b"\x89PNG")


def test_open_shows_the_page_in_the_browser(headswap: Headswap, clips: tuple[Path, Path]) -> None:
    opened, browser = headswap.folder / "opened", headswap.folder / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o700)
    headswap("compare", "in.mp4", "out.mp4", "--html", "p.html", "--quick", "--open", BROWSER=f"{browser} %s")
    assert opened.read_text() == (headswap.cwd / "p.html").as_uri()


def test_where_there_is_no_browser_the_page_is_made_and_that_is_said(
    headswap: Headswap, clips: tuple[Path, Path]
) -> None:
    arguments = ("compare", "in.mp4", "out.mp4", "--html", "p.html", "--quick", "--open")
    ran = headswap(*arguments, code=2, BROWSER="/bin/false %s", DISPLAY="", WAYLAND_DISPLAY="", PATH="/bin")
    assert "No browser was found" in ran.err
    assert (headswap.cwd / "p.html").exists()


Refusal = tuple[list[str], str]
REFUSALS: dict[str, Refusal] = {
    "no such file": (["gone.mp4", "out.mp4"], "no such file"),
    "a song": (["in.mp4", "song.mp4"], "sound only"),
    "text": (["in.mp4", "notes.mp4"], "is not a video"),
    "an empty file": (["in.mp4", "empty.mp4"], "is empty"),
    "a folder": (["in.mp4", "folder"], "is a folder"),
    "the same file": (["in.mp4", "in.mp4"], "same file"),
    "the same file by a link": (["in.mp4", "link.mp4"], "same file"),
    "one video": (["in.mp4"], "comparing takes two"),
    "three": (["in.mp4", "out.mp4", "in.mp4"], "not 3 names"),
    "a wrong layout": (["in.mp4", "out.mp4", "--layout", "round"], "does not exist"),
    "a wrong ending": (["in.mp4", "out.mp4", "--sheet", "s.jpg"], "must end in .png"),
    "a folder and a file": (["in.mp4", "out.mp4", "-o", "x", "--sheet", "s.png"], "cannot go with"),
    "the source as output": (["in.mp4", "out.mp4", "--video", "in.mp4", "-f"], "one of the videos"),
    "one output twice": (["in.mp4", "out.mp4", "--html", "x.html", "--video", "x.html"], "must end in .mp4"),
    "a page that is not made": (["in.mp4", "out.mp4", "--sheet", "s.png", "--open"], "not made here"),
    "a place below a file": (["in.mp4", "out.mp4", "-o", "notes.mp4/x"], "Nothing can be written"),
}


@pytest.mark.parametrize(("arguments", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_what_cannot_be_compared_is_refused_with_exit_2_and_nothing_is_written(
    headswap: Headswap, clips: tuple[Path, Path], arguments: list[str], reason: str
) -> None:
    sound_only(headswap.cwd / "song.mp4")
    (headswap.cwd / "notes.mp4").write_text("no video at all")
    (headswap.cwd / "empty.mp4").touch()
    (headswap.cwd / "folder").mkdir()
    (headswap.cwd / "link.mp4").symlink_to(clips[0])
    there = {path: path.stat().st_mtime_ns for path in headswap.cwd.iterdir()}
    ran = headswap("compare", *arguments, code=2)
    assert reason in ran.err
    assert "hint: " in ran.err
    assert {path: path.stat().st_mtime_ns for path in headswap.cwd.iterdir()} == there


def test_a_run_that_nobody_knows_is_not_found(headswap: Headswap) -> None:
    assert "knows no run" in headswap("compare", "run-aaaaaaaaaa", code=13).err


def test_a_run_without_a_result_is_refused_with_the_way_to_one(headswap: Headswap) -> None:
    source_and_result(headswap.cwd, count=5)
    run_id = a_run(headswap, "in.mp4", None)
    ran = headswap("compare", run_id, code=2)
    assert "has no result yet" in ran.err
    assert f"headswap download {run_id}" in ran.err


def test_a_run_that_only_analysed_is_refused_with_the_way_to_a_result(headswap: Headswap) -> None:
    with Journal(headswap.data / "journal.sqlite3") as journal:
        run_id = journal.begin(profile="local", backend="local", source="in.mp4", parameters={})
        journal.submitted(run_id, "a" * 24)
        journal.analysed(run_id, found((Person(1, 0),)), is_last=True)
    ran = headswap("compare", run_id, code=2)
    assert "only found the people" in ran.err
    assert f"headswap swap {'a' * 24} --face" in ran.err


def test_a_run_whose_result_is_gone_is_refused_with_the_command_that_fetches_it(headswap: Headswap) -> None:
    _, after = source_and_result(headswap.cwd, count=5)
    run_id = a_run(headswap, "in.mp4", after)
    after.unlink()
    assert f"headswap download {run_id}" in headswap("compare", run_id, code=2).err


def test_a_run_whose_source_is_not_here_is_refused(headswap: Headswap) -> None:
    _, after = source_and_result(headswap.cwd, count=5)
    ran = headswap("compare", a_run(headswap, "elsewhere.mp4", after), code=2)
    assert "headswap compare before.mp4" in ran.err


def test_without_the_extra_the_command_names_what_installs_it(headswap: Headswap) -> None:
    # A folder without packages before the real ones: what is missing is missing.
    hidden = headswap.folder / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "real = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name in ('PIL', 'av') else real(name, *rest)\n"
    )
    path = os.pathsep.join((str(hidden), str(TOP)))
    ran = headswap("compare", "in.mp4", "out.mp4", code=2, PYTHONPATH=path)
    assert "PIL, av" in ran.err
    assert "headswap-cli[images]" in ran.err


def test_a_photo_that_is_gone_or_none_leaves_the_page_whole(
    headswap: Headswap, clips: tuple[Path, Path]
) -> None:
    photo = plain_photo(headswap.cwd / "me.png")
    with Journal(headswap.data / "journal.sqlite3") as journal:
        run_id = journal.begin(profile="local", backend="local", source="in.mp4", parameters={})
        journal.published(run_id, "me.png", None, "http://e/me")
        journal.submitted(run_id, "a" * 24)
        journal.analysed(run_id, found((Person(1, 0),)))
        journal.intend(run_id, {"mappings": [{"obj_id": 0, "img_url": "http://e/me"}]})
        journal.created(run_id, "b" * 24)
        journal.done(run_id, Saved(clips[1], 1, "c" * 64))
    pages = []
    for spoil in (lambda: None, lambda: photo.write_text("<svg/>"), photo.unlink):
        spoil()
        headswap("compare", run_id, "--html", "p.html", "-f", "--quick")
        pages.append((headswap.cwd / "p.html").read_text())
    assert ["<figcaption>Photo</figcaption>" in page for page in pages] == [True, False, False]
    assert all("me.png" in page for page in pages)
