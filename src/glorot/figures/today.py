"""Figures of the chapter *The scale moves out*.

Each function takes what was predicted and what was measured and returns the picture with its
alternative text. Theory is a thin line, measurement points; forward is solid, backward dashed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from glorot.figures.parts import in_words, keep_apart, label
from glorot.style import (
    ACCENT,
    INK,
    MUTED,
    SCHEME_COLORS,
    BookFigure,
    book_style,
    depth_colors,
    new_figure,
)

__all__ = [
    "PARAMETRIZATION_NAMES",
    "adam_step",
    "attention",
    "coordinates",
    "rates",
    "streams",
    "sweep",
    "transformers",
    "underflow",
]

BothWays = tuple[np.ndarray, np.ndarray]

PARAMETRIZATION_NAMES = {"standard": "standard", "ntk": "NTK", "mup": "μP"}
_VARIANTS = {  # color, marker
    "none": (MUTED, "X"),
    "post": (ACCENT, "s"),
    "pre": (SCHEME_COLORS["he"], "^"),
    "pre-scaled": (SCHEME_COLORS["glorot"], "o"),
    "pre-zero": (SCHEME_COLORS["lecun"], "D"),
}
_TENTHS = (10, 90)  # bars hold eight of ten


def _named(ax: Axes, ends: Mapping[str, float], x: float, gap: float) -> None:
    """Write the name of each variant beside the end of its line; `gap` in decades or units."""
    log = ax.get_yscale() == "log"
    heights = np.array([np.log10(y) if log else y for y in ends.values()])
    for name, height in zip(ends, keep_apart(heights, gap), strict=True):
        at = (x, 10**height if log else height)
        color = _VARIANTS[name.partition(",")[0]][0]
        label(ax, name, at, color, (6, 0))


def streams(predicted: Mapping[str, BothWays], measured: Mapping[str, BothWays]) -> BookFigure:
    """Draw signal and gradient along a stream, one panel each.

    Args:
        predicted: layout -> second moments of signal and gradient behind 0 … N blocks, (N + 1,) each.
        measured: the same in drawn nets, (draws, N + 1) each.
    """
    blocks = len(next(iter(predicted.values()))[0]) - 1
    with book_style():
        figure = new_figure(3.1)
        panels = figure.subplots(1, 2, sharey=True)
        for way, (ax, dash) in enumerate(zip(panels, ("-", "--"), strict=True)):
            for name, lines in predicted.items():
                color, marker = _VARIANTS[name]
                ax.semilogy(lines[way], dash, color=color, lw=1)
                found = np.exp(np.log(measured[name][way]).mean(axis=0))
                ax.plot(found, marker, color=color, ms=4, mfc="none" if way else color)
            ax.set(xlabel="blocks passed", xticks=[0, blocks // 2, blocks])
        panels[0].set_title("signal")
        panels[1].set_title("gradient, from the right")
        panels[0].set_ylabel("second moment")
        panels[0].set_xlim(-0.4, 1.42 * blocks)
        _named(panels[0], {n: lines[0][-1] for n, lines in predicted.items()}, blocks, 0.2)
    said = "; ".join(
        f"{name}: signal {in_words(measured[name][0][:, -1].mean())}, predicted {in_words(lines[0][-1])}, "
        f"gradient {in_words(measured[name][1][:, 0].mean())}, predicted {in_words(lines[1][0])}"
        for name, lines in predicted.items()
    )
    alt = (
        f"Second moments along a stream of {blocks} blocks, log scale, thin lines predicted, points "
        f"the mean of drawn nets: left the signal, right the gradient. At the far end of each, {said}."
    )
    return BookFigure(figure, alt)


def transformers(stages: Mapping[str, BothWays]) -> BookFigure:
    """Draw the second moment of the streams of transformers before and after training.

    Args:
        stages: variant -> second moments behind each branch before and after, (seeds, branches + 1) each.
    """
    branches = next(iter(stages.values()))[0].shape[1] - 1
    with book_style():
        figure = new_figure(3.1)
        panels = figure.subplots(1, 2, sharey=True)
        for when, ax in enumerate(panels):
            for name, both in stages.items():
                color, marker = _VARIANTS[name]
                ax.vlines(
                    np.arange(branches + 1),
                    *np.percentile(both[when], _TENTHS, axis=0),
                    color=color,
                    lw=1,
                )
                ax.semilogy(both[when].mean(axis=0), marker, ls=":", lw=0.8, color=color, ms=3.5)
            ax.set(xlabel="branches passed", xticks=[0, branches // 2, branches])
        panels[0].set(title="before", ylabel="second moment of the stream")
        panels[1].set_title("after training")
        panels[1].set_xlim(-0.5, 1.62 * branches)
        _named(panels[1], {n: both[1][:, -1].mean() for n, both in stages.items()}, branches, 0.28)
    said = "; ".join(
        f"{name}: {in_words(both[0][:, -1].mean())} before, {in_words(both[1][:, -1].mean())} after"
        for name, both in stages.items()
    )
    alt = (
        f"Second moment of the stream of transformers behind 0 to {branches} branches, log scale, before "
        f"and after training. At the end, {said}."
    )
    return BookFigure(figure, alt)


def rates(tried: np.ndarray, losses: Mapping[str, np.ndarray], highest: float) -> BookFigure:
    """Draw the loss that each variant ends with against its learning rate.

    Args:
        tried: the rates, rising.
        losses: variant -> validation loss at each, infinite where a net was lost.
        highest: losses above are drawn at the upper edge.
    """
    with book_style():
        figure = new_figure(3.2)
        ax = figure.subplots()
        for name, own in losses.items():
            color, marker = _VARIANTS[name]
            ax.semilogx(
                tried,
                np.minimum(own, highest),
                marker,
                ls="-" if name.startswith("pre") else "--",
                lw=0.9,
                color=color,
            )
        ends = {
            name if own.min() < highest else f"{name}, above": float(min(own[-1], highest))
            for name, own in losses.items()
        }
        _named(ax, ends, tried[-1], 0.055)
        ax.set(xlabel="learning rate of Adam", ylabel="loss per character")
        ax.set_xlim(tried[0] * 0.9, tried[-1] * (tried[-1] / tried[0]) ** 0.4)
        ax.set_xticks(tried[::2], [f"{rate:g}" for rate in tried[::2]])
        ax.minorticks_off()
    said = "; ".join(
        f"{name} {own.min():.2f} at {tried[int(own.argmin())]:g}" for name, own in losses.items()
    )
    alt = (
        f"Loss per character of transformers against learning rate, {tried[0]:g} to {tried[-1]:g}. "
        f"Lowest: {said}."
    )
    return BookFigure(figure, alt)


def attention(
    sizes: np.ndarray, concentration: Mapping[str, np.ndarray], even: float, frozen: float
) -> BookFigure:
    """Draw how much of one key attention sees, with and without its scale.

    Args:
        sizes: d, of query and key.
        concentration: ``q·k`` and ``q·k/√d`` -> sums of squared weights, (draws, sizes).
        even: predicted for logits of variance 1.
        frozen: d at which one key is predicted to take over.
    """
    looks = {"q·k": (ACCENT, "s"), "q·k/√d": (SCHEME_COLORS["glorot"], "o")}
    with book_style():
        figure = new_figure(2.9)
        ax = figure.subplots()
        ax.axhline(even, color=INK, lw=1)
        ax.axvline(frozen, color=MUTED, lw=1, ls=":")
        for name, found in concentration.items():
            color, marker = looks[name]
            ax.loglog(sizes, found.mean(axis=0), marker, ls=":", lw=0.8, color=color)
            label(ax, name, (sizes[-1], found.mean(axis=0)[-1]), color, (0, -15), "right")
        ax.set(
            xlabel="size of query and key, $d$", ylabel="sum of squared weights", ylim=(0.003, 2)
        )
        ax.set_xticks(sizes, [f"{d:g}" for d in sizes])
        ax.minorticks_off()
    said = "; ".join(
        f"{name} from {in_words(found.mean(axis=0)[0])} to {in_words(found.mean(axis=0)[-1])}"
        for name, found in concentration.items()
    )
    alt = (
        f"Sum of squared attention weights against the size d of query and key, {sizes[0]} to {sizes[-1]}, log "
        f"scales: {said}. A line marks {in_words(even)}, predicted for logits of variance 1; a "
        f"dotted one d = {frozen:.0f}."
    )
    return BookFigure(figure, alt)


def adam_step(
    widths: np.ndarray, line: np.ndarray, steps: Mapping[str, np.ndarray], size: float
) -> BookFigure:
    """Draw how far one update moves a pre-activation, against the width.

    Args:
        widths: n.
        line: predicted for Adam.
        steps: optimizer -> root mean square moves, (draws, widths).
        size: root mean square of a pre-activation.
    """
    looks = {"Adam": (ACCENT, "s"), "Adam, loss × 1000": (INK, "x")}
    with book_style():
        figure = new_figure(2.9)
        ax = figure.subplots()
        ax.loglog(widths, line, color=ACCENT, lw=1)
        ax.axhline(size, color=MUTED, lw=1, ls=":")
        label(ax, "size of a pre-activation", (widths[0], size), MUTED, (0, 5))
        for name, found in steps.items():
            color, marker = looks[name]
            points = 7 if marker == "x" else 4.5
            ax.plot(widths, found.mean(axis=0), marker, color=color, ms=points, label=name)
        ax.legend(loc="lower right")
        ax.set(xlabel="width, $n$", ylabel="moved by one update")
        ax.set_xticks(widths, [f"{n:g}" for n in widths])
        ax.minorticks_off()
    said = "; ".join(
        f"{name} {in_words(found.mean(axis=0)[0])} to {in_words(found.mean(axis=0)[-1])}"
        for name, found in steps.items()
    )
    alt = (
        f"How far one update moves a pre-activation of root mean square {size:.2f}, widths {widths[0]:g} to "
        f"{widths[-1]:g}, log scales. Predicted {in_words(line[0])} to {in_words(line[-1])}; measured, {said}."
    )
    return BookFigure(figure, alt)


def coordinates(
    widths: np.ndarray, change: Mapping[tuple[str, str], np.ndarray], steps: int
) -> BookFigure:
    """Draw how far layers have moved after some updates, against the width.

    Args:
        widths: n, rising.
        change: (optimizer, parametrization) -> root mean square changes, (widths, seeds, stages).
        steps: updates.
    """
    optimizers = list(dict.fromkeys(key[0] for key in change))
    rules = list(dict.fromkeys(key[1] for key in change))
    count = next(iter(change.values())).shape[-1]
    names = ["input", *(f"block {k + 1}" for k in range(count - 2)), "output"]
    colors = depth_colors(count)
    with book_style():
        figure = new_figure(2.3 * len(optimizers) + 0.3)
        grid = figure.subplots(
            len(optimizers),
            len(rules),
            sharex="col",
            sharey=True,
            squeeze=False,
            width_ratios=[*[1] * (len(rules) - 1), 1.6],
        )
        for (optimizer, rule), found in change.items():
            ax = grid[optimizers.index(optimizer), rules.index(rule)]
            for k in range(count):
                low, high = found[:, :, k].min(axis=1), found[:, :, k].max(axis=1)
                ax.vlines(widths, low, high, color=colors[k], lw=1.5)
                middle = np.exp(np.log(found[:, :, k]).mean(axis=1))
                marker = "ov^s"[k % 4]
                ax.loglog(widths, middle, marker, ls="-", lw=0.8, color=colors[k], ms=3.5)
            ticks = widths[[0, len(widths) // 2, -1]]
            ax.set_xticks(ticks, [f"{n:g}" for n in ticks])
            ax.minorticks_off()
        for ax, rule in zip(grid[0], rules, strict=True):
            ax.set_title(PARAMETRIZATION_NAMES[rule])
        for ax, optimizer in zip(grid[:, 0], optimizers, strict=True):
            ax.set_ylabel({"sgd": "change, SGD", "adam": "change, Adam"}[optimizer])
        grid[-1, len(rules) // 2].set_xlabel("width, $n$")
        for optimizer, ax in zip(optimizers, grid[:, -1], strict=True):
            found = change[optimizer, rules[-1]][-1]
            ends = keep_apart(np.log10(np.exp(np.log(found).mean(axis=0))), 0.34)
            for k, height in enumerate(10**ends):
                at = (widths[-1], height)
                label(ax, names[k], at, colors[k], (5, 0), size=9)
            ax.set_xlim(widths[0] * 0.7, widths[-1] * (widths[-1] / widths[0]) ** 0.6)
    by = {"sgd": "gradient descent", "adam": "Adam"}
    said = "; ".join(
        f"{PARAMETRIZATION_NAMES[rule]} by {by[optimizer]}: output "
        f"{_factor(found[:, :, -1])}, last block {_factor(found[:, :, -2])}"
        for (optimizer, rule), found in change.items()
    )
    alt = (
        f"Change of each layer's output after {steps} updates against width, {widths[0]} to {widths[-1]}, log scales, "
        "a panel for each parametrization and optimizer. From the narrowest to the widest the change grows by these "
        f"factors: {said}."
    )
    return BookFigure(figure, alt)


def _factor(found: np.ndarray) -> str:
    logs = np.log(found).mean(axis=1)
    return in_words(float(np.exp(logs[-1] - logs[0])))


def sweep(
    tried: np.ndarray, losses: Mapping[str, np.ndarray], widths: Sequence[int], highest: float
) -> BookFigure:
    """Draw the loss against the learning rate, a line for each width, a panel for each parametrization.

    Args:
        tried: rates at the base width, rising.
        losses: parametrization -> mean validation losses, (widths, rates).
        widths: n, rising.
        highest: losses above are drawn at the upper edge.
    """
    colors = depth_colors(len(widths))
    with book_style():
        figure = new_figure(2.9)
        panels = figure.subplots(1, len(losses), sharey=True)
        for ax, (rule, found) in zip(panels, losses.items(), strict=True):
            for n, own, color, marker in zip(widths, found, colors, "ov^sD", strict=False):
                ax.semilogx(
                    tried, np.minimum(own, highest), marker, ls="-", lw=0.8, ms=3, color=color
                )
                best = int(own.argmin())
                ax.plot(tried[best], own[best], marker, color=color, ms=7)
                if ax is panels[-1]:
                    ax.plot([], [], marker, color=color, label=f"{n}")
            ax.set_title(PARAMETRIZATION_NAMES[rule])
            ax.minorticks_off()
        panels[-1].legend(
            title="width", loc="upper right", handletextpad=0, labelspacing=0.2, borderaxespad=0
        )
        panels[0].set_ylabel("loss per character")
        panels[len(losses) // 2].set_xlabel("learning rate at the base width")
    said = "; ".join(
        f"{PARAMETRIZATION_NAMES[rule]}: "
        + ", ".join(
            f"{tried[int(own.argmin())]:.2g} at {n}" for n, own in zip(widths, found, strict=True)
        )
        for rule, found in losses.items()
    )
    alt = (
        f"Loss against learning rate, {tried[0]:.2g} to {tried[-1]:.2g}, a line for each width and a panel "
        f"for each parametrization. Best rates by width: {said}."
    )
    return BookFigure(figure, alt)


def underflow(
    depths: np.ndarray, lines: Mapping[str, np.ndarray], measured: Mapping[str, np.ndarray]
) -> BookFigure:
    """Draw the share of a gradient that half precision rounds to 0.

    Args:
        depths: layers that the gradient has come back through.
        lines: loss scale -> predicted shares.
        measured: loss scale -> shares in drawn nets, (draws, depths).
    """
    colors = depth_colors(len(lines))
    with book_style():
        figure = new_figure(2.9)
        ax = figure.subplots()
        for color, marker, (name, line) in zip(colors, "os^D", lines.items(), strict=False):
            ax.plot(depths, line, color=color, lw=1)
            ax.plot(depths, measured[name].mean(axis=0), marker, color=color, ms=4)
            label(ax, name, (depths[-1], line[-1]), color, (6, 0))
        ax.set(xlabel="layers back", ylabel="share rounded to 0", ylim=(-0.04, 1.04))
        ax.set_xlim(depths[0], depths[-1] * 1.3)
        ax.set_xticks(depths[[0, len(depths) // 3, 2 * len(depths) // 3, -1]])
    said = "; ".join(
        f"{name}: {measured[name].mean(axis=0)[-1]:.2f}, predicted {line[-1]:.2f}"
        for name, line in lines.items()
    )
    alt = (
        f"Share of a gradient's entries that half precision rounds to 0, by layers back, {depths[0]} to {depths[-1]}, "
        f"a line for each loss scale. At the far end, {said}."
    )
    return BookFigure(figure, alt)
