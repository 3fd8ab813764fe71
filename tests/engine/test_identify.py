"""Who is who: distances of real faces, and the rules by which tracks become people."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.detect import FaceDetector
from headswap_cli.engine.identify import SAME_PERSON, FaceEmbedder, distance, identify, runs
from headswap_cli.engine.mesh import FaceMesh
from headswap_cli.engine.types import Embedding, Frame, Track
from tests import media


def _track(first_frame: int, length: int, who: float) -> Track:
    """Return a track of somebody whose embedding is ``who`` along one axis."""
    embedding = np.zeros(128)
    embedding[0] = who
    return Track(0, first_frame, np.zeros((length, 478, 3), np.float32), embedding, b"", 1.0)


_TRACKS = st.lists(
    st.builds(_track, st.integers(0, 60), st.integers(1, 30), st.floats(0, 2, width=16)), max_size=9
)


def _share_a_frame(first: Track, second: Track) -> bool:
    return first.first_frame <= second.last_frame and second.first_frame <= first.last_frame


@given(tracks=_TRACKS)
def test_every_track_belongs_to_exactly_one_person(tracks: list[Track]) -> None:
    people = identify(tracks)

    assert sorted(id(track) for person in people for track in person) == sorted(map(id, tracks))


@given(tracks=_TRACKS)
def test_faces_seen_together_are_never_one_person(tracks: list[Track]) -> None:
    for person in identify(tracks):
        assert not any(_share_a_frame(a, b) for a, b in combinations(person, 2))


@given(tracks=_TRACKS)
def test_people_left_apart_are_unlike_or_were_seen_together(tracks: list[Track]) -> None:
    for first, second in combinations(identify(tracks), 2):
        pairs = [(a, b) for a in first for b in second]
        assert any(_share_a_frame(a, b) for a, b in pairs) or all(
            distance(a.embedding, b.embedding) >= SAME_PERSON for a, b in pairs
        )


@given(tracks=_TRACKS)
def test_people_are_ordered_by_screen_time_then_by_entrance(tracks: list[Track]) -> None:
    people = identify(tracks)

    order = [(-sum(len(t.landmarks) for t in person), person[0].first_frame) for person in people]
    assert order == sorted(order)
    for person in people:
        entrances = [track.first_frame for track in person]
        assert entrances == sorted(entrances)


def test_one_person_over_many_cuts_is_one_person() -> None:
    tracks = [_track(20 * shot, 20, 0.1 * (shot % 3) + (shot % 2)) for shot in range(8)]

    people = identify(tracks)

    assert [[track.first_frame for track in person] for person in people] == [
        [0, 40, 80, 120],
        [20, 60, 100, 140],
    ]


def test_nobody_is_no_person() -> None:
    assert identify([]) == []


def _line(*places: float) -> list[Embedding]:
    return [_track(0, 1, place).embedding for place in places]


@given(
    views=st.lists(st.tuples(st.floats(0, 3, width=16), st.floats(0.01, 1)), min_size=1, max_size=12),
)
def test_the_stretches_of_a_face_are_all_of_its_views_in_order(views: list[tuple[float, float]]) -> None:
    places, qualities = zip(*views, strict=True)

    stretches = runs(_line(*places), qualities)

    assert [view for stretch in stretches for view in stretch] == list(range(len(views)))


@given(places=st.lists(st.floats(0, 0.5, width=16), min_size=1, max_size=12))
def test_a_face_that_only_changes_a_little_is_one_person(places: list[float]) -> None:
    assert runs(_line(*places), [1.0] * len(places)) == [range(len(places))]


@pytest.mark.parametrize(
    ("places", "qualities", "stretches"),
    [
        ([0, 0.1, 2, 2.1], [1, 1, 1, 1], [range(2), range(2, 4)]),
        ([0, 2, 2], [1, 1, 1], [range(1), range(1, 3)]),
        # A slow change of looks, each step small.
        ([0, 0.4, 0.8, 1.2], [1, 1, 1, 1], [range(4)]),
        # A hand before the face for one view.
        ([0, 2, 0.1, 0], [1, 1, 1, 1], [range(4)]),
        # A head that turns away.
        ([0, 0.1, 2, 2], [1, 0.9, 0.2, 0.1], [range(4)]),
        ([2, 0, 0.1], [0.1, 1, 0.9], [range(3)]),
    ],
)
def test_a_face_is_parted_only_where_good_views_show_somebody_else(
    places: list[float], qualities: list[float], stretches: list[range]
) -> None:
    assert runs(_line(*places), qualities) == stretches


@pytest.fixture(scope="module")
def embeddings() -> dict[str, Embedding]:
    """Embeddings of the same man in two clips and two moments, of others, and of one photo made tiny."""
    folder = media.weights_dir()
    detector, mesh, embedder = FaceDetector(folder), FaceMesh(folder), FaceEmbedder(folder)

    def embedded(frame: Frame) -> Embedding:
        landmarks, _ = mesh.from_detection(frame, detector(frame)[0])
        return embedder.embed(frame, landmarks)

    def at(name: str, frame_index: int) -> Frame:
        return next(media.frames_of(media.clip(name), start=frame_index, count=1))

    portrait = np.asarray(cv2.imread(str(media.photo("astronaut.png"))), np.uint8)
    small = np.asarray(cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    return {
        "man": embedded(at("single_face.mp4", 5)),
        "man later": embedded(at("single_face.mp4", 60)),
        "man elsewhere": embedded(at("face_noface.mov", 30)),
        "woman crying": embedded(at("WolfgangLanger_Pexels.mp4", 20)),
        "woman laughing": embedded(at("WolfgangLanger_Pexels.mp4", 330)),
        "passenger": embedded(at("carphone_pristine.mp4", 30)),
        "astronaut": embedded(portrait),
        "astronaut small": embedded(small),
    }


@pytest.mark.media
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("man", "man later"),
        ("man", "man elsewhere"),
        ("woman crying", "woman laughing"),
        ("astronaut", "astronaut small"),
    ],
)
def test_one_person_is_close_to_themselves(embeddings: dict[str, Embedding], first: str, second: str) -> None:
    assert distance(embeddings[first], embeddings[second]) < SAME_PERSON - 0.05


@pytest.mark.media
@pytest.mark.parametrize(
    ("first", "second"), list(combinations(("man", "woman crying", "passenger", "astronaut"), 2))
)
def test_two_people_are_far_apart(embeddings: dict[str, Embedding], first: str, second: str) -> None:
    assert distance(embeddings[first], embeddings[second]) > SAME_PERSON + 0.1
