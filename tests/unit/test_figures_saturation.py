"""Figures of the chapter on saturation: what they say in words comes from what they draw."""

import numpy as np

from glorot.figures import saturation as figures
from glorot.figures.parts import keep_apart
from glorot.style import ACCENT, WIDTH


def drawn(figure):
    assert figure.figure.get_size_inches()[0] == WIDTH
    assert figure.svg().startswith("<?xml")
    return figure.alt


def test_curves_report_each_threshold_and_the_steepest_slope():
    z = np.linspace(-4, 4, 81)
    curves = [
        figures.Curve("step", np.tanh(z), 1 - np.tanh(z) ** 2, 2.18),
        figures.Curve("line", 0.3 * z, np.full_like(z, 0.3), 3.5),
    ]
    alt = drawn(figures.curves_and_slopes(z, curves))
    assert "from −4 to 4" in alt
    assert "its slope is at most 1.00 and below a twentieth of that beyond 2.18" in alt
    assert "line runs from −1.20 to 1.20, its slope is at most 0.30" in alt


def test_between_images_reports_measured_and_predicted_ends_apart():
    measured = np.array([[0.04, 0.006, 2e-4], [0.06, 0.006, 4e-4]])
    alt = drawn(figures.between_images(np.array([0.05, 0.007, 1e-4]), measured))
    assert "from 0.05" in alt
    assert "to 3.0 times ten to the −4, predicted 1.0 times ten to the −4" in alt


def test_fall_reports_every_layer_and_the_error():
    updates = np.array([0, 1, 10, 100])
    means = np.stack([np.full((4, 2), 0.5), np.linspace(0.5, 0.1, 4)[:, None] * np.ones(2)], axis=2)
    figure = figures.fall(updates, means, np.full((4, 2), 0.84), chance=5 / 6)
    alt = drawn(figure)
    assert "over 100 updates" in alt
    assert "they stand at 0.50, 0.10" in alt
    assert "near 83.3 %" in alt
    assert "ends at 84.0 %" in alt


def test_only_what_stays_is_drawn_in_the_accent_color():
    updates = np.arange(0, 50, 10)
    falling, staying = np.linspace(0.5, 0.1, 5)[:, None], np.full((5, 1), 0.5)
    figure = figures.who_pushes(updates, {"a": falling, "b": staying})
    colors = [line.get_color() for line in figure.figure.axes[0].lines]
    assert [color == ACCENT for color in colors] == [False, True]
    assert "a: 0.10; b: 0.50" in drawn(figure)


def test_escape_reports_the_lowest_point_and_the_end():
    updates = np.array([0, 1, 10, 100, 1000])
    top = np.array([0.5, 0.3, 0.02, 0.02, 0.2])
    means = np.column_stack([np.full(5, 0.5), top])
    signal = np.array([1e-4, 1e-5, 1e-4, 1e-2, 3.0])
    error = np.array([0.9, 0.9, 0.9, 0.9, 0.1])
    alt = drawn(figures.escape(updates, means, means / 10, signal, error, 300))
    assert "falls from 0.50 to 0.020 and ends at 0.20" in alt
    assert "from 1.0 times ten to the −5 to 3" in alt
    assert "escape at 300 updates and ends at 10 %" in alt


def test_two_times_gives_ranges_over_the_networks():
    rates = np.array([1.0, 1.0, 0.1, 0.1])
    falls = figures.Times("fall", rates, np.array([3, 4, 300, 400]), 3 / rates**2, "as 1/η²")
    escapes = figures.Times("escape", rates, np.array([20, 30, 200, 250]), 25 / rates, "as 1/η")
    alt = drawn(figures.two_times(falls, escapes))
    assert "fall at rate 0.1: 300 to 400" in alt
    assert "escape at rate 1: 20 to 30" in alt


def test_spread_by_layer_averages_over_networks_at_the_end():
    updates = np.array([0, 1000, 2000])
    stds = {"tanh": np.zeros((3, 2, 2)), "softsign": np.zeros((3, 2, 2))}
    stds["tanh"][-1] = [[0.8, 0.4], [0.6, 0.2]]
    alt = drawn(figures.spread_by_layer(updates, stds, stds))
    assert "tanh: standard deviations 0.70, 0.30" in alt
    assert "softsign: standard deviations 0.00, 0.00" in alt


def test_labels_of_close_lines_are_moved_apart_and_others_stay():
    assert keep_apart(np.array([0.5, 0.5, 0.1]), 0.1).tolist() == [0.5, 0.4, 0.1]


def test_histograms_name_the_most_frequent_value_of_each_layer():
    edges = np.linspace(-1, 1, 5)
    densities = {"tanh": np.array([[0.9, 0.1, 0.1, 0.9], [0.1, 0.9, 0.8, 0.1]])}
    assert "tanh: ±0.75, ±0.25" in drawn(figures.histograms(edges, densities))


def test_cost_surfaces_report_how_much_is_flat():
    w = np.linspace(-2, 2, 5)
    cost = np.outer(w, w)
    flat = np.zeros((5, 5), bool)
    flat[0] = True
    alt = drawn(
        figures.cost_surfaces(
            w, w, {"steep": cost, "round": 2 * cost}, {"steep": ~flat & flat, "round": flat}
        )
    )
    assert "steep: cost −4.00 to 4.00, plateaus cover 0 %" in alt
    assert "round: cost −8.00 to 8.00, plateaus cover 20 %" in alt
