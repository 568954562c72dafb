"""Figures of *One number, four spellings*: what is drawn is what was given, and the words say it."""

from __future__ import annotations

import numpy as np
import pytest

from glorot.figures import in_your_framework as figures
from glorot.figures.in_your_framework import Cell, Line, Mistake

CELLS = [
    Cell(layer, framework, scheme, predicted, 1.01 * predicted)
    for layer, framework, predicted in (
        ("dense", "PyTorch", 1.0),
        ("dense", "Flax", 1.0),
        ("transposed", "PyTorch", 4.0),
        ("transposed", "Flax", 1.0),
    )
    for scheme in ("heuristic_uniform", "lecun_normal", "glorot_uniform", "he_normal")
]


def marks(ax, *markers: str) -> list:
    """The lines of a panel that are drawn with one of these markers."""
    return [line for line in ax.lines if line.get_marker() in markers]


def test_every_cell_is_a_point_on_its_predicted_mark():
    shown = figures.ratios(CELLS)
    drawn = [
        line.get_xdata()[0] for ax in shown.figure.axes for line in marks(ax, "v", "s", "o", "^")
    ]
    assert sorted(drawn) == pytest.approx(sorted(cell.measured for cell in CELLS))
    strokes = [
        line.get_xdata()[0]
        for ax in shown.figure.axes
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_linewidth() == 0.9 and line.get_zorder()
    ]
    assert sorted(strokes) == pytest.approx(sorted(cell.predicted for cell in CELLS))


def test_a_uniform_distribution_is_an_open_marker():
    ax = figures.ratios(CELLS).figure.axes[0]
    assert {line.get_markerfacecolor() for line in marks(ax, "v", "o")} == {"none"}
    assert "none" not in {line.get_markerfacecolor() for line in marks(ax, "s", "^")}


def test_the_words_of_the_ratios_say_where_they_differ():
    alt = figures.ratios(CELLS).alt
    assert "16 recipes" in alt and "12 lie between 1.01 and 1.01" in alt
    assert "transposed, PyTorch: 4.04 to 4.04" in alt and "Flax" not in alt


def test_a_signal_and_a_difference_look_different_and_end_in_words():
    falling = 0.5 ** np.arange(1, 31)
    lines = {
        "signal": Line(falling, np.tile(falling, (4, 1)) * 1.1),
        "what differs": Line(falling**2, np.tile(falling**2, (4, 1)), "difference"),
    }
    shown = figures.defaults(lines, 256)
    looks = {(line.get_linestyle(), line.get_marker()) for line in shown.figure.axes[0].lines}
    assert {("-", "None"), ("--", "None"), ("None", "o"), ("None", "s")} == looks
    assert "30 layers of 256 units" in shown.alt and "4 nets" in shown.alt
    assert "signal ends at 1.0 times ten to the −9, predicted 9.3 times ten to the −10" in shown.alt


def test_a_mistake_is_told_with_both_numbers():
    shown = figures.mistakes({"too\nlittle": Mistake(0.03, 0.031), "too much": Mistake(4.0, 4.1)})
    assert "too little 0.031, predicted 0.03; too much 4.1, predicted 4" in shown.alt
    points = marks(shown.figure.axes[0], "o")
    assert [line.get_xdata()[0] for line in points] == [0.031, 4.1]


def test_a_normal_has_no_bound_to_draw():
    shown = figures.what_do_i_type({"PyTorch": (0.05, np.inf), "JAX": (0.05, 0.11)}, "He")
    assert shown.alt == "He: PyTorch std 0.05, no bound; JAX std 0.05, bound 0.11."
    assert len(marks(shown.figure.axes[0], "|")) == 1
