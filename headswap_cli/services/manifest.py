"""The rows of a batch: CSV with a header, or JSON Lines; every mistake is found before anything is sent."""

from __future__ import annotations

import csv
import io
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from headswap_cli.errors import InputError, RowsError
from headswap_cli.media import ANY_LENGTH
from headswap_cli.services.columns import FACE, VIDEO, Columns, column_name, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Spreadsheets of half the world separate by semicolons, and paste tabs.
_SEPARATORS = ",;\t"
MAX_BYTES = 64 << 20
Cells = list[tuple[str, Any]]
"""What a row says, by column as written; one column may come several times."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 1 without the header, the line it begins in, and what its cells say.

    ``values`` is by column; cells that say nothing are not in it. That of ``face`` is a tuple of what
    ``Columns.parse`` made of each.
    """

    number: int
    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row, or with the header if ``row`` is None; ``line`` is 0 without a file."""

    row: int | None
    line: int
    column: str | None
    message: str

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        where = line if self.row is None else f"row {self.row} ({line})" if line else f"video {self.row}"
        return f"{where}, {self.column}: {self.message}" if self.column else f"{where}: {self.message}"


@dataclass(slots=True)
class Problems:
    """Collects what is wrong, so that all of it is told at once; ``rows`` is how many were looked at."""

    found: list[Problem] = field(default_factory=list)
    rows: int = 0

    @property
    def bad(self) -> set[int]:
        """The numbers of the rows with which something is wrong."""
        return {problem.row for problem in self.found if problem.row is not None}

    def add(self, row: int | None, line: int, column: str | None, message: str) -> None:
        """Note one more."""
        self.found.append(Problem(row, line, column, message))

    @contextmanager
    def noting(self, row: int | None, line: int, column: str | None = None) -> Iterator[None]:
        """Note the ``InputError`` that the block ends in, and go on after it."""
        try:
            yield
        except InputError as error:
            self.add(row, line, column, f"{error.message}{_way_on(error.hint or '')}")

    def check(self) -> None:
        """Check that there are none.

        Raises:
            RowsError: names them all, by line.
        """
        bad = len(self.bad)
        found = sorted(self.found, key=lambda problem: problem.line)
        unit = "rows" if any(problem.line for problem in found) else "videos"
        many = f"{bad} of {self.rows} {unit} can't be done" if bad else "The batch can't be read"
        if found:
            raise RowsError(
                f"{many}; nothing was sent.",
                unit=unit,
                told=[str(one) for one in found],
                problems=[
                    {"row": one.row, "line": one.line, "column": one.column, "message": one.message}
                    for one in found
                ],
            )


def _way_on(hint: str) -> str:
    """Return what of a hint is told with a row, among the mistakes of many: what is short, and not plain."""
    if hint.startswith("mkdir "):
        return f" ({hint})"
    return f"; {hint.partition(';')[0]}" if hint.startswith(ANY_LENGTH) else ""


def load(source: str, stdin: TextIO | None) -> tuple[bytes, Path]:
    """Return what a file holds, or stdin for ``-``, and the folder that its relative paths start from.

    Raises:
        InputError: it can't be read, or is far too large for what it should be.
    """
    if source == "-":
        if stdin is None or stdin.isatty():
            raise InputError("Nothing comes from stdin.", hint="headswap batch - < jobs.csv")
        content, folder = stdin.buffer.read(MAX_BYTES + 1), Path()
    else:
        path = Path(source)
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{source!r} can't be read: {reason}.") from error
        # A pipe that a shell has made lies in a folder of no use.
        folder = path.parent if path.is_file() else Path()
    if len(content) > MAX_BYTES:
        raise InputError(f"{source!r} is larger than {MAX_BYTES >> 20} MiB.")
    return content, folder


def read_rows(content: bytes, columns: Columns, problems: Problems) -> list[Row]:
    """Return the rows of a manifest, in their order; of those that are noted as wrong, what can be read.

    Args:
        content: CSV with a header line (comma, semicolon or tab), or one JSON object a line, as its first
            character tells; UTF-8, or UTF-16 with a mark.
        columns: What there may be.
        problems: Is told of each bad cell.

    Raises:
        InputError: it is no text, or holds no row.
    """
    text = _decoded(content)
    first = text.lstrip()[:1]
    if first == "[":
        raise InputError(
            "The batch is a JSON array; it takes one object a line.",
            hint="jq -c '.[]' FILE | headswap batch -",
        )
    records = _json_records(text, problems) if first == "{" else _csv_records(text, columns, problems)
    rows = []
    for line, cells in records:
        problems.rows += 1
        # What is no object has been told already, and so is a cell that is wrong.
        is_object = problems.rows not in problems.bad
        if is_object and all(column_name(written) != VIDEO for written, _ in cells):
            problems.add(problems.rows, line, VIDEO, "there is none.")
        rows.append(_row(problems.rows, line, cells, columns, problems))
    if not problems.rows and not problems.found:
        raise InputError("The batch holds no row.", hint="headswap batch --help")
    return rows


def _decoded(content: bytes) -> str:
    has_mark = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if has_mark else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"Line {line} of the batch is not UTF-8.", hint="Save it as UTF-8.") from error


def _csv_records(text: str, columns: Columns, problems: Problems) -> Iterator[tuple[int, Cells]]:
    """Yield the line and the cells, by column as written, of each row that is not empty."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=lambda one: _known_names(first, one, columns))
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    header: list[str] = []
    line = 0
    try:
        for cells in reader:
            began, line = line + 1, reader.line_num
            stripped = [cell.strip() for cell in cells]
            if any(stripped) and header:
                yield began, _by_column(header, stripped)
            elif any(stripped):
                header = stripped
                if not _check_header(header, began, columns, problems):
                    return
    except csv.Error as error:
        problems.add(None, reader.line_num, None, f"this is not CSV: {error}.")


