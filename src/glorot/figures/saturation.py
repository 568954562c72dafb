"""The figures of *What goes wrong with the sigmoid?*: each takes a result and draws it, none computes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from glorot.figures.parts import in_words, keep_apart
from glorot.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    SHADE,
    BookFigure,
    book_style,
    depth_colors,
    new_figure,
)

_DASHES = ("-", "--", (0, (1.2, 1.2)), "-.")


# eq=False: comparing arrays with == has no single truth value.
@dataclass(frozen=True, eq=False)
class Curve:
    """An activation function, its slope, and where the slope has all but vanished.

    Args:
        name: how the curve is labeled.
        value: φ on the figure's grid.
        slope: φ′ on the same grid.
        edge: |z| beyond which the unit counts as saturated.
    """

    name: str
    value: np.ndarray
    slope: np.ndarray
    edge: float


@dataclass(frozen=True, eq=False)
class Times:
    """Numbers of updates until something happened, against the learning rate, with the law they should obey.

    Args:
        name: how the points are labeled.
        rates: learning rates, shape (N,).
        updates: updates until it happened, shape (N,).
        law: updates by the law at each of these rates, shape (N,).
        wording: the law in words.
    """

    name: str
    rates: np.ndarray
    updates: np.ndarray
    law: np.ndarray
    wording: str


def curves_and_slopes(z: np.ndarray, curves: Sequence[Curve]) -> BookFigure:
    """Draw activation functions and their slopes; the first one's saturated zones are shaded.

    Args:
        z: grid of pre-activations.
        curves: the functions on that grid.
    """
    with book_style():
        fig = new_figure(2.9)
        left, right = fig.subplots(1, 2)
        for ax in (left, right):
            for side in (-1, 1):
                ax.axvspan(side * curves[0].edge, side * z[-1], color=SHADE, lw=0, zorder=0)
            ax.axhline(0, color=FAINT, lw=0.8, zorder=0)
            ax.set(xlabel="pre-activation, $z$", xlim=(z[0], z[-1]))
        for curve, dash in zip(curves, _DASHES, strict=False):
            color = ACCENT if curve is curves[0] else INK
            left.plot(z, curve.value, ls=dash, color=color)
            right.plot(z, curve.slope, ls=dash, color=color, label=curve.name)
            right.plot(
                [curve.edge], [np.interp(curve.edge, z, curve.slope)], "o", color=color, ms=4
            )
        left.set(title="output, $\\varphi(z)$", yticks=[-1, -0.5, 0, 0.5, 1])
        right.set(title="slope, $\\varphi^\\prime(z)$", yticks=[0, 0.25, 0.5, 1])
        right.legend(loc="upper right", handlelength=1.6, borderaxespad=0, labelspacing=0.3)
    parts = "; ".join(
        f"{c.name} runs from {c.value[0]:.2f} to {c.value[-1]:.2f}, its slope is at most {c.slope.max():.2f} and below "
        f"a twentieth of that beyond {c.edge:.2f}"
        for c in curves
    )
    return BookFigure(
        fig,
        _minus(
            f"Activation functions and their slopes for pre-activations from {z[0]:g} to {z[-1]:g}. "
            f"{parts}. The zones where the {curves[0].name} function is saturated are shaded."
        ),
    )


def between_images(predicted: np.ndarray, measured: np.ndarray) -> BookFigure:
    """Draw what is left, layer by layer, of the difference between images: theory as a line, networks as points.

    Args:
        predicted: standard deviation between images by layer, shape (layers,).
        measured: one row per network, shape (draws, layers).
    """
    layers = np.arange(1, len(predicted) + 1)
    center, low, high = measured.mean(axis=0), measured.min(axis=0), measured.max(axis=0)
    with book_style():
        fig = new_figure(2.7)
        ax = fig.add_subplot()
        ax.fill_between(layers, low, high, color=ACCENT, alpha=0.22, lw=0)
        ax.plot(layers, predicted, color=INK, lw=0.9)
        ax.plot(layers, center, "o", color=ACCENT)
        ax.axhline(0.5, color=MUTED, lw=0.9, ls=(0, (4, 2)))
        ax.annotate(
            "what all images share: 1/2",
            (layers[-1], 0.5),
            xytext=(0, -5),
            textcoords="offset points",
            ha="right",
            va="top",
        )
        ax.annotate(
            "what tells them apart",
            (layers[1], center[1]),
            xytext=(10, 2),
            textcoords="offset points",
        )
        ax.set(
            yscale="log",
            xlabel="hidden layer, $l$",
            ylabel="part of the output, $h^l$",
            ylim=(None, 1),
        )
        ax.set_xticks(layers)
    return BookFigure(
        fig,
        f"Standard deviation of a unit's output between images, by hidden layer 1 to {layers[-1]}, "
        f"logarithmic: from {in_words(center[0])} it falls along the predicted line to {in_words(center[-1])}, "
        f"predicted {in_words(predicted[-1])}, while the mean output stays at one half.",
    )


def fall(updates: np.ndarray, means: np.ndarray, errors: np.ndarray, chance: float) -> BookFigure:
    """Draw the mean activation of every hidden layer, and the error, from the first update on.

    Args:
        updates: shape (T,), logarithmic but for a 0 at the start.
        means: mean activation, shape (T, networks, layers).
        errors: fractions, shape (T, networks).
        chance: error of the best constant guess.
    """
    with book_style():
        fig = new_figure(4.0)
        top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=(1.7, 1))
        _layer_lines(top, np.maximum(updates, 0.7), means)
        top.set(ylabel="mean activation", ylim=(0, None))
        low, high = errors.min(axis=1), errors.max(axis=1)
        bottom.fill_between(
            np.maximum(updates, 0.7), 100 * low, 100 * high, color=ACCENT, alpha=0.22, lw=0
        )
        bottom.plot(np.maximum(updates, 0.7), 100 * errors.mean(axis=1), color=ACCENT)
        bottom.axhline(100 * chance, color=INK, lw=0.9)
        bottom.annotate(
            "one constant guess",
            (updates[-1], 100 * chance),
            xytext=(0, -4),
            textcoords="offset points",
            ha="right",
            va="top",
        )
        bottom.set(xscale="log", xlabel="updates", ylabel="error, %", ylim=(70, 100))
        bottom.set_xlim(0.7, updates[-1] * 1.9)
    ends = ", ".join(f"{value:.2f}" for value in means[-1].mean(axis=0))
    return BookFigure(
        fig,
        f"Mean activation of {means.shape[2]} hidden layers over {updates[-1]:,} updates, logarithmic. All "
        f"begin at one half; at the end they stand at {ends}, first layer to last. The error stays near "
        f"{100 * chance:.1f} %, that of a constant guess; it ends at {100 * errors[-1].mean():.1f} %.",
    )


def _layer_lines(ax: Axes, x: np.ndarray, means: np.ndarray) -> None:
    """One line per layer with the networks' range as a band; the layer's number at its end."""
    layers = means.shape[2]
    places = keep_apart(means[-1].mean(axis=0), 0.075 * means.max())
    for layer, (color, series) in enumerate(
        zip(depth_colors(layers), np.moveaxis(means, 2, 0), strict=True), start=1
    ):
        ax.fill_between(x, series.min(axis=1), series.max(axis=1), color=color, alpha=0.22, lw=0)
        ax.plot(x, series.mean(axis=1), color=color, lw=2.0 if layer == layers else 1.2)
        ax.annotate(
            f"layer {layer}",
            (x[-1], places[layer - 1]),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=color,
        )


def who_pushes(updates: np.ndarray, tops: Mapping[str, np.ndarray]) -> BookFigure:
    """Draw the top layer's mean activation for several ways of training it.

    Args:
        updates: shape (T,).
        tops: name -> mean activation, shape (T, networks).
    """
    starts = {name: series[0].mean() for name, series in tops.items()}
    with book_style():
        fig = new_figure(3.0)
        ax = fig.add_subplot()
        for (name, series), dash, mark in zip(tops.items(), _DASHES, "osD^", strict=False):
            stays = series[-1].mean() > 0.8 * starts[name]
            color = ACCENT if stays else INK
            ax.fill_between(
                updates, series.min(axis=1), series.max(axis=1), color=color, alpha=0.2, lw=0
            )
            ax.plot(
                updates,
                series.mean(axis=1),
                ls=dash,
                marker=mark,
                markevery=max(1, len(updates) // 8),
                ms=3.5,
                color=color,
                label=name,
            )
        ax.legend(loc="center right", bbox_to_anchor=(1, 0.62))
        ax.set(
            xlabel="updates", ylabel="mean activation, top layer", ylim=(0, 0.55), xlim=(0, None)
        )
    ends = "; ".join(f"{name}: {series[-1].mean():.2f}" for name, series in tops.items())
    return BookFigure(
        fig,
        f"Mean activation of the top hidden layer over {updates[-1]:,} updates, from one half. "
        f"At the end: {ends}.",
    )


def escape(
    updates: np.ndarray,
    means: np.ndarray,
    stds: np.ndarray,
    signal: np.ndarray,
    error: np.ndarray,
    escaped_at: int,
) -> BookFigure:
    """Draw one network's way through the plateau: activations, what tells images apart, error.

    Args:
        updates: shape (T,).
        means: mean activation by hidden layer, shape (T, layers).
        stds: standard deviation of the same; drawn for the top layer.
        signal: root mean square of what distinguishes the examples in the logits, shape (T,).
        error: fraction, shape (T,).
        escaped_at: update of the escape.
    """
    x = np.maximum(updates, 0.7)
    with book_style():
        fig = new_figure(5.2)
        axes = fig.subplots(3, 1, sharex=True, height_ratios=(1.7, 1, 1))
        _layer_lines(axes[0], x, means[:, np.newaxis])
        color = depth_colors(means.shape[1])[-1]
        axes[0].fill_between(
            x, means[:, -1] - stds[:, -1], means[:, -1] + stds[:, -1], color=color, alpha=0.15, lw=0
        )
        axes[0].set(ylabel="mean activation", ylim=(0, None))
        axes[1].plot(x, signal, color=INK)
        axes[1].set(yscale="log", ylabel="signal at\nthe output")
        axes[2].plot(x, 100 * error, color=ACCENT)
        axes[2].set(xscale="log", ylabel="error, %", xlabel="updates", ylim=(0, 100))
        axes[2].set_xlim(0.7, updates[-1] * 2.2)
        for ax in axes:
            ax.axvline(escaped_at, color=MUTED, lw=0.9, ls=(0, (4, 2)), zorder=0)
        axes[2].annotate(
            "escape", (escaped_at, 30), xytext=(-5, 0), textcoords="offset points", ha="right"
        )
    top = means[:, -1]
    return BookFigure(
        fig,
        f"One network over {updates[-1]:,} updates, logarithmic. The top hidden layer's mean activation falls "
        f"from {top[0]:.2f} to {top.min():.3f} and ends at {top[-1]:.2f}; the signal at the output grows "
        f"from {in_words(signal.min())} to {in_words(signal[-1])}; the error stays near {100 * error[0]:.0f} % "
        f"until the escape at {escaped_at:,} updates and ends at {100 * error[-1]:.0f} %.",
    )


def two_times(falls: Times, escapes: Times) -> BookFigure:
    """Draw updates until the fall and until the escape against the learning rate, with their laws as thin lines."""
    with book_style():
        fig = new_figure(3.3)
        ax = fig.add_subplot()
        for times, marker, color in ((escapes, "o", ACCENT), (falls, "v", INK)):
            order = np.argsort(times.rates)
            ax.plot(times.rates[order], times.law[order], color=INK, lw=0.9)
            ax.plot(times.rates, times.updates, marker, color=color, ls="none")
            middle = order[len(order) // 2]
            ax.annotate(
                f"{times.name}\n{times.wording}",
                (times.rates[middle], times.law[middle]),
                xytext=(12, 10),
                textcoords="offset points",
                color=color,
                linespacing=1.3,
            )
        rates = np.unique(escapes.rates)
        ax.set(xscale="log", yscale="log", xlabel="learning rate, $\\eta$", ylabel="updates")
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
        ax.set_xlim(rates[0] / 1.3, rates[-1] * 2.2)
    parts = "; ".join(
        f"{t.name} at rate {rate:g}: {t.updates[t.rates == rate].min():,.0f} to {t.updates[t.rates == rate].max():,.0f}"
        for t in (falls, escapes)
        for rate in np.unique(t.rates)
    )
    return BookFigure(
        fig,
        f"Updates until the fall and until the escape against the learning rate, both logarithmic, one point "
        f"per network. {parts}. The lines: {falls.name} {falls.wording}, {escapes.name} {escapes.wording}.",
    )


def spread_by_layer(
    updates: np.ndarray, percentiles: Mapping[str, np.ndarray], stds: Mapping[str, np.ndarray]
) -> BookFigure:
    """Draw 98th percentile and standard deviation of every hidden layer over training, a column per activation.

    Args:
        updates: shape (T,).
        percentiles: activation -> 98th percentile of the layers' outputs, shape (T, networks, layers).
        stds: activation -> standard deviation of the same.
    """
    with book_style():
        fig = new_figure(4.4)
        axes = fig.subplots(2, len(stds), sharex=True, sharey="row", squeeze=False)
        for row, (words, results) in enumerate(
            (("98th percentile", percentiles), ("standard deviation", stds))
        ):
            for ax, (name, series) in zip(axes[row], results.items(), strict=True):
                _numbered_lines(ax, updates, series)
                ax.set(ylim=(0, 1.02), xlim=(0, updates[-1] * 1.12))
                if row == 0:
                    ax.set_title(name)
            axes[row, 0].set_ylabel(f"{words} of $h^l$")
        for ax in axes[1]:
            ax.set(xlabel="updates, thousands")
            ticks = np.linspace(0, updates[-1], 4)
            ax.set_xticks(ticks, [f"{tick / 1000:g}" for tick in ticks])
    parts = "; ".join(
        f"{name}: standard deviations {_listed(stds[name][-1])} and "
        f"98th percentiles {_listed(percentiles[name][-1])} at the end"
        for name in stds
    )
    return BookFigure(
        fig,
        f"98th percentile and standard deviation of the hidden layers' outputs over {updates[-1]:,} updates, "
        f"first layer to last. {parts}. The first layer leads, the others follow in order.",
    )


def _numbered_lines(ax: Axes, x: np.ndarray, values: np.ndarray) -> None:
    ends = values[-1].mean(axis=0)
    places = keep_apart(ends, 0.075)
    for layer, color in enumerate(depth_colors(values.shape[2])):
        series = values[:, :, layer]
        ax.fill_between(x, series.min(axis=1), series.max(axis=1), color=color, alpha=0.22, lw=0)
        ax.plot(x, series.mean(axis=1), color=color)
        ax.annotate(
            str(layer + 1),
            (x[-1], places[layer]),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=color,
        )


def histograms(edges: np.ndarray, densities: Mapping[str, np.ndarray]) -> BookFigure:
    """Draw each layer's histogram of outputs, one row per layer and one column per activation.

    Args:
        edges: borders of the bins, shape (bins + 1,).
        densities: activation -> density by layer and bin, shape (layers, bins).
    """
    layers = len(next(iter(densities.values())))
    highest = max(density.max() for density in densities.values())
    with book_style():
        fig = new_figure(0.62 * layers + 0.9)
        axes = fig.subplots(layers, len(densities), sharex=True, sharey=True, squeeze=False)
        for column, (name, density) in enumerate(densities.items()):
            for layer, color in enumerate(depth_colors(layers)):
                ax = axes[layer, column]
                ax.stairs(density[layer], edges, fill=True, color=color, alpha=0.85)
                ax.spines["left"].set_visible(False)
                ax.set(yticks=[], ylim=(0, highest * 1.05), xticks=[-1, -0.5, 0, 0.5, 1])
                ax.text(
                    0.13, 0.95, f"layer {layer + 1}", transform=ax.transAxes, va="top", color=color
                )
            axes[0, column].set_title(name)
            axes[-1, column].set_xlabel("output, $h^l$")
    centers = (edges[:-1] + edges[1:]) / 2
    parts = "; ".join(
        f"{name}: {', '.join(f'±{abs(centers[row.argmax()]):.2f}' for row in density)}"
        for name, density in densities.items()
    )
    return BookFigure(
        fig,
        f"Histograms of the outputs of {layers} hidden layers after training, first layer on top. "
        f"Most frequent values, first layer to last: {parts}.",
    )


def cost_surfaces(
    w1: np.ndarray, w2: np.ndarray, costs: Mapping[str, np.ndarray], flat: Mapping[str, np.ndarray]
) -> BookFigure:
    """Draw costs over two weights as contour lines, with their plateaus shaded.

    Args:
        w1: grid of the first layer's weight, shape (n,).
        w2: grid of the second layer's weight, shape (m,).
        costs: name -> cost, shape (m, n).
        flat: name -> where the gradient has all but vanished, shape (m, n).
    """
    with book_style():
        fig = new_figure(3.0)
        axes = fig.subplots(1, len(costs), sharey=True, squeeze=False)[0]
        for ax, (name, cost) in zip(axes, costs.items(), strict=True):
            ax.contourf(w1, w2, flat[name], levels=[0.5, 1.5], colors=[FAINT])
            ax.contour(
                w1,
                w2,
                cost,
                levels=np.linspace(cost.min(), cost.max(), 12)[1:-1],
                colors=[INK],
                linewidths=0.8,
            )
            ax.set(aspect="equal", xlabel="weight of layer 1, $w_1$", title=name)
        axes[0].set_ylabel("weight of layer 2, $w_2$")
    parts = "; ".join(
        f"{name}: cost {cost.min():.2f} to {cost.max():.2f}, plateaus cover {100 * flat[name].mean():.0f} %"
        for name, cost in costs.items()
    )
    return BookFigure(
        fig,
        _minus(
            f"Contour lines of cost over two weights, each from {w1[0]:g} to {w1[-1]:g}, plateaus shaded. "
            f"{parts}."
        ),
    )


def _listed(by_network: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in by_network.mean(axis=0))


def _minus(text: str) -> str:
    return text.replace(" -", " −")
