"""Type your own φ(x): the parser reads what a reader means, and nothing that is typed hangs or breaks the page."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest

from glorot.explorables import TypeYourPhi
from tests.browser.contract import look
from tests.browser.harness import page_with

pytestmark = pytest.mark.browser

HANGS = 30  # seconds that no formula needs, even on a machine with other work to do

CALL = """async ([source, name, calls]) => {
    const module = await import(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
    return JSON.stringify(calls.map(args => module.default.arithmetic[name](...args)));
}"""


@pytest.fixture
def opened(visit, tmp_path):
    """A bare page with the explorable, watched."""
    file = tmp_path / "phi.html"
    file.write_text(page_with(TypeYourPhi()), "utf-8")
    seen = visit(file.as_uri())
    seen.page.wait_for_selector(".explorable-place.mounted .explorable")
    return seen


@pytest.fixture
def call(opened):
    """Calls one function of the module's arithmetic, once for each list of arguments."""
    source = str(TypeYourPhi._esm)
    return lambda name, *calls: json.loads(opened.page.evaluate(CALL, [source, name, list(calls)]))


# formula, x, value: each one would differ under the neighboring wrong reading
MEANT = [
    ("2 + 3*x", 4, 14),  # not 20
    ("2 - 3 - x", 4, -5),  # not 3: from the left
    ("8/4/x", 2, 1),  # not 4
    ("2*x^2", 3, 18),  # not 36
    ("2^3^x", 2, 512),  # not 64: from the right
    ("-x^2", 3, -9),  # not 9
    ("(-x)^2", 3, 9),
    ("2^-x", 1, 0.5),
    ("x*-2", 3, -6),
    ("--x - -1", 3, 4),
    ("+x", 3, 3),
    ("max(x, 2)", 1, 2),
    ("min(max(x, 0), 1)", 5, 1),
    ("e^x", 1, math.e),
    ("cos(pi*x) + sin(π/2)", 1, 0),
    ("1.5e1 + .5 + 2.*x", 1, 17.5),
    ("EXP(LOG(X))", 7, 7),
    ("x × 2 · 3 − 1", 1, 5),
    ("sqrt(abs(x)) + relu(x)", -9, 3),
    ("tanh(x) - (2*sigmoid(2*x) - 1)", 0.7, 0),
    ("erf(x)", 0.5, math.erf(0.5)),
]


def test_a_formula_means_what_it_means_in_mathematics(call):
    found = call("values", *([formula, [x]] for formula, x, _ in MEANT))
    for (formula, x, value), [[got, _]] in zip(MEANT, found, strict=True):
        assert got == pytest.approx(value, abs=1e-9), (formula, x)


# formula, its derivative written down by hand
SLOPES = [
    ("x^3 - 2/x", lambda x: 3 * x**2 + 2 / x**2),
    ("2^x", lambda x: np.log(2) * 2**x),
    ("x^x", lambda x: x**x * (np.log(x) + 1)),
    ("exp(-x^2)", lambda x: -2 * x * np.exp(-(x**2))),
    ("log(1 + exp(x))", lambda x: 1 / (1 + np.exp(-x))),
    ("sin(x)*cos(x)", lambda x: np.cos(2 * x)),
    ("sqrt(1 + x^2)", lambda x: x / np.sqrt(1 + x**2)),
    ("max(x, 1 - x)", lambda x: np.where(x > 0.5, 1.0, -1.0)),
    ("min(x, 0.5*x) + abs(x - 1)", lambda x: 0.5 + np.sign(x - 1)),
    ("erf(2*x)", lambda x: 4 / np.sqrt(np.pi) * np.exp(-4 * x**2)),
    ("relu(x - 1) + tanh(x)", lambda x: (x > 1) + 1 - np.tanh(x) ** 2),
    ("3", lambda x: 0 * x),
]


def test_slopes_are_those_that_calculus_gives(call):
    xs = [0.1, 0.45, 0.9, 1.7, 2.6]
    found = call("values", *([formula, xs] for formula, _ in SLOPES))
    for (formula, slope), rows in zip(SLOPES, found, strict=True):
        np.testing.assert_allclose(np.array(rows)[:, 1], slope(np.array(xs)), rtol=1e-9, atol=1e-9,
                                   err_msg=formula)  # fmt: skip


MISPRINTS = [
    ("", "Type a formula of x"),
    ("   ", "Type a formula of x"),
    ("2x", "Position 2: expected an operator such as * or +, found “x”."),
    ("x y", "Position 3: expected an operator"),
    ("(x + 1", "The formula ends at position 6: expected “)”."),
    ("x + 1)", "Position 6: expected an operator"),
    ("x +", "The formula ends at position 3: expected a number, x or a function."),
    ("x * / 2", "Position 5: expected a number, x or a function, found “/”."),
    ("max(x)", "Position 6: expected “,”, found “)”."),
    ("tanh x", "Position 6: expected “(”, found “x”."),
    ("tan(x)", "Position 1: “tan” is not known here. Known are x, pi, e, exp"),
    ("1 + y", "Position 5: “y” is not known here."),
    ("x $ 2", "Position 3: “$” means nothing here."),
    ("0,5*x", "Position 2: expected an operator"),
    ("constructor(x)", "Position 1: “constructor” is not known here."),
    ("alert(1)", "Position 1: “alert” is not known here."),
    ("x; x", "Position 2: “;” means nothing here."),
    ("window.x", "Position 7: “.” means nothing here."),
    ("x = 2", "Position 3: “=” means nothing here."),
]


def test_a_misprint_is_named_with_its_position(call):
    found = call("values", *([formula, [1]] for formula, _ in MISPRINTS))
    for (formula, message), got in zip(MISPRINTS, found, strict=True):
        assert isinstance(got, str) and got.startswith(message), (formula, got)


# what has no average, or none that could be trusted, and the word that says so
UNFIT = [
    ("0/0", "no finite number"),
    ("1/0", "no finite number"),
    ("log(x)", "no finite number at x = −"),
    ("sqrt(x)", "no finite number at x = −"),
    ("(-1)^0.5", "no finite number"),
    ("x^x", "no finite number"),
    ("exp(exp(x))", "no finite number at x = 6.6"),
    ("1/x", "does not settle"),
    ("exp(x^2)", "does not settle"),
    ("sin(62.83*x)", "does not settle"),
    ("1e200", "does not settle"),
    ("0", "0 everywhere"),
    ("x - x", "0 everywhere"),
    ("x" * 5000, "5000 characters"),
    ("(" * 300 + "x" + ")" * 300, "601 characters"),
]
# what is strange, but a function all the same
FIT = [
    "(" * 99 + "x" + ")" * 99,
    "-" * 190 + "x",
    "erf(" * 39 + "x" + ")" * 39,
    "x" + "^1" * 90,
    "x^3",
    "exp(x)",
    "1e-90*x",
    "1e90*x",
    "x/abs(x)",
    "sin(50*x)",
    "log(abs(x))",
    "sqrt(x + 9.1)",
    "7",
]


def typed(page, formula: str) -> float:
    """Type a formula into the field; return the seconds until the page answered."""
    before = time.monotonic()
    page.get_by_role("textbox", name="φ(x) =").fill(formula)
    page.evaluate("1")
    return time.monotonic() - before


def answer(page) -> None:
    """Commit to the right number."""
    page.locator("form.commitment input").fill("2")
    page.locator("form.commitment button").click()


def turn(page, position: int) -> None:
    """Move the slider to a place of its own scale."""
    page.locator("input[type=range]").fill(str(position))


def test_what_cannot_be_an_activation_gets_a_sentence_and_the_picture_stays(opened):
    page = opened.page
    answer(page)
    typed(page, "tanh(x)")
    before = look(page)
    for formula, word in UNFIT:
        assert typed(page, formula) < HANGS, formula[:40]
        after = look(page)
        assert word in after.replies[1], formula[:40]
        assert "The pictures still show tanh." in after.replies[1]
        assert page.get_by_role("textbox", name="φ(x) =").get_attribute("aria-invalid") == "true"
        assert (before.pictures, before.sentence) == (after.pictures, after.sentence)
    typed(page, "2*tanh(x)")
    assert page.get_by_role("textbox", name="φ(x) =").get_attribute("aria-invalid") is None
    assert look(page).sentence.startswith("φ(x) = 2*tanh(x) has gain² = 0.634")
    assert opened.complaints == []


def test_strange_functions_at_any_variance_neither_hang_nor_break_the_picture(opened):
    page = opened.page
    answer(page)
    for formula in FIT:
        assert typed(page, formula) < HANGS, formula[:40]
        for position in (-200, 0, 200):
            turn(page, position)
            seen = look(page)
            assert seen.replies[1].startswith("Numbers, + - * / ^"), (formula[:40], seen.replies[1])
            assert not [p for p in seen.pictures if "NaN" in p or "Infinity" in p], formula[:40]
            assert "gain² = " in seen.sentence and "undefined" not in seen.sentence
    assert opened.complaints == []


def test_growth_without_bound_and_a_lost_number_are_said(opened):
    page = opened.page
    answer(page)
    typed(page, "x^3")
    turn(page, 200)
    assert "At σw² = 100, the variance grows without bound" in look(page).sentence
    typed(page, "sqrt(x + 9.1)")
    assert "the signal is lost: from layer 3 on, φ is no number." in look(page).sentence
    assert opened.complaints == []


def test_no_prediction_is_drawn_or_told_before_the_reader_commits(opened):
    page = opened.page
    page.locator("summary").click()
    page.wait_for_selector("details[open] th")
    layers, _, variance_map = (
        picture.locator(".data path") for picture in page.locator("svg.picture").all()
    )
    assert (layers.count(), variance_map.count()) == (1, 1)  # dots; the diagonal
    assert "predicted" not in page.locator("details thead").text_content()
    answer(page)
    assert (layers.count(), variance_map.count()) == (2, 3)  # the line; the map and the path
    assert "predicted" in page.locator("details thead").text_content()


def test_the_reader_finds_the_factor_2(opened):
    page = opened.page
    before = look(page)
    assert "gain²" not in before.sentence
    assert page.get_by_role("button", name="to gain²").is_disabled()
    assert page.locator("input[type=range]").is_disabled()  # or it would tell the answer
    page.locator("form.commitment input").fill("1")
    page.locator("form.commitment button").click()
    assert look(page).replies[0].startswith("Not quite: 2. ReLU passes on 0.5 of E[z²]")
    assert look(page).sentence.startswith("ReLU has gain² = 2. At σw² = 1, the variance dies out")
    answer(page)
    assert look(page).replies[0].startswith("Yes: 2.")
    page.get_by_role("button", name="to gain²").click()
    assert "every variance is kept; χ = 1, so that gradients keep their size" in look(page).sentence


@pytest.mark.parametrize(
    ("preset", "position", "sentence"),
    [
        ("GELU", None, "q* = 1 is a fixed point that repels"),
        ("SELU", 0, "the variance settles at q* = 1; χ = 1.07"),
        ("tanh", 44, "settles at q* = 1.16; χ = 1.21"),
        (
            "tanh",
            -9,
            "the variance dies out; χ = 0.813, so that gradients shrink e-fold every 4.83",
        ),
        ("identity", 0, "every variance is kept; χ = 1"),
    ],
)
def test_the_sentence_tells_the_fate_of_variance_and_gradient(opened, preset, position, sentence):
    page = opened.page
    answer(page)
    page.get_by_label(preset, exact=True).check()
    if position is None:
        page.get_by_role("button", name="to gain²").click()
    else:
        turn(page, position)
    assert sentence in look(page).sentence


def test_a_typed_preset_is_recognized_and_another_formula_is_none(opened):
    page = opened.page
    typed(page, "x*sigmoid(x)")
    assert page.get_by_label("SiLU", exact=True).is_checked()
    typed(page, "x*sigmoid(2*x)")
    assert page.locator("fieldset.choice input:checked").count() == 0
