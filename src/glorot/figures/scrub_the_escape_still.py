"""What stands for *Scrub the escape* on paper and where scripts do not run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from glorot.style import ACCENT, INK, MUTED, BookFigure, book_style, depth_colors, new_figure

# color, dash, label, and whether that stands above its line or below
_VOICES = {
    "bias": (ACCENT, "-", "output bias", "top"),
    "constant": (MUTED, "--", "same for all images", "bottom"),
    "difference": (INK, ":", "what tells them apart", "top"),
}


@dataclass(frozen=True)
class Escape:
    """One network's training, at T logged updates.

    Args:
        learning_rate: of the network.
        updates: (T,) updates done.
        mean: (T, L − 1) mean activation of each hidden layer.
        std: (T, L − 1) its standard deviation.
        error: (T,) validation error, a fraction.
        voices: name -> (T,) norm of what the bias, the features' constant part and their
            differences between images say in the logits; keys ``bias constant difference``.
        escape: update from which on the network has escaped, or None.
    """

    learning_rate: float
    updates: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    error: np.ndarray
    voices: dict[str, np.ndarray]
    escape: int | None


def scrub_the_escape(runs: tuple[Escape, ...], data: str) -> BookFigure:
    """Draw activations and error above, the three voices in the logits below, a column per run.

    Args:
        runs: networks that differ in their learning rate.
        data: name of the data set.
    """
    with book_style():
        figure = new_figure(4.4)
        panels = figure.subplots(2, len(runs), sharex=True, sharey="row", squeeze=False)
        for run, above, below in zip(runs, *panels, strict=True):
            x = np.maximum(run.updates, 0.5)
            _draw_activations(above, x, run)
            _draw_voices(below, x, run)
        panels[0, 0].set_ylabel("activation; error")
        panels[1, 0].set_ylabel("norm in the logits")
    return BookFigure(figure, _alt(runs, data))


def _draw_activations(axes: Axes, x: np.ndarray, run: Escape) -> None:
    for layer, color in enumerate(depth_colors(run.mean.shape[1])):
        mean, std = run.mean[:, layer], run.std[:, layer]
        axes.fill_between(x, mean - std, mean + std, color=color, alpha=0.15, lw=0)
        axes.plot(x, mean, color=color)
        place = int(run.mean[:, -1].argmin())
        axes.annotate(
            str(layer + 1),
            (x[place], mean[place]),
            color=color,
            ha="center",
            va="top" if layer == 0 else "bottom",
            xytext=(0, -2 if layer == 0 else 1),
            textcoords="offset points",
        )
    axes.plot(x, run.error, "--", color=INK)
    axes.annotate(
        "error", (x[0], run.error[0]), va="bottom", xytext=(0, 3), textcoords="offset points"
    )
    axes.set(xscale="log", ylim=(0, 1), title=f"rate {run.learning_rate:g}")


def _draw_voices(axes: Axes, x: np.ndarray, run: Escape) -> None:
    early = (x > 2) & (x < 1000)
    for name, (color, dash, label, side) in _VOICES.items():
        norms = run.voices[name]
        axes.loglog(x, norms, dash, color=color)
        edge = norms[early].min() if side == "top" else norms[early].max()
        axes.annotate(
            label,
            (2, edge),
            color=color,
            va=side,
            textcoords="offset points",
            xytext=(0, -3 if side == "top" else 3),
        )
    axes.set(xlabel="updates", ylim=(1e-5, 2e3))


def _alt(runs: tuple[Escape, ...], data: str) -> str:
    stories = "; ".join(_story(run) for run in runs)
    return (
        f"Mean activation of each hidden layer and validation error of sigmoid networks on {data} "
        f"against updates, and below them the norms of the output bias, of the features' constant "
        f"part and of their differences between images: {stories}."
    )


def _story(run: Escape) -> str:
    end = (
        f"escapes after {run.escape:,} updates and ends at an error of {100 * run.error[-1]:.1f} %"
        if run.escape is not None
        else f"stays at an error of {100 * run.error[-1]:.1f} %"
    )
    return (
        f"at rate {run.learning_rate:g} the top layer's mean falls from {run.mean[0, -1]:.2g} "
        f"to {run.mean[:, -1].min():.2g}, then the network {end}"
    )
