"""What the routes accept: bodies are checked field by field, and the first fault is told in a sentence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from headswap_cli.engine.links import SIGNATURE
from headswap_cli.media import is_url
from headswap_cli.models import Mode, Quality, Tone
from headswap_cli.wire import (
    ENGINE_ORIGIN,
    INVALID_PARAMETER,
    MAX_MAPPINGS,
    MAX_PHOTOS,
    MEDIA_PATH,
    MODEL,
    NOT_FOUND,
    RESOLUTIONS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from headswap_cli.engine.guard import Hosts
    from headswap_cli.wire import JsonObject

    # Gives the name of a file that the engine holds for its URL, and any other URL back.
    Locate = Callable[[object, str], str]


Choice = TypeVar("Choice", bound=StrEnum)

_MAX_URL = 4096
_SIGNATURE = re.compile(rf"\?{SIGNATURE}=[0-9a-f]{{64}}\Z")
_WEB_ADDRESS = re.compile(r"https?://[!-~]+", re.IGNORECASE)


class RefusalError(Exception):
    """Why a call is answered with a failure.

    Args:
        code: The API's business code.
        message: What is wrong, for the user.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class AnalyzeCall:
    """A checked POST analyze; ``source`` is a media name, or a URL of somewhere else."""

    video_url: str
    source: str
    any_length: bool


@dataclass(frozen=True, slots=True)
class CreateCall:
    """A checked POST task/create; ``source`` and ``photos`` (by ``obj_id``) are as in ``AnalyzeCall``.

    Of several photos of one person the main one comes first.
    """

    video_url: str
    source: str
    photos: dict[int, tuple[str, ...]]
    resolution: str
    keep_sound: bool
    mode: Mode | None
    tone: Tone | None
    quality: Quality | None
    any_length: bool
    webhook_url: str | None


