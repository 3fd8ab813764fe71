"""Commands that are made when they are called: listing them needs their help alone.

Typer reads the signatures of a whole tree before it looks at the first word of a command line, which takes
longer than most commands do.
"""

from __future__ import annotations

import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import typer.core
import typer.main

from headswap_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal


class Later(typer.core.TyperCommand):
    """Stands for a command in a list until it is called.

    Args:
        name: What it is called by.
        text: Its help.
        make: Makes it.
    """

    def __init__(self, name: str, text: str | None, make: Callable[[], typer.Typer]) -> None:
        super().__init__(name, help=text)
        self._make = make

    def whole(self) -> Any:
        """Return the command itself, or the group."""
        made = typer.main.get_command(self._make())
        made.name = self.name
        return made

    def make_context(self, *args: Any, **settings: Any) -> Any:
        """Return the context of the command itself."""
        return self.whole().make_context(*args, **settings)


class Strict(typer.core.TyperCommand):
    """Takes no option's name for the value of the option before it, as in ``--face -o out.mp4``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words behind the command's name.

        Raises:
            InputError: a value was forgotten.
        """
        names = {
            name: option
            for option in self.get_params(ctx)
            for name in (*option.opts, *option.secondary_opts)
            if name[0] == "-"
        }
        words = args[: args.index("--")] if "--" in args else args
        # What is being typed is not finished: pressing tab must not fail.
        for word, following in () if ctx.resilient_parsing else pairwise(words):
            if following in names and word in names and not getattr(names[word], "is_flag", False):
                raise InputError(
                    f"Option {word!r} needs a value, and {following!r} is an option.",
                    hint=f"{ctx.command_path} --help",
                )
        return super().parse_args(ctx, args)


def command(name: str, function: Callable[..., None], markup: Literal["markdown"] | None) -> Later:
    """Return the command that a function is."""

    def _make() -> typer.Typer:
        app = typer.Typer(add_completion=False, rich_markup_mode=markup)
        app.command(name, cls=Strict)(function)
        return app

    return Later(name, inspect.getdoc(function), _make)


def group(
    name: str,
    function: Callable[..., None],
    commands: dict[str, Callable[..., None]],
    markup: Literal["markdown"] | None,
) -> Later:
    """Return the group that ``function`` speaks for when no command follows."""

    def _make() -> typer.Typer:
        under = [command(*one, markup) for one in commands.items()]
        app = typer.Typer(add_completion=False, rich_markup_mode=markup, cls=listing(under))
        app.callback(invoke_without_command=True)(function)
        return app

    return Later(name, inspect.getdoc(function), _make)


def listing(commands: list[Later]) -> type[typer.core.TyperGroup]:
    """Return the class of a group of these commands, in their order."""

    class _Listing(typer.core.TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands = {str(one.name): one for one in commands}

    return _Listing
