"""With keys alone a reader reaches all that a pointer reaches: both walk the same way, side by side.

The walk is read off each explorable: it commits, moves every control to an end, presses every button,
opens the numbers, and resets. After each step both pages must look the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Protocol

import pytest
from playwright.sync_api import Locator, Page

from glorot import explorables
from tests.browser.contract import look
from tests.browser.harness import page_with
from tests.browser.test_explorables import MADE

pytestmark = [pytest.mark.browser, pytest.mark.full]

MOST_TABS = 120
SHORT_RACE = 60  # updates; whoever compares two races lets both come to their end

# The controls in the order of the page: each is marked, so that keys and pointer speak of the same one.
CONTROLS = """() => [...document.querySelectorAll('.explorable :is(input, button, summary)')]
.map((node, place, all) => {
    node.dataset.place = place;
    node.dataset.group = node.type === 'radio' ? all.findIndex(n => n.name === node.name) : '';
    const kind = node.tagName === 'SUMMARY' ? 'summary' : node.tagName === 'BUTTON'
        ? (node.type === 'submit' ? 'submit' : 'button') : node.type;
    return { place, kind, name: node.labels?.[0]?.textContent ?? node.textContent, group: node.dataset.group,
        commits: !!node.closest('.commitment, [data-commits]'), checked: node.checked,
        numeric: node.inputMode === 'decimal' };
})"""
WHERE = "() => ({ place: null, group: null, ...document.activeElement.dataset })"
ENABLED = "place => !document.querySelector(`[data-place='${place}']`).matches(':disabled')"

SAYS = "name => [...document.querySelectorAll('button')].some(b => b.textContent === name)"


@dataclass(frozen=True)
class Control:
    """One control of an explorable, as it was found."""

    place: int
    kind: str
    name: str
    group: str
    commits: bool
    checked: bool
    numeric: bool


def controls(page: Page) -> list[Control]:
    """Every control of the explorables of a page, in the page's order."""
    return [Control(**one) for one in page.evaluate(CONTROLS)]


class Hand(Protocol):
    """A way to work the controls of a page."""

    page: Page

    def type(self, control: Control, text: str) -> None:
        """Replace what stands in a field, and send its form."""

    def to_end(self, control: Control) -> None:
        """Move a slider to the end it is farther from."""

    def choose(self, control: Control) -> None:
        """Choose the next option of a group, or the first, where none is chosen."""

    def press(self, control: Control) -> None:
        """Press a button, or open what is folded."""


def located(page: Page, control: Control) -> Locator:
    """The control on the page."""
    return page.locator(f"[data-place='{control.place}']")


def at_low_end(page: Page, control: Control) -> bool:
    """Whether a slider stands in the lower half of its range."""
    return located(page, control).evaluate("n => +n.value < (+n.min + +n.max) / 2")


@dataclass
class Pointer:
    """Clicks and drags; types only what must be typed."""

    page: Page

    def type(self, control: Control, text: str) -> None:
        """Click into the field, type, click the form's button, if it has one."""
        field = located(self.page, control)
        field.click(click_count=3)
        self.page.keyboard.type(text)
        for button in field.locator("xpath=ancestor::form").locator("button[type=submit]").all():
            button.click()

    def to_end(self, control: Control) -> None:
        """Press down on the very end of the track."""
        slider, low = located(self.page, control), at_low_end(self.page, control)
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box
        x = box["x"] + (box["width"] - 1 if low else 1)
        self.page.mouse.click(x, box["y"] + box["height"] / 2)

    def choose(self, control: Control) -> None:
        """Click the next option."""
        radios = self.page.locator(f"[data-group='{control.group}']")
        checked = radios.evaluate_all("nodes => nodes.findIndex(node => node.checked)")
        radios.nth((checked + 1) % radios.count()).click()

    def press(self, control: Control) -> None:
        """Click it."""
        located(self.page, control).click()


