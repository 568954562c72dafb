"""Parts that figures of several chapters share: layers, matrices, arrows, labels kept apart, numbers in words."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from glorot.style import ACCENT, INK, PAPER

__all__ = ["arrow", "box", "in_words", "keep_apart", "label"]

Point = tuple[float, float]


def box(
    ax: Axes, corner: Point, size: Point, face: str = PAPER, rounding: float = 0.1
) -> FancyBboxPatch:
    """Draw a box with round corners, the sign of a layer or of a weight matrix, and return it.

    Args:
        ax: where it is drawn.
        corner: its lower left corner.
        size: (width, height).
        face: color of its inside.
        rounding: radius of its corners.
    """
    style = f"round,pad=0,rounding_size={rounding}"
    patch = FancyBboxPatch(corner, *size, fc=face, ec=INK, lw=0.9, boxstyle=style)
    ax.add_patch(patch)
    return patch


def arrow(ax: Axes, start: Point, end: Point, width: float, dash: str = "-") -> None:
    """Draw a signal as an arrow: forward solid in ink, backward dashed in the accent color.

    Args:
        ax: where it is drawn.
        start: where it comes from.
        end: where it leads.
        width: in points; say, the amplitude of what it carries.
        dash: ``"-"`` for forward, ``"--"`` for backward.
    """
    forward = dash == "-"
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=8 + width,
            shrinkA=0,
            shrinkB=0,
            lw=width,
            ls="-" if forward else (0, (2.2, 1.1)),
            color=INK if forward else ACCENT,
            capstyle="butt",
            joinstyle="miter",
        )
    )


def keep_apart(places: np.ndarray, gap: float) -> np.ndarray:
    """Move labels down, highest first, until none is nearer than ``gap`` to the one above.

    Example:
        >>> keep_apart(np.array([0.50, 1.0, 0.48]), gap=0.1).tolist()
        [0.5, 1.0, 0.4]
    """
    moved = np.array(places, float)
    order = np.argsort(-moved, kind="stable")
    for above, below in pairwise(order):
        moved[below] = min(moved[below], moved[above] - gap)
    return moved


def label(
    ax: Axes,
    word: str,
    at: Point,
    color: str = INK,
    gap: Point = (6, 0),
    side: str = "left",
    size: float | None = None,
) -> None:
    """Write a word beside a point, in the color of what it names.

    Args:
        ax: where it is written.
        word: what is written.
        at: the point, in data units.
        color: of the word.
        gap: from the point to the word, in points right and up.
        side: edge of the word that the gap leads to: ``left``, ``right`` or ``center``.
        size: of the type, in points; None for the figure's own.
    """
    ax.annotate(
        word, at, gap, textcoords="offset points", ha=side, va="center", color=color, fontsize=size
    )


def in_words(value: float) -> str:
    """Return a number as an alternative text says it, powers of ten spelled out.

    Example:
        >>> in_words(12345.6), in_words(0.0415), in_words(-3e-7)
        ('12,346', '0.0415', '−3.0 times ten to the −7')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        text = f"{value:,.3g}" if abs(value) < 1e3 else f"{value:,.0f}"
        return text.replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} times ten to the {int(exponent)}".replace("-", "−")
