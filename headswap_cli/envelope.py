"""The service's answers: ``{"code", "msg", "data"}`` opened, and every other answer named for what it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from socket import gaierror
from typing import TYPE_CHECKING

from headswap_cli.errors import (
    AuthError,
    CreditsError,
    HeadswapError,
    NetworkError,
    NotFoundError,
    RefusedError,
    ServiceError,
)
from headswap_cli.retry import parse_retry_after
from headswap_cli.text import masked, printable
from headswap_cli.wire import SUCCESS, THROTTLED

if TYPE_CHECKING:
    from headswap_cli.wire import JsonObject

_CODES: dict[int, type[HeadswapError]] = {
    **dict.fromkeys((1101, 1102, 1109, 1200), AuthError),
    **dict.fromkeys((1006, 1103, 1104, 1213, 1221), CreditsError),
    **dict.fromkeys((1008, 1009, 1014), NotFoundError),
    **dict.fromkeys((1003, 1007, 1204, 1207, 1208, 1209, 1210), RefusedError),
}
_FAULT_CODES = frozenset({1015, 1016, 1205, 2001})
_OWN_CODES = frozenset({*_CODES, *_FAULT_CODES, THROTTLED})
_STATUSES: dict[int, type[HeadswapError]] = {401: AuthError, 403: AuthError, 404: NotFoundError}
_ADDRESS_HINT = "Check the address of the service: HEADSWAP_BASE_URL"
_HINTS: dict[type[HeadswapError], str] = {
    AuthError: "Give a valid key: headswap profile set NAME --api-key-stdin, or HEADSWAP_API_KEY;"
    " or work on this machine: --profile local",
    CreditsError: "Add credits to the account, or work on this machine: --profile local",
    NotFoundError: "Check the id, and that the key belongs to the account that made it: headswap status ID",
}
_CODE_HINTS = {
    1003: "Check the flags, --model above all, and that everybody can open the URLs: curl -I URL",
    1007: "Give fewer faces: one task takes at most five.",
    1204: "Cut it to 3-20 s: ffmpeg -i IN -t 20 -c:v libx264 OUT.mp4",
    1207: "Make it smaller: ffmpeg -i IN -vf scale=-2:720 -c:v libx264 OUT.mp4",
    1208: "Check that the URL gives the file itself and no web page: curl -I URL",
    1209: "Encode it anew: ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4",
    1210: "Give it a usual frame rate: ffmpeg -i IN -r 30 -c:v libx264 OUT.mp4",
}
_STRANGE_HINT = "This code is not known here; ask the service for its meaning, or work here: --profile local"


class Kind(StrEnum):
    """What is known about a request that brought no data; decides whether it may be sent again."""

    UNSENT = "unsent"  # nothing of it reached the service
    THROTTLED = "throttled"  # turned away unread, welcome later
    REFUSED = "refused"  # the service said no
    BROKEN = "broken"  # the service said that it failed
    SILENT = "silent"  # sent and not answered by an envelope; may pass by itself
    STRANGE = "strange"  # sent and not answered by an envelope; will not pass by itself


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read whole."""

    status: int
    body: bytes
    retry_after: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no data: the error to raise in the end, and what may be done before."""

    error: HeadswapError
    kind: Kind
    cause: Exception | None = None
    retry_after_s: float | None = None

    @property
    def is_nameless(self) -> bool:
        """Whether the service's name has no address, as for a machine without a network."""
        cause: BaseException | None = self.cause
        while cause is not None and not isinstance(cause, gaierror):
            cause = cause.__cause__ or cause.__context__
        return cause is not None


def open_envelope(reply: Reply) -> JsonObject | Fault:
    """Return the ``data`` of a successful answer, empty if there is none, or what the answer means.

    Success is an HTTP status 2xx with code 1000; a code speaks louder than a failed HTTP status, unless it
    may be that of a gateway which gave up on the service.
    """
    envelope = _parse(reply.body)
    code = _code_of(envelope)
    if envelope is None or code is None:
        return _bare(reply)
    if code == SUCCESS:
        data = envelope.get("data")
        if reply.status >= 300 or not isinstance(data, dict | None):
            return _bare(reply)
        return data or {}
    if code not in _OWN_CODES and _may_be_a_gateways(reply):
        return _bare(reply)
    return _coded(code, envelope.get("msg"), reply)


