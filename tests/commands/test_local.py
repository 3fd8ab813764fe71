"""The commands with the embedded engine, on real video, from real files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import av
import pytest

from tests import media
from tests.clips import plain_clip, plain_photo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Headswap

pytestmark = pytest.mark.media


@pytest.fixture(scope="session")
def carphone() -> Path:
    return media.clip("carphone_pristine.mp4")


@pytest.fixture(scope="session")
def portrait() -> Path:
    return media.photo("astronaut.png")


def frame_count(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_run_takes_files_and_saves_a_video_that_says_it_is_synthetic(
    local: Headswap, carphone: Path, portrait: Path
) -> None:
    value = local("run", carphone, "--face", f"1={portrait}", "--json").value
    assert (value["backend"], value["profile"], value["status"]) == ("local", "local", "completed")
    output = local.cwd / "carphone_pristine.headswap.mp4"
    assert value["output"] == str(output)
    assert [face["mode"] for face in value["mappings"]] == ["head"]
    (person,) = value["people"]
    assert person["screen_share"] > 0.9
    assert [type(edge) for edge in person["box"]] == [int] * 4
    state = local("status", value["task_id"], "--json").value
    assert (state["output_url"], state["output"]) == (None, str(output))
    assert frame_count(output) == frame_count(carphone)
    assert b"compositeWithTrainedAlgorithmicMedia" in output.read_bytes()
    assert [path.name for path in local.cwd.iterdir()] == [output.name]


def test_the_commands_work_one_by_one_in_a_pipeline(local: Headswap, carphone: Path, portrait: Path) -> None:
    analysis = local("analyze", "-q", carphone).out.strip()
    task = local("swap", "-q", analysis, "--face", f"1={portrait}", "--mode", "face").out.strip()
    assert local("status", task, "--wait", "-q").out == "completed\n"
    assert local("status", task, "--json").value["modes"] == [{"obj_id": 0, "mode": "face"}]
    assert local("download", task, "-o", "out.mp4").out == "out.mp4\n"
    assert frame_count(local.cwd / "out.mp4") == frame_count(carphone)


def test_analyze_shows_the_people_with_previews(local: Headswap, carphone: Path) -> None:
    value = local("analyze", carphone, "--json").value
    assert [person["person"] for person in value["people"]] == [1]
    assert value["people"][0]["preview_url"].startswith("http://engine.headswap.invalid/media/")
    assert (value["video"]["width"], value["video"]["height"]) == (176, 144)


def test_a_file_that_was_analysed_is_not_analysed_again(local: Headswap, carphone: Path) -> None:
    first = local("analyze", carphone, "--json").value
    again = local("analyze", carphone, "--json")
    assert again.value["analysis_id"] == first["analysis_id"]
    assert again.value["people"] == first["people"]
    assert "has been analysed before" in again.err


def test_analyze_saves_a_picture_of_each_person(local: Headswap, carphone: Path) -> None:
    ran = local("analyze", carphone, "--previews", "people")
    picture = local.cwd / "people" / "carphone_pristine.person-1.jpg"
    assert "people/carphone_pristine.person-1.jpg" in ran.out
    assert picture.read_bytes().startswith(b"\xff\xd8")
    assert [path.name for path in picture.parent.iterdir()] == [picture.name]


def test_a_person_who_is_not_there_is_exit_2_with_those_who_are(
    local: Headswap, carphone: Path, portrait: Path
) -> None:
    assert (
        "found: 1 (obj_id 0, in 100 % of the video)"
        in local("run", carphone, "--face", f"3={portrait}", code=2).err
    )
    assert not list(local.cwd.iterdir())


def test_nobody_in_the_video_is_exit_2(local: Headswap, tmp_path: Path, portrait: Path) -> None:
    video = plain_clip(tmp_path / "empty_street.mp4", seconds=4)
    assert "Nobody" in local("run", video, "--face", f"1={portrait}", code=2).err
    assert not list(local.cwd.iterdir())


def test_a_photo_without_a_face_is_exit_2_with_the_reason(
    local: Headswap, carphone: Path, tmp_path: Path
) -> None:
    photo = plain_photo(tmp_path / "wall.png")
    for _ in range(2):
        ran = local("run", carphone, "--face", f"1={photo}", code=2)
        assert "the reference photo shows no face" in ran.err
        assert "hint: Take another photo" in ran.err
        assert "--new" not in ran.err
    assert not list(local.cwd.iterdir())


def test_a_video_is_not_analysed_again_for_another_photo_after_one_was_refused(
    local: Headswap, carphone: Path, tmp_path: Path, portrait: Path
) -> None:
    local("analyze", carphone)
    local("run", carphone, "--face", f"1={plain_photo(tmp_path / 'wall.png')}", code=2)
    ran = local("run", carphone, "--face", f"1={portrait}", "--quality", "low", "--json")
    assert ran.value["status"] == "completed"
    assert "has been analysed before" in ran.err


def test_without_a_face_the_hint_is_the_same_run_with_one(local: Headswap, carphone: Path) -> None:
    ran = local("run", carphone, code=2)
    assert f"hint: headswap run {carphone} --face 1=me.jpg\n" in ran.err


def test_an_id_that_the_engine_does_not_know_leads_to_those_known_here_and_to_no_key(local: Headswap) -> None:
    for command in ("status", "download"):
        ran = local(command, "nonsense", code=13)
        assert re.search(r"error: The local engine has no [a-z, ]+ with the id 'nonsense'\.\n", ran.err)
        assert "hint: See which ids are known here: headswap runs\n" in ran.err
        assert "key" not in ran.err


def test_a_photo_with_several_faces_is_exit_2_with_the_reason(local: Headswap, carphone: Path) -> None:
    ran = local("run", carphone, "--face", f"1={media.photo('multi_face.jpg')}", code=2)
    assert "To pay" not in ran.err
    assert "faces" in ran.err
    assert not list(local.cwd.iterdir())


def test_a_short_video_passes_with_any_length(
    local: Headswap, carphone: Path, tmp_path: Path, portrait: Path
) -> None:
    short = media.looped(carphone, tmp_path / "short.mp4", seconds=1.0)
    assert "--any-length" in local("run", short, "--face", f"1={portrait}", code=2).err
    ran = local("run", short, "--face", f"1={portrait}", "--any-length", "-o", "short.mp4")
    assert ran.out == "short.mp4\n"


def test_no_sound_leaves_the_sound_out(
    local: Headswap, carphone: Path, portrait: Path, tmp_path: Path
) -> None:
    source = media.looped(carphone, tmp_path / "talk.mp4", seconds=1.0, tone=True)
    asked = ("run", source, "--face", f"1={portrait}", "-o", "out.mp4", "--force", "--any-length")
    for flags, streams in (((), 1), (("--no-sound",), 0)):
        local(*asked, *flags)
        with av.open(str(local.cwd / "out.mp4")) as container:
            assert len(container.streams.audio) == streams


def test_serve_tells_whether_an_engine_runs_and_stops_it(local: Headswap, tmp_path: Path) -> None:
    local.env["HEADSWAP_DATA_DIR"] = str(tmp_path / "own")
    clip = plain_clip(tmp_path / "clip.mp4", seconds=4)
    assert local("serve", "--status", "-q").out == "stopped\n"
    local("analyze", clip)
    status = local("serve", "--status", "--json")
    assert status.value["running"] is True
    assert "token" not in status.out
    assert local("serve", "--stop", "--json").value == {"stopped": True, "unfinished": 0}
    assert local("serve", "--stop", "--json").value == {"stopped": False, "unfinished": 0}


def test_the_engine_works_with_the_network_taken_away(
    local: Headswap, carphone: Path, portrait: Path, tmp_path: Path
) -> None:
    unshare = shutil.which("unshare")
    if sys.platform != "linux" or unshare is None:
        pytest.skip("taking the network away needs Linux's unshare")
    command = [unshare, "--net", "--map-root-user"]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a network namespace")
    env = {**local.env, "HEADSWAP_DATA_DIR": str(tmp_path / "own")}
    short = media.looped(carphone, tmp_path / "short.mp4", seconds=1.0)
    run = local.command("run", short, "--face", f"1={portrait}", "-o", "out.mp4", "--any-length")
    try:
        done = subprocess.run([*command, *run], cwd=local.cwd, env=env, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "out.mp4\n"), done.stderr
    finally:
        local("serve", "--stop", HEADSWAP_DATA_DIR=str(tmp_path / "own"))


def test_demo_saves_a_result_and_a_sheet_and_names_the_command_that_looks_closer(local: Headswap) -> None:
    ran = local("demo", "--json")
    value = ran.value
    assert f"headswap compare {value['run_id']} --open" in ran.err
    assert (local.cwd / "carphone_pristine.headswap.mp4").is_file()
    assert (local.cwd / "carphone_pristine.headswap.png").read_bytes().startswith(b"\x89PNG")
    assert value["sheet"] == str(local.cwd / "carphone_pristine.headswap.png")


def test_fetch_says_where_the_weights_lie(local: Headswap) -> None:
    assert local("serve", "--fetch").out.strip() == str(media.weights_dir())
