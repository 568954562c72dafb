"""Prints the built book as one PDF (`make pdf`), with a browser: pages, outline, contents with page numbers.

A browser cannot ask on which page a heading will stand, so the book is printed, its page numbers are read
from the PDF and filled in, and it is printed again.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from chromium import FLAGS, find_browser
from one_page import ROOT, assemble, citation
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader, PdfWriter

NAME = "keeping-the-signal-alive"
HTML = {"full": ROOT / "_build" / "html", "student": ROOT / "_build/student/_build/html"}
OUTPUT = {"full": ROOT / "_build" / "pdf", "student": ROOT / "_build/student/pdf"}
TEXT_WIDTH = 506  # CSS pixels: the 134 mm that print.css leaves between the margins
TEXT_HEIGHT = 756  # 200 mm
PATIENCE = 300_000  # milliseconds, for a machine with other work to do
PASSES = 4  # numbers settle after two, unless they move a heading to another page

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
        .filter(n => n.getBoundingClientRect().right > right || cut(n)
            || (n.tagName === 'MJX-CONTAINER' && n.scrollWidth > n.clientWidth + 1
                && n.getAttribute('display')))
        .map(name);
}"""

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


def print_until_settled(page: Page, file: Path) -> None:
    """Print, read on which page everything stands, fill that in, and print again until it is right."""
    numbers: dict[str, int] = {}
    for _ in range(PASSES):
        page.pdf(path=file, prefer_css_page_size=True, outline=True, tagged=True)
        found = destinations(PdfReader(file))
        if found == numbers:
            return
        numbers = found
        page.evaluate(FILL_IN, {name: str(number) for name, number in numbers.items()})
    raise RuntimeError(f"the page numbers did not settle in {PASSES} passes")


def describe(printed: Path, pdf: Path) -> None:
    """Add the authors to what the browser wrote, and let the PDF open with its outline beside it."""
    writer = PdfWriter(printed, incremental=True)
    writer.add_metadata({"/Author": citation(ROOT)["authors"]})
    writer.page_mode = "/UseOutlines"
    writer.write(pdf)


def print_book(html: Path, output: Path, edition: str, browser: str) -> Path:
    """Make the PDF of a built book and return its path.

    Args:
        html: folder of the built book.
        output: folder for the PDF and for the page that it was printed from.
        edition: ``full`` or ``student``.
        browser: path of a Chromium or Chrome.
    """
    output.mkdir(parents=True, exist_ok=True)
    one_page, pdf = output / "book.html", output / f"{NAME}.pdf"
    one_page.write_text(assemble(html, output, edition), "utf-8")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        page = chromium.new_page()
        open_book(page, one_page)
        printed = Path(folder) / "printed.pdf"
        print_until_settled(page, printed)
        chromium.close()
        describe(printed, pdf)
    return pdf


def main() -> None:
    """Print the edition that ``$EDITION`` names."""
    edition = os.environ.get("EDITION") or "full"
    if edition not in HTML:
        sys.exit(f"EDITION must be one of {sorted(HTML)}, got {edition!r}")
    browser = find_browser()
    if browser is None:
        sys.exit(
            "The print edition is printed by a browser, and no Chromium or Chrome was found on PATH "
            "(try: make pdf BROWSER_PATH=/path/to/chromium)."
        )
    print(print_book(HTML[edition], OUTPUT[edition], edition, browser))


if __name__ == "__main__":
    main()
