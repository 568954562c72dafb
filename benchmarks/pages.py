"""Pages with an explorable: our loader against ipywidgets' html-manager, and what a redraw takes.

Both pages show the same widget and nothing else. The stock page is what `ipywidgets.embed` writes, with
require.js, html-manager and anywidget's front end served from here instead of a CDN: that favors it.
html-manager and require.js come from npm, by way of `npm pack`, or from the folder $HTML_MANAGER made by
`npm install --prefix FOLDER @jupyter-widgets/html-manager requirejs`.
"""

from __future__ import annotations

import gzip
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ipywidgets import Widget
from ipywidgets.embed import embed_snippet
from playwright.sync_api import Browser, Page, sync_playwright

from _theme.chromium import find_browser
from benchmarks import Row
from tests.browser.harness import fresh_page, launched, page_with, served
from tests.browser.test_explorables import MADE, commit
from tests.browser.test_pages import UNCOUNTED, WEIGHT

BOOK = Path(__file__).parents[1] / "_build" / "html"
PACKAGES = {"@jupyter-widgets/html-manager": "dist/embed-amd.js", "requirejs": "require.js"}
REPETITIONS, MOVES = 5, 30
BUSY = 2.0  # a machine under more strain than this has other work: what it says of redraws does not count
FRAME, SLOW_FRAME = (
    16.7,
    33.0,
)  # milliseconds: 60 frames a second; 30 with the CPU four times slower
NONE = float("nan")

# Milliseconds from the start of navigation until an explorable stands in the page, all of it drawn: the
# observer's callback waits for the script that draws.
WATCH = """new MutationObserver((_, observer) => {
    if (document.querySelector('.explorable')) { window.alive = performance.now(); observer.disconnect(); }
}).observe(document, { childList: true, subtree: true });"""

# Milliseconds of the main thread that each move of a slider takes: an input event at the start of a frame, as
# browsers send them, until that frame is painted, and the work of the next one, should drawing wait for it.
DRAG = """async moves => {
    const found = document.querySelectorAll('.explorable input[type=range]:not(:disabled)');
    const sliders = [...found];
    const frame = () => new Promise(requestAnimationFrame);
    const painted = () => new Promise(done => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = done;
        port2.postMessage(0);
    });
    const times = [];
    for (let k = 0; k < moves && sliders.length; k++) {
        const slider = sliders[k % sliders.length], low = +slider.min, high = +slider.max;
        await frame();
        const before = performance.now();
        slider.value = low + (high - low) * ((0.5 + k * 0.618034) % 1);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        await painted();
        const first = performance.now() - before;
        await frame();
        const next = performance.now();
        await painted();
        times.push(first + performance.now() - next);
    }
    return times;
}"""

# How many times longer than at its fastest a fixed piece of arithmetic takes, in the slowest frame of twenty:
# near 1 on a machine with nothing else to do.
STRAIN = """async frames => {
    const work = () => { let x = 1; for (let i = 0; i < 3e6; i++) x = (x * 16807) % 2147483647; return x; };
    const times = [];
    for (let k = 0; k < frames; k++) {
        await new Promise(requestAnimationFrame);
        const before = performance.now();
        work();
        times.push(performance.now() - before);
    }
    times.sort((a, b) => a - b);
    return times[Math.floor(0.95 * frames)] / times[0];
}"""


def rows() -> list[Row]:
    """Weight, time to a live widget and redraws of every explorable; weight of every built page."""
    path = find_browser()
    if path is None:
        return [_nothing("pages with an explorable", "no Chromium or Chrome on this machine")]
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as address,
        sync_playwright() as playwright,
        launched(playwright, path) as browser,
    ):
        stock = _fetch_stock(Path(folder))
        made = [
            row for name in MADE for row in _explorable(browser, Path(folder), address, name, stock)
        ]
        return made + _built_pages(browser)


def _explorable(browser: Browser, folder: Path, address: str, name: str, stock: str) -> list[Row]:
    """The rows of one explorable; `stock` says why there is no html-manager, or is empty."""
    Widget.close_all()  # a page carries the state of every widget that is open
    widget = MADE[name]()
    pages = {"ours": page_with(widget)} | ({} if stock else {"stock": _stock_page(folder, widget)})
    for kind, html in pages.items():
        (folder / f"{kind}.html").write_text(html, "utf-8")
    alive: dict[str, list[float]] = {kind: [] for kind in pages}
    weights: dict[str, int] = {}
    for _ in range(REPETITIONS):
        for kind in pages:
            with _opened(browser, f"{address}/{kind}.html") as page:
                alive[kind].append(_alive(page))
                weights[kind] = _weight(page, folder)
    ours = statistics.median(alive["ours"])
    result = [Row(f"{name}: bare page, gzipped", f"{weights['ours'] / 1e3:.0f} kB",
                  f"0.7 MB; stock {weights['stock'] / 1e3:.0f} kB" if not stock else "0.7 MB",
                  WEIGHT / weights["ours"], 1.0)]  # fmt: skip
    if stock:
        result.append(_nothing(f"{name}: live widget", stock, f"{ours:.0f} ms"))
    else:
        theirs = statistics.median(alive["stock"])
        result.append(Row(f"{name}: live widget", f"{ours:.0f} ms", f"html-manager {theirs:.0f} ms",
                          theirs / ours, 2.0))  # fmt: skip
    return result + _redraws(browser, f"{address}/ours.html", name)


