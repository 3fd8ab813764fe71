"""Every row of what the routes refuse, and that nothing makes them answer with anything but an envelope."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headswap_cli import wire
from headswap_cli.engine.guard import Hosts
from headswap_cli.engine.links import Links
from headswap_cli.engine.runtime import Address
from tests import clips
from tests.engine.engines import RunningEngine, create_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOWHERE = f"{wire.ENGINE_ORIGIN}/media/{'0' * 64}"


@pytest.fixture(scope="module", params=[None, "127.0.0.1"], ids=["unix", "tcp"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path_factory.mktemp("e"), host=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def tcp_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with RunningEngine(tmp_path_factory.mktemp("t"), host="127.0.0.1") as running:
        yield running


@pytest.fixture(scope="module")
def video(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a video in which two people were found."""
    engine.tell(people=2)
    clip = clips.plain_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=4)
    url = engine.put(clip.read_bytes())
    analysis = engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))
    assert analysis["status"] == wire.COMPLETED, analysis
    return url


@pytest.fixture(scope="module")
def photo(engine: RunningEngine) -> str:
    return engine.put(b"a photo")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"video_url": None}, "video_url is required"),
        ({"video_url": ""}, "video_url is required"),
        ({"video_url": 7}, "video_url is required"),
        ({"video_url": "file:///etc/passwd"}, "video_url must be an http(s) URL"),
        ({"video_url": "ftp://example.com/a.mp4"}, "video_url must be an http(s) URL"),
        ({"video_url": "/etc/passwd"}, "video_url must be an http(s) URL"),
        ({"video_url": "http://[/media/x"}, "video_url must be an http(s) URL"),
        ({"video_url": "http:///a.mp4"}, "video_url must be an http(s) URL"),
        ({"video_url": "http://example.com:0/a.mp4"}, "video_url must be an http(s) URL"),
        ({"video_url": "http://example.com/a b.mp4"}, "video_url must be an http(s) URL"),
        ({"video_url": "http://example.com/a\r\nHost: b"}, "video_url must be an http(s) URL"),
        ({"video_url": f"http://example.com/{'a' * 4096}"}, "of at most 4096 characters"),
        ({"type": None}, 'type must be "head"'),
        ({"type": "face"}, 'type must be "head"'),
        ({"any_length": "yes"}, "any_length must be true or false"),
        ({"any_length": 1}, "any_length must be true or false"),
    ],
)
def test_an_analyze_body_that_is_wrong_is_1003_and_says_what(
    engine: RunningEngine, video: str, change: dict[str, Any], words: str
) -> None:
    answer = engine.post(wire.ANALYZE_PATH, {"video_url": video, "type": "head", **change})
    assert answer["code"] == wire.INVALID_PARAMETER
    assert words in answer["msg"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"video_url": None}, "video_url is required"),
        ({"video_url": "https://example.com/a.mp4"}, "there is no completed analysis of this video"),
        ({"mappings": None}, "mappings is required"),
        ({"mappings": []}, "mappings is required"),
        ({"mappings": {"obj_id": 0}}, "mappings is required"),
        ({"mappings": [7]}, "mappings[0] must be an object"),
        ({"mappings": [{"img_url": "PHOTO"}]}, "mappings[0].obj_id must be an obj_id"),
        ({"mappings": [{"obj_id": "0", "img_url": "PHOTO"}]}, "mappings[0].obj_id must be an obj_id"),
        ({"mappings": [{"obj_id": True, "img_url": "PHOTO"}]}, "mappings[0].obj_id must be an obj_id"),
        ({"mappings": [{"obj_id": 0.0, "img_url": "PHOTO"}]}, "mappings[0].obj_id must be an obj_id"),
        ({"mappings": [{"obj_id": -1, "img_url": "PHOTO"}]}, "mappings[0].obj_id must be an obj_id"),
        ({"mappings": [{"obj_id": 2, "img_url": "PHOTO"}]}, "obj_id 2 is not in the analysis; found: 0, 1"),
        ({"mappings": [{"obj_id": 0, "img_url": "PHOTO"}] * 2}, "obj_id 0 is mapped twice"),
        (
            {"mappings": [{"obj_id": n, "img_url": "PHOTO"} for n in range(6)]},
            "Up to 5 characters can be replaced at one time.",
        ),
        ({"mappings": [{"obj_id": 0}]}, "mappings[0].img_url is required"),
        (
            {"mappings": [{"obj_id": 0, "img_url": "data:image/png;base64,AAAA"}]},
            "mappings[0].img_url must be an http(s) URL",
        ),
        (
            {"mappings": [{"obj_id": 0, "img_url": "PHOTO", "more_img_urls": ["PHOTO"] * 5}]},
            "mappings[0].more_img_urls must be a list of up to 4 URLs",
        ),
        (
            {"mappings": [{"obj_id": 0, "img_url": "PHOTO", "more_img_urls": "PHOTO"}]},
            "mappings[0].more_img_urls must be a list",
        ),
        (
            {"mappings": [{"obj_id": 0, "img_url": "PHOTO", "more_img_urls": ["PHOTO", "me.jpg"]}]},
            "mappings[0].more_img_urls[1] must be an http(s) URL",
        ),
        ({"model_name": None}, "model_name is not supported"),
        ({"model_name": "akool-basic"}, "model_name is not supported"),
        ({"resolution": None}, "resolution must be one of 480p, 720p"),
        ({"resolution": "1080p"}, "resolution must be one of 480p, 720p"),
        ({"resolution": ["480p"]}, "resolution must be one of 480p, 720p"),
        ({"keep_original_sound": "no"}, "keep_original_sound must be true or false"),
        ({"mode": "body"}, "mode must be one of head, face"),
        ({"tone": "red"}, "tone must be one of source, reference, blend"),
        ({"quality": "best"}, "quality must be one of low, standard, high"),
        ({"mode": ["head"]}, "mode must be one of head, face"),
        ({"any_length": "yes"}, "any_length must be true or false"),
        ({"webhookUrl": "ftp://example.com"}, "webhookUrl must be an http(s) URL"),
    ],
)
def test_a_create_body_that_is_wrong_is_1003_and_says_what(
    engine: RunningEngine, video: str, photo: str, change: dict[str, Any], words: str
) -> None:
    body = json.dumps({**create_body(video, {0: photo}), **change}).replace("PHOTO", photo)
    answer = engine.post(wire.CREATE_PATH, json.loads(body))
    assert answer["code"] == wire.INVALID_PARAMETER
    assert words in answer["msg"]


