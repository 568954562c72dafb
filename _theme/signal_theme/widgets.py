"""Mounts explorables in the static page by the book's own loader: no kernel, no other host.

The stock page asks a distant server for ipywidgets' front end; an explorable brings its own module
along, in the state that stands in the page.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

VIEW = "application/vnd.jupyter.widget-view+json"


def use_own_loader(app: Sphinx, config: Config) -> None:
    """Keep myst-nb from adding the stock front end."""
    config.nb_ipywidgets_js = {}


def add_loader(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Add the loader to the pages that show an explorable, and to no other."""
    if VIEW in context.get("body", ""):
        app.add_js_file("static-widgets.js")


def setup(app: Sphinx) -> None:
    """Choose the loader, and put it where it is needed."""
    app.connect("config-inited", use_own_loader)
    app.connect("html-page-context", add_loader)