def read_object(body: bytes) -> JsonObject:
    """Return the JSON object in ``body``.

    Raises: RefusalError: It is something else.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise _invalid("The body is not a JSON object.")
    return value


def analyze_call(body: JsonObject, locate: Locate) -> AnalyzeCall:
    """Check the body of POST analyze.

    Raises: RefusalError: Something in it is missing or wrong.
    """
    if body.get("type") != "head":
        raise _invalid('type must be "head".')
    return AnalyzeCall(
        source=locate(body.get("video_url"), "video_url"),
        video_url=body["video_url"],
        any_length=_flag(body, "any_length", default=False),
    )


def create_call(body: JsonObject, locate: Locate) -> CreateCall:
    """Check the body of POST task/create.

    Raises: RefusalError: Something in it is missing or wrong.
    """
    source = locate(body.get("video_url"), "video_url")
    photos = _photos(body.get("mappings"), locate)
    if body.get("model_name") != MODEL:
        raise _invalid(f'model_name is not supported; it must be "{MODEL}".')
    if body.get("resolution") not in RESOLUTIONS:
        raise _invalid(f"resolution must be one of {', '.join(RESOLUTIONS)}.")
    return CreateCall(
        video_url=body["video_url"],
        source=source,
        photos=photos,
        resolution=body["resolution"],
        keep_sound=_flag(body, "keep_original_sound", default=True),
        mode=_choice(body.get("mode"), "mode", Mode),
        tone=_choice(body.get("tone"), "tone", Tone),
        quality=_choice(body.get("quality"), "quality", Quality),
        any_length=_flag(body, "any_length", default=False),
        webhook_url=_webhook_url(body.get("webhookUrl")),
    )


def photos_call(body: JsonObject, locate: Locate) -> tuple[list[list[str]], Mode | None]:
    """Check the body of POST photos; return the media names, a list a person, and how much is to be worn.

    Raises: RefusalError: Something in it is missing or wrong.
    """
    people = body.get("photos")
    if not isinstance(people, list) or not 0 < len(people) <= MAX_MAPPINGS:
        raise _invalid(f"photos must be a list of up to {MAX_MAPPINGS} lists, one a person.")
    found = []
    for index, urls in enumerate(people):
        field = f"photos[{index}]"
        if not isinstance(urls, list) or not 0 < len(urls) <= MAX_PHOTOS:
            raise _invalid(f"{field} must be a list of up to {MAX_PHOTOS} URLs.")
        found.append([locate(url, f"{field}[{number}]") for number, url in enumerate(urls)])
        if any(map(is_url, found[-1])):
            raise _invalid(f"{field} must be media of this engine.")
    return found, _choice(body.get("mode"), "mode", Mode)


def media_source(url: object, field: str, hosts: Hosts) -> str:
    """Return the name behind a media URL of this engine, whether or not it holds such a file, or another URL.

    Args:
        url: What was sent.
        field: Where it was sent, for the message.
        hosts: The names that the engine answers to.

    Raises: RefusalError: It is no http(s) URL.
    """
    if not isinstance(url, str) or not url:
        raise _invalid(f"{field} is required: a URL.")
    origin, _, name = _SIGNATURE.sub("", url).rpartition(f"{MEDIA_PATH}/")
    if name and _is_own(origin, hosts):
        return name
    if not _is_web_address(url):
        raise _invalid(f"{field} must be an http(s) URL of at most {_MAX_URL} characters.")
    return url


def no_such_media(field: str) -> RefusalError:
    """Return the refusal of a URL whose file the engine does not hold (any more)."""
    return RefusalError(NOT_FOUND, f"{field}: there is no such file; upload it again.")


def _is_web_address(url: str) -> bool:
    # Printable ASCII, as RFC 3986 has it: others are to be encoded by whoever knows how.
    if not _WEB_ADDRESS.fullmatch(url) or len(url) > _MAX_URL:
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_own(origin: str, hosts: Hosts) -> bool:
    if origin == ENGINE_ORIGIN:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return f"http://{parts.netloc}" == origin and hosts.know(parts.netloc)


def _photos(mappings: object, locate: Locate) -> dict[int, tuple[str, ...]]:
    if not isinstance(mappings, list) or not mappings:
        raise _invalid("mappings is required: a list of {obj_id, img_url}.")
    if len(mappings) > MAX_MAPPINGS:
        raise _invalid(f"Up to {MAX_MAPPINGS} characters can be replaced at one time.")
    photos: dict[int, tuple[str, ...]] = {}
    for index, mapping in enumerate(mappings):
        if not isinstance(mapping, dict):
            raise _invalid(f"mappings[{index}] must be an object {{obj_id, img_url}}.")
        obj_id = _obj_id(mapping.get("obj_id"), index)
        if obj_id in photos:
            raise _invalid(f"obj_id {obj_id} is mapped twice.")
        photos[obj_id] = _photos_of_one(mapping, f"mappings[{index}]", locate)
    return photos


def _photos_of_one(mapping: JsonObject, field: str, locate: Locate) -> tuple[str, ...]:
    more = mapping.get("more_img_urls")
    more = [] if more is None else more
    if not isinstance(more, list) or len(more) >= MAX_PHOTOS:
        raise _invalid(f"{field}.more_img_urls must be a list of up to {MAX_PHOTOS - 1} URLs.")
    main = locate(mapping.get("img_url"), f"{field}.img_url")
    others = [locate(url, f"{field}.more_img_urls[{number}]") for number, url in enumerate(more)]
    return tuple(dict.fromkeys([main, *others]))


def _obj_id(value: Any, index: int) -> int:
    # In Python, and only there, True is an integer.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10_000:
        raise _invalid(f"mappings[{index}].obj_id must be an obj_id of the analysis, an integer.")
    return value


def _choice(value: object, field: str, choices: type[Choice]) -> Choice | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in {*choices}:
        raise _invalid(f"{field} must be one of {', '.join(choices)}.")
    return choices(value)


def _flag(body: JsonObject, field: str, *, default: bool) -> bool:
    value = body.get(field)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _invalid(f"{field} must be true or false.")
    return value


def _webhook_url(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise _invalid("webhookUrl must be an http(s) URL.")
    return value


def _invalid(message: str) -> RefusalError:
    return RefusalError(INVALID_PARAMETER, message)
