"""Keys as terminals send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headswap_cli.render.keys import Key, parse_keys

SENT: dict[bytes, list[Key | str]] = {
    b"\x1b[A": [Key.UP],
    b"\x1bOA": [Key.UP],
    b"\x1b[1;5B": [Key.DOWN],
    b"\x1b[C": [Key.RIGHT],
    b"\x1b[D": [Key.LEFT],
    b"\x1b[Z": [Key.UP],
    b"\r": [Key.ENTER],
    b"\t": [Key.TAB],
    b"\x7f": [Key.BACKSPACE],
    b"\x08": [Key.BACKSPACE],
    b"\x15": [Key.CLEAR],
    b"\x03": [Key.INTERRUPT],
    b" ": [" "],
    b"ab": ["a", "b"],
    "ä€😀".encode(): ["ä", "€", "😀"],
    # A page up, a function key, a late answer of the terminal, Alt-x, a letter that is none: nothing.
    b"\x1b[5~": [],
    b"\x1b[15~": [],
    b"\x1b[?62;4c": [],
    b"\x1bx": [],
    b"\x01": [],
    b"\xff": [],
    b"\x1b[200~/a b\r.jpg\x1b[201~": ["/a b\r.jpg"],
    b"\x1b[200~\x1b[201~": [""],
}


@pytest.mark.parametrize("data", SENT)
def test_what_is_sent_is_the_key(data: bytes) -> None:
    assert parse_keys(data, is_all=True) == (SENT[data], b"")


def test_an_escape_alone_is_the_key_only_where_nothing_follows() -> None:
    assert parse_keys(b"\x1b", is_all=False) == ([], b"\x1b")
    assert parse_keys(b"\x1b", is_all=True) == ([Key.ESCAPE], b"")
    assert parse_keys(b"\x1b\x1b[A", is_all=True) == ([Key.ESCAPE, Key.UP], b"")


PIECES = st.lists(
    st.sampled_from([piece for piece, keys in SENT.items() if piece != b"\xff" and len(keys) <= 1])
    | st.characters(categories=["L", "N", "P"]).map(str.encode),
    max_size=8,
)


@given(PIECES, st.data())
def test_keys_are_the_same_however_they_are_cut_up_on_the_way(
    pieces: list[bytes], data: st.DataObject
) -> None:
    sent = b"".join(pieces)
    whole, _ = parse_keys(sent, is_all=True)
    found: list[Key | str] = []
    rest = b""
    at = 0
    while at < len(sent):
        size = data.draw(st.integers(1, 5))
        keys, rest = parse_keys(rest + sent[at : at + size], is_all=False)
        found += keys
        at += size
    assert found + parse_keys(rest, is_all=True)[0] == whole


@given(st.binary(max_size=60), st.booleans())
def test_no_bytes_are_too_odd_and_all_of_them_are_used_up(data: bytes, is_all: bool) -> None:
    keys, rest = parse_keys(data, is_all=is_all)
    assert data.endswith(rest)
    assert not (is_all and rest)
    assert all(isinstance(key, Key) or len(key) <= len(data) for key in keys)
