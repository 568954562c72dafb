"""Keeps on one line what a reader reads as one: a number and its unit, a formula and the comma after it."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

NO_BREAK = "\N{NO-BREAK SPACE}"
UNIT = re.compile(r"(?<=\d) (?=(?:%|dB|kB|MB|GB|px)(?:\W|$))")
PRODUCT = re.compile(r"(?<=\d) × (?=\d)")
GLUED = re.compile(r"(?<=</span>) (?=(?:%|dB)\W)")
MATH = re.compile(
    r'([(\[“]?)(<span class="math notranslate nohighlight">[^<]*</span>)([.,;:!?)\]”’]*)'
)


def join_text(text: str) -> str:
    """Put a no-break space between a number and its unit, and around the sign between two numbers.

    >>> join_text("98 % of 3 × 2").count(NO_BREAK)
    3
    """
    return PRODUCT.sub(f"{NO_BREAK}×{NO_BREAK}", UNIT.sub(NO_BREAK, text))


def join_markup(body: str) -> str:
    """Do the same after a glued number, and hold a formula and its punctuation together.

    >>> join_markup('(<span class="math notranslate nohighlight">x</span>).')
    '<span class="unbroken">(<span class="math notranslate nohighlight">x</span>).</span>'
    """

    def hold(match: re.Match[str]) -> str:
        before, formula, after = match.groups()
        held = f"{before}{formula}{after}"
        return f'<span class="unbroken">{held}</span>' if before or after else held

    return MATH.sub(hold, GLUED.sub(NO_BREAK, body))


def join_words(app: Sphinx, doctree: nodes.document) -> None:
    """Join the prose of a document; code and formulas stay as they are."""
    for text in list(doctree.findall(nodes.Text)):
        node: Any = text.parent
        while node is not None:
            if isinstance(
                node, (nodes.literal, nodes.FixedTextElement, nodes.math, nodes.math_block)
            ):
                break
            node = node.parent
        else:
            if (joined := join_text(str(text))) != str(text):
                text.parent.replace(text, nodes.Text(joined))


def join_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Join the written page."""
    context["body"] = join_markup(context.get("body", ""))


def setup(app: Sphinx) -> None:
    """Run when a document has been read and when a page has been written."""
    app.connect("doctree-read", join_words)
    app.connect("html-page-context", join_page)