@pytest.mark.parametrize("path", [wire.ANALYZE_PATH, wire.CREATE_PATH])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"' + b"a" * 2**20 + b'"', "larger than 1048576 bytes"),
    ],
    ids=["empty", "open", "no text", "deep", "list", "null", "large"],
)
def test_a_body_that_is_no_json_object_is_1003(
    engine: RunningEngine, path: str, content: bytes, words: str
) -> None:
    answer = engine.http.post(path, content=content).json()
    assert answer["code"] == wire.INVALID_PARAMETER
    assert words in answer["msg"]


def test_a_video_that_was_not_analysed_cannot_be_swapped(engine: RunningEngine, photo: str) -> None:
    answer = engine.post(wire.CREATE_PATH, create_body(engine.put(b"a new video"), {0: photo}))
    assert answer["code"] == wire.INVALID_PARAMETER
    assert "analyse it first" in answer["msg"]


@pytest.mark.parametrize("path", [wire.ANALYSIS_PATH, wire.TASK_PATH])
def test_an_unknown_id_is_1014_and_a_missing_one_1003(engine: RunningEngine, path: str) -> None:
    assert engine.get(path, _id="6a066dc58570ecbf64f761a5")["code"] == wire.NOT_FOUND
    assert engine.get(path, _id="../jobs")["code"] == wire.NOT_FOUND
    assert engine.get(path)["code"] == wire.INVALID_PARAMETER


def test_neither_an_analysis_nor_its_internal_id_is_found_as_a_task(
    engine: RunningEngine, video: str
) -> None:
    analysis = engine.record(wire.ANALYSIS_PATH, engine.analyze(video))
    assert engine.get(wire.TASK_PATH, _id=analysis["_id"])["code"] == wire.NOT_FOUND
    assert engine.get(wire.ANALYSIS_PATH, _id=analysis["task_id"])["code"] == wire.NOT_FOUND


def test_media_that_is_not_there_is_1014(engine: RunningEngine, video: str) -> None:
    assert engine.post(wire.ANALYZE_PATH, {"video_url": NOWHERE, "type": "head"})["code"] == wire.NOT_FOUND
    answer = engine.post(wire.CREATE_PATH, create_body(video, {0: NOWHERE}))
    assert answer["code"] == wire.NOT_FOUND
    assert "mappings[0].img_url" in answer["msg"]


