"""On paper, and in a browser without scripts, the still picture of an explorable stands in its place."""

from __future__ import annotations

import pytest

from tests.browser.harness import PATIENCE, visiting
from tests.browser.test_pages import EXECUTED

pytestmark = pytest.mark.browser

# What is seen at each place: live views, still pictures with size and text, questions; and what sticks out.
SEEN = """() => [...document.querySelectorAll('.explorable-place')].map(place => {
    const shown = node => node.checkVisibility() && node.getBoundingClientRect().height > 0;
    const width = place.getBoundingClientRect().width;
    const pictures = [...place.querySelectorAll('.explorable-still img')].filter(shown);
    return {
        live: [...place.querySelectorAll('.explorable')].filter(shown).length,
        pictures: pictures.map(n => ({ alt: n.alt, loaded: n.naturalWidth > 0,
            wide: n.getBoundingClientRect().width - width })),
        questions: [...place.querySelectorAll('.explorable-still > ol > li')].filter(shown).length,
        answers: place.querySelectorAll('.explorable-still details li').length,
    };
})"""


def complaints(page) -> list[str]:
    """What is wrong with the places of a page whose explorables should stand still."""
    found, places = [], page.evaluate(SEEN)
    if len(places) < 2:
        found.append(f"{len(places)} places")
    for k, place in enumerate(places):
        pictures, questions = place["pictures"], place["questions"]
        if place["live"]:
            found.append(f"{k}: the live view is seen")
        if len(pictures) != 1 and not questions:
            found.append(f"{k}: {len(pictures)} pictures are seen, of one in two colors")
        found += [f"{k}: not loaded" for one in pictures if not one["loaded"]]
        found += [f"{k}: no text: {one['alt']}" for one in pictures if len(one["alt"]) < 40]
        found += [f"{k}: sticks out by {one['wide']}" for one in pictures if one["wide"] > 0.5]
        if questions and (questions != 3 or place["answers"] != 3):
            found.append(f"{k}: {questions} questions, {place['answers']} answers")
    if sum(place["questions"] > 0 for place in places) != 1:
        found.append("not one set of questions")
    return found


@pytest.mark.full
@pytest.mark.parametrize("page", EXECUTED)
def test_paper_shows_the_still_picture(browser, address, page):
    with visiting(browser, f"{address}/{page}") as seen:
        seen.page.wait_for_function(
            "[...document.querySelectorAll('.explorable-place')].every(n => n.matches('.mounted'))"
        )
        assert complaints(seen.page) != []  # on the screen they live
        for theme in ("light", "dark"):
            seen.page.emulate_media(media="print", color_scheme=theme)
            seen.page.wait_for_function(
                "theme => document.documentElement.dataset.theme === theme", arg=theme
            )
            assert complaints(seen.page) == []


@pytest.mark.parametrize("page", EXECUTED)
def test_without_scripts_the_still_picture_stands(browser, address, page):
    context = browser.new_context(java_script_enabled=False)
    try:
        context.set_default_timeout(PATIENCE)
        silent = context.new_page()
        silent.goto(f"{address}/{page}", wait_until="load")
        for theme in ("light", "dark"):
            silent.emulate_media(color_scheme=theme)
            assert complaints(silent) == []
    finally:
        context.close()


def test_a_still_picture_that_is_missing_is_noticed(browser, address):
    with visiting(browser, f"{address}/{EXECUTED[0]}") as seen:
        seen.page.emulate_media(media="print")
        seen.page.evaluate("document.querySelector('.explorable-still').remove()")
        assert "0: 0 pictures are seen, of one in two colors" in complaints(seen.page)
