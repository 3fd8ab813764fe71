"""Records as values: the examples, the vendor's traps, and any JSON at all."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.api import v4
from headswap_cli.api.client import ApiClient
from headswap_cli.envelope import Fault, Reply, open_envelope
from headswap_cli.errors import OutcomeUnknownError, ServiceError
from headswap_cli.models import Analysis, Person, Status, Task
from tests.loopback import sample

if TYPE_CHECKING:
    from headswap_cli.wire import JsonObject

FIELDS = [
    "_id", "status", "progress", "video_url", "source_video_url", "error_reason", "error_code",
    "video_duration", "resolution", "deduction_lock_duration", "notices", "analysis_result", "media",
    "obj_id", "img_url", "video_info", "screen_share", "first_time_s", "box",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-1, 5)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20)
    | st.sampled_from(["1", "3.0", "nan", "1e999", "https://example.com/a.mp4", "http://", "success", "6a06"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=20,
)
RECORDS = st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=12)


def is_harmless(text: str) -> bool:
    """Tell whether a text is one line that no terminal takes for a command."""
    return not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text)


def analysis_of(**changes: object) -> Analysis:
    """Parse the completed example with some fields changed."""
    return v4.parse_analysis({**sample("analysis_completed")["data"], **changes}, "a1")


def task_of(**changes: object) -> Task:
    return v4.parse_task({**sample("task_completed")["data"], **changes}, "t1")


def people_of(*media: object) -> tuple[Person, ...]:
    return analysis_of(analysis_result={"media": list(media)}).people


def client_that_hears(body: bytes) -> ApiClient:
    """Return a client of a service that has one answer to everything."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=iter([body]))

    http = httpx.Client(base_url="https://example.com", transport=httpx.MockTransport(answer))
    return ApiClient(http, patience_s=0.0)


@pytest.mark.parametrize(
    ("name", "status", "progress"),
    [
        ("analyze_accepted", Status.QUEUED, 0),
        ("analysis_processing", Status.PROCESSING, 35),
        ("analysis_completed", Status.COMPLETED, 100),
        ("analysis_failed", Status.FAILED, 35),
    ],
)
def test_each_example_of_an_analysis_has_its_state(name: str, status: Status, progress: float) -> None:
    analysis = v4.parse_analysis(sample(name)["data"], "a1")
    assert (analysis.status, analysis.progress) == (status, progress)
    assert analysis.video_url == "https://media.example.com/clip.mp4"
    assert (analysis.error is not None) == (status is Status.FAILED)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("task_created", Status.QUEUED),
        ("task_processing", Status.PROCESSING),
        ("task_completed_without_url", Status.PROCESSING),
        ("task_completed", Status.COMPLETED),
        ("task_failed", Status.FAILED),
    ],
)
def test_each_example_of_a_task_has_its_state(name: str, status: Status) -> None:
    task = v4.parse_task(sample(name)["data"], "t1")
    assert task.status is status
    assert (task.output_url is not None) == (status is Status.COMPLETED)
    assert (task.error is not None) == (status is Status.FAILED)
    assert (task.duration_s, task.resolution) == (8.0, "720p")


def test_an_example_keeps_what_it_is_not_asked_for() -> None:
    analysis = analysis_of(brand_new=["field"])
    assert analysis.raw["brand_new"] == ["field"]
    assert "brand_new" not in repr(analysis)
    assert analysis.video == {"width": 1280, "height": 720, "fps": 25, "frame_count": 200}


def test_the_reason_success_of_a_completed_record_is_no_error() -> None:
    analysis = analysis_of(error_reason="success", error_code=0)
    assert (analysis.status, analysis.error, analysis.error_code) == (Status.COMPLETED, None, None)
    task = task_of(error_reason="success", error_code=0)
    assert (task.status, task.error, task.error_code) == (Status.COMPLETED, None, None)


@pytest.mark.parametrize("url", ["", None, 7, [], "pending", "ftp://example.com/x", "http://", "https://a b"])
def test_a_completed_task_without_a_url_is_still_at_work(url: object) -> None:
    task = task_of(video_url=url)
    assert (task.status, task.status_number, task.output_url) == (Status.PROCESSING, 3, None)
    assert not task.status.is_terminal


@pytest.mark.parametrize(
    ("status", "number"),
    [(5, 5), (0, 0), (-1, -1), (99, 99), (None, 0), ("done", 0), ([], 0), (True, 0), (2.5, 0)],
)
def test_a_status_that_nobody_knows_is_not_the_end(status: object, number: int) -> None:
    for state in (analysis_of(status=status), task_of(status=status)):
        assert (state.status, state.status_number) == (Status.UNKNOWN, number)
        assert not state.status.is_terminal


@pytest.mark.parametrize("status", [3, 3.0, "3"])
def test_a_status_may_come_as_another_kind_of_number(status: object) -> None:
    assert analysis_of(status=status).status is Status.COMPLETED


