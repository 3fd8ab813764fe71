"""What the AWS tools know of a user: keys and region, from variables and from their two files."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_ROLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def aws_config(env: Mapping[str, str]) -> dict[str, str]:
    """Return what a store of this user needs beside its bucket: only what was found.

    The variables win over the files. Nothing is said of keys where a role stands in for them.
    Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
    """
    name = env.get("AWS_PROFILE") or "default"
    shared = _section(env.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials", name, env)
    title = name if name == "default" else f"profile {name}"
    settings = _section(env.get("AWS_CONFIG_FILE") or "~/.aws/config", title, env)
    places = (
        ("aws_region", _first(env, "AWS_REGION", "AWS_DEFAULT_REGION") or settings.get("region")),
        (
            "aws_endpoint_url_s3",
            _first(env, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") or settings.get("endpoint_url"),
        ),
    )
    return _keys(env, shared) | {key: value for key, value in places if value}


def _keys(env: Mapping[str, str], shared: Mapping[str, str]) -> dict[str, str]:
    given = {key: env[key.upper()] for key in _KEYS if env.get(key.upper())}
    if given or _first(env, *_ROLES):
        return given
    return {key: shared[key] for key in _KEYS if shared.get(key)}


def _first(env: Mapping[str, str], *variables: str) -> str | None:
    return next((env[variable] for variable in variables if env.get(variable)), None)


def _section(file: str, name: str, env: Mapping[str, str]) -> Mapping[str, str]:
    """Return a section of an INI file; nothing where it or the file is missing or broken."""
    path = Path(env["HOME"], file[2:]) if file.startswith("~/") and env.get("HOME") else Path(file)
    parser = configparser.RawConfigParser()
    try:
        parser.read(path.expanduser(), encoding="utf-8")
        return dict(parser[name]) if name in parser else {}
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}
