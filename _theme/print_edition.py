"""Prints the built book as one PDF (`make pdf`), with a browser: pages, outline, contents with page numbers.

A browser cannot ask on which page a heading will stand, so the book is printed, its page numbers are read
from the PDF and filled in, and it is printed again.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chromium import FLAGS, find_browser
from one_page import ROOT, assemble, citation, documents
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

ONE_PAGE = "book.html"
NAME = "keeping-the-signal-alive"
HTML = {"full": ROOT / "_build" / "html", "student": ROOT / "_build/student/_build/html"}
OUTPUT = {"full": ROOT / "_build" / "pdf", "student": ROOT / "_build/student/pdf"}
TEXT_WIDTH = 506  # CSS pixels: the 134 mm that print.css leaves between the margins
TEXT_HEIGHT = 756  # 200 mm
PATIENCE = 300_000  # milliseconds, for a machine with other work to do
PASSES = 8  # numbers settle after two, unless a chapter is set closer
FEW_WORDS = 45  # a page with fewer, its foot included, and no figure looks empty
FIGURE_STROKES = 500  # lines and curves on a page; rules and fraction bars are under a hundred
CLOSEST = 4  # steps by which a chapter may be set closer, see print.css

# What is wider than the column is set smaller until it fits; code smaller than this is wrapped instead.
FIT = """() => {
    const shrink = (box, content, column) => {
        const size = parseFloat(getComputedStyle(box).fontSize);
        const set = scale => box.style.setProperty('font-size', `${size * scale}px`, 'important');
        for (let scale = 1; content() > column(); ) {
            scale *= Math.min(0.99, column() / content());
            if (scale < 0.7) { set(1); return false; }
            set(scale);
        }
        return true;
    };
    for (const code of document.querySelectorAll('.bd-article pre'))
        if (!shrink(code, () => code.scrollWidth, () => code.clientWidth)) code.style.whiteSpace = 'pre-wrap';
    for (const table of document.querySelectorAll('.bd-article table'))
        if (!shrink(table, () => table.offsetWidth, () => table.parentElement.clientWidth))
            table.style.overflowWrap = 'anywhere';
    for (const formula of document.querySelectorAll('mjx-container[display=true]'))
        shrink(formula, () => formula.scrollWidth, () => formula.clientWidth);
}"""

# Everything that reaches beyond the column, or that a box with hidden overflow cuts off.
STICKING_OUT = """() => {
    const right = document.querySelector('.bd-article').getBoundingClientRect().right + 1;
    const name = n => `${n.tagName.toLowerCase()}.${n.className}: ${n.textContent.trim().slice(0, 60)}`;
    const cut = n => getComputedStyle(n).overflowX !== 'visible' && n.clientWidth
        && n.scrollWidth > n.clientWidth + 1;
    return [...document.querySelectorAll('.bd-article *')]
        .filter(n => !n.closest('mjx-container') || n.tagName === 'MJX-CONTAINER')
        .filter(n => !n.parentElement.closest('svg'))  // a drawing clips what is in it
        .filter(n => n.getBoundingClientRect().right > right || cut(n)
            || (n.tagName === 'MJX-CONTAINER' && n.scrollWidth > n.clientWidth + 1
                && n.getAttribute('display')))
        .map(name);
}"""

HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
    .map(heading => heading.textContent.replace(/\\s+/g, ' ').trim())"""

SET_CLOSER = """([slugs, closest]) => slugs.map(slug => {
    const style = document.getElementById(slug).style;
    const step = Number(style.getPropertyValue('--closer')) + 1;
    if (step <= closest) style.setProperty('--closer', step);
    return step <= closest;
}).some(Boolean)"""

FILL_IN = """numbers => document.querySelectorAll('.page-number').forEach(place => {
    place.textContent = numbers[place.dataset.target] ?? '?';
})"""


def open_book(page: Page, file: Path) -> None:
    """Open the one page as paper will show it: mathematics set, fonts and pictures loaded, nothing too wide."""
    page.set_default_timeout(PATIENCE)
    page.set_viewport_size({"width": TEXT_WIDTH, "height": TEXT_HEIGHT})
    page.emulate_media(media="print", color_scheme="light")
    page.goto(file.as_uri(), wait_until="load")
    page.evaluate("MathJax.startup.promise.then(() => document.fonts.ready).then(() => null)")
    page.evaluate("Promise.all([...document.images].map(i => i.decode())).then(() => null)")
    page.evaluate(FIT)


def sticking_out(page: Page) -> list[str]:
    """What does not fit between the margins, one line each."""
    return page.evaluate(STICKING_OUT)


