"""Every page of the built book, looked at in a browser: its console, its hosts, its width, axe."""

from __future__ import annotations

import gzip
import importlib.metadata
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

from tests.browser.contract import settle

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
RULES = ["wcag2a", "wcag2aa", "wcag21aa"]
# What a browser makes of 0.7 MB: pictures and audio are not counted.
WEIGHT = 700_000
UNCOUNTED = (".png", ".svg", ".jpg", ".jpeg", ".wav", ".mp3", ".ogg")


def documents() -> list[str]:
    """The documents of the table of contents, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    parts = toc.get("parts", [toc])
    return [toc["root"], *(c["file"] for part in parts for c in part.get("chapters", []))]


PAGES = [f"{name}.html" for name in documents()]
ALL_PAGES = [*PAGES, "search.html", "genindex.html"]
EXECUTED = [page for page in PAGES if page.startswith("chapters/")]


@lru_cache(maxsize=1)
def axe_source() -> str:
    """axe-core, as its Python package carries it."""
    files = importlib.metadata.files("axe-playwright-python") or []
    script = next(f for f in files if f.name == "axe.min.js")
    return Path(str(script.locate())).read_text("utf-8")


def violations(page, contrast: bool = True) -> list[str]:
    """What axe finds on an open page, one line for each element; four fifths of its time go into contrasts."""
    page.evaluate(axe_source())
    rules = {"color-contrast": {"enabled": contrast}}
    found = page.evaluate(
        "([tags, rules]) => axe.run(document, {runOnly: {type: 'tag', values: tags}, rules})",
        [RULES, rules],
    )["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def check(visit: Callable, url: str, theme: str, width: int, contrast: bool = True) -> list[str]:
    """All that a reader, or a reader's screen reader, would stumble over on one page."""
    seen = visit(url, theme, width)
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    settle(seen.page)
    problems = [*seen.complaints, *violations(seen.page, contrast)]
    if (wide := seen.page.evaluate("document.documentElement.scrollWidth")) > width:
        problems.append(f"the page is {wide} px wide in a window of {width} px")
    return problems


@pytest.mark.parametrize("page", ALL_PAGES)
def test_every_page_is_quiet_self_contained_and_accessible(visit, address, page):
    assert check(visit, f"{address}/{page}", "light", 1300, contrast=False) == []


@pytest.mark.full
@pytest.mark.parametrize("width", [375, 1300])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", ALL_PAGES)
def test_every_page_in_every_theme_and_width(visit, address, page, theme, width):
    # colors follow the theme and not the width: each theme's are looked at once
    contrast = (theme, width) in (("light", 1300), ("dark", 375))
    assert check(visit, f"{address}/{page}", theme, width, contrast) == []


@pytest.mark.full
@pytest.mark.parametrize("page", ALL_PAGES)
def test_a_page_opened_from_disk_works_too(visit, html, page):
    seen = visit((html / page).as_uri())
    assert seen.complaints == []
    assert seen.page.locator("main h1").last.is_visible()


def test_a_page_that_misbehaves_is_caught(visit, html, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<html lang='en'><title>t</title><main><h1>t</h1><p style='width:2000px'>wide</p>"
        "<p style='color:#ccc;background:#fff'>pale</p><img src='https://example.org/a.png'>"
        "<script>console.log('chatter')</script></main></html>",
        "utf-8",
    )
    problems = "\n".join(check(visit, bad.as_uri(), "light", 1300))
    for sign in ("another host", "console log", "color-contrast", "image-alt", "px wide"):
        assert sign in problems


@pytest.mark.parametrize("page", EXECUTED)
def test_a_chapter_weighs_no_more_than_its_budget(visit, address, page):
    seen = visit(f"{address}/{page}")
    urls = seen.page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
    counted = {f"{address}/{page}", *(u for u in urls if not u.split("?")[0].endswith(UNCOUNTED))}
    weights = {u: len(gzip.compress(read(u), 6)) for u in counted if u.startswith("http")}
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:5]
    assert sum(weights.values()) <= WEIGHT, heaviest


def read(url: str) -> bytes:
    """One file of the book, from the test's own server."""
    with urllib.request.urlopen(url) as answer:
        return answer.read()


@pytest.mark.parametrize("origin", ["served", "from disk"])
def test_search_finds_a_word_of_the_book(visit, address, html, origin):
    base = address if origin == "served" else html.as_uri()
    seen = visit(f"{base}/search.html?q=saturation")
    seen.page.wait_for_selector("#search-results li a")
    assert seen.complaints == []


def test_the_theme_follows_the_system_and_the_switch(visit, address):
    page = visit(f"{address}/intro.html", theme="dark").page
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.click(".theme-switch-button")
    page.wait_for_function("document.documentElement.dataset.mode !== 'auto'")
    while page.evaluate("document.documentElement.dataset.theme") != "light":
        page.click(".theme-switch-button")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


@pytest.mark.parametrize("page", EXECUTED)
def test_mathematics_is_set_and_none_is_in_error(visit, address, page):
    seen = visit(f"{address}/{page}").page
    assert seen.locator("mjx-container").count() > 0
    assert seen.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert "\\(" not in seen.inner_text("article")
