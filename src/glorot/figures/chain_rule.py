"""The figures of *Why is a gradient a product?*: each draws a result, none computes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glorot.figures.parts import Point, arrow, box, in_words
from glorot.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    PAPER,
    SHADE,
    BookFigure,
    book_style,
    new_figure,
    scheme_color,
    scheme_marker,
)


# eq=False: comparing arrays with == has no single truth value.
@dataclass(frozen=True, eq=False)
class Series:
    """One scheme's prediction and what freshly drawn networks did.

    Args:
        name: how the series is labeled.
        scheme: whose color and marker it bears, as in ``style.scheme_color``.
        predicted: one number per layer, shape (L,).
        measured: one row per network, shape (draws, L).
    """

    name: str
    scheme: str
    predicted: np.ndarray
    measured: np.ndarray


@dataclass(frozen=True, eq=False)
class Spread:
    """How ln(‖z^l‖² / ‖x‖²) is spread over draws of one network.

    Args:
        name: title of its panel.
        mean: predicted mean by layer, shape (L,).
        variance: predicted variance by layer, shape (L,).
        measured: one row per network, shape (draws, L).
    """

    name: str
    mean: np.ndarray
    variance: np.ndarray
    measured: np.ndarray


def thousand_layers(amplitudes: Mapping[float, np.ndarray]) -> BookFigure:
    """Draw the amplitude after l layers of equal gain g, logarithmic, with decibels beside it.

    Args:
        amplitudes: gain g -> measured amplitude after layers 1 … L, relative to the input.
    """
    with book_style():
        fig = new_figure(3.1)
        ax = fig.add_subplot()
        for gain, measured in amplitudes.items():
            layers = np.arange(1, len(measured) + 1)
            shown = layers % max(1, len(layers) // 10) == 0
            ax.plot(layers, 20 * layers * np.log10(gain), color=INK, lw=0.9)
            ax.plot(layers[shown], 20 * np.log10(measured[shown]), "o", color=ACCENT)
            middle = layers[-1] * 0.52
            ax.annotate(
                f"× {gain:g} per layer",
                (middle, 20 * middle * np.log10(gain)),
                ha="right",
                va="center",
                xytext=(0, 9 if gain > 1 else -9),
                textcoords="offset points",
            )
        ax.axhline(0, color=FAINT, lw=0.8, zorder=0)
        decades = np.array([-4, -2, 0, 2, 4])
        ax.set(xlabel="layer, $l$", ylabel="amplitude, after / before")
        ax.set_yticks(20 * decades, [f"$10^{{{decade}}}$" if decade else "1" for decade in decades])
        right = ax.secondary_yaxis("right")
        right.set_ylabel("decibels")
        right.set_yticks(20 * decades, [f"{20 * decade}".replace("-", "−") for decade in decades])
    ends = "; ".join(
        f"a gain of {gain:g} leaves {in_words(measured[-1])} of the amplitude"
        for gain, measured in amplitudes.items()
    )
    depth = max(len(measured) for measured in amplitudes.values())
    alt = (
        f"Amplitude against layer, 1 to {depth}, logarithmic: straight lines for equal gains, "
        f"with measured points on them. After {depth} layers {ends}."
    )
    return BookFigure(fig, alt)


def net_as_graph(
    sizes: Sequence[int], forward_std: Sequence[float], backward_std: Sequence[float]
) -> BookFigure:
    """Draw a net twice: as nested functions, and as a graph with its way forward and back.

    Args:
        sizes: widths (n_0, …, n_L), small enough to draw each unit.
        forward_std: amplitude of the signal h^0 … h^L; the width of its arrows.
        backward_std: amplitude of the gradient δ^1 … δ^L; the width of its arrows.
    """
    with book_style():
        fig = new_figure(3.7)
        shells, graph = fig.subplots(2, 1, height_ratios=(1.0, 1.75))
        _draw_shells(shells, len(sizes) - 1)
        _draw_graph(graph, sizes, forward_std, backward_std)
    strengths = ", ".join(f"{std:.2f}" for std in forward_std)
    gradients = ", ".join(f"{std:.2f}" for std in backward_std)
    alt = (
        f"Top: the loss of a net with {len(sizes) - 1} weight matrices as nested boxes, the input "
        f"innermost. Bottom: the same net as a graph, layers of {', '.join(map(str, sizes))} "
        f"units with a weight matrix between each two. Solid arrows carry the signal forward "
        f"(amplitudes {strengths}), dashed arrows bring the gradient back (amplitudes "
        f"{gradients}), multiplied by a transposed weight matrix and a slope at each step."
    )
    return BookFigure(fig, alt)


def _draw_shells(ax: Axes, depth: int) -> None:
    labels = [f"$\\varphi(\\,\\cdot\\,W^{layer})$" for layer in range(1, depth)]
    labels += [f"$\\cdot\\,W^{depth}$", "Loss"]
    half_width, half_height, step = 0.32, 0.22, 0.17
    ax.text(0, 0, "$x$", ha="center", va="center", fontsize=11)
    for index, label in enumerate([None, *labels]):
        half = half_height + index * step
        right = half_width + index * 0.92
        corner = (-half_width - index * 0.12, -half)
        shell = box(ax, corner, (right - corner[0], 2 * half), face="none", rounding=0.14)
        shell.set(edgecolor=INK if label else MUTED, linewidth=0.8)
        if label:
            ax.text(right - 0.46, 0, label, ha="center", va="center")
    widest = half_width + len(labels) * 0.92
    ax.set(xlim=(-1.1, widest + 0.1), ylim=(-1.0, 1.0))
    ax.set_axis_off()


def _draw_graph(
    ax: Axes, sizes: Sequence[int], forward_std: Sequence[float], backward_std: Sequence[float]
) -> None:
    depth, tall = len(sizes) - 1, max(sizes)
    xs = np.arange(depth + 1) * 2.0
    unit = 0.24
    for layer, (x, size) in enumerate(zip(xs, sizes, strict=True)):
        _draw_layer(ax, x, size, unit)
        name = {0: "$x$", depth: f"$z^{depth}$"}.get(layer, f"$z^{layer}\\!,h^{layer}$")
        ax.text(x, tall * unit / 2 + 0.2, name, ha="center", va="bottom")
    for layer in range(1, depth + 1):
        middle, (n_in, n_out) = xs[layer] - 1.0, (sizes[layer - 1], sizes[layer])
        _draw_matrix(ax, middle, n_in * unit * 0.76, n_out * unit * 0.76, f"$W^{layer}$")
        gap = n_out * unit * 0.38 + 0.04
        _arrow(ax, (xs[layer - 1] + 0.2, 0), (middle - gap, 0), forward_std[layer - 1], "-")
        _arrow(ax, (middle + gap, 0), (xs[layer] - 0.2, 0), forward_std[layer], "-")
    _draw_loss(ax, xs[-1] + 1.1, forward_std[-1])
    _draw_way_back(ax, xs, -tall * unit / 2 - 0.42, backward_std)
    half = tall * unit / 2
    ax.set(xlim=(-0.4, xs[-1] + 1.65), ylim=(-half - 1.2, half + 0.6), aspect="equal")
    ax.set_axis_off()


def _draw_layer(ax: Axes, x: float, size: int, unit: float) -> None:
    box(ax, (x - 0.16, -size * unit / 2 - 0.03), (0.32, size * unit + 0.06))
    ax.plot(np.full(size, x), (np.arange(size) - (size - 1) / 2) * unit, "o", color=INK, ms=3.2)


def _draw_matrix(ax: Axes, x: float, height: float, width: float, label: str) -> None:
    ax.add_patch(Rectangle((x - width / 2, -height / 2), width, height, fc=SHADE, ec=MUTED, lw=0.8))
    ax.text(x, 0, label, ha="center", va="center")


def _draw_loss(ax: Axes, x: float, strength: float) -> None:
    _arrow(ax, (x - 0.9, 0), (x - 0.42, 0), strength, "-")
    ax.text(x - 0.38, 0, "Loss", ha="left", va="center")


def _draw_way_back(ax: Axes, xs: np.ndarray, y: float, backward_std: Sequence[float]) -> None:
    depth = len(xs) - 1
    for layer in range(depth, 0, -1):
        ax.text(
            xs[layer], y, f"$\\delta^{layer}$", ha="center", va="center", color=ACCENT, fontsize=11
        )
    ax.text(xs[0] - 0.3, y, "the way back", ha="left", va="center", color=ACCENT, fontsize=9)
    _arrow(ax, (xs[-1] + 1.0, y), (xs[-1] + 0.2, y), backward_std[-1], "--")
    for layer in range(depth - 1, 0, -1):
        _arrow(ax, (xs[layer + 1] - 0.22, y), (xs[layer] + 0.22, y), backward_std[layer - 1], "--")
        ax.text(
            xs[layer] + 1.0,
            y - 0.2,
            f"$(W^{layer + 1})^\\top$\nthen $\\varphi$′($z^{layer}$)",
            ha="center",
            va="top",
            fontsize=9,
            linespacing=1.25,
        )


def _arrow(ax: Axes, start: Point, end: Point, strength: float, dash: str) -> None:
    """An arrow whose width is the amplitude of what it carries, within what a figure can show."""
    arrow(ax, start, end, float(np.clip(2.2 * strength, 0.6, 4.0)), dash)


def one_layer_changed(
    preact_ratios: Sequence[float], weight_ratios: Sequence[float], changed: int
) -> BookFigure:
    """Draw by how much each layer's gradients grew after one layer's weights were multiplied.

    Args:
        preact_ratios: ‖δ^l‖ after / before, l = 1 … L.
        weight_ratios: ‖∂Loss/∂W^l‖ after / before, l = 1 … L.
        changed: l of the layer whose weights were multiplied.
    """
    rows = {"$\\delta^l$": preact_ratios, "$\\partial$Loss/$\\partial W^l$": weight_ratios}
    depth = len(preact_ratios)
    with book_style():
        fig = new_figure(1.75)
        ax = fig.add_subplot()
        for row, ratios in enumerate(rows.values()):
            for layer, ratio in enumerate(ratios, start=1):
                moved = not np.isclose(ratio, 1)
                ax.add_patch(
                    Rectangle(
                        (layer - 0.45, -row - 0.4),
                        0.9,
                        0.8,
                        fc=INK if moved else PAPER,
                        ec=INK,
                        lw=0.8,
                    )
                )
                ax.text(
                    layer,
                    -row,
                    f"× {ratio:.3g}",
                    ha="center",
                    va="center",
                    color=PAPER if moved else INK,
                )
        ax.set(xlim=(0.4, depth + 0.6), ylim=(-1.55, 0.55), xlabel="layer, $l$")
        ax.set_yticks([0, -1], list(rows))
        ticks = range(1, depth + 1)
        ax.set_xticks(
            ticks, [f"{tick}, changed" if tick == changed else f"{tick}" for tick in ticks]
        )
        ax.get_xticklabels()[changed - 1].set_color(ACCENT)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    alt = (
        f"Two rows of {depth} cells, what happened to the gradients when the weights of layer "
        f"{changed} were multiplied. Back-propagated gradients of layers 1 to {depth}: "
        f"{_factors(preact_ratios)}. Weight gradients: {_factors(weight_ratios)}."
    )
    return BookFigure(fig, alt)


def equal_units(
    losses: Mapping[str, np.ndarray],
    points: np.ndarray,
    labels: np.ndarray,
    grid: tuple[np.ndarray, np.ndarray],
    margins: Mapping[str, np.ndarray],
) -> BookFigure:
    """Draw training curves of several starts, and for two of them the border of two classes.

    Args:
        losses: start -> loss by step.
        points: training examples, shape (B, 2).
        labels: their classes, 0 or 1, shape (B,).
        grid: coordinates of the plane's grid, as from ``np.meshgrid``.
        margins: start -> difference of the two logits on that grid, for two starts.
    """
    with book_style():
        fig = new_figure(4.6)
        axes = fig.subplot_mosaic([["loss", "loss"], ["left", "right"]], height_ratios=(1, 1.15))
        _draw_losses(axes["loss"], losses)
        for ax, (name, margin) in zip((axes["left"], axes["right"]), margins.items(), strict=True):
            for label, marker, color in ((0, "o", INK), (1, "^", ACCENT)):
                chosen = points[labels == label][::2]
                ax.plot(chosen[:, 0], chosen[:, 1], marker, color=color, ms=2.6, mew=0, alpha=0.55)
            ax.contour(*grid, margin, levels=[0], colors=[INK], linewidths=1.6)
            ax.set(aspect="equal", xticks=[], yticks=[], title=name)
            ax.spines[:].set_visible(False)
    ends = ", ".join(f"{name} {values[-1]:.3f}" for name, values in losses.items())
    last = len(next(iter(losses.values()))) - 1
    alt = (
        f"Top: loss against training step, 0 to {last}; it ends at {ends}. Bottom: two half-moons "
        f"of points and the learned border between them, {' and '.join(margins)}: equal units draw "
        "one straight line."
    )
    return BookFigure(fig, alt)


def _draw_losses(ax: Axes, losses: Mapping[str, np.ndarray]) -> None:
    for (name, values), dash in zip(
        losses.items(), ((":", "--", "-")[-len(losses) :]), strict=True
    ):
        ax.plot(values, dash, color=INK, lw=1.4)
        ax.annotate(
            name,
            (len(values) - 1, values[-1]),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            va="bottom",
        )
    ax.set(xlabel="training step", ylabel="cross-entropy, nats", ylim=(0, None), xlim=(0, None))


def variance_by_depth(forward: Sequence[Series], backward: Sequence[Series]) -> BookFigure:
    """Draw second moments by layer: theory as lines, networks as points with a band.

    Args:
        forward: E[z_l²] / E[x²] for each scheme.
        backward: E[δ_l²] / E[δ_L²] for each scheme.
    """
    with book_style():
        fig = new_figure(3.2)
        axes = fig.subplots(1, 2, sharey=True)
        for ax, group, dash in zip(axes, (forward, backward), ("-", "--"), strict=True):
            for series in group:
                _draw_series(ax, series, dash)
        axes[0].set(
            yscale="log",
            ylabel="second moment, relative",
            xlabel="layer, $l$",
            title="forward, $z^l$",
        )
        axes[1].set(xlabel="layer, $l$", title="backward, $\\delta^l$")
        for series in forward:
            middle = len(series.predicted) // 2
            axes[0].annotate(
                series.name,
                (middle, series.predicted[middle]),
                color=scheme_color(series.scheme),
                xytext=(-4, -5),
                textcoords="offset points",
                ha="right",
                va="top",
            )
    ends = [("forward to the last layer", forward, -1), ("backward to the first", backward, 0)]
    parts = [
        f"{way}, {series.name}: predicted {in_words(series.predicted[end])}, "
        f"measured {in_words(series.measured.mean(axis=0)[end])}"
        for way, group, end in ends
        for series in group
    ]
    alt = (
        f"Second moments by layer, 1 to {len(forward[0].predicted)}, logarithmic, theory as lines "
        f"and networks as points on them. {'; '.join(parts)}."
    )
    return BookFigure(fig, alt)


def _draw_series(ax: Axes, series: Series, dash: str) -> None:
    layers = np.arange(1, len(series.predicted) + 1)
    color = scheme_color(series.scheme)
    low, high = np.percentile(series.measured, (10, 90), axis=0)
    ax.fill_between(layers, low, high, color=color, alpha=0.25, lw=0)
    ax.plot(layers, series.predicted, dash, color=INK, lw=0.9)
    ax.plot(layers, series.measured.mean(axis=0), scheme_marker(series.scheme), color=color, ms=3.8)


def biases_hide(moments: Series, differences: Series) -> BookFigure:
    """Draw what biases do: the second moment settles while two inputs' difference goes on falling.

    Args:
        moments: second moment of the pre-activations by layer.
        differences: variance between inputs by layer.
    """
    with book_style():
        fig = new_figure(3.0)
        ax = fig.add_subplot()
        for series in (moments, differences):
            _draw_series(ax, series, "-")
        middle = len(moments.predicted) // 2
        ax.annotate(
            "size of the signal",
            (middle + 1, moments.predicted[middle]),
            xytext=(4, 9),
            textcoords="offset points",
            va="bottom",
        )
        ax.annotate(
            "difference between inputs",
            (middle + 1, differences.predicted[middle]),
            xytext=(-6, -4),
            textcoords="offset points",
            ha="right",
            va="top",
        )
        ax.set(yscale="log", xlabel="layer, $l$", ylabel="variance of $z^l$")
    size, between = moments.measured.mean(axis=0)[-1], differences.measured.mean(axis=0)[-1]
    alt = (
        f"Variances by layer, 1 to {len(moments.predicted)}, logarithmic. With biases the size of "
        f"the signal settles at {in_words(size)}; the difference between inputs falls on to "
        f"{in_words(between)}."
    )
    return BookFigure(fig, alt)


def log_norm_spread(panels: Sequence[Spread]) -> BookFigure:
    """Draw mean and spread of the log of the squared norm by layer, a panel for each kind of net.

    Lines: predicted mean and mean ± one standard deviation. Points and band: the same, measured.
    """
    with book_style():
        fig = new_figure(3.1)
        axes = np.atleast_1d(fig.subplots(1, len(panels), sharey=True))
        for ax, panel in zip(axes, panels, strict=True):
            layers = np.arange(1, len(panel.mean) + 1)
            center, std = panel.measured.mean(axis=0), panel.measured.std(axis=0, ddof=1)
            shown = layers % max(1, len(layers) // 10) == 0
            ax.fill_between(layers, center - std, center + std, color=ACCENT, alpha=0.22, lw=0)
            ax.plot(layers, panel.mean, color=INK, lw=0.9)
            for sign in (-1, 1):
                ax.plot(
                    layers,
                    panel.mean + sign * np.sqrt(panel.variance),
                    color=INK,
                    lw=0.9,
                    ls=(0, (4, 2)),
                )
            ax.plot(layers[shown], center[shown], "o", color=ACCENT)
            ax.axhline(0, color=FAINT, lw=0.8, zorder=0)
            ax.set(xlabel="layer, $l$", title=panel.name)
        for text, offset, side in (("mean + std", 1, "bottom"), ("mean − std", -1, "top")):
            end = len(panels[0].mean) // 2
            height = panels[0].mean[end] + offset * np.sqrt(panels[0].variance[end])
            axes[0].annotate(
                text,
                (end + 1, height),
                xytext=(0, 4 * offset),
                textcoords="offset points",
                ha="center" if offset > 0 else "right",
                va=side,
                fontsize=9,
            )
        axes[0].set_ylabel("log of squared norm, $\\ln\\,\\|z^l\\|^2/\\|x\\|^2$")
    ends = "; ".join(_spread_in_words(panel) for panel in panels)
    alt = (
        f"Log of the squared norm by layer, 1 to {len(panels[0].mean)}: mean and band of one "
        f"standard deviation over draws, with the predicted lines. At the last layer, {ends}."
    )
    return BookFigure(fig, alt)


def _spread_in_words(panel: Spread) -> str:
    last = panel.measured[:, -1]
    return (
        f"{panel.name}: mean {last.mean():.2f} (predicted {panel.mean[-1]:.2f}), variance "
        f"{last.var(ddof=1):.2f} (predicted {panel.variance[-1]:.2f})"
    ).replace("-", "−")


def _factors(ratios: Sequence[float]) -> str:
    return ", ".join(f"× {ratio:.3g}" for ratio in ratios)
