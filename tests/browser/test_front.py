"""The front page's picture moves, can be held and rests where little motion is asked for; a wrong address leads on."""

from __future__ import annotations

import urllib.request
from urllib.error import HTTPError

import pytest

from tests.browser.harness import Visit
from tests.browser.test_pages import check

pytestmark = pytest.mark.browser

FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
PLACE = "document.querySelector('.chain-moving .wave').getBoundingClientRect().x"


def moved(seen: Visit) -> float:
    """How far a wave has gone in a quarter of a second, in pixels."""
    before = seen.page.evaluate(PLACE)
    seen.page.wait_for_timeout(250)
    return abs(seen.page.evaluate(PLACE) - before)


def test_the_signal_travels_until_it_is_held(visit, address):
    seen = visit(f"{address}/intro.html")
    assert moved(seen) == 0  # the harness asks for little motion
    assert not seen.page.locator(".chain-moving .hold").is_visible()
    seen.page.emulate_media(reduced_motion="no-preference")
    assert moved(seen) > 0
    seen.page.get_by_label("hold it still").check()
    seen.page.evaluate(FRAMES)  # a picture that is held finishes the frame that it is in
    assert moved(seen) == 0
    seen.page.get_by_label("hold it still").uncheck()
    assert moved(seen) > 0


@pytest.mark.parametrize("width", [375, 1300])
def test_every_net_says_what_became_of_its_signal(visit, address, width):
    seen = visit(f"{address}/intro.html", width=width)
    pictures = seen.page.get_by_role("img", name="after 10 layers")
    assert pictures.count() == 3
    for picture in pictures.all():
        box = picture.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] > 40


def test_what_is_not_found_is_told_in_the_books_own_dress(visit, address):
    with pytest.raises(HTTPError, match="404"):
        urllib.request.urlopen(f"{address}/no/such/page.html")
    assert check(visit, f"{address}/404.html", "light", 375) == []
    seen = visit(f"{address}/404.html")
    assert seen.page.get_by_role("heading", name="Nothing here").is_visible()
    assert seen.page.evaluate("getComputedStyle(document.body).fontFamily").startswith("Literata")
    seen.page.get_by_role("link", name="A stack of lines is a line").click()
    assert seen.page.url == f"{address}/chapters/why-activations.html"
