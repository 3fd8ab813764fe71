"""Errors on the two streams, and on terminals of any width."""

from __future__ import annotations

import io
import json

import pytest

from headswap_cli.errors import CreditsError
from headswap_cli.render.view import View

MESSAGE = (
    "The balance is 100 credits and --max-credits is 500; nothing was paid, nothing was sent, nobody knows."
)
HINT = "ffmpeg -i /a/very/long/path/to/some/video.mp4 -t 20 -c:v libx264 -pix_fmt yuv420p /a/path/fit.mp4"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def said(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, columns: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    View(stdout=io.StringIO(), stderr=stream).error(CreditsError(MESSAGE, hint=HINT))
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_an_error_is_broken_between_words_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    *lines, _ = said(Terminal(), monkeypatch, columns)
    assert max(map(len, lines)) <= columns
    assert " ".join(lines) == f"error: {MESSAGE}"


def test_a_hint_is_one_line_to_copy_however_narrow_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(Terminal(), monkeypatch, 40)[-1] == f"hint: {HINT}"


def test_an_error_is_one_line_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(io.StringIO(), monkeypatch, 40) == [f"error: {MESSAGE}", f"hint: {HINT}"]


def test_an_error_as_json_is_one_value_on_stdout_and_nothing_on_stderr() -> None:
    out, err = io.StringIO(), io.StringIO()
    View(as_json=True, stdout=out, stderr=err).error(
        CreditsError(MESSAGE, hint=HINT, code=1104, run_id="run-a", task_id=None)
    )
    assert json.loads(out.getvalue()) == {
        "error": {
            "code": "credits",
            "message": MESSAGE,
            "hint": HINT,
            "exit_code": 11,
            "retryable": False,
            "service_code": 1104,
            "run_id": "run-a",
        }
    }
    assert err.getvalue() == ""


def test_notices_are_silent_under_quiet() -> None:
    loud, quiet = io.StringIO(), io.StringIO()
    View(stderr=loud).notices(["one", "two"])
    View(stderr=quiet, quiet=True).notices(["one", "two"])
    assert loud.getvalue() == "one\ntwo\n"
    assert quiet.getvalue() == ""
