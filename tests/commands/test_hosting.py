"""Local files on a cloud profile: put where the service can read them, under one string in every call."""

from __future__ import annotations

import json
import shlex
import sqlite3
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from headswap_cli.wire import ANALYZE_PATH, CREATE_PATH
from tests.clips import plain_clip, plain_photo
from tests.conftest import Headswap
from tests.hosting.conftest import UPLOADER, FolderOrigin
from tests.loopback import HeadSwapService, refusal, tiny_video
from tests.origin import Answer, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.nanio import Nanio
    from tests.origin import Recorded

SECRET_MARKS = ("X-Amz-Signature", "X-Amz-Credential")


class ReadingService(HeadSwapService):
    """The service, which fetches every URL that it is given as the real one does."""

    def __init__(self) -> None:
        super().__init__(analysis_polls=0, task_polls=0)
        self.read: list[bytes] = []

    def respond(self, request: Recorded) -> Answer:
        if request.method == "POST" and request.path in {ANALYZE_PATH, CREATE_PATH}:
            body = request.json
            for url in (body["video_url"], *(mapping["img_url"] for mapping in body.get("mappings", ()))):
                answer = httpx.get(url)
                if answer.status_code != 200:
                    return Answer(refusal(f"{url} can't be read", 1208))
                self.read.append(answer.content)
        return super().respond(request)


@pytest.fixture
def service() -> Iterator[ReadingService]:
    with ReadingService() as service:
        yield service


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return plain_clip(tmp_path / "my clip.mp4", seconds=4)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return plain_photo(tmp_path / "me.png")


@pytest.fixture
def hosted(tmp_path: Path, service: ReadingService, nanio: Nanio, request: pytest.FixtureRequest) -> Headswap:
    """The program with a cloud profile that puts files into an object store."""
    no_keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    program = Headswap(tmp_path / "program", **nanio.keys, **no_keyring)
    hosting = nanio.hosting_for(request.node.name)
    flags = ("--api-key-stdin", "--base-url", service.url, "--hosting", hosting)
    program("profile", "add", "work", *flags, stdin=service.api_key)
    return program


def urls_sent(service: HeadSwapService) -> list[str]:
    """Return the video's URL in each analysis and each create, in order."""
    sent = [r for r in service.requests if r.method == "POST" and r.path in {ANALYZE_PATH, CREATE_PATH}]
    return [request.json["video_url"] for request in sent]


def journalled(program: Headswap) -> list[dict[str, str]]:
    """Return what the journal says was published."""
    with sqlite3.connect(program.data / "journal.sqlite3") as connection:
        rows = connection.execute("SELECT detail FROM steps WHERE kind = 'published' ORDER BY number")
        details = [json.loads(detail) for (detail,) in rows]
    connection.close()
    return details


def test_local_files_become_one_url_that_the_service_reads(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    ran = hosted("run", clip, "--face", f"1={photo}")
    assert (hosted.cwd / "my clip.headswap.mp4").read_bytes() == tiny_video()
    assert service.read == [clip.read_bytes(), clip.read_bytes(), photo.read_bytes()]

    analysed, created = urls_sent(service)
    assert analysed == created
    published = journalled(hosted)
    assert [step["source"] for step in published] == [str(clip), str(photo)]
    assert [step["url"] for step in published] == [
        created,
        service.creates[0].json["mappings"][0]["img_url"],
    ]
    assert not [mark for mark in SECRET_MARKS if mark in ran.out + ran.err]
    assert "video: transferred" in ran.err


def test_a_link_outlives_the_wait_by_an_hour_at_least(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    hosted("analyze", clip)
    hosted("run", clip, "--face", photo, "--new", "--dry-run", "--timeout", "30h")
    lives = [int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0]) for url in urls_sent(service)]
    assert lives == [24 * 3600, 31 * 3600]


