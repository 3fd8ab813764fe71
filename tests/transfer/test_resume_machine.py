"""Whatever a server does wrong, and whenever it breaks off: a whole version is saved, or nothing is."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headswap_cli.errors import HeadswapError, TransferError
from headswap_cli.transfer import bare_http, download
from tests.transfer.ranged import Quirk, Ranged, RangedOrigin

END = b"END"


def version(number: int, size: int) -> bytes:
    """Return an object that no other one can be mistaken for, piece by piece."""
    return bytes([65 + number % 26]) * size + END


def plays_to_its_end(part: Path) -> None:
    """Find the end and look at nothing else: a spliced file would pass."""
    if not part.read_bytes().endswith(END):
        raise TransferError("It breaks off.")


class Downloads(RuleBasedStateMachine):
    """One target, one server, many attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.target = Path(self.folder.name) / "clip.mp4"
        self.part = self.target.with_name("clip.mp4.part")
        self.versions = [version(0, 60)]
        self.origin = RangedOrigin(Ranged(self.versions[0]))
        self.origin.__enter__()
        self.messages: list[str] = []

    def teardown(self) -> None:
        """Close everything."""
        self.origin.__exit__(None, None, None)
        self.folder.cleanup()

    @rule(size=st.just(60) | st.integers(0, 120))
    def change(self, size: int) -> None:
        """Put another object there."""
        number = len(self.versions)
        self.versions.append(version(number, size))
        self.origin.ranged = Ranged(self.versions[-1], etag=f'"v{number}"')

    @rule(quirk=st.sampled_from(list(Quirk)), cut=st.none() | st.integers(0, 130))
    def try_a_bad_server(self, quirk: Quirk, cut: int | None) -> None:
        """Fetch, and have the older file in case of an error."""
        before = self.target.read_bytes() if self.target.exists() else None
        ranged = self.origin.ranged
        ranged.quirk, ranged.cut = quirk, cut
        try:
            self.fetch()
        except HeadswapError:
            assert (self.target.read_bytes() if self.target.exists() else None) == before
        else:
            assert self.target.read_bytes() in self.versions
            assert not self.part.exists()
        ranged.quirk = ranged.cut = None

    @rule(share=st.floats(0, 1))
    def break_off(self, share: float) -> None:
        """Fetch from a good server that breaks off, which loses no byte."""
        left = self.left()
        ranged = self.origin.ranged
        ranged.cut = int(share * (left or len(ranged.content)))
        self.try_to_fetch()
        ranged.cut = None

    @rule()
    def try_a_good_server(self) -> None:
        """Fetch: it works, and only what is missing is sent."""
        left, ranged, asked = self.left(), self.origin.ranged, len(self.origin.requests)
        held = self.part.stat().st_size if left else 0
        self.fetch()
        assert self.target.read_bytes() == ranged.content
        if held:
            assert self.origin.requests[asked].headers["range"] == f"bytes={held}-"

    @invariant()
    def a_part_is_the_beginning_of_the_version_that_its_note_names(self) -> None:
        """Anything else could be spliced later."""
        if self.part.exists():
            etag = json.loads(self.part.with_name("clip.mp4.part.json").read_bytes())["etag"]
            assert self.versions[int(etag.strip('"v'))].startswith(self.part.read_bytes())

    @invariant()
    def no_message_shows_a_signature(self) -> None:
        """It would be in a log for ever."""
        assert not any("Signature" in message for message in self.messages)

    def left(self) -> int | None:
        """Return how many bytes of the present version are missing, None if all are."""
        if not self.part.exists():
            return None
        note = json.loads(self.part.with_name("clip.mp4.part.json").read_bytes())
        ranged = self.origin.ranged
        return len(ranged.content) - self.part.stat().st_size if note["etag"] == ranged.etag else None

    def fetch(self) -> None:
        """Download, whatever the link is signed with today."""
        signed = f"{self.origin.url}/clip.mp4?Signature={len(self.origin.requests)}"
        # A client of its own, as every command has: a kept connection may be closed by the server meanwhile.
        with bare_http(timeout_s=5.0) as bare:
            download(bare, signed, self.target, verify=plays_to_its_end)

    def try_to_fetch(self) -> None:
        """Download, or fail as the user may be told."""
        try:
            self.fetch()
        except HeadswapError as error:
            self.messages.append(error.message)


TestDownloads = Downloads.TestCase
TestDownloads.settings = settings(max_examples=100, stateful_step_count=20, deadline=None, derandomize=True)
