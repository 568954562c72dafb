"""What every look at a page shares: the browser, a server, a page that is watched, and a bare page of explorables."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ipywidgets import Widget
from ipywidgets.embed import dependency_state, embed_data
from playwright.sync_api import Browser, Page, Playwright, Request, Route

from _theme.chromium import FLAGS

PATIENCE = (
    90_000  # milliseconds for what will come: a machine with other work to do is slow, not wrong
)


@contextmanager
def launched(playwright: Playwright, path: str) -> Iterator[Browser]:
    """A headless browser, closed at the end."""
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    try:
        yield browser
    finally:
        browser.close()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder without a line on stderr for every file."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server that has this folder, and nothing else, to give."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@dataclass
class Visit:
    """An open page, and what it did that a reader should never notice."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """Requests to other hosts, lines on the console, and files that did not come."""
        return [*self.foreign, *self.console, *self.failed]


@contextmanager
def fresh_page(browser: Browser, theme: str = "light", width: int = 1300) -> Iterator[Page]:
    """An empty page in a fresh profile, whose reader has asked for little motion."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    try:
        yield context.new_page()
    finally:
        context.close()


@contextmanager
def visiting(
    browser: Browser, url: str, theme: str = "light", width: int = 1300
) -> Iterator[Visit]:
    """A page that is watched and can reach no other host."""
    with fresh_page(browser, theme, width) as page:
        visit = Visit(page)
        _watch(visit, url[: url.index("/", 8)] if url.startswith("http") else "file://")
        page.goto(url, wait_until="load")
        yield visit


def left(request: Request) -> bool:
    """Whether a request ended because its page was left, which is no fault of the file's."""
    return request.failure == "net::ERR_ABORTED"


def _watch(visit: Visit, origin: str) -> None:
    """Keep what the page asks for and says, and let it ask nobody but its origin."""

    def guard(route: Route) -> None:
        visit.asked.append(route.request.url)
        if route.request.url.startswith((origin, "data:", "blob:")):
            route.continue_()
        else:
            visit.foreign.append(f"asked another host: {route.request.url}")
            route.abort()

    page = visit.page
    page.route("**/*", guard)
    page.on("console", lambda m: visit.console.append(f"console {m.type}: {m.text}"))
    page.on("pageerror", lambda e: visit.console.append(f"error: {e}"))
    page.on("requestfailed", lambda r: left(r) or visit.failed.append(f"did not come: {r.url}"))
    page.on("response", lambda r: r.status >= 400 and visit.failed.append(f"{r.status}: {r.url}"))


LOADER = Path(__file__).parents[2] / "_theme" / "signal_theme" / "static" / "static-widgets.js"
TYPE = "application/vnd.jupyter.widget-"
STYLE = """
  body { font: 18px/1.5 Georgia, serif; margin: 1rem auto; max-width: 42rem; padding: 0 16px;
         background: #fffefa; color: #23211d; --pst-color-text-base: #23211d;
         --pst-color-text-muted: #6a655b; --pst-color-background: #fffefa; }
  html[data-theme=dark] body { background: #191815; color: #e9e5da; --pst-color-text-base: #e9e5da;
         --pst-color-text-muted: #a9a396; --pst-color-background: #191815; }
  @media (prefers-color-scheme: dark) { html { background: #191815; } }
"""


def page_with(*views: Widget, scripts: str = "") -> str:
    """The HTML of a page that shows these views, mounted by the book's static loader."""
    data = embed_data(views=views, state=dependency_state(views, drop_defaults=False))
    state = json.dumps(data["manager_state"]).replace("</", "<\\/")
    places = "\n".join(
        f'<div class="explorable-place"><script type="{TYPE}view+json">{json.dumps(spec)}</script></div>'
        for spec in data["view_specs"]
    )
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    theme = f"document.documentElement.dataset.theme = {dark} ? 'dark' : 'light'"
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Explorables</title>"
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style><script>{theme}</script>"
        f"{scripts}</head><body><main><h1>Explorables</h1><h2>One</h2><h3>Page</h3>\n{places}</main>"
        f'<script type="{TYPE}state+json">{state}</script>'
        f"<script>{LOADER.read_text('utf-8')}</script></body></html>"
    )
