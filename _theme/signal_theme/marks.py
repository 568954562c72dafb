"""The book's own marks: a chapter's question, a prediction to commit to, a lab to open.

* ``question:`` in a chapter's front matter stands under its title.
* ``:::{predict}`` asks the reader to commit to an answer before the code gives it.
* ``:::{lab} saturation-lab`` leads to ``notebooks/saturation-lab.ipynb``: a file to download, and
  Binder and Colab where the repository's address is known.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from .address import binder_address, colab_address


def show_question(app: Sphinx, doctree: nodes.document) -> None:
    """Put the question of a chapter's front matter under its title."""
    question = app.env.metadata[app.env.docname].get("question")
    title = next(iter(doctree.findall(nodes.title)), None)
    if question and title is not None:
        section = title.parent
        line = nodes.paragraph("", question, classes=["question"])
        section.insert(section.index(title) + 1, line)


class Predict(SphinxDirective):
    """A box that asks for a number or a sketch before the truth appears below it."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """The box; its title may be given as the argument."""
        title = self.arguments[0] if self.arguments else "Predict before you run"
        box = nodes.admonition(classes=["predict"])
        words, messages = self.state.inline_text(title, self.lineno)
        box += [nodes.title(title, "", *words), *messages]
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box]


class Lab(SphinxDirective):
    """The way from a chapter to its lab; what the lab is for stands in the content."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The box with its links."""
        name = self.arguments[0]
        box = nodes.container(classes=["lab"])
        box += nodes.paragraph("", "Lab", classes=["lab-title"])
        self.state.nested_parse(self.content, self.content_offset, box)
        box += self.links(name, f"notebooks/{name}.ipynb")
        return [box]

    def links(self, name: str, path: str) -> nodes.paragraph:
        """One line that says how the notebook is opened."""
        line = nodes.paragraph("", "Download ", classes=["lab-links"])
        file = nodes.inline("", f"{name}.ipynb")
        line += addnodes.download_reference(
            "", "", file, refdoc=self.env.docname, reftarget=f"/{path}"
        )
        binder = binder_address(self.config, Path(self.env.srcdir), path)
        colab = colab_address(self.config, path)
        if binder:
            line += nodes.Text(", " if colab else ", or ")
            line += nodes.reference("", "open it on Binder", refuri=binder)
        if colab:
            line += nodes.Text(", or ")
            line += nodes.reference("", "open it in Colab", refuri=colab)
            line += nodes.Text(" and begin there with ")
            line += nodes.literal("", f"%pip install git+{self.config.book_repository}")
        if not (binder or colab):
            line += nodes.Text(", or open it from a clone of the book with ")
            line += nodes.literal("", "make labs")
        line += nodes.Text(".")
        return line


def setup(app: Sphinx) -> None:
    """Register the marks; the question needs the front matter that Sphinx collects at 500."""
    app.add_directive("predict", Predict)
    app.add_directive("lab", Lab)
    app.connect("doctree-read", show_question, priority=600)
