"""What Sphinx needs from the package: each figure in both themes, with its alternative text.

myst-nb finds :class:`FigureRenderer` by its entry point (``myst_nb.mime_renderers``). A figure says
what it shows in the metadata of its own output, ``{"image/svg+xml": {"alt": "..."}}``, which
survives the execution cache; the stock renderer drops it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from docutils import nodes

from glorot.style import to_dark

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class FigureRenderer:
    """Renders the images and explorables that cells show, each with the words of its metadata.

    An image without such text is reported as a warning, which fails the strict build.
    """

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = ()

    @staticmethod
    def handle_mime(renderer: Any, data: Any, inline: bool) -> list[nodes.Element] | None:
        """Give myst-nb the nodes of one output, or None for what is no image.

        Args:
            renderer: myst-nb's element renderer, which writes the file.
            data: One output: its ``mime_type``, its content and its metadata.
            inline: Whether the output stands within a line of text (images render alike).

        Returns:
            The nodes of the image with ``alt`` set, or None: another renderer is then asked.
        """
        if data.mime_type == WIDGET_VIEW:
            return [place(renderer, data)]
        if not data.mime_type.startswith("image/"):
            return None
        rendered = [image for render in renders(data) for image in draw(renderer, *render)]
        if not all(image.get("alt", "").strip() for image in rendered):
            renderer.logger.warning(
                "a figure has no alternative text: show a BookFigure, or set mystnb.image.alt",
                subtype="alt",
                line=data.line,
            )
        return rendered


def renders(data: Any) -> list[tuple[Any, str]]:
    """One output as it is shown in each theme: pairs of an output and the class of its image.

    A drawing in the book's palette has a dark counterpart (:func:`glorot.style.to_dark`); any other
    image is shown as it is, on its own ground, in both themes.
    """
    if data.mime_type != "image/svg+xml" or (dark := to_dark(data.string)) == data.string:
        return [(data, "")]
    return [(data, "only-light"), (dataclasses.replace(data, content=dark), "only-dark")]


def measures(svg: str) -> dict[str, str]:
    """The size of a drawing in pixels, so that its place is kept before it has come.

    >>> measures('<svg height="216pt" version="1.1" width="374.4pt">')
    {'width': '499', 'height': '288'}
    """
    head = svg[: svg.find(">", svg.find("<svg")) + 1]
    sizes = {side: re.search(rf'\b{side}="([\d.]+)pt"', head) for side in ("width", "height")}
    return {side: f"{float(hit[1]) * 4 / 3:.0f}" for side, hit in sizes.items() if hit}


def draw(renderer: Any, data: Any, theme: str) -> list[nodes.Element]:
    """The nodes of one image, with the alternative text of its output's metadata."""
    rendered: list[nodes.Element] = renderer.render_image(data)
    size = measures(data.string) if data.mime_type == "image/svg+xml" else {}
    text = str(data.output_metadata.get(data.mime_type, {}).get("alt", "")).strip()
    for image in (image for node in rendered for image in node.findall(nodes.image)):
        image["classes"] = [*image["classes"], *theme.split()]
        image.attributes |= {side: image.get(side, value) for side, value in size.items()}
        if text:
            image["alt"] = text
    return rendered


def place(renderer: Any, data: Any) -> nodes.Element:
    """The place of an explorable: its view, and behind it what stands on paper and without scripts.

    The still picture (``{"still": svg, "alt": words}``) or markup (``{"markup": html}``) comes with the
    metadata of the view; a view without either stands alone.
    """
    view = nodes.container(classes=["explorable-place"])
    view += renderer.render_widget_view(data)
    words = data.output_metadata.get(WIDGET_VIEW, {})
    still = nodes.container(classes=["explorable-still"])
    if "markup" in words:
        still += nodes.raw("", words["markup"], format="html")
    elif "still" in words:
        picture = dataclasses.replace(
            data,
            mime_type="image/svg+xml",
            content=words["still"],
            output_metadata={"image/svg+xml": {"alt": words["alt"]}},
        )
        still += [image for render in renders(picture) for image in draw(renderer, *render)]
    if still.children:
        view += still
    return view
