"""The built book under a sub-path of a site, as project pages are published: nothing in it asks for the site's root."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.harness import Visit, served
from tests.browser.test_pages import ALL_PAGES, PAGES

pytestmark = [pytest.mark.browser, pytest.mark.full]

PLACE = "some/book"
LINKS = "nodes => nodes.map(node => node.href).filter(href => href.startsWith('http'))"


@pytest.fixture(scope="module")
def site(html: Path, tmp_path_factory) -> Iterator[str]:
    """The address of a site that has the book two folders deep, and nothing at its root."""
    root = tmp_path_factory.mktemp("site")
    (root / PLACE).parent.mkdir()
    (root / PLACE).symlink_to(html, target_is_directory=True)
    with served(root) as url:
        yield url


def answer(url: str) -> int:
    """The status of an address on the test's own server."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def astray(seen: Visit, site: str) -> list[str]:
    """What a page asks for, or links to, outside the book's own folder, or where nothing is."""
    home = f"{site}/{PLACE}/"
    links = {url.split("#")[0] for url in seen.page.locator("a[href]").evaluate_all(LINKS)}
    own = {url for url in links if url.startswith(site)}
    asked = {url for url in seen.asked if url.startswith("http")}
    found = [f"outside the book: {url}" for url in sorted(own | asked) if not url.startswith(home)]
    return found + [f"dead: {url}" for url in sorted(own) if answer(url) != 200]


@pytest.mark.parametrize("page", ALL_PAGES)
def test_a_page_stays_in_its_folder_and_its_links_lead_somewhere(visit, site, page):
    seen = visit(f"{site}/{PLACE}/{page}")
    assert seen.complaints == []
    assert astray(seen, site) == []


@pytest.mark.parametrize("page", [page for page in ALL_PAGES if page.startswith("chapters/")])
def test_its_explorables_are_live_and_its_mathematics_is_set(visit, site, page):
    seen = visit(f"{site}/{PLACE}/{page}").page
    places = seen.locator(".explorable-place").count()
    assert places > 0
    seen.wait_for_function(
        "count => document.querySelectorAll('.explorable-place.mounted .explorable').length === count",
        arg=places,
    )
    assert seen.locator("mjx-container").count() > 0


def test_search_finds_a_page_and_leads_there(visit, site):
    seen = visit(f"{site}/{PLACE}/search.html?q=saturation")
    found = seen.page.locator("#search-results li a").first
    found.wait_for()
    seen.page.wait_for_load_state("networkidle")
    found.click()
    seen.page.wait_for_load_state("networkidle")
    assert seen.page.url.startswith(f"{site}/{PLACE}/chapters/")
    assert seen.complaints == []
    assert astray(seen, site) == []


def test_one_reads_from_cover_to_cover_by_its_own_buttons(visit, site):
    page = (seen := visit(f"{site}/{PLACE}/intro.html")).page
    page.goto(f"{site}/{PLACE}/")
    page.wait_for_url(f"{site}/{PLACE}/intro.html")
    read = [page.url]
    while (onward := page.locator("a.right-next")).count() and len(read) <= len(PAGES):
        with page.expect_navigation():
            onward.click()
        read.append(page.url)
    assert sorted(read) == sorted(f"{site}/{PLACE}/{name}" for name in PAGES)
    assert seen.complaints == []


def test_a_page_that_strays_is_noticed(visit, site, html, tmp_path):
    seen = visit(f"{site}/{PLACE}/intro.html")
    seen.page.evaluate("""() => {
        document.body.insertAdjacentHTML('beforeend', '<a href="/intro.html">root</a><a href="gone.html">gone</a>');
        return fetch('/search.html').catch(() => null);
    }""")
    found = "\n".join(astray(seen, site))
    assert f"outside the book: {site}/intro.html" in found
    assert f"outside the book: {site}/search.html" in found
    assert f"dead: {site}/{PLACE}/gone.html" in found
