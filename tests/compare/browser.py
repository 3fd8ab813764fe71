"""A real browser over a page on the disk, and what the page did in it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, Request

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE, DESKTOP = (390, 844), (1280, 900)
_MOST_REDRAWS = 60

# What both players show, read off their pictures: the mean grey of the first pixels of each.
_GREYS = """() => ["before", "after"].map((id) => {
  const video = document.getElementById(id);
  const canvas = Object.assign(document.createElement("canvas"), { width: 128, height: 96 });
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0, 128, 96);
  const pixels = pen.getImageData(4, 4, 8, 8).data;
  return pixels.filter((_, index) => index % 4 === 0).reduce((sum, one) => sum + one, 0) / 64;
})"""
_UNTIL = """async () => {
  const [before, after] = ["before", "after"].map((id) => document.getElementById(id));
  const end = performance.now() + 20000;
  for (let held = 0; held < 2; held = (CONDITION) ? held + 1 : 0) {
    if (performance.now() > end) return false;
    await new Promise(requestAnimationFrame);
  }
  return true;
}"""
# How far apart the players' clocks are at every redraw.
_APART = """async (ms) => {
  const [before, after] = ["before", "after"].map((id) => document.getElementById(id));
  const apart = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    if (!after.paused) apart.push(Math.abs(after.currentTime - before.currentTime));
  }
  return apart;
}"""


@dataclass
class Sheet:
    """An open page; ``faults`` are errors on its console, dialogs, and requests that left it."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def heard(self, said: ConsoleMessage) -> None:
        """Note an error or a warning on the console."""
        if said.type in {"error", "warning"}:
            self.faults.append(said.text)

    def threw(self, error: Error) -> None:
        """Note an error of the script."""
        self.faults.append(str(error))

    def asked(self, dialog: Dialog) -> None:
        """Note a dialog: whoever opens one is not of this page."""
        self.faults.append(dialog.message)
        dialog.dismiss()

    def requested(self, request: Request) -> None:
        """Note a request that leaves the page."""
        if request.url.partition(":")[0] not in {"data", "blob", "file"}:
            self.faults.append(request.url)

    def frames_shown(self) -> list[float]:
        """Return the numbers, from 0, of the frames that the two players show now."""
        return [(grey - 10) / 4 for grey in self.page.evaluate(_GREYS)]

    def come_to_show_one_frame(self) -> bool:
        """Whether both show the same: a busy machine draws a picture some redraws after its seek is over."""
        for _ in range(_MOST_REDRAWS):
            first, second = self.frames_shown()
            if abs(first - second) <= 0.5:
                return True
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
        return False

    def apart_s(self, milliseconds: int) -> list[float]:
        """Watch for a while; return how far apart the two were while they played."""
        apart: list[float] = self.page.evaluate(_APART, milliseconds)
        return apart

    def settled(self) -> None:
        """Wait until neither player seeks."""
        self.until("!before.seeking && !after.seeking")

    def until(self, condition: str) -> None:
        """Wait until something is so of ``before`` and ``after``, the players, for two redraws.

        Playwright's own waiting needs ``eval``, which the page forbids.
        """
        assert self.page.evaluate(_UNTIL.replace("CONDITION", condition)), condition

    def divider(self) -> float:
        """Return where the divider is drawn, from left (0) to right (1) of the stage."""
        stage, handle = (self.page.locator(which).bounding_box() for which in ("#stage", ".handle"))
        assert stage is not None
        assert handle is not None
        return (handle["x"] + handle["width"] / 2 - stage["x"]) / stage["width"]


@contextmanager
def opened(
    browser: Browser,
    path: Path,
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    script: bool = True,
) -> Iterator[Sheet]:
    """Open a page from the disk; once closed it must have done nothing that it should not."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        java_script_enabled=script,
        has_touch=size is PHONE,
    )
    page = context.new_page()
    sheet = Sheet(page)
    page.on("console", sheet.heard)
    page.on("pageerror", sheet.threw)
    page.on("dialog", sheet.asked)
    page.on("request", sheet.requested)
    page.goto(path.as_uri())
    if script:
        page.wait_for_selector("body[data-ready], #trouble:not([hidden])", state="attached", timeout=30_000)
    try:
        yield sheet
        assert sheet.faults == []
    finally:
        context.close()
