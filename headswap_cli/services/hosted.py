"""URLs for local files: one that was made before is used for as long as it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headswap_cli.errors import InputError
from headswap_cli.hosting.life import ends_at
from headswap_cli.journal import StepKind
from headswap_cli.media import is_url

if TYPE_CHECKING:
    from headswap_cli.services.deps import Deps

# What the service may take to read what it was given.
LEAST_LIFE_S = 300.0
# A link that costs nothing to make anew is not stretched.
OWN_LIFE_S = 3600.0


def hosted(deps: Deps, run_id: str, source: str, what: str, sha256: str | None) -> str:
    """Return a URL under which the backend can read ``source``, as ``Deps.publish`` does.

    Args:
        deps: The place and the journal.
        run_id: The run that it is for.
        source: A path or an http(s) URL.
        what: What the user is told it is.
        sha256: What the file's content was known by.

    Raises:
        InputError: the link that the user gave is about to end, or the file has changed meanwhile.
    """
    if is_url(source):
        check_life(deps, source, what)
        return source
    for step in reversed(deps.journal.steps(run_id)):
        if step.kind is StepKind.PUBLISHED and step.detail["sha256"] == sha256:
            url = str(step.detail["url"])
            if is_alive(deps, url):
                return url
            break
    return deps.publish(run_id, source, what, sha256=sha256)


def check_life(deps: Deps, url: str, what: str) -> None:
    """Check that a link outlives its use.

    Raises:
        InputError: it ends before.
    """
    if is_ending(deps, url):
        raise InputError(
            f"The link of the {what} has ended, or ends within {LEAST_LIFE_S / 60:.0f} minutes;"
            f" {deps.nothing_done}.",
            hint="Give a fresh link, good for as long as the work may take.",
        )


def is_ending(deps: Deps, url: str, life_s: float = LEAST_LIFE_S) -> bool:
    """Whether a link says that it has ended, or will within so many seconds."""
    end = ends_at(url)
    return end is not None and end - deps.now() < life_s


def is_alive(deps: Deps, url: str) -> bool:
    """Whether a link that this program made can still be read, and for long enough."""
    from headswap_cli.transfer import is_there

    return not is_ending(deps, url, OWN_LIFE_S) and is_there(deps.media_client(url), url)
