"""What pages say of themselves elsewhere: description, card, the map of the site, the page for what is not found."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from matplotlib.image import imread

from tests.book.test_address import REPOSITORY, built, no_address  # noqa: F401

SITE = "https://someone.github.io/book/"
META = re.compile(r'<meta (?:name|property)="(?P<key>[^"]+)" content="(?P<value>[^"]*)">')


def said(page: str) -> dict[str, str]:
    """What the head of a page says, by name."""
    return {hit["key"]: hit["value"] for hit in META.finditer(page.partition("</head>")[0])}


@pytest.mark.full
def test_a_published_book_has_a_map_a_card_and_a_way_home_from_any_depth(tmp_path):
    head = said(built(tmp_path, BOOK_REPOSITORY=REPOSITORY))
    html = tmp_path / "_build" / "html"
    assert head["og:url"] == f"{SITE}chapters/one.html"
    assert head["og:image"] == f"{SITE}_static/card.png"
    assert imread(html / "_static" / "card.png").shape[:2] == (630, 1200)
    places = [place.text for place in ET.parse(html / "sitemap.xml").iter() if place.text]
    assert sorted(places) == [f"{SITE}chapters/one.html", f"{SITE}intro.html"]
    lost = (html / "404.html").read_text("utf-8")
    assert 'href="/book/_static/book.css' in lost and 'href="/book/chapters/one.html"' in lost


@pytest.mark.full
def test_without_an_address_nothing_is_made_up(tmp_path):
    head = said(built(tmp_path))
    assert head["og:title"] == "One" and "textbook" in head["description"]
    assert not {"og:url", "og:image"} & head.keys()
    assert not (tmp_path / "_build" / "html" / "sitemap.xml").exists()


@pytest.mark.build
def test_every_page_describes_itself_in_its_own_words(html: Path):
    pages = [p for p in html.rglob("*.html") if p.parent.name in ("chapters", "appendices")]
    heads = {page.stem: said(page.read_text("utf-8")) for page in pages}
    chapters = [heads[page.stem]["description"] for page in pages if page.parent.name == "chapters"]
    assert len(set(chapters)) == len(chapters) > 5
    for name, head in heads.items():
        assert head["keywords"] and head["og:site_name"] == "Keeping the Signal Alive", name
        assert 40 < len(head["description"]) < 250, name


@pytest.mark.build
def test_the_first_page_asks_every_chapters_question(html: Path):
    contents = (html / "intro.html").read_text("utf-8").partition('id="the-chapters"')[2]
    asked = re.findall(r'<span class="toc-question">([^<]+)</span>', contents)
    assert "What goes wrong with the sigmoid?" in asked
    assert len(asked) >= len(list((html / "chapters").glob("*.html")))