def _code_of(envelope: JsonObject | None) -> int | None:
    code = envelope.get("code") if envelope is not None else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _may_be_a_gateways(reply: Reply) -> bool:
    return reply.status == 408 or reply.status >= 500


def _parse(body: bytes) -> JsonObject | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _coded(code: int, message: object, reply: Reply) -> Fault:
    """Name an envelope whose code is not success."""
    said = printable(masked(message)) if isinstance(message, str) else ""
    throttled = code == THROTTLED or reply.status == 429
    kind = Kind.THROTTLED if throttled else Kind.BROKEN if code in _FAULT_CODES else Kind.REFUSED
    raised = ServiceError if throttled else _CODES.get(code) or _STATUSES.get(reply.status, ServiceError)
    error = raised(
        f"The service answered {code}: {said or 'no message'}",
        hint=_CODE_HINTS.get(code) or _hint(raised, kind) or _STRANGE_HINT,
        code=code,
    )
    error.retryable, error.is_throttled = kind in {Kind.THROTTLED, Kind.BROKEN}, throttled
    return Fault(error, kind, retry_after_s=parse_retry_after(reply.retry_after))


def _bare(reply: Reply) -> Fault:
    """Name an answer that is no envelope, by its HTTP status."""
    if 300 <= reply.status < 400:
        return _redirect(reply)
    if reply.status >= 400:
        return _http_fault(reply)
    shown = printable(masked(reply.body[:400].decode("utf-8", "replace")), 80)
    error = ServiceError(
        f"The service's answer is not the API's (HTTP {reply.status}): {shown or 'an empty body'}",
        hint=_ADDRESS_HINT,
    )
    return Fault(error, Kind.SILENT, retry_after_s=parse_retry_after(reply.retry_after))


def _http_fault(reply: Reply) -> Fault:
    status, raised = reply.status, _STATUSES.get(reply.status, ServiceError)
    if status in {408, 429} or status >= 500:
        kind = Kind.THROTTLED if status == 429 else Kind.SILENT
        hint = _hint(raised, kind)
    else:
        kind = Kind.REFUSED if raised is AuthError else Kind.STRANGE
        hint = _HINTS[raised] if raised is AuthError else _ADDRESS_HINT
    error = raised(f"The service answered HTTP {status}.", hint=hint)
    error.retryable, error.is_throttled = kind in {Kind.THROTTLED, Kind.SILENT}, kind is Kind.THROTTLED
    return Fault(error, kind, retry_after_s=parse_retry_after(reply.retry_after))


def _redirect(reply: Reply) -> Fault:
    target = printable((reply.location or "nowhere").partition("?")[0], 120)
    error = ServiceError(
        f"The service redirected (HTTP {reply.status}) to {target}; a key is never sent on.",
        hint="If that is the right place, set HEADSWAP_BASE_URL to it.",
    )
    error.retryable = False
    return Fault(error, Kind.STRANGE)


def _hint(raised: type[HeadswapError], kind: Kind) -> str | None:
    if kind in {Kind.THROTTLED, Kind.BROKEN, Kind.SILENT}:
        return "Try again in a few minutes; nothing that was submitted is lost."
    return _HINTS.get(raised)


def unreachable(address: str, cause: Exception, kind: Kind) -> Fault:
    """Return the fault of a connection that failed or broke off; ``address`` holds no secret."""
    verb = "could not be reached" if kind in {Kind.UNSENT, Kind.REFUSED} else "broke off"
    reason = printable(str(cause), 160) or type(cause).__name__
    error = NetworkError(f"{address} {verb}: {reason}", hint="Check the network and HEADSWAP_BASE_URL.")
    return Fault(error, kind, cause)
