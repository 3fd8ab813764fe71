"""Views: heads that are kept as a video passes by, few, small, evenly spread and in their right place."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.headmatte import head_window
from headswap_cli.engine.topology import OVAL
from headswap_cli.engine.types import Frame, Landmarks, Person, Track
from headswap_cli.engine.views import MOST, View, ViewKeeper, cut, evenly, thinned
from tests.engine import heads

pytestmark = pytest.mark.media


def face(width: float, x: float, y: float) -> Landmarks:
    """A face so wide with its middle there."""
    shape = heads.reference().vertices[:478].astype(np.float32)
    shape = shape * np.float32(width / face_width(shape))
    shape[:, :2] += np.array([x, y], np.float32) - shape[OVAL, :2].mean(axis=0)
    return shape


def smooth(height: int, width: int) -> Frame:
    """A picture each of whose places can be told by its colour."""
    x, y = np.meshgrid(np.linspace(0, 250, width), np.linspace(0, 250, height))
    return np.stack([x, y, (x + y) / 2], axis=-1).round().astype(np.uint8)


def tiny(frame_index: int) -> View:
    return View(frame_index, 0, 0, (1.0, 1.0), b"")


@pytest.mark.parametrize("width", [40.0, 100.0, 300.0])
@pytest.mark.parametrize("place", [(640.0, 400.0), (20.0, 60.0), (1270.0, 700.0)])
def test_landmarks_lie_in_a_view_where_they_lay_in_the_frame(
    width: float, place: tuple[float, float]
) -> None:
    frame, landmarks = smooth(720, 1280), face(width, *place)
    image, placed = cut(7, frame, landmarks).packed().unpack(landmarks)
    inside = ((landmarks[:, :2] >= 1) & (landmarks[:, :2] < (1278, 718))).all(axis=1)
    x, y = landmarks[inside, 0], landmarks[inside, 1]
    there = cv2.remap(frame, x[:, None], y[:, None], cv2.INTER_LINEAR).reshape(-1, 3)
    x, y = placed[inside, 0], placed[inside, 1]
    here = cv2.remap(image, x[:, None], y[:, None], cv2.INTER_LINEAR).reshape(-1, 3)
    assert inside.sum() > 50
    assert np.abs(there.astype(int) - here).max() <= 3
    assert face_width(placed) == pytest.approx(min(width, 128.0), rel=0.01)


def test_a_view_shows_all_of_the_frame_that_lies_in_the_window_of_a_head() -> None:
    frame, landmarks = smooth(720, 1280), face(100.0, 500.0, 300.0)
    view = cut(0, frame, landmarks).packed()
    image, _ = view.unpack(landmarks)
    x0, y0, side = head_window(landmarks[OVAL, :2].mean(axis=0), face_width(landmarks))
    assert view.x0 <= x0 - 0.02 * side
    assert view.y0 <= y0 - 0.02 * side
    assert view.x0 + image.shape[1] >= x0 + 1.02 * side
    assert view.y0 + image.shape[0] >= y0 + 1.02 * side


def test_a_view_of_a_large_noisy_face_takes_little_memory() -> None:
    frame = np.random.default_rng(3).normal(128, 12, (720, 1280, 3)).clip(0, 255).astype(np.uint8)
    view = cut(0, cv2.GaussianBlur(frame, (0, 0), 0.8).astype(np.uint8), face(300.0, 640.0, 360.0)).packed()
    assert len(view.content) * MOST < 3 * 1024**2


@given(st.integers(1, 1500), st.integers(0, 50))
def test_views_are_even_and_few_however_long_a_face_is_seen(count: int, first: int) -> None:
    keeper, frame, landmarks = ViewKeeper(), np.zeros((16, 16, 3), np.uint8), face(3.0, 8.0, 8.0)
    for index in range(first, first + count):
        keeper.look(index, frame, landmarks)
    kept = [view.frame_index for view in keeper.between(first, first + count)]
    assert min(count, MOST) == len(kept)
    assert kept[0] == first
    apart = np.diff([*kept, first + count])
    assert apart.max() <= 2.5 * max(1.0, count / MOST)


def test_only_views_of_a_tracks_own_frames_are_its_own() -> None:
    keeper, frame, landmarks = ViewKeeper(), np.zeros((16, 16, 3), np.uint8), face(3.0, 8.0, 8.0)
    for index in range(20):
        keeper.look(index, frame, landmarks)
    assert [view.frame_index for view in keeper.between(5, 9)] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(("tracks", "left"), [(1, 16), (32, 16), (100, 5), (1000, 3)])
def test_the_more_tracks_a_film_has_the_fewer_views_of_each_stay(tracks: int, left: int) -> None:
    views = [tiny(index) for index in range(MOST)]
    kept = thinned(views, tracks)
    assert len(kept) == left
    assert (kept[0], kept[-1]) == (views[0], views[-1])


def test_no_face_is_told_of_where_a_view_or_who_has_it_is_shown() -> None:
    view = View(0, 0, 0, (1.0, 1.0), b"a face")
    track = Track(0, 0, np.zeros((1, 478, 3), np.float32), np.zeros(128), b"", 1.0, (view,))
    person = Person(0, (track,), np.zeros((8, 8, 3), np.uint8), (view,))
    assert "a face" not in repr(view)
    assert "View(" not in repr(track)
    assert "View(" not in repr(person)
    assert not any(name in repr(person) for name in ("landmarks", "embedding", "preview="))


def test_of_a_persons_tracks_the_longer_have_more_views() -> None:
    def track(first: int, count: int) -> Track:
        views = tuple(tiny(index) for index in np.linspace(first, first + count - 1, MOST).astype(int))
        path = np.zeros((count, 478, 3), np.float32)
        return Track(0, first, path, np.zeros(128), b"", 1.0, views)

    long, short = track(0, 900), track(1000, 100)
    chosen = [view.frame_index for view in evenly([long, short])]
    assert 12 <= len(chosen) <= MOST
    assert 1 <= sum(index >= 1000 for index in chosen) <= 3
    assert chosen == sorted(chosen)
    assert evenly([replace(long, views=())]) == ()
