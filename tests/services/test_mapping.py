"""Which person gets which face."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import InputError
from headswap_cli.models import FaceMapping, Person
from headswap_cli.services.mapping import check_mappings, match_people, whereabouts

TWO = (Person(1, 0), Person(2, 4))


def test_a_person_is_found_by_number_and_by_obj_id() -> None:
    faces = (FaceMapping("a.jpg", person=2), FaceMapping("b.jpg", obj_id=0))
    assert match_people(faces, TWO, "an1") == [(TWO[1], faces[0]), (TWO[0], faces[1])]


def test_a_face_alone_means_the_only_person() -> None:
    only = (Person(1, 3),)
    assert match_people((FaceMapping("a.jpg"),), only, "an1") == [(only[0], FaceMapping("a.jpg"))]


def test_a_face_alone_for_several_people_is_refused_with_the_list() -> None:
    with pytest.raises(InputError, match=r"1 \(obj_id 0\), 2 \(obj_id 4\)"):
        match_people((FaceMapping("a.jpg"),), TWO, "an1")


def test_several_people_are_told_apart_by_where_they_are_and_how_long_they_are_seen() -> None:
    people = (
        Person(1, 0, screen_share=0.8, box=(400, 0, 500, 100)),
        Person(2, 1, screen_share=0.25, box=(10, 0, 90, 100)),
    )
    with pytest.raises(InputError) as caught:
        match_people((FaceMapping("a.jpg"),), people, "an1")
    assert (
        "whose: 1 (obj_id 0, right, in 80 % of the video), 2 (obj_id 1, left, in 25 % of the video)."
        in caught.value.message
    )
    for way in ("--face 1=a.jpg", "--face left=a.jpg", "--face right=a.jpg"):
        assert way in (caught.value.hint or "")


def test_people_who_take_turns_at_one_place_are_not_said_to_be_left_and_right() -> None:
    people = (Person(1, 0, box=(400, 0, 500, 100)), Person(2, 1, box=(420, 0, 530, 100)))
    with pytest.raises(InputError, match=r"whose: 1 \(obj_id 0\), 2 \(obj_id 1\)") as caught:
        match_people((FaceMapping("a.jpg"),), people, "an1")
    assert caught.value.hint == "--face 1=a.jpg"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, []),
        (3, ["left", "middle", "right"]),
        (4, ["left", "no. 2 from the left", "no. 3 from the left", "right"]),
    ],
)
def test_those_between_are_counted_from_the_left(count: int, words: list[str]) -> None:
    people = [
        Person(number + 1, number, box=(100 * number, 0, 100 * number + 50, 50)) for number in range(count)
    ]
    assert [word for told in whereabouts(people).values() for word in told] == words


def test_somebody_who_is_not_there_is_refused_with_the_list() -> None:
    with pytest.raises(InputError, match=r"Person 3 is not in the video; found: 1 \(obj_id 0\), 2"):
        match_people((FaceMapping("a.jpg", person=3),), TWO, "an1")


def test_an_obj_id_is_never_taken_for_a_number() -> None:
    with pytest.raises(InputError, match="obj_id 1 is not in the video"):
        match_people((FaceMapping("a.jpg", obj_id=1),), TWO, "an1")


def test_one_person_named_in_two_ways_is_refused_where_a_person_has_one_photo() -> None:
    with pytest.raises(InputError, match="given 2 photos; at most 1"):
        match_people((FaceMapping("a.jpg", person=1), FaceMapping("b.jpg", obj_id=0)), TWO, "an1")


def test_several_photos_of_one_person_keep_their_order() -> None:
    faces = (FaceMapping("b.jpg", person=1), FaceMapping("a.jpg", obj_id=0), FaceMapping("c.jpg", person=2))
    assert match_people(faces, TWO, "an1", most=5) == list(zip((TWO[0], TWO[0], TWO[1]), faces, strict=True))


def test_a_video_with_nobody_in_it_is_refused() -> None:
    with pytest.raises(InputError, match="Nobody"):
        match_people((FaceMapping("a.jpg"),), (), "an1")


def test_without_a_face_the_people_are_listed_with_the_command_that_goes_on() -> None:
    with pytest.raises(InputError) as caught:
        match_people((), TWO, "an1")
    assert caught.value.hint == "headswap swap an1 --face 1=me.jpg"


@given(st.lists(st.integers(1, 8), max_size=12))
def test_only_up_to_five_people_with_up_to_five_photos_each_pass(people: list[int]) -> None:
    faces = [FaceMapping("a.jpg", person=person) for person in people]
    if len(set(people)) <= 5 and all(people.count(one) <= 5 for one in people):
        check_mappings(faces)
    else:
        with pytest.raises(InputError):
            check_mappings(faces)


def test_several_photos_of_nobody_named_are_told_how_people_and_how_photos_of_one_are_numbered() -> None:
    with pytest.raises(InputError, match="whose it is") as caught:
        check_mappings([FaceMapping("a.jpg"), FaceMapping("b.jpg")])
    for flags in ("--face 1=a.jpg --face 2=b.jpg", "--face 1=a.jpg --face 1=b.jpg"):
        assert flags in (caught.value.hint or "")
