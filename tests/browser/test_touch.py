"""With a finger on a phone a reader reaches all that a pointer reaches, and can still scroll past it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from glorot import explorables
from tests.browser.contract import look
from tests.browser.harness import PATIENCE, page_with
from tests.browser.test_explorables import MADE
from tests.browser.test_keyboard import (
    SHORT_RACE,
    Control,
    Pointer,
    at_low_end,
    enabled,
    located,
    numbers,
    walk,
    work,
)

pytestmark = [pytest.mark.browser, pytest.mark.full]

PHONE = {"width": 375, "height": 812}
LEAST = 24  # CSS pixels that a finger needs (WCAG 2.2, target size)

# What a finger meets and how large it is: a label is part of its control, a picture of its table cell.
TARGETS = """least => [...document.querySelectorAll('.explorable :is(input, button, summary)')].map(node => {
    const label = ['radio', 'checkbox'].includes(node.type) && node.closest('label');
    const { width, height } = (label || node).getBoundingClientRect();
    return { name: (label || node).textContent || node.type, width, height };
}).filter(({ width, height }) => Math.min(width, height) < least - 0.01)"""


@dataclass
class Finger:
    """Taps and drags on a touch screen; types only what must be typed."""

    page: Page
    session: CDPSession

    def type(self, control: Control, text: str) -> None:
        """Tap into the field, type, tap the form's button, if it has one."""
        field = located(self.page, control)
        field.tap()
        field.evaluate("node => node.select()")
        self.page.keyboard.type(text)
        for button in field.locator("xpath=ancestor::form").locator("button[type=submit]").all():
            button.tap()

    def to_end(self, control: Control) -> None:
        """Drag the slider's thumb to the end it is farther from."""
        slider, low = located(self.page, control), at_low_end(self.page, control)
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box
        share = slider.evaluate("n => (n.value - n.min) / (n.max - n.min)")
        thumb = 16  # its width: the middle of the thumb does not reach the very ends
        start = box["x"] + thumb / 2 + share * (box["width"] - thumb)
        self.drag(start, start + (1 if low else -1) * box["width"], box["y"] + box["height"] / 2)

    def choose(self, control: Control) -> None:
        """Tap the next option."""
        radios = self.page.locator(f"[data-group='{control.group}']")
        checked = radios.evaluate_all("nodes => nodes.findIndex(node => node.checked)")
        radios.nth((checked + 1) % radios.count()).tap()

    def press(self, control: Control) -> None:
        """Tap it."""
        located(self.page, control).tap()

    def drag(self, start: float, end: float, y: float, up: float = 0) -> None:
        """Put the finger down, move it sideways and up, and lift it."""
        self._touch("touchStart", start, y)
        for k in range(1, 9):
            self._touch("touchMove", start + (end - start) * k / 8, y - up * k / 8)
        self.session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def _touch(self, kind: str, x: float, y: float) -> None:
        points = [{"x": x, "y": y}]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def phone(browser: Browser, tmp_path) -> Iterator[Callable[..., Finger]]:
    """Opens a page with one explorable on a phone's touch screen."""
    with ExitStack() as contexts:

        def open_widget(widget) -> Finger:
            file = tmp_path / "phone.html"
            file.write_text(page_with(widget), "utf-8")
            context = browser.new_context(
                viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce"
            )
            contexts.callback(context.close)
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.goto(file.as_uri())
            page.wait_for_selector(".mounted .explorable")
            return Finger(page, context.new_cdp_session(page))

        yield open_widget


@pytest.mark.parametrize("name", MADE)
def test_a_finger_reaches_all_that_a_pointer_reaches(phone, visit, tmp_path, name):
    widget = MADE[name]()
    if name == "Race":
        widget.steps = SHORT_RACE
    finger = phone(widget)
    pointer = Pointer(visit((tmp_path / "phone.html").as_uri()).page)
    pointer.page.wait_for_selector(".mounted .explorable")
    steps = walk(finger.page)
    assert steps == walk(pointer.page)
    for control in steps:
        asked = [] if enabled(finger.page, control) else [c for c in steps if c.commits]
        for step in (*asked, control):  # what is closed may want an answer first, and then another
            for hand in (finger, pointer):
                assert enabled(hand.page, step), step.name
                work(hand, step)
        assert told(finger.page) == told(pointer.page), control.name


def told(page: Page) -> tuple[object, ...]:
    """What a page says; pictures and numbers may keep what a drag passed on its way."""
    seen = look(page)
    return seen.sentence, seen.replies, seen.seeds, seen.entries


@pytest.mark.parametrize("name", MADE)
def test_everything_to_touch_is_large_enough_for_a_finger(phone, name):
    page = phone(MADE[name]()).page
    assert page.evaluate(TARGETS, LEAST) == []


def test_a_button_too_small_is_noticed(phone):
    page = phone(explorables.TugOfWar()).page
    page.evaluate("""() => { const b = document.querySelector('.explorable button');
        b.style.cssText = 'min-height: 0; padding: 0; line-height: 1'; }""")
    assert [found["name"] for found in page.evaluate(TARGETS, LEAST)] == ["Commit"]


def frame_of(finger: Finger) -> tuple[float, float, float, float]:
    """Left, top, width and height of the first picture, scrolled into view."""
    picture = finger.page.locator(".explorable .picture").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box
    return box["x"], box["y"], box["width"], box["height"]


def test_a_hinge_is_dragged_with_a_finger(phone):
    finger = phone(explorables.BendTheLine())
    finger.page.locator("input[type=range]").first.fill("1")
    assert numbers(look(finger.page).sentence)[:2] == [1, 0]
    left, top, width, height = frame_of(finger)
    finger.drag(left + width * 198 / 360, left + width * 300 / 360, top + height * 0.8)
    count, at, *_ = numbers(look(finger.page).sentence)
    assert count == 1
    assert at == pytest.approx((300 - 198) / 304 * 2 * 3.1416, abs=0.1)


def test_an_escape_is_scrubbed_with_a_finger(phone):
    finger = phone(explorables.ScrubTheEscape())
    left, top, width, height = frame_of(finger)
    finger.drag(left + width * 0.3, left + width * 0.6, top + height / 2)
    assert int(finger.page.locator("input[type=range]").first.input_value()) > 3


@pytest.mark.parametrize("name", ["BendTheLine", "ScrubTheEscape"])
def test_a_finger_that_means_to_scroll_scrolls_past_the_picture(phone, name):
    finger = phone(MADE[name]())
    finger.page.evaluate("document.body.style.paddingBottom = '2000px'")
    left, top, width, height = frame_of(finger)
    before = finger.page.evaluate("scrollY")
    finger.drag(left + width / 2, left + width / 2, top + height * 0.8, up=150)
    finger.page.wait_for_function("before => scrollY > before + 50", arg=before)
