"""Choosing people with arrow keys and the photo of each; what is chosen is returned, nothing is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from headswap_cli.render.dropped import completed, dropped_path
from headswap_cli.render.keys import Key
from headswap_cli.render.views import first_seen, seen_share
from headswap_cli.text import printable
from headswap_cli.wire import MAX_MAPPINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from headswap_cli.models import Person

    # Says what is wrong with a photo, None if nothing is.
    Check = Callable[[str], str | None]

_BOLD, _FAINT, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_SHOWN_NAMES = 6
_PROMPT = "photo: "
# Of one sentence or list; the last question must not push the people off the screen.
_MOST_LINES = 3
_BACK = {Key.UP, Key.LEFT, "k"}
_ON = {Key.DOWN, Key.RIGHT, Key.TAB, "j"}


class LeftError(Exception):
    """The user left with Escape or Ctrl-C."""


class PeopleList:
    """The list of people with a cursor and a mark before each.

    Args:
        people: Who there is.
        is_free: Whether nothing is to be paid in the end.
    """

    def __init__(self, people: Sequence[Person], *, is_free: bool = False) -> None:
        self._people = people
        self._promise = "" if is_free else "; nothing is paid yet"
        self._digits = {str(number) for number in range(1, min(9, len(people)) + 1)}
        self.cursor = 0
        self.chosen: set[int] = set()
        self._fault = ""

    def press(self, key: Key | str) -> bool:
        """Take a key; return whether the choice is made."""
        self._fault = ""
        if key in _BACK or key in _ON:
            step = 1 if key in _ON else -1
            self.cursor = (self.cursor + step) % len(self._people)
        elif key == " ":
            self._toggle(self.cursor)
        elif key == "a":
            self.chosen = set(range(min(MAX_MAPPINGS, len(self._people))))
        elif key in self._digits:
            self.cursor = int(key) - 1
            self._toggle(self.cursor)
        elif key is Key.ENTER:
            self.chosen = self.chosen or {self.cursor}
            return True
        return False

    def lines(self) -> list[str]:
        """Return the list as it is now."""
        rows = [self._row(place, person) for place, person in enumerate(self._people)]
        keys = f"arrows move, space marks, Enter goes on, Esc leaves{self._promise}"
        return [f"{_BOLD}Who gets another head?{_PLAIN}", *rows, f"{_FAINT}{self._fault or keys}{_PLAIN}"]

    def _toggle(self, place: int) -> None:
        self.chosen ^= {place}
        if len(self.chosen) > MAX_MAPPINGS:
            self.chosen -= {place}
            self._fault = f"One task takes at most {MAX_MAPPINGS} people."

    def _row(self, place: int, person: Person) -> str:
        seen = f"  {seen_share(person)} from {first_seen(person)}" if person.screen_share is not None else ""
        mark = "x" if place in self.chosen else " "
        row = f"[{mark}] person {person.person} (obj_id {person.obj_id}){seen}"
        return f"{_BOLD}> {row}{_PLAIN}" if place == self.cursor else f"  {row}"


class PhotoLine:
    """A line that a path is typed, pasted or dropped on; Tab completes it.

    Args:
        person: Whose photo it asks for.
        check: Says what is wrong with a photo.
    """

    def __init__(self, person: Person, check: Check) -> None:
        self._person, self._check = person, check
        self._text = ""
        self._names: list[str] = []
        self._fault = ""
        self.photo: str | None = None

    def press(self, key: Key | str) -> bool:
        """Take a key or a paste; return whether there is a photo."""
        self._names, self._fault = [], ""
        if key is Key.TAB:
            self._text, self._names = completed(self._text)
        elif key is Key.BACKSPACE:
            self._text = self._text[:-1]
        elif key is Key.CLEAR:
            self._text = ""
        elif key is Key.ENTER:
            return self._enter()
        elif not isinstance(key, Key):
            self._text += "".join(letter if letter.isprintable() else " " for letter in key)
        return False

    def lines(self) -> list[str]:
        """Return the question, the line, and what Tab or the check have to say."""
        names = [printable(name) for name in self._names[:_SHOWN_NAMES]]
        more = f", and {len(self._names) - _SHOWN_NAMES} more" if len(self._names) > _SHOWN_NAMES else ""
        keys = "type or drop a photo, Tab completes, Enter goes on, Esc leaves"
        said = self._fault or ", ".join(names) + more or keys
        return [
            f"{_BOLD}The photo for person {self._person.person}{_PLAIN}",
            f"{_PROMPT}{printable(self._text, 4000)}{' ' * (self._text != self._text.rstrip())}_",
            f"{_FAINT}{printable(said, 1000)}{_PLAIN}",
        ]

    def _enter(self) -> bool:
        photo = dropped_path(self._text)
        if not photo:
            return False
        self._fault = self._check(photo) or ""
        self.photo = None if self._fault else photo
        return self.photo is not None


def pick(
    people: Sequence[Person],
    keys: Iterable[Key | str],
    screen: TextIO,
    check: Check,
    *,
    columns: Callable[[], int],
    is_free: bool = False,
) -> list[tuple[Person, str]]:
    """Return whom the user chose and the photo for each; somebody alone is not asked for.

    Args:
        people: At least one.
        keys: What is pressed.
        screen: Where the questions are drawn.
        check: Says what is wrong with a photo.
        columns: Tells the width of the screen.
        is_free: Whether nothing is to be paid in the end.

    Raises:
        LeftError: the user left by Escape or Ctrl-C, or the keys ended.
    """
    pressing = iter(keys)
    who = PeopleList(people, is_free=is_free)
    if len(people) > 1:
        _ask(who, pressing, screen, columns)
    picked = []
    for place in sorted(who.chosen or {0}):
        line = PhotoLine(people[place], check)
        _ask(line, pressing, screen, columns)
        picked.append((people[place], line.photo or ""))
        _say(screen, f"person {people[place].person}: {picked[-1][1]}")
    return picked


def _ask(
    question: PeopleList | PhotoLine, keys: Iterable[Key | str], screen: TextIO, columns: Callable[[], int]
) -> None:
    """Draw a question again after each key until it is answered; then nothing of it is left."""
    height = 0
    try:
        height = _draw(question.lines(), screen, columns(), height)
        for key in keys:
            if key in {Key.ESCAPE, Key.INTERRUPT}:
                raise LeftError
            if question.press(key):
                return
            height = _draw(question.lines(), screen, columns(), height)
        raise LeftError
    finally:
        screen.write(f"{_up(height)}\r\x1b[J")
        screen.flush()


def _draw(lines: Sequence[str], screen: TextIO, columns: int, height: int) -> int:
    """Draw lines over the ``height`` lines drawn before; return how many there are now."""
    shown = [part for line in lines for part in _parts(line, columns - 1)]
    text = "\r\n".join(shown)
    screen.write(f"{_up(height)}\r\x1b[J{text}")
    screen.flush()
    return len(shown)


def _up(height: int) -> str:
    return f"\x1b[{height - 1}A" if height > 1 else ""


def _parts(line: str, columns: int) -> list[str]:
    """Return a line as lines that do not wrap; of what is typed the end, which is what one wants to see."""
    from rich.cells import cell_len, chop_cells
    from rich.text import Text

    plain = Text.from_ansi(line).plain
    if cell_len(plain) <= columns:
        return [line]
    style = line[: line.index("m") + 1] if line.startswith("\x1b") else ""
    if plain.startswith(_PROMPT):
        room = max(1, columns - len(_PROMPT) - 1)
        end = chop_cells(plain[: len(_PROMPT) - 1 : -1], room)[0]
        shown = [f"{_PROMPT}…{end[::-1]}"]
    else:
        shown = chop_cells(plain, columns)[:_MOST_LINES]
    return [f"{style}{part}{_PLAIN}" for part in shown]


def _say(screen: TextIO, text: str) -> None:
    screen.write(f"{printable(text, 4000)}\r\n")
    screen.flush()