def _known_names(first: str, separator: str, columns: Columns) -> int:
    return sum(column_name(cell.strip(' "')) in columns.names for cell in first.split(separator))


def _check_header(header: list[str], line: int, columns: Columns, problems: Problems) -> bool:
    """Note what is wrong with the names and cross those out; tell whether the rows are worth reading."""
    seen: set[str] = set()
    for place, written in enumerate(header):
        name = column_name(written)
        if not name:
            continue
        if name in seen and name != FACE:
            problems.add(None, line, shown(written), "there are two columns of this name.")
        seen.add(name)
        before = len(problems.found)
        with problems.noting(None, line, shown(written)):
            columns.find(written)
        if len(problems.found) > before:
            header[place] = "?"
    if VIDEO not in seen:
        problems.add(None, line, None, f"the first line names no column {VIDEO!r}.")
    return VIDEO in seen


def _by_column(header: list[str], cells: list[str]) -> Cells:
    names = [*header, *[""] * (len(cells) - len(header))]
    return [(name, cell) for name, cell in zip(names, cells, strict=False) if cell and name != "?"]


def _json_records(text: str, problems: Problems) -> Iterator[tuple[int, Cells]]:
    """Yield the line and the members of each object; null says nothing, and what is no object has none."""
    for line, words in enumerate(text.split("\n"), start=1):
        if not words.strip():
            continue
        try:
            members = _object(words)
        except (ValueError, RecursionError) as error:
            problems.add(problems.rows + 1, line, None, f"this is no JSON object on one line: {error}.")
            members = {}
        yield line, [(name, cell) for name, cell in members.items() if cell is not None]


def _object(words: str) -> dict[str, Any]:
    value = json.loads(words, object_pairs_hook=_members)
    if not isinstance(value, dict):
        raise ValueError(f"{shown(words)} is none")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands there twice")
    return members


def _row(number: int, line: int, cells: Cells, columns: Columns, problems: Problems) -> Row:
    values: dict[str, Any] = {}
    for written, cell in cells:
        if not written:
            problems.add(number, line, None, f"there is no column over {shown(str(cell))}.")
            continue
        with problems.noting(number, line, shown(written)):
            value = columns.read(written, cell)
            name = columns.find(written)
            values[name] = (*values.get(FACE, ()), *value) if name == FACE else value
    return Row(number, line, values)
