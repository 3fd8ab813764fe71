"""What people, scripts and programs see of a result."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.models import Status
from headswap_cli.render import views
from headswap_cli.services.status import StatusResult
from headswap_cli.wire import ENGINE_ORIGIN


def state(identifier: str, error: str | None = None) -> StatusResult:
    return StatusResult(identifier, "task", Status.PROCESSING, 41.6, error, None)


def test_states_are_a_table_for_people_and_bare_words_for_scripts() -> None:
    shown = views.states([state("6a066dc58570ecbf64f761a5"), state("b" * 24, "out of memory")])
    assert shown.text.splitlines() == [
        "ID                        KIND  STATUS      DONE  RESULT",
        "6a066dc58570ecbf64f761a5  task  processing  42%   -",
        "bbbbbbbbbbbbbbbbbbbbbbbb  task  processing  42%   out of memory",
    ]
    assert shown.bare == "processing\nprocessing"


def test_a_result_that_only_a_client_of_the_engine_can_fetch_is_shown_as_the_command_that_does() -> None:
    of_engine = StatusResult("t1", "task", Status.COMPLETED, 100.0, None, f"{ENGINE_ORIGIN}/media/x.mp4")
    shown = views.states([of_engine])
    assert shown.text.endswith("headswap download t1")
    assert views.status_json(of_engine)["output_url"] is None
    cloud = StatusResult("t1", "task", Status.COMPLETED, 100.0, None, "https://example.com/x.mp4?sig=1")
    assert views.status_json(cloud)["output_url"] == cloud.output_url


def test_one_state_is_an_object_and_several_are_an_array() -> None:
    assert isinstance(views.states([state("a")]).value, dict)
    assert isinstance(views.states([state("a"), state("b")]).value, list)


@given(st.text())
def test_no_text_from_elsewhere_breaks_a_table_or_reaches_the_terminal_raw(error: str) -> None:
    text = views.states([state("a", error)]).text
    assert len(text.split("\n")) == 2
    assert all(unicodedata.category(letter) not in {"Cc", "Cs"} for letter in text.replace("\n", ""))
