"""The figures and explorables of *What does it sound like?*: their words bear the numbers of the result."""

import re

import numpy as np
import pytest

from glorot import amplifiers
from glorot.explorables import amplifier_matrix
from glorot.explorables.amplifier_matrix import AmplifierMatrix
from glorot.explorables.chain_heard import ChainHeard
from glorot.figures import microphone as figures


def numbers(text: str) -> list[float]:
    """All numbers in a text, in order."""
    return [float(x) for x in re.findall(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", text)]


def test_alternative_text_of_settings_names_loudness_and_clipping():
    heard = {"low": np.full(1000, 0.25), "high": np.repeat([1.0, -1.0, 0.0, 0.0], 250)}
    figure = figures.three_settings(heard, 0.001)
    assert "low: root mean square 0.25, 0 % of the samples clipped" in figure.alt
    assert "high: root mean square 0.71, 50 % of the samples clipped" in figure.alt
    assert figure.svg().startswith("<?xml")


def test_alternative_text_of_the_room_names_its_edges():
    lengths = np.arange(1, 101)
    low, high = 0.01 ** (1 / lengths), 2.0 ** (1 / lengths)
    room = figures.Room(lengths, low, high, lengths[[0, 49]], np.column_stack([low, high])[[0, 49]])
    figure = figures.knife_edge(room, shown=50)
    assert {0.01, 2.0, 0.912, 1.014} <= set(numbers(figure.alt))


def test_alternative_text_of_layers_and_directions_names_their_ends():
    steps = np.arange(1, 51)
    layers = figures.layers_on_lines({g: np.tile(g**steps, (3, 1)) for g in (0.9, 1.0)}, width=64)
    assert "0.9: -46 dB; 1: +0 dB" in layers.alt
    line = -np.linspace(0, 7, 100)
    directions = figures.directions({1: line, 10: 10 * line}, {1: line, 10: 10 * line})
    assert "10: -0 dB to -70 dB" in directions.alt


def test_alternative_text_of_bypasses_names_where_each_is_safe():
    gains = np.linspace(0, 1.2, 241)
    lines = {
        "amplifiers, bypassed": (1 + gains) ** 50,
        "layers, bypassed": (1 + gains**2) ** 25,
        "no bypass": gains**50,
    }
    measured = {name: (gains[:3], line[:3]) for name, line in lines.items()}
    alt = figures.bypasses(gains, lines, measured, length=50).alt
    assert "amplifiers, bypassed: 1 at g = 0, 10 at 0.047" in alt
    assert "no bypass: 1 at g = 1, 10 at 1.05" in alt


def test_amplifier_neuron_layer_counts_its_wires():
    assert "6 × 6 weights" in figures.amplifier_neuron_layer(6).alt


def test_stills_say_what_comes_through():
    low, high = amplifiers.usable_gains(50, 1e-3, amplifiers.level(amplifiers.voice()), 0.5)
    assert f"from {low:.3f} to {high:.3f}" in ChainHeard().still().alt
    still = AmplifierMatrix().still()
    assert numbers(still.alt)[0] == 0.5
    assert "to 512" in still.alt


def test_the_voice_of_the_page_is_the_package_s_voice_in_16_bits():
    sent = np.frombuffer(ChainHeard().voice, "<i2") / 32768
    assert abs(sent - amplifiers.voice()).max() <= 0.5 / 32768 + 1e-12


@pytest.mark.parametrize("index", range(len(amplifier_matrix.WIDTHS)))
def test_measured_gains_lie_on_the_root_of_n_and_not_on_n(index):
    n = amplifier_matrix.WIDTHS[index]
    squares = (
        np.concatenate([AmplifierMatrix.measured(WIDGET, seed)[index] for seed in (1, 2, 3, 4, 5)])
        ** 2
    )
    error = np.sqrt(2 / n / len(squares))  # of the mean of χ²ₙ/n
    assert abs(squares.mean() / n - 1) < 4 * error
    if n > 1:
        assert abs(squares.mean() / n**2 - 1) > 0.3  # negative control
    assert amplifier_matrix.predicted(n, 0.5) == pytest.approx(0.5 * np.sqrt(n))


WIDGET = AmplifierMatrix()
