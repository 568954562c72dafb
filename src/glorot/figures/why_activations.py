"""Figures of the chapter *Why activations at all?*

Each function takes what was computed and returns the picture with its alternative text. What has no
bend is gray and dashed, what bends is in the accent color, the target is a thin line in ink.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glorot.figures.parts import box
from glorot.style import (
    ACCENT,
    INK,
    MUTED,
    PAPER,
    SCHEME_COLORS,
    SHADE,
    BookFigure,
    book_style,
    depth_colors,
    new_figure,
)

__all__ = [
    "Fit",
    "Region",
    "collapse",
    "fits",
    "hinges",
    "one_layer",
    "regions",
    "starts",
    "width_error",
]

_SOLVED = SCHEME_COLORS["lecun"]
_DASHES = ("-", (0, (5, 1.5)), "-", (0, (3, 1, 1, 1)), (0, (1, 1)))
_START_COLORS = (INK, MUTED, SCHEME_COLORS["glorot"], depth_colors(8)[1], ACCENT)


@dataclass(frozen=True, eq=False)
class Fit:
    """What two networks made of one function.

    Args:
        name: of the function, as it is printed.
        x: inputs, evenly spaced, shape (N,).
        target: the function there.
        straight: the output of the stack without bends.
        bent: the output of the network with one hidden layer.
        errors: mean squared errors (straight, bent).
        depth: layers of the stack without bends.
    """

    name: str
    x: np.ndarray
    target: np.ndarray
    straight: np.ndarray
    bent: np.ndarray
    errors: tuple[float, float]
    depth: int


@dataclass(frozen=True, eq=False)
class Region:
    """Where one network says "outer".

    Args:
        title: what the network is.
        axis: coordinates of the grid, the same in both directions, shape (G,).
        outer: probability of the outer class, shape (G, G), rows along the second coordinate.
        error: share of the points that it does not put into their class.
    """

    title: str
    axis: np.ndarray
    outer: np.ndarray
    error: float

    @property
    def undecided(self) -> bool:
        """Whether it says one half everywhere, so that there is no border to draw."""
        return bool(np.abs(self.outer - 0.5).max() < 0.05)


def one_layer(h: np.ndarray, weight: np.ndarray, bias: np.ndarray, act: np.ndarray) -> BookFigure:
    """Draw one example on its way through one layer, with its numbers: h, W, b, z and φ(z).

    Args:
        h: the incoming row, shape (n_in,).
        weight: W, shape (n_in, n_out).
        bias: b, shape (n_out,).
        act: what comes out, φ(h W + b), shape (n_out,).
    """
    n_in, n_out = weight.shape
    preact = h @ weight + bias
    middle, right = n_in + 0.75, n_in + n_out + 1.5
    with book_style():
        figure = new_figure(2.3)
        ax = figure.subplots()
        _cells(ax, 0, n_in - 1, h[np.newaxis], f"h, {n_in} numbers", SHADE)
        _cells(ax, middle, 0, weight, f"W, {n_in} × {n_out}", PAPER)
        _cells(ax, middle, -1.9, bias[np.newaxis], f"b, {n_out}", PAPER)
        _cells(ax, right, n_in - 1, preact[np.newaxis], "z = h W + b", SHADE)
        _cells(ax, right, 0, act[np.newaxis], "", SHADE)
        for j in np.flatnonzero(preact != act):
            ax.add_patch(Rectangle((right + j, 0), 1, 1, fc="none", ec=ACCENT, lw=1.5, zorder=3))
        ax.annotate(
            "",
            (right + n_out / 2, 1.08),
            xytext=(right + n_out / 2, n_in - 1.08),
            arrowprops={"arrowstyle": "-|>", "color": ACCENT, "lw": 1.2},
        )
        ax.text(right + n_out / 2 + 0.2, n_in / 2, "φ", color=ACCENT, va="center")
        ax.text(right, -0.25, "φ(z), the next h", va="top")
        ax.set(xlim=(-0.1, right + n_out + 0.1), ylim=(-2, n_in + 0.75), aspect="equal")
        ax.axis("off")
    return BookFigure(
        figure,
        (
            f"One example passing one layer: a row h of {n_in} numbers, {_row(h)}, times a matrix W "
            f"of {n_in} rows and {n_out} columns, plus a bias b, gives the row z of {n_out} numbers, "
            f"{_row(preact)}; the activation turns it into {_row(act)}."
        ),
    )


def collapse(sizes: Sequence[int], singular_values: np.ndarray) -> BookFigure:
    """Draw a deep linear stack, the one matrix it amounts to, and that matrix's singular values.

    Args:
        sizes: widths (n_0, …, n_L) of the stack.
        singular_values: of the product of its matrices, largest first.
    """
    narrow = int(np.argmin(sizes))
    rank = int((singular_values > 1e-10 * singular_values[0]).sum())
    with book_style():
        figure = new_figure(4.2)
        drawing, ax = figure.subplots(2, height_ratios=(1.15, 1))
        _draw_stack(drawing, sizes, narrow)
        ax.axvline(sizes[narrow] + 0.5, color=INK, lw=0.9)
        ax.annotate(
            f"narrowest layer:\n{sizes[narrow]} units",
            (sizes[narrow] + 0.5, 1e-5),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
        ax.semilogy(np.arange(1, len(singular_values) + 1), singular_values, "o", color=ACCENT)
        ax.set_xticks([1, sizes[narrow], len(singular_values)])
        ax.set(xlabel="singular value of the product, i", ylabel="size, $s_i$", ylim=(1e-20, 1e3))
        ax.set_yticks([1, 1e-8, 1e-16], ["1", "$10^{-8}$", "$10^{-16}$"])
    return BookFigure(
        figure,
        (
            f"Above: a stack of {len(sizes) - 1} weight matrices from {sizes[0]} to {sizes[-1]} "
            f"units, narrowing to {sizes[narrow]}, and the single {sizes[0]} by {sizes[-1]} matrix "
            f"equal to their product. Below: its {len(singular_values)} singular values; {rank} lie "
            f"between {singular_values[0]:.2g} and {singular_values[rank - 1]:.1g}, the others are "
            f"rounding, at most {singular_values[rank]:.0e}."
        ),
    )


def fits(results: Sequence[Fit]) -> BookFigure:
    """Draw each function with what a linear stack and what one hidden layer made of it.

    Args:
        results: one for each panel, at most two.
    """
    with book_style():
        figure = new_figure(2.9)
        panels = figure.subplots(1, len(results), squeeze=False)[0]
        for ax, fit in zip(panels, results, strict=True):
            ax.plot(fit.x, fit.target, color=INK, lw=0.9)
            ax.plot(fit.x, fit.straight, "--", color=MUTED, lw=1.6)
            ax.plot(fit.x[3::8], fit.bent[3::8], "o", color=ACCENT, ms=3.5)
            low, span = fit.target.min(), np.ptp(fit.target)
            ax.set(xlabel="input, x", title=fit.name, ylim=(low - 0.42 * span, low + 1.12 * span))
            edge = fit.x[-1] + (fit.x[1] - fit.x[0]) / 2
            word = "π" if np.isclose(edge, np.pi) else f"{edge:.3g}"
            ax.set_xticks([-edge, 0, edge], [f"−{word}", "0", word])
            for height, text, color in (
                (0.14, f"{fit.depth} layers, no bend", MUTED),
                (0.04, "1 layer of tanh", ACCENT),
            ):
                ax.annotate(text, (0.02, height), xycoords="axes fraction", color=color)
        panels[0].set_ylabel("output")
    return BookFigure(
        figure,
        "Fits over the input. "
        + " ".join(
            f"{fit.name}: the stack of {fit.depth} layers without bends ends on a straight line with "
            f"mean squared error {fit.errors[0]:.4f}; the points of one hidden tanh layer lie on the "
            "curve, error "
            f"{fit.errors[1]:.1g}."
            for fit in results
        ),
    )


def hinges(x: np.ndarray, parts: np.ndarray, counts: np.ndarray, errors: np.ndarray) -> BookFigure:
    """Draw x² put together from ReLU hinges, and how the largest error falls with their number.

    Args:
        x: inputs, shape (N,).
        parts: what each hidden unit adds to the output, shape (N, k); the bias of 1 comes on top.
        counts: numbers of hinges tried, shape (K,).
        errors: largest error for each, shape (K,).
    """
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    with book_style():
        figure = new_figure(2.9)
        left, right = figure.subplots(1, 2)
        left.plot(x, parts, color=MUTED, lw=0.9)
        left.plot(x, x**2, color=INK, lw=0.9)
        left.plot(x, 1 + parts.sum(axis=1), color=ACCENT, lw=1.8)
        left.annotate("1 + their sum", (1, -0.75), color=ACCENT, ha="right")
        left.annotate(f"{parts.shape[1]} hinges", (-0.97, -1.45), color=MUTED)
        left.set(xlabel="input, x", ylabel="output", ylim=(-1.6, 1.6))
        left.set_xticks([-1, 0, 1])
        right.loglog(counts, 1 / np.asarray(counts, float) ** 2, color=INK, lw=0.9)
        right.loglog(counts, errors, "o", color=ACCENT)
        right.annotate(
            "$1/k^2$", (counts[2], 1 / counts[2] ** 2), xytext=(7, 5), textcoords="offset points"
        )
        right.set_xticks(counts[::2], [str(k) for k in counts[::2]])
        right.minorticks_off()
        right.set(xlabel="hinges, k", ylabel="largest error")
    return BookFigure(
        figure,
        (
            f"Left: {parts.shape[1]} ReLU hinges and their sum, a chain of straight pieces that "
            "touches x squared at its corners. Right: the largest error against the number of "
            f"hinges k from {counts[0]} to {counts[-1]}, falling from {errors[0]:.2g} to "
            f"{errors[-1]:.2g} on the line 1/k², slope {slope:.2f} on log axes."
        ),
    )


def regions(points: np.ndarray, labels: np.ndarray, results: Sequence[Region]) -> BookFigure:
    """Draw two rings of points and where each of four networks draws the border between them.

    Args:
        points: shape (N, 2).
        labels: 0 for the inner ring, 1 for the outer, shape (N,).
        results: four, one for each panel.
    """
    with book_style():
        figure = new_figure(5.5)
        panels = figure.subplots(2, 2, sharex=True, sharey=True)
        for ax, region in zip(panels.flat, results, strict=True):
            _draw_region(ax, region)
            for label, marker in ((0, "o"), (1, "s")):
                ring = points[labels == label][::3]
                ax.plot(
                    *ring.T, marker, color=INK, ms=3, mew=0.8, mfc=INK if label == 0 else "none"
                )
        figure.supxlabel("first coordinate, $x_1$", size=10)
        figure.supylabel("second coordinate, $x_2$", size=10)
    return BookFigure(
        figure,
        (
            "Two rings of points, radius 1 and 2, and the border that four networks draw between them. "
            + " ".join(f"{region.title}: {_finding(region)}." for region in results)
        ),
    )


def width_error(
    widths: np.ndarray,
    interpolated: np.ndarray,
    solved: np.ndarray,
    descended: np.ndarray,
    theory: np.ndarray,
    line: float,
) -> BookFigure:
    """Draw the error on sin x against the number of hidden units, their weights set in three ways.

    Args:
        widths: numbers of hidden units k, shape (K,).
        interpolated: error of the hinges set by hand, shape (K,).
        solved: error with a random hidden layer and the best output weights, shape (K, seeds).
        descended: error after gradient descent on all weights, shape (K, seeds).
        theory: what is predicted for the hinges, drawn from four hinges on, shape (K,).
        line: error of the best straight line.
    """
    with book_style():
        figure = new_figure(3.6)
        ax = figure.subplots()
        ax.loglog(widths[widths >= 4], theory[widths >= 4], color=INK, lw=0.9)
        ax.plot(widths[[0, -1]], [line, line], color=MUTED, ls="--", lw=1.2)
        ax.plot(widths, interpolated, "s", color=INK)
        for values, color, marker in ((solved, _SOLVED, "^"), (descended, ACCENT, "o")):
            low, high = values.min(axis=1), values.max(axis=1)
            ax.fill_between(widths, low, high, color=color, alpha=0.18, lw=0)
            ax.plot(widths, np.median(values, axis=1), marker, color=color)
        labels = {
            "best line": line,
            "gradient descent": float(np.median(descended[-1])),
            "hinges by hand": interpolated[-1],
            "random layer,\noutput solved": float(np.median(solved[-1])),
        }
        heights, colors = _spread(labels, 6), (MUTED, ACCENT, INK, _SOLVED)
        for name, color in zip(labels, colors, strict=True):
            ax.annotate(
                name,
                (widths[-1], heights[name]),
                xytext=(9, 0),
                textcoords="offset points",
                va="center",
                color=color,
            )
        ax.set_xticks(widths, [str(k) for k in widths])
        ax.minorticks_off()
        ax.set(xlabel="hidden units, k", ylabel="root mean square error on sin x")
    return BookFigure(
        figure,
        (
            f"Root mean square error on sin x against the number of hidden units, {widths[0]} to "
            f"{widths[-1]}, on log axes. At {widths[-1]} units: hinges set by hand "
            f"{interpolated[-1]:.2g}, on the theory line that falls like 1/k² to {theory[-1]:.2g}; a "
            f"random tanh layer with solved output weights {np.median(solved[-1]):.0e}; gradient "
            f"descent on all weights {np.median(descended[-1]):.1g}. The best straight line has "
            f"{line:.2f}."
        ),
    )


def starts(losses: Mapping[str, np.ndarray], every: int) -> BookFigure:
    """Draw the loss during training of the same network from five different starts.

    Args:
        losses: name of a start -> loss at each recorded update, shape (seeds, T).
        every: updates between two records.
    """
    ends = {name: float(np.median(loss[:, -1])) for name, loss in losses.items()}
    heights = _spread(ends, 1.6)
    with book_style():
        figure = new_figure(3.6)
        ax = figure.subplots()
        for (name, loss), dash, color in zip(losses.items(), _DASHES, _START_COLORS, strict=True):
            update = every * np.arange(loss.shape[1])
            ax.semilogy(update, np.median(loss, axis=0), ls=dash, color=color, lw=1.6)
            low, high = loss.min(axis=0), loss.max(axis=0)
            ax.fill_between(update, low, high, color=color, alpha=0.18, lw=0)
            ax.annotate(
                name,
                (update[-1], heights[name]),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                color=color,
            )
        ax.set(xlabel="updates", ylabel="loss, mean squared error on sin x", ylim=(1e-3, 2))
        ax.set_yticks([0.001, 0.01, 0.1, 1], ["0.001", "0.01", "0.1", "1"])
        ax.set_xticks(np.arange(0, update[-1] + every + 1, 500))
    return BookFigure(
        figure,
        (
            f"Loss of one network on sin x over {update[-1]} updates of gradient descent, from five "
            "starts. At the end, "
            + "; ".join(f"{name}: {end:.2g}" for name, end in ends.items())
            + "."
        ),
    )


def _cells(ax: Axes, x: float, y: float, values: np.ndarray, word: str, color: str) -> None:
    rows, columns = values.shape
    for i in range(rows):
        for j in range(columns):
            low = y + rows - 1 - i
            ax.add_patch(Rectangle((x + j, low), 1, 1, fc=color, ec=MUTED, lw=0.7))
            number = f"{values[i, j] + 0:.2g}".replace("-", "−")  # + 0 turns −0 into 0
            ax.text(x + j + 0.5, low + 0.47, number, ha="center", va="center", size=9)
    ax.text(x, y + rows + 0.15, word, va="bottom")


def _row(values: np.ndarray) -> str:
    return ", ".join(f"{value + 0:g}" for value in values)


def _draw_stack(ax: Axes, sizes: Sequence[int], narrow: int) -> None:
    """First two matrices, two at the narrowest layer, the last; below, the product, to scale."""
    last = len(sizes) - 1
    gap, x = 9.0, 0.0
    for index in (0, 1, None, narrow - 1, narrow, None, last - 1):
        if index is None:
            ax.text(x + gap, 0, "···", ha="center", va="center", size=12)
            x += 2 * gap
            continue
        _draw_matrix(ax, x, 0, (sizes[index], sizes[index + 1]), f"$W^{{{index + 1}}}$")
        x += sizes[index + 1] + gap
    left, drop = (x - gap - sizes[-1]) / 2, -0.5 * max(sizes) - sizes[0] - 4
    ax.text(left - gap / 2, drop, "=", ha="right", va="center", size=14)
    _draw_matrix(ax, left, drop, (sizes[0], sizes[-1]), "")
    ax.text(left + sizes[-1] + gap / 2, drop, f"one matrix,\n{sizes[0]} × {sizes[-1]}", va="center")
    ax.set(xlim=(-2, x - gap + 2), ylim=(drop - sizes[0] / 2 - 2, max(sizes) / 2 + 11))
    ax.set_aspect("equal")
    ax.axis("off")


def _draw_matrix(ax: Axes, x: float, y: float, shape: tuple[int, int], word: str) -> None:
    n_in, n_out = shape
    box(ax, (x, y - n_in / 2), (n_out, n_in), SHADE, rounding=1.2)
    ax.text(x + n_out / 2, y + n_in / 2 + 2, word, ha="center", va="bottom")


def _draw_region(ax: Axes, region: Region) -> None:
    if not region.undecided:
        ax.contourf(region.axis, region.axis, region.outer, [0, 0.5, 1], colors=[SHADE, PAPER])
        ax.contour(region.axis, region.axis, region.outer, [0.5], colors=[ACCENT], linewidths=1.8)
    ax.annotate(
        "no border" if region.undecided else f"error {100 * region.error:.0f} %",
        (0, 0),
        ha="center",
        va="center",
        color=MUTED if region.undecided else INK,
    )
    ax.set(title=region.title, aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])


def _finding(region: Region) -> str:
    if region.undecided:
        return f"no border, probabilities within {np.abs(region.outer - 0.5).max():.1g} of one half"
    rim = np.concatenate([region.outer[[0, -1]].ravel(), region.outer[:, [0, -1]].ravel()])
    border = "a closed border" if (rim > 0.5).all() else "a border that stays open"
    return f"{border}, error {100 * region.error:.1f} %"


def _spread(ends: Mapping[str, float], factor: float) -> dict[str, float]:
    """Heights for labels on a log axis: where the curves end, but a line (`factor`) apart."""
    heights: dict[str, float] = {}
    below = 0.0
    for name in sorted(ends, key=lambda name: ends[name]):
        below = max(ends[name], factor * below)
        heights[name] = below
    return heights
