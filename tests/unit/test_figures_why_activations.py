"""The figures of *Why activations at all?* say what their results say."""

from itertools import pairwise

import numpy as np
import pytest

from glorot.figures import why_activations as figures
from glorot.style import DARK, BookFigure


def region(outer, title="a network", error=0.25):
    return figures.Region(title, np.linspace(-2, 2, 5), outer, error)


def ring(inside, outside):
    outer = np.full((5, 5), outside)
    outer[1:4, 1:4] = inside
    return outer


def fit(errors=(0.0889, 0.0007)):
    x = (2 * np.arange(32) + 1) / 32 - 1
    return figures.Fit("x²", x, x**2, np.full(32, 1 / 3), x**2, errors, 20)


def losses(last):
    return {
        name: np.geomspace(1, end, 8) * np.ones((2, 1))
        for name, end in zip("abcde", last, strict=True)
    }


def every_figure():
    points, labels = np.eye(2), np.array([0, 1])
    widths = np.array([1, 2, 4, 8])
    tries = np.ones((4, 2)) / widths[:, np.newaxis]
    return [
        figures.one_layer(np.ones(3), np.ones((3, 2)), np.zeros(2), np.array([3.0, 0.0])),
        figures.collapse((6, 8, 2, 8, 4), np.array([3.0, 0.5, 1e-16, 1e-17])),
        figures.fits([fit(), fit()]),
        figures.hinges(np.linspace(-1, 1, 5), np.ones((5, 2)), widths, 1.0 / widths**2),
        figures.regions(points, labels, [region(ring(0.1, 0.9))] * 4),
        figures.width_error(widths, 1 / widths, tries, tries, 1 / widths, 0.4),
        figures.starts(losses([0.5, 0.06, 0.004, 0.03, 0.04]), every=25),
    ]


def test_every_figure_is_drawn_in_the_palette_that_has_a_dark_twin():
    white_and_black = {"#ffffff", "#000000"}  # matplotlib writes them for what is not drawn
    for figure in every_figure():
        assert isinstance(figure, BookFigure)
        svg = figure.svg()
        used = {svg[i : i + 7].lower() for i in range(len(svg)) if svg[i] == "#"}
        colors = {word for word in used if all(c in "0123456789abcdef" for c in word[1:])}
        assert colors <= set(DARK) | white_and_black, figure.alt


def test_the_collapse_counts_the_singular_values_that_are_not_rounding():
    alt = figures.collapse((6, 8, 2, 8, 4), np.array([3.0, 0.5, 1e-16, 1e-17])).alt
    assert "narrowing to 2" in alt
    assert "2 lie between 3 and 0.5" in alt
    full = figures.collapse((6, 8, 2, 8, 4), np.array([3.0, 0.5, 0.4, 1e-17])).alt
    assert "3 lie between 3 and 0.4" in full


def test_the_text_of_the_fits_bears_both_errors():
    alt = figures.fits([fit((0.0889, 0.0007))]).alt
    assert "0.0889" in alt
    assert "0.0007" in alt
    assert "0.0889" not in figures.fits([fit((0.5, 0.0007))]).alt


def test_the_hinges_report_the_measured_slope_not_the_expected_one():
    counts = np.array([1, 2, 4, 8])
    x, parts = np.linspace(-1, 1, 5), np.ones((5, 2))
    assert "slope -2.00" in figures.hinges(x, parts, counts, 1.0 / counts**2).alt
    assert "slope -1.00" in figures.hinges(x, parts, counts, 1.0 / counts).alt


@pytest.mark.parametrize(
    ("outer", "words"),
    [
        (ring(0.1, 0.9), "a closed border, error 25.0 %"),
        (np.tile([0.1, 0.1, 0.1, 0.9, 0.9], (5, 1)), "a border that stays open, error 25.0 %"),
        (np.full((5, 5), 0.5), "no border, probabilities within 0 of one half"),
    ],
)
def test_a_border_is_called_closed_only_if_it_is(outer, words):
    points, labels = np.eye(2), np.array([0, 1])
    assert words in figures.regions(points, labels, [region(outer)] * 4).alt


def test_the_starts_bear_their_final_losses_and_labels_do_not_collide():
    figure = figures.starts(losses([0.5, 0.06, 0.004, 0.03, 0.031]), every=25)
    assert "c: 0.004; d: 0.03; e: 0.031" in figure.alt
    heights = sorted(text.xy[1] for text in figure.figure.axes[0].texts)
    assert min(b / a for a, b in pairwise(heights)) > 1.3
