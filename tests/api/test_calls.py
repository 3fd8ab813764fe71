"""The four calls, byte by byte on the wire, against the vendor's service on loopback."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from headswap_cli.api import v4
from headswap_cli.api.client import keyed_http
from headswap_cli.errors import NotFoundError, RefusedError
from headswap_cli.models import MappedFace, Mode, Person, Quality, Status, SwapOptions, Tone
from headswap_cli.wire import ANALYSIS_PATH, ANALYZE_PATH, CREATE_PATH, TASK_PATH
from tests.loopback import HeadSwapService

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.api.client import ApiClient
    from headswap_cli.api.dialect import Dialect
    from tests.api.conftest import Time

# Everything that a well-meaning library would normalise.
VIDEO = "https://Media.Example.com:443/a%2Fb/../clip one.mp4?sig=%7e&x=1&x=2#t".replace(" ", "%20")
FACE = MappedFace(person=1, obj_id=0, face="me.jpg", img_url="https://example.com/me.jpg")


def analysed(dialect: Dialect, client: ApiClient) -> str:
    """Bring an analysis to its end; return its id."""
    analysis = dialect.submit_analysis(client, VIDEO)
    while not (seen := dialect.fetch_analysis(client, analysis.analysis_id)).status.is_terminal:
        pass
    return seen.analysis_id


def test_v4_takes_a_video_from_analysis_to_result(client: ApiClient, service: HeadSwapService) -> None:
    dialect: Dialect = v4
    analysis = dialect.fetch_analysis(client, analysed(dialect, client))
    assert analysis.status is Status.COMPLETED
    assert analysis.video_url == VIDEO
    assert analysis.people == (Person(1, 0, f"{service.media.url}/files/0.jpg"),)
    task = dialect.create_task(client, dialect.create_body(VIDEO, [FACE], SwapOptions()))
    assert (task.status, task.held) == (Status.QUEUED, 8.0)
    assert dialect.fetch_task(client, task.task_id).status is Status.PROCESSING
    done = dialect.fetch_task(client, task.task_id)
    assert done.status is Status.COMPLETED
    assert done.output_url is not None
    assert done.output_url.startswith(service.media.url)
    assert done.source_video_url == VIDEO


def test_an_analysis_is_asked_for_with_the_url_byte_for_byte(
    client: ApiClient, service: HeadSwapService
) -> None:
    v4.submit_analysis(client, VIDEO)
    (request,) = service.sent("POST", ANALYZE_PATH)
    assert request.json == {"video_url": VIDEO, "type": "head"}
    assert request.headers["content-type"] == "application/json"


def test_any_length_is_sent_only_when_it_is_asked_for(client: ApiClient, service: HeadSwapService) -> None:
    v4.submit_analysis(client, VIDEO, any_length=True)
    (request,) = service.sent("POST", ANALYZE_PATH)
    assert request.json["any_length"] is True


def test_a_plain_create_sends_the_documented_fields_and_no_other(
    client: ApiClient, service: HeadSwapService
) -> None:
    analysed(v4, client)
    v4.create_task(client, v4.create_body(VIDEO, [FACE], SwapOptions()))
    (request,) = service.creates
    assert request.path == CREATE_PATH
    assert request.json == {
        "video_url": VIDEO,
        "mappings": [{"obj_id": 0, "img_url": "https://example.com/me.jpg"}],
        "model_name": "akool-premium",
        "resolution": "720p",
        "keep_original_sound": True,
    }


def test_every_option_finds_its_field() -> None:
    options = SwapOptions(
        resolution="480p",
        model="other",
        keep_sound=False,
        webhook_url="https://example.com/hook",
        mode=Mode.FACE,
        any_length=True,
        tone=Tone.BLEND,
        quality=Quality.HIGH,
    )
    body = v4.create_body(VIDEO, [FACE, MappedFace(2, 7, "you.jpg", "https://example.com/you.jpg")], options)
    assert body == {
        "video_url": VIDEO,
        "mappings": [
            {"obj_id": 0, "img_url": "https://example.com/me.jpg"},
            {"obj_id": 7, "img_url": "https://example.com/you.jpg"},
        ],
        "model_name": "other",
        "resolution": "480p",
        "keep_original_sound": False,
        "webhookUrl": "https://example.com/hook",
        "mode": "face",
        "tone": "blend",
        "quality": "high",
        "any_length": True,
    }


def test_more_photos_of_one_person_go_into_one_mapping_in_their_order() -> None:
    urls = [f"https://example.com/{name}.jpg" for name in "cab"]
    faces = [*(replace(FACE, img_url=url) for url in urls), replace(FACE, obj_id=7)]
    assert v4.create_body(VIDEO, faces, SwapOptions())["mappings"] == [
        {"obj_id": 0, "img_url": urls[0], "more_img_urls": urls[1:]},
        {"obj_id": 7, "img_url": FACE.img_url},
    ]


@pytest.mark.parametrize(("fetch", "path"), [(v4.fetch_analysis, ANALYSIS_PATH), (v4.fetch_task, TASK_PATH)])
def test_a_record_is_asked_for_by_its_id_alone(
    client: ApiClient,
    service: HeadSwapService,
    fetch: Callable[[ApiClient, str], object],
    path: str,
) -> None:
    with pytest.raises(NotFoundError, match="1014"):
        fetch(client, "6a066dc5&x=1")
    (request,) = service.sent("GET", path)
    assert request.query == {"_id": "6a066dc5&x=1"}


def test_the_services_refusal_of_six_faces_is_shown_in_its_words(client: ApiClient) -> None:
    six = [replace(FACE, obj_id=obj_id) for obj_id in range(6)]
    with pytest.raises(RefusedError, match="Up to 5 characters") as caught:
        v4.create_task(client, v4.create_body(VIDEO, six, SwapOptions()))
    assert caught.value.code == 1003


def test_exactly_one_of_key_and_token_is_sent_and_the_token_wins(time: Time) -> None:
    with HeadSwapService() as service:
        for key, token in ((service.api_key, None), (None, service.token), ("ignored", service.token)):
            with keyed_http(service.url, api_key=key, token=token) as http:
                v4.submit_analysis(time.client(http), VIDEO)
        sent = [
            {name: request.headers.get(name) for name in ("x-api-key", "authorization")}
            for request in service.requests
        ]
    bearer = {"x-api-key": None, "authorization": f"Bearer {service.token}"}
    assert sent == [{"x-api-key": service.api_key, "authorization": None}, bearer, bearer]


def test_a_failed_analysis_and_a_failed_task_give_their_reasons(time: Time) -> None:
    with (
        HeadSwapService(analysis_polls=0, analysis_error="too dark") as service,
        keyed_http(service.url, api_key=service.api_key) as http,
    ):
        failed = v4.fetch_analysis(
            time.client(http), v4.submit_analysis(time.client(http), VIDEO).analysis_id
        )
    assert (failed.status, failed.error) == (Status.FAILED, "too dark")
    with (
        HeadSwapService(task_polls=0, task_error="no face") as service,
        keyed_http(service.url, api_key=service.api_key) as http,
    ):
        analysed(v4, time.client(http))
        task = v4.create_task(time.client(http), v4.create_body(VIDEO, [FACE], SwapOptions()))
        state = v4.fetch_task(time.client(http), task.task_id)
    assert (state.status, state.error) == (Status.FAILED, "no face")
