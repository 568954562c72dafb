"""The front page's three nets, and the pictures made of them."""

from __future__ import annotations

import numpy as np
import pytest

from glorot.figures import front

WIDTH, DEPTH = 300, 6
STD = np.sqrt(2 / (front.WIDTH + front.WIDTH))


def test_small_weights_lose_their_factor_in_every_layer():
    row = front.send("small", 0.2 / np.sqrt(WIDTH), np.random.default_rng(1), WIDTH, DEPTH)
    # 0.2 in every layer, less what the first tanh takes; six layers of 300 units stray by some 15 %
    assert row.left == pytest.approx(0.2**DEPTH, rel=0.3)
    assert row.pinned == 0
    assert row.waves.shape == (DEPTH + 1, 96)


def test_large_weights_pin_the_units():
    row = front.send("large", 20 / np.sqrt(WIDTH), np.random.default_rng(1), WIDTH, DEPTH)
    # |tanh z| > 0.95 is |z| > 1.83; z is nearly normal with a standard deviation of 20
    assert row.pinned == pytest.approx(1 - 1.83 / 20 * np.sqrt(2 / np.pi), abs=0.02)
    assert "pinned" in row.words


def test_the_middle_net_has_the_variance_that_is_given():
    few, well, many = front.three_nets(STD)
    again = front.send(
        well.name,
        STD,
        np.random.default_rng(front.SEED),
        front.WIDTH,
        front.DEPTH,
    )
    assert np.array_equal(well.waves, again.waves)
    assert few.left < well.left / 100 and many.pinned > 0.5


def test_the_picture_says_in_words_what_it_shows():
    rows = front.three_nets(STD)
    shown = front.Chain(rows)._repr_html_()
    for row in rows:
        assert shown.count(row.words) == 2  # seen, and read aloud
    assert shown.count("<polyline") == len(rows) * (front.DEPTH + 1)


def test_the_card_has_the_size_that_is_asked_for():
    figure = front.card("A title", front.three_nets(STD))
    assert tuple(figure.get_size_inches() * figure.dpi) == (1200, 630)