def _redraws(browser: Browser, url: str, name: str) -> list[Row]:
    """p95 of a redraw while a slider is dragged, at full speed and four times slower."""
    result = []
    for slower, limit in ((1, FRAME), (4, SLOW_FRAME)):
        with _opened(browser, url) as page:
            _alive(page)
            commit(page)
            session = page.context.new_cdp_session(page)
            session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
            strain = page.evaluate(STRAIN, MOVES)
            runs = [page.evaluate(DRAG, MOVES) for _ in range(REPETITIONS)]
            strain = max(strain, page.evaluate(STRAIN, MOVES))
        if not runs[0]:
            return []  # nothing to drag
        p95 = statistics.median(statistics.quantiles(times, n=20)[-1] for times in runs)
        what = f"{name}: redraw, p95" + (", CPU slowed 4×" if slower > 1 else "")
        against = f"{limit:g} ms" + (
            f"; machine busy, strain {strain:.1f}" if strain > BUSY else ""
        )
        result.append(Row(what, f"{p95:.1f} ms", against, limit / p95, 1.0, counts=strain <= BUSY))
    return result


def _built_pages(browser: Browser) -> list[Row]:
    """Weight of every page of the built book, with all that the browser loads for it."""
    own = (p for p in sorted(BOOK.rglob("*.html")) if "_static" not in p.parts)
    found = [p for p in own if p != BOOK / "index.html"]  # which only leads to the introduction
    if not found:
        return [_nothing("built pages, gzipped", "no built book: make book")]
    result = []
    with served(BOOK) as address:
        for path in found:
            name = path.relative_to(BOOK).as_posix()
            with _opened(browser, f"{address}/{name}") as page:
                page.evaluate("window.MathJax?.startup?.promise")
                weight = _weight(page, BOOK)
            result.append(
                Row(f"{name}, gzipped", f"{weight / 1e3:.0f} kB", "0.7 MB", WEIGHT / weight, 1.0)
            )
    return result


def _nothing(what: str, reason: str, ours: str = "") -> Row:
    return Row(what, ours, reason, NONE, NONE, counts=False)


def _fetch_stock(folder: Path) -> str:
    """Put html-manager, require.js and anywidget's front end into the folder; say why not, or nothing."""
    given = os.environ.get("HTML_MANAGER")
    if not given and not shutil.which("npm"):
        return "no html-manager: neither $HTML_MANAGER nor npm"
    for package, file in PACKAGES.items():
        if given:
            source = Path(given) / "node_modules" / package / file
        else:
            target = folder / "npm" / package
            target.mkdir(parents=True)
            command = f"npm pack --silent {package} && tar xzf *.tgz"
            done = subprocess.run(
                command, shell=True, cwd=target, capture_output=True, text=True, timeout=120
            )
            if done.returncode:
                return f"no html-manager: npm pack {package} failed"
            source = target / "package" / file
        if not source.exists():
            return f"no html-manager: {source} is missing"
        shutil.copy(source, folder / source.name)
    return ""


def _stock_page(folder: Path, widget: Widget) -> str:
    """The page that `ipywidgets.embed` makes, its CDN here."""
    version = widget.get_state()["_model_module_version"]
    front_end = folder / f"anywidget@{version}" / "dist" / "index.js"
    front_end.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(sys.prefix, "share/jupyter/nbextensions/anywidget/index.js"), front_end)
    snippet = embed_snippet(
        views=[widget], drop_defaults=False, requirejs=False, embed_url="embed-amd.js", cors=False
    )
    ours = '<script src="embed-amd.js" data-jupyter-widgets-cdn="/" data-jupyter-widgets-cdn-only'
    snippet = snippet.replace('<script src="embed-amd.js"', ours)
    head = "<meta charset=utf-8><title>Stock</title><script src=require.js></script>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{snippet}</body></html>"


@contextmanager
def _opened(browser: Browser, url: str) -> Iterator[Page]:
    """A page in a fresh profile that asks no other host; nothing stands between it and its server."""
    with fresh_page(browser) as page:
        page.add_init_script(WATCH)
        page.goto(url, wait_until="load")
        asked = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        here = url[: url.index("/", 8)]
        if foreign := [u for u in asked if not u.startswith((here, "blob:", "data:"))]:
            raise RuntimeError(f"{url} asks other hosts: {foreign}")
        yield page


def _alive(page: Page) -> float:
    """Milliseconds from the start of navigation until the page's explorable stood."""
    return float(page.wait_for_function("window.alive", timeout=30_000).json_value())


def _weight(page: Page, folder: Path) -> int:
    """Bytes of the page and all that it loads, each file gzipped, pictures and sound not counted."""
    asked = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
    paths = {unquote(urlsplit(u).path) for u in (page.url, *asked) if u.startswith("http")}
    files = [folder / p.lstrip("/") for p in sorted(paths) if not p.endswith(UNCOUNTED)]
    return sum(len(gzip.compress(f.read_bytes(), 6)) for f in files if f.is_file())
