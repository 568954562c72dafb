"""Figures of the chapter *Length is half the story*.

Each function takes what was predicted and what was measured and returns the picture with its
alternative text. Theory is a thin line, measurement points; forward is solid, backward dashed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glorot.figures.parts import in_words, keep_apart, label
from glorot.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    SCHEME_COLORS,
    SCHEME_MARKERS,
    BookFigure,
    book_style,
    depth_colors,
    new_figure,
)

__all__ = [
    "Curve",
    "Panel",
    "angles",
    "around",
    "assumptions",
    "hidden_death",
    "phases",
    "spectra",
    "thousand",
    "who_trains",
]

BothWays = tuple[np.ndarray, np.ndarray]
Look = tuple[str, str]

_LOOKS: dict[str, Look] = {
    "ReLU, He": (SCHEME_COLORS["he"], SCHEME_MARKERS["he"]),
    "linear": (MUTED, "o"),
    "linear, LeCun": (MUTED, "o"),
    "SELU": (SCHEME_COLORS["lecun"], SCHEME_MARKERS["lecun"]),
    "SELU, LeCun": (SCHEME_COLORS["lecun"], SCHEME_MARKERS["lecun"]),
    "tanh, 5/3": (ACCENT, "P"),
    "tanh, Glorot": (SCHEME_COLORS["glorot"], "X"),
    "tanh, orthogonal": (SCHEME_COLORS["orthogonal"], SCHEME_MARKERS["orthogonal"]),
}
_WAYS_AROUND: dict[str, tuple[str, str, str]] = {  # color, marker, name
    "shortcut": (SCHEME_COLORS["he"], "^", "shortcut, He"),
    "scaled": (SCHEME_COLORS["glorot"], "o", "scaled 1/√N"),
    "zero": (MUTED, "s", "branch at 0"),
    "normalized": (ACCENT, "P", "normalized"),
}
_KINDS = {"Gaussian": SCHEME_COLORS["lecun"], "orthogonal": SCHEME_COLORS["orthogonal"]}
_MARKS = {"identity": "o", "tanh": "s", "relu": "^"}
_WORDS = {"identity": "linear", "tanh": "tanh", "relu": "ReLU"}
_TENTHS = (10, 90)  # bars hold eight nets of ten


# -------------------------------------------------------------------------------- the assumptions


# eq=False: comparing arrays with == has no single truth value.
@dataclass(frozen=True, eq=False)
class Panel:
    """One assumption and what is measured without it.

    Args:
        title: the assumption in a word or two.
        across: what is varied.
        x: where it was measured.
        line: predicted without the assumption, there.
        measured: shape (draws, len(x)).
        assumed: what the assumption says, there.
        logs: axes that are logarithmic, of ``"x"`` and ``"y"``.
    """

    title: str
    across: str
    x: np.ndarray
    line: np.ndarray
    measured: np.ndarray
    assumed: np.ndarray
    logs: tuple[str, ...] = ()


def assumptions(panels: Sequence[Panel]) -> BookFigure:
    """Draw what becomes of a prediction when one of its assumptions is taken away, each in a panel.

    Args:
        panels: an even number, two in a row.
    """
    with book_style():
        figure = new_figure(2.15 * (len(panels) // 2))
        axes = figure.subplots(len(panels) // 2, 2).ravel()
        for ax, panel in zip(axes, panels, strict=True):
            _draw_panel(ax, panel)
    found = "; ".join(
        f"{p.title}: {in_words(p.assumed[at])} by assumption, {in_words(p.line[at])} predicted "
        f"without it, {in_words(p.measured[:, at].mean())} measured"
        for p in panels
        for at in [_farthest(p)]
    )
    alt = (
        f"{len(panels)} panels, one for each assumption: dotted what it says, a thin line what "
        f"theory says without it, points what was measured. Where they are farthest apart, {found}."
    )
    return BookFigure(figure, alt)


def _farthest(panel: Panel) -> int:
    return int(np.abs(panel.line - panel.assumed).argmax())


def _draw_panel(ax: Axes, panel: Panel) -> None:
    ax.plot(panel.x, panel.assumed, ":", color=MUTED, lw=1.3)
    ax.plot(panel.x, panel.line, color=INK, lw=1)
    middle = panel.measured.mean(axis=0)
    if len(panel.measured) > 1:
        ax.vlines(panel.x, *np.percentile(panel.measured, _TENTHS, axis=0), color=ACCENT, lw=1.2)
    ax.plot(panel.x, middle, "o", color=ACCENT, ms=4)
    for axis in panel.logs:
        ax.set(**{f"{axis}scale": "log"})
    if "y" not in panel.logs:
        lowest = min(float(panel.measured.min()), float(panel.assumed.min()), 0.0)
        highest = max(float(a.max()) for a in (panel.measured, panel.assumed, panel.line))
        ax.set_ylim(lowest, 1.08 * highest)
    _set_ticks(ax, panel)
    ax.set_title(panel.title)
    ax.set_xlabel(panel.across)


def _set_ticks(ax: Axes, panel: Panel) -> None:
    low, high = panel.x[0], panel.x[-1]
    if "x" not in panel.logs:
        ax.set_xticks(np.linspace(low, high, 3) if np.ptp(panel.x) % 2 == 0 else [low, high])
    elif high / low < 100:
        ax.set_xticks(panel.x, [f"{x:g}" for x in panel.x])
    ax.minorticks_off()


# ------------------------------------------------------------------------------------- two inputs


def angles(predicted: Mapping[str, np.ndarray], measured: Mapping[str, np.ndarray]) -> BookFigure:
    """Draw the angle between two inputs layer by layer.

    Args:
        predicted: cosines by name, shape (layers,), the first of two inputs at a right angle.
        measured: the same in drawn nets, shape (draws, layers).
    """
    with book_style():
        figure = new_figure(3.9)
        ax = figure.subplots()
        for place, (name, cosines) in enumerate(predicted.items()):
            _draw_angle(ax, cosines, measured[name], _LOOKS[name], 0.7 * (place - 1))
        ends = np.array([_degrees(cosines[-1]) for cosines in predicted.values()]) + np.linspace(
            10, 0, len(predicted)
        )
        last = len(next(iter(predicted.values()))) - 1
        for name, height in zip(predicted, keep_apart(ends, 9), strict=True):
            label(ax, name, (last, height), _LOOKS[name][0], (14, 0))
        ax.set(xlabel="layers passed", ylabel="angle between two inputs")
        ax.set(xlim=(-2, 1.42 * last), ylim=(0, 138))
        ax.set_yticks([0, 30, 60, 90, 120], ["0°", "30°", "60°", "90°", "120°"])
        ax.set_xticks(np.arange(0, last + 1, 10))
    said = "; ".join(
        f"{name}: {_degrees(cosines[-1]):.0f}° predicted, "
        f"{_degrees(measured[name][:, -1].mean()):.0f}° measured"
        for name, cosines in predicted.items()
    )
    alt = (
        f"Angle between two inputs that start at a right angle, by layer; thin lines are predicted, "
        f"points the mean of {len(next(iter(measured.values())))} nets. After {last} layers, {said}."
    )
    return BookFigure(figure, alt)


def _degrees(cosine: float) -> float:
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _draw_angle(ax: Axes, cosines: np.ndarray, nets: np.ndarray, look: Look, aside: float) -> None:
    layers, (color, marker) = np.arange(len(cosines)), look
    ax.plot(layers, [_degrees(c) for c in cosines], color=color, lw=1)
    some = layers[::5]
    low, high = np.percentile(nets[:, some], _TENTHS, axis=0)
    below, above = ([_degrees(c) for c in row] for row in (high, low))
    ax.vlines(some + aside, below, above, color=color, lw=1)
    means = [_degrees(c) for c in nets[:, some].mean(axis=0)]
    ax.plot(some + aside, means, marker, color=color, ms=4.5)


def hidden_death(
    level: float, fall: float, norms: np.ndarray, apart: np.ndarray, rounded: np.ndarray
) -> BookFigure:
    """Draw a norm that stays beside a difference that dies, in units of 1/n.

    Args:
        level: predicted for the norms.
        fall: predicted factor by which a difference falls in a layer; its line meets the tenth layer.
        norms: second moments of the pre-activations by net and layer, times the width.
        apart: variances between inputs in double precision, likewise.
        rounded: the same in single precision.
    """
    layers, glorot = np.arange(1, norms.shape[1] + 1), SCHEME_COLORS["glorot"]
    with book_style():
        figure = new_figure(3.9)
        ax = figure.subplots()
        ax.axhline(level, color=INK, lw=1)
        anchor = np.exp(np.log(apart[:, 9]).mean())
        ax.semilogy(layers[2:], anchor / fall ** (layers[2:] - 10), color=ACCENT, lw=1)
        for values, color, marker in (
            (norms, INK, "o"),
            (apart, ACCENT, "v"),
            (rounded, glorot, "X"),
        ):
            typical = np.exp(np.log(values).mean(axis=0))
            ax.vlines(layers, *np.percentile(values, _TENTHS, axis=0), color=color, lw=1)
            ax.semilogy(layers, typical, marker, color=color, ms=4)
        label(ax, "second moment, $n\\,E[z^2]$", (layers[-1], level), INK, (0, 13), "right")
        label(ax, "difference", (10, anchor), ACCENT, (-8, -14), "right")
        floor = np.exp(np.log(rounded[:, -1]).mean())
        label(ax, "in single precision", (layers[-1], floor), glorot, (0, 15), "right")
        ax.set(xlabel="layer $l$", ylabel="in units of $1/n$", ylim=(None, 300 * level))
    alt = (
        f"By layer, the mean square of the pre-activations times the width, which stays near {level:.2g} "
        f"({norms[:, -1].mean():.2f} after {len(layers)} layers), and the variance between inputs, "
        f"which falls by a factor of {fall:.2g} a layer to {in_words(np.exp(np.log(apart[:, -1]).mean()))} in double "
        f"precision and stops at {in_words(floor)} in single precision."
    )
    return BookFigure(figure, alt)


# --------------------------------------------------------------------------------------- the edge


def phases(
    fine: np.ndarray,
    lines: Mapping[int, np.ndarray],
    scales: BothWays,
    tried: np.ndarray,
    cosines: Mapping[int, np.ndarray],
    rates: np.ndarray,
) -> BookFigure:
    """Draw the correlation of two inputs and the depth scale against the variance of the weights.

    Args:
        fine: σ_w² of the lines.
        lines: by number of layers, predicted correlations there.
        scales: predicted e-folding depths there, of gradients and of correlations.
        tried: σ_w² of the points.
        cosines: by number of layers, measured correlations, shape (len(tried), draws).
        rates: change of the gradient's logarithm per layer, shape (len(tried), draws).
    """
    with book_style():
        figure = new_figure(5.6)
        above, below = figure.subplots(2, 1, sharex=True)
        colors = depth_colors(len(lines))
        for color, (layers, line) in zip(colors, lines.items(), strict=True):
            above.plot(fine, line, color=color, lw=1)
            above.plot(tried, cosines[layers].mean(axis=1), "o", color=color, ms=4.5)
            low, high = np.percentile(cosines[layers], _TENTHS, axis=1)
            above.vlines(tried, low, high, color=color, lw=1)
            word = f"{layers} layers" if layers else "at first"
            label(above, word, (fine[-1], line[-1]), color)
        below.semilogy(fine, scales[0], "--", color=INK, lw=1)
        below.semilogy(fine, scales[1], color=MUTED, lw=1)
        below.semilogy(tried, 1 / np.abs(rates.mean(axis=1)), "s", mfc="none", color=INK, ms=5)
        label(below, "gradients", (fine[-1], scales[0][-1]))
        label(below, "inputs", (fine[-1], scales[1][-1]), MUTED)
        above.set(ylabel="correlation of two inputs", ylim=(-0.3, 1.08))
        below.set(ylabel="depth scale $\\xi$, layers", xlabel="$\\sigma_w^2$", ylim=(1, 300))
        below.set_xlim(fine[0] - 0.05, fine[-1] + 0.28 * np.ptp(fine))
        below.set_yticks([1, 10, 100], ["1", "10", "100"])
        below.set_xticks(np.arange(np.ceil(fine[0]), fine[-1] + 0.1))
    deepest = max(lines)
    peak = fine[int(np.nanargmax(np.where(np.isfinite(scales[0]), scales[0], -1)))]
    alt = (
        f"Above: correlation of two inputs after {', '.join(map(str, lines))} layers against "
        f"σ_w² from {fine[0]:g} to {fine[-1]:g}, points on predicted lines; after {deepest} layers "
        f"it goes from {cosines[deepest][0].mean():.2f} to {cosines[deepest][-1].mean():.2f}. Below: "
        f"depth scales, log scale, which peak near σ_w² = {peak:.2f}; measured on gradients "
        f"{1 / abs(rates[0].mean()):.1f} layers at the left end and {1 / abs(rates[-1].mean()):.1f} at "
        "the right."
    )
    return BookFigure(figure, alt)


def who_trains(
    sigma_w: np.ndarray, depths: np.ndarray, loss: np.ndarray, xi: np.ndarray
) -> BookFigure:
    """Draw which nets were trained, weight scale against depth, with multiples of the depth scale.

    Args:
        sigma_w: of the columns, evenly spaced.
        depths: of the rows, rising.
        loss: at the end, as a share of that of guessing, shape (depths, columns).
        xi: predicted depth scale of every column.
    """
    step = sigma_w[1] - sigma_w[0]
    with book_style():
        figure = new_figure(4.4)
        ax = figure.subplots()
        for row, column in np.argwhere(loss < 1):
            corner, strength = (sigma_w[column] - step / 2, row), float(1 - loss[row, column])
            cell = Rectangle(corner, step, 1, color=SCHEME_COLORS["he"], alpha=strength, lw=0)
            ax.add_patch(cell)
        rows = np.arange(len(depths)) + 0.5
        for multiple, dash in ((1, ":"), (6, "-")):
            reach = np.interp(np.log(multiple * xi), np.log(depths), rows, left=np.nan)
            ax.plot(sigma_w, reach, dash, color=INK, lw=1.2)
            inside = np.flatnonzero(np.isfinite(reach))[-1]
            word = "$\\xi$" if multiple == 1 else f"${multiple}\\,\\xi$"
            label(ax, word, (sigma_w[inside], reach[inside]))
        ax.set_yticks(rows, [f"{depth}" for depth in depths])
        ax.set(ylim=(0, len(depths)), xlim=(sigma_w[0] - step, sigma_w[-1] + 5 * step))
        ax.set(xlabel="$\\sigma_w$", ylabel="hidden layers")
    trained = loss < 0.9
    deepest = [max(depths[column], default=0) for column in trained.T]
    best = int(np.argmax(deepest))
    alt = (
        f"Map of {loss.size} trained nets, σ_w from {sigma_w[0]:g} to {sigma_w[-1]:g} against "
        f"{depths[0]} to {depths[-1]} hidden layers; the darker, the lower the loss. "
        f"{int(trained.sum())} are at least a tenth below guessing. The deepest, {deepest[best]} "
        f"layers, is at σ_w = {sigma_w[best]:.2f}; the border follows the depth scale, drawn once "
        "and six times."
    )
    return BookFigure(figure, alt)


# -------------------------------------------------------------------------------- a thousand layers


@dataclass(frozen=True, eq=False)
class Curve:
    """The logarithm of a second moment through a very deep net.

    Args:
        name: how it is labeled.
        mean: predicted for one net, forward, shape (L,).
        variance: likewise.
        up: logarithms of signals of drawn nets, shape (draws, L).
        down: of gradients relative to the last layer's.
    """

    name: str
    mean: np.ndarray
    variance: np.ndarray
    up: np.ndarray
    down: np.ndarray


def thousand(curves: Sequence[Curve]) -> BookFigure:
    """Draw signals on their way up a very deep net, and where their gradients end.

    Args:
        curves: at most six.
    """
    depth, decade = len(curves[0].mean), np.log(10)
    layers = np.arange(1, depth + 1)
    with book_style():
        figure = new_figure(6.4)
        axes = figure.subplots(2, 1, sharex=True)
        some = np.linspace(0, depth - 1, 11).astype(int)
        for curve in curves:
            color, marker = _LOOKS[curve.name]
            reach = 1.2816 * np.sqrt(curve.variance)
            low, high = ((curve.mean + s * reach) / decade for s in (-1, 1))
            axes[0].fill_between(layers, low, high, color=color, alpha=0.13, lw=0)
            axes[0].plot(layers, curve.mean / decade, color=color, lw=1)
            for ax, nets in zip(axes, (curve.up, curve.down), strict=True):
                ax.vlines(
                    layers[some], *(f(nets[:, some], 0) / decade for f in (np.min, np.max)),
                    color=color, lw=1,
                )  # fmt: skip
                ax.plot(layers[some], nets[:, some].mean(0) / decade, marker, color=color, ms=4.5)
            axes[1].plot(layers, curve.down.mean(0) / decade, "--", color=color, lw=0.8)
        _label_thousand(axes, curves)
    return BookFigure(figure, _thousand_words(curves))


def _label_thousand(axes: Sequence[Axes], curves: Sequence[Curve]) -> None:
    depth, decade = len(curves[0].mean), np.log(10)
    for ax, ends, side, gap in (
        (axes[0], [c.up[:, -1].mean() / decade for c in curves], "left", 9),
        (axes[1], [c.down[:, 0].mean() / decade for c in curves], "right", -9),
    ):
        ax.axhline(0, color=FAINT, lw=0.9, zorder=0)
        low, high = ax.get_ylim()
        low -= 0.1 * (high - low)
        ax.set_ylim(low, high)
        places = low + keep_apart(np.array(ends) - low, 0.095 * (high - low))
        for curve, place in zip(curves, places, strict=True):
            at = (depth if side == "left" else 1, float(place))
            label(ax, curve.name, at, _LOOKS[curve.name][0], (gap, 0), side)
        ticks = [t for t in ax.get_yticks() if low <= t <= high and t == round(t)]
        ax.set_yticks(ticks, ["1" if t == 0 else f"$10^{{{t:.0f}}}$" for t in ticks])
    axes[0].set_ylabel("forward, $E[z_l^2]$")
    axes[1].set_ylabel("backward, $E[\\delta_l^2]/E[\\delta_L^2]$")
    axes[1].set(xlabel="layer $l$", xlim=(-0.66 * depth, 1.66 * depth))
    axes[1].set_xticks([1, depth // 2, depth])


def _thousand_words(curves: Sequence[Curve]) -> str:
    ends = "; ".join(
        f"{c.name}: forward {in_words(np.exp(c.up[:, -1].mean()))}, predicted "
        f"{in_words(np.exp(c.mean[-1]))}, backward {in_words(np.exp(c.down[:, 0].mean()))}"
        for c in curves
    )
    return (
        f"Second moments through {len(curves[0].mean)} layers, log scale: above the signal, points "
        f"on predicted lines with the band of eight nets of ten, below the gradient. At the far end, {ends}."
    )


# --------------------------------------------------------------------------------- all directions


def spectra(
    values: Mapping[tuple[str, str], np.ndarray], gaussian: np.ndarray, lowest: float = 1e-6
) -> BookFigure:
    """Draw the singular values of whole nets, largest first.

    Args:
        values: by kind of weights and activation, singular values, largest first.
        gaussian: predicted for linear layers of Gaussian weights, as many.
        lowest: where the axis ends; what is smaller is not drawn.
    """
    n = len(gaussian)
    shares = 100 * (np.arange(n) + 0.5) / n
    with book_style():
        figure = new_figure(4.6)
        ax = figure.subplots()
        ax.semilogy(shares, gaussian, color=INK, lw=1)
        ax.axhline(1, color=INK, lw=1)
        some = np.unique(np.concatenate([np.arange(4), np.arange(6, n, n // 20)]))
        for (kind, phi), found in values.items():
            drawn = some[found[some] > lowest]
            face = _KINDS[kind] if phi == "identity" else "none"
            look = {"color": _KINDS[kind], "ms": 4.5, "mfc": face}
            ax.semilogy(shares[drawn], found[drawn], _MARKS[phi], **look)
            _name_spectrum(ax, (kind, phi), shares, found, lowest)
        ax.set(
            xlabel="share of the directions, %",
            ylabel="singular value of $\\partial z^L/\\partial x$",
        )
        ax.set(ylim=(lowest, 40), xlim=(-2, 130))
        ax.set_xticks([0, 25, 50, 75, 100])
    said = "; ".join(
        f"{kind} {_WORDS[phi]}: largest {in_words(found[0])}, median {in_words(found[n // 2])}"
        for (kind, phi), found in values.items()
    )
    alt = (
        f"Singular values of whole nets from input to output, {n} directions, largest first, log "
        f"scale; points measured, lines predicted for linear nets. {said}."
    )
    return BookFigure(figure, alt)


def _name_spectrum(
    ax: Axes, key: tuple[str, str], shares: np.ndarray, found: np.ndarray, lowest: float
) -> None:
    """Name a curve at its right end, or above its foot where it leaves the picture."""
    kind, phi = key
    word, color, last = f"{kind},\n{_WORDS[phi]}", _KINDS[kind], found[-1]
    if last >= lowest:
        label(ax, word, (float(shares[-1]), float(last)), color, (9, -1 if phi == "tanh" else 13))
    elif key == ("Gaussian", "identity"):
        at = int(np.flatnonzero(found > 1e-2)[-1])
        label(ax, word, (float(shares[at]), float(found[at])), color, (14, 12))
    else:
        heights = {("Gaussian", "relu"): 2.2, ("orthogonal", "relu"): 12, ("Gaussian", "tanh"): 60}
        at = int(np.flatnonzero(found > heights[key] * lowest)[-1])
        side, gap = ("right", -9) if kind == "Gaussian" else ("left", 7)
        label(ax, word, (float(shares[at]), float(found[at])), color, (gap, 0), side)


# ------------------------------------------------------------------------------ around the problem


def around(lines: Mapping[str, BothWays], found: Mapping[str, BothWays]) -> BookFigure:
    """Draw what shortcuts and normalization do to signals and gradients, prediction and nets.

    Args:
        lines: by name, predicted second moments forward and backward, each of shape (stages,).
        found: the same of drawn nets, each of shape (draws, stages).
    """
    with book_style():
        figure = new_figure(5.4)
        axes = figure.subplots(2, 1, sharex=True)
        for name, ways in lines.items():
            color, marker, _ = _WAYS_AROUND[name]
            for ax, dash, line, nets in zip(axes, ("-", "--"), ways, found[name], strict=True):
                stages = np.arange(len(line))
                ax.semilogy(stages, line, dash, color=color, lw=1)
                ax.vlines(stages, *np.percentile(nets, _TENTHS, axis=0), color=color, lw=1)
                typical = np.exp(np.log(nets).mean(axis=0))
                ax.semilogy(stages, typical, marker, color=color, ms=4.5)
        _label_around(axes, lines)
    said = "; ".join(
        f"{name}: forward {in_words(np.exp(np.log(up[:, -1]).mean()))}, backward "
        f"{in_words(np.exp(np.log(down[:, 0]).mean()))}"
        for name, (up, down) in found.items()
    )
    alt = (
        "Second moments of signals (above) and gradients (below) through blocks with shortcuts and "
        f"through normalized layers, log scale, points on predicted lines. At the far end, {said}."
    )
    return BookFigure(figure, alt)


def _label_around(axes: Sequence[Axes], lines: Mapping[str, BothWays]) -> None:
    longest = max(len(up) for up, _ in lines.values()) - 1
    for way, ax in enumerate(axes):
        low, high = np.log(ax.get_ylim())
        low -= 0.12 * (high - low)
        ax.set_ylim(np.exp(low))
        far = [0 if way else -1] * len(lines)
        ends = np.array(
            [np.log(ways[way][at]) for ways, at in zip(lines.values(), far, strict=True)]
        )
        ends = ends - 1e-6 * np.array([name == "zero" for name in lines])  # its name goes below
        heights = np.exp(low + keep_apart(ends - low, 0.11 * (high - low)))
        for name, height, ways in zip(lines, heights, lines.values(), strict=True):
            color, _, word = _WAYS_AROUND[name]
            at = (0 if way else len(ways[0]) - 1, float(height))
            label(ax, word, at, color, (-8 if way else 8, 0), "right" if way else "left")
    axes[0].set_ylabel("forward")
    axes[1].set(ylabel="backward", xlabel="blocks, or layers, passed")
    axes[1].set_xlim(-0.42 * longest, 1.36 * longest)
    axes[1].set_xticks(np.arange(0, longest + 1, 5))
