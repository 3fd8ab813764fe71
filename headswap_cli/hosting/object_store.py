"""Local files for the cloud: put into the user's own object store, read through links that expire.

The store's library only signs; every byte goes over this program's own HTTP client.
"""

from __future__ import annotations

import mimetypes
import re
import secrets
import time
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from headswap_cli.errors import AuthError, InputError, NetworkError, RefusedError, ServiceError
from headswap_cli.hosting.aws import aws_config
from headswap_cli.hosting.host import content_name
from headswap_cli.hosting.life import lasts
from headswap_cli.retry import delay_s, parse_retry_after
from headswap_cli.text import printable
from headswap_cli.transfer import hash_file, is_loopback, read_reply, translated, upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import httpx
    from obstore.store import AzureStore, GCSStore, S3Store

    from headswap_cli.envelope import Reply
    from headswap_cli.errors import HeadswapError
    from headswap_cli.hosting.setting import ObjectStoreSetting
    from headswap_cli.transfer import OnBytes

    Store = S3Store | GCSStore | AzureStore

Method = Literal["GET", "HEAD", "PUT", "DELETE"]
# How much of its life a link may have lost and be given out again.
FRESH_S = 1800.0
TRIES = 4
# No store signs for longer: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
MAX_LIFE_S = 7 * 86400.0
# Links that are used as soon as they are made.
ERRAND_S = 3600.0
_OWN = re.compile(r"[0-9a-f]{64}-[0-9a-f]{16}(\.[a-z0-9]{1,8})?")
_SAID = re.compile(rb"<(Code|Message)>([^<]{1,300})</\1>")
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


