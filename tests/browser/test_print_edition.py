"""The print edition, printed for real: outline, numbers, links, width, and no page without a use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import one_page
import print_edition
import pytest
from pypdf import PdfReader

from tests.book.test_editions import TELLING, command, plain
from tests.browser.test_pages import EXECUTED, PAGES

pytestmark = [pytest.mark.browser, pytest.mark.full]
FOOT = 59.5  # points: the 21 mm below the text
HEADING = 45  # points: a small heading and two lines
TITLE = re.compile(r"<h1>(.*?)<a class=\"headerlink\"", re.DOTALL)


def titles(html: Path) -> list[str]:
    """The titles of the built pages in reading order; the first one's is the book's own."""
    pages = [(html / page).read_text("utf-8") for page in PAGES]
    found = [TITLE.search(page, page.index("<article"))[1] for page in pages]
    shown = [" ".join(unescape(re.sub(r"<[^>]*>", "", title)).split()) for title in found]
    return [one_page.PREFACE, *shown[1:]]


def outline(reader: PdfReader) -> list[tuple[str, int]]:
    """Every entry of the outline with its page, counted from 1."""

    def entries(items: list) -> Iterator[tuple[str, int]]:
        for item in items:
            if isinstance(item, list):
                yield from entries(item)
            else:
                yield item.title, reader.get_destination_page_number(item) + 1

    return list(entries(reader.outline))


def alone(reader: PdfReader) -> list[str]:
    """Headings at the foot of a page without room for two lines of text below them."""

    def entries(items: list) -> Iterator:
        for item in items:
            yield from entries(item) if isinstance(item, list) else [item]

    return [item.title for item in entries(reader.outline) if float(item.top) < FOOT + HEADING]


def dangling(reader: PdfReader) -> list[str]:
    """Links to a destination that does not exist, or to a file of the machine that printed."""
    known, found = print_edition.destinations(reader), []
    for number, page in enumerate(reader.pages, start=1):
        for annotation in page.get("/Annots", []):
            link = annotation.get_object()
            action = link.get("/A", {}).get_object() if "/A" in link else {}
            if "/URI" in action:
                if not str(action["/URI"]).startswith(("http:", "https:", "mailto:")):
                    found.append(f"page {number}: {action['/URI']}")
            elif str(link.get("/Dest", action.get("/D"))).lstrip("/") not in known:
                found.append(f"page {number}: {link}")
    return found


def links(reader: PdfReader) -> int:
    """How many links the PDF has."""
    return sum(len(page.get("/Annots", [])) for page in reader.pages)


def all_texts(reader: PdfReader) -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in reader.pages]


def empty_pages(reader: PdfReader, texts: list[str]) -> list[int]:
    """The pages that hold a few words and no figure; the title page is meant to."""
    pages = enumerate(zip(reader.pages, texts, strict=True), start=1)
    return [n for n, (page, text) in pages if n > 1 and print_edition.looks_empty(page, text)]


class TestPrintEdition:
    @pytest.fixture(scope="class")
    @staticmethod
    def folder(browser, html, tmp_path_factory) -> Path:
        """A folder with the PDF and the page that it was printed from."""
        output = tmp_path_factory.mktemp("print")
        print_edition.print_book(html, output, "full", browser)
        return output

    @pytest.fixture(scope="class")
    @staticmethod
    def reader(folder) -> PdfReader:
        """The PDF."""
        return PdfReader(folder / f"{print_edition.NAME}.pdf")

    @pytest.fixture(scope="class")
    @staticmethod
    def texts(reader) -> list[str]:
        """The text of each page."""
        return all_texts(reader)

    @pytest.fixture(scope="class")
    @staticmethod
    def page(browser, folder):
        """The one page, as wide as the paper's text, after what is too wide was made to fit."""
        page = browser.new_page()
        try:
            print_edition.open_book(page, folder / print_edition.ONE_PAGE)
            yield page
        finally:
            page.close()

    def test_it_says_whose_it_is(self, reader):
        about = one_page.citation(one_page.ROOT)
        assert reader.metadata.title == f"{about['title']}: {about['subtitle']}"
        assert reader.metadata.author == about["authors"]
        assert reader.root_object["/Lang"] == "en"
        assert reader.root_object["/MarkInfo"]["/Marked"]
        assert reader.page_mode == "/UseOutlines"

    def test_its_size_is_that_of_a_book(self, folder, reader):
        assert 200 <= len(reader.pages) <= 400
        assert (folder / f"{print_edition.NAME}.pdf").stat().st_size < 25e6

    def test_every_chapter_stands_in_the_outline_in_order(self, html, reader):
        expected = titles(html)
        entries = [(title, page) for title, page in outline(reader) if title in expected]
        assert [title for title, _ in entries] == expected
        numbers = [page for _, page in entries]
        assert numbers == sorted(set(numbers))  # each opens a page of its own

    def test_no_heading_stands_alone_at_the_foot_of_a_page(self, reader):
        assert alone(reader) == []

    def test_a_heading_that_stands_alone_is_noticed(self, browser, tmp_path):
        page = browser.new_page()
        page.set_content(
            "<style>@page { size: 170mm 240mm; margin: 19mm 18mm 21mm }"
            " body, h1 { margin: 0; font: 20px/20px serif }</style>"
            "<h1>One</h1><div style='height: 690px'></div><h1>Two</h1>"
        )
        page.pdf(path=tmp_path / "a.pdf", prefer_css_page_size=True, outline=True, tagged=True)
        page.close()
        assert alone(PdfReader(tmp_path / "a.pdf")) == ["Two"]

    def test_the_contents_give_the_pages_of_the_outline(self, html, reader, texts):
        entries = dict(outline(reader))
        contents = " ".join(
            " ".join(texts[entries["Contents"] - 1 : entries["Preface"] - 1]).split()
        )
        missing = [
            title for title in titles(html) if f"{title} {entries[title]} " not in f"{contents} "
        ]
        assert missing == []

    def test_every_numbered_equation_is_there_and_no_mathematics_is_in_error(
        self, html, texts, page
    ):
        shown = "".join(texts)
        for name in EXECUTED:
            numbers = re.findall(r'"eqno">(\(\d+\.\d+\))', (html / name).read_text("utf-8"))
            assert numbers and [n for n in numbers if n not in shown] == [], name
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
        assert page.locator("mjx-container").count() > 1000

    def test_no_link_dangles(self, reader):
        assert links(reader) > 400
        assert dangling(reader) == []

    def test_a_link_that_dangles_is_noticed(self, browser, tmp_path):
        page = browser.new_page()
        page.set_content(
            "<h1 id=a>A</h1><a href='#a'>good</a> <a href='file:///a'>here</a>"
            "<a href='https://example.org'>elsewhere</a>"
        )
        page.pdf(path=tmp_path / "a.pdf")
        page.close()
        reader = PdfReader(tmp_path / "a.pdf")
        assert links(reader) == 3
        assert dangling(reader) == ["page 1: file:///a"]

    def test_nothing_sticks_out_or_is_cut_off(self, page):
        assert print_edition.sticking_out(page) == []

    @pytest.mark.parametrize(
        "wide",
        [
            "<p style='width: 600px'>wide</p>",
            "<div style='overflow: hidden; width: 50px'><b style='padding: 50px'>cut</b></div>",
            "<table><tr><td style='min-width: 600px'>table</td></tr></table>",
        ],
    )
    def test_what_sticks_out_is_noticed(self, page, wide):
        add = "html => document.querySelector('.chapter').insertAdjacentHTML('beforeend', html)"
        page.evaluate(add, wide)
        try:
            assert print_edition.sticking_out(page) != []
        finally:
            page.evaluate("document.querySelector('.chapter').lastElementChild.remove()")
        assert print_edition.sticking_out(page) == []

    def test_no_page_is_nearly_empty(self, reader, texts):
        assert empty_pages(reader, texts) == []

    def test_a_nearly_empty_page_is_noticed(self, browser, tmp_path):
        page = browser.new_page()
        apart = "<p style='break-before: page'>"
        page.set_content(f"<p>title{apart}{'word ' * 60}{apart}few words{apart}")
        page.pdf(path=tmp_path / "a.pdf")
        page.close()
        reader = PdfReader(tmp_path / "a.pdf")
        assert empty_pages(reader, all_texts(reader)) == [3, 4]

    def test_what_a_page_shows_on_demand_is_shown_or_left_out(self, html, texts, page):
        shown = " ".join(" ".join(texts).split())
        pages = [(html / name).read_text("utf-8") for name in EXECUTED]
        assert "Show the source" not in shown
        labels = re.findall(
            r'<label [^>]*class="sd-tab-label"[^>]*>\s*(.*?)</label>', "".join(pages)
        )
        assert labels and [unescape(one) for one in labels if unescape(one) not in shown] == []
        assert (
            shown.count("moves on the book’s web page")
            == page.locator(".explorable-still:has(img)").count()
        )
        assert page.locator("details, button, input, nav, .only-dark").count() == 0

    def test_solutions_are_at_the_end_of_their_chapter_and_their_page_is_given(
        self, reader, texts, page
    ):
        given = page.locator(".see-solution .page-number").evaluate_all(
            "places => places.map(place => place.dataset.target)"
        )
        assert len(given) >= 4 * len(EXECUTED)
        told = re.findall(r"(?:Solution|Answers) on page (\d+)", " ".join(texts))
        assert len(told) == len(given)
        numbers = print_edition.destinations(reader)
        assert sorted(map(int, told)) == sorted(numbers[target] for target in given)

    def test_it_holds_the_solutions(self, texts):
        """Negative control: what the students' edition must not hold can be found here."""
        shown = plain("".join(texts))
        for path, lines in TELLING.items():
            missing = [line for line in lines if line not in shown]
            assert len(missing) <= len(lines) // 3, (path.name, missing)


def test_the_students_edition_holds_no_solution(browser, html, tmp_path):
    done = command("student")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    pdf = print_edition.print_book(print_edition.HTML["student"], tmp_path, "student", browser)
    reader = PdfReader(pdf)
    texts = all_texts(reader)
    text = "".join(texts)
    shown = plain(text)
    held = {path.name: [line for line in lines if line in shown] for path, lines in TELLING.items()}
    assert {name: lines for name, lines in held.items() if lines} == {}
    assert "Solution on page" not in text and "without solutions" in " ".join(text.split())
    assert len(reader.pages) > 150
    assert dangling(reader) == []
    assert empty_pages(reader, texts) == []
