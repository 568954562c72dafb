"""Serves the mathematics from the book itself: MathJax, copied from the wheel that carries it."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

WHEEL = "sphinx-mathjax-offline"
# 2 MB of the wheel's 24. Without the extensions one \boldsymbol leaves a page's mathematics unset.
PARTS = ("tex-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2")


def carried() -> Path:
    """The folder of MathJax within the installed wheel."""
    return Path(str(importlib.metadata.distribution(WHEEL).locate_file(f"{WHEEL}/static/mathjax")))


def use_local(app: Sphinx, config: Config) -> None:
    """Load MathJax from the book's own static files."""
    config.mathjax_path = "mathjax/tex-chtml.js"


def copy_parts(app: Sphinx, error: Exception | None) -> None:
    """Copy the parts that the pages use, once."""
    if error is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in PARTS:
        source, copy = carried() / part, target / part
        if copy.exists():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copyfile(source, copy)


def setup(app: Sphinx) -> None:
    """Use the local copy, and make it when the pages are written."""
    app.connect("config-inited", use_local)
    app.connect("build-finished", copy_parts)
