"""The cheat sheet fits one sheet of A4 when it is printed."""

from __future__ import annotations

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.build]


def sheets(pdf: bytes) -> int:
    """How many pages a PDF has."""
    return len(re.findall(rb"/Type\s*/Page(?![s\w])", pdf))


def test_the_cheat_sheet_prints_on_one_sheet(visit, address):
    page = visit(f"{address}/appendices/cheat-sheet.html").page
    assert sheets(page.pdf(format="A4", prefer_css_page_size=True)) == 1


def test_all_of_it_is_on_the_sheet(visit, address):
    page = visit(f"{address}/appendices/cheat-sheet.html").page
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 710, "height": 1040})  # 188 mm of A4, in CSS pixels
    right = "nodes => nodes.map(node => node.getBoundingClientRect().right)"
    assert max(page.locator(".bd-article table").evaluate_all(right)) <= 710


def test_a_page_that_is_longer_is_counted(visit, address):
    page = visit(f"{address}/chapters/in-your-framework.html").page
    assert sheets(page.pdf(format="A4")) > 3
