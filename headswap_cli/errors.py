"""What can go wrong, one class per thing the user can do about it.

The exit code and the slug of each class are contract: scripts test for them.
"""

from __future__ import annotations

import errno
import os
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ExitCode(IntEnum):
    """The exit codes of the ``headswap`` command."""

    DONE = 0
    SERVICE = 1
    USAGE = 2
    FAILED = 3
    DEADLINE = 4
    UNKNOWN = 5
    AUTH = 10
    CREDITS = 11
    REFUSED = 12
    NOT_FOUND = 13
    INTERRUPTED = 130
    UNREAD = 141
    TERMINATED = 143


# What the system says no to, and whom it is for to change that.
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_ALLOWED_PLACES = (
    "Choose a place that is yours to use: -o FILE for a result; HEADSWAP_DATA_DIR, HEADSWAP_CACHE_DIR and"
    " HEADSWAP_CONFIG_DIR for what is kept"
)
_MAKE_ROOM, _TOO_MANY = "Make room, or use another folder.", "Close other programs, or: ulimit -n 4096"
_MACHINE_HINTS = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EFBIG: _MAKE_ROOM,
    getattr(errno, "EDQUOT", errno.ENOSPC): _MAKE_ROOM,
    errno.EMFILE: _TOO_MANY,
    errno.ENFILE: _TOO_MANY,
}


class HeadswapError(Exception):
    """An error that the user is told about without a traceback.

    Args:
        message: What went wrong: the thing, the value, the limit.
        hint: What mends it, best of all a command.
        code: The service's own number for it, if it gave one.
        ids: Identifiers known at that moment (``run_id``, ``task_id``, ``analysis_id``), shown in JSON.
    """

    exit_code = ExitCode.SERVICE
    slug = "error"
    retryable = False
    is_throttled = False

    def __init__(
        self, message: str, *, hint: str | None = None, code: int | None = None, **ids: str | None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.ids = {name: value for name, value in ids.items() if value}


class InputError(HeadswapError):
    """The command, a file or a value is wrong; nothing was sent that costs."""

    exit_code = ExitCode.USAGE
    slug = "input"


class BusyError(InputError):
    """Somebody else is at work on the same run; it will be over by itself."""


class RowsError(InputError):
    """Rows of a batch are wrong, all of them told at once.

    Args:
        message: How many.
        unit: What the user calls them: rows, or videos.
        told: What is wrong with each, a sentence each.
        problems: The same as values: ``row``, ``line``, ``column``, ``message``.
    """

    slug = "rows"

    def __init__(
        self,
        message: str,
        *,
        unit: str = "rows",
        told: Sequence[str],
        problems: Sequence[Mapping[str, object]],
    ) -> None:
        super().__init__(message, hint=f"Mend these {unit} and run the same command again.")
        self.told = tuple(told)
        self.problems = tuple(problems)


class ServiceError(HeadswapError):
    """The service answered with a fault that outlived the retries."""

    slug = "service"
    retryable = True


class NetworkError(HeadswapError):
    """The service or a media host could not be reached, or broke off."""

    slug = "network"
    retryable = True


class EngineError(HeadswapError):
    """The local engine could not be started or its weights could not be had."""

    slug = "engine"


class MachineError(HeadswapError):
    """The operating system refused: a full disk, a folder that cannot be written, too many open files."""

    slug = "machine"


def machine_error(error: OSError) -> HeadswapError:
    """Return what the system refused, as an error that the user is told about; a wrong place is an input."""
    where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
    if error.errno == errno.ENAMETOOLONG:
        return InputError(f"The name is too long for the file system{where}", hint="Use a shorter one.")
    message = f"The system refused ({error.strerror or type(error).__name__}){where}"
    if error.errno in _NOT_ALLOWED:
        return InputError(message, hint=_ALLOWED_PLACES)
    return MachineError(message, hint=_MACHINE_HINTS.get(error.errno or 0))


class HostingError(HeadswapError):
    """The user's own upload program failed, or did not say where the file is."""

    slug = "hosting"


class TransferError(HeadswapError):
    """What was downloaded is not what was promised; nothing was saved under the target's name."""

    slug = "transfer"
    retryable = True


class FailedError(HeadswapError):
    """The service accepted the analysis or the task and ended it as failed."""

    exit_code = ExitCode.FAILED
    slug = "failed"


class JobCancelledError(FailedError):
    """The user had the analysis or task ended; to have it after all is to begin anew.

    Args:
        kind: What it is: analysis, task or run.
        identifier: Its id.
    """

    slug = "cancelled"

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(
            f"The {kind} {identifier} was cancelled on the user's wish (headswap cancel).",
            hint="To have it after all: the same command again, which begins anew.",
        )
        self.ids = {f"{kind}_id": identifier}


class DeadlineError(HeadswapError):
    """The time the user gave is over; the analysis or task goes on at the service."""

    exit_code = ExitCode.DEADLINE
    slug = "deadline"
    retryable = True


class OutcomeUnknownError(HeadswapError):
    """A paid submission left and was not answered: it may or may not exist. Never sent again by itself."""

    exit_code = ExitCode.UNKNOWN
    slug = "outcome_unknown"


class AuthError(HeadswapError):
    """The key is missing, wrong or expired."""

    exit_code = ExitCode.AUTH
    slug = "auth"


class CreditsError(HeadswapError):
    """The balance or the user's budget does not cover the task."""

    exit_code = ExitCode.CREDITS
    slug = "credits"


class RefusedError(HeadswapError):
    """The service refused the input or names a limit."""

    exit_code = ExitCode.REFUSED
    slug = "refused"


class NotFoundError(HeadswapError):
    """No such analysis, task, run or result, or no access to it."""

    exit_code = ExitCode.NOT_FOUND
    slug = "not_found"


class Stopped(BaseException):
    """SIGINT or SIGTERM reached the command. Not an ``Exception``, so that no handler takes it for a fault.

    Args:
        exit_code: What the command ends with.
    """

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code
        self.hint: str | None = None


# Where several things went wrong: money in question, then what stops everything, then the rest.
_WORST_FIRST = (
    ExitCode.UNKNOWN,
    ExitCode.AUTH,
    ExitCode.CREDITS,
    ExitCode.SERVICE,
    ExitCode.FAILED,
    ExitCode.REFUSED,
    ExitCode.NOT_FOUND,
    ExitCode.USAGE,
    ExitCode.DEADLINE,
)


def worst_code(errors: Iterable[HeadswapError]) -> ExitCode:
    """Return the exit code of a command some of whose parts failed; ``DONE`` if none did."""
    codes = {error.exit_code for error in errors}
    return next((code for code in _WORST_FIRST if code in codes), ExitCode.DONE)