def test_a_pipeline_uploads_the_video_once(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    analysis = hosted("analyze", "-q", clip).out.strip()
    hosted("swap", analysis, "--face", f"1={photo}")
    analysed, created = urls_sent(service)
    assert analysed == created
    err = hosted("run", clip, "--face", photo, "--new", "--dry-run", "-v").err
    assert "HEAD" in err
    assert "PUT" not in err
    assert not [mark for mark in SECRET_MARKS if mark in err]


def test_clean_up_leaves_nothing_after_a_success_and_everything_else_after_less(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    hosting = hosted("profile", "show", "--json").value["settings"]["hosting"]["value"]
    hosted("profile", "set", "work", f"hosting={hosting}&cleanup=yes")
    hosted("analyze", clip)
    assert httpx.get(urls_sent(service)[0]).status_code == 200
    hosted("run", clip, "--face", f"1={photo}", "--detach")
    assert httpx.get(urls_sent(service)[-1]).status_code == 200
    hosted("run", clip, "--face", f"1={photo}")
    gone = [urls_sent(service)[-1], service.creates[-1].json["mappings"][0]["img_url"]]
    assert [httpx.get(url).status_code for url in gone] == [404, 404]


class Hoarder(Origin):
    """A store that takes and gives everything and lets nothing go."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}

    def respond(self, request: Recorded) -> Answer:
        if request.method == "DELETE":
            return Answer(b"<Code>AccessDenied</Code>", 403)
        if request.method == "PUT":
            self.kept[request.path] = request.body
        return Answer(self.kept.get(request.path, b""), 200 if request.path in self.kept else 404)


class Busy(Origin):
    """A store that asks to come again in five minutes."""

    def respond(self, request: Recorded) -> Answer:
        return Answer(b"", 503, {"Retry-After": "300"})


def test_a_result_that_is_saved_stays_a_success_if_cleaning_up_fails(
    hosted: Headswap, clip: Path, photo: Path
) -> None:
    with Hoarder() as store:
        hosted("profile", "set", "work", f"hosting=s3://b?endpoint={store.url}&cleanup=yes")
        ran = hosted("run", clip, "--face", photo, "-o", "out.mp4")
    assert (hosted.cwd / "out.mp4").exists()
    assert "still in their place" in ran.err
    assert "AccessDenied" in ran.err


@pytest.mark.parametrize(
    "arguments", [("analyze", "CLIP"), ("run", "CLIP", "--face", "https://a.example/a.jpg")]
)
def test_without_hosting_a_local_file_is_exit_2_with_the_ways_out_and_nothing_is_sent(
    cloud: Headswap, service: ReadingService, clip: Path, arguments: tuple[str, ...]
) -> None:
    ran = cloud(*(str(clip) if word == "CLIP" else word for word in arguments), code=2)
    assert "hosting=s3://" in ran.err
    assert "--profile local" in ran.err
    assert service.requests == []


def test_without_hosting_a_local_photo_is_refused_before_the_video_is_analysed(
    cloud: Headswap, service: ReadingService, photo: Path
) -> None:
    cloud("run", "https://example.com/clip.mp4", "--face", photo, code=2)
    cloud("swap", "6a066dc58570ecbf64f761a5", "--face", photo, code=2)
    assert service.requests == []


def test_a_hosting_that_is_not_understood_is_found_out_before_anything_is_sent(
    cloud: Headswap, service: ReadingService, clip: Path
) -> None:
    ran = cloud("analyze", clip, code=2, HEADSWAP_HOSTING="ftp://example.com")
    assert "not understood" in ran.err
    assert service.requests == []


def test_urls_need_neither_hosting_nor_its_library(cloud: Headswap, service: ReadingService) -> None:
    with FolderOrigin(cloud.cwd) as web:
        (cloud.cwd / "clip.mp4").write_bytes(b"x")
        cloud("analyze", f"{web.url}/clip.mp4?s=%2B", HEADSWAP_HOSTING="s3://not-there")
        assert urls_sent(service) == [f"{web.url}/clip.mp4?s=%2B"]


def test_wrong_keys_for_the_store_are_exit_10_and_nothing_reaches_the_service(
    hosted: Headswap, service: ReadingService, clip: Path
) -> None:
    before = len(service.requests)
    ran = hosted("analyze", clip, code=10, AWS_SECRET_ACCESS_KEY="hunter2-hunter2-hunter2")
    assert "SignatureDoesNotMatch" in ran.err
    assert len(service.requests) == before


def test_a_command_can_be_the_hosting(
    cloud: Headswap, service: ReadingService, tmp_path: Path, clip: Path, photo: Path
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (tmp_path / "upload.py").write_text(UPLOADER)
    with FolderOrigin(shelf) as web:
        words = [sys.executable, str(tmp_path / "upload.py"), "{path}", "{name}", str(shelf), web.url]
        cloud("run", clip, "--face", photo, HEADSWAP_HOSTING=f"command: {shlex.join(words)}")
        assert service.read == [clip.read_bytes(), clip.read_bytes(), photo.read_bytes()]
        assert len(set(urls_sent(service))) == 1
        assert urls_sent(service)[0].endswith("?token=a%2Fb")


def test_a_command_that_fails_ends_the_run_with_what_it_said(
    cloud: Headswap, service: ReadingService, clip: Path
) -> None:
    words = [sys.executable, "-c", "import sys; sys.exit('no quota left')", "{path}"]
    ran = cloud("analyze", clip, "--json", code=1, HEADSWAP_HOSTING=f"command: {shlex.join(words)}")
    error = ran.value["error"]
    assert error["code"] == "hosting"
    assert "no quota left" in error["message"]
    assert service.requests == []


def test_an_upload_that_is_broken_off_by_ctrl_c_ends_at_once(hosted: Headswap, clip: Path) -> None:
    with Busy() as store:
        hosted.env["HEADSWAP_HOSTING"] = f"s3://b?endpoint={store.url}"
        with hosted.start("analyze", clip) as process:
            until = time.monotonic() + 30
            while not store.requests and time.monotonic() < until:
                process.poll()
            process.send_signal(2)
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def stopped_before_the_create(hosted: Headswap, service: ReadingService, clip: Path, photo: Path) -> str:
    """Let the service fail at the create, which leaves the run open, and return its id."""
    service.script(CREATE_PATH, Answer({"code": 2001, "msg": "busy"}))
    error = hosted("run", clip, "--face", photo, "--json", code=1).value["error"]
    return str(error["run_id"])


def test_what_was_published_is_used_again_by_the_run_that_goes_on(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    run_id = stopped_before_the_create(hosted, service, clip, photo)
    assert hosted("resume", run_id, "--json").value["status"] == "completed"
    assert len(set(urls_sent(service))) == 1
    assert len(journalled(hosted)) == 2


def test_a_link_that_ends_before_the_create_is_made_and_analysed_anew(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    run_id = stopped_before_the_create(hosted, service, clip, photo)
    with sqlite3.connect(hosted.data / "journal.sqlite3") as connection:
        for table, column in (("steps", "detail"), ("runs", "video_url")):
            connection.execute(
                f"UPDATE {table} SET {column} = replace({column}, 'X-Amz-Date=2', 'X-Amz-Date=1')"
            )
    connection.close()
    assert hosted("resume", run_id, "--json").value["run_id"] == run_id
    # Two links that are made within a second are one string.
    analysed, refused, again, created = urls_sent(service)
    assert (analysed, again) == (refused, created)
    assert len(service.sent("POST", ANALYZE_PATH)) == 2
    published = [step["source"] for step in journalled(hosted)]
    assert published == [str(clip), str(photo)] * 2


def test_a_file_that_is_gone_once_the_task_exists_is_not_missed(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    run_id = hosted("run", clip, "--face", photo, "--detach", "--json").value["run_id"]
    clip.unlink()
    photo.unlink()
    hosted("resume", run_id)
    assert (hosted.cwd / "my clip.headswap.mp4").read_bytes() == tiny_video()
    assert len(service.creates) == 1


def test_a_file_that_is_gone_before_the_task_exists_is_named_and_the_run_stays_open(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    run_id = stopped_before_the_create(hosted, service, clip, photo)
    photo.rename(photo.with_suffix(".away"))
    assert "me.png" in hosted("resume", run_id, code=2).err
    photo.with_suffix(".away").rename(photo)
    assert hosted("resume", "--json").value[0]["run_id"] == run_id


def test_a_file_that_changed_before_the_task_exists_is_not_sent_by_resume(
    hosted: Headswap, service: ReadingService, clip: Path, photo: Path
) -> None:
    run_id = stopped_before_the_create(hosted, service, clip, photo)
    photo.write_bytes(photo.read_bytes() + b"\0")
    assert "has changed since" in hosted("resume", run_id, code=2).err
    assert service.tasks == []
