"""Claims about the figures of *One matrix, two demands*: what they say is what they were given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from glorot.figures import fan_in_fan_out as figures
from glorot.style import DARK, BookFigure

SIZES = (8, 4, 2)
MODES = ("fan_in", "fan_avg", "fan_out")


@dataclass(frozen=True)
class Histogram:
    centers: np.ndarray
    density: np.ndarray


def histogram(spreads: tuple[float, ...]) -> Histogram:
    centers = np.linspace(-1, 1, 401)
    return Histogram(
        centers, np.array([np.exp(-((centers / s) ** 2) / 2) / (s * 2.5066) for s in spreads])
    )


def products(end: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    draws = rng.uniform(0.9, 1.1, (5, 2))
    draws[:, 1] *= end / draws[:, 1].mean()
    return dict.fromkeys(MODES, (draws, draws[:, ::-1]))


def figure_of_each_kind() -> dict[str, BookFigure]:
    variances = {mode: np.array([1.0, 2.0, 6.25]) for mode in MODES}
    gradients = {
        "as drawn": np.array([[1.0, 1.0], [3.0, 3.0]]),
        "raised": np.array([[4.0, 1.0]] * 2),
    }
    lines = {mode: (np.array([1.0, 3.0]), np.array([3.0, 1.0])) for mode in MODES}
    seeds = {"tapering": {mode: np.array([0.02, 0.04]) for mode in MODES}}
    curves = {"tapering": {mode: np.array([[0.9, 0.9], [0.1, 0.2]]) for mode in MODES}}
    schemes = {"heuristic": histogram((0.3, 0.03)), "glorot": histogram((0.2, 0.1))}
    return {
        "two demands": figures.two_demands(
            (400, 100), np.array([1 / 400, 1 / 100]), np.array([1.02, 4.1]), np.array([0.24, 1.03])
        ),
        "chain": figures.chain(SIZES, variances, {m: v[::-1] for m, v in variances.items()}),
        "products": figures.end_products(SIZES, lines, products(3.0)),
        "training": figures.training(np.array([0, 500]), curves, seeds),
        "histograms": figures.initial_histograms(schemes, schemes, schemes),
        "weight gradients": figures.weight_gradients(
            gradients, {name: draws[0] for name, draws in gradients.items()}
        ),
        "singular values": figures.singular_values(
            {"heuristic": np.array([0.3, 0.5]), "glorot": np.array([0.6, 1.2])},
            {"heuristic": 1 / 3, "glorot": 1.0},
        ),
    }


FIGURES = figure_of_each_kind()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("two demands", "forward from 1.02 to 4.10, backward from 0.24 to 1.03"),
        ("chain", "forward from 1 to 2.5, backward from 1 to 2.5"),
        ("products", "fan avg: forward 3, backward 3"),
        ("training", "tapering, fan avg: 3.00 %"),
        ("training", "over 500 updates"),
        ("histograms", "standard, spread 0.3 in layer 1 and 0.03 in layer 2"),
        ("weight gradients", "raised: lowest 0.25, last 0.25"),
        ("singular values", "standard: mean 0.400, root mean square 0.412, largest 0.50"),
    ],
)
def test_the_alternative_text_bears_the_numbers_of_the_result(name: str, found: str) -> None:
    assert found in FIGURES[name].alt


def test_the_alternative_text_follows_the_result() -> None:
    lines = {mode: (np.array([1.0, 3.0]), np.array([3.0, 1.0])) for mode in MODES}
    other = figures.end_products(SIZES, lines, products(7.0))
    assert "forward 7" in other.alt
    assert "forward 3" not in other.alt


@pytest.mark.parametrize("name", FIGURES)
def test_every_color_has_a_dark_counterpart(name: str) -> None:
    import re

    colors = set(re.findall(r"#[0-9a-f]{6}\b", FIGURES[name].svg()))
    assert colors
    assert colors <= set(DARK)


@pytest.mark.parametrize("end", [0.3, 0.8, 3.0, 1e6])
def test_products_of_any_size_get_ticks_and_stay_inside_the_axis(end: float) -> None:
    lines = {mode: (np.array([1.0, end]), np.array([end, 1.0])) for mode in MODES}
    figure = figures.end_products(SIZES, lines, products(end)).figure
    for ax in figure.axes:
        low, high = ax.get_ylim()
        assert low < min(end, 1) and max(end, 1) < high
        assert 2 <= len([tick for tick in ax.get_yticks() if low <= tick <= high]) <= 7