@dataclass
class Keys:
    """Nothing but a keyboard; focus is walked to, never set."""

    page: Page

    def reach(self, control: Control) -> None:
        """Press Tab until the control has the focus, or, for a radio button, one of its group."""
        for _ in range(MOST_TABS):
            here = self.page.evaluate(WHERE)
            if here["place"] == str(control.place):
                break
            if control.kind == "radio" and here["group"] == control.group:
                break
            self.page.keyboard.press("Tab")
        else:
            pytest.fail(f"{control.name}: not reached by {MOST_TABS} Tabs")
        outline = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"{control.name}: focus is not seen"

    def type(self, control: Control, text: str) -> None:
        """Select what stands there, type over it, and press Enter."""
        self.reach(control)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def to_end(self, control: Control) -> None:
        """Home or End."""
        self.reach(control)
        self.page.keyboard.press("End" if at_low_end(self.page, control) else "Home")

    def choose(self, control: Control) -> None:
        """Space where none is chosen yet, else an arrow."""
        self.reach(control)
        chosen = self.page.evaluate("document.activeElement.checked")
        self.page.keyboard.press("ArrowRight" if chosen else "Space")

    def press(self, control: Control) -> None:
        """Enter for one, Space for the next."""
        self.reach(control)
        self.page.keyboard.press("Enter" if control.place % 2 else "Space")


def work(hand: Hand, control: Control) -> None:
    """Do with a control what it is for, and wait for what takes time."""
    if control.kind == "text":
        hand.type(control, "0.25" if control.numeric else "sin(x)")
    elif control.kind == "range":
        hand.to_end(control)
    elif control.kind == "radio":
        hand.choose(control)
    else:
        hand.press(control)
    if control.name == "Start":
        hand.page.wait_for_function(SAYS, arg="Start")
    if control.name == "Play":
        hand.page.wait_for_function(SAYS, arg="Stop")
        hand.press(control)


def walk(page: Page) -> list[Control]:
    """What a reader does in turn: first the commitment, last Reset; a group of options is one step.

    A form is sent with its field, or, where it holds a choice, by its button.
    """
    found = controls(page)
    steps = [c for c in found if c.kind != "submit" and c.group in ("", str(c.place))]
    sent = {c.place for c in found if c.kind == "submit" and _closes_a_choice(page, c)}
    steps += [c for c in found if c.place in sent]
    return sorted(steps, key=lambda c: (not c.commits, c.name == "Reset", c.place))


def _closes_a_choice(page: Page, control: Control) -> bool:
    return located(page, control).evaluate("n => !n.form.querySelector('input[type=text]')")


@pytest.fixture
def standing(visit, tmp_path):
    """Opens a page with one explorable in it."""

    def stand(widget, name: str) -> Page:
        file = tmp_path / f"{name}.html"
        file.write_text(page_with(widget), "utf-8")
        page = visit(file.as_uri()).page
        page.wait_for_selector(".mounted .explorable")
        return page

    return stand


def enabled(page: Page, control: Control) -> bool:
    """Whether a control can be worked now."""
    return bool(page.evaluate(ENABLED, control.place))


@pytest.mark.parametrize("name", MADE)
def test_keys_reach_all_that_a_pointer_reaches(standing, name):
    widget = MADE[name]()
    if name == "Race":
        widget.steps = SHORT_RACE
    pages = standing(widget, "pointer"), standing(widget, "keys")
    hands = Pointer(pages[0]), Keys(pages[1])
    steps, first = walk(pages[0]), look(pages[0])
    assert steps == walk(pages[1])
    for control in steps:
        asked = [] if enabled(pages[0], control) else [c for c in steps if c.commits]
        for step in (*asked, control):  # what is closed may want an answer first, and then another
            for hand in hands:
                assert enabled(hand.page, step), step.name
                work(hand, step)
        assert look(pages[0]) == look(pages[1]), control.name
    assert steps[-1].name == "Reset"
    assert look(pages[1]).sentence == first.sentence


@pytest.mark.parametrize("name", MADE)
def test_shift_tab_leads_back_past_every_control(standing, name):
    """No control holds the focus fast: from the last one back to the first."""
    page = standing(MADE[name](), "back")
    page.evaluate(CONTROLS)
    there, back = [], []
    for keys, seen in (("Tab", there), ("Shift+Tab", back)):
        for _ in range(MOST_TABS):
            page.keyboard.press(keys)
            place = page.evaluate(WHERE)["place"]
            if place is None or place in seen[:-1]:
                break
            seen.append(place)
    assert len(there) > 3
    assert set(there[:-1]) <= set(back)


def test_a_control_that_keys_cannot_reach_is_noticed(standing):
    page = standing(explorables.TugOfWar(), "shut")
    page.evaluate("document.querySelector('.explorable input[type=range]').tabIndex = -1")
    shut = next(c for c in controls(page) if c.kind == "range")
    with pytest.raises(pytest.fail.Exception, match="not reached"):
        Keys(page).to_end(shut)


