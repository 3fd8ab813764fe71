"""The command tree and the error boundary: every error ends here, as a message and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from headswap_cli import __version__
from headswap_cli.commands.analyze import analyze_command
from headswap_cli.commands.batch import batch_command
from headswap_cli.commands.cancel import cancel_command
from headswap_cli.commands.compare import compare_command
from headswap_cli.commands.credits import credits_command
from headswap_cli.commands.demo import demo_command
from headswap_cli.commands.download import download_command
from headswap_cli.commands.later import command, listing
from headswap_cli.commands.profile import profile_group
from headswap_cli.commands.resume import resume_command
from headswap_cli.commands.run import run_command
from headswap_cli.commands.runs import runs_group
from headswap_cli.commands.serve import serve_command
from headswap_cli.commands.status import status_command
from headswap_cli.commands.swap import swap_command
from headswap_cli.errors import ExitCode, HeadswapError, InputError, Stopped, machine_error
from headswap_cli.render.view import View, is_live

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType


def build() -> typer.Typer:
    """Return the command tree; its help is drawn with Rich on a terminal only."""
    markup: Literal["markdown"] | None = "markdown" if is_live(sys.stdout) else None
    commands: dict[str, Callable[..., None]] = {
        "run": run_command,
        "batch": batch_command,
        "demo": demo_command,
        "analyze": analyze_command,
        "swap": swap_command,
        "status": status_command,
        "download": download_command,
        "cancel": cancel_command,
        "compare": compare_command,
        "resume": resume_command,
        "credits": credits_command,
        "serve": serve_command,
    }
    single = [command(*one, markup) for one in commands.items()]
    app = typer.Typer(
        name="headswap",
        cls=listing([*single, runs_group(markup), profile_group(markup)]),
        rich_markup_mode=markup,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(root)
    return app


def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Swap heads in videos: on this machine, or over the Head Swap Open API.

    Only with the consent of the people shown.

    Example: headswap run video.mp4 --face 1=me.jpg
    """
    if version:
        sys.stdout.write(f"headswap {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(f"{context.get_help()}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    view = View(as_json="--json" in words, quiet="-q" in words or "--quiet" in words)
    _listen_to_signals()
    try:
        return _run(words)
    except InputError as error:
        return _told(view, _with_quotes(error, words))
    except (HeadswapError, Stopped) as end:
        return _told(view, end)
    except typer.TyperException as error:
        return _told(view, _with_quotes(_usage_error(error, words), words))
    except BrokenPipeError:
        return ExitCode.UNREAD
    except OSError as error:
        return _told(view, machine_error(error))
    finally:
        _let_go_of_streams()


def _run(words: Sequence[str]) -> int:
    try:
        code = build()(words, prog_name="headswap", standalone_mode=False)
    except SystemExit as ended:
        # Typer itself ends the process where nobody reads what is written.
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from ended
        raise
    sys.stdout.flush()
    return code or ExitCode.DONE


def _told(view: View, end: HeadswapError | Stopped) -> int:
    """Tell what ended the command, on stderr if stdout takes no more; return its exit code."""
    try:
        _tell(view, end)
    except OSError:
        _tell(View(), end)
    return end.exit_code


def _tell(view: View, end: HeadswapError | Stopped) -> None:
    if isinstance(end, Stopped):
        view.stopped(end)
    else:
        view.error(end)


def _open_streams() -> None:
    """Give closed streams somewhere to write, and let names that are not UTF-8 out as the bytes they are."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")


def _let_go_of_streams() -> None:
    """Let what nobody takes go nowhere, lest the interpreter's last flush fail and end with another code."""
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _usage_error(error: typer.TyperException, words: Sequence[str]) -> InputError:
    describe, context = getattr(error, "format_message", None), getattr(error, "ctx", None)
    # An option without its value is told without the command.
    named = f"headswap {words[0]}" if words and words[0].isalpha() else "headswap"
    command = context.command_path if context is not None else named
    return InputError(describe() if describe is not None else str(error), hint=f"{command} --help")


def _with_quotes(error: InputError, words: Sequence[str]) -> InputError:
    """Return an error with another hint where the shell has taken a name with spaces to pieces."""
    from headswap_cli.commands.unquoted import names_in_pieces

    if names := names_in_pieces(words):
        error.hint = f"A name with spaces goes into quotes: {' '.join(names)}"
    return error


def _listen_to_signals() -> None:
    def _stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise Stopped(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)

    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
