"""Figures of the chapter *What a bend costs*.

Each function takes what was predicted and what was measured and returns the picture with its
alternative text. Forward is a solid line, backward a dashed one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from glorot.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    PAPER,
    SCHEME_COLORS,
    SCHEME_MARKERS,
    BookFigure,
    book_style,
    new_figure,
)

__all__ = [
    "Factor",
    "Grid",
    "Series",
    "Shares",
    "both_ways",
    "factors",
    "learned_map",
    "shares",
    "start_map",
    "straying",
]

_LOOKS = {
    "LeCun": (SCHEME_COLORS["lecun"], SCHEME_MARKERS["lecun"]),
    "He": (SCHEME_COLORS["he"], SCHEME_MARKERS["he"]),
    "gain 1": (SCHEME_COLORS["glorot"], SCHEME_MARKERS["glorot"]),
    "gain 5/3": (ACCENT, "P"),
}
_LINES = (
    (SCHEME_COLORS["he"], "^"),
    (SCHEME_COLORS["lecun"], "s"),
    (SCHEME_COLORS["glorot"], "o"),
    (ACCENT, "P"),
    (SCHEME_COLORS["heuristic"], "v"),
    (MUTED, "X"),
    (SCHEME_COLORS["orthogonal"], "D"),
)
_PARTS = (  # of what is passed on: name, color, opacity, and where the name stands
    ("constant", MUTED, 0.75, 0.0, "left"),
    ("linear", SCHEME_COLORS["glorot"], 0.45, 0.5, "center"),
    ("bent", ACCENT, 0.8, 1.0, "right"),
)
_WAYS = {"forward": "signal at the top", "backward": "gradient at the bottom"}
_SCHEME_WORDS = {"heuristic": "std", "lecun": "L", "glorot": "G", "he": "He", "own": "own"}
_WORDS = {
    "identity": "none",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
}
_SIDES = {  # of a label beside its point: offset in points, horizontal and vertical alignment
    "above": ((0, 6), "center", "bottom"),
    "below": ((0, -6), "center", "top"),
    "right": ((9, 0), "left", "center"),
}
_FIRST_ORDER = 2.5  # variance of a logarithm up to which the band is drawn
_TROUBLE = 3.0  # decades from 1 beyond which a signal or a gradient is marked
_DECADES = 12.0  # from 1 at which the map's colors end


# ----------------------------------------------------------------------------- layer after layer


# eq=False: comparing arrays with == has no single truth value.
@dataclass(frozen=True, eq=False)
class Series:
    """A second moment layer by layer.

    Args:
        name: how it is labeled; known names have a color and a marker.
        predicted: shape (L,).
        measured: of several drawn nets, shape (draws, L).
        logs: predicted mean and variance of one net's logarithm, each (L,), where they are known.
    """

    name: str
    predicted: np.ndarray
    measured: np.ndarray
    logs: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def typical(self) -> np.ndarray:
        """Geometric mean over the drawn nets, (L,)."""
        return np.exp(np.log(self.measured).mean(axis=0))

    @property
    def band(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Between which values eight nets of ten should lie."""
        if self.logs is None:
            return None
        mean, reach = self.logs[0], 1.2816 * np.sqrt(self.logs[1])
        low, high = (np.exp(np.clip(mean + s * reach, -200, 200)) for s in (-1, 1))
        return low, high


def both_ways(up: Sequence[Series], down: Sequence[Series], title: str) -> BookFigure:
    """Draw second moments of signals and of gradients by layer, prediction and nets.

    Args:
        up: signals, one series per start.
        down: gradients relative to the last layer's, the same starts.
        title: what the layers are made of.
    """
    with book_style():
        figure = new_figure(5.0)
        axes = figure.subplots(2, 1, sharex=True)
        for ax, group, dash in zip(axes, (up, down), ("-", "--"), strict=True):
            for series in group:
                _draw_series(ax, series, dash)
            ax.axhline(1, color=FAINT, lw=0.9, zorder=0)
        _label_both_ways(axes, up, down)
        axes[0].set_title(title)
    return BookFigure(figure, _both_ways_words(up, down, title))


