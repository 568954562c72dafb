"""Claims about the figures of *The scale moves out*: what they say is what they were given."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glorot.figures import today as figures
from glorot.style import DARK, BookFigure


def figure_of_each_kind() -> dict[str, BookFigure]:
    sums, ones = np.arange(1.0, 6.0), np.ones(5)
    lines = {"pre": (sums, 5 / sums), "post": (ones, ones)}
    measured = {k: (np.array([u, u]), np.array([d, d])) for k, (u, d) in lines.items()}
    tried = np.array([0.001, 0.01, 0.1])
    widths = np.array([64, 256, 1024])
    change = {
        (o, r): np.stack([np.array([[0.01, 0.02, 0.03, 0.04]] * 2) * f for f in (1, g, g * g)])
        for o, r, g in (
            ("sgd", "standard", 2.0),
            ("sgd", "ntk", 0.5),
            ("adam", "standard", 1.0),
            ("adam", "ntk", 0.5),
        )
    }
    return {
        "streams": figures.streams(lines, measured),
        "transformers": figures.transformers(
            {
                "pre": (np.array([sums, sums]), np.array([3 * sums, 3 * sums])),
                "pre-zero": (np.array([ones, ones]), np.array([2 * sums, 2 * sums])),
            }
        ),
        "rates": figures.rates(
            tried,
            {"pre": np.array([2.6, 2.5, 2.9]), "none": np.array([3.1, np.inf, np.inf])},
            highest=4.0,
        ),
        "attention": figures.attention(
            np.array([4, 16]),
            {"q·k": np.array([[0.2, 0.6]] * 2), "q·k/√d": np.array([[0.01, 0.011]] * 2)},
            0.0106,
            11.1,
        ),
        "adam": figures.adam_step(
            widths, 0.001 * widths, {"Adam": np.array([0.001 * widths] * 2)}, 1.41
        ),
        "coordinates": figures.coordinates(widths, change, 10),
        "sweep": figures.sweep(
            tried,
            {
                "mup": np.array([[3, 2, 3.0], [3, 1.9, 3]]),
                "ntk": np.array([[3, 2, 3], [2, 3, 9.0]]),
            },
            (64, 256),
            4.0,
        ),
        "underflow": figures.underflow(
            np.array([1, 2]),
            {"loss × 1": np.array([0.1, 0.8])},
            {"loss × 1": np.array([[0.1, 0.7]])},
        ),
    }


FIGURES = figure_of_each_kind()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("streams", "pre: signal 5, predicted 5, gradient 5, predicted 5"),
        ("streams", "post: signal 1, predicted 1"),
        ("transformers", "pre: 5 before, 15 after; pre-zero: 1 before, 10 after"),
        ("rates", "pre 2.50 at 0.01; none 3.10 at 0.001"),
        ("attention", "q·k from 0.2 to 0.6; q·k/√d from 0.01 to 0.011"),
        ("attention", "dotted one d = 11"),
        ("adam", "Predicted 0.064 to 1.02; measured, Adam 0.064 to 1.02"),
        ("coordinates", "after 10 updates"),
        ("coordinates", "standard by gradient descent: output 4, last block 4"),
        ("coordinates", "NTK by Adam: output 0.25"),
        ("sweep", "μP: 0.01 at 64, 0.01 at 256; NTK: 0.01 at 64, 0.001 at 256"),
        ("underflow", "loss × 1: 0.70, predicted 0.80"),
    ],
)
def test_the_alternative_text_bears_the_numbers_of_the_result(name: str, found: str) -> None:
    assert found in FIGURES[name].alt


def test_the_alternative_text_follows_the_result() -> None:
    other = figures.underflow(
        np.array([1, 2]), {"a": np.array([0.1, 0.3])}, {"a": np.array([[0.1, 0.2]])}
    )
    assert "a: 0.20, predicted 0.30" in other.alt and "0.7" not in other.alt


@pytest.mark.parametrize("name", FIGURES)
def test_every_color_has_a_dark_counterpart(name: str) -> None:
    colors = set(re.findall(r"#[0-9a-f]{6}\b", FIGURES[name].svg()))
    assert colors
    assert colors <= set(DARK)


def test_the_best_rate_of_each_width_is_marked() -> None:
    big = [line for line in FIGURES["sweep"].figure.axes[0].lines if line.get_markersize() == 7]
    assert [float(line.get_ydata()[0]) for line in big] == [2.0, 1.9]
