"""What stands for *A circle through fifty layers* on paper and where scripts do not run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glorot.style import ACCENT, INK, MUTED, BookFigure, book_style, new_figure


@dataclass(frozen=True)
class Circle:
    """One weight scale and what it makes of a circle.

    Args:
        sigma_w: the weight scale.
        rings: layer (0 for the inputs) -> the circle in two of its units, (P, 2), in units of the layer's root
            mean square.
        measured: (L, 2) correlations of inputs a quarter turn and 15° apart, by layer.
        predicted: (L, 2) likewise, from the correlation map.
        fate: what becomes of the circle, one word.
    """

    sigma_w: float
    rings: dict[int, np.ndarray]
    measured: np.ndarray
    predicted: np.ndarray
    fate: str


def circle_through_layers(circles: list[Circle], width: int) -> BookFigure:
    """Draw one row for each weight scale: the circle in some layers, then its correlations.

    Args:
        circles: in increasing order of ``sigma_w``.
        width: units per layer of the net.
    """
    shown = list(circles[0].rings)
    with book_style():
        figure = new_figure(1.25 * len(circles) + 0.4)
        grid = figure.subplots(
            len(circles), len(shown) + 1, width_ratios=[*[1] * len(shown), 2.2], squeeze=False
        )
        for row, circle in zip(grid, circles, strict=True):
            for axes, (layer, ring) in zip(row, circle.rings.items(), strict=False):
                closed = np.vstack([ring, ring[:1]])
                axes.plot(*closed.T, color=INK, lw=0.8)
                axes.plot(*ring[:1].T, "o", color=ACCENT, ms=3)
                axes.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")
                if circle is circles[0]:
                    axes.set_title(f"layer {layer}" if layer else "inputs")
            row[0].set_ylabel(rf"$\sigma_w = {circle.sigma_w:g}$")
            layers, last = np.arange(1, len(circle.measured) + 1), row[-1]
            for k, (dash, size) in enumerate((("--", 3), ("-", 1.6))):
                last.plot(layers, circle.measured[:, k], ".", color=MUTED, ms=size)
                last.plot(layers, circle.predicted[:, k], dash, color=ACCENT, lw=0.9)
            last.set(ylim=(-0.25, 1.05), xlim=(1, layers[-1]), xticks=[])
            last.yaxis.tick_right()
        grid[0, -1].set_title("correlation by layer")
        grid[-1, -1].set(xticks=[1, 25, 50], xlabel="layer")
    stories = "; ".join(
        f"at σ_w = {c.sigma_w:g} it {c.fate}: a quarter turn apart ends with correlation "
        f"{c.measured[-1, 0]:.2f}, predicted {c.predicted[-1, 0]:.2f}, 15° apart with "
        f"{c.measured[-1, 1]:.2f}, predicted {c.predicted[-1, 1]:.2f}"
        for c in circles
    )
    return BookFigure(
        figure,
        f"A circle of inputs, and in two units of layers {', '.join(map(str, shown[1:]))} of a tanh net of "
        f"width {width}: {stories}.",
    )
