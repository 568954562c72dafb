"""Figures of the chapter on the reproduction: their words come from what they draw."""

import numpy as np
import pytest

from glorot.figures import reproduction as figures
from glorot.style import ACCENT, SCHEME_COLORS, WIDTH


def drawn(figure):
    assert figure.figure.get_size_inches()[0] == WIDTH
    assert figure.svg().startswith("<?xml")
    return figure.alt


def test_samples_draw_every_picture_gray_or_colored():
    rng = np.random.default_rng(0)
    pictures = {
        "gray": rng.integers(256, size=(3, 8, 8, 1), dtype=np.uint8),
        "colored": rng.integers(256, size=(5, 6, 7, 3), dtype=np.uint8),
    }
    figure = figures.samples(pictures)
    alt = drawn(figure)
    assert "gray, 3 pictures of 8 by 8 pixels" in alt
    assert "colored, 5 pictures of 6 by 7 pixels" in alt
    rows = [axes.get_images() for axes in figure.figure.axes]
    assert [len(row) for row in rows] == [3, 5]
    assert rows[1][4].get_array().shape == (6, 7, 3)
    assert np.array_equal(rows[0][2].get_array(), pictures["gray"][2, :, :, 0])
    assert rows[0][2].get_clim() == (0, 255)  # one gray for all, not stretched


def test_power_reports_where_half_is_decided():
    effects = np.linspace(0, 4, 9)
    laws = {5: np.linspace(0, 1, 9), 20: np.minimum(1, effects)}
    shares = {5: np.array([0.1, 0.5]), 20: np.array([0.2, 1.0])}
    alt = drawn(figures.power(effects, laws, np.array([0.0, 2.0]), shares))
    assert "with 5 seeds at 2.0; with 20 seeds at 0.5" in alt
    assert "from 0 to 4" in alt


def cell(paper, *seeds):
    return figures.Measured(paper, seeds, min(seeds) - 1, max(seeds) + 1)


@pytest.fixture
def cells():
    models = {"tanh": cell(27.15, 60.0, 62.0), "tanh_n": cell(15.6, 57.0, 58.0)}
    return {"shapeset": models, "mnist": models | {"tanh": cell(1.76, 2.5, 2.6)}}


def test_table_1_reports_ours_with_its_interval_and_the_papers(cells):
    alt = drawn(figures.table1(cells))
    assert "Shapeset-3×2: tanh 61.00 (59.00 to 63.00), paper 27.15" in alt
    assert "MNIST: tanh 2.55 (1.50 to 3.60), paper 1.76; tanh N 57.50" in alt


def test_table_1_draws_each_seed_and_the_papers_value_hollow(cells):
    axes = figures.table1(cells).figure.axes[0]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "none"]
    assert [line.get_xdata()[0] for line in hollow] == [27.15, 15.6]
    ticks = [line for line in axes.lines if line.get_marker() == "|"]
    assert [list(line.get_xdata()) for line in ticks] == [[60.0, 62.0], [57.0, 58.0]]


def test_a_scheme_keeps_its_color_whatever_the_activation(cells):
    axes = figures.table1(cells).figure.axes[0]
    colors = [label.get_color() for label in axes.get_yticklabels()]
    assert colors == [SCHEME_COLORS["heuristic"], SCHEME_COLORS["glorot"]]
    assert figures._look("softsign_n")["color"] == figures._look("tanh_n")["color"]
    assert figures._look("softsign_n")["ls"] != figures._look("tanh_n")["ls"]


def test_curves_report_the_last_errors_and_draw_chance():
    updates = np.array([0, 100, 200])
    low = {"tanh": np.array([[0.9, 0.9], [0.5, 0.6], [0.03, 0.05]])}
    high = {"tanh": np.array([[0.83, 0.83], [0.8, 0.8], [0.7, 0.7]])}
    times = {name: {"tanh": updates} for name in ("mnist", "shapeset")}
    figure = figures.curves(
        times, {"mnist": low, "shapeset": high}, {"mnist": 0.9, "shapeset": 0.8}
    )
    assert "MNIST: tanh 4.0 after 200 updates. Shapeset-3×2: tanh 70.0" in drawn(figure)
    scales = [axes.get_yscale() for axes in figure.figure.axes]
    assert scales == ["log", "linear"]  # log where errors span more than a factor of ten
    chance = [list(axes.lines[-1].get_ydata()) for axes in figure.figure.axes]
    assert chance == [[90.0, 90.0], [80.0, 80.0]]


def test_arms_report_every_rule_under_both_schemes():
    updates = np.array([0, 10])
    pair = {"tanh": np.array([[0.9], [0.7]]), "tanh_n": np.array([[0.9], [0.6]])}
    alt = drawn(figures.arms(updates, {"a": pair, "b": pair}, {"a": "one rate", "b": "many"}))
    assert "one rate, tanh 70.0; one rate, tanh N 60.0; many, tanh 70.0" in alt


def test_gains_report_first_and_last_with_their_signs():
    share = np.array([10.0, 100.0])
    gained = {"tanh": {"mnist": np.array([[4.0, 6.0], [-1.0, -2.0]]), "shapeset": np.ones((2, 2))}}
    alt = drawn(figures.gains(share, gained))
    assert "tanh: MNIST from +5.0 to −1.5; Shapeset-3×2 from +1.0 to +1.0" in alt


def test_names_at_the_ends_of_lines_keep_apart():
    share = np.array([0.0, 100.0])
    same = {name: np.ones((2, 3)) for name in ("mnist", "shapeset", "cifar10")}
    axes = figures.gains(share, {"tanh": same}).figure.axes[0]
    heights = sorted(text.xy[1] for text in axes.texts)
    assert np.all(np.diff(heights) > 0.1)


def test_layers_report_how_far_they_are_apart_and_the_end_first_layer_to_last():
    series = {
        "tanh": np.stack([np.full((2, 3), 0.5), [[1e-5, 0.2, 0.3], [3e-5, 0.4, 0.3]]]),
        "tanh_n": np.array([[[1.0, 2, 4], [6, 2, 1]], [[1, 2, 2], [2, 1, 1]]]),
    }
    figure = figures.layer_spread(np.array([0, 5000]), series, "std of\ngradients", "log")
    alt = drawn(figure)
    assert "Std of gradients over 5,000 updates" in alt
    assert "tanh N 5 at first, 2 at the end" in alt  # the nets' 4 and 6, 2 and 2
    assert "tanh 1 at first, 21,667 at the end" in alt
    assert "tanh 2.0 times ten to the −5, 0.3, 0.3" in alt
    assert figure.figure.axes[0].get_yscale() == "log"


def test_the_board_counts_the_words_and_keeps_the_zones():
    claims = {
        "one": [figures.Tried("a", 2.5, "held"), figures.Tried("b", -0.4, "unresolved")],
        "two": [figures.Tried("c", -12.0, "reversed")],
    }
    figure = figures.board(claims, 0.005)
    alt = drawn(figure)
    assert "3 comparisons at p = 0.005: 1 held, 1 reversed, 1 unresolved" in alt
    assert "one: a held (+2.5), b unresolved (−0.4). two: c reversed (−12.0)" in alt
    axes = figure.figure.axes[0]
    low, high = axes.get_xlim()
    assert low < -12 and high > 2.5
    marks = {line.get_xdata()[0]: line for line in axes.lines if line.get_marker() in "oX"}
    assert marks[-12.0].get_markerfacecolor() == ACCENT
    assert marks[-0.4].get_markerfacecolor() == "none"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
