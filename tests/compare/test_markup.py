"""The page as text: whatever names say, it holds its own elements and scripts, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from headswap_cli.compare.embed import Embedded
from headswap_cli.compare.moments import Still
from headswap_cli.compare.observed import Curve, Observed, Sight
from headswap_cli.compare.page import Contents, page
from headswap_cli.compare.subject import Given, Story, Subject
from headswap_cli.models import VideoInfo
from tests.compare.test_subject import RUN

HERE = Path(__file__)
# Elements that HTML closes by itself.
VOID = {"meta", "link", "img", "input"}
HOSTILE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "</title><script>x()</script>",
            '" onerror="x()',
            "<!--",
            "]]></svg>",
            "${title}$style",
            "&lt;b&gt;",
            "javascript:x()",
            "</script ",
        ]
    ),
)


class Outline(HTMLParser):
    """Takes note of elements, attributes and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def contents(name: str, profile: str, face: str) -> Contents:
    """Return what fills every part of a page, with these words in it."""
    info = VideoInfo(2.0, 64, 48, Fraction(10), 20, has_audio=True, codec=name)
    run = replace(RUN, profile=profile, run_id=name, parameters={"model": face, "resolution": profile})
    story = Story(run, (Given(1, 0, (face, f"https://e.com/{face}")),), (("swap", 3.0),))
    picture, curve = Image.new("RGB", (8, 6)), Curve((0.0, 1.0), (0.2, 0.4))
    seen = Observed(0, 1.0, 0.0, (Sight("first", 0.5, (0, 0, 1, 1)),), curve, curve, curve, curve, curve)
    video = Embedded(b"video", (0.0, 0.1, 0.2), is_original=True)
    subject = Subject(HERE, HERE, info, info, story, (name,))
    still = Still(0.5, (name,) if name else (), 0, picture, picture)
    faces = {0: (picture, picture)}
    return Contents(subject, video, video, b"voice", (seen,), (still,), faces, {0: picture}, (64, 48))


def outline(name: str = "in", profile: str = "work", face: str = "me.jpg") -> Outline:
    read = Outline()
    read.feed(page(contents(name, profile, face)))
    read.close()
    return read


PLAIN = outline()


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_word_from_elsewhere_makes_an_element_or_an_attribute(name: str, profile: str, face: str) -> None:
    read = outline(name, profile, face)
    assert read.open == []
    assert read.tags == PLAIN.tags
    assert [one for one, _ in read.attributes] == [one for one, _ in PLAIN.attributes]


def test_every_address_in_the_page_is_inside_it() -> None:
    addresses = [
        value for name, value in PLAIN.attributes if name in {"src", "href", "action", "srcset", "data"}
    ]
    assert len(addresses) >= 8
    assert all(address.startswith("data:") for address in addresses)
    assert not [name for name, _ in PLAIN.attributes if name.startswith("on") or name == "style"]


def test_the_policy_lets_in_the_script_and_the_style_of_the_page_and_nothing_else() -> None:
    text = page(contents("in", "work", "me.jpg"))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    for kind, element in (("script", "script"), ("style", "style")):
        (inside,) = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; img-src data:; media-src data: blob:;")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_facts_are_json_that_cannot_end_their_element() -> None:
    text = page(contents("in", "work", "me.jpg"))
    (facts,) = re.findall(r'<script type="application/json" id="facts">(.*?)</script>', text)
    assert "<" not in facts
    assert set(json.loads(facts)) == {"times_s", "length_s", "divider", "moments_s"}
