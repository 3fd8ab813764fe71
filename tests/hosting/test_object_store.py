"""Files in the user's own object store, against a real S3-compatible server."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from headswap_cli.errors import AuthError, HeadswapError, InputError, NetworkError, RefusedError, ServiceError
from headswap_cli.hosting import open_host
from headswap_cli.hosting.object_store import MAX_LIFE_S, ObjectStoreHost
from headswap_cli.hosting.setting import ObjectStoreSetting
from tests.hosting.conftest import CONTENT, path_of
from tests.origin import Answer, Origin, reset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.nanio import Nanio

DIGEST = hashlib.sha256(CONTENT).hexdigest()
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDOTHER", "AWS_SECRET_ACCESS_KEY": "hunter2-hunter2"}


@pytest.fixture
def hosting(nanio: Nanio, request: pytest.FixtureRequest) -> str:
    return nanio.hosting_for(request.node.name)


@pytest.fixture
def store() -> Iterator[Origin]:
    """A store that answers as it is told; without orders it has nothing and takes everything."""
    with Origin() as store:
        store.respond = lambda request: Answer(b"", 404 if request.method == "HEAD" else 200)  # type: ignore[method-assign]
        yield store


def scripted(store: Origin, bare: httpx.Client, sleeps: list[float] | None = None) -> ObjectStoreHost:
    setting = ObjectStoreSetting("s3", "shelf", "", endpoint=store.url, region="eu-west-1")
    sleep = (sleeps if sleeps is not None else []).append
    return ObjectStoreHost(setting, lambda: bare, life_s=60.0, env=KEYS, sleep=sleep)


def test_an_object_is_named_by_its_hash_and_keeps_its_kind(
    nanio: Nanio, hosting: str, bare: httpx.Client, tmp_path: Path
) -> None:
    (tmp_path / "My Clip.MP4").write_bytes(CONTENT)
    url = open_host(hosting, lambda: bare, life_s=60.0, env=nanio.keys).publish(tmp_path / "My Clip.MP4")
    assert path_of(url).endswith(f"/{DIGEST}.mp4")
    assert bare.get(url).headers["content-type"] == "video/mp4"


def test_an_object_that_is_there_is_not_sent_again_by_a_later_command(
    nanio: Nanio, hosting: str, bare: httpx.Client, clip: Path
) -> None:
    open_host(hosting, lambda: bare, life_s=60.0, env=nanio.keys).publish(clip)
    told: list[object] = []
    again = open_host(hosting, lambda: bare, life_s=60.0, env=nanio.keys)
    url = again.publish(clip, on_bytes=lambda *done: told.append(done))
    assert told == []
    assert bare.get(url).content == CONTENT


def test_a_link_lives_as_long_as_it_was_asked_to(
    nanio: Nanio, hosting: str, bare: httpx.Client, clip: Path
) -> None:
    for life_s, signed in ((5400.0, 5400), (1e9, int(MAX_LIFE_S))):
        url = open_host(hosting, lambda: bare, life_s=life_s, env=nanio.keys).publish(clip)
        assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == [str(signed)]


def test_a_link_is_worthless_once_it_is_changed_or_over(
    nanio: Nanio, hosting: str, bare: httpx.Client, clip: Path
) -> None:
    url = open_host(hosting, lambda: bare, life_s=3600.0, env=nanio.keys).publish(clip)
    assert bare.get(url).status_code == 200
    signed_at = parse_qs(urlsplit(url).query)["X-Amz-Date"][0]
    long_ago = url.replace(signed_at, "20200101" + signed_at[8:])
    for broken in (url[:-1] + "z", url.replace("Expires=3600", "Expires=9999"), long_ago, url.split("?")[0]):
        assert bare.get(broken).status_code == 403


def test_the_secret_key_is_never_part_of_a_link_or_a_request(
    nanio: Nanio, hosting: str, bare: httpx.Client, clip: Path
) -> None:
    sent: list[httpx.Request] = []
    bare.event_hooks = {"request": [sent.append]}
    open_host(hosting, lambda: bare, life_s=60.0, env=nanio.keys).publish(clip)
    assert [request.method for request in sent] == ["HEAD", "PUT", "HEAD"]
    for request in sent:
        assert nanio.keys["AWS_SECRET_ACCESS_KEY"] not in f"{request.url}{request.headers.raw}"


def test_clean_up_takes_away_what_was_put_there_to_be_and_nothing_else(
    nanio: Nanio, hosting: str, bare: httpx.Client, clip: Path
) -> None:
    kept = open_host(hosting, lambda: bare, life_s=60.0, env=nanio.keys)
    kept_url = kept.publish(clip)
    kept.clean_up([kept_url])
    tidy = open_host(f"{hosting}&cleanup=yes", lambda: bare, life_s=60.0, env=nanio.keys)
    url = tidy.publish(clip)
    assert bare.get(url).content == CONTENT
    tidy.clean_up([url, kept_url])
    assert bare.get(url).status_code == 404
    assert bare.get(kept_url).content == CONTENT


def test_two_commands_that_clean_up_never_share_an_object(
    nanio: Nanio, hosting: str, bare: httpx.Client, clip: Path
) -> None:
    first, second = (
        open_host(f"{hosting}&cleanup=yes", lambda: bare, life_s=60.0, env=nanio.keys) for _ in range(2)
    )
    first_url, url = first.publish(clip), second.publish(clip)
    first.clean_up([first_url])
    assert bare.get(url).content == CONTENT


def test_wrong_keys_are_an_authentication_error_in_the_stores_words(
    nanio: Nanio, hosting: str, bare: httpx.Client, clip: Path
) -> None:
    wrong = {**nanio.keys, "AWS_SECRET_ACCESS_KEY": "hunter2-hunter2"}
    with pytest.raises(AuthError, match="SignatureDoesNotMatch") as caught:
        open_host(hosting, lambda: bare, life_s=60.0, env=wrong).publish(clip)
    assert "AWS_SECRET_ACCESS_KEY" in (caught.value.hint or "")
    assert "hunter2" not in caught.value.message


def test_a_bucket_that_is_not_there_is_named(nanio: Nanio, bare: httpx.Client, clip: Path) -> None:
    hosting = f"s3://nowhere?endpoint={nanio.url}"
    with pytest.raises(InputError, match=r"s3://nowhere.*NoSuchBucket"):
        open_host(hosting, lambda: bare, life_s=60.0, env=nanio.keys).publish(clip)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(b"<Error><Code>AccessDenied</Code></Error>", 403), (AuthError, "AccessDenied")),
        (Answer(b"<Error><Code>EntityTooLarge</Code></Error>", 400), (RefusedError, "EntityTooLarge")),
        (Answer(b"<Code>AuthorizationHeaderMalformed</Code>", 400), (InputError, "Malformed")),
        (Answer(b"", 301, {"Location": "http://169.254.1.1/"}), (InputError, "301")),
        (Answer(b"\xff<Code>\x1b[31mred</Code>", 418), (RefusedError, r"\(red\)")),
    ],
)
def test_a_refused_upload_says_why_and_is_not_repeated(
    store: Origin, bare: httpx.Client, clip: Path, answer: Answer, error: tuple[type[HeadswapError], str]
) -> None:
    store.script(f"/shelf/{DIGEST}.mp4", Answer(b"", 404), answer)
    with pytest.raises(error[0], match=error[1]) as caught:
        scripted(store, bare).publish(clip)
    assert [request.method for request in store.requests] == ["HEAD", "PUT"]
    assert "\x1b" not in caught.value.message


def test_what_may_pass_by_itself_is_tried_again(store: Origin, bare: httpx.Client, clip: Path) -> None:
    sleeps: list[float] = []
    address = f"/shelf/{DIGEST}.mp4"
    busy = Answer(b"<Code>SlowDown</Code>", 503, {"Retry-After": "7"})
    store.script(address, reset, Answer(b"", 404), busy, reset, Answer(b"", 200), Answer(b"", 200))
    scripted(store, bare, sleeps).publish(clip)
    assert [request.method for request in store.requests] == ["HEAD", "HEAD", "PUT", "PUT", "PUT", "HEAD"]
    assert [len(request.body) for request in store.sent("PUT", address)] == [len(CONTENT)] * 3
    assert len(sleeps) == 3
    assert sleeps[1] >= 7


@pytest.mark.parametrize(("fault", "raised"), [(Answer(b"", 503), ServiceError), (reset, NetworkError)])
def test_a_store_that_stays_broken_is_given_up(
    store: Origin, bare: httpx.Client, clip: Path, fault: Answer, raised: type[HeadswapError]
) -> None:
    store.script(f"/shelf/{DIGEST}.mp4", Answer(b"", 404), *[fault] * 4)
    with pytest.raises(raised) as caught:
        scripted(store, bare).publish(clip)
    assert "X-Amz" not in caught.value.message
    assert len(store.requests) == 5


def test_keys_that_may_write_and_not_read_are_found_out_before_anything_is_paid(
    store: Origin, bare: httpx.Client, clip: Path
) -> None:
    with pytest.raises(AuthError, match="can't be read") as caught:
        scripted(store, bare).publish(clip)
    assert "s3:GetObject" in (caught.value.hint or "")


def test_no_file_goes_over_plain_http_to_another_machine(bare: httpx.Client, clip: Path) -> None:
    setting = ObjectStoreSetting("s3", "shelf", "", endpoint="http://192.0.2.1", region="eu-west-1")
    host = ObjectStoreHost(setting, lambda: bare, life_s=60.0, env=KEYS)
    with pytest.raises(InputError, match=r"plain http to 192\.0\.2\.1"):
        host.publish(clip)


def test_a_link_is_signed_anew_after_half_an_hour(store: Origin, bare: httpx.Client, clip: Path) -> None:
    store.respond = lambda request: Answer(b"")  # type: ignore[method-assign]
    setting = ObjectStoreSetting("s3", "shelf", "", endpoint=store.url, region="eu-west-1")
    now = time.time()
    host = ObjectStoreHost(setting, lambda: bare, life_s=86400.0, env=KEYS, now=lambda: now)
    looks = []
    for minutes in (0, 25, 35):
        now = time.time() + minutes * 60
        host.publish(clip)
        looks.append(len(store.requests))
    assert looks == [1, 1, 2]


def test_google_and_azure_sign_links_of_their_own(store: Origin, tmp_path: Path, bare: httpx.Client) -> None:
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "a@b.example", "private_key": key.decode()}
    (tmp_path / "account.json").write_text(json.dumps({**account, "private_key_id": "1"}))
    (tmp_path / "me.jpg").write_bytes(b"me")
    address = f"{hashlib.sha256(b'me').hexdigest()}.jpg"
    for hosting, path, sign in (
        ("gs://shelf/p", f"/shelf/p/{address}", "X-Goog-Signature"),
        ("az://shelf/q", f"/shelf/q/{address}", "sig"),
    ):
        store.script(path, Answer(b"", 404), Answer(b"", 201), Answer(b"", 200))
        with pytest.MonkeyPatch.context() as patch:
            # These two the library reads for itself.
            patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
            patch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
            option = "&account=mine" if hosting.startswith("az") else ""
            place = f"{hosting}?endpoint={store.url}{option}"
            url = open_host(place, lambda: bare, life_s=60.0, env={}).publish(tmp_path / "me.jpg")
        assert sign in parse_qs(urlsplit(url).query)
        put = store.sent("PUT", path)[0]
        assert put.body == b"me"
        assert put.headers["content-type"] == "image/jpeg"
    assert put.headers["x-ms-blob-type"] == "BlockBlob"
