"""The edition of the book: the full one, or the students', in which there are no solutions.

``EDITION=student`` (or ``book_edition`` in the configuration) takes out every admonition of class
``solution`` and every cell tagged ``solution``. Solutions are executed all the same, in both editions
from the same cache, and leave the document before anything is collected from it: pages, search index,
pictures and downloads never see them.
"""

from __future__ import annotations

import os
from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.transforms import SphinxTransform

EDITIONS = ("full", "student")


def is_solution(node: nodes.Node) -> bool:
    """Whether a node is a solution's prose, or a code cell of one."""
    if not isinstance(node, nodes.Element):
        return False
    prose = isinstance(node, nodes.admonition) and "solution" in node["classes"]
    return prose or (isinstance(node, nodes.container) and "tag_solution" in node["classes"])


def leave_out_solutions(doctree: nodes.document) -> None:
    """Take every solution out of a document."""
    for node in list(doctree.findall(is_solution)):
        if node.parent is not None:
            node.parent.remove(node)


class LeaveOutSolutions(SphinxTransform):
    """Runs before labels, pictures and search terms are collected (Sphinx does so from 850 on)."""

    default_priority: ClassVar[int] = 100

    def apply(self, **kwargs: object) -> None:
        """Leave solutions out of the students' edition."""
        if self.config.book_edition == "student":
            leave_out_solutions(self.document)


def choose(app: Sphinx, config: Config) -> None:
    """Let the environment choose where the configuration does not.

    Raises:
        ConfigError: if there is no such edition.
    """
    config.book_edition = config.book_edition or os.environ.get("EDITION") or "full"
    if config.book_edition not in EDITIONS:
        raise ConfigError(f"EDITION must be one of {EDITIONS}, got {config.book_edition!r}")


def hide_source(app: Sphinx, config: Config) -> None:
    """Show students no link to a chapter's source, where its solutions stand."""
    if config.book_edition == "student":
        buttons = ("use_repository_button", "use_edit_page_button", "use_issues_button")
        for name in ("repository_url", *buttons):
            config.html_theme_options.pop(name, None)


def setup(app: Sphinx) -> None:
    """Register the setting before links are set (400), and the step."""
    app.add_config_value("book_edition", "", "env", types=(str,))
    app.connect("config-inited", choose, priority=300)
    app.connect("config-inited", hide_source, priority=450)
    app.add_transform(LeaveOutSolutions)
