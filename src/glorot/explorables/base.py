"""What all explorables have in common: one anywidget each, its numbers in traits, its drawing in a module file.

An explorable works without a kernel: everything that the page needs is in its state when the cell has run. Its
module may not import anything, so the shared drawing code, ``kit.js``, is put in front of it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from glorot import style

_HERE = Path(__file__).parent
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Case:
    """One check of arithmetic done in JavaScript against Python.

    Args:
        function: name under which the module's default export lists the function in ``arithmetic``.
        arguments: what it is called with, as JSON knows it.
        expected: what Python computes, a number or nested lists of numbers.
    """

    function: str
    arguments: list[Any]
    expected: Any


def _scheme_variables() -> str:
    """The colors of the schemes as CSS variables, in both themes."""
    light = "".join(f"--{name}:{color};" for name, color in style.SCHEME_COLORS.items())
    dark = "".join(f"--{name}:{style.DARK[color]};" for name, color in style.SCHEME_COLORS.items())
    depth = "".join(f"--depth-{i}:{color};" for i, color in enumerate(style.DEPTH_COLORS))
    night = "".join(
        f"--depth-{i}:{style.DARK[color]};" for i, color in enumerate(style.DEPTH_COLORS)
    )
    themes = 'html[data-theme="dark"] .explorable,body[data-jp-theme-light="false"] .explorable'
    accent = f"--accent:{style.DARK[style.ACCENT]};"
    return f".explorable{{{light}{depth}}}\n{themes}{{{dark}{night}{accent}}}\n"


class Explorable(anywidget.AnyWidget):
    """The base of all explorables.

    A subclass names its ``module``, a file of this folder that exports ``default {render, arithmetic}``
    and stands on the files in ``shared``, holds its numbers in synchronized traits and says, in
    :meth:`still`, what print and a browser without scripts show instead.
    """

    module: ClassVar[str] = ""
    shared: ClassVar[tuple[str, ...]] = ("kit.js",)
    seed = traitlets.Int(1).tag(sync=True)

    def __init_subclass__(cls) -> None:
        if "module" in cls.__dict__:  # not for the classes that anywidget derives to add its traits
            parts = (*cls.shared, cls.module)
            cls._esm = "\n".join((_HERE / part).read_text(encoding="utf-8") for part in parts)
            cls._css = _scheme_variables() + (_HERE / "kit.css").read_text(encoding="utf-8")
        super().__init_subclass__()

    def still(self) -> style.BookFigure:
        """Return the figure that stands for this explorable on paper and without scripts."""
        raise NotImplementedError

    def still_markup(self) -> str:
        """Return HTML that stands for it instead of a figure; empty where :meth:`still` does."""
        return ""

    def cases(self) -> list[Case]:
        """Return at least twenty checks of the module's arithmetic against Python."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict, dict]:
        """Add the still figure to the view, as metadata: the book's renderer puts it on the page."""
        data, metadata = super()._repr_mimebundle_() or ({}, {})
        if markup := self.still_markup():
            return data, {**metadata, _WIDGET_VIEW: {"markup": markup}}
        still = self.still()
        return data, {**metadata, _WIDGET_VIEW: {"still": still.svg(), "alt": still.alt}}
