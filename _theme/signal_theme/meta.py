"""What a page says of itself to search engines and to those who share it, and the map of the site.

A page's ``question`` is its description; ``keywords`` in its front matter are its own, else the book's. An
address that is not known (see ``address``) is left out, and without one there is no map of the site.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

CARD = "_static/card.png"


def describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add description, keywords and a card's data to the head of a page."""
    if doctree is None:  # search, index and the like
        return
    own, config = app.env.metadata[page], app.config
    title = str(app.env.titles[page].astext())
    description = (
        f"{own['question']} {config.book_promise}" if "question" in own else config.book_promise
    )
    named = {"description": description, "keywords": own.get("keywords", config.book_keywords),
             "twitter:card": "summary_large_image"}  # fmt: skip
    shared = {"og:type": "book" if page == config.root_doc else "article", "og:site_name": config.html_title,
              "og:title": title, "og:description": description}  # fmt: skip
    if site := config.html_baseurl:
        shared |= {"og:url": f"{site}{page}.html", "og:image": f"{site}{CARD}",
                   "og:image:alt": config.book_card_alt}  # fmt: skip
    context["metatags"] = context.get("metatags", "") + "\n".join(
        [f'<meta name="{key}" content="{html.escape(value)}">' for key, value in named.items()]
        + [
            f'<meta property="{key}" content="{html.escape(value)}">'
            for key, value in shared.items()
        ]
    )


def draw_card(app: Sphinx, error: Exception | None) -> None:
    """Draw the picture that stands beside a shared link: the front page's three nets."""
    if error is None and app.builder.format == "html":
        from glorot.figures.front import WIDTH, card, three_nets
        from glorot.initializers import glorot_normal

        rows = three_nets(glorot_normal.variance((WIDTH, WIDTH)) ** 0.5)
        card(app.config.html_title, rows).savefig(Path(app.outdir) / CARD)


def map_site(app: Sphinx, error: Exception | None) -> None:
    """List every page, where the site's address is known."""
    site = app.config.html_baseurl
    if error is not None or app.builder.format != "html" or not site:
        return
    places = "".join(
        f"<url><loc>{escape(f'{site}{page}.html')}</loc></url>"
        for page in sorted(app.env.found_docs)
    )
    (Path(app.outdir) / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>\n', "utf-8"
    )  # fmt: skip


def lead_home(app: Sphinx, config: Config) -> None:
    """Let the page for what is not found lead home from any depth of the site."""
    site = config.html_baseurl
    config.notfound_urls_prefix = f"/{site.split('/', 3)[3]}" if site else "/"


def setup(app: Sphinx) -> None:
    """Register the words that describe the book, and connect."""
    for name in ("book_promise", "book_keywords", "book_card_alt"):
        app.add_config_value(name, "", "html", types=(str,))
    app.setup_extension("notfound.extension")
    app.connect("config-inited", lead_home, priority=410)
    app.connect("html-page-context", describe)
    app.connect("build-finished", draw_card)
    app.connect("build-finished", map_site)
