"""Claims about the figures of *What a bend costs*: what they say is what they were given."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glorot.figures import choosing_by_activation as figures
from glorot.figures.choosing_by_activation import Factor, Grid, Series, Shares
from glorot.style import DARK, BookFigure

GRID = Grid(("relu", "logistic"), ("heuristic", "he", "own"), (5, 50))


def series(name: str, end: float) -> Series:
    line = np.geomspace(1, end, 12)
    draws = line * np.array([[0.5], [2.0], [1.0]])
    return Series(name, line, draws, (np.log(line), np.linspace(0.01, 1, 12)))


def maps(value: float) -> dict[str, np.ndarray]:
    forward = np.full(GRID.shape, -1.0)
    forward[1, 0, 0] = value
    return {"forward": forward, "backward": np.zeros(GRID.shape)}


def learned() -> np.ndarray:
    errors = np.full(GRID.shape, 0.9)
    errors[0, 0] = 0.1
    return errors


def factor(name: str, side: str) -> Factor:
    q, line = np.geomspace(0.1, 10, 5), np.linspace(2.0, 0.5, 5)
    return Factor(name, q, line, q[::2], np.array([line[::2]] * 3), 1, side)


def figure_of_each_kind() -> dict[str, BookFigure]:
    up = [series("LeCun", 1e-6), series("He", 1.0)]
    down = [Series(s.name, s.predicted[::-1], s.measured[:, ::-1]) for s in up]
    shares = [
        Shares("ReLU", (0.3, 0.5, 0.2), 1.0, np.array([0.98, 1.0])),
        Shares("logistic", (0.94, 0.06, 0.0), 0.056, np.array([0.05, 0.06])),
    ]
    healthy = np.zeros(GRID.shape, bool)
    healthy[0, 0, :2] = True
    return {
        "both ways": figures.both_ways(up, down, "12 layers"),
        "straying": figures.straying([series("ReLU", 1.0), series("GELU", 1e4)], 128),
        "factors": figures.factors([factor("SELU", "below"), factor("tanh", "right")]),
        "shares": figures.shares(shares),
        "start": figures.start_map(GRID, maps(-9.0), maps(-8.5)),
        "learned": figures.learned_map(GRID, learned(), healthy),
    }


FIGURES = figure_of_each_kind()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (
            "both ways",
            "LeCun: forward to 1e-06, backward to 1e-06; He: forward to 1, backward to 1",
        ),
        ("both ways", "the typical of 3 nets"),
        ("straying", "for 3 nets of width 128"),
        ("straying", "After 12 layers, ReLU: from 0.5 to 2; GELU: from 5e+03 to 2e+04"),
        ("factors", "SELU: 2.00 to 0.50"),
        ("shares", "ReLU 0.30, 0.50, 0.20, χ 1.000, measured 0.990"),
        ("start", "at most 0.5 decades apart"),
        ("start", "1 of 12 cells are more than a factor of 1,000 away from 1"),
        ("learned", "3 of 12 cells are below 50 %"),
        ("learned", "the 2 that theory calls healthy, which agrees in 11"),
    ],
)
def test_the_alternative_text_bears_the_numbers_of_the_result(name: str, found: str) -> None:
    assert found in FIGURES[name].alt


def test_the_alternative_text_follows_the_result() -> None:
    other = figures.start_map(GRID, maps(-2.0), maps(-8.5))
    assert "0 of 12 cells" in other.alt
    assert "at most 6.5 decades apart" in other.alt


@pytest.mark.parametrize("name", FIGURES)
def test_every_color_has_a_dark_counterpart(name: str) -> None:
    colors = set(re.findall(r"#[0-9a-f]{6}\b", FIGURES[name].svg()))
    assert colors
    assert colors <= set(DARK)


def test_the_typical_net_is_the_geometric_mean_and_the_band_holds_eight_of_ten() -> None:
    rng = np.random.default_rng(0)
    draws = np.exp(rng.normal(1.0, 0.7, (20_000, 2)))
    group = Series("He", np.ones(2), draws, (np.full(2, 1.0), np.full(2, 0.7**2)))
    assert group.typical == pytest.approx(np.e, rel=0.03)
    assert group.band is not None
    low, high = group.band
    inside = ((draws > low) & (draws < high)).mean()
    assert inside == pytest.approx(0.8, abs=0.01)
    assert Series("He", np.ones(2), draws).band is None


def test_a_map_marks_in_both_of_its_layers_what_theory_and_measurement_say() -> None:
    """A cell and its dot have the same look where both agree, and another where they do not."""
    agree, apart = (figures.start_map(GRID, maps(-9.0), maps(v)).figure for v in (-9.0, 9.0))
    dots = [
        [p for p in figure.axes[0].patches if p.get_width() < 1 and p.get_facecolor()[3] < 1]
        for figure in (agree, apart)
    ]
    assert [len(found) for found in dots] == [0, 1]
    (cell,) = (
        p for p in apart.axes[0].patches if p.get_width() == 1 and p.get_facecolor()[3] > 0.5
    )
    assert cell.get_facecolor()[:3] != dots[1][0].get_facecolor()[:3]  # too small, too large


@pytest.mark.parametrize("name", ["start", "learned"])
def test_every_block_of_a_map_says_its_depth_and_every_column_its_scheme(name: str) -> None:
    texts = [text.get_text() for text in FIGURES[name].figure.axes[0].texts]
    for word, count in (("5 layers", 1), ("50 layers", 1), ("std", 2), ("He", 2), ("own", 2)):
        assert texts.count(word) == count