@pytest.mark.parametrize(
    ("told", "progress"),
    [
        (40, 40.0), (40.5, 40.5), ("40", 40.0), (-5, 0.0), (250, 100.0), (None, 0.0), ("half", 0.0),
        (True, 0.0), ([], 0.0), (math.nan, 0.0), (math.inf, 0.0), (10**400, 0.0),
    ],
)  # fmt: skip
def test_a_progress_is_always_between_0_and_100(told: object, progress: float) -> None:
    assert task_of(status=2, progress=told).progress == progress
    assert analysis_of(status=2, progress=told).progress == progress


def test_people_are_numbered_from_1_in_the_order_of_media() -> None:
    assert people_of({"obj_id": 4}, {"obj_id": 0}, {"obj_id": 2}) == (
        Person(1, 4),
        Person(2, 0),
        Person(3, 2),
    )


@pytest.mark.parametrize("obj_id", [0, 0.0, "0", -0.0])
def test_an_obj_id_may_come_as_another_kind_of_number(obj_id: object) -> None:
    (person,) = people_of({"obj_id": obj_id, "img_url": "https://example.com/0.jpg"})
    assert person == Person(1, 0, "https://example.com/0.jpg")
    assert type(person.obj_id) is int


@pytest.mark.parametrize("obj_id", [None, "", "a", -1, 0.5, True, [], math.nan, math.inf, "9" * 40])
def test_an_entry_that_no_mapping_could_name_is_no_person(obj_id: object) -> None:
    assert people_of(
        {"obj_id": obj_id}, {"img_url": "https://example.com/x.jpg"}, "x", None, {"obj_id": 3}
    ) == (Person(1, 3),)


@pytest.mark.parametrize("entry", [{}, {"img_url": None}, {"img_url": 5}, {"img_url": "javascript:alert(1)"}])
def test_a_person_without_a_preview_is_a_person(entry: JsonObject) -> None:
    assert people_of({"obj_id": 1, **entry}) == (Person(1, 1, None),)


def test_two_crops_of_one_obj_id_are_one_person() -> None:
    crops = [
        {"obj_id": 1},
        {"obj_id": 0, "img_url": "http://a/0"},
        {"obj_id": 1.0, "img_url": "http://a/1"},
        {"obj_id": 0, "img_url": "http://a/later"},
    ]
    assert people_of(*crops) == (Person(1, 1, "http://a/1"), Person(2, 0, "http://a/0"))


@pytest.mark.parametrize(
    "result", [None, [], "none", {}, {"media": None}, {"media": {}}, {"detected_objects": 3}]
)
def test_a_completed_analysis_may_have_found_nobody(result: object) -> None:
    analysis = analysis_of(analysis_result=result)
    assert (analysis.status, analysis.people) == (Status.COMPLETED, ())


def test_a_reason_cannot_drive_the_terminal() -> None:
    task = task_of(status=4, error_reason="no\x1b[2Jface\u202e", notices=["a\x1b]0;t\x07b", 7, "", None])
    assert task.error == "noface"
    assert task.notices == ("ab",)


def test_a_service_that_says_very_much_of_a_task_is_heard_in_part() -> None:
    assert len(task_of(notices=["much"] * 20_000).notices) == 50


@pytest.mark.parametrize("said", [None, "", "video", 7, ["photo"]])
def test_no_service_but_the_local_engine_says_that_another_photo_will_do(said: object) -> None:
    assert not task_of(status=4, error_reason="no face", error_subject=said).is_of_a_photo
    assert task_of(status=4, error_reason="no face", error_subject="photo").is_of_a_photo


@pytest.mark.parametrize("reason", [None, "", "\x1b[0m", 7, {"a": 1}])
def test_a_failure_without_a_reason_has_none(reason: object) -> None:
    task = task_of(status=4, error_reason=reason, error_code="1204")
    assert (task.status, task.error, task.error_code) == (Status.FAILED, None, 1204)


def test_the_submitted_url_outlives_what_the_service_makes_of_it() -> None:
    envelope = sample("analyze_accepted")
    envelope["data"]["video_url"] = "https://media.example.com/normalised.mp4"
    client = client_that_hears(json.dumps(envelope).encode())
    assert v4.submit_analysis(client, "https://media.example.com/a/../clip.mp4").video_url.endswith(
        "a/../clip.mp4"
    )


@pytest.mark.parametrize("identifier", [None, "", 7, "a b", "a\x1b[0m", "é", "x" * 300])
def test_an_analysis_without_a_usable_id_is_a_service_error(identifier: object) -> None:
    envelope = sample("analyze_accepted")
    envelope["data"]["_id"] = identifier
    with pytest.raises(ServiceError):
        v4.submit_analysis(client_that_hears(json.dumps(envelope).encode()), "https://example.com/clip.mp4")


