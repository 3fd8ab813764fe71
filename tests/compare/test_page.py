"""The page in a real browser: it plays, steps and divides, reaches nobody, and everybody can use it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

from headswap_cli.compare.film import Layout
from headswap_cli.compare.observed import Curve, Observed, Sight
from headswap_cli.compare.subject import Given, Story, of_files
from headswap_cli.compare.works import Wanted, make
from headswap_cli.journal import Run
from headswap_cli.models import Status
from tests.compare.browser import CHROMIUM, DESKTOP, PHONE, opened
from tests.compare.clips import UNEVEN, coded, source_and_result
from tests.footage import write_video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from headswap_cli.compare.subject import Subject

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

EVIL = "</script><script>alert('name')</script><img src=https://e.com/x onerror=alert(1)>"


class Quiet:
    """Takes no note of progress."""

    def state(self, what: str, status: Status, progress: float) -> None:
        """Take no note."""

    def notice(self, text: str) -> None:
        """Take no note."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module: its event loop must be gone before others want one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def observed(obj_id: int, length_s: float) -> Observed:
    """Return figures as the engine gives them."""
    times = tuple(float(one) for one in np.linspace(0, length_s, 40))
    wave = Curve(times, tuple(0.5 + 0.4 * math.sin(3 * time_s + obj_id) for time_s in times))
    box = (0.3, 0.2, 0.6, 0.8)
    sights = tuple(
        Sight(why, time_s, box)
        for why, time_s in (
            ("first seen", 0.1),
            ("most turned", 0.7),
            ("widest mouth", 1.2),
            ("fastest motion", 1.7),
        )
    )
    return Observed(obj_id, 0.75, 0.1, sights, wave, wave, wave, wave, wave)


def story(source: Path, faces: tuple[str, ...]) -> Story:
    """Return a finished run on this source that gave person 1 these faces."""
    run = Run(
        run_id="run-aaaaaaaaaa",
        profile=EVIL,
        backend="akool",
        source=str(source),
        target=None,
        status=Status.COMPLETED,
        progress=100.0,
        analysis_id="a" * 24,
        task_id="b" * 24,
        video_url=None,
        body=None,
        output=None,
        size_bytes=None,
        sha256=None,
        error=None,
        created_at=0.0,
        parameters={"model": EVIL, "resolution": "720p"},
    )
    return Story(run, (Given(1, 0, faces), Given(2, 1, ())), (("analysis", 3.2), ("swap", 12.5)))


