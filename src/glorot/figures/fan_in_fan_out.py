"""Figures of the chapter *One matrix, two demands*.

Each function takes what was measured and what was predicted and returns the picture with its
alternative text. Forward is a solid line, backward a dashed one; every policy keeps one color.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle

from glorot.figures.parts import box
from glorot.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    SCHEME_COLORS,
    SCHEME_MARKERS,
    SHADE,
    BookFigure,
    book_style,
    depth_colors,
    new_figure,
)

__all__ = [
    "MODE_COLORS",
    "chain",
    "end_products",
    "initial_histograms",
    "singular_values",
    "training",
    "two_demands",
    "weight_gradients",
]

MODE_COLORS = {
    "fan_in": SCHEME_COLORS["lecun"],
    "fan_avg": SCHEME_COLORS["glorot"],
    "fan_out": ACCENT,
}
_MODE_MARKERS = {
    "fan_in": SCHEME_MARKERS["lecun"],
    "fan_avg": SCHEME_MARKERS["glorot"],
    "fan_out": "P",
}
_MODE_WORDS = {"fan_in": "$1/n_{in}$", "fan_avg": "$1/n_{avg}$", "fan_out": "$1/n_{out}$"}
_SCHEME_WORDS = {"heuristic": "standard", "glorot": "normalized"}
_SERIES = ((INK, "D"), (SCHEME_COLORS["glorot"], "o"), (ACCENT, "v"), (MUTED, "s"))

BothWays = tuple[np.ndarray, np.ndarray]


# ------------------------------------------------------------------------------------- one layer


def two_demands(
    fans: tuple[int, int], var_w: np.ndarray, forward: np.ndarray, backward: np.ndarray
) -> BookFigure:
    """Draw what one layer does to variances, forward and back, against that of its weights.

    Args:
        fans: (fan_in, fan_out) of the layer.
        var_w: variances of one weight that were tried.
        forward: measured variance after / before, one for each of ``var_w``.
        backward: the same for gradients on their way back.
    """
    fan_in, fan_out = fans
    with book_style():
        figure = new_figure(3.3)
        ax = figure.subplots()
        _draw_ratio(ax, fan_in * var_w, var_w, forward, "forward")
        _draw_ratio(ax, fan_out * var_w, var_w, backward, "backward")
        _draw_policies(ax, fan_in, fan_out)
        ax.axhline(1, color=FAINT, lw=0.9, zorder=0)
        ax.set_yticks([0.25, 1, 4], ["1/4", "1", "4"])
        ax.minorticks_off()
        ax.set_xlim(var_w[0] / 1.1, var_w[-1] * 2.1)
        ax.set(xlabel="variance of one weight, Var[W]", ylabel="variance after / before")
    alt = (
        f"Variance after a layer of {fan_in} inputs and {fan_out} outputs over variance before it, "
        f"against the variance of one weight, both axes logarithmic. Measured points lie on two "
        f"parallel lines, forward from {forward[0]:.2f} to {forward[-1]:.2f}, backward from "
        f"{backward[0]:.2f} to {backward[-1]:.2f}. Forward is 1 at 1/{fan_in}, backward is 1 at "
        f"1/{fan_out}: nowhere both."
    )
    return BookFigure(figure, alt)


def _draw_ratio(
    ax: Axes, line: np.ndarray, var_w: np.ndarray, values: np.ndarray, word: str
) -> None:
    dash, marker, face = ("-", "o", INK) if word == "forward" else ("--", "s", "none")
    ax.loglog(var_w, line, dash, color=INK, lw=0.9)
    ax.loglog(var_w, values, marker, color=INK, ms=5, mfc=face)
    ax.annotate(word, (var_w[-1], line[-1]), xytext=(7, -4), textcoords="offset points")


def _draw_policies(ax: Axes, fan_in: int, fan_out: int) -> None:
    fans = {"fan_in": fan_in, "fan_avg": (fan_in + fan_out) / 2, "fan_out": fan_out}
    for mode, fan in fans.items():
        color = MODE_COLORS[mode]
        ax.axvline(1 / fan, color=color, lw=1.1, zorder=0)
        ax.annotate(
            _MODE_WORDS[mode],
            (1 / fan, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=color,
        )
    ax.set_xticks([1 / fan for fan in fans.values()], [f"1/{fan:g}" for fan in fans.values()])


# --------------------------------------------------------------------------------- a chain of them


def chain(
    sizes: Sequence[int], forward: Mapping[str, np.ndarray], backward: Mapping[str, np.ndarray]
) -> BookFigure:
    """Draw a net as a chain of layers and, under each policy, amplitudes as the width of a band.

    Args:
        sizes: widths (n_0, …, n_L).
        forward: by mode, variance of the signal at layers 0 … L, the input's being 1.
        backward: by mode, variance of the gradient at layers 0 … L, the output's being 1.
    """
    with book_style():
        figure = new_figure(5.4)
        ax = figure.subplots()
        _draw_layers(ax, sizes, height=3.6)
        top = -2.6
        for mode in forward:
            ax.annotate(_MODE_WORDS[mode], (-0.95, top - 1.2), color=MODE_COLORS[mode])
            for variances, word in ((forward[mode], "forward"), (backward[mode], "backward")):
                first = mode == next(iter(forward))
                if first:
                    middle = ((len(sizes) - 1) / 2, top - 1.2)
                    ax.annotate(word, middle, ha="center", color=MUTED)
                top = _draw_band(ax, np.sqrt(variances), top - 1.5, MODE_COLORS[mode], word)
            top -= 0.9
        ax.set(xlim=(-1, len(sizes) - 0.1), ylim=(top, 2.4))
        ax.axis("off")
    return BookFigure(figure, _chain_words(sizes, forward, backward))


def _draw_band(ax: Axes, amplitudes: np.ndarray, top: float, color: str, word: str) -> float:
    """A band along the chain, pointed at the end that it travels to; return where its foot is."""
    places = np.arange(len(amplitudes))
    middle, half = top - amplitudes.max() / 2, amplitudes / 2
    corners = [*zip(places, middle + half, strict=True)]
    if word == "forward":
        corners.append((places[-1] + 0.15, middle))
    corners += [*zip(places[::-1], (middle - half)[::-1], strict=True)]
    if word == "backward":
        corners.append((places[0] - 0.15, middle))
    face, dash = (FAINT, "-") if word == "forward" else ("none", "--")
    band = Polygon(corners, closed=True, facecolor=face, edgecolor=color, lw=1.2, ls=dash)
    ax.add_patch(band)
    for end, side in ((0, "right"), (-1, "left")):
        gap = (-14 if end == 0 else 14, 0)
        at = (places[end], middle)
        number = f"{amplitudes[end]:.2g}"
        ax.annotate(number, at, gap, textcoords="offset points", ha=side, va="center")
    return float(top - amplitudes.max())


def _draw_layers(ax: Axes, sizes: Sequence[int], height: float) -> None:
    """Layers as rounded boxes that name their width, weights as rectangles n_in by n_out."""
    for place, size in enumerate(sizes):
        box(ax, (place - 0.2, -0.6), (0.4, 1.2), SHADE).set_mutation_aspect(6)
        ax.annotate(f"{size}", (place, 0), ha="center", va="center", fontsize=9)
    for place, (n_in, n_out) in enumerate(pairwise(sizes)):
        tall, wide = height * n_in / max(sizes), 0.54 * n_out / max(sizes)
        corner = (place + 0.5 - wide / 2, -tall / 2)
        ax.add_patch(Rectangle(corner, wide, tall, facecolor="none", edgecolor=MUTED, lw=0.9))


def _chain_words(
    sizes: Sequence[int], forward: Mapping[str, np.ndarray], backward: Mapping[str, np.ndarray]
) -> str:
    ends = "; ".join(
        f"{_said(mode)}: forward from 1 to {np.sqrt(forward[mode][-1]):.2g}, "
        f"backward from 1 to {np.sqrt(backward[mode][0]):.2g}"
        for mode in forward
    )
    return (
        f"A chain of layers with {', '.join(map(str, sizes))} units, each weight matrix a "
        f"rectangle. Under it, for each policy, bands as wide as the signal's amplitude. {ends}."
    )


def _said(mode: str) -> str:
    return mode.replace("_", " ")


def end_products(
    sizes: Sequence[int], predicted: Mapping[str, BothWays], measured: Mapping[str, BothWays]
) -> BookFigure:
    """Draw forward and backward variances layer by layer under each policy.

    Args:
        sizes: widths (n_0, …, n_L).
        predicted: by mode, variances of layers 1 … L forward, and backward relative to the last.
        measured: by mode, the same for each draw, of shape (draws, L); bands hold 80 % of them.
    """
    layers = np.arange(1, len(sizes))
    with book_style():
        figure = new_figure(4.9)
        axes = figure.subplots(2, 1, sharex=True)
        for way, (ax, dash) in enumerate(zip(axes, ("-", "--"), strict=True)):
            lines = {mode: both[way] for mode, both in predicted.items()}
            _draw_products(ax, lines, {mode: both[way] for mode, both in measured.items()}, dash)
        _label_ends(axes[0], {mode: both[0][-1] for mode, both in predicted.items()}, layers[-1])
        _label_ends(axes[1], {mode: both[1][0] for mode, both in predicted.items()}, layers[0])
        axes[0].set_ylabel("forward, $E[z_l^2]$")
        axes[1].set_ylabel("backward, $E[\\delta_l^2] / E[\\delta_L^2]$")
        shapes = [f"{n_in}→{n_out}" for n_in, n_out in pairwise(sizes)]
        names = [f"{layer}\n{shape}" for layer, shape in zip(layers, shapes, strict=True)]
        axes[1].set_xticks(layers, names)
        axes[1].set_xlim(0.35, len(layers) + 0.65)
        axes[1].set_xlabel("layer $l$ and the shape of its weights")
    return BookFigure(figure, _products_words(sizes, measured))


def _draw_products(
    ax: Axes, lines: Mapping[str, np.ndarray], measured: Mapping[str, np.ndarray], dash: str
) -> None:
    for mode, line in lines.items():
        color, draws = MODE_COLORS[mode], measured[mode]
        layers = np.arange(1, len(line) + 1)
        low, high = np.percentile(draws, (10, 90), axis=0)
        ax.fill_between(layers, low, high, color=color, alpha=0.15, lw=0)
        ax.semilogy(layers, line, dash, color=color, lw=1)
        ax.semilogy(layers, draws.mean(axis=0), _MODE_MARKERS[mode], color=color, ms=5)
    ax.axhline(1, color=FAINT, lw=0.8, zorder=0)
    _decades(ax, np.concatenate(list(lines.values())))


def _decades(ax: Axes, values: np.ndarray) -> None:
    """A log axis that holds the values and 1, with few round ticks."""
    low, high = min(values.min(), 1) / 1.7, max(values.max(), 1) * 1.7
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    fine = np.outer(powers, (1, 2, 5)).ravel()
    ticks = [tick for tick in (fine if high / low < 30 else powers) if low <= tick <= high]
    ticks = ticks[len(ticks) % 2 :: 2] if len(ticks) > 6 else ticks
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_ylim(low, high)
    ax.minorticks_off()


def _label_ends(ax: Axes, ends: Mapping[str, float], layer: int) -> None:
    """Name the curves at the first or last layer, no name nearer to the next than a line of text."""
    low, high = np.log(ax.get_ylim())
    floor, gap = -1.0, -9 if layer == 1 else 9
    for mode in sorted(ends, key=lambda mode: ends[mode]):
        height = max((np.log(ends[mode]) - low) / (high - low), floor)
        floor = height + 0.12
        ax.annotate(
            _MODE_WORDS[mode],
            (layer, height),
            (gap, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=MODE_COLORS[mode],
            va="center",
            ha="right" if layer == 1 else "left",
        )


def _products_words(sizes: Sequence[int], measured: Mapping[str, BothWays]) -> str:
    ends = "; ".join(
        f"{_said(mode)}: forward {up.mean(axis=0)[-1]:.3g}, backward {down.mean(axis=0)[0]:.3g}"
        for mode, (up, down) in measured.items()
    )
    draws = len(next(iter(measured.values()))[0])
    return (
        f"Variance by layer of a net of widths {'-'.join(map(str, sizes))} under "
        f"{len(measured)} policies, log scale; points, means over {draws} draws, stand on the "
        f"predicted lines. At the far end: {ends}."
    )


# -------------------------------------------------------------------------------------- training


def training(
    updates: np.ndarray,
    curves: Mapping[str, Mapping[str, np.ndarray]],
    errors: Mapping[str, Mapping[str, np.ndarray]],
) -> BookFigure:
    """Draw how nets of several shapes learn under each policy, and where every seed ends.

    Args:
        updates: when the validation error was measured, shape (T,).
        curves: by shape of the net and mode, validation errors as fractions, shape (T, seeds).
        errors: by shape and mode, test errors at the end as fractions, paired by seed.
    """
    with book_style():
        figure = new_figure(5.2)
        axes = figure.subplots(2, len(curves), sharey="row", squeeze=False)
        for column, shape in zip(axes.T, curves, strict=True):
            _draw_curves(column[0], updates, curves[shape])
            _draw_seeds(column[1], errors[shape])
            column[0].set_title(shape)
        axes[0, 0].set_ylabel("validation error, %")
        axes[1, 0].set_ylabel("test error at the end, %")
    found = "; ".join(
        f"{shape}, {_said(mode)}: {100 * np.mean(values):.2f} %"
        for shape, by_mode in errors.items()
        for mode, values in by_mode.items()
    )
    alt = (
        f"Above, validation error over {updates[-1]:,} updates, mean and range of the seeds, for "
        f"{' and '.join(curves)} nets under each policy. Below, test error at the end, one point "
        f"per seed, a line joining equal seeds and a bar at the mean. Means: {found}."
    )
    return BookFigure(figure, alt)


def _draw_curves(ax: Axes, updates: np.ndarray, by_mode: Mapping[str, np.ndarray]) -> None:
    later = updates > 0  # a log axis has no place for the start, where every net guesses
    for number, (mode, values) in enumerate(by_mode.items()):
        percent, color = 100 * values[later], MODE_COLORS[mode]
        low, high, mean = percent.min(axis=1), percent.max(axis=1), percent.mean(axis=1)
        ax.fill_between(updates[later], low, high, lw=0, alpha=0.13, color=color)
        ax.loglog(updates[later], mean, color=color)
        spot = number * (len(mean) - 1) // max(1, len(by_mode) - 1)  # curves may hide one another
        ax.plot(updates[later][spot], mean[spot], _MODE_MARKERS[mode], color=color, ms=5)
    low, high = ax.get_ylim()
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 40, 80) if low <= tick <= high]
    ax.set_yticks(ticks, [f"{tick}" for tick in ticks])
    round_numbers = [k * 10**power for power in range(7) for k in (1, 2, 5)]
    shown = [tick for tick in round_numbers if updates[later][0] < tick <= updates[-1]]
    ax.set_xticks(shown, [f"{tick:,}" for tick in shown])
    ax.minorticks_off()
    ax.set_xlabel("updates")


def _draw_seeds(ax: Axes, by_mode: Mapping[str, np.ndarray]) -> None:
    values, places = 100 * np.array(list(by_mode.values())), np.arange(len(by_mode))
    ax.plot(places, values, color=FAINT, lw=0.8, zorder=0)
    for place, mode in enumerate(by_mode):
        color, mean = MODE_COLORS[mode], values[place].mean()
        at = np.full(values.shape[1], place)
        ax.plot(at, values[place], _MODE_MARKERS[mode], ms=5, color=color, alpha=0.6, mew=0)
        ax.plot([place - 0.25, place + 0.25], [mean, mean], lw=2, color=color)
    ax.set_xticks(places, [_MODE_WORDS[mode] for mode in by_mode])
    for label, mode in zip(ax.get_xticklabels(), by_mode, strict=True):
        label.set_color(MODE_COLORS[mode])
    ax.set_xlim(-0.5, len(by_mode) - 0.5)


# ------------------------------------------------------------------------- Figures 6, 7, 8


def initial_histograms(
    activations: Mapping[str, Any],
    gradients: Mapping[str, Any],
    weight_gradients: Mapping[str, Any],
) -> BookFigure:
    """Draw the paper's Figures 6, 7 and 8: one row each, one column per scheme, a line per layer.

    Args:
        activations: by scheme, histograms with ``centers`` (bins,) and ``density`` (layers, bins).
        gradients: the same for back-propagated gradients.
        weight_gradients: the same for weight gradients. In a row both schemes share their bins.
    """
    rows = {
        "activation $h$": activations,
        "back-propagated gradient $\\delta$": gradients,
        "weight gradient $\\partial L/\\partial W$": weight_gradients,
    }
    with book_style():
        figure = new_figure(6.0)
        axes = figure.subplots(3, len(activations), sharey="row", sharex="row", squeeze=False)
        for row, (word, histograms) in zip(axes, rows.items(), strict=True):
            for ax, scheme in zip(row, activations, strict=True):
                _draw_layer_lines(ax, histograms[scheme])
            row[0].set_ylabel("share, √ scale", color=MUTED)
            row[0].set_xlabel(word, loc="left")
        for ax, scheme in zip(axes[0], activations, strict=True):
            ax.set_title(_SCHEME_WORDS[scheme])
        _label_depth(axes[0, 0], len(next(iter(activations.values())).density))
    named = {"Activations": activations, "Back-propagated gradients": gradients}
    named["Weight gradients"] = weight_gradients
    words = " ".join(f"{name}: {_spread_words(those)}." for name, those in named.items())
    return BookFigure(figure, f"Histograms by hidden layer at initialization. {words}")


def _draw_layer_lines(ax: Axes, histogram: Any) -> None:
    """Square roots of heights: a peak ten times as high stays on the page, tails stay visible."""
    colors = depth_colors(len(histogram.density))
    for density, color in zip(histogram.density, colors, strict=True):
        ax.plot(histogram.centers, np.sqrt(density), color=color, lw=1.2)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.locator_params(axis="x", nbins=4)
    ax.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3), useMathText=True)


def _label_depth(ax: Axes, depth: int) -> None:
    for layer, color in enumerate(depth_colors(depth)):
        ax.annotate(
            f"layer {layer + 1}",
            (1.0, 0.98 - 0.16 * layer),
            xycoords="axes fraction",
            ha="right",
            va="top",
            color=color,
            fontsize=9,
        )


def _spread_words(histograms: Mapping[str, Any]) -> str:
    words = []
    for scheme, histogram in histograms.items():
        weights = histogram.density / histogram.density.sum(axis=1, keepdims=True)
        spreads = np.sqrt((weights * histogram.centers**2).sum(axis=1))
        words.append(
            f"{_SCHEME_WORDS[scheme]}, spread {spreads[0]:.2g} in layer 1 and {spreads[-1]:.2g} "
            f"in layer {len(spreads)}"
        )
    return "; ".join(words)


# -------------------------------------------------------------------------------- weight gradients


def weight_gradients(
    measured: Mapping[str, np.ndarray], predicted: Mapping[str, np.ndarray]
) -> BookFigure:
    """Draw the variance of weight gradients by layer, relative to the first.

    Args:
        measured: by name, values for each draw, shape (draws, L); bands are a standard deviation.
        predicted: by name, the prediction, shape (L,).
    """
    with book_style():
        figure = new_figure(3.2)
        ax = figure.subplots()
        ends: list[float] = []
        for (name, draws), (color, marker) in zip(measured.items(), _SERIES, strict=False):
            layers, line = np.arange(1, draws.shape[1] + 1), predicted[name] / predicted[name][0]
            _draw_relative(ax, draws, color, marker)
            ax.semilogy(layers, line, "-", color=color, lw=1)
            taken = any(abs(np.log(line[-1] / other)) < 0.2 for other in ends)
            spot = np.abs(np.log(line / line[-1])).argmax() if taken else len(line) - 1
            at = (layers[spot], line[spot])
            side = "center" if spot == len(line) - 1 else "bottom"  # a dip lies near the axis
            ax.annotate(name, at, (9, 0), textcoords="offset points", va=side, color=color)
            ends.append(line[-1])
        _halvings(ax)
        ax.set_xticks(layers)
        ax.set_xlim(0.7, len(layers) + 2.1)
        ax.set(xlabel="layer $l$", ylabel="weight-gradient variance,\nrelative to layer 1")
    return BookFigure(figure, _weight_gradient_words(measured))


def _draw_relative(ax: Axes, draws: np.ndarray, color: str, marker: str) -> None:
    layers, means = np.arange(1, draws.shape[1] + 1), draws.mean(axis=0)
    points, band = means / means[0], draws.std(axis=0, ddof=1) / means[0]
    ax.fill_between(layers, points - band, points + band, color=color, alpha=0.13, lw=0)
    ax.semilogy(layers, points, marker, color=color, ms=5)


def _halvings(ax: Axes) -> None:
    """Ticks at powers of 2 on a log axis."""
    low, high = np.log2(ax.get_ylim())
    first, last = int(np.ceil(low)), int(np.floor(high))
    powers = range(first, last + 1, max(1, (last - first) // 4))
    ax.set_yticks([2.0**k for k in powers], [f"{2**k}" if k >= 0 else f"1/{2**-k}" for k in powers])
    ax.minorticks_off()


def _weight_gradient_words(measured: Mapping[str, np.ndarray]) -> str:
    found = []
    for name, draws in measured.items():
        relative = draws.mean(axis=0) / draws.mean(axis=0)[0]
        said = name.replace("\n", " ")
        found.append(f"{said}: lowest {relative.min():.2f}, last {relative[-1]:.2f}")
    return (
        f"Variance of the weight gradients in layers 1 to {len(relative)} relative to layer 1, "
        f"means over {len(draws)} nets, on the predicted lines. {'; '.join(found)}."
    )


# --------------------------------------------------------------------------------- singular values


def singular_values(values: Mapping[str, np.ndarray], sigma_w2: Mapping[str, float]) -> BookFigure:
    """Draw the singular values of a square weight matrix and the quarter circle they lie on.

    Args:
        values: by scheme, the singular values.
        sigma_w2: by scheme, n Var[W].
    """
    with book_style():
        figure = new_figure(3.8)
        axes = figure.subplots(len(values), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for ax, (scheme, found) in zip(axes, values.items(), strict=True):
            _draw_quarter_circle(ax, found, np.sqrt(sigma_w2[scheme]), SCHEME_COLORS[scheme])
            ax.set_title(_SCHEME_WORDS[scheme])
        axes[0].set_ylim(0, 2.7 / np.pi / np.sqrt(min(sigma_w2.values())))
        axes[-1].set(xlabel="singular value of $W$", xlim=(0, 2.1))
    found_words = "; ".join(
        f"{_SCHEME_WORDS[scheme]}: mean {found.mean():.3f}, root mean square "
        f"{_root_mean_square(found):.3f}, largest {found.max():.2f}"
        for scheme, found in values.items()
    )
    alt = (
        f"Histograms of the singular values of a weight matrix, on quarter circles. {found_words}."
    )
    return BookFigure(figure, alt)


def _draw_quarter_circle(ax: Axes, found: np.ndarray, sigma: float, color: str) -> None:
    ax.hist(found, bins=np.linspace(0, 2.1, 43).tolist(), density=True, color=color, alpha=0.3)
    s = np.linspace(0, 2 * sigma, 200)
    law = np.sqrt(np.maximum(4 * sigma**2 - s**2, 0)) / (np.pi * sigma**2)
    ax.plot(s, law, color=INK, lw=1)
    marks = (
        (found.mean(), "mean", "-", "right", -4),
        (_root_mean_square(found), "root mean square", ":", "left", 4),
    )
    for place, word, dash, side, gap in marks:
        ax.axvline(place, color=color, ls=dash, lw=1.4)
        ax.annotate(
            f"{word} {place:.3f}",
            (place, 0.99),
            (gap, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=color,
            va="top",
            ha=side,
        )
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_ylabel("density")


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))