@given(RECORDS | ANYTHING)
def test_any_data_is_a_value_or_a_service_error(data: Any) -> None:
    client = client_that_hears(json.dumps({"code": 1000, "data": data}).encode())
    for call in (
        lambda: v4.fetch_analysis(client, "a1"),
        lambda: v4.fetch_task(client, "t1"),
        lambda: v4.submit_analysis(client, "https://example.com/clip.mp4"),
        lambda: v4.create_task(client, {}),
    ):
        try:
            state = call()
        except (ServiceError, OutcomeUnknownError):
            continue
        assert 0.0 <= state.progress <= 100.0
        for text in (state.error, *(state.notices if isinstance(state, Task) else ())):
            assert text is None or is_harmless(text)
        if isinstance(state, Task):
            assert (state.output_url is not None) or state.status is not Status.COMPLETED
        else:
            assert [person.person for person in state.people] == list(range(1, len(state.people) + 1))
            assert len({person.obj_id for person in state.people}) == len(state.people)
            assert all(person.obj_id >= 0 for person in state.people)


@given(st.integers(100, 599), st.binary(max_size=50) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_any_answer_is_data_or_a_fault_with_something_to_say(status: int, body: bytes) -> None:
    outcome = open_envelope(Reply(status, body))
    if isinstance(outcome, Fault):
        assert is_harmless(outcome.error.message)
    else:
        assert status < 300


@given(ANYTHING, ANYTHING)
def test_any_code_and_message_are_a_fault_or_data(code: Any, message: Any) -> None:
    outcome = open_envelope(Reply(200, json.dumps({"code": code, "msg": message}).encode()))
    assert isinstance(outcome, Fault)
    assert is_harmless(outcome.error.message)


def test_where_and_how_long_a_person_is_seen_is_kept_where_it_is_told() -> None:
    seen = {"screen_share": 0.25, "first_time_s": 1.5, "box": [10, 20, 30, 40]}
    found = analysis_of(analysis_result={"media": [{"obj_id": 0, **seen}, {"obj_id": 1}]})
    first, second = found.people
    assert (first.screen_share, first.first_time_s, first.box) == (0.25, 1.5, (10, 20, 30, 40))
    assert (second.screen_share, second.first_time_s, second.box) == (None, None, None)


@pytest.mark.parametrize(
    "odd",
    [
        {"screen_share": 1.5},
        {"screen_share": "many"},
        {"first_time_s": -1},
        {"box": [1, 2, 3]},
        {"box": [30, 20, 10, 40]},
        {"box": [1, 2, 3, None]},
        {"box": "left"},
    ],
)
def test_a_sight_that_makes_no_sense_is_not_told(odd: dict[str, Any]) -> None:
    found = analysis_of(analysis_result={"media": [{"obj_id": 0, **odd}]})
    assert found.people == (Person(1, 0),)


@pytest.mark.parametrize(
    ("said", "modes"),
    [
        ([{"obj_id": 1, "mode": "head"}, {"obj_id": 0, "mode": "face"}], {0: "face", 1: "head"}),
        ([{"obj_id": 0, "mode": "hat"}, {"obj_id": "x", "mode": "head"}, 7, {"mode": "head"}], {}),
        ({"obj_id": 0}, {}),
        (None, {}),
    ],
)
def test_how_much_was_replaced_is_read_where_it_is_told(said: object, modes: dict[int, str]) -> None:
    assert v4.parse_task({"status": 2, "modes": said}, "task").modes == modes


@pytest.mark.parametrize(("said", "ahead"), [(2, 2), (0, 0), (-1, 0), ("x", 0), (None, 0)])
def test_how_many_jobs_come_first_is_a_count(said: object, ahead: int) -> None:
    assert v4.parse_task({"status": 1, "ahead": said}, "task").ahead == ahead
    assert v4.parse_analysis({"status": 1, "ahead": said}, "analysis").ahead == ahead


def test_only_of_the_local_engine_is_it_believed_that_the_user_had_a_job_ended() -> None:
    # What was cancelled is begun anew without a question: at a service that would be paid for twice.
    record = {"status": 4, "cancelled": True, "error_reason": "gone"}
    for parse in (v4.parse_task, v4.parse_analysis):
        assert parse(record, "x").status is Status.FAILED
        ended = parse(record, "x", is_of_engine=True)
        assert (ended.status, ended.error) == (Status.CANCELLED, "gone")
        assert parse({**record, "cancelled": "yes"}, "x", is_of_engine=True).status is Status.FAILED
        assert parse({**record, "status": 2}, "x", is_of_engine=True).status is Status.PROCESSING


@pytest.mark.parametrize(
    "front", [None, 7, [], {}, {"_id": "a"}, {"_id": "a", "kind": "\x1b[31m"}, {"_id": 7, "kind": "x"}]
)
def test_a_front_that_makes_no_sense_is_none(front: object) -> None:
    assert v4.parse_task({"status": 1, "front": front}, "x").front is None
