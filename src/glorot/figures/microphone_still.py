"""What stands for the explorables of *What does it sound like?* on paper and without scripts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glorot.figures.microphone import describe, draw_waves
from glorot.style import ACCENT, INK, MUTED, BookFigure, book_style, new_figure


def chain_heard(
    heard: Mapping[float, np.ndarray], length: int, room: tuple[float, float]
) -> BookFigure:
    """Draw a voice at the end of a chain of amplifiers, at several gains of each.

    Args:
        heard: gain of one amplifier -> samples at the end.
        length: number of amplifiers.
        room: lowest and highest usable gain.
    """
    titled = {f"{length} amplifiers × {gain:g}": sound for gain, sound in heard.items()}
    with book_style():
        figure = new_figure(3.4)
        draw_waves(figure, titled)
    return BookFigure(
        figure,
        f"A voice at the end of a chain: {describe(titled)}. It comes through at gains from "
        f"{room[0]:.3f} to {room[1]:.3f}.",
    )


def amplifier_matrix(widths: np.ndarray, gains: np.ndarray, std: float) -> BookFigure:
    """Draw measured gains of random n × n matrices on the line σ√n.

    Args:
        widths: numbers of wires n, shape (k,).
        gains: one row of measured gains for each, shape (k, draws).
        std: standard deviation of a weight.
    """
    with book_style():
        figure = new_figure(2.8)
        axes = figure.subplots()
        axes.loglog(widths, std * np.sqrt(widths), color=INK, lw=0.9)
        axes.loglog(widths, gains, "o", color=ACCENT, ms=3, alpha=0.6)
        axes.axhline(1, color=MUTED, lw=0.6, ls=(0, (3, 3)))
        axes.set(xlabel="wires, $n$", ylabel="gain of the layer")
        axes.set_xticks(widths[::2], [str(n) for n in widths[::2]])
    return BookFigure(
        figure,
        f"Gain of random matrices with weights of standard deviation {std:g} against the number of "
        f"wires, 1 to {widths[-1]}, logarithmic: measured points close in on the line σ√n, from "
        f"{gains[0].min():.2g} to {gains[0].max():.2g} at one wire, from {gains[-1].min():.3g} to "
        f"{gains[-1].max():.3g} at {widths[-1]}.",
    )
