"""Takes out of the theme's pages what a static book does not use.

The stock page weighs 855 kB compressed, most of it an icon font in two forms; the icons that the
book does show are drawn by its style sheet.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

UNUSED = re.compile(
    r"\s*<(?:script|link)\b[^>]*(?:fontawesome|sphinx-thebe|design-tabs|togglebutton)[^>]*>(?:</script>)?"
)
SEARCH = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)
FILES = ("sphinx-thebe", "design-tabs", "togglebutton")
INLINE = ("const THEBE_JS_URL", "let toggle", "var togglebutton")
# The theme's scripts tell the console about every page; what they tell it is turned into a void.
CHATTY = (
    "_static/scripts/pydata-sphinx-theme.js",
    "_static/scripts/sphinx-book-theme.js",
    "_static/searchtools.js",
    "search.html",
)
CHATTER = re.compile(r"console\.(?:log|info|debug)\(")


def slim(html: str) -> str:
    """The head of a page without the icon font and without the index of the search."""
    return SEARCH.sub("", UNUSED.sub("", html))


def add_filter(app: Sphinx) -> None:
    """Let the template call :func:`slim`."""
    if app.builder.format == "html":
        app.builder.templates.environment.filters["slim"] = slim  # type: ignore[attr-defined]


def used(script: Any) -> bool:
    """Whether a static book has any use for a script or a style sheet."""
    name, body = str(script.filename or ""), script.attributes.get("body", "")
    return not any(part in name for part in FILES) and not body.startswith(INLINE)


def drop_unused(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Keep each script once, and none that belongs to a kernel."""
    seen: dict[tuple[str, tuple[tuple[str, str], ...]], Any] = {}
    for script in filter(used, context["script_files"]):
        seen.setdefault((script.filename or "", tuple(sorted(script.attributes.items()))), script)
    context["script_files"][:] = list(seen.values())
    context["css_files"][:] = [sheet for sheet in context["css_files"] if used(sheet)]


def silence(app: Sphinx, error: Exception | None) -> None:
    """Keep the browser's console for what goes wrong."""
    if error is not None or app.builder.format != "html":
        return
    for name in CHATTY:
        path = Path(app.outdir) / name
        path.write_text(CHATTER.sub("void(", path.read_text("utf-8")), "utf-8")


def setup(app: Sphinx) -> None:
    """Run after the theme has listed its files."""
    app.connect("builder-inited", add_filter)
    app.connect("html-page-context", drop_unused, priority=900)
    app.connect("build-finished", silence)
