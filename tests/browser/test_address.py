"""A page whose addresses are known, as its reader sees it: the menu of the repository and the ways into a lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.book.test_address import REPOSITORY, built
from tests.browser.harness import served
from tests.browser.test_pages import check, violations

pytestmark = [pytest.mark.browser, pytest.mark.full]

MENU = ".dropdown-source-buttons"


@pytest.fixture(scope="module")
def page_address(tmp_path_factory) -> Iterator[str]:
    """The chapter of a small book that is kept on GitHub."""
    folder: Path = tmp_path_factory.mktemp("book")
    built(folder, BOOK_REPOSITORY=REPOSITORY)
    with served(folder / "_build" / "html") as url:
        yield f"{url}/chapters/one.html"


@pytest.mark.parametrize("width", [375, 1300])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_buttons_are_named_reached_by_keyboard_and_accessible(
    visit, page_address, theme, width
):
    assert check(visit, page_address, theme, width) == []
    page = visit(page_address, theme, width).page
    page.locator(f"{MENU} > button").focus()
    page.keyboard.press("Enter")
    links = page.locator(f"{MENU} a")
    links.last.wait_for(state="visible")
    named = [" ".join(text.split()) for text in links.all_inner_texts()]
    assert named == ["Repository", "Suggest edit", "Open issue"]
    assert violations(page) == []
    for box in [link.bounding_box() for link in links.all()]:
        assert box is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    for name in ("open it on Binder", "open it in Colab"):
        assert page.get_by_role("link", name=name, exact=True).is_visible()
