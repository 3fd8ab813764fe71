"""The record of every run: what was sent, which ids came back, what was saved."""

from headswap_cli.journal.journal import Journal
from headswap_cli.journal.runs import TO_STDOUT, BoughtError, Run, Step, StepKind, StepOrderError

__all__ = ["TO_STDOUT", "BoughtError", "Journal", "Run", "Step", "StepKind", "StepOrderError"]