class ObjectStoreHost:
    """Puts each file under a name made of its hash, unless it is there, and signs a link to it.

    Args:
        setting: Which store, bucket and prefix.
        http: Sends without any key; stays the caller's to close.
        life_s: How long a link must be good, in seconds; at most a week.
        env: Where the store's keys are.
        sleep: Waits that many seconds before another try.
        now: Seconds since the epoch.

    Raises:
        InputError: the extra ``s3`` is missing, the store can't be set up, or it is plain http to elsewhere.
    """

    def __init__(
        self,
        setting: ObjectStoreSetting,
        http: Callable[[], httpx.Client],
        *,
        life_s: float,
        env: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._setting, self._http, self._sleep, self._now = setting, http, sleep, now
        self._life_s = min(life_s, MAX_LIFE_S)
        self._store = _open_store(setting, env)
        self._links: dict[str, str] = {}

    def publish(self, path: Path, *, on_bytes: OnBytes | None = None) -> str:
        """Put the file into the store if it isn't there and return a signed link, one for each content.

        After half an hour it is signed anew: a batch may take days.

        Raises:
            InputError: the file can't be read, or there is no such bucket.
            AuthError: the store does not accept the keys, or they may not write and read there.
            HeadswapError: the store refuses the file or can't be reached.
        """
        sha256 = hash_file(path)
        link = self._links.get(sha256)
        if self.is_cleaned or link is None or not lasts(link, self._life_s - FRESH_S, self._now()):
            key = self._key(sha256, path)
            if not self._holds(key):
                self._put(key, path, on_bytes)
            self._links[sha256] = self._sign("GET", key, self._life_s)
        return self._links[sha256]

    @property
    def is_cleaned(self) -> bool:
        """Whether ``clean_up`` removes anything."""
        return self._setting.cleanup

    def clean_up(self, links: Sequence[str]) -> None:
        """Delete what a run has put into the store under these links, if its user asked for that.

        Raises:
            HeadswapError: the store refuses that or can't be reached.
        """
        names = [unquote(urlsplit(link).path).rpartition("/")[2] for link in links]
        for name in names:
            # Only what was made to be deleted: other objects are shared.
            if self._setting.cleanup and _OWN.fullmatch(name):
                reply = self._ask("DELETE", "/".join(filter(None, (self._setting.prefix, name))))
                if not reply.status < 300 and reply.status != 404:
                    raise self._refused(reply)

    def _key(self, sha256: str, path: Path) -> str:
        """Return the object's name; one that is deleted afterwards is shared with no other command."""
        stem = f"{sha256}-{secrets.token_hex(8)}" if self._setting.cleanup else sha256
        return "/".join(filter(None, (self._setting.prefix, content_name(stem, path))))

    def _holds(self, key: str) -> bool:
        """Tell whether the object is there and may be read; what isn't may look forbidden instead."""
        return self._ask("HEAD", key).status == 200

    def _put(self, key: str, path: Path, on_bytes: OnBytes | None) -> None:
        headers = {"Content-Type": mimetypes.guess_type(path.name)[0] or "application/octet-stream"}
        if self._setting.scheme == "az":
            headers["x-ms-blob-type"] = "BlockBlob"
        url = self._sign("PUT", key, ERRAND_S)
        reply = self._persist(lambda: upload(self._http(), url, path, headers=headers, on_bytes=on_bytes))
        if not 200 <= reply.status < 300:
            raise self._refused(reply)
        if not self._holds(key):
            raise AuthError(
                f"The file was put into {self._place}, and its link can't be read.",
                hint="Allow the keys to read there, too (s3:GetObject)",
            )

    def _ask(self, method: Method, key: str) -> Reply:
        """Make a request without a body."""
        url = self._sign(method, key, ERRAND_S)

        def _attempt() -> Reply:
            with translated(url), self._http().stream(method, url, follow_redirects=False) as response:
                return read_reply(response)

        return self._persist(_attempt)

    def _persist(self, attempt: Callable[[], Reply]) -> Reply:
        """Repeat what may pass by itself; each of these requests may be made twice without harm."""
        for tries in range(TRIES):
            is_last = tries == TRIES - 1
            try:
                reply = attempt()
            except NetworkError:
                if is_last:
                    raise
                self._sleep(delay_s(tries))
                continue
            if is_last or not (reply.status >= 500 or reply.status in {408, 429}):
                return reply
            self._sleep(delay_s(tries, retry_after_s=parse_retry_after(reply.retry_after)))
        raise AssertionError  # the last try returns or raises

    def _sign(self, method: Method, key: str, life_s: float) -> str:
        """Return a link for one method, checked to be safe to send a file to.

        Raises:
            AuthError: no keys for the store are known.
        """
        import obstore

        # What Azure signs is a right, not a method, and it knows none for HEAD but that to read.
        signed = "GET" if method == "HEAD" and self._setting.scheme == "az" else method
        try:
            url = obstore.sign(self._store, signed, key, timedelta(seconds=life_s))
        except Exception as error:
            raise AuthError(
                f"No keys for {self._place} were found, so no link can be signed: {_first_line(error)}",
                hint=f"Set the store's keys: {_KEYS[self._setting.scheme]}",
            ) from None
        check_place(url)
        return url

    @property
    def _place(self) -> str:
        return printable(f"{self._setting.scheme}://{self._setting.bucket}")

    def _refused(self, reply: Reply) -> HeadswapError:
        """Name an answer that is no success, in the store's words."""
        said = {
            name.decode(): printable(text.decode("utf-8", "replace"))
            for name, text in _SAID.findall(reply.body)
        }
        why = ": ".join(filter(None, (said.get("Code"), said.get("Message")))) or "no reason given"
        message = f"{self._place} answered HTTP {reply.status} ({why})."
        if reply.status in {401, 403}:
            hint = f"Check the store's keys and what they may do: {_KEYS[self._setting.scheme]}"
            return AuthError(message, hint=hint)
        if reply.status == 404:
            return InputError(message, hint="Make the bucket first, or name another in the setting hosting.")
        if 300 <= reply.status < 400 or said.get("Code") == "AuthorizationHeaderMalformed":
            return InputError(message, hint=f"Name the bucket's region: {self._place}?region=REGION")
        if reply.status >= 500 or reply.status == 429:
            return ServiceError(message, hint="Try again in a few minutes.")
        return RefusedError(message)


def check_place(url: str) -> None:
    """Check that a file may be sent to a link.

    Raises:
        InputError: it is plain http to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise InputError(
            f"Files are not sent over plain http to {printable(parts.hostname or url, 120)}.",
            hint="Use the store's https address: hosting = s3://BUCKET?endpoint=https://...",
        )


def _open_store(setting: ObjectStoreSetting, env: Mapping[str, str]) -> Store:
    if find_spec("obstore") is None:
        raise InputError("Object stores need a package.", hint="pip install 'headswap-cli[s3]'")
    from obstore import store

    open_scheme: Any = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}[setting.scheme]
    try:
        opened: Store = open_scheme(
            setting.bucket,
            config=_config(setting, env),
            # Links to other machines are checked to be https, each of them, before they are used.
            client_options={"allow_http": True, "connect_timeout": timedelta(seconds=3)},
            # Only machines of the clouds ask over the network who they are; elsewhere that must fail soon.
            retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=5)},
        )
    except Exception as error:
        raise InputError(
            f"{printable(f'{setting.scheme}://{setting.bucket}')} can't be used: {_first_line(error)}",
            hint="headswap profile set NAME hosting='s3://BUCKET/PREFIX?region=REGION'",
        ) from None
    return opened


def _config(setting: ObjectStoreSetting, env: Mapping[str, str]) -> dict[str, str]:
    """Return what the library is told beside the variables that it reads by itself."""
    config = aws_config(env) if setting.scheme == "s3" else {}
    names = {
        "s3": {"aws_endpoint_url_s3": setting.endpoint, "aws_region": setting.region},
        "gs": {"google_base_url": setting.endpoint},
        "az": {"azure_storage_endpoint": setting.endpoint, "azure_storage_account_name": setting.account},
    }
    return config | {name: value for name, value in names[setting.scheme].items() if value}


def _first_line(error: Exception) -> str:
    """Return what the library says without its debug dump, which may show a configuration."""
    return printable(str(error).partition("\n")[0], 240)
