"""What becomes of a built page on paper: folds, tabs, explorables, ids, links."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from one_page import (
    ROOT,
    Document,
    citation,
    documents,
    gather_solutions,
    leave_out_folded_code,
    lower_headings,
    own_ids,
    own_links,
    spread_tabs,
    still_explorables,
    widget_sources,
    words,
)


def article(markup: str) -> Tag:
    """An article with this content."""
    return BeautifulSoup(f"<article>{markup}</article>", "html.parser").find("article")


def test_the_documents_are_those_of_the_table_of_contents_and_know_their_part():
    book = documents(ROOT)
    assert book[0].name == "intro"
    parts = [document.part for document in book if document.part]
    assert parts == ["Part I · Why signals die", "Part II · What to do today", "Appendix"]
    assert len({document.slug for document in book}) == len(book)


def test_the_title_page_says_what_the_citation_says():
    about = citation(ROOT)
    assert about["title"] == "Keeping the Signal Alive"
    assert about["subtitle"].startswith("Weight initialization")
    assert about["authors"] and about["version"] and about["year"].isdigit()


def test_a_solution_moves_to_the_end_and_each_end_leads_to_the_other():
    page = article(
        "<section><h1>Chapter</h1><p><strong>Derive.</strong> Show it.</p>"
        "<details class='fold solution'><summary>Solution</summary><p>Shown.</p></details>"
        "<p>Last.</p></section>"
    )
    gather_solutions(page, "chapter")
    shown = " ".join(page.get_text(" ").split())
    assert shown == "Chapter Derive. Show it. Solution on page 000 Last. Solutions Derive Shown."
    pointer, back = page.select_one(".see-solution a"), page.select_one(".solution-title a")
    assert page.select_one(pointer["href"])["class"] == "solution"
    assert page.select_one(back["href"])["class"] == "see-solution"
    assert page.select_one(".page-number")["data-target"] == "chapter--solution-1"


def test_another_fold_stays_where_it_is_and_opens():
    page = article("<section><details><summary>Key</summary><p>A</p></details><p>B</p></section>")
    gather_solutions(page, "chapter")
    assert words(page) == "KeyAB"
    assert page.find("details") is None and page.select_one(".fold-title")


def test_folded_code_is_left_out_and_its_output_stays():
    page = article(
        "<div class='cell'><details class='hide'><summary>Show the source</summary>"
        "<div class='cell_input'>x = 1</div></details><div class='cell_output'>1</div></div>"
    )
    leave_out_folded_code(page)
    assert words(page) == "1" and page.find("details") is None


def test_every_tab_is_shown_under_its_label():
    page = article(
        "<div class='sd-tab-set'><label class='sd-tab-label'>\nJAX</label>"
        "<div class='sd-tab-content'>a</div><label class='sd-tab-label'>\nFlax</label>"
        "<div class='sd-tab-content'>b</div></div>"
    )
    spread_tabs(page)
    assert [tag.get_text(strip=True) for tag in page.select(".tab-title, .tab")] == [
        *("JAX", "a"),
        *("Flax", "b"),
    ]


@pytest.mark.parametrize(
    ("source", "inner", "note"),
    [
        ("draw()", "<img src='a.svg'>", "This figure moves on the book’s web page."),
        ("new AudioContext()", "<img src='a.svg'>", "there you hear it"),
        ("draw()", "<ol><li>Which?</li></ol>", "these questions answer you"),
    ],
)
def test_an_explorable_says_what_it_does_on_the_web_page(source, inner, note):
    kind = "application/vnd.jupyter.widget-"
    page = (
        f'<script type="{kind}state+json">{{"state": {{"m": {{"state": {{"_esm": "{source}"}}}}}}}}'
        f'</script><div class="explorable-place"><script type="{kind}view+json">'
        f'{{"model_id": "m"}}</script>{inner}</div>'
    )
    found = article(page)
    still_explorables(found, widget_sources(page))
    assert note in words(found.select_one(".print-note"))


def test_ids_and_links_of_two_documents_do_not_meet():
    html = Path("/book")
    first, second = Document("chapters/one"), Document("chapters/two")
    known = {html / f"{document.name}.html": document for document in (first, second)}
    page = article(
        "<p id='a'></p><label for='a'></label><a href='#a'>1</a><a href='two.html#a'>2</a>"
        "<a href='two.html'>3</a><a href='https://example.org/#a'>4</a>"
        "<a download href='lab.ipynb'>5</a>"
    )
    own_ids(first, page)
    own_links(first, page, known, html)
    assert page.find("p")["id"] == page.find("label")["for"] == "chapters-one--a"
    assert [link["href"] for link in page.find_all("a")] == [
        "#chapters-one--a",
        "#chapters-two--a",
        "#chapters-two",
        "https://example.org/#a",
    ]


def test_headings_make_room_for_the_parts():
    page = article("<h1>a</h1><h2>b</h2><h3>c</h3>")
    lower_headings(page, by=1)
    assert [tag.name for tag in page.find_all(True)] == ["h2", "h3", "h4"]
    assert page.find("h2")["class"] == "chapter-title"