def destinations(reader: PdfReader) -> dict[str, int]:
    """The number of the page on which each id stands, counted from 1."""
    pages = {page.indirect_reference.idnum: n for n, page in enumerate(reader.pages, start=1)}
    return {
        name.lstrip("/"): pages[target.page.idnum]
        for name, target in reader.named_destinations.items()
        if target.page.idnum in pages
    }


def has_figure(page: PageObject) -> bool:
    """Whether anything is drawn on a page beside rules."""
    contents = page.get_contents()
    data = contents.get_data() if contents is not None else b""
    pictures = page.get("/Resources", {}).get("/XObject", {})
    return bool(pictures) or data.count(b" l\n") + data.count(b" c\n") > FIGURE_STROKES


def looks_empty(page: PageObject, text: str) -> bool:
    """Whether a page with this text holds a few words and no figure."""
    return len(text.split()) < FEW_WORDS and not has_figure(page)


def with_short_ends(reader: PdfReader, slugs: list[str], places: dict[str, int]) -> list[str]:
    """The chapters that spill a few lines onto a page of their own."""
    begins = [places[slug] for slug in slugs]
    ends = [*(begin - 1 for begin in begins[1:]), len(reader.pages)]
    last = [reader.pages[end - 1] for end in ends]
    return [
        slug
        for slug, begin, end, page in zip(slugs, begins, ends, last, strict=True)
        if end > begin and looks_empty(page, page.extract_text())
    ]


def print_until_settled(page: Page, file: Path, slugs: list[str]) -> None:
    """Print, read what stands where, fill that in, and print again until all of it is right.

    A chapter whose last page would look empty is set a little closer.

    Raises:
        RuntimeError: if the numbers of the last pass are not those of the one before.
    """
    numbers: dict[str, int] = {}
    final = False  # tags for screen readers and the outline take time: drafts go without
    for _ in range(PASSES):
        page.pdf(path=file, prefer_css_page_size=True, outline=final, tagged=final)
        reader = PdfReader(file)
        found = destinations(reader)
        closer = page.evaluate(SET_CLOSER, [with_short_ends(reader, slugs, found), CLOSEST])
        if final and not closer and found == numbers:
            return
        numbers, final = found, not closer
        page.evaluate(FILL_IN, {name: str(number) for name, number in numbers.items()})
    raise RuntimeError(f"the page numbers did not settle in {PASSES} passes")


def outline_entries(entry: DictionaryObject) -> Iterator[DictionaryObject]:
    """Every entry below one of a PDF's outline, in the order of the book."""
    child = entry.get("/First")
    while child is not None:
        yield child.get_object()
        yield from outline_entries(child.get_object())
        child = child.get_object().get("/Next")


def describe(printed: Path, pdf: Path, headings: list[str]) -> None:
    """Add the authors to what the browser wrote, mend the outline, and let the PDF open with it.

    The browser's outline runs numbers and words together, and doubles some.
    """
    writer = PdfWriter(printed, incremental=True)
    writer.add_metadata({"/Author": citation(ROOT)["authors"]})
    writer.page_mode = "/UseOutlines"
    entries = outline_entries(writer.root_object["/Outlines"].get_object())
    for entry, heading in zip(entries, headings, strict=True):
        entry[NameObject("/Title")] = TextStringObject(heading)
    writer.write(pdf)


def print_book(html: Path, output: Path, edition: str, browser: Browser) -> Path:
    """Make the PDF of a built book and return its path.

    Args:
        html: folder of the built book.
        output: folder for the PDF and for the page that it was printed from.
        edition: ``full`` or ``student``.
        browser: a Chromium or Chrome; no other browser prints PDFs.
    """
    output.mkdir(parents=True, exist_ok=True)
    one_page, pdf = output / ONE_PAGE, output / f"{NAME}.pdf"
    one_page.write_text(assemble(html, output, edition), "utf-8")
    page = browser.new_page()
    try:
        open_book(page, one_page)
        with tempfile.TemporaryDirectory() as folder:
            printed = Path(folder) / "printed.pdf"
            print_until_settled(page, printed, [d.slug for d in documents(ROOT)])
            describe(printed, pdf, page.evaluate(HEADINGS))
    finally:
        page.close()
    return pdf


def main() -> None:
    """Print the edition that ``$EDITION`` names."""
    edition = os.environ.get("EDITION") or "full"
    if edition not in HTML:
        sys.exit(f"EDITION must be one of {sorted(HTML)}, got {edition!r}")
    path = find_browser()
    if path is None:
        sys.exit(
            "The print edition is printed by a browser, and no Chromium or Chrome was found on PATH "
            "(try: make pdf BROWSER_PATH=/path/to/chromium)."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        print(print_book(HTML[edition], OUTPUT[edition], edition, browser))
        browser.close()


if __name__ == "__main__":
    main()
