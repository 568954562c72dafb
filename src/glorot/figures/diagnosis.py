"""The picture of a diagnosis: signal and gradient, layer by layer, with the faults where they begin."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from glorot.figures.parts import in_words
from glorot.style import ACCENT, FAINT, INK, MUTED, SHADE, BookFigure, book_style, new_figure

__all__ = ["diagnosis"]

_SERIES = (
    ("moment", "second moment", MUTED, "-", "o"),
    ("between", "between inputs", INK, "-", "s"),
    ("gradient", "gradient", ACCENT, "--", "v"),
)


def diagnosis(report: Any) -> BookFigure:
    """Draw what a diagnosis measured in each layer and mark the faulty ones.

    Args:
        report: what ``glorot.diagnose.diagnose`` returned.

    Returns:
        The second moment of the layers' outputs, the part of it that distinguishes inputs, and the
        gradient's second moment, on one logarithmic axis; layers with a fault on a shaded ground.

    Raises:
        ValueError: if the report has no layers.
    """
    if not report.layers:
        raise ValueError(f"report must have at least one layer, got {report.module} with none")
    with book_style():
        figure = new_figure(3.2)
        ax = figure.subplots()
        numbers = np.arange(1, len(report.layers) + 1)
        _mark_faults(ax, report)
        ends = [_draw(ax, report, numbers, series) for series in _SERIES]
        ax.set_yscale("log")
        _label(ax, numbers, ends)
        ax.set(xlabel="layer", ylabel="average square")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.minorticks_off()
    return BookFigure(figure, _words(report))


def _values(report: Any, name: str) -> np.ndarray:
    """One series; what was not measured, or is zero, is left out of a logarithmic axis."""
    values = np.array([getattr(layer, name) for layer in report.layers], float)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _draw(ax: Axes, report: Any, numbers: np.ndarray, series: tuple) -> tuple[str, str, float]:
    name, words, color, dash, marker = series
    values = _values(report, name)
    every = max(1, len(numbers) // 15)
    ax.plot(numbers, values, dash, color=color, marker=marker, ms=4, markevery=every)
    known = values[np.isfinite(values)]
    return words, color, float(known[-1]) if len(known) else np.nan


def _label(ax: Axes, numbers: np.ndarray, ends: list[tuple[str, str, float]]) -> None:
    """Name each line at its end, the names kept apart."""
    known = sorted((end for end in ends if np.isfinite(end[2])), key=lambda end: -end[2])
    low, high = ax.get_ylim()
    span = np.log10(high / low)
    height = np.inf
    for words, color, value in known:
        height = min(height - 0.08, np.log10(value / low) / span)
        ax.annotate(
            words,
            (1.01, height),
            xycoords="axes fraction",
            va="center",
            color=color,
            annotation_clip=False,
        )
    ax.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
    ax.axhline(1, color=FAINT, lw=0.9, zorder=0)


def _mark_faults(ax: Axes, report: Any) -> None:
    places = {layer.layer: number for number, layer in enumerate(report.layers, start=1)}
    for row, finding in enumerate(report.findings):
        hit = sorted(places[name] for name in finding.layers if name in places)
        for first, last in _runs(hit):
            ax.axvspan(first - 0.5, last + 0.5, color=SHADE, lw=0, zorder=-1)
        if hit:
            ax.annotate(
                f"{finding.code} from {finding.layer}"
                if len(hit) > 1
                else f"{finding.code} at {finding.layer}",
                (0.0, 1.02 + 0.08 * row),
                xycoords="axes fraction",
                color=ACCENT,
            )


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of neighboring numbers.

    Example:
        >>> _runs([1, 2, 3, 5])
        [(1, 3), (5, 5)]
    """
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return list(zip(starts, ends, strict=True))


def _words(report: Any) -> str:
    count = len(report.layers)
    parts = [
        f"Average squares in {count} {'layer' if count == 1 else 'layers'} of {report.module}, logarithmic."
    ]
    for name, words, *_ in _SERIES:
        values = _values(report, name)
        known = values[np.isfinite(values)]
        if len(known):
            start, end = in_words(float(known[0])), in_words(float(known[-1]))
            parts.append(f"{words.capitalize()}: {start} in the first layer, {end} in the last.")
    if not report.findings:
        parts.append("No fault was found.")
    for finding in report.findings:
        others = len(finding.layers) - 1
        more = f" and {others} more {'layer' if others == 1 else 'layers'}" if others > 0 else ""
        parts.append(f"Marked: {finding.code} at {finding.layer}{more}.")
    return " ".join(parts)