@pytest.mark.parametrize(
    ("method", "path", "status_code", "code"),
    [
        ("GET", "/", 404, wire.NOT_FOUND),
        ("GET", "/api/open/v5/headswap/models", 404, wire.NOT_FOUND),
        ("GET", wire.ANALYZE_PATH, 405, wire.INVALID_PARAMETER),
        ("POST", wire.TASK_PATH, 405, wire.INVALID_PARAMETER),
        ("DELETE", f"/media/{'0' * 64}", 405, wire.INVALID_PARAMETER),
        ("GET", "/shutdown", 405, wire.INVALID_PARAMETER),
    ],
)
def test_an_unknown_path_or_method_is_an_envelope_too(
    engine: RunningEngine, method: str, path: str, status_code: int, code: int
) -> None:
    reply = engine.http.request(method, path)
    assert reply.status_code == status_code
    assert reply.json()["code"] == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-api-key": ""}, wire.EMPTY_KEY),
        ({"x-api-key": "wrong"}, wire.INVALID_KEY),
        ({"x-api-key": "wr\u00f6ng".encode()}, wire.INVALID_KEY),
        ({"x-api-key": "TOKEN", "authorization": "Bearer wrong"}, wire.INVALID_KEY),
        ({"x-api-key": "TOKEN", "authorization": "Bearer"}, wire.EMPTY_KEY),
        ({"x-api-key": "wrong", "authorization": "Bearer TOKEN"}, wire.SUCCESS),
        ({"x-api-key": "TOKEN", "authorization": "Basic eDp5"}, wire.SUCCESS),
    ],
)
@pytest.mark.parametrize("path", ["/health", wire.TASK_PATH, f"/media/{'0' * 64}", "/nowhere"])
def test_every_route_wants_the_key(
    engine: RunningEngine, path: str, headers: dict[str, Any], code: int
) -> None:
    token = engine.endpoint.token
    sent = {name: v.replace("TOKEN", token) if isinstance(v, str) else v for name, v in headers.items()}
    reply = engine.http.get(path, headers=sent)
    if code == wire.SUCCESS:
        assert reply.status_code != 401
    else:
        assert reply.status_code == 401
        assert reply.json()["code"] == code
    assert token not in reply.text


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("engine.headswap.invalid", True),
        ("127.0.0.1:PORT", True),
        ("localhost:PORT", True),
        ("LOCALHOST:PORT", True),
        ("evil.example:PORT", False),
        ("127.0.0.1.evil.example:PORT", False),
        ("localhost@evil.example:PORT", False),
        ("127.0.0.1:1", False),
        ("127.0.0.1:x", False),
        ("192.0.2.1:PORT", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_a_request_under_a_strange_host_name_is_refused(
    tcp_engine: RunningEngine, host: str, is_served: bool
) -> None:
    port = tcp_engine.endpoint.port
    headers = {"host": host.replace("PORT", str(port)), "x-api-key": tcp_engine.endpoint.token}
    reply = httpx.get(f"http://127.0.0.1:{port}/health", headers=headers, trust_env=False)
    assert reply.status_code == (200 if is_served else 421)


def test_on_every_interface_any_address_is_the_engines_own_and_no_name_is(tmp_path: Path) -> None:
    with RunningEngine(tmp_path, host="0.0.0.0") as engine:
        port, key = engine.endpoint.port, {"x-api-key": engine.endpoint.token}
        assert engine.endpoint.host == "127.0.0.1"
        for host, status_code in ((f"192.0.2.1:{port}", 200), (f"evil.example:{port}", 421)):
            reply = httpx.get(
                f"http://127.0.0.1:{port}/health", headers={**key, "host": host}, trust_env=False
            )
            assert reply.status_code == status_code


def test_media_urls_under_the_servers_own_address_are_its_media(tcp_engine: RunningEngine) -> None:
    own = tcp_engine.put(b"a video")
    for host in ("127.0.0.1", "localhost"):
        url = own.replace(wire.ENGINE_ORIGIN, f"http://{host}:{tcp_engine.endpoint.port}")
        assert tcp_engine.record(wire.ANALYSIS_PATH, tcp_engine.analyze(url))["video_url"] == url
    elsewhere = own.replace(wire.ENGINE_ORIGIN, "http://127.0.0.1:1")
    record = tcp_engine.ended(wire.ANALYSIS_PATH, tcp_engine.analyze(elsewhere))
    assert record["error_reason"].startswith("The video could not be fetched: http://127.0.0.1:1/media/")


def test_whoever_is_not_this_machines_command_gets_urls_on_the_host_that_was_asked(tmp_path: Path) -> None:
    with RunningEngine(tmp_path, host="0.0.0.0") as engine:
        own = engine.put(b"a photo")
        name, port = own.rpartition("/")[2], engine.endpoint.port
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"192.0.2.1:{port}"):
            reply = httpx.put(
                f"http://127.0.0.1:{port}/media/{name}",
                headers={
                    "host": host,
                    "x-api-key": engine.endpoint.token,
                    "x-forwarded-host": "evil.example",
                },
                trust_env=False,
            )
            url = reply.json()["data"]["url"]
            assert url.startswith(f"http://{host}/media/{name}?signature=")
            # Read without a key from there, and known again when it is given back.
            file = httpx.get(url.replace(host, f"127.0.0.1:{port}"), headers={"host": host}, trust_env=False)
            assert file.content == b"a photo"
            assert engine.ended(wire.ANALYSIS_PATH, engine.analyze(url))["video_url"] == url
        assert engine.put(b"a photo") == own == f"{wire.ENGINE_ORIGIN}/media/{name}"


