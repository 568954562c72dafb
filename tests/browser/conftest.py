"""One browser and one server for the tests that look at the built book as its reader does."""

from __future__ import annotations

import functools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str | None:
    """The Chromium or Chrome on this machine; ``$BROWSER_PATH`` overrides."""
    return os.environ.get("BROWSER_PATH") or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser; without one the test is skipped, or fails where one is required."""
    path = find_browser()
    if path is None:
        message = "no Chromium or Chrome on this machine: the pages were not looked at"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves the book without a line on stderr for every file."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def address(html: Path) -> Iterator[str]:
    """The address of a server that has the built book, and nothing else, to give."""
    handler = functools.partial(QuietHandler, directory=str(html))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@dataclass
class Visit:
    """An open page, and what it did that a reader should never notice."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """Requests to other hosts, lines on the console, and files that did not come."""
        return [*self.foreign, *self.console, *self.failed]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens ``url`` in a fresh profile and waits until its mathematics is set."""
    contexts = []

    def open_page(url: str, theme: str = "light", width: int = 1300) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        result = Visit(context.new_page())
        origin = url[: url.index("/", 8)] if url.startswith("http") else "file://"

        def guard(route: Route) -> None:
            if route.request.url.startswith((origin, "data:", "blob:")):
                route.continue_()
            else:
                result.foreign.append(f"asked another host: {route.request.url}")
                route.abort()

        page = result.page
        page.route("**/*", guard)
        page.on("console", lambda m: result.console.append(f"console {m.type}: {m.text}"))
        page.on("pageerror", lambda e: result.console.append(f"error: {e}"))
        page.on("requestfailed", lambda r: result.failed.append(f"did not come: {r.url}"))
        page.on(
            "response",
            lambda r: r.status >= 400 and result.failed.append(f"{r.status}: {r.url}"),
        )
        page.goto(url, wait_until="load")
        page.evaluate("window.MathJax?.startup?.promise")
        return result

    yield open_page
    for context in contexts:
        context.close()
