"""Mends what docutils and Sphinx write and a reader would stumble over."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

REPAIRS = (
    # ARIA 1.3 deprecates the role: an entry of a bibliography is an item of its list.
    (re.compile(r' role="doc-biblioentry"'), ' role="listitem"'),
    # The name of a control is what it shows: "Show the source".
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    # As attributes the size of a figure keeps its place and its shape, whatever the column's width.
    (
        re.compile(r'(<img [^>]*)style="width: (\d+)px; height: (\d+)px;"'),
        r'\1width="\2" height="\3"',
    ),
    # The other theme's render of a figure: a browser leaves it where it is until it is shown.
    (re.compile(r'<img (?=[^>]*class="[^"]*only-dark)'), '<img loading="lazy" '),
    # The settings of a live kernel, which the book does not have.
    (re.compile(r'<script type="text/x-thebe-config">.*?</script>', re.DOTALL), ""),
    (re.compile(r"<script>kernelName = .*?</script>"), ""),
)


def mend(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Repair the body of a page."""
    body = context.get("body", "")
    for fault, repair in REPAIRS:
        body = fault.sub(repair, body)
    context["body"] = body


def setup(app: Sphinx) -> None:
    """Run when the body of a page has been written."""
    app.connect("html-page-context", mend)
