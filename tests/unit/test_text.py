"""The book's own text as a data set: what it holds, and that its windows do not leak."""

from __future__ import annotations

import numpy as np
import pytest

from glorot.datasets import text


def test_the_snapshot_is_in_the_alphabet_and_long_enough():
    words = text.text()
    assert set(words) <= set(text.ALPHABET)
    assert len(words) > 100_000
    assert words.split().count("the") > 1000


def test_codes_and_characters_are_one_to_one():
    assert text.decode(text.encode(text.ALPHABET)) == text.ALPHABET
    with pytest.raises(ValueError, match="words"):
        text.encode("Ä")


def test_each_character_of_a_window_is_followed_by_its_label():
    data = text.windows(16, 5)
    for split in (data.train, data.valid, data.test):
        np.testing.assert_array_equal(split.images[:, 1:], split.labels[:, :-1])
        assert split.images.shape == split.labels.shape and split.images.shape[1] == 16


def test_no_window_crosses_from_one_split_into_another():
    data, whole = text.windows(16, 1), text.encode(text.text())
    cut = len(whole) * 18 // 20
    assert len(data.train) == cut - 16
    np.testing.assert_array_equal(data.train.labels[-1], whole[cut - 16 : cut])
    np.testing.assert_array_equal(data.valid.images[0], whole[cut : cut + 16])


@pytest.mark.parametrize("wrong", [0, 10**6])
def test_a_window_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="context"):
        text.windows(wrong, 1)
    with pytest.raises(ValueError, match="step"):
        text.windows(8, wrong)


def test_markup_leaves_no_trace():
    source = (
        "---\nquestion: Why?\n---\n# One *two*\n\n:::{predict}\nThree?\n:::\n\n```{code-cell}\nx = 1\n```\n"
        "See {cite:t}`he2015` and $x$.\n\n$$\ny\n$$ (eq-y)\n\n| a | b |\n"
    )
    assert text.prose(source) == "one two\n\nthree?\n\nsee and .\n"
