"""Where a result goes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import InputError
from headswap_cli.journal import Step, StepKind
from headswap_cli.models import FaceMapping
from headswap_cli.services.output import (
    LATER,
    check_target,
    default_name,
    mapped_in,
    mapped_people,
    target_path,
    with_task_id,
)


def test_the_default_name_keeps_the_stem_of_a_local_video() -> None:
    assert default_name("/films/My holiday.v2.MOV") == "My holiday.v2.headswap.mp4"


@given(st.text(max_size=200))
def test_a_url_never_makes_a_name_that_leaves_the_folder(path: str) -> None:
    name = default_name(f"https://example.com/{path}?X-Amz-Signature=abc")
    assert Path(name).name == name
    assert name.isprintable()
    assert not name.startswith(".")
    assert "Signature" not in name or "Signature" in path


def test_a_folder_as_output_takes_the_default_name(tmp_path: Path) -> None:
    assert target_path(str(tmp_path), "clip.headswap.mp4") == tmp_path / "clip.headswap.mp4"


def test_a_trailing_slash_means_a_folder_even_before_it_exists(tmp_path: Path) -> None:
    assert target_path(f"{tmp_path}/new/", "a.mp4") == tmp_path / "new" / "a.mp4"


def test_force_lets_an_existing_file_pass_but_never_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").touch()
    (tmp_path / "folder").mkdir()
    check_target(tmp_path / "out.mp4", force=True)
    with pytest.raises(InputError, match="is a folder"):
        check_target(tmp_path / "folder", force=True)


def test_checking_a_target_leaves_nothing_behind(tmp_path: Path) -> None:
    check_target(tmp_path / "out.mp4", force=False)
    assert list(tmp_path.iterdir()) == []


def test_an_output_may_name_the_stem_and_the_date(tmp_path: Path) -> None:
    output = f"{tmp_path}/{{date}}/{{stem}}-{{stem}}.mp4"
    target = target_path(output, "clip.headswap.mp4", today=lambda: date(2026, 11, 24))
    assert target == tmp_path / "2026-11-24" / "clip-clip.mp4"


def test_a_task_id_in_the_output_stays_one_name(tmp_path: Path) -> None:
    target = target_path(f"{tmp_path}/{{task_id}}.mp4", "x.headswap.mp4", task_id="../../etc/{date}")
    assert target.parent == tmp_path


@pytest.mark.parametrize("placeholder", ["{task_id}", "{person}"])
def test_a_placeholder_that_is_not_known_yet_is_refused(placeholder: str) -> None:
    with pytest.raises(InputError, match=r"is not known; the placeholders are \{stem\}, \{date\}\."):
        target_path(f"{placeholder}.mp4", "clip.headswap.mp4")


@pytest.mark.parametrize("placeholder", ["{name}", "{}", "{0}", "{Stem}"])
def test_a_placeholder_that_there_is_not_is_refused_with_those_that_there_are(placeholder: str) -> None:
    with pytest.raises(InputError, match=r"is none; .* \{stem\}, \{task_id\}, \{person\}, \{date\}\."):
        target_path(f"a{placeholder}.mp4", "clip.headswap.mp4", task_id=LATER, person="1")


def test_doubled_braces_and_single_ones_are_part_of_the_name(tmp_path: Path) -> None:
    assert target_path(f"{tmp_path}/a{{{{b}}}}{{.mp4", "x.headswap.mp4").name == "a{b}{.mp4"


def test_the_id_of_a_task_to_come_is_put_in_later_and_stays_one_name(tmp_path: Path) -> None:
    target = target_path(
        f"{tmp_path}/{{task_id}}.{{person}}.mp4", "x.headswap.mp4", task_id=LATER, person="2"
    )
    assert with_task_id(target, "64f0c2") == tmp_path / "64f0c2.2.mp4"
    assert with_task_id(target, "../../etc/passwd").parent == tmp_path


def test_the_people_are_named_by_their_numbers() -> None:
    assert mapped_people([FaceMapping("a.jpg")]) == "1"
    assert mapped_people([FaceMapping("a.jpg", person=3), FaceMapping("b.jpg", person=1)]) == "3-1"
    assert mapped_people([FaceMapping("a.jpg", person=3), FaceMapping("b.jpg", obj_id=0)]) is None
    assert mapped_people([]) is None


def test_the_people_of_an_earlier_run_are_those_that_its_request_mapped() -> None:
    people = [{"person": 1, "obj_id": 4}, {"person": 2, "obj_id": 0}]
    steps = [
        Step(StepKind.ANALYSED, 0.0, {"people": people}),
        Step(StepKind.INTENDED, 1.0, {"body": {"mappings": [{"obj_id": 0}, {"obj_id": 4}]}}),
        Step(StepKind.CREATED, 2.0, {"task_id": "64f0c2"}),
    ]
    assert mapped_in(steps) == "2-1"
    assert mapped_in(steps[1:]) is None
    assert mapped_in(steps[:1]) is None
