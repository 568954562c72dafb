"""Figures of the chapter on the chain rule: what they say in words comes from what they draw."""

import numpy as np
import pytest

from glorot.figures import chain_rule as figures
from glorot.style import WIDTH


def drawn(figure):
    assert figure.figure.get_size_inches()[0] == WIDTH
    assert figure.svg().startswith("<?xml")
    return figure.alt


def test_thousand_layers_reports_the_measured_end_not_the_theory():
    alt = drawn(
        figures.thousand_layers({0.99: 0.98 ** np.arange(1, 101), 1.01: 1.01 ** np.arange(1, 101)})
    )
    assert "a gain of 0.99 leaves 0.133" in alt
    assert "a gain of 1.01 leaves 2.7 " in alt
    assert "After 100 layers" in alt


def test_graph_names_sizes_and_amplitudes_and_arrows_bear_them():
    figure = figures.net_as_graph((2, 3, 1), (1.0, 0.5, 1.5), (0.9, 0.3))
    alt = drawn(figure)
    assert "layers of 2, 3, 1 units" in alt
    assert "(amplitudes 1.00, 0.50, 1.50)" in alt
    assert "(amplitudes 0.90, 0.30)" in alt
    arrows = [patch for patch in figure.figure.axes[1].patches if hasattr(patch, "get_arrowstyle")]
    assert (
        len(arrows) == 2 * 2 + 1 + 2
    )  # two for each matrix, one to the loss, one back for each layer
    widths = {round(arrow.get_linewidth(), 2) for arrow in arrows}
    assert {2.2, 1.1, 3.3} <= widths


def test_one_layer_changed_tells_what_moved():
    figure = figures.one_layer_changed([2, 1, 1], [2, 1, 2], changed=2)
    assert "layers 1 to 3: × 2, × 1, × 1" in drawn(figure)
    written = [text.get_text() for text in figure.figure.axes[0].texts]
    assert written == ["× 2", "× 1", "× 1", "× 2", "× 1", "× 2"]
    assert [tick.get_text() for tick in figure.figure.axes[0].get_xticklabels()] == [
        "1",
        "2, changed",
        "3",
    ]


def test_equal_units_reports_final_losses_and_draws_both_borders():
    grid = np.meshgrid(np.linspace(-1, 1, 8), np.linspace(-1, 1, 8))
    margins = {"line": grid[0], "curve": grid[1] - grid[0] ** 2}
    losses = {"line": np.array([0.7, 0.3]), "curve": np.array([0.7, 0.02])}
    points = np.array([[0.0, 0.1], [0.2, 0.3], [0.4, 0.1], [0.3, 0.3]])
    alt = drawn(figures.equal_units(losses, points, np.array([0, 0, 1, 1]), grid, margins))
    assert "ends at line 0.300, curve 0.020" in alt
    assert "training step, 0 to 1" in alt


def series(end):
    predicted = np.array([0.1, 0.01, 0.001])
    return figures.Series("standard", "heuristic", predicted, np.array([[0.1, 0.01, end]] * 4))


def test_variance_by_depth_reports_the_last_layer_forward_and_the_first_backward():
    alt = drawn(figures.variance_by_depth([series(0.002)], [series(0.5)]))
    assert "forward to the last layer, standard: predicted 0.001, measured 0.002" in alt
    assert "backward to the first, standard: predicted 0.1, measured 0.1" in alt


def test_biases_hide_reports_both_ends():
    alt = drawn(figures.biases_hide(series(0.004), series(3e-9)))
    assert "settles at 0.004" in alt
    assert "falls on to 3.0 times ten to the −9" in alt


def test_spread_reports_the_sample_variance_beside_the_prediction():
    measured = np.column_stack([np.zeros(3), [-1.0, 0.0, 1.0]])
    panel = figures.Spread("linear", np.array([0.0, -0.5]), np.array([0.0, 1.5]), measured)
    alt = drawn(figures.log_norm_spread([panel, panel]))
    assert "linear: mean 0.00 (predicted −0.50), variance 1.00 (predicted 1.50)" in alt


def test_unknown_scheme_is_refused():
    stray = figures.Series("other", "nobody", np.ones(2), np.ones((2, 2)))
    with pytest.raises(ValueError, match="nobody"):
        figures.variance_by_depth([stray], [stray])