def numbers(text: str) -> list[float]:
    """The numbers of a sentence."""
    return [float(n.replace("−", "-")) for n in re.findall(r"−?\d+(?:\.\d+)?", text)]


def press(page: Page, name: str, *keys: str) -> None:
    """Walk to the control of that name and press keys there."""
    Keys(page).reach(next(c for c in controls(page) if c.name.startswith(name)))
    for key in keys:
        page.keyboard.press(key)


def test_a_hinge_is_placed_by_keys_where_a_pointer_drags_it(standing):
    keyed = standing(explorables.BendTheLine(), "keys")
    press(keyed, "Hinges", *["ArrowRight"] * 3)
    press(keyed, "Select next", "Space", "Enter")
    press(keyed, "Selected hinge", *["ArrowLeft"] * 40)  # from π/2, 0.02 a step

    dragged = standing(explorables.BendTheLine(), "pointer")
    press(dragged, "Hinges", *["ArrowRight"] * 3)
    box = dragged.locator(".explorable .picture").first.bounding_box()
    left, right = 46 / 360, 350 / 360  # the plot's own frame

    def x(value: float) -> float:
        share = (value + 3.141593) / (2 * 3.141593)
        return box["x"] + box["width"] * (left + (right - left) * share)

    y = box["y"] + box["height"] * 0.8
    dragged.mouse.move(x(1.5708), y)
    dragged.mouse.down()
    dragged.mouse.move(x(0.7708), y, steps=8)
    dragged.mouse.up()
    by_keys, by_pointer = (numbers(look(page).sentence) for page in (keyed, dragged))
    assert by_keys[0] == by_pointer[0] == 3
    assert by_keys[1] == pytest.approx(0.77, abs=0.02)
    assert by_pointer == pytest.approx(by_keys, rel=0.02)  # a pixel is 0.02 wide


def test_an_escape_is_scrubbed_by_keys_as_by_a_pointer(standing):
    keyed, dragged = (standing(explorables.ScrubTheEscape(), n) for n in ("keys", "pointer"))
    box = dragged.locator(".explorable .picture").first.bounding_box()
    dragged.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    dragged.mouse.down()
    dragged.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=8)
    dragged.mouse.up()
    place = int(dragged.locator("input[type=range]").first.input_value())
    assert place > 3
    press(keyed, "Update", *["ArrowRight"] * place)
    assert look(keyed) == look(dragged)


def test_a_voice_is_played_and_stopped_by_keys(standing):
    page = standing(explorables.ChainHeard(), "voice")
    Keys(page).type(next(c for c in controls(page) if c.kind == "text"), "0.95")
    press(page, "Play", "Enter")
    assert page.get_by_role("button", name="Stop").is_visible()
    page.keyboard.press("Space")  # the same button, which still has the focus
    assert page.get_by_role("button", name="Play").is_visible()


# ---- the self-checks of the built chapters


def self_checks(html) -> list[str]:
    """The chapters that end with questions."""
    return [
        p.name
        for p in sorted((html / "chapters").glob("*.html"))
        if '"kind": "choice"' in p.read_text("utf-8")
    ]


def answers(page: Page) -> list[dict]:
    """The questions of a page's self-check, with what is right."""
    states = json.loads(page.locator("script[type$='widget-state+json']").first.text_content())[
        "state"
    ]
    return next(s["state"]["questions"] for s in states.values() if "questions" in s["state"])


def test_every_self_check_is_answered_rightly_by_keys(visit, address, html):
    chapters = self_checks(html)
    assert len(chapters) >= 5
    for chapter in chapters:
        page = visit(f"{address}/chapters/{chapter}").page
        box = page.locator(".explorable").filter(has=page.locator(".question"))
        box.locator("input").first.focus()  # the page before it has its own tests
        for form, question in zip(box.locator("form.question").all(), answers(page), strict=True):
            if question["kind"] == "number":
                page.keyboard.type(repr(question["answer"]))
            else:
                right = next(k for k, o in enumerate(question["options"]) if o["right"])
                page.keyboard.press("Space")
                for _ in range(right):
                    page.keyboard.press("ArrowDown")
                page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            assert form.locator(".reply").text_content().startswith("Right. "), chapter
            while not page.evaluate(
                "form => document.activeElement.form !== form", form.element_handle()
            ):
                page.keyboard.press("Tab")
        assert box.locator(".sentence").text_content() == "All answered rightly."
