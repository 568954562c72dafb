"""One browser and one server for the tests that look at the built book as its reader does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from _theme.chromium import find_browser
from tests.browser.harness import Visit, launched, served, visiting


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser; without one the test is skipped, or fails where one is required."""
    path = find_browser()
    if path is None:
        message = "no Chromium or Chrome on this machine: the pages were not looked at"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright, launched(playwright, path) as chromium:
        yield chromium


@pytest.fixture(scope="session")
def address(html: Path) -> Iterator[str]:
    """The address of a server that has the built book, and nothing else, to give."""
    with served(html) as url:
        yield url


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a page in a fresh profile and waits until its mathematics is set."""
    with ExitStack() as open_pages:

        def open_page(url: str, theme: str = "light", width: int = 1300) -> Visit:
            seen = open_pages.enter_context(visiting(browser, url, theme, width))
            seen.page.evaluate("window.MathJax?.startup?.promise")
            return seen

        yield open_page
