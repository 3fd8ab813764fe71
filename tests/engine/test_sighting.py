"""Where and how long somebody is seen."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from headswap_cli.engine.sighting import sighting
from headswap_cli.engine.types import Person, Track, VideoProperties
from headswap_cli.wire import ANALYSIS_PATH
from tests.clips import plain_clip
from tests.engine.engines import RunningEngine

VIDEO = VideoProperties(640, 360, Fraction(25), 100, 4.0)
PREVIEW = np.zeros((8, 8, 3), np.uint8)


def track(first_frame: int, *places: tuple[float, float]) -> Track:
    """Return a face 40 pixels wide and high, its upper left corner at each of the places in turn."""
    face = np.zeros((478, 3), np.float32)
    face[:468, :2] = np.linspace((0, 0), (40, 40), 468)
    # The irises are no part of the box.
    face[468:] = 5000
    paths = np.stack([face + np.array([x, y, 0], np.float32) for x, y in places])
    return Track(0, first_frame, paths, np.zeros(128), b"", 1.0)


def test_the_share_counts_the_frames_of_all_tracks_and_the_first_time_is_the_earliest() -> None:
    person = Person(0, (track(60, *[(0, 0)] * 10), track(25, *[(0, 0)] * 15)), PREVIEW)
    seen = sighting(person, VIDEO)
    assert (seen["screen_share"], seen["first_time_s"]) == (0.25, 1.0)


def test_the_box_is_where_the_face_mostly_is() -> None:
    person = Person(0, (track(0, (100, 50), (100, 50), (600, 300)),), PREVIEW)
    assert sighting(person, VIDEO)["box"] == [100, 50, 140, 90]


def test_a_box_never_reaches_beyond_the_frame() -> None:
    person = Person(0, (track(0, (-20, 340)),), PREVIEW)
    assert sighting(person, VIDEO)["box"] == [0, 340, 20, 360]


def test_the_engine_tells_share_first_time_and_box_of_each_person(tmp_path: Path) -> None:
    with RunningEngine(tmp_path) as engine:
        engine.tell(people=2)
        video_url = engine.put(plain_clip(tmp_path / "clip.mp4", seconds=4).read_bytes())
        record = engine.ended(ANALYSIS_PATH, engine.analyze(video_url))
    people = record["analysis_result"]["media"]
    assert [person["obj_id"] for person in people] == [0, 1]
    for person in people:
        assert (person["screen_share"], person["box"]) == (0.5, [20, 20, 20, 20])
        assert 0.3 < person["first_time_s"] < 0.5
