"""Where people's heads meet, the one whose face is covered is behind, however large it is."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from headswap_cli.engine import topology
from headswap_cli.engine.appearance import learn, of_face
from headswap_cli.engine.cast import Cast, Played
from headswap_cli.engine.fit import Fit
from headswap_cli.engine.geometry import face_width
from headswap_cli.engine.head import HeadSwapper
from headswap_cli.engine.meetings import Judge, Meeting, encounters
from headswap_cli.engine.silhouette import silhouette
from headswap_cli.engine.types import Person, Scene, Shot, Track, VideoProperties
from headswap_cli.models import Mode
from tests.engine import heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headswap_cli.engine.types import Frame, Landmarks

pytestmark = pytest.mark.media

CHIN_DIMPLE = 200
WOMAN, MAN, FRAMES = 0, 1, 6
# So far the man comes from his place to the woman's, pixels, and no nearer where they do not meet.
NEAR, FAR = 70, -90
NO_PICTURE = np.zeros((8, 8, 3), np.uint8)


@cache
def woman() -> tuple[tuple[Frame, ...], Landmarks]:
    return heads.scene("WolfgangLanger_Pexels.mp4", 224, FRAMES)


@cache
def man() -> tuple[tuple[Frame, ...], Landmarks]:
    return heads.scene("single_face.mp4", 0, FRAMES)


def inside(shape: tuple[int, ...], landmarks: Landmarks) -> NDArray[np.bool_]:
    outline = np.round(landmarks[topology.OVAL, :2]).astype(np.int32)
    return cv2.fillPoly(np.zeros(shape[:2], np.uint8), [outline], (1,)) > 0


def moved(track: Landmarks, shift: int) -> Landmarks:
    return np.asarray(track + np.array([shift, 0, 0], np.float32), np.float32)


def picture(index: int, shift: int, before: int) -> Frame:
    """Lay the man's face into the woman's picture, before hers or behind it."""
    hers, his = woman()[0][index], np.roll(man()[0][index], shift, axis=1)
    place = inside(hers.shape, moved(man()[1], shift)[index])
    if before == WOMAN:
        place &= ~inside(hers.shape, woman()[1][index])
    soft = cv2.GaussianBlur(place.astype(np.float32), (0, 0), 1.0)[..., np.newaxis]
    return np.asarray(hers * (1 - soft) + his * soft + 0.5, np.uint8)


def people(shift: int) -> tuple[Person, Person]:
    tracks = {WOMAN: woman()[1], MAN: moved(man()[1], shift)}
    woman_and_man = [
        Person(obj_id, (Track(0, 0, track, np.zeros(128), b"", 1.0),), NO_PICTURE)
        for obj_id, track in tracks.items()
    ]
    return woman_and_man[0], woman_and_man[1]


def judged(before: int) -> tuple[Meeting, ...]:
    triangles = of_face(heads.reference().triangles)
    faces = {
        obj_id: learn(list(zip(*seen, strict=True)), triangles)
        for obj_id, seen in ((WOMAN, woman()), (MAN, man()))
    }
    judge = Judge(encounters(people(NEAR)), faces, triangles)
    for index in range(FRAMES):
        judge.look(index, picture(index, NEAR, before))
    return judge.meetings()


@pytest.mark.parametrize(("before", "behind"), [(MAN, WOMAN), (WOMAN, MAN)])
def test_who_is_covered_is_behind_however_wide_the_faces_are(before: int, behind: int) -> None:
    assert face_width(man()[1][0]) < 0.9 * face_width(woman()[1][0])
    assert judged(before) == (Meeting(0, FRAMES - 1, before, behind),)


def test_faces_that_keep_apart_do_not_meet() -> None:
    assert encounters(people(FAR)) == []


def swapped(*obj_ids: int, met: bool = True) -> Played:
    """Return the first frame, in which the man is before the woman, with some heads swapped."""
    frame = picture(0, NEAR, MAN)
    height, width = frame.shape[:2]
    video = VideoProperties(width, height, Fraction(25), FRAMES, 1.0)
    scene = Scene(video, (Shot(0, FRAMES - 1, None),), people(NEAR))
    swappers = {
        obj_id: HeadSwapper(
            heads.reference(), scene.people[obj_id].tracks[0].landmarks[:], Mode.HEAD, heads.matte()
        )
        for obj_id in obj_ids
    }
    meetings = [Meeting(0, FRAMES - 1, MAN, WOMAN)] if met else []
    return Cast(scene, Fit(width, height, 1.0, 1.0), swappers, meetings).play(0, frame)


def test_nothing_of_a_new_head_is_painted_over_whoever_is_before_it() -> None:
    frame, his = picture(0, NEAR, MAN), moved(man()[1], NEAR)[0]
    alone, together = swapped(MAN).image, swapped(MAN, WOMAN).image
    face = inside(frame.shape, his)
    assert float(np.abs(together[face].astype(int) - alone[face]).mean()) < 3
    hers = inside(frame.shape, woman()[1][0]) & ~face
    assert float(np.abs(together[hers].astype(int) - frame[hers]).mean()) > 5


def test_the_new_head_behind_goes_on_right_up_to_the_new_head_before_it() -> None:
    frame, his = picture(0, NEAR, MAN), moved(man()[1], NEAR)[0]
    hers = swapped(WOMAN, met=False).image.astype(int)
    his_alone, both = (swapped(*who).image.astype(int) for who in ((MAN,), (MAN, WOMAN)))
    # His old head and its surroundings, as far as he has no new one there and she has, above the
    # dimple of his chin: below it a neck may go on.
    free = (silhouette(frame.shape, his) > 0.9) & (np.abs(both - his_alone).max(axis=2) > 9)
    free[round(float(his[CHIN_DIMPLE, 1])) :] = False
    assert free.sum() > 200
    off, was_off = (float(np.median(np.abs(one[free] - hers[free]))) for one in (both, his_alone))
    assert off < 0.5 * was_off
