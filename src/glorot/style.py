"""How every figure of the book looks: colors, type, sizes, and the figure with its alternative text.

Figures are drawn once, in the light palette. Each color of that palette has a dark counterpart, so the dark
version is the same SVG with its colors exchanged: :func:`to_dark`.
"""

from __future__ import annotations

import io
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.figure import Figure

WIDTH = 5.2  # inches: with 10 pt type a figure of this width is set like its page, and legible on a phone

# light -> dark. Lines keep 3:1 and text 4.5:1 against their background (a test holds both).
INK = "#23211d"
MUTED = "#6a655b"
FAINT = "#d8d3c7"
PAPER = "#fffefa"
SHADE = "#efeadd"
ACCENT = "#a3341f"
_NEUTRAL = {
    INK: "#e9e5da",
    MUTED: "#a9a396",
    FAINT: "#47443d",
    PAPER: "#191815",
    SHADE: "#2b2924",
    ACCENT: "#f0876f",
}

SCHEME_COLORS = {
    "heuristic": "#d55e00",
    "lecun": "#6a3d9a",
    "glorot": "#0072b2",
    "he": "#009e73",
    "orthogonal": "#b85c90",
}
SCHEME_MARKERS = {"heuristic": "v", "lecun": "s", "glorot": "o", "he": "^", "orthogonal": "D"}
_SCHEME_DARK = dict(
    zip(
        SCHEME_COLORS.values(), ("#ff8a3d", "#b999e0", "#4da9e0", "#2cc295", "#e3a3c6"), strict=True
    )
)

# Layers from first to last: light to heavy on paper, so that depth reads as ink.
DEPTH_COLORS = (
    "#c07b00",
    "#bf5a1c",
    "#b03f37",
    "#96304f",
    "#772a60",
    "#562a69",
    "#372a66",
    "#1d2657",
)
_DEPTH_DARK = dict(
    zip(
        DEPTH_COLORS,
        ("#ffd98a", "#ffbe78", "#ff9f78", "#f58a8d", "#dd85ae", "#bd8ccb", "#9d99e0", "#8cabea"),
        strict=True,
    )
)

DARK = {**_NEUTRAL, **_SCHEME_DARK, **_DEPTH_DARK}


def scheme_color(name: str) -> str:
    """Return the color of a scheme or of one of its initializers.

    Args:
        name: ``"glorot"``, ``"glorot_uniform"``, …

    Raises:
        ValueError: for a name no scheme starts.

    Example:
        >>> scheme_color("he_normal") == SCHEME_COLORS["he"]
        True
    """
    return SCHEME_COLORS[_scheme_key(name)]


def scheme_marker(name: str) -> str:
    """Return the marker that goes with :func:`scheme_color`, so that color never stands alone."""
    return SCHEME_MARKERS[_scheme_key(name)]


def _scheme_key(name: str) -> str:
    key = str(name).split("_")[0].lower()
    if key not in SCHEME_COLORS:
        raise ValueError(f"name must start with one of {', '.join(SCHEME_COLORS)}; got {name!r}")
    return key


def depth_colors(depth: int) -> list[str]:
    """Return one color per layer, first to last, from the sequential map of depth.

    Example:
        >>> depth_colors(2) == [DEPTH_COLORS[0], DEPTH_COLORS[-1]]
        True
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth!r}")
    picks = np.linspace(0, len(DEPTH_COLORS) - 1, depth) if depth > 1 else [len(DEPTH_COLORS) - 1]
    return [DEPTH_COLORS[round(i)] for i in picks]


@cache
def _text_face() -> str:
    """Register the book's text face with matplotlib and return its family name."""
    family = "DejaVu Serif"
    for path in sorted((Path(__file__).parent / "assets").glob("*.ttf")):
        font_manager.fontManager.addfont(str(path))
        family = font_manager.FontProperties(fname=str(path)).get_name()
    return family


def book_style() -> AbstractContextManager[Any]:
    """Return the context in which figures of the book are made and rendered; nothing leaks out of it."""
    face = _text_face()
    return mpl.rc_context(
        {
            "font.family": [face, "DejaVu Sans"],
            "font.size": 10,
            "axes.labelsize": 10,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "axes.titleweight": "normal",
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "mathtext.fontset": "custom",
            "mathtext.rm": face,
            "mathtext.it": f"{face}:italic",
            "mathtext.bf": face,
            "mathtext.cal": f"{face}:italic",
            "mathtext.fallback": "stix",
            "figure.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "savefig.facecolor": PAPER,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": MUTED,
            "axes.titlecolor": INK,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.7,
            "axes.grid": False,
            "grid.color": FAINT,
            "grid.linewidth": 0.6,
            "axes.prop_cycle": cycler(color=[INK, ACCENT, *SCHEME_COLORS.values()]),
            "lines.linewidth": 1.3,
            "lines.markersize": 4.5,
            "xtick.minor.size": 0,
            "ytick.minor.size": 0,
            "xtick.major.width": 0.7,
            "ytick.major.width": 0.7,
            "svg.fonttype": "path",
            "svg.hashsalt": "glorot",
        }
    )


def new_figure(height: float) -> Figure:
    """Return an empty figure as wide as the column and ``height`` inches high; make it in :func:`book_style`.

    Example:
        >>> new_figure(3.0).get_size_inches().tolist() == [WIDTH, 3.0]
        True
    """
    return Figure(figsize=(WIDTH, height), layout="constrained")


def to_dark(svg: str) -> str:
    """Exchange the palette of an SVG drawn in :func:`book_style` for its dark counterpart.

    Example:
        >>> to_dark('<path fill="#fffefa"/>')
        '<path fill="#191815"/>'
    """
    return re.sub(r"#[0-9a-fA-F]{6}\b", lambda hit: DARK.get(hit[0].lower(), hit[0]), svg)


@dataclass(frozen=True)
class BookFigure:
    """A figure and the sentence that says what it shows, for those who do not see it.

    Displayed in a notebook it becomes one SVG whose metadata carry the alternative text.

    Args:
        figure: drawn inside :func:`book_style`.
        alt: what is plotted, its range, the finding; numbers taken from the result.

    Raises:
        ValueError: if the alternative text is empty.
    """

    figure: Figure
    alt: str
    _rendered: list[str] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError(f"alt must say what the figure shows, got {self.alt!r}")

    def svg(self) -> str:
        """Return the figure as SVG in the light palette; the same bytes for the same figure."""
        if not self._rendered:
            out = io.StringIO()
            with book_style():
                self.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
            self._rendered.append(out.getvalue())
        return self._rendered[0]

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict, dict]:
        return {"image/svg+xml": self.svg()}, {"image/svg+xml": {"alt": self.alt}}
