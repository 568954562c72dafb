"""What stands for *Type your own φ(x)* on paper and where scripts do not run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from glorot.style import ACCENT, INK, MUTED, BookFigure, book_style, new_figure

_LOOKS = ((MUTED, "-."), (INK, "-"), (ACCENT, "--"))


@dataclass(frozen=True)
class Chain:
    """What one variance of the weights does to a signal, L layers long.

    Args:
        sigma_w2: fan_in times the variance of a weight.
        q: (Q,) second moments of one layer.
        mapped: (Q,) predicted second moments of the next.
        predicted: (L,) by layer, from 1.
        sampled: (N, L) measured in N random nets.
    """

    sigma_w2: float
    q: np.ndarray
    mapped: np.ndarray
    predicted: np.ndarray
    sampled: np.ndarray


def type_your_phi(chains: list[Chain], name: str, width: int) -> BookFigure:
    """Draw the variance map on the left and the layers on the right, a line for each chain.

    Args:
        chains: at most three, in increasing order of ``sigma_w2``.
        name: of the activation.
        width: units per layer of the nets.
    """
    with book_style():
        figure = new_figure(2.7)
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
        for chain, look in zip(chains, _LOOKS, strict=False):
            _draw_map(left, chain, look)
            _draw_layers(right, chain, look)
        left.plot([1e-2, 1e2], [1e-2, 1e2], color=MUTED, lw=0.5)
        left.set(xlabel="variance of one layer, $q$", title="variance of the next")
        left.set(xscale="log", yscale="log", xlim=(1e-2, 1e2), ylim=(1e-2, 1e2))
        right.set(xlabel="layer", title=f"E[$z^2$], {len(chains[0].sampled)} nets of width {width}")
        right.set(yscale="log", ylim=(1e-4, 1e4), xlim=(1, len(chains[0].predicted)))
    ends = "; ".join(_story(chain) for chain in chains)
    return BookFigure(
        figure,
        f"Variance map of {name}, and E[z²] by layer as predicted and in random nets, from 1: {ends}.",
    )


def _draw_map(axes: Axes, chain: Chain, look: tuple[str, str]) -> None:
    color, dash = look
    axes.plot(chain.q, chain.mapped, dash, color=color)


def _draw_layers(axes: Axes, chain: Chain, look: tuple[str, str]) -> None:
    color, dash = look
    layers = np.arange(1, len(chain.predicted) + 1)
    for net in chain.sampled:
        axes.plot(layers, net, ".", color=color, ms=3, alpha=0.5)
    axes.plot(layers, chain.predicted, dash, color=color, lw=1)
    inside = int(np.flatnonzero((chain.predicted > 1e-4) & (chain.predicted < 1e4))[-1])
    place = min(inside, len(layers) // 3)
    grows = chain.predicted[place] > 2  # its line goes up: the words stand below it
    axes.annotate(
        rf"$\sigma_w^2 = {chain.sigma_w2:g}$",
        (layers[place], chain.predicted[place]),
        (6, -14 if grows else 6),
        textcoords="offset points",
        color=color,
    )


def _story(chain: Chain) -> str:
    ends = chain.sampled[:, -1]
    return (
        f"at σ_w² = {chain.sigma_w2:g} layer {len(chain.predicted)} is predicted at "
        f"{chain.predicted[-1]:.2g} and measured between {ends.min():.2g} and {ends.max():.2g}"
    )
