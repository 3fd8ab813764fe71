"""The shapes of the v4 API's JSON, as far as this program reads or writes them. Types only.

Services add fields at will, so every shape that is read is open: unknown keys are borne.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

JsonObject = dict[str, Any]

# The vendor's numbers for the state of an analysis or a task.
QUEUED, PROCESSING, COMPLETED, FAILED = 1, 2, 3, 4

SUCCESS = 1000
INVALID_PARAMETER = 1003
THROTTLED = 1005
NOT_FOUND = 1014
INVALID_KEY = 1101
EMPTY_KEY = 1102
DURATION = 1204
TOO_LARGE = 1207
UNREADABLE = 1208
CODEC = 1209
SERVER_FAULT = 2001

MAX_MAPPINGS = 5
# The local engine's own limit; the vendor takes one.
MAX_PHOTOS = 5
MIN_DURATION_S = 3.0
MAX_DURATION_S = 20.0
RESOLUTIONS = ("480p", "720p")
MODEL = "akool-premium"

API_ROOT = "/api/open/v4/headswap"
ANALYZE_PATH = f"{API_ROOT}/analyze"
ANALYSIS_PATH = f"{API_ROOT}/analyze/detail"
CREATE_PATH = f"{API_ROOT}/task/create"
TASK_PATH = f"{API_ROOT}/task/detail"
BALANCE_PATH = "/api/open/v3/faceswap/quota/info"
TOKEN_PATH = "/api/open/v3/getToken"  # noqa: S105  no token, but where one is fetched
# The embedded engine's own: the vendor has no upload.
MEDIA_PATH = "/media"
PHOTOS_PATH = "/photos"
# Nor has it a way to end a job.
CANCEL_PATH = "/cancel"
# What a failed task of the local engine names as ``error_subject`` where another photo will mend it.
OF_A_PHOTO = "photo"
# A name that can never be on the network (RFC 6761); the engine's own client knows the way.
ENGINE_ORIGIN = "http://engine.headswap.invalid"


class AnalyzeBody(TypedDict):
    """POST analyze; ``any_length`` is understood by the local engine only."""

    video_url: str
    type: str
    any_length: NotRequired[bool]


class MappingBody(TypedDict):
    """One face of POST task/create; ``more_img_urls``, more photos of it, is for the local engine only."""

    obj_id: int
    img_url: str
    more_img_urls: NotRequired[list[str]]


class CreateBody(TypedDict):
    """POST task/create; ``mode``, ``tone``, ``quality`` and ``any_length`` are the local engine's."""

    video_url: str
    mappings: list[MappingBody]
    model_name: str
    resolution: str
    keep_original_sound: bool
    webhookUrl: NotRequired[str]
    mode: NotRequired[str]
    tone: NotRequired[str]
    quality: NotRequired[str]
    any_length: NotRequired[bool]
