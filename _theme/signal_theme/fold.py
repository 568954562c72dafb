"""Folds solutions away: prose and the cells that prove it under one line that opens both.

A solution is an admonition with the class ``dropdown``; code cells tagged ``solution`` that follow
it belong to it. Both become one ``<details>``, which works without a script and by keyboard.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxTranslator


class fold(nodes.General, nodes.Element):
    """A block that is closed at first; its ``summary`` is the line that opens it."""


def belongs(node: nodes.Node | None) -> bool:
    """Whether a node is a code cell that continues the solution before it."""
    return isinstance(node, nodes.container) and "tag_solution" in node["classes"]


def fold_solutions(app: Sphinx, doctree: nodes.document) -> None:
    """Replace every dropdown admonition, and the solution cells after it, by one fold."""
    for box in list(doctree.findall(nodes.admonition)):
        if "dropdown" not in box["classes"]:
            continue
        title = box.next_node(nodes.title)
        folded = fold(classes=[c for c in box["classes"] if c != "dropdown"])
        folded["summary"] = title.astext() if title is not None else "More"
        folded += [child for child in box.children if child is not title]
        parent = box.parent
        parent.replace(box, folded)
        after = parent.index(folded) + 1
        while after < len(parent) and belongs(parent[after]):
            cell = parent.pop(after)
            cell.attributes.pop("hide_mode", None)  # it is folded away already
            folded += cell


def open_fold(self: SphinxTranslator, node: fold) -> None:
    """Write the opening tags."""
    classes = " ".join(["fold", *node["classes"]])
    summary = self.encode(node["summary"])  # type: ignore[attr-defined]
    self.body.append(f'<details class="{classes}"><summary>{summary}</summary>\n')
    self.body.append('<div class="fold-content">\n')


def close_fold(self: SphinxTranslator, node: fold) -> None:
    """Write the closing tags."""
    self.body.append("</div></details>\n")


def unfolded(self: SphinxTranslator, node: fold) -> None:
    """Elsewhere than on a page nothing is folded: in print a solution stands open."""


def setup(app: Sphinx) -> None:
    """Register the node and the step that makes it."""
    app.add_node(
        fold, html=(open_fold, close_fold), latex=(unfolded, unfolded), text=(unfolded, unfolded)
    )
    app.connect("doctree-read", fold_solutions)
