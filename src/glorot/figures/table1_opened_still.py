"""What stands for *Table 1, opened* on paper and where scripts do not run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from glorot.style import ACCENT, INK, MUTED, BookFigure, book_style, new_figure


@dataclass(frozen=True)
class Column:
    """A data set of Table 1.

    Args:
        name: of the data set.
        guessing: error of always giving one answer, a fraction.
        measured: model -> (seeds,) test errors, fractions.
        paper: model -> the paper's test error in percent, or None.
    """

    name: str
    guessing: float
    measured: dict[str, np.ndarray]
    paper: dict[str, float | None]


def table1_opened(columns: list[Column], seeds: int) -> BookFigure:
    """Draw a panel for each data set: each seed's test error and the paper's, model by model.

    Args:
        columns: the data sets.
        seeds: number of seeds.
    """
    rows = -(-len(columns) // 2)
    with book_style():
        figure = new_figure(0.6 + 1.9 * rows)
        panels = figure.subplots(rows, min(2, len(columns)), sharey=True, squeeze=False).ravel()
        for axes, column in zip(panels, columns, strict=False):
            _draw_column(axes, column)
        for axes in panels[len(columns) :]:
            axes.set_visible(False)
        figure.supxlabel("test error in %: dots are seeds, diamonds the paper's", fontsize=10)
    stories = "; ".join(f"on {column.name} {_story(column)}" for column in columns)
    return BookFigure(
        figure, f"Test error in percent, mean over {seeds} seeds and the paper's: {stories}."
    )


def _draw_column(axes: Axes, column: Column) -> None:
    places = range(len(column.measured))
    for y, (model, errors) in zip(places, column.measured.items(), strict=True):
        axes.plot(100 * errors, np.full(len(errors), y), "o", color=INK, ms=3.5, alpha=0.6)
        axes.plot(100 * errors.mean(), y, "|", color=INK, ms=13, mew=1.5)
        paper = column.paper[model]
        if paper is not None:
            axes.plot(paper, y, "D", color=ACCENT, ms=5, mfc="none", mew=1.3)
    axes.axvline(100 * column.guessing, color=MUTED, ls=":", lw=1)
    axes.set(title=column.name, yticks=list(places), yticklabels=list(column.measured))
    axes.set_ylim(len(places) - 0.5, -0.5)
    if 100 * column.guessing > 20 * min(100 * e.min() for e in column.measured.values()):
        axes.set_xscale("log")
        axes.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
        axes.minorticks_off()


def _story(column: Column) -> str:
    parts = []
    for model, errors in column.measured.items():
        paper = column.paper[model]
        said = "not given" if paper is None else f"{paper:.2f}"
        parts.append(f"{model} {100 * errors.mean():.2f} ({said})")
    return ", ".join(parts)
