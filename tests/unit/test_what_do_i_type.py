"""*What do I type?* puts the recipes of the package on a page: its traits, its still, its checks."""

from __future__ import annotations

import json

import pytest

from glorot import frameworks
from glorot.explorables.what_do_i_type import DRAWN, LAYERS, WhatDoIType
from glorot.frameworks import Sizes, recipe

MODULE = str(WhatDoIType._esm)


@pytest.fixture(scope="module")
def widget() -> WhatDoIType:
    return WhatDoIType()


def test_every_recipe_but_the_embeddings_is_on_the_page(widget):
    expected = {
        f"{one.framework} {one.layer} {one.scheme}"
        for one in frameworks.recipes()
        if one.layer != "embedding"
    }
    assert set(widget.recipes) == expected
    assert len(expected) == 4 * 5 * 8 - 5  # JAX has no defaults


def test_the_code_of_the_page_is_the_recipe_with_the_readers_sizes(widget):
    for key, held in widget.recipes.items():
        code = held["code"].replace("{in}", "300").replace("{out}", "70")
        assert code == recipe(*key.split(), Sizes(300, 70)).code


def test_a_size_stands_in_no_code_in_another_meaning(widget):
    """The places for the sizes are found by numbers that nobody types."""
    for held in widget.recipes.values():
        assert "770077" not in held["code"] and "880088" not in held["code"]
        assert "{out}" in held["code"]


def test_all_that_the_page_computes_is_checked(widget):
    cases = widget.cases()
    assert {case.function for case in cases} == {"numbers", "letters", "drawn"}
    assert sum(case.function == "numbers" for case in cases) == 2 * len(widget.recipes)
    json.dumps(
        [case.expected for case in cases], allow_nan=False
    )  # what JSON cannot say is no case


def test_drawn_weights_have_the_standard_deviation_that_is_asked_for(widget):
    for case in widget.cases():
        if case.function == "drawn":
            assert len(case.expected) == DRAWN
            square = sum(w * w for w in case.expected) / DRAWN
            # 200 normal weights: a standard error of 10 % in variance
            assert square == pytest.approx(0.05**2, rel=0.4)


def test_the_still_tells_all_four_frameworks(widget):
    alt = widget.still().alt
    assert alt.startswith("He, normal, 784 to 100: PyTorch std 0.0505, no bound; Keras std 0.0505")
    assert all(name in alt for name in frameworks.FRAMEWORKS.values())


def test_the_module_is_short_and_knows_every_layer():
    own = MODULE[MODULE.index("/* What do I type?") :]
    assert len(own.splitlines()) <= 200
    assert set(LAYERS) <= set(frameworks.LAYERS)
