"""The rows of a batch: what a user may write, and that every mistake is named with its place."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.errors import InputError, RowsError
from headswap_cli.services.columns import Columns
from headswap_cli.services.manifest import Problems, read_rows


def size(text: str) -> str:
    if text not in {"480p", "720p"}:
        raise InputError(f"{text!r} does not exist.")
    return text


COLUMNS = Columns(
    {"video": str, "face": str, "output": str, "resolution": size, "webhook-url": str},
    switches=frozenset({"no-sound"}),
    whole=frozenset({"profile"}),
)


def read(content: str | bytes) -> list[dict[str, Any]]:
    """Return what the cells say, row by row; a mistake anywhere raises."""
    problems = Problems()
    packed = content.encode() if isinstance(content, str) else content
    rows = read_rows(packed, COLUMNS, problems)
    problems.check()
    return [dict(row.values) for row in rows]


def mistakes(content: str | bytes) -> list[str]:
    with pytest.raises(RowsError) as caught:
        read(content)
    assert len(caught.value.told) == len(caught.value.problems)
    return list(caught.value.told)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_is_read_as_spreadsheets_write_it(separator: str, end: str) -> None:
    lines = [
        ["video", "face", "no-sound"],
        ["a b.mp4", "me.jpg", "yes"],
        ["", "", ""],
        ["c.mp4", "", "FALSE"],
    ]
    content = end.join(separator.join(cells) for cells in lines) + end
    expected = [
        {"video": "a b.mp4", "face": ("me.jpg",), "no-sound": True},
        {"video": "c.mp4", "no-sound": False},
    ]
    assert read(content) == expected
    assert read(b"\xef\xbb\xbf" + content.encode()) == expected
    assert read(content.encode("utf-16")) == expected


def test_json_lines_are_read_with_faces_as_text_list_or_object() -> None:
    rows = [
        {"video": "a.mp4", "face": "me.jpg", "no_sound": True, "output": None},
        {"video": "b.mp4", "face": ["1=x.jpg", "2=y.jpg"]},
        {"video": "c.mp4", "face": {"1": "x.jpg", "obj:3": ["y.jpg", "z.jpg"]}},
    ]
    assert read("\n\n".join(map(json.dumps, rows))) == [
        {"video": "a.mp4", "face": ("me.jpg",), "no-sound": True},
        {"video": "b.mp4", "face": ("1=x.jpg", "2=y.jpg")},
        {"video": "c.mp4", "face": ("1=x.jpg", "obj:3=y.jpg", "obj:3=z.jpg")},
    ]


@pytest.mark.parametrize(
    ("cell", "faces"),
    [
        ("1=a.jpg;2=b.jpg", ("1=a.jpg", "2=b.jpg")),
        ("1=a.jpg; obj:2=b.jpg ;", ("1=a.jpg", "obj:2=b.jpg")),
        ("1=a.jpg\n2=b.jpg", ("1=a.jpg", "2=b.jpg")),
        ("1=https://e.com/a;v=2?x=1;y=2", ("1=https://e.com/a;v=2?x=1;y=2",)),
        ("odd;name.jpg", ("odd;name.jpg",)),
    ],
)
def test_several_faces_in_a_cell_part_where_the_next_says_whose_it_is(
    cell: str, faces: tuple[str, ...]
) -> None:
    assert read(json.dumps({"video": "v.mp4", "face": cell})) == [{"video": "v.mp4", "face": faces}]
    assert read(f'video,face\nv.mp4,"{cell}"\n') == [{"video": "v.mp4", "face": faces}]


def test_each_face_may_have_a_column_of_its_own() -> None:
    expected = [{"video": "v.mp4", "face": ("1=a.jpg", "2=b.jpg", "c.jpg")}]
    assert read("video,face.1,FACE 2,face\nv.mp4,a.jpg,b.jpg,c.jpg\n") == expected
    assert read("video,face,face,face\nv.mp4,1=a.jpg,2=b.jpg,c.jpg\n") == expected


def test_names_are_taken_as_the_flags_are_written_or_nearly_so() -> None:
    assert read("Video,--No_Sound,Webhook URL\nv.mp4,x,https://e.com\n") == [
        {"video": "v.mp4", "no-sound": True, "webhook-url": "https://e.com"}
    ]


def test_every_mistake_is_named_at_once_with_its_row_line_and_column() -> None:
    content = "video,resolution,no-sound\n\na.mp4,900p,perhaps\nb.mp4,480p,no\n,720p,\nc.mp4,,,extra\n"
    assert mistakes(content) == [
        "row 1 (line 3), 'resolution': '900p' does not exist.",
        "row 1 (line 3), 'no-sound': 'perhaps' is neither yes nor no.",
        "row 3 (line 5), video: there is none.",
        "row 4 (line 6): there is no column over 'extra'.",
    ]


def test_rows_count_from_one_and_lines_hold_within_quotes() -> None:
    problems = Problems()
    rows = read_rows(b'video,face\n"a\nb.mp4",me.jpg\n\nc.mp4,me.jpg\n', COLUMNS, problems)
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 5)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "video,resolutoin\na.mp4,480p\n",
            "line 1, 'resolutoin': there is no such column; did you mean 'resolution'?",
        ),
        ("video,zzz\na.mp4,1\n", "line 1, 'zzz': there is no such column; there are: video, face, output"),
        (
            "video,profile\na.mp4,x\n",
            "line 1, 'profile': this holds for the whole batch: headswap batch ... --profile",
        ),
        ("video,output,output\na.mp4,x,y\n", "line 1, 'output': there are two columns of this name."),
        ("face,output\na.jpg,b.mp4\n", "line 1: the first line names no column 'video'."),
        ('video\n"a.mp4\n', "this is not CSV"),
        (
            '{"video": "a.mp4", "video": "b.mp4"}',
            "row 1 (line 1): this is no JSON object on one line: a name stands",
        ),
        ('{"video": "a.mp4"}\n["b.mp4"]', "row 2 (line 2): this is no JSON object on one line"),
        ('{"video": "a.mp4"', "row 1 (line 1): this is no JSON object on one line"),
        ('{"video": 7}', "row 1 (line 1), 'video': '7' is no text."),
        ('{"face": "me.jpg"}', "row 1 (line 1), video: there is none."),
        ('{"video": "a\\u0000b"}', "row 1 (line 1), 'video': 'a\\x00b' holds a NUL"),
        ('{"video": "a\\ud800b"}', "row 1 (line 1), 'video': 'a\\ud800b' holds half a character"),
        (
            '{"video": "a.mp4", "face": [1, null]}',
            "row 1 (line 1), 'face': '1' is no text. 'null' is no text.",
        ),
        ('{"face": [1]}', "row 1 (line 1), video: there is none.\nrow 1 (line 1), 'face': '1' is no text."),
        ('{"video": "a.mp4", "no-sound": []}', "row 1 (line 1), 'no-sound': '[]' is neither yes nor no."),
        ('{"video": "a.mp4", "face": [1]}', "row 1 (line 1), 'face': '1' is no text."),
        ('{"video": ' + "[" * 100_000, "row 1 (line 1): this is no JSON object on one line"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(content: str, said: str) -> None:
    assert said in "\n".join(mistakes(content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no row"),
        (b"video,face\n", "holds no row"),
        (b"\n \n", "holds no row"),
        (b'[{"video": "a.mp4"}]', "JSON array"),
        (b"video\nm\xfcller.mp4\n", "Line 2 of the batch is not UTF-8"),
    ],
)
def test_what_is_no_batch_at_all_is_refused_whole(content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(content)


CELL = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
ROW = st.fixed_dictionaries(
    {"video": CELL},
    optional={"output": CELL, "webhook-url": CELL, "resolution": st.sampled_from(["480p", "720p"])},
)


@given(
    rows=st.lists(ROW, min_size=1, max_size=20),
    separator=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_comes_back(rows: list[dict[str, str]], separator: str, end: str) -> None:
    file = io.StringIO()
    writer = csv.DictWriter(
        file, ["video", "output", "webhook-url", "resolution"], delimiter=separator, lineterminator=end
    )
    writer.writeheader()
    writer.writerows(rows)
    assert read(file.getvalue()) == rows


@given(rows=st.lists(ROW, min_size=1, max_size=20))
def test_what_the_json_module_writes_comes_back(rows: list[dict[str, str]]) -> None:
    assert read("\n".join(json.dumps(row, ensure_ascii=False) for row in rows)) == rows


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_that_a_file_holds_ends_in_a_traceback(content: bytes) -> None:
    for start in (b"", b"video,face\n", b'{"video": "a"}\n'):
        with suppress(InputError):
            assert read(start + content)