def made(subject: Subject, target: Path, people: tuple[Observed, ...] = ()) -> Path:
    """Make a page alone."""
    make(subject, Wanted(None, None, target, Layout.SIDE), people, Quiet())
    return target


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that one can hold: 60 frames at uneven times, two people, a run, hostile names."""
    folder = tmp_path_factory.mktemp("page")
    before, after = source_and_result(folder, times=UNEVEN)
    subject = of_files(before, after, story(before, (f"https://e.com/{EVIL}.jpg", "C:\\me & you.png")))
    people = observed(0, subject.length_s), observed(1, subject.length_s)
    return made(subject, folder / "page.html", people)


def focus_name(page: Page) -> Any:
    return page.evaluate("document.activeElement.id || document.activeElement.value")


def test_the_divider_moves_by_the_mouse(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        stage = sheet.page.locator("#stage").bounding_box()
        assert stage is not None
        for share in (0.2, 0.9):
            at = stage["x"] + sheet.divider() * stage["width"], stage["y"] + stage["height"] / 2
            sheet.page.mouse.move(*at)
            sheet.page.mouse.down()
            sheet.page.mouse.move(stage["x"] + share * stage["width"], at[1], steps=5)
            sheet.page.mouse.up()
            assert sheet.divider() == pytest.approx(share, abs=0.03)


def test_the_divider_moves_by_keys_and_says_where_it_is(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        sheet.page.focus("#cut")
        sheet.page.keyboard.press("Home")
        assert sheet.divider() == pytest.approx(0, abs=0.01)
        for _ in range(20):
            sheet.page.keyboard.press("ArrowRight")
        assert sheet.divider() == pytest.approx(0.1, abs=0.01)
        assert sheet.page.get_attribute("#cut", "aria-valuetext") == "10 % source"


def test_the_source_is_seen_left_of_the_divider_and_the_result_right_of_it(
    browser: Browser, page_path: Path
) -> None:
    with opened(browser, page_path) as sheet:

        def clip(which: str) -> Any:
            return sheet.page.evaluate(f"getComputedStyle(document.getElementById('{which}')).clipPath")

        sheet.page.focus("#cut")
        sheet.page.keyboard.press("End")
        assert clip("pane-before") == "inset(0px 0% 0px 0px)"
        assert clip("pane-after") == "inset(0px 0px 0px 100%)"
        sheet.page.keyboard.press("Home")
        assert clip("pane-before") == "inset(0px 100% 0px 0px)"
        assert clip("pane-after") == "inset(0px 0px 0px 0%)"


def test_both_players_stay_within_one_frame_while_they_play(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        for _ in range(2):
            sheet.page.click("#play")
            apart = sheet.apart_s(1200)
            assert len(apart) > 10
            assert max(apart) <= 20 / 600
            sheet.page.click("#play")
            sheet.settled()
            assert sheet.come_to_show_one_frame()


def test_stepping_shows_the_next_frame_of_both_whatever_its_length(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        for number in range(1, 8):
            sheet.page.click("#on")
            sheet.settled()
            assert sheet.frames_shown() == pytest.approx([number, number], abs=0.5)
        sheet.page.click("#back")
        sheet.settled()
        assert sheet.frames_shown() == pytest.approx([6, 6], abs=0.5)
        assert sheet.page.get_attribute("#seek", "aria-valuetext") == "0:00.2, frame 7 of 60"


def test_the_keys_play_pause_step_and_go_to_the_ends(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        keys = sheet.page.keyboard
        keys.press("End")
        sheet.settled()
        assert sheet.frames_shown() == pytest.approx([59, 59], abs=0.5)
        keys.press("ArrowLeft")
        sheet.settled()
        assert sheet.frames_shown() == pytest.approx([58, 58], abs=0.5)
        keys.press("Home")
        sheet.settled()
        assert sheet.frames_shown() == pytest.approx([0, 0], abs=0.5)
        keys.press("Space")
        sheet.until("after.currentTime > 0.3")
        assert sheet.page.get_attribute("#play", "aria-label") == "Pause"
        keys.press("Space")
        sheet.until("before.paused")
        assert sheet.page.get_attribute("#play", "aria-label") == "Play"


def test_dragging_through_the_clip_ends_where_the_mouse_does(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        line = sheet.page.locator("#seek").bounding_box()
        assert line is not None
        y = line["y"] + line["height"] / 2
        sheet.page.mouse.move(line["x"] + 8, y)
        sheet.page.mouse.down()
        sheet.page.mouse.move(line["x"] + line["width"] * 0.5, y, steps=12)
        sheet.page.mouse.up()
        number = int(sheet.page.input_value("#seek"))
        assert number == pytest.approx(30, abs=2)
        sheet.until(f"Math.abs(after.currentTime - {UNEVEN[number] / 600}) < 0.05")
        sheet.settled()
        assert sheet.frames_shown() == pytest.approx([number, number], abs=0.5)


def test_it_plays_on_from_the_start_at_the_end_unless_told_not_to(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        sheet.page.keyboard.press("End")
        sheet.settled()
        sheet.page.click("#loop")
        sheet.page.click("#back")
        sheet.page.click("#play")
        sheet.page.wait_for_selector("#play[aria-label=Play]")
        sheet.settled()
        assert sheet.frames_shown() == pytest.approx([59, 59], abs=0.5)
        sheet.page.click("#loop")
        sheet.page.click("#back")
        sheet.page.click("#play")
        sheet.until("after.currentTime > 0.2")
        assert sheet.page.get_attribute("#play", "aria-label") == "Pause"


def test_a_moment_and_a_chart_lead_to_their_frames(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        sheet.page.locator(".moment").nth(1).click()
        sheet.settled()
        first, second = sheet.frames_shown()
        assert first == pytest.approx(second, abs=0.5)
        assert sheet.page.locator(".moment[aria-current=true]").count() >= 1
        drawn = sheet.page.locator(".chart > svg .now").first
        shifted = drawn.get_attribute("transform")
        sheet.page.locator(".chart > svg").first.click(position={"x": 60, "y": 60})
        sheet.settled()
        assert drawn.get_attribute("transform") != shifted


@pytest.mark.parametrize("view", ["side", "before", "after", "slider"])
def test_each_view_shows_what_it_says(browser: Browser, page_path: Path, view: str) -> None:
    with opened(browser, page_path) as sheet:
        sheet.page.locator(f"[name=view][value={view}]").check(force=True)
        shown = [sheet.page.locator(f"#pane-{which}").is_visible() for which in ("before", "after")]
        assert shown == [view != "after", view != "before"]
        assert sheet.page.locator(".handle").is_visible() == (view == "slider")


def test_the_sound_can_be_put_off_and_the_speed_changed(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        sheet.page.click("#sound")
        assert sheet.page.evaluate("document.getElementById('voice').muted")
        sheet.page.select_option("#speed", "0.5")
        sheet.page.click("#play")
        assert max(sheet.apart_s(600)) <= 20 / 600
        assert sheet.page.evaluate("document.getElementById('after').playbackRate") == 0.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_no_barrier(
    browser: Browser, page_path: Path, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with opened(browser, page_path, size=size, scheme=scheme) as sheet:
        for summary in sheet.page.locator("summary").all():
            summary.click()
        found = Axe().run(sheet.page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
def test_nothing_is_wider_than_the_screen(browser: Browser, page_path: Path, width: int) -> None:
    with opened(browser, page_path, size=(width, 800)) as sheet:
        for view in ("slider", "side"):
            sheet.page.locator(f"[name=view][value={view}]").check(force=True)
            assert sheet.page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_every_control_is_reached_by_tab_in_the_order_of_the_page(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path) as sheet:
        reached = []
        for _ in range(10):
            sheet.page.keyboard.press("Tab")
            reached.append(focus_name(sheet.page))
        assert reached == [
            *("cut", "play", "back", "on", "seek", "slider", "speed", "loop", "sound", "full"),
        ]


def test_without_javascript_both_videos_have_their_own_controls(browser: Browser, page_path: Path) -> None:
    with opened(browser, page_path, script=False) as sheet:
        assert sheet.page.locator("video[controls]").count() == 2
        assert sheet.page.locator("#before").is_visible()
        assert not sheet.page.locator("#bar").is_visible()
        assert "Without JavaScript" in sheet.page.inner_text("main")


def test_a_video_that_does_not_play_is_said(browser: Browser, page_path: Path, tmp_path: Path) -> None:
    page, marker = page_path.read_text(), 'src="data:video/mp4;base64,'
    broken = tmp_path / "page.html"
    broken.write_text(page.replace(marker, f"{marker}AAAA", 1))
    with opened(browser, broken) as sheet:
        assert "cannot play these videos" in sheet.page.inner_text("[role=alert]")
        sheet.faults.clear()


def test_a_page_of_two_files_alone_and_without_sound_works(browser: Browser, tmp_path: Path) -> None:
    before = write_video(tmp_path / "in.mov", [coded(index, changed=False) for index in range(20)])
    after = write_video(
        tmp_path / "out.avi", [coded(index, changed=True) for index in range(20)], codec="mpeg4"
    )
    path = made(of_files(before, after), tmp_path / "page.html")
    with opened(browser, path) as sheet:
        assert not sheet.page.locator("#sound").is_visible()
        for _ in range(3):
            sheet.page.click("#on")
        sheet.settled()
        assert sheet.frames_shown() == pytest.approx([3, 3], abs=0.7)
        assert "the source and the result encoded anew" in sheet.page.inner_text("footer")
