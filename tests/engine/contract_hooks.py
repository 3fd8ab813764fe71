"""What schemathesis cannot guess: names that are hashes, media that exist, and what "refused" means here.

Loaded by its command line, in a process of its own; ``ENGINE_MEDIA`` is the URL of an analysed video.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.parameters import ParameterLocation

from headswap_cli import wire

MEDIA = os.environ["ENGINE_MEDIA"]


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Give calls that are meant to be right what only this engine knows to be right."""
    body: Any = case.body
    if case.meta is None or case.meta.is_negative_at(ParameterLocation.BODY):
        return
    is_path_right = not case.meta.is_negative_at(ParameterLocation.PATH)
    if case.method == "PUT" and isinstance(body, bytes) and is_path_right:
        case.path_parameters["name"] = hashlib.sha256(body).hexdigest()
    if case.path.startswith(f"{wire.MEDIA_PATH}/") and case.method != "PUT" and is_path_right:
        case.path_parameters["name"] = MEDIA.rpartition("/")[2]
    if case.path == wire.PHOTOS_PATH and isinstance(body, dict):
        body["photos"] = [[MEDIA for _ in urls] for urls in body["photos"]]
    if case.path in {wire.ANALYZE_PATH, wire.CREATE_PATH} and isinstance(body, dict):
        body["video_url"] = MEDIA
        for obj_id, mapping in enumerate(body.get("mappings", ())):
            mapping.update(obj_id=obj_id, img_url=MEDIA)
            if mapping.get("more_img_urls"):
                mapping["more_img_urls"] = [MEDIA]


@schemathesis.check
def what_is_wrong_is_refused(context: CheckContext, response: Response, case: Case[Any]) -> None:
    """The engine, like the vendor's service, refuses by the envelope's code and not by the HTTP status."""
    is_wrong = case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY)
    if is_wrong and response.status_code == 200:
        assert response.json()["code"] != wire.SUCCESS, "a wrong body was accepted"


@schemathesis.check
def what_is_right_is_accepted(context: CheckContext, response: Response, case: Case[Any]) -> None:
    """A body that follows the schema and names media that exist does what it asks for."""
    is_known = case.path in {wire.ANALYZE_PATH, wire.CREATE_PATH, wire.PHOTOS_PATH}
    if is_known and is_right(case) and response.status_code == 200:
        assert response.json()["code"] == wire.SUCCESS, response.text


def is_right(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive
