"""*Type your own φ(x)*: its presets are the book's activations, its still tells the prediction and the nets."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glorot.activations import ACTIVATIONS
from glorot.explorables.type_your_phi import DEPTH, NETS, PRESETS, WIDTH, TypeYourPhi

MODULE = str(TypeYourPhi._esm)


@pytest.fixture(scope="module")
def widget() -> TypeYourPhi:
    return TypeYourPhi()


def test_every_activation_of_the_book_is_a_preset(widget):
    assert set(PRESETS) == set(ACTIVATIONS)
    assert [key for key, *_ in widget.presets] == list(PRESETS)
    assert widget.presets[0][0] == "relu"  # what the reader is asked about


def test_every_preset_is_checked_in_all_that_the_page_computes(widget):
    cases = widget.cases()
    assert len(cases) >= 20
    for _, formula in PRESETS.values():
        functions = {c.function for c in cases if formula in c.arguments}
        assert functions == {"values", "gain2", "moment", "atRest", "steepness", "predicted", "sampled"}  # fmt: skip


def test_what_python_expects_are_the_known_constants(widget):
    by_formula = {c.arguments[0]: c.expected for c in widget.cases() if c.function == "gain2"}
    assert by_formula["max(0, x)"] == pytest.approx(2)
    assert by_formula["x*(1 + erf(x/sqrt(2)))/2"] == pytest.approx(1.534**2, rel=1e-3)
    assert by_formula["x*sigmoid(x)"] == pytest.approx(1.677**2, rel=1e-3)
    at_rest = {c.arguments[1]: c.expected for c in widget.cases()
               if c.function == "atRest" and c.arguments[0] == "x"}  # fmt: skip
    assert at_rest[1.0][:2] == [1.0, 1.0]
    predicted = [c for c in widget.cases() if c.function == "predicted"]
    assert all(len(c.expected) == DEPTH and c.expected[0] == 1 for c in predicted)


def test_nothing_that_is_typed_can_run_as_code():
    assert not re.search(r"\beval\b|\bFunction\s*\(|\bimport\s*\(|innerHTML|insertAdjacent", MODULE)


def test_page_and_python_draw_nets_of_one_size():
    assert f"WIDTH = {WIDTH}, DEPTH = {DEPTH}, NETS = {NETS}" in MODULE


def test_the_still_tells_prediction_and_measurement_at_the_last_layer(widget):
    still = widget.still()
    at_two = re.search(r"σ_w² = 2 layer 30 is predicted at (\S+) and measured between (\S+) and (\S+);",
                       still.alt)  # fmt: skip
    assert at_two is not None
    predicted, low, high = map(float, at_two.groups())
    assert predicted == 1
    assert low < predicted < high
    at_one = re.search(r"σ_w² = 1 layer 30 is predicted at (\S+)", still.alt)
    assert at_one is not None
    assert float(at_one[1]) == pytest.approx(0.5 ** (DEPTH - 1), rel=0.03)
    assert np.log10(float(at_one[1])) < -8