def _label_both_ways(axes: Sequence[Axes], up: Sequence[Series], down: Sequence[Series]) -> None:
    layers = len(up[0].predicted)
    for series in up:
        _label(axes[0], series, (layers, series.predicted[-1]), "left")
    for series in down:
        _label(axes[1], series, (1, series.predicted[0]), "right")
    axes[0].set(ylabel="forward, $E[z_l^2]$")
    axes[1].set(ylabel="backward, $E[\\delta_l^2]/E[\\delta_L^2]$", xlabel="layer $l$")
    margin = (0.05 + 0.026 * max(len(series.name) for series in up)) * layers
    axes[1].set_xlim(1 - margin, layers + margin)
    axes[1].set_xticks([1, *range(10, layers + 1, 10)])


def _both_ways_words(up: Sequence[Series], down: Sequence[Series], title: str) -> str:
    ends = "; ".join(
        f"{u.name}: forward to {u.typical[-1]:.2g}, backward to {d.typical[0]:.2g}"
        for u, d in zip(up, down, strict=True)
    )
    return (
        f"Second moments by layer for {title}, log scale: points, the typical of "
        f"{len(up[0].measured)} nets with bars that hold eight of ten, on the predicted lines. {ends}."
    )


def _draw_series(ax: Axes, series: Series, dash: str) -> None:
    color, marker = _LOOKS[series.name]
    layers = np.arange(1, len(series.predicted) + 1)
    ax.semilogy(layers, series.predicted, dash, color=color, lw=1)
    if series.band is not None:
        ax.fill_between(layers, *series.band, color=color, alpha=0.14, lw=0)
    some = layers[:: max(1, len(layers) // 12)] - 1
    low, high = np.percentile(series.measured[:, some], (10, 90), axis=0)
    ax.vlines(layers[some], low, high, color=color, lw=1)
    ax.semilogy(layers[some], series.typical[some], marker, color=color, ms=4.5)


def _label(ax: Axes, series: Series, place: tuple[float, float], side: str) -> None:
    gap = (7 if side == "left" else -7, 0)
    color = _LOOKS[series.name][0]
    ax.annotate(
        series.name, place, gap, textcoords="offset points", ha=side, va="center", color=color
    )


def straying(groups: Sequence[Series], width: int) -> BookFigure:
    """Draw how far single nets stray from the prediction, one panel per activation.

    Args:
        groups: one series per activation, with what is predicted for the logarithm.
        width: units of every layer.
    """
    with book_style():
        figure = new_figure(1.5 * len(groups) + 1.1)
        axes = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
        for ax, series in zip(axes, groups, strict=True):
            _draw_straying(ax, series)
        axes[len(groups) // 2].set_ylabel("$\\|z_l\\|^2/n$")
        axes[-1].set_xlabel("layer $l$")
    found = "; ".join(
        f"{s.name}: from {s.measured[:, -1].min():.2g} to {s.measured[:, -1].max():.2g}"
        for s in groups
    )
    alt = (
        f"Mean square of the pre-activations by layer for {len(groups[0].measured)} nets of width "
        f"{width} under each activation, with the band that is predicted as long as it is narrow. "
        f"After {len(groups[0].predicted)} layers, {found}."
    )
    return BookFigure(figure, alt)


def _draw_straying(ax: Axes, series: Series) -> None:
    layers, band = np.arange(1, len(series.predicted) + 1), series.band
    assert band is not None
    for net in series.measured:
        ax.semilogy(layers, net, color=MUTED, lw=0.5, alpha=0.5)
    assert series.logs is not None
    small = series.logs[1] < _FIRST_ORDER
    for line in band:
        ax.semilogy(layers[small], line[small], color=ACCENT, lw=1.3)
    some = np.arange(4, len(layers), 5)
    low, high = np.percentile(series.measured[:, some], (10, 90), axis=0)
    for points in (low, high):
        ax.semilogy(layers[some], points, "o", color=INK, ms=3.5)
    lowest, highest = series.measured.min() / 3, series.measured.max() * 3
    ax.set_ylim(min(lowest, 0.03), max(highest, 30))
    ax.set_title(series.name)


# ------------------------------------------------------------------------------- the variance map


@dataclass(frozen=True, eq=False)
class Factor:
    """What one layer does to a second moment, depending on what comes in.

    Args:
        name: how the curve is labeled.
        q: second moments that come in, of the line.
        line: predicted factors there.
        tried: second moments that were tried.
        measured: factors there, shape (draws, tried).
        label_at: index into `q` of the label.
        side: where the label stands: above, below or right.
    """

    name: str
    q: np.ndarray
    line: np.ndarray
    tried: np.ndarray
    measured: np.ndarray
    label_at: int
    side: str = "above"


def factors(curves: Sequence[Factor]) -> BookFigure:
    """Draw the factor of one layer against the second moment that comes in.

    Args:
        curves: one per activation, at most seven.
    """
    with book_style():
        figure = new_figure(4.2)
        ax = figure.subplots()
        ax.axhline(1, color=FAINT, lw=1.2, zorder=0)
        for look, curve in zip(_LINES, curves, strict=False):
            _draw_factor(ax, curve, *look)
        ax.set(xlabel="what comes in, $q_l$", ylabel="factor of one layer, $q_{l+1}/q_l$")
        ax.set_yticks([0.3, 0.5, 1, 2, 3], ["0.3", "0.5", "1", "2", "3"])
        ax.set_ylim(0.22, 3.6)
        ax.minorticks_off()
    return BookFigure(figure, _factors_words(curves))


def _draw_factor(ax: Axes, curve: Factor, color: str, marker: str) -> None:
    ax.loglog(curve.q, curve.line, color=color, lw=1)
    ax.loglog(curve.tried, curve.measured.mean(axis=0), marker, color=color, ms=4.5)
    spot = (curve.q[curve.label_at], curve.line[curve.label_at])
    gap, across, along = _SIDES[curve.side]
    ax.annotate(curve.name, spot, gap, textcoords="offset points", color=color, ha=across, va=along)


def _factors_words(curves: Sequence[Factor]) -> str:
    ends = "; ".join(f"{c.name}: {c.line[0]:.2f} to {c.line[-1]:.2f}" for c in curves)
    return (
        f"Factor by which one layer changes a second moment, against the second moment that comes "
        f"in, from {curves[0].q[0]:.2g} to {curves[0].q[-1]:.3g}, log scales, measured points on "
        f"predicted lines. From left to right, {ends}."
    )


# -------------------------------------------------------------------------------------- the shares


@dataclass(frozen=True, eq=False)
class Shares:
    """What an activation passes on at its fixed point.

    Args:
        name: how the row is labeled.
        parts: shares of the constant, the linear and the bent part.
        chi: predicted factor of the gradient's second moment per layer.
        measured: the same in drawn nets, shape (draws,).
    """

    name: str
    parts: tuple[float, float, float]
    chi: float
    measured: np.ndarray


def shares(rows: Sequence[Shares]) -> BookFigure:
    """Draw the three parts of what each activation passes on, and the gradient's factor beside them.

    Args:
        rows: from top to bottom.
    """
    with book_style():
        figure = new_figure(0.36 * len(rows) + 1.2)
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.5, 1))
        for place, row in enumerate(rows):
            _draw_parts(left, place, row.parts)
            _draw_chi(right, place, row)
        left.set_yticks(range(len(rows)), [row.name for row in rows])
        left.set(xlim=(0, 1), xticks=(0, 0.5, 1), xlabel="share of what is passed on")
        left.invert_yaxis()
        for word, color, _, x, align in _PARTS:
            left.annotate(word, (x, 1.01), xycoords="axes fraction", ha=align, color=color)
        right.axvline(1, color=FAINT, lw=0.9, zorder=0)
        right.tick_params(left=False)
        right.set_xlabel("$\\chi$: mean degree")
    return BookFigure(figure, _shares_words(rows))


def _draw_parts(ax: Axes, place: int, parts: Sequence[float]) -> None:
    start = 0.0
    for part, (_, color, alpha, *_) in zip(parts, _PARTS, strict=True):
        ax.barh(place, part, 0.62, left=start, color=color, alpha=alpha, lw=0)
        start += part


def _shares_words(rows: Sequence[Shares]) -> str:
    said = "; ".join(
        f"{r.name} {r.parts[0]:.2f}, {r.parts[1]:.2f}, {r.parts[2]:.2f}, χ {r.chi:.3f}, "
        f"measured {r.measured.mean():.3f}"
        for r in rows
    )
    return (
        "Shares of the constant, the linear and the bent part in what each activation passes on at "
        f"its fixed point, and the factor χ of the gradient per layer, line and point: {said}."
    )


def _draw_chi(ax: Axes, place: int, row: Shares) -> None:
    ax.plot([row.chi] * 2, [place - 0.36, place + 0.36], "--", color=INK, lw=1)
    error = 2 * row.measured.std(ddof=1) / np.sqrt(len(row.measured))
    ax.errorbar(row.measured.mean(), place, xerr=error, fmt="s", mfc="none", color=INK, ms=5, lw=1)


# ---------------------------------------------------------------------------------------- the maps


@dataclass(frozen=True, eq=False)
class Grid:
    """The rows and columns of a map.

    Args:
        activations: names of the rows.
        schemes: keys of the columns of each block.
        depths: hidden layers of each block.
    """

    activations: Sequence[str]
    schemes: Sequence[str]
    depths: Sequence[int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Depths, activations, schemes: the shape of every array that the maps take."""
        return len(self.depths), len(self.activations), len(self.schemes)

    def left_edge(self, block: int) -> float:
        """Where a block begins, in cells."""
        return block * (len(self.schemes) + 0.6)


def start_map(
    grid: Grid,
    predicted: Mapping[str, np.ndarray],
    measured: Mapping[str, np.ndarray],
) -> BookFigure:
    """Draw what each scheme makes of each activation before training: cell theory, dot measurement.

    Args:
        grid: rows and columns.
        predicted: decades from 1, ``forward`` and ``backward``, each of the grid's shape.
        measured: the same in drawn nets.
    """
    with book_style():
        figure = new_figure(6.6)
        axes = figure.subplots(3, 1, height_ratios=(10, 10, 0.9))
        _draw_scale(axes[2])
        for ax, (way, title) in zip(axes[:2], _WAYS.items(), strict=True):
            for place in np.ndindex(grid.shape):
                values = float(predicted[way][place]), float(measured[way][place])
                _draw_start(ax, grid, place, *values)
            _frame(ax, grid, title)
    return BookFigure(figure, _start_words(grid, predicted, measured))


def _start_words(
    grid: Grid, predicted: Mapping[str, np.ndarray], measured: Mapping[str, np.ndarray]
) -> str:
    off = max(np.abs(predicted[way] - measured[way]).max() for way in predicted)
    farther = np.maximum(np.abs(predicted["forward"]), np.abs(predicted["backward"]))
    return (
        f"Maps of {len(grid.activations)} activations against {len(grid.schemes)} schemes at "
        f"{', '.join(map(str, grid.depths))} hidden layers: second moment of the signal at the top "
        f"and of the gradient at the bottom before training, predicted (cell) and measured (dot), "
        f"at most {off:.1f} decades apart. {int((farther > _TROUBLE).sum())} of {farther.size} "
        "cells are more than a factor of 1,000 away from 1 in one of the two."
    )


def _draw_start(
    ax: Axes, grid: Grid, place: tuple[int, ...], predicted: float, measured: float
) -> None:
    block, row, column = place
    x = grid.left_edge(block) + column
    _fill(ax, Rectangle((x, row), 1, 1, edgecolor=FAINT, lw=0.6), predicted)
    if abs(_strength(predicted) - _strength(measured)) > 0.01 or predicted * measured < 0:
        dot = (x + 0.3, row + 0.3)
        ax.add_patch(Rectangle(dot, 0.4, 0.4, facecolor=PAPER, lw=0))  # hides the cell beneath
        _fill(ax, Rectangle(dot, 0.4, 0.4, lw=0), measured)


def _fill(ax: Axes, patch: Rectangle, decades: float) -> None:
    """Color a patch by how far a value is from 1, and leave its edge as it is."""
    color = ACCENT if decades > 0 else SCHEME_COLORS["glorot"]
    patch.set_facecolor((*to_rgb(color), _strength(decades)))
    ax.add_patch(patch)


def _strength(decades: float) -> float:
    """How opaque a value of so many decades from 1 is drawn."""
    return float(min(abs(decades) / _DECADES, 1) ** 0.7)


def _draw_scale(ax: Axes) -> None:
    steps = np.arange(-_DECADES, _DECADES + 1, 3)
    for place, value in enumerate(steps):
        _fill(ax, Rectangle((place, 0), 1, 1, edgecolor=FAINT, lw=0.6), float(value))
    names = ["1" if value == 0 else f"$10^{{{value:.0f}}}$" for value in steps]
    ax.set_xticks(np.arange(len(steps)) + 0.5, names)
    ax.set(xlim=(0, len(steps)), ylim=(0, 1), yticks=())
    ax.tick_params(bottom=False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def learned_map(grid: Grid, errors: np.ndarray, healthy: np.ndarray) -> BookFigure:
    """Draw the test error of each cell after training; a frame marks what theory calls healthy.

    Args:
        grid: rows and columns.
        errors: test errors as fractions, of the grid's shape.
        healthy: whether theory expects the cell to learn, of the same shape.
    """
    with book_style():
        figure = new_figure(3.9)
        ax = figure.subplots()
        for place in np.ndindex(grid.shape):
            _draw_learned(ax, grid, place, float(errors[place]), bool(healthy[place]))
        _frame(ax, grid, "test error in %; framed: expected to learn")
    learned = errors < 0.5
    agree = int((learned == healthy).sum())
    alt = (
        f"Map of test errors after training for {len(grid.activations)} activations, "
        f"{len(grid.schemes)} schemes and {', '.join(map(str, grid.depths))} hidden layers, from "
        f"{100 * errors.min():.0f} to {100 * errors.max():.0f} %. {int(learned.sum())} of "
        f"{errors.size} cells are below 50 %; frames mark the {int(healthy.sum())} that theory calls "
        f"healthy, which agrees in {agree}."
    )
    return BookFigure(figure, alt)


def _draw_learned(
    ax: Axes, grid: Grid, place: tuple[int, ...], error: float, healthy: bool
) -> None:
    block, row, column = place
    x, color = grid.left_edge(block) + column, SCHEME_COLORS["he"]
    strength = float(np.clip(1 - error / 0.9, 0, 1)) * 0.42
    ax.add_patch(Rectangle((x, row), 1, 1, facecolor=color, alpha=strength, lw=0))
    ax.annotate(f"{100 * error:.0f}", (x + 0.5, row + 0.54), ha="center", va="center", fontsize=8.5)
    if healthy:
        ax.add_patch(
            Rectangle((x + 0.07, row + 0.07), 0.86, 0.86, facecolor="none", edgecolor=INK, lw=1)
        )


def _frame(ax: Axes, grid: Grid, title: str) -> None:
    rows = len(grid.activations)
    for block, depth in enumerate(grid.depths):
        start = grid.left_edge(block)
        for column, scheme in enumerate(grid.schemes):
            word = _SCHEME_WORDS.get(scheme, scheme)
            ax.annotate(
                word, (start + column + 0.5, rows + 0.15), ha="center", va="top", fontsize=8.5
            )
        middle = start + len(grid.schemes) / 2
        ax.annotate(f"{depth} layers", (middle, -0.2), ha="center", va="bottom", color=MUTED)
    ax.set_yticks(np.arange(rows) + 0.5, [_WORDS.get(name, name) for name in grid.activations])
    ax.set(xlim=(-0.1, grid.left_edge(len(grid.depths)) - 0.5), ylim=(rows + 0.9, -1.0))
    ax.set_xticks([])
    ax.tick_params(left=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_title(title)
