"""Figures of the chapter *One number, four spellings*.

Each function takes what was drawn and what was promised and returns the picture with its alternative text.
Schemes keep their colors and markers; a uniform distribution is an open marker, a normal one a filled one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from glorot.figures.parts import in_words, label
from glorot.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    SCHEME_COLORS,
    BookFigure,
    book_style,
    new_figure,
    scheme_color,
    scheme_marker,
)

__all__ = ["Cell", "Line", "Mistake", "defaults", "mistakes", "ratios", "what_do_i_type"]

_SCHEME_WORDS = {"heuristic": "standard", "lecun": "LeCun", "glorot": "Glorot", "he": "He"}


@dataclass(frozen=True)
class Cell:
    """What a framework drew for a layer under a scheme, in units of the book's variance.

    Args:
        layer: printed as the panel's title.
        framework: printed as the row.
        scheme: ``"he_normal"``, …
        predicted: from the fans that the framework counts.
        measured: mean square of the weights that its code drew.
    """

    layer: str
    framework: str
    scheme: str
    predicted: float
    measured: float


def ratios(cells: Sequence[Cell]) -> BookFigure:
    """Draw the variance that each line of code draws over the book's, a panel for each kind of layer."""
    layers = list(dict.fromkeys(cell.layer for cell in cells))
    frameworks = list(dict.fromkeys(cell.framework for cell in cells))
    with book_style():
        figure = new_figure(1.55 * len(layers) + 0.5)
        panels = figure.subplots(len(layers), 1, sharex=True, squeeze=False)[:, 0]
        for ax, layer in zip(panels, layers, strict=True):
            _draw_layer(ax, [cell for cell in cells if cell.layer == layer], frameworks)
            ax.set_title(layer)
        panels[-1].set_xscale("log", base=2)
        places = [1 / 4, 1 / 2, 1, 2, 4]
        panels[-1].set_xticks(places, ["1/4", "1/2", "1", "2", "4"])
        panels[-1].set(xlabel="variance drawn / variance of the book", xlim=(0.2, 5.2))
        handles = [
            Line2D([], [], ls="", marker=scheme_marker(key), color=scheme_color(key), label=word)
            for key, word in _SCHEME_WORDS.items()
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=4, handletextpad=0.2)
    return BookFigure(figure, _ratio_words(cells))


def _draw_layer(ax: Axes, cells: Sequence[Cell], frameworks: Sequence[str]) -> None:
    ax.axvline(1, color=FAINT, lw=0.9, zorder=0)
    for row, framework in enumerate(frameworks):
        mine = [cell for cell in cells if cell.framework == framework]
        for place, cell in enumerate(mine):
            y = row + 0.72 * ((place + 0.5) / len(mine) - 0.5)
            color, face = scheme_color(cell.scheme), scheme_color(cell.scheme)
            ax.plot([cell.predicted] * 2, [y - 0.09, y + 0.09], "-", color=INK, lw=0.9)
            ax.plot(
                cell.measured,
                y,
                scheme_marker(cell.scheme),
                color=color,
                mfc="none" if cell.scheme.endswith("uniform") else face,
                ms=4,
            )
    ax.set_yticks(range(len(frameworks)), frameworks)
    ax.set_ylim(len(frameworks) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)


def _ratio_words(cells: Sequence[Cell]) -> str:
    odd: dict[str, list[float]] = {}
    for cell in cells:
        if abs(np.log(cell.predicted)) > 1e-6:
            odd.setdefault(f"{cell.layer}, {cell.framework}", []).append(cell.measured)
    others = [cell.measured for cell in cells if abs(np.log(cell.predicted)) <= 1e-6]
    told = "; ".join(f"{where}: {min(v):.2f} to {max(v):.2f}" for where, v in odd.items())
    return (
        f"Variance of the weights that {len(cells)} recipes drew, over the book's, in panels by layer and rows "
        f"by framework. {len(others)} lie between {min(others):.2f} and {max(others):.2f}. "
        f"Where the framework counts other fans the points lie on the predicted marks elsewhere. {told}."
    )


@dataclass(frozen=True)
class Line:
    """One quantity by layer.

    Args:
        predicted: shape (L,).
        measured: shape (nets, L).
        kind: ``"signal"`` or ``"difference"``.
    """

    predicted: np.ndarray
    measured: np.ndarray
    kind: str = "signal"


