"""The book's own Sphinx extension: what makes a Jupyter Book of chapters this book.

Each module does one thing: ``marks`` are a chapter's question, prediction and lab, ``fold`` folds
solutions away, ``edition`` leaves them out of the students' book, ``widgets`` mounts explorables
without a kernel, ``mathjax`` serves the mathematics from the book itself, ``ahead`` executes several
chapters at a time, ``cache`` keys executed cells by the code under them, ``address`` knows where the
book is published, ``meta`` is what pages say of themselves elsewhere, ``accessible`` mends what screen
readers stumble over, ``slim`` takes out of the pages what they do not use, ``unbroken`` holds a number
and its unit on one line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from . import (
    accessible,
    address,
    ahead,
    cache,
    edition,
    fold,
    marks,
    mathjax,
    meta,
    slim,
    unbroken,
    widgets,
)

HERE = Path(__file__).parent


def add_assets(app: Sphinx, config: Config) -> None:
    """List the theme's style sheet, script and templates."""
    config.html_static_path.append(str(HERE / "static"))
    config.templates_path.insert(0, str(HERE / "templates"))
    config.html_context = {**config.html_context, "default_mode": "auto"}
    config.html_sidebars = {
        "**": ["brand.html", "search-button-field.html", "sbt-sidebar-nav.html"]
    }
    app.add_css_file("book.css", priority=900)
    app.add_js_file("page.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect every part."""
    app.connect("config-inited", add_assets)
    for part in (
        accessible,
        address,
        ahead,
        cache,
        edition,
        fold,
        marks,
        mathjax,
        meta,
        slim,
        unbroken,
        widgets,
    ):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
