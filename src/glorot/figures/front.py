"""The picture of the front page: one signal on its way through three nets that differ in one number."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from glorot.style import ACCENT, INK, MUTED, PAPER, book_style

__all__ = ["DEPTH", "WIDTH", "Chain", "Row", "card", "send", "three_nets"]

WIDTH, DEPTH, SEED = 100, 10, 4
PERIOD, HEIGHT = 60.0, 64.0  # of a segment between two layers, in units of the drawing


@dataclass(frozen=True, eq=False)
class Row:
    """One net of the picture.

    Args:
        name: what its weights are drawn with, as the reader sees it.
        waves: what the shown unit of each layer does over one period, shape (layers + 1, samples), in [−1, 1].
        left: root mean square of the last layer's units about their means, over that of the first.
        pinned: share of the last layer's activations beyond 0.95 in magnitude.
    """

    name: str
    waves: np.ndarray
    left: float
    pinned: float

    @property
    def words(self) -> str:
        """What became of the signal."""
        if self.pinned > 0.5:
            return f"{100 * self.pinned:.0f} % of the units are pinned to an end"
        return f"{100 * self.left:.2g} % of the signal is left"


def send(
    name: str, std: float, rng: np.random.Generator, width: int, depth: int, samples: int = 96
) -> Row:
    """Send a periodic signal through tanh layers whose weights are normal with this standard deviation.

    Args:
        name: of the row.
        std: of a weight.
        rng: draws the signal, then the layers, so that equal seeds give equal directions.
        width: units in a layer.
        depth: layers.
        samples: points of a period.

    Returns:
        The row; the unit that is shown is in each layer the one whose variance is the layer's median.
    """
    time = 2 * np.pi * np.arange(samples) / samples
    tones = np.stack([f(k * time) for k in (1, 2, 3) for f in (np.cos, np.sin)])
    h = np.tanh(rng.normal(size=(width, len(tones))) @ tones / np.sqrt(3))
    first, waves = h.var(axis=1).mean(), [_typical(h)]
    for _ in range(depth):
        h = np.tanh(std * rng.normal(size=(width, width)) @ h)
        waves.append(_typical(h))
    return Row(
        name,
        np.array(waves),
        float(np.sqrt(h.var(axis=1).mean() / first)),
        float(np.mean(np.abs(h) > 0.95)),
    )


def _typical(h: np.ndarray) -> np.ndarray:
    spread = h.var(axis=1)
    return h[np.argsort(spread)[len(spread) // 2]]


@dataclass(frozen=True, eq=False)
class Chain:
    """The moving picture: a row of layers for each net, with the signal travelling between them.

    It moves by the page's style sheet, stands still for readers who asked for little motion, and has a box
    to hold it. Without the style sheet it is a still picture.
    """

    rows: Sequence[Row]

    def _repr_html_(self) -> str:
        rows = "\n".join(_row(row) for row in self.rows)
        hold = '<label class="hold"><input type="checkbox"> hold it still</label>'
        return f'<figure class="chain-moving">\n{rows}\n<figcaption>{hold}</figcaption>\n</figure>'


def _row(row: Row) -> str:
    layers = len(row.waves) - 1
    told = f"{row.name}: after {layers} layers {row.words}"
    width = PERIOD * (layers + 1)
    walls = "".join(f"M{PERIOD * k:g} 3V{HEIGHT - 3:g}" for k in range(1, layers + 1))
    segments = "".join(_segment(k, wave) for k, wave in enumerate(row.waves))
    return (
        f"<p>{html.escape(row.name)} <span>{html.escape(row.words)}</span></p>\n"
        f'<svg viewBox="0 0 {width:g} {HEIGHT:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{html.escape(told)}">{segments}<path class="wall" d="{walls}"/></svg>'
    )


def _segment(place: int, wave: np.ndarray) -> str:
    """Two periods of a wave behind a window of one: the style sheet moves them by a period."""
    twice = np.concatenate([wave, wave, wave[:1]])
    x = PERIOD * np.arange(len(twice)) / len(wave) - PERIOD
    y = HEIGHT / 2 - (HEIGHT / 2 - 6) * twice
    points = " ".join(f"{a:g} {b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg x="{PERIOD * place:g}" width="{PERIOD:g}" height="{HEIGHT:g}">'
        f'<polyline class="wave" points="{points}"/></svg>'
    )


def three_nets(std: float) -> list[Row]:
    """Return the rows of the front page: tanh nets whose weights have half, once and four times a standard deviation.

    Args:
        std: of a weight of the middle net, whose layers have ``WIDTH`` inputs and outputs.
    """
    scales = {"half as large": 0.5, "as in this book": 1.0, "four times as large": 4.0}
    return [
        send(f"Weights {name}", times * std, np.random.default_rng(SEED), WIDTH, DEPTH)
        for name, times in scales.items()
    ]


def card(title: str, rows: Sequence[Row]) -> Figure:
    """Draw the card that is shown beside a shared link: 1200 by 630 pixels, the three nets and the title.

    Args:
        title: of the book.
        rows: what :func:`three_nets` returns.

    Returns:
        The figure, outside pyplot; its size and resolution make the pixels.
    """
    with book_style():
        figure = Figure(figsize=(12, 6.3), dpi=100, facecolor=PAPER)
        figure.text(0.06, 0.83, title, size=44, color=INK)
        asked = "How large should random weights be?"
        figure.text(0.06, 0.73, asked, size=24, color=MUTED, style="italic")
        edges = {"left": 0.06, "right": 0.94, "top": 0.66, "bottom": 0.08}
        for ax, row in zip(figure.subplots(3, 1, gridspec_kw=edges), rows, strict=True):
            for place, wave in enumerate(row.waves):
                ax.plot(place + np.arange(len(wave)) / len(wave), wave, color=ACCENT, lw=2.4)
            ax.vlines(np.arange(1, len(row.waves)), -1, 1, color=INK, lw=1.6)
            ax.set(xlim=(0, len(row.waves)), ylim=(-1.1, 1.1))
            ax.set_axis_off()
    return figure