def defaults(lines: Mapping[str, Line], width: int) -> BookFigure:
    """Draw what deep ReLU nets under a framework's defaults do to a signal, by layer.

    Args:
        lines: by the words that stand beside a line.
        width: units per layer.
    """
    colors = (INK, MUTED, SCHEME_COLORS["glorot"], ACCENT)
    with book_style():
        figure = new_figure(3.5)
        ax = figure.subplots()
        for (name, line), color in zip(lines.items(), colors, strict=False):
            layers = np.arange(1, len(line.predicted) + 1)
            marker = "s" if line.kind == "difference" else "o"
            low, high = np.quantile(line.measured, (0.1, 0.9), axis=0)
            ax.fill_between(layers, low, high, color=color, alpha=0.15, lw=0)
            dash = "--" if line.kind == "difference" else "-"
            ax.semilogy(layers, line.predicted, dash, color=color, lw=0.9)
            ax.semilogy(layers, line.measured.mean(axis=0), marker, color=color, ms=3)
            label(ax, name, (layers[-1], line.predicted[-1]), color, (7, 0))
        ax.set_xlim(0, 1.5 * len(layers))
        ax.set_xticks(np.arange(0, len(layers) + 1, 10))
        ax.set(xlabel="layer $l$", ylabel="mean square")
    ends = "; ".join(
        f"{name.replace(chr(10), ' ')} ends at {in_words(float(line.measured[:, -1].mean()))}, predicted "
        f"{in_words(float(line.predicted[-1]))}"
        for name, line in lines.items()
    )
    return BookFigure(
        figure,
        f"Mean square by layer in ReLU nets of {len(layers)} layers of {width} units, points the mean of "
        f"{len(line.measured)} nets, on a log axis: {ends}.",
    )


@dataclass(frozen=True)
class Mistake:
    """A layer whose fans are misread: variance after it over variance before, predicted and measured."""

    predicted: float
    measured: float


def mistakes(found: Mapping[str, Mistake]) -> BookFigure:
    """Draw what misread fans do to the variance after a layer.

    Args:
        found: by the words that name the layer.
    """
    with book_style():
        figure = new_figure(0.5 * len(found) + 0.8)
        ax = figure.subplots()
        ax.axvline(1, color=FAINT, lw=0.9, zorder=0)
        for row, one in enumerate(found.values()):
            ax.plot([1, one.predicted], [row, row], "-", color=FAINT, lw=3)
            ax.plot([one.predicted] * 2, [row - 0.3, row + 0.3], "-", color=INK, lw=0.9)
            ax.plot(one.measured, row, "o", color=ACCENT, ms=5)
            up = one.predicted > 1
            label(
                ax,
                f"{one.measured:.2g}",
                (one.measured, row),
                INK,
                (8 if up else -8, 0),
                "left" if up else "right",
            )
        ax.set_xscale("log")
        ax.set_xlim(0.01, 12)
        ax.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
        ax.set_yticks(range(len(found)), list(found))
        ax.set_ylim(len(found) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel("variance over what the scheme means")
    told = "; ".join(
        f"{name.replace(chr(10), ' ')} {one.measured:.2g}, predicted {one.predicted:.2g}"
        for name, one in found.items()
    )
    return BookFigure(
        figure, f"Variance of layers whose fans are misread, over what the scheme means: {told}."
    )


def what_do_i_type(rows: Mapping[str, tuple[float, float]], title: str) -> BookFigure:
    """Draw the standard deviation and the bound of one layer in each framework.

    Args:
        rows: by framework, (std, bound); a bound may be infinite.
        title: says which layer and scheme.
    """
    with book_style():
        figure = new_figure(0.42 * len(rows) + 1.0)
        ax = figure.subplots()
        for row, (std, bound) in enumerate(rows.values()):
            ax.semilogx(std, row, "o", color=INK)
            if np.isfinite(bound):
                ax.semilogx([std, bound], [row, row], "-", color=FAINT, zorder=0)
                ax.semilogx(bound, row, "|", color=ACCENT, ms=12)
        ax.set_yticks(range(len(rows)), list(rows))
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(1e-3, 1)
        ax.set(title=title, xlabel="size of a weight: standard deviation (dot), bound (stroke)")
    told = "; ".join(
        f"{name} std {std:.3g}, " + (f"bound {bound:.3g}" if np.isfinite(bound) else "no bound")
        for name, (std, bound) in rows.items()
    )
    return BookFigure(figure, f"{title}: {told}.")
