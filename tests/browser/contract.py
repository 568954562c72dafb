"""What every explorable promises, as functions that look at a page and return what is not so.

A page holds one explorable. `look` is all that a reader may see of it; a complaint names the control.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

LOOK = """root => ({
    pictures: [...root.querySelectorAll('svg, canvas')].map(
        node => node.tagName === 'CANVAS' ? node.toDataURL() : node.outerHTML),
    sentence: root.querySelector('.sentence')?.textContent ?? '',
    seeds: [...root.querySelectorAll('.seed')].map(node => node.textContent),
    replies: [...root.querySelectorAll('.reply')].map(node => node.textContent),
    entries: [...root.querySelectorAll('input')].map(n => n.type === 'radio' ? n.checked : n.value),
    numbers: [...root.querySelectorAll('details[open] table')].map(node => node.innerText),
})"""
OWN_TEST = {"New draw", "Reset", "Start", "Pause", "Play", "Stop", "Commit", "Check"}
WAITING = "details:not([open]) > summary"


# All that an event has set going is done and painted: what it queued, and what that drew.
SETTLED = """() => new Promise(done =>
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"""


def settle(page: Page) -> None:
    """Wait until a page has drawn what the last event asked for, however slow the machine."""
    page.evaluate(SETTLED)


@dataclass(frozen=True)
class Look:
    """Everything of an explorable that a reader may see."""

    pictures: list[str]
    sentence: str
    seeds: list[str]
    replies: list[str]
    entries: list[object]
    numbers: list[str]


def look(page: Page) -> Look:
    """How the only explorable of a page looks when it has come to rest."""
    settle(page)
    return Look(**page.eval_on_selector(".explorable", LOOK))


def commit(page: Page | Locator) -> bool:
    """Type a number, or choose, where the explorable asks for a prediction; say whether it did."""
    asked = False
    for form in page.locator("form.commitment").all():
        form.locator("input[type=text]").fill("2")
        form.locator("button[type=submit]").click()
        asked = True
    for fieldset in page.locator("fieldset[data-commits]").all():
        fieldset.locator("input[type=radio]").first.check()
        asked = True
    return asked


def unmoved(name: str, before: Look, after: Look) -> list[str]:
    """Complaints about a control that has been moved: picture and sentence both must follow."""
    found = [f"{name}: the picture stays"] if before.pictures == after.pictures else []
    return found + ([f"{name}: the sentence stays"] if before.sentence == after.sentence else [])


def name_of(control: Locator) -> str:
    """What a control is called, or a complaint in its place."""
    return control.evaluate(
        "n => n.labels?.[0]?.textContent || n.textContent || 'nameless control'"
    )


def slider_complaints(page: Page) -> list[str]:
    """Every slider moves its picture and its sentence, and tells its value in words."""
    found = []
    for slider in page.locator("input[type=range]").all():
        name, before = name_of(slider), look(page)
        if (
            slider.is_disabled()
        ):  # one that has nothing to move yet; those before it may have helped
            found.append(f"{name}: nothing lets it be moved")
            continue
        slider.focus()
        low = slider.evaluate("node => +node.value < (+node.min + +node.max) / 2")
        for _ in range(3):
            page.keyboard.press("PageUp" if low else "PageDown")
        found += unmoved(name, before, look(page))
        if not slider.get_attribute("aria-valuetext"):
            found.append(f"{name}: its value is not told")
    return found


def choice_complaints(page: Page) -> list[str]:
    """Every option of a choice moves picture and sentence."""
    found = []
    for radio in page.locator("fieldset.choice:not([data-commits]) input[type=radio]").all():
        if radio.is_disabled() or radio.is_checked():
            continue
        before = look(page)
        radio.check()
        found += unmoved(name_of(radio), before, look(page))
    return found


def button_complaints(page: Page) -> list[str]:
    """Every other button moves picture and sentence, in one of two rounds: a preset may be set already."""
    moved: dict[str, list[str]] = {}
    _turn_first_slider(page)
    for _ in range(2):
        for button in page.locator(".explorable button:enabled").all():
            if (name := button.text_content() or "") in OWN_TEST:
                continue
            before = look(page)
            button.click()
            left = unmoved(f"button {name}", before, look(page))
            moved[name] = left if len(left) <= len(moved.get(name, left)) else moved[name]
    return [complaint for left in moved.values() for complaint in left]


def draw_complaints(page: Page) -> list[str]:
    """A seed is shown; "New draw" shows another one, and another picture."""
    button = page.get_by_role("button", name="New draw", exact=True)
    if button.count() == 0:
        return ["there is no New draw"]
    before = look(page)
    button.first.click()
    after = look(page)
    found = (
        [] if any(any(c.isdigit() for c in seed) for seed in before.seeds) else ["no seed is shown"]
    )
    found += ["the seed stays"] if before.seeds == after.seeds else []
    return found + (["the draw's picture stays"] if before.pictures == after.pictures else [])


def table_complaints(page: Page) -> list[str]:
    """The numbers behind the picture open by a click, have heads, and follow the controls."""
    if page.locator(WAITING).count() == 0:
        return ["there is no table of numbers"]
    _turn_first_slider(page)
    page.locator(WAITING).first.click()
    settle(page)  # it is filled when it has opened
    found, table = [], page.locator("details[open] table").first
    if table.count() == 0 or table.locator("td").count() < 4:
        return ["the table is empty"]
    if not (table.locator("caption").text_content() and table.locator("th[scope=col]").count() > 1):
        found.append("the table has no caption or no heads")
    before = look(page).numbers
    for move in (_turn_first_slider, _draw_anew, _choose_another):
        move(page)
    return found + (["the table's numbers stay"] if look(page).numbers == before else [])


def _turn_first_slider(page: Page) -> None:
    for slider in page.locator("input[type=range]:enabled").all()[:1]:
        slider.press("End" if slider.evaluate("n => n.value !== n.max") else "PageDown")


def _draw_anew(page: Page) -> None:
    for button in page.get_by_role("button", name="New draw", exact=True).all()[:1]:
        button.click()


def _choose_another(page: Page) -> None:
    for radio in page.locator("fieldset.choice input[type=radio]:enabled:not(:checked)").all()[:1]:
        radio.check()


def reset_complaints(page: Page, disturb: Callable[[Page], object]) -> list[str]:
    """After any disturbance, Reset brings all back that was there at first; the table may stay open."""
    before = look(page)
    disturb(page)
    if look(page) == before:
        return ["nothing had been moved before Reset"]
    page.get_by_role("button", name="Reset", exact=True).click()
    after = look(page)
    parts = ("pictures", "sentence", "seeds", "replies", "entries")
    return [f"Reset leaves its {p}" for p in parts if getattr(before, p) != getattr(after, p)]


PROMISES = (
    slider_complaints,
    choice_complaints,
    button_complaints,
    draw_complaints,
    table_complaints,
)


def disturb(page: Page) -> None:
    """Commit, move every control, and leave every choice where it was not at first."""
    commit(page)
    for promise in PROMISES:
        promise(page)
    for choice in page.locator("fieldset.choice:enabled:not([data-commits])").all():
        for radio in choice.locator("input[type=radio]:not([checked]):enabled").all()[:1]:
            radio.check()
