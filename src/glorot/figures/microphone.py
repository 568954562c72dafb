"""The figures of *What does it sound like?*: each takes a result and draws it, none computes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from glorot.figures.parts import arrow, box
from glorot.style import (
    ACCENT,
    INK,
    MUTED,
    PAPER,
    SHADE,
    BookFigure,
    book_style,
    depth_colors,
    new_figure,
)

__all__ = [
    "Room",
    "amplifier_neuron_layer",
    "bypasses",
    "directions",
    "draw_waves",
    "knife_edge",
    "layers_on_lines",
    "three_settings",
]

_COLUMNS = 500  # of a waveform, each drawn from its lowest to its highest sample


@dataclass(frozen=True, eq=False)
class Room:
    """How far the knobs of a chain may be turned, by its length.

    Args:
        lengths: numbers of amplifiers, shape (n,).
        low: predicted gain at which the voice meets the hiss, shape (n,).
        high: predicted gain at which its peaks clip, shape (n,).
        tried: numbers of amplifiers at which the edges were measured, shape (m,).
        measured: (low, high) found there, shape (m, 2).
    """

    lengths: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tried: np.ndarray
    measured: np.ndarray


def three_settings(heard: Mapping[str, np.ndarray], floor: float) -> BookFigure:
    """Draw what comes out of one amplifier at several settings of its knob.

    Args:
        heard: setting -> samples between -1 and 1.
        floor: standard deviation of the hiss.
    """
    with book_style():
        figure = new_figure(3.4)
        draw_waves(figure, heard)
    return BookFigure(
        figure,
        f"What comes out of an amplifier over time, clipped at ±1, with hiss of {floor:g}: "
        f"{describe(heard)}.",
    )


def draw_waves(figure: Figure, heard: Mapping[str, np.ndarray]) -> None:
    """Draw waveforms below each other on one scale, the supply voltage as dashed lines."""
    panels = figure.subplots(len(heard), 1, sharex=True, sharey=True)
    for axes, (title, sound) in zip(panels, heard.items(), strict=True):
        pieces = np.array_split(sound, _COLUMNS)
        at = np.arange(_COLUMNS)
        axes.fill_between(
            at, [p.min() for p in pieces], [p.max() for p in pieces], color=INK, lw=0.3
        )
        for supply in (-1, 1):
            axes.axhline(supply, color=MUTED, lw=0.7, ls=(0, (3, 3)))
        axes.set(title=title, xticks=[], yticks=[-1, 0, 1], ylim=(-1.15, 1.15), xlim=(0, _COLUMNS))
        axes.spines["bottom"].set_visible(False)
    panels[-1].set_xlabel("time")
    panels[len(panels) // 2].set_ylabel("signal, in units of the supply")


def describe(heard: Mapping[str, np.ndarray]) -> str:
    """Return root mean square and clipped share of each sound, in words."""
    return "; ".join(
        f"{title}: root mean square {np.sqrt(np.mean(sound**2)):.2g}, "
        f"{100 * np.mean(np.abs(sound) >= 1):.0f} % of the samples clipped"
        for title, sound in heard.items()
    )


def knife_edge(room: Room, shown: int) -> BookFigure:
    """Draw the gains at which a voice comes through, against the number of amplifiers.

    Args:
        room: predicted and measured edges.
        shown: the number of amplifiers whose edges are written out.
    """
    with book_style():
        figure = new_figure(3.2)
        axes = figure.subplots()
        axes.fill_between(room.lengths, room.low, room.high, color=SHADE, lw=0)
        axes.plot(room.lengths, room.high, color=INK, lw=0.9)
        axes.plot(room.lengths, room.low, color=INK, lw=0.9)
        axes.plot(room.tried, room.measured, "o", color=ACCENT)
        axes.axhline(1, color=MUTED, lw=0.6, ls=(0, (3, 3)))
        at = int(np.flatnonzero(room.lengths == shown)[0])
        axes.annotate(
            f"{room.high[at]:.3f}",
            (shown, room.high[at]),
            xytext=(0, 7),
            ha="center",
            textcoords="offset points",
        )
        axes.annotate(
            f"{room.low[at]:.3f}",
            (shown, room.low[at]),
            xytext=(0, -14),
            ha="center",
            textcoords="offset points",
        )
        middle = np.sqrt(len(room.lengths))
        axes.text(middle, 0.12, "nobody hears you", ha="left")
        axes.text(1.25, 0.45, "room for\nthe knob", ha="left", va="center")
        axes.text(middle, 2.2, "clipped", ha="left")
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="amplifiers in the chain, $L$",
            xlim=(1, room.lengths[-1]),
            ylabel="gain of each, $g$",
            ylim=(0.007, 4),
        )
        axes.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
        axes.set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    return BookFigure(
        figure,
        f"Usable gains against the number of amplifiers, 1 to {room.lengths[-1]}, both logarithmic: a "
        f"band that narrows from {room.low[0]:.3g} to {room.high[0]:.3g} at one amplifier to "
        f"{room.low[at]:.3f} to {room.high[at]:.3f} at {shown}; measured edges lie on it.",
    )


def amplifier_neuron_layer(wires: int) -> BookFigure:
    """Draw an amplifier, a neuron that adds several wires, and a layer of such neurons.

    Args:
        wires: how many, few enough to draw each.
    """
    with book_style():
        figure = new_figure(2.5)
        panels = figure.subplots(1, 3)
        heights = (np.arange(wires) - (wires - 1) / 2) * 0.42
        rng = np.random.default_rng(2)  # the wires' widths are decoration
        _amplifier(panels[0])
        _wires(panels[1], heights, np.zeros(1), rng)
        _wires(panels[2], heights, heights, rng)
        for axes, title in zip(panels, ("amplifier", "neuron", "layer"), strict=True):
            axes.set(xlim=(-1.5, 1.7), ylim=(-1.95, 1.45), aspect="equal", title=title)
            axes.set_axis_off()
        for axes, formula in zip(
            panels, ("$z = g\\,h$", "$z = \\Sigma_i\\,h_i w_i$", "$z = h\\,W$"), strict=True
        ):
            axes.text(0.1, -1.85, formula, ha="center", va="bottom")
    return BookFigure(
        figure,
        f"Three drawings: an amplifier multiplies one wire by one gain; a neuron adds {wires} wires, "
        f"each times a weight of its own, some negative and dashed; a layer has {wires} such neurons, "
        f"{wires} × {wires} weights.",
    )


def _amplifier(axes: Axes) -> None:
    arrow(axes, (-1.4, 0), (-0.35, 0), 1.6)
    _triangle(axes, 0.0, 0.0, 0.42)
    arrow(axes, (0.5, 0), (1.6, 0), 2.6)


def _wires(axes: Axes, heights: np.ndarray, outputs: np.ndarray, rng: np.random.Generator) -> None:
    for out in outputs:
        for height in heights:
            weight = rng.normal()
            axes.plot(
                (-1.15, 0.62),
                (height, out),
                lw=0.4 + 0.8 * abs(weight),
                solid_capstyle="butt",
                color=INK if weight > 0 else ACCENT,
                ls="-" if weight > 0 else (0, (3, 2)),
            )
    box(axes, (-1.38, heights[0] - 0.08), (0.34, heights[-1] - heights[0] + 0.16))
    axes.plot(np.full(len(heights), -1.21), heights, "o", color=INK, ms=3)
    for out in outputs:
        _triangle(axes, 0.78, out, 0.17)
        arrow(axes, (0.98, out), (1.62, out), 1.1)


def _triangle(axes: Axes, x: float, y: float, size: float) -> None:
    corners = [(x - 0.8 * size, y - size), (x - 0.8 * size, y + size), (x + 1.1 * size, y)]
    axes.add_patch(Polygon(corners, closed=True, fc=PAPER, ec=INK, lw=1.1, zorder=3))


def layers_on_lines(gains: Mapping[float, np.ndarray], width: int) -> BookFigure:
    """Draw the amplitude through a net of random layers on the lines of amplifier chains.

    Args:
        gains: σ√n -> amplitude after layers 1 … L relative to the input, one row per net.
        width: units in each layer.
    """
    with book_style():
        figure = new_figure(3.0)
        axes = figure.subplots()
        for gain, amplitudes in gains.items():
            layers = np.arange(1, amplitudes.shape[1] + 1)
            low, high = 20 * np.log10(np.percentile(amplitudes, (10, 90), axis=0))
            axes.fill_between(layers, low, high, color=ACCENT, alpha=0.25, lw=0)
            axes.plot(layers, 20 * layers * np.log10(gain), color=INK, lw=0.9)
            typical = np.exp(np.mean(np.log(amplitudes), axis=0))
            axes.plot(layers[4::5], 20 * np.log10(typical[4::5]), "o", color=ACCENT)
            axes.annotate(
                f"$\\sigma\\sqrt{{n}} = {gain:g}$",
                (layers[30], 20 * layers[30] * np.log10(gain)),
                va="bottom",
                ha="right" if gain >= 1 else "left",
                xytext=(-2 if gain >= 1 else 4, 5),
                textcoords="offset points",
            )
        axes.set(xlabel="layers passed, $l$", ylabel="amplitude, dB of the input")
    ends = "; ".join(
        f"{gain:g}: {20 * np.log10(np.exp(np.mean(np.log(amplitudes[:, -1])))):+.0f} dB"
        for gain, amplitudes in gains.items()
    )
    return BookFigure(
        figure,
        f"Amplitude in decibels against layer, nets of width {width} as points with bands on the "
        f"straight lines of amplifier chains. After {layers[-1]} layers, by σ√n: {ends}.",
    )


def bypasses(
    gains: np.ndarray,
    predicted: Mapping[str, np.ndarray],
    measured: Mapping[str, tuple[np.ndarray, np.ndarray]],
    length: int,
) -> BookFigure:
    """Draw what stages with and without a bypass make of an amplitude, against the gain of one.

    Args:
        gains: of one stage, from 0 on, shape (n,).
        predicted: kind of stage -> amplitude at the end, shape (n,).
        measured: kind of stage -> gains that were tried, and the amplitudes found.
        length: number of stages.
    """
    looks = ((ACCENT, "^", "right"), (ACCENT, "o", "left"), (INK, "s", "right"))
    with book_style():
        figure = new_figure(3.1)
        axes = figure.subplots()
        axes.axhline(1, color=MUTED, lw=0.6, ls=(0, (3, 3)))
        for (name, line), (color, marker, side) in zip(predicted.items(), looks, strict=True):
            axes.plot(gains, line, color=INK, lw=0.9)
            axes.plot(*measured[name], marker, color=color, clip_on=True)
            height = {"right": 150.0, "left": 3.5}[side]
            axes.annotate(
                name.replace(", ", ",\n") if side == "right" else name,
                (np.interp(np.log(height), np.log(np.maximum(line, 1e-99)), gains), height),
                color=color,
                va="center",
                ha="left" if name != "no bypass" else "right",
                xytext=(9 if name != "no bypass" else -9, 0),
                textcoords="offset points",
            )
        axes.set(
            yscale="log",
            ylim=(1e-3, 1e3),
            xlim=(-0.02, gains[-1]),
            xlabel="gain of the amplifier or of the layer, $g$",
            ylabel="amplitude, after / before",
        )
    ends = "; ".join(
        f"{name}: 1 at g = {gains[np.argmin(np.abs(np.log(np.maximum(line, 1e-99))))]:.3g}, "
        f"10 at {np.interp(np.log(10), np.log(np.maximum(line, 1e-99)), gains):.3g}"
        for name, line in predicted.items()
    )
    return BookFigure(
        figure,
        f"Amplitude after {length} stages, logarithmic, against the gain g of one, 0 to "
        f"{gains[-1]:g}; theory as lines, measurements on them. {ends}.",
    )


def directions(
    predicted: Mapping[int, np.ndarray], measured: Mapping[int, np.ndarray]
) -> BookFigure:
    """Draw the gain of a product of random matrices by direction, from the loudest to the faintest.

    Args:
        predicted: layers -> gain in decibels by direction, shape (n,).
        measured: the same, measured.
    """
    with book_style():
        figure = new_figure(3.1)
        axes = figure.subplots()
        for (layers, line), color in zip(
            predicted.items(), depth_colors(len(predicted)), strict=True
        ):
            ranks = np.arange(1, len(line) + 1)
            shown = np.unique(np.round(np.linspace(0, len(line) - 1, 21)).astype(int))
            axes.plot(ranks, line, color=INK, lw=0.9)
            axes.plot(ranks[shown], measured[layers][shown], "o", color=color)
            first = layers == min(predicted)
            axes.annotate(
                f"{layers} layer{'s' if layers > 1 else ''}",
                (50, 0) if first else (ranks[-1], line[-1]),
                color=color,
                xytext=(0, 6) if first else (-8, 0),
                textcoords="offset points",
                ha="center" if first else "right",
                va="bottom" if first else "center",
            )
        axes.axhline(0, color=MUTED, lw=0.6, ls=(0, (3, 3)))
        axes.set(xlabel="direction, loudest first, $k$", ylabel="gain, dB", ylim=(None, 130))
    ends = "; ".join(
        f"{layers}: {line[0]:+.0f} dB to {line[-1]:+.0f} dB" for layers, line in measured.items()
    )
    return BookFigure(
        figure,
        f"Gain in decibels by direction, 1 to {len(line)}, of products of random matrices that keep the "
        f"mean square, theory as lines and one draw as points. Loudest to faintest by number of "
        f"layers: {ends}.",
    )
