"""What stands for an explorable on paper and where scripts do not run."""

from __future__ import annotations

import numpy as np

from glorot.style import ACCENT, INK, MUTED, SCHEME_COLORS, BookFigure, book_style, new_figure


def tug_of_war(
    widths: tuple[int, ...], products: dict[str, tuple[np.ndarray, np.ndarray]]
) -> BookFigure:
    """Draw forward and backward variance by layer, one panel per rule.

    Args:
        widths: (n_0, ..., n_L).
        products: rule -> (forward, backward), each of shape (L + 1,).
    """
    with book_style():
        figure = new_figure(2.6)
        panels = figure.subplots(1, len(products), sharey=True)
        for axes, (rule, (forward, backward)) in zip(panels, products.items(), strict=True):
            axes.axhline(1, color=MUTED, lw=0.6)
            axes.semilogy(forward, "-o", color=INK)
            axes.semilogy(backward, "--s", color=ACCENT)
            axes.set(title=rule, xlabel="layer", xticks=range(0, len(widths), 2))
        panels[0].set_ylabel("variance / where it started")
    ends = "; ".join(
        f"under {rule} the signal keeps {forward[-1]:.3g} and the gradient {backward[0]:.3g}"
        for rule, (forward, backward) in products.items()
    )
    names = "-".join(map(str, widths))
    alt = f"Variance by layer of a linear net {names}, forward solid and backward dashed: {ends}."
    return BookFigure(figure, alt)


def race(curves: dict[str, np.ndarray], rate: float) -> BookFigure:
    """Draw the smoothed loss of each scheme over the updates.

    Args:
        curves: scheme -> losses before each update.
        rate: learning rate of all.
    """
    smooth = {key: _moving_average(losses, 100) for key, losses in curves.items()}
    with book_style():
        figure = new_figure(2.6)
        axes = figure.subplots()
        for key, dash in zip(smooth, ("-", "--", ":"), strict=False):
            axes.plot(smooth[key], dash, color=SCHEME_COLORS[key])
            axes.annotate(
                key,
                (len(smooth[key]) * 0.99, smooth[key][-1]),
                ha="right",
                va="bottom",
                xytext=(0, 3),
                textcoords="offset points",
                color=SCHEME_COLORS[key],
            )
        axes.set(xlabel="updates", ylabel="loss, $L$", ylim=(0, None))
    ends = ", ".join(f"{key} ends at {values[-1]:.2g}" for key, values in smooth.items())
    alt = f"Loss of a deep tanh net on two spirals, rate {rate:g}, by scheme of its first weights: {ends}."
    return BookFigure(figure, alt)


def _moving_average(values: np.ndarray, window: int) -> np.ndarray:
    return np.convolve(values, np.full(window, 1 / window), mode="valid")


def bend_the_line(x: np.ndarray, target: np.ndarray, fits: dict[int, np.ndarray]) -> BookFigure:
    """Draw a function and its best fits, one panel per number of hinges.

    Args:
        x: the inputs.
        target: the function there.
        fits: number of hinges -> the fit, each of the shape of ``x``.
    """
    errors = {k: float(np.sqrt(np.mean((fit - target) ** 2))) for k, fit in fits.items()}
    with book_style():
        figure = new_figure(2.2)
        panels = figure.subplots(1, len(fits), sharey=True)
        for axes, (k, fit) in zip(panels, fits.items(), strict=True):
            axes.plot(x, target, ":", color=INK)
            axes.plot(x, fit, color=ACCENT)
            axes.set(
                title=f"{k} hinges: error {errors[k]:.2g}", xlabel="input, $x$", xticks=[-3, 0, 3]
            )
        panels[0].set_ylabel("output")
    ends = ", ".join(f"{k} hinges leave an error of {e:.2g}" for k, e in errors.items())
    return BookFigure(figure, f"A sine and its best fits by straight pieces: {ends}.")
