"""Takes the README's pictures from the built book, after `make book`: ``.venv/bin/python -m _theme.readme``."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from _theme.chromium import find_browser
from tests.browser.contract import commit
from tests.browser.harness import fresh_page, launched, served

ROOT = Path(__file__).resolve().parent.parent
GAP, GROUND = 24, "#d8d3c7"
# Picture -> on a wide screen, then on a phone in the dark: the page, and what stands at the window's top.
PICTURES = {
    "readme.png": (("intro", "h1"), ("chapters/microphone", ".explorable")),
    "readme-explorable.png": (
        ("chapters/limits", ".explorable:has(image)"),
        ("chapters/reproduction", ".explorable"),
    ),
}


def shot(browser: Browser, url: str, target: str, width: int, theme: str, file: Path) -> Path:
    """Take a window's picture; an explorable in it has been answered."""
    with fresh_page(browser, theme, width) as page:
        page.goto(url)
        page.wait_for_load_state("networkidle")
        page.evaluate("window.MathJax?.startup?.promise")
        place = page.locator(target).first
        if target.startswith(".explorable"):
            commit(place)
        place.evaluate("place => scrollTo(0, place.getBoundingClientRect().top + scrollY - 90)")
        page.wait_for_timeout(500)
        page.screenshot(path=file)
    return file


def beside(files: list[Path], into: Path) -> None:
    """Put pictures of one height side by side, in no more colors than the book has."""
    shown = [Image.open(file) for file in files]
    whole = Image.new("RGB", (sum(one.width + GAP for one in shown) - GAP, shown[0].height), GROUND)
    left = 0
    for one in shown:
        whole.paste(one, (left, 0))
        left += one.width + GAP
    whole.quantize(96).save(into, optimize=True)


def main() -> None:
    """Take every picture anew."""
    path = find_browser()
    if path is None:
        raise SystemExit("no Chromium or Chrome was found on this machine")
    with (
        served(ROOT / "_build" / "html") as address,
        sync_playwright() as playwright,
        launched(playwright, path) as browser,
    ):
        for name, ((wide, top), (narrow, place)) in PICTURES.items():
            build = ROOT / "_build"
            files = [
                shot(browser, f"{address}/{wide}.html", top, 1040, "light", build / f"wide-{name}"),
                shot(
                    browser, f"{address}/{narrow}.html", place, 375, "dark", build / f"phone-{name}"
                ),
            ]
            beside(files, ROOT / "_theme" / name)


if __name__ == "__main__":
    main()