def test_the_result_of_a_task_is_read_by_its_url_alone(tcp_engine: RunningEngine, tmp_path: Path) -> None:
    clip = clips.plain_clip(tmp_path / "clip.mp4", seconds=4)
    tcp_engine.tell(people=1)
    video, photo = tcp_engine.put(clip.read_bytes()), tcp_engine.put(b"a photo")
    analysis = tcp_engine.analyze(video)
    tcp_engine.ended(wire.ANALYSIS_PATH, analysis)
    task = tcp_engine.create(video, {0: photo})
    tcp_engine.ended(wire.TASK_PATH, task)
    origin = f"http://127.0.0.1:{tcp_engine.endpoint.port}"
    with httpx.Client(
        base_url=origin, headers={"x-api-key": tcp_engine.endpoint.token}, trust_env=False
    ) as remote:
        found = remote.get(wire.ANALYSIS_PATH, params={"_id": analysis}).json()["data"]
        result = remote.get(wire.TASK_PATH, params={"_id": task}).json()["data"]["video_url"]
    urls = [found["analysis_result"]["media"][0]["img_url"], result]
    for url in urls:
        assert url.startswith(f"{origin}/media/")
        assert httpx.get(url, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "signature"),
    [
        ("GET", "/media/NAME", "0" * 64),
        ("GET", "/media/NAME", ""),
        ("GET", "/media/NAME", "é"),
        ("GET", f"/media/{'0' * 64}", "RIGHT"),
        ("PUT", "/media/NAME", "RIGHT"),
        ("DELETE", "/media", "RIGHT"),
        ("GET", "/health", "RIGHT"),
        ("POST", "/shutdown", "RIGHT"),
    ],
)
def test_a_signature_opens_its_own_file_for_reading_and_nothing_else(
    tcp_engine: RunningEngine, method: str, path: str, signature: str
) -> None:
    name = tcp_engine.put(b"a secret photo").rpartition("/")[2]
    right = Links(tcp_engine.endpoint.token).asked_at("here")(name).rpartition("=")[2]
    reply = httpx.request(
        method,
        f"http://127.0.0.1:{tcp_engine.endpoint.port}{path.replace('NAME', name)}",
        params={"signature": signature.replace("RIGHT", right)},
        trust_env=False,
    )
    assert reply.status_code == 401


@given(
    netloc=st.text() | st.from_regex(r"(localhost|127\.0\.0\.1|\[::1\]|a@b)(:[0-9]{0,6})?", fullmatch=True)
)
def test_no_other_host_is_known_however_it_is_written(netloc: str) -> None:
    hosts = Hosts(Address(path=None, host="127.0.0.1", port=8765, token="t"))
    known = {"localhost:8765", "127.0.0.1:8765", "[::1]:8765", "engine.headswap.invalid"}
    assert hosts.know(netloc) == (netloc in known)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_json_is_answered_with_an_envelope(
    engine: RunningEngine, video: str, photo: str, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from([wire.ANALYZE_PATH, wire.CREATE_PATH]))
    known = create_body(video, {0: photo}, type="head", any_length=False, mode="head")
    known["mappings"] = [{"obj_id": 9, "img_url": photo}]
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(known)), JSON, min_size=1, max_size=3))
    body = data.draw(st.just({**known, **changes}) | JSON)
    reply = engine.http.post(path, content=json.dumps(body).encode())
    assert reply.status_code == 200
    assert isinstance(reply.json()["code"], int)
    assert isinstance(reply.json()["msg"], str)
