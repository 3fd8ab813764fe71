"""A cast is kept as paths, and read back as the same faces."""

from __future__ import annotations

import os
import stat
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headswap_cli.errors import InputError
from headswap_cli.models import FaceMapping, Person
from headswap_cli.services.castfile import check_writable, read_cast, save_cast

ANNA, BERT = Person(1, 0), Person(2, 1)
PICTURES = {1: b"\xff\xd8anna", 2: b"\xff\xd8bert"}
NAMES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12).filter(
    lambda name: not name.startswith(("/", "~", "\\")) and "://" not in name
)


def test_what_was_saved_is_read_back_with_the_pictures_of_the_people(tmp_path: Path) -> None:
    file = tmp_path / "cast.toml"
    photo = str(tmp_path / "photos" / "me.jpg")
    matched = [
        (BERT, FaceMapping(photo, person=2)),
        (BERT, FaceMapping("https://example.com/me2.jpg", person=2)),
        (ANNA, FaceMapping("/elsewhere/you.jpg", person=1)),
    ]
    written = save_cast(file, matched, PICTURES)
    assert [path.name for path in written] == ["cast.toml", "cast.person-2.jpg", "cast.person-1.jpg"]
    assert read_cast(file) == (
        FaceMapping(photo, like=str(tmp_path / "cast.person-2.jpg")),
        FaceMapping("https://example.com/me2.jpg", like=str(tmp_path / "cast.person-2.jpg")),
        FaceMapping("/elsewhere/you.jpg", like=str(tmp_path / "cast.person-1.jpg")),
    )
    assert (tmp_path / "cast.person-1.jpg").read_bytes() == PICTURES[1]


def test_the_folder_may_be_moved_with_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    save_cast(
        tmp_path / "old" / "cast.toml",
        [(ANNA, FaceMapping(str(tmp_path / "old" / "me.jpg"), person=1))],
        PICTURES,
    )
    (tmp_path / "old").rename(tmp_path / "new")
    (face,) = read_cast(tmp_path / "new" / "cast.toml")
    assert face.image == str(tmp_path / "new" / "me.jpg")


@pytest.mark.skipif(os.name != "posix", reason="there are no such pipes elsewhere")
def test_paths_that_come_through_a_pipe_are_seen_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reader, writer = os.pipe()
    os.write(writer, b'[[cast]]\nlike = "anna.jpg"\nfaces = ["me.jpg"]\n')
    os.close(writer)
    try:
        (face,) = read_cast(Path(f"/dev/fd/{reader}"))
    finally:
        os.close(reader)
    assert (face.like, face.image) == (str(tmp_path / "anna.jpg"), str(tmp_path / "me.jpg"))


def test_the_file_holds_paths_and_nothing_that_was_measured(tmp_path: Path) -> None:
    file = tmp_path / "cast.toml"
    save_cast(file, [(ANNA, FaceMapping("/me.jpg", person=1))], PICTURES)
    assert tomllib.loads(file.read_text()) == {"cast": [{"like": "cast.person-1.jpg", "faces": ["/me.jpg"]}]}


def test_files_with_faces_are_for_the_owner_alone(tmp_path: Path) -> None:
    written = save_cast(tmp_path / "cast.toml", [(ANNA, FaceMapping("/me.jpg", person=1))], PICTURES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cast.person-1.jpg", "cast.toml"]


def test_somebody_without_a_picture_is_not_half_saved(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Person 2 has no picture"):
        save_cast(
            tmp_path / "cast.toml",
            [(ANNA, FaceMapping("/me.jpg", person=1)), (BERT, FaceMapping("/me.jpg", person=2))],
            {1: b"anna"},
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    (tmp_path / "cast.toml").touch()
    with pytest.raises(InputError, match="is there already"):
        check_writable(tmp_path / "cast.toml", force=False)
    check_writable(tmp_path / "cast.toml", force=True)
    with pytest.raises(InputError, match="is not there"):
        check_writable(tmp_path / "gone" / "cast.toml", force=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cast = 3",
        "cast = []",
        "cast = [3]",
        '[[cast]]\nlike = "a.jpg"',
        '[[cast]]\nlike = "a.jpg"\nfaces = []',
        '[[cast]]\nlike = "a.jpg"\nfaces = "me.jpg"',
        '[[cast]]\nlike = "a.jpg"\nfaces = [""]',
        '[[cast]]\nlike = 1\nfaces = ["me.jpg"]',
        '[[cast]]\nlike = "https://a/b.jpg"\nfaces = ["me.jpg"]',
        '[[cast]]\nlike = "a.jpg"\nfaces = ["me.jpg"]\nembedding = [0.1]',
        'other = 1\n[[cast]]\nlike = "a.jpg"\nfaces = ["me.jpg"]',
        "[[cast",
        "\xff",
    ],
)
def test_a_file_of_another_form_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "cast.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"cast\.toml"):
        read_cast(tmp_path / "cast.toml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no mapping .*gone\.toml"):
        read_cast(tmp_path / "gone.toml")


REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@REUSED
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"[[cast]]\n{text}".encode()))
def test_any_bytes_are_a_cast_or_an_input_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "any.toml").write_bytes(content)
    with suppress(InputError):
        assert all(face.like and face.image for face in read_cast(tmp_path / "any.toml"))


@REUSED
@given(st.lists(NAMES, min_size=1, max_size=4))
def test_any_names_of_photos_come_through(tmp_path: Path, names: list[str]) -> None:
    matched = [(ANNA, FaceMapping(str(tmp_path / name), person=1)) for name in names]
    save_cast(tmp_path / "cast.toml", matched, PICTURES)
    assert [face.image for face in read_cast(tmp_path / "cast.toml")] == [face.image for _, face in matched]
