"""The pages of the built book: alternative texts, no other hosts, no dead links, no leaks."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

pytestmark = pytest.mark.build

HASH = re.compile(r"(?:_images/)?[0-9a-f]{20,}\.\w+")
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "audio": "src"}


class Page(HTMLParser):
    """The tags of one page, and the ids that links may point at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep every tag with its attributes."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    @property
    def ids(self) -> set[str]:
        """Everything that a fragment can name."""
        return {a[key] for _, a in self.tags for key in ("id", "name") if key in a}


def complaints(html: str) -> list[str]:
    """Images without a text and files of other hosts."""
    found = []
    for tag, attributes in Page(html).tags:
        if tag == "img":
            alt = attributes.get("alt", "")
            if not alt.strip() or HASH.fullmatch(alt.strip()):
                found.append(f"no alternative text: {attributes.get('src')}")
        link = (
            attributes.get("href", "")
            if tag == "link"
            else attributes.get(LOADING.get(tag, ""), "")
        )
        if link.startswith(("http:", "https:", "//")) and attributes.get("rel") != "canonical":
            found.append(f"another host: {link}")
    return found


@pytest.fixture(scope="module")
def pages(html: Path) -> dict[Path, str]:
    """Every page of the built book."""
    return {path: path.read_text("utf-8") for path in sorted(html.rglob("*.html"))}


def test_every_image_has_a_text_and_every_file_is_the_books_own(pages):
    found = [f"{path.name}: {c}" for path, text in pages.items() for c in complaints(text)]
    assert found == []


@pytest.mark.parametrize(
    "html",
    [
        '<img src="_images/a.png">',
        '<img alt="_images/0123456789abcdef01234567.png" src="a.png">',
        '<script src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="//example.org/a.css">',
    ],
)
def test_a_missing_text_and_another_host_are_caught(html):
    assert complaints(html)


def test_style_sheets_ask_no_other_host(html):
    asks = re.compile(r"url\(\s*[\"']?(?:https?:)?//|@import\s+[\"'](?:https?:)?//")
    sheets = {sheet.name: sheet.read_text("utf-8") for sheet in html.rglob("*.css")}
    assert [name for name, text in sheets.items() if asks.search(text)] == []


def test_no_link_within_the_book_is_dead(pages, html):
    ids = {path: Page(text).ids for path, text in pages.items()}
    dead = []
    for path, text in pages.items():
        for tag, attributes in Page(text).tags:
            target, fragment = urldefrag(attributes.get("href", "") if tag == "a" else "")
            if target.startswith(("http:", "https:", "mailto:", "data:")):
                continue
            # the page for what is not found stands at any depth: its links begin at the site's root
            folder = html if target.startswith("/") else path.parent
            file = (
                (folder / unquote(target.split("?")[0]).lstrip("/")).resolve() if target else path
            )
            missing = not file.exists()
            if missing or (fragment and file in ids and unquote(fragment) not in ids[file]):
                dead.append(f"{path.name}: {attributes.get('href')}")
            if target.startswith("/") and path.name != "404.html":
                dead.append(f"{path.name} leaves the book's folder: {attributes.get('href')}")
    assert dead == []


def test_every_chapter_asks_its_question_under_its_title(pages):
    chapters = [text for path, text in pages.items() if path.parent.name == "chapters"]
    assert chapters
    assert all(re.search(r"</h1>\s*<p class=\"question\">", text) for text in chapters)


def test_no_page_names_the_machine_that_built_it(pages, root):
    assert [path.name for path, text in pages.items() if str(root) in text] == []


def test_every_figure_in_the_books_palette_has_both_renders(pages):
    for path, text in pages.items():
        light, dark = (
            len(re.findall(f'class="[^"]*{c}', text)) for c in ("only-light", "only-dark")
        )
        assert light == dark, path.name
