"""Who is meant by a place in the picture or by a photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import InputError
from headswap_cli.models import FaceMapping, Person, Place
from headswap_cli.services.casting import APART, FITS, nearest, numbered, placed
from headswap_cli.services.mapping import spelt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

THREE = (
    Person(1, 0, box=(400, 50, 500, 150)),
    Person(2, 1, box=(100, 50, 160, 110)),
    Person(3, 2, box=(700, 10, 900, 210)),
)
UNSEEN = (Person(1, 0), Person(2, 1))


def cast(
    faces: Sequence[FaceMapping],
    people: Sequence[Person] = THREE,
    distances: Mapping[str, Mapping[int, float]] | None = None,
) -> tuple[list[int | None], list[str]]:
    """Return whom the faces mean and what was told."""
    told: list[str] = []
    found = numbered(faces, people, "an1", measure=(distances or {}).__getitem__, tell=told.append)
    assert [face.image for face in found]
    return [face.person for face in found], told


@pytest.mark.parametrize(
    ("place", "numbers"), [("left", [2]), ("right", [3]), ("largest", [3]), ("all", [1, 2, 3])]
)
def test_a_place_means_who_is_mostly_there(place: str, numbers: list[int]) -> None:
    assert cast([FaceMapping("me.jpg", place=Place(place))])[0] == numbers


def test_faces_keep_their_order_and_their_images() -> None:
    faces = (
        FaceMapping("a.jpg", place=Place.RIGHT),
        FaceMapping("b.jpg", obj_id=0),
        FaceMapping("c.jpg", place=Place.LEFT),
    )
    assert numbered(faces, THREE, "an1", measure=lambda _: {}, tell=print) == (
        FaceMapping("a.jpg", person=3),
        FaceMapping("b.jpg", obj_id=0),
        FaceMapping("c.jpg", person=2),
    )


@pytest.mark.parametrize("place", ["left", "right", "largest"])
def test_a_service_that_does_not_tell_where_people_are_is_no_place_for_places(place: str) -> None:
    with pytest.raises(InputError, match=r"does not tell where .* 1 \(obj_id 0\), 2 \(obj_id 1\)") as caught:
        cast([FaceMapping("me.jpg", place=Place(place))], UNSEEN)
    assert caught.value.hint == "Name the person: --face N=me.jpg"
    assert caught.value.ids == {"analysis_id": "an1"}


def test_everybody_can_be_meant_where_nobody_knows_where_they_are() -> None:
    assert cast([FaceMapping("me.jpg", place=Place.ALL)], UNSEEN)[0] == [1, 2]


def test_everybody_is_refused_where_they_are_too_many_for_one_task() -> None:
    crowd = [Person(number + 1, number) for number in range(6)]
    with pytest.raises(InputError, match="6 people; one task takes at most 5"):
        cast([FaceMapping("me.jpg", place=Place.ALL)], crowd)


def test_who_looks_like_a_photo_is_told_once_with_the_distances() -> None:
    faces = [FaceMapping("me.jpg", like="anna.jpg"), FaceMapping("me2.jpg", like="anna.jpg")]
    people, told = cast(faces, distances={"anna.jpg": {1: 0.81, 2: 0.31, 3: 0.77}})
    assert people == [2, 2]
    assert told == ["anna.jpg looks like person 2 (distance 0.31, the next one 0.77)"]


def test_nobody_who_looks_like_the_photo_is_refused_with_the_nearest_and_the_people() -> None:
    with pytest.raises(
        InputError, match=r"nearest is person 3 at a distance of 0.62.*People in the video: 1 "
    ):
        cast([FaceMapping("me.jpg", like="a.jpg")], distances={"a.jpg": {1: 0.9, 2: 0.8, 3: 0.62}})


def test_two_who_look_like_the_photo_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"person 2 \(distance 0.40\) and person 1 \(0.45\)"):
        cast([FaceMapping("me.jpg", like="a.jpg")], distances={"a.jpg": {1: 0.45, 2: 0.40, 3: 0.9}})


def test_people_without_a_picture_cannot_be_likened_to_anybody() -> None:
    with pytest.raises(InputError, match="no picture of the people shows a face"):
        cast([FaceMapping("me.jpg", like="a.jpg")], distances={"a.jpg": {}})


@pytest.mark.parametrize(
    "faces",
    [
        [FaceMapping("a.jpg", place=Place.RIGHT), FaceMapping("b.jpg", place=Place.LARGEST)],
        [FaceMapping("a.jpg", place=Place.RIGHT), FaceMapping("b.jpg", person=3)],
        [FaceMapping("a.jpg", like="x.jpg"), FaceMapping("b.jpg", place=Place.LEFT)],
        [FaceMapping("a.jpg", like="x.jpg"), FaceMapping("b.jpg", like="y.jpg")],
    ],
)
def test_two_names_for_one_person_are_refused(faces: list[FaceMapping]) -> None:
    distances = {"x.jpg": {2: 0.2, 1: 0.9}, "y.jpg": {2: 0.3, 1: 0.9}}
    with pytest.raises(
        InputError, match=r"Two of the faces mean person [23]: --face .* and --face "
    ) as caught:
        cast(faces, distances=distances)
    first, second = map(spelt, faces)
    assert f": --face {first} and --face {second}." in caught.value.message


def test_of_two_names_for_the_only_person_it_is_said_that_there_is_no_other() -> None:
    faces = [FaceMapping("a.jpg", place=Place.LEFT), FaceMapping("b.jpg", place=Place.RIGHT)]
    with pytest.raises(InputError, match="mean person 1, the only one in the video: --face left=") as caught:
        cast(faces, THREE[:1])
    assert caught.value.hint == "Leave one of them out"


@pytest.mark.parametrize("counted", [FaceMapping("b.jpg", person=2), FaceMapping("b.jpg", obj_id=1)])
def test_two_names_for_one_person_are_told_with_the_photo_that_may_go_to_who_is_left(
    counted: FaceMapping,
) -> None:
    for faces in (
        [FaceMapping("a.jpg", place=Place.LEFT), counted],
        [counted, FaceMapping("a.jpg", place=Place.LEFT)],
    ):
        with pytest.raises(InputError) as caught:
            cast(faces, THREE[:2])
        assert caught.value.hint == "Leave one of them out, or give it to who is left: --face 1=a.jpg"
        with pytest.raises(InputError) as caught:
            cast([*faces, FaceMapping("c.jpg", person=1)], THREE[:2])
        assert caught.value.hint == "Leave one of them out"


def test_who_is_not_there_is_never_said_to_be_somebody_whom_another_face_means() -> None:
    distances = {"x.jpg": {1: 0.9, 2: 0.9, 3: 0.9}, "y.jpg": {1: 0.2, 2: 0.9, 3: 0.9}}
    gone, there = FaceMapping("a.jpg", like="x.jpg"), FaceMapping("b.jpg", like="y.jpg")
    cut = {name: {1: apart[1]} for name, apart in distances.items()}
    for faces in ([gone, there], [there, gone]):
        with pytest.raises(InputError, match="Nobody in the video looks like 'x") as caught:
            cast(faces, THREE[:1], cut)
        assert "leave out that --face, or its [[cast]]" in (caught.value.hint or "")
        assert "--face 1" not in (caught.value.hint or "")
        with pytest.raises(InputError) as caught:
            cast(faces, THREE, distances)
        assert (caught.value.hint or "").endswith("put in its place: --face N=a.jpg, N being 2 or 3")
    with pytest.raises(InputError) as caught:
        cast([gone, there, FaceMapping("c.jpg", obj_id=2)], THREE, distances)
    assert (caught.value.hint or "").endswith("put in its place: --face 2=a.jpg")


def test_a_video_with_nobody_in_it_is_left_to_the_match_of_people() -> None:
    faces = (FaceMapping("a.jpg", place=Place.LEFT),)
    assert numbered(faces, (), "an1", measure=lambda _: {}, tell=print) == faces


DISTANCES = st.dictionaries(st.integers(1, 9), st.floats(0, 2), min_size=1)


@given(DISTANCES)
def test_whoever_is_chosen_fits_and_stands_out(distances: dict[int, float]) -> None:
    try:
        chosen = nearest("a.jpg", distances)
    except InputError:
        fitting = sorted(apart for apart in distances.values() if apart < FITS)
        assert not fitting or sorted(distances.values())[1] < fitting[0] + APART
    else:
        assert distances[chosen] < FITS
        assert all(
            apart >= distances[chosen] + APART for number, apart in distances.items() if number != chosen
        )


BOXES = st.tuples(*[st.integers(0, 2000)] * 4).map(
    lambda edge: (min(edge[0], edge[2]), min(edge[1], edge[3]), max(edge[0], edge[2]), max(edge[1], edge[3]))
)


@given(st.lists(BOXES, min_size=1, max_size=8))
def test_a_place_is_always_one_of_the_people(boxes: list[tuple[int, int, int, int]]) -> None:
    people = [Person(number, number - 1, box=box) for number, box in enumerate(boxes, start=1)]
    for place in (Place.LEFT, Place.RIGHT, Place.LARGEST):
        (number,) = placed(place, people)
        assert 1 <= number <= len(people)
