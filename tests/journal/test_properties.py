"""Any sequence of calls: paid once, never lost, and the row is the fold of its steps."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from headswap_cli.errors import HeadswapError, InputError
from headswap_cli.journal import BoughtError, Journal, Run, Step, StepKind, StepOrderError
from headswap_cli.models import Analysis, Saved, Status

NAMES = st.sampled_from(["a1", "a2", "a3"])
STATES = st.sampled_from(Status)


# What goes on after an error, and mends nothing by itself.
_LEAVE_THE_ERROR = {
    *(StepKind.FAILED, StepKind.CANCELLED, StepKind.STATE, StepKind.ANALYSED, StepKind.PUBLISHED),
    *(StepKind.FETCHING, StepKind.FETCHED, StepKind.CHARGED),
}


def folded(run: Run, steps: list[Step]) -> dict[str, object]:
    """Return what the steps alone say of a run."""
    row: dict[str, object] = {
        "status": Status.QUEUED, "progress": 0.0, "analysis_id": None, "body": None, "task_id": None,
        "output": None, "error": None,
    }  # fmt: skip
    for step in steps:
        told = {name: value for name, value in step.detail.items() if name in row}
        if step.kind in {StepKind.SUBMITTED, StepKind.INTENDED}:
            told["status"] = Status.PROCESSING
        elif step.kind is StepKind.ANALYSED:
            del told["status"]
        elif step.kind is StepKind.WAIVED:
            told |= {"status": Status.PROCESSING, "body": None}
        elif step.kind is StepKind.CREATED:
            told |= {"status": Status.QUEUED, "progress": 0.0}
        elif step.kind is StepKind.DONE:
            told |= {"status": Status.COMPLETED, "progress": 100.0}
            # What went to stdout is nowhere; a file that was saved before still is.
            told["output"] = (row["output"] or "-") if told["output"] == "-" else told["output"]
        elif step.kind is StepKind.FAILED:
            told["error"] = step.detail["message"]
        elif step.kind is StepKind.CANCELLED:
            told |= {"status": Status.CANCELLED, "error": step.detail["message"]}
        if step.kind not in _LEAVE_THE_ERROR:
            told["error"] = None
        row |= told
    return row


class Runs(RuleBasedStateMachine):
    """Several runs at once, told anything at any time."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.sqlite3"
        self.journal = Journal(self.path, clock=lambda: 1.0)
        self.tasks: dict[str, str] = {}
        self.in_question: set[str] = set()
        self.bought: dict[str, str] = {}
        self.counted = 0

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()

    @rule(target=runs, source=st.text(max_size=5))
    def begin(self, source: str) -> str:
        return self.journal.begin(profile="p", backend="local", source=source, parameters={})

    @rule(target=runs, run_id=consumes(runs))
    def reopen(self, run_id: str) -> str:
        """Close the journal and open it again, as the next command does."""
        self.journal.close()
        self.journal = Journal(self.path, clock=lambda: 1.0)
        return run_id

    @rule(run_id=runs, name=NAMES)
    def submit(self, run_id: str, name: str) -> None:
        with suppress(StepOrderError):
            self.journal.submitted(run_id, name)

    @rule(run_id=runs, name=NAMES)
    def analyse(self, run_id: str, name: str) -> None:
        with suppress(StepOrderError):
            self.journal.analysed(run_id, Analysis(name, Status.COMPLETED, 3, ""))

    @rule(run_id=runs)
    def publish(self, run_id: str) -> None:
        with suppress(StepOrderError):
            self.journal.published(run_id, "me.jpg", None, "https://example.com/me.jpg")

    @rule(run_id=runs, size=st.integers(0, 3))
    def intend(self, run_id: str, size: int) -> None:
        try:
            self.journal.intend(run_id, {"mappings": list(range(size))})
        except StepOrderError:
            assert run_id in self.in_question or run_id in self.tasks
        else:
            assert run_id not in self.in_question
            assert run_id not in self.tasks
            self.bought.pop(run_id, None)
            self.in_question.add(run_id)

    @rule(run_id=runs)
    def refuse(self, run_id: str) -> None:
        """The service says no to what was sent just now."""
        run = self.journal.find(run_id)
        assert run is not None
        if run.last_step is StepKind.INTENDED:
            self.journal.failed(run_id, Status.FAILED, HeadswapError("no"))
            self.in_question.discard(run_id)

    @rule(run_id=runs)
    def lose(self, run_id: str) -> None:
        """The answer to what was sent never comes."""
        if run_id in self.in_question:
            self.journal.failed(run_id, Status.UNKNOWN, HeadswapError("lost"))

    @rule(run_id=runs)
    def waive(self, run_id: str) -> None:
        try:
            self.journal.waive(run_id)
        except StepOrderError:
            assert run_id not in self.in_question
        else:
            assert run_id in self.in_question
            self.in_question.discard(run_id)

    @rule(run_id=runs)
    def create(self, run_id: str) -> None:
        try:
            self.counted += 1
            task_id = f"t{self.counted}"
            self.journal.created(run_id, task_id)
        except StepOrderError:
            assert run_id not in self.in_question
        else:
            assert run_id not in self.tasks
            self.tasks[run_id] = task_id
            self.in_question.discard(run_id)

    @rule(run_id=runs)
    def fetch(self, run_id: str) -> None:
        with suppress(StepOrderError):
            self.journal.fetching(run_id, "/out.mp4")
            self.journal.fetched(run_id, "/out.mp4", "ab")
            assert run_id in self.tasks

    @rule(content=st.sampled_from(["c1", "c2"]))
    def ask_again(self, content: str) -> None:
        """The same wish twice is one run."""
        asked = [
            self.journal.begin(
                profile="p", backend="local", source="s", parameters={}, content=content, is_new=False
            )
            for _ in range(2)
        ]
        assert asked[0] == asked[1]

    @rule(run_id=runs, purchase=st.sampled_from(["p1", "p2"]), is_new=st.booleans())
    def buy(self, run_id: str, purchase: str, is_new: bool) -> None:
        """What another run has bought, or may have, is bought again only on purpose."""
        others = {other for other, what in self.bought.items() if what == purchase and other != run_id} & (
            self.in_question | self.tasks.keys()
        )
        expected: type[Exception] | None = None
        if run_id in self.in_question or run_id in self.tasks:
            expected = StepOrderError
        elif others and not is_new:
            expected = BoughtError
        with nullcontext() if expected is None else pytest.raises(expected) as caught:
            self.journal.intend(run_id, {}, purchase=purchase, is_new=is_new)
        if expected is None:
            self.bought[run_id] = purchase
            self.in_question.add(run_id)
        elif caught is not None and isinstance(caught.value, BoughtError):
            assert caught.value.run_id in others

    @rule(run_id=consumes(runs))
    def forget(self, run_id: str) -> None:
        self.journal.forget(run_id)
        assert self.journal.find(run_id) is None
        self.tasks.pop(run_id, None)
        self.bought.pop(run_id, None)
        self.in_question.discard(run_id)

    @rule(run_id=runs)
    def be_alone(self, run_id: str) -> None:
        with self.journal.held(run_id), pytest.raises(InputError), self.journal.held(run_id):
            pass

    @rule(run_id=runs, status=STATES, progress=st.floats(0, 100))
    def tell(self, run_id: str, status: Status, progress: float) -> None:
        with suppress(StepOrderError):
            self.journal.state(run_id, status, progress)

    @rule(run_id=runs, output=st.sampled_from([None, "-"]))
    def finish(self, run_id: str, output: str | None) -> None:
        with suppress(StepOrderError):
            self.journal.done(run_id, Saved(Path("/out.mp4"), 1, "ab"), output=output)

    @rule(run_id=runs, status=STATES, message=st.text(max_size=5))
    def fail(self, run_id: str, status: Status, message: str) -> None:
        """Anything else goes wrong, but not between a request that costs and its answer."""
        run = self.journal.find(run_id)
        assert run is not None
        # Only what was sent leaves anything unknown.
        if run.last_step is not StepKind.INTENDED and (status is not Status.UNKNOWN or run.is_unanswered):
            self.journal.failed(run_id, status, HeadswapError(message))

    @invariant()
    def what_may_have_been_paid_for_stays_in_question(self) -> None:
        assert {run.run_id for run in self.journal.runs() if run.is_unanswered} == self.in_question

    @invariant()
    def every_paid_task_is_known_by_its_id(self) -> None:
        for run_id, task_id in self.tasks.items():
            run = self.journal.find(task_id)
            assert run is not None
            assert (run.run_id, run.task_id) == (run_id, task_id)
            assert run.body is not None

    @invariant()
    def every_row_is_the_fold_of_its_steps(self) -> None:
        for run in self.journal.runs():
            row = folded(run, self.journal.steps(run.run_id))
            assert {name: getattr(run, name) for name in row} == row


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=40, stateful_step_count=25, deadline=None, database=None)
