"""Claims about the figures of *Length is half the story*: what they say is what they were given."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glorot.figures import limits as figures
from glorot.figures.limits import Curve, Panel
from glorot.style import DARK, BookFigure


def panel(title: str, end: float, logs: tuple[str, ...] = ()) -> Panel:
    x, line = np.arange(1.0, 6.0), np.linspace(1, end, 5)
    return Panel(title, "layer", x, line, line * np.array([[0.9], [1.1]]), np.ones(5), logs)


def curve(name: str, end: float) -> Curve:
    mean = np.linspace(0, np.log(end), 40)
    nets = mean + np.array([[-0.1], [0.1]])
    return Curve(name, mean, np.linspace(0.01, 1, 40), nets, nets[:, ::-1])


def figure_of_each_kind() -> dict[str, BookFigure]:
    bent = np.cos(np.radians(np.linspace(90, 10, 21)))
    still = np.zeros(21)
    fine, tried = np.linspace(1, 4, 13), np.array([1.0, 2.0, 4.0])
    lines = {0: np.full(13, 0.6), 30: np.linspace(1, 0.2, 13)}
    cosines = {0: np.full((3, 2), 0.6), 30: np.array([[1.0, 0.98], [0.7, 0.7], [0.2, 0.2]])}
    scales = (np.linspace(3, 20, 13), np.linspace(3, 30, 13))
    falling = np.geomspace(5, 1e-9, 60)
    kinds = {("Gaussian", phi): falling for phi in ("identity", "tanh", "relu")}
    kinds[("orthogonal", "identity")] = np.ones(60)
    down = np.geomspace(1, 1e-20, 30)
    doubled = 2.0 ** np.arange(5)
    both = {"shortcut": (doubled, doubled[::-1]), "zero": (np.ones(5), np.ones(5))}
    loss = np.full((3, 6), 1.0)
    loss[0] = 0.5
    loss[2, 2] = 0.3
    return {
        "assumptions": figures.assumptions([panel("linear", 0.1, ("x",)), panel("wide", 9.0)]),
        "angles": figures.angles(
            {"ReLU, He": bent, "linear": still},
            {"ReLU, He": np.array([bent, bent]), "linear": np.array([still, still])},
        ),
        "death": figures.hidden_death(
            0.4, 6.0, np.full((2, 30), 0.39), np.array([down, down]), np.array([down + 4e-15] * 2)
        ),
        "phases": figures.phases(
            fine, lines, scales, tried, cosines, np.log([[0.7, 0.8], [1.0, 1.01], [1.3, 1.3]])
        ),
        "who": figures.who_trains(
            np.linspace(0.5, 3, 6),
            np.array([2, 8, 32]),
            loss,
            np.array([1, 3, 30, 9, 5, 3.0]),
        ),
        "thousand": figures.thousand([curve("ReLU, He", 1e-9), curve("SELU, LeCun", 1.0)]),
        "spectra": figures.spectra(kinds, falling),
        "around": figures.around(
            both, {k: (u * np.ones((2, 1)), d * np.ones((2, 1))) for k, (u, d) in both.items()}
        ),
    }


FIGURES = figure_of_each_kind()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("assumptions", "linear: 1 by assumption, 0.1 predicted without it, 0.1 measured"),
        ("assumptions", "wide: 1 by assumption, 9 predicted"),
        ("angles", "After 20 layers, ReLU, He: 10° predicted, 10° measured; linear: 90°"),
        ("death", "(0.39 after 30 layers)"),
        ("death", "falls by a factor of 6 a layer to 1.0 times ten to the −20"),
        ("death", "stops at 4.0 times ten to the −15"),
        ("phases", "after 30 layers it goes from 0.99 to 0.20"),
        ("phases", "3.4 layers at the left end and 3.8 at the right"),
        ("who", "Map of 18 trained nets"),
        ("who", "7 are at least a tenth below guessing. The deepest, 32 layers, is at σ_w = 1.50"),
        ("thousand", "through 40 layers"),
        (
            "thousand",
            "ReLU, He: forward 1.0 times ten to the −9, predicted 1.0 times ten to the −9",
        ),
        ("spectra", "60 directions"),
        ("spectra", "orthogonal linear: largest 1, median 1"),
        ("around", "shortcut: forward 16, backward 16; zero: forward 1, backward 1"),
    ],
)
def test_the_alternative_text_bears_the_numbers_of_the_result(name: str, found: str) -> None:
    assert found in FIGURES[name].alt


def test_the_alternative_text_follows_the_result() -> None:
    other = figures.assumptions([panel("linear", 0.1), panel("wide", 4.0)])
    assert "wide: 1 by assumption, 4 predicted" in other.alt
    assert "9" not in other.alt.split("wide")[1]


@pytest.mark.parametrize("name", FIGURES)
def test_every_color_has_a_dark_counterpart(name: str) -> None:
    colors = set(re.findall(r"#[0-9a-f]{6}\b", FIGURES[name].svg()))
    assert colors
    assert colors <= set(DARK)


def test_only_nets_below_guessing_are_filled_and_each_as_strongly_as_it_learned() -> None:
    ax = FIGURES["who"].figure.axes[0]
    strengths = [patch.get_alpha() for patch in ax.patches]
    assert len(strengths) == 7
    assert sorted(strengths)[-1] == pytest.approx(0.7)
    assert sorted(strengths)[0] == pytest.approx(0.5)
