"""Every recipe of the table is run as it is printed, and what it draws is measured; so are the traps around it."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from glorot import frameworks, initializers
from glorot.fans import Fans, compute_fans
from glorot.frameworks import Recipe, Sizes, recipe

# Kurtosis of the distributions, E[w⁴]/E[w²]²: it says how far a sample's mean square strays.
KURTOSIS = {
    "uniform": 9 / 5,
    "normal": 3.0,
    "truncated_normal": 3 + float(stats.truncnorm.stats(-2, 2, moments="k")),
}


def complaints(weights: np.ndarray, one: Recipe) -> list[str]:
    """What in drawn weights is not as a recipe promises."""
    mean_square = float(np.square(weights, dtype=np.float64).mean())
    if one.distribution == "orthogonal":
        short = weights if weights.shape[0] <= weights.shape[1] else weights.T
        straight = np.allclose(short @ short.T, np.eye(len(short)), atol=1e-5)
        exact = math.isclose(mean_square, one.variance, rel_tol=1e-4)
        return [] if straight and exact else [f"not orthonormal, variance {mean_square:.3g}"]
    error = math.sqrt((KURTOSIS[one.distribution] - 1) / weights.size)
    largest = float(np.abs(weights).max())
    found = []
    if abs(mean_square / one.variance - 1) > 4 * error:
        found.append(f"variance {mean_square:.3g} for {one.variance:.3g}")
    if not math.isinf(one.bound):
        if largest > one.bound * (1 + 1e-5):  # float32
            found.append(f"{largest:.4g} lies beyond {one.bound:.4g}")
        if largest < 0.97 * one.bound:  # thousands of weights: one comes as near as this
            found.append(f"{largest:.4g} is far from {one.bound:.4g}")
    elif largest < 3.5 * one.std:  # a sample of a normal this large has one so far out
        found.append(f"{largest:.4g} is cut at {largest / one.std:.1f} standard deviations")
    return found


def needs(framework: str) -> None:
    """Skip, and say so, where a framework is not installed."""
    if not frameworks.has_framework(framework):
        pytest.skip(f"{frameworks.FRAMEWORKS[framework]} is not installed: its cells were not run")


CELLS = [
    pytest.param(
        one,
        id=f"{one.framework} {one.layer} {one.scheme}",
        marks=[] if one.layer == "dense" else pytest.mark.full,
    )
    for one in frameworks.recipes()
]


def test_the_table_has_every_framework_layer_and_scheme():
    found = {(one.framework, one.layer, one.scheme) for one in frameworks.recipes()}
    assert len(found) == len(CELLS) == 4 * 5 * 7 + 3 * 6  # JAX has no layers and so no defaults


@pytest.mark.parametrize("one", CELLS)
def test_a_recipe_draws_what_it_promises(one):
    needs(one.framework)
    assert complaints(frameworks.draw(one, seed=3), one) == []


SQUARE = recipe("flax", "dense", "he_normal")
DRAWN = initializers.he_normal((784, 100), np.random.default_rng(5))


def test_a_right_promise_is_not_complained_of():
    assert complaints(DRAWN, SQUARE) == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"variance": 2 / 100}, id="fans swapped"),
        pytest.param({"variance": SQUARE.std}, id="standard deviation for variance"),
        pytest.param({"variance": 1.9 / 784}, id="1.9 for 2"),
        pytest.param(
            {"variance": SQUARE.variance * initializers.TRUNCATED_STD**2}, id="not corrected"
        ),
        pytest.param({"bound": SQUARE.bound * initializers.TRUNCATED_STD}, id="bound of an uncut"),
        pytest.param({"bound": SQUARE.bound / 0.95}, id="a bound that is not reached"),
        pytest.param({"bound": math.inf, "distribution": "normal"}, id="a normal that is cut"),
        pytest.param({"distribution": "orthogonal"}, id="rows that are not orthogonal"),
    ],
)
def test_a_wrong_promise_is_complained_of(wrong):
    assert complaints(DRAWN, dataclasses.replace(SQUARE, **wrong))


@pytest.mark.parametrize(
    ("layer", "fans"),
    [
        ("dense", Fans(784, 100)),
        ("conv", Fans(576, 144)),
        ("transposed", Fans(576, 144)),
        ("embedding", Fans(1, 64)),
        ("recurrent", Fans(64, 128)),
        ("state", Fans(128, 128)),
    ],
)
def test_the_books_fans_are_products_that_a_layer_sums(layer, fans):
    assert frameworks.book_fans(layer, frameworks.SIZES[layer]) == fans


@pytest.mark.parametrize("framework", frameworks.FRAMEWORKS)
@pytest.mark.parametrize("scheme", [s for s in frameworks.SCHEMES if s != "default"])
def test_dense_and_convolution_have_the_variance_that_the_book_gives_them(framework, scheme):
    ours = getattr(initializers, scheme)
    for layer in ("dense", "conv"):
        fans, one = recipe(framework, layer, scheme).fans, recipe(framework, layer, scheme)
        assert fans == frameworks.book_fans(layer, frameworks.SIZES[layer])
        assert one.variance == pytest.approx(ours.variance((fans.fan_in, fans.fan_out)))
        if one.distribution == ours.distribution:
            assert one.bound == pytest.approx(ours.bound((fans.fan_in, fans.fan_out)))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("theano", "dense", "he_normal"), "framework must be one of"),
        (("torch", "attention", "he_normal"), "layer must be one of"),
        (("torch", "dense", "xavier"), "scheme must be one of"),
        (("jax", "dense", "default"), "'jax'"),
        (("keras", "embedding", "he_normal"), "embedding"),
    ],
)
def test_an_unknown_name_or_pair_is_an_error_that_says_which(arguments, named):
    with pytest.raises(ValueError, match=named):
        recipe(*arguments)


def test_other_unknown_names_are_errors_too():
    with pytest.raises(ValueError, match="layer must be one of"):
        frameworks.book_fans("dens", Sizes(3, 3))
    with pytest.raises(ValueError, match="framework must be one of"):
        frameworks.has_framework("tensorflow")
    with pytest.raises(ValueError, match="framework must be one of"):
        frameworks.run("1 + 1", "tensorflow")


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3"])
@pytest.mark.parametrize("name", ["inputs", "outputs", "field"])
def test_a_size_that_is_none_is_an_error(name, wrong):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer, got {wrong!r}"):
        Sizes(**{"inputs": 3, "outputs": 3, "field": 3} | {name: wrong})


@pytest.mark.parametrize(("framework", "name"), frameworks.FRAMEWORKS.items())
def test_a_framework_that_is_missing_is_named_with_the_way_to_get_it(monkeypatch, framework, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert not frameworks.has_framework(framework)
    with pytest.raises(ModuleNotFoundError, match=rf"{name} is not installed: pip install 'glorot"):
        frameworks.draw(recipe(framework, "dense", "he_normal"), seed=0)
    with pytest.raises(ModuleNotFoundError, match="is not installed"):
        frameworks.run("", framework)


@pytest.mark.full
def test_running_a_recipe_prints_nothing():
    """The book's build takes a line on stderr for a fault."""
    for framework in frameworks.FRAMEWORKS:
        needs(framework)
    script = (
        "from glorot import frameworks as f\n"
        "for name in f.FRAMEWORKS: f.draw(f.recipe(name, 'recurrent', 'he_normal'), 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_equal_seeds_draw_equal_weights():
    one = recipe("torch", "dense", "he_normal", Sizes(8, 4))
    first, again, other = (frameworks.draw(one, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


# ------------------------------------------------------------------------------- defaults and traps


def ran(code: str, framework: str) -> dict:
    """What lines of code define, in a framework that is installed."""
    needs(framework)
    return frameworks.run(code, framework, seed=7)


def variance(weights: object) -> float:
    """The mean square of weights that any framework made."""
    plain = weights.detach() if hasattr(weights, "detach") else weights
    return float(np.square(np.asarray(plain), dtype=np.float64).mean())


def test_a_linear_layer_of_pytorch_is_the_baseline_of_2010_and_has_random_biases():
    layer = ran("layer = nn.Linear(784, 4000)", "torch")["layer"]
    for values in (layer.weight, layer.bias):
        law = stats.uniform(-1 / 28, 2 / 28)
        sample = values.detach().numpy().ravel()[:4000]
        assert stats.kstest(sample, law.cdf).pvalue > 1e-4
        assert stats.kstest(sample, stats.uniform(-0.9 / 28, 1.8 / 28).cdf).pvalue < 1e-4


def test_truncation_in_pytorch_is_absolute():
    code = "w = nn.init.trunc_normal_(torch.empty(300, 300), std=0.02)"
    w = ran(code, "torch")["w"].numpy()
    beyond = np.mean(abs(w) > 0.04)  # 4.55 % of an uncut normal, none of one cut at two sigma
    assert abs(beyond - 2 * stats.norm.sf(2)) < 4 * math.sqrt(0.0455 / w.size)
    cut = ran(code.replace("std=0.02", "std=0.02, a=-0.04, b=0.04"), "torch")["w"].numpy()
    assert abs(cut).max() <= 0.04
    assert cut.std() / 0.02 == pytest.approx(initializers.TRUNCATED_STD, rel=0.01)


@pytest.mark.parametrize(
    ("code", "short"),
    [
        ("keras.initializers.TruncatedNormal(stddev=0.05)", True),
        ('keras.initializers.VarianceScaling(1, "fan_in", "truncated_normal")', False),
    ],
)
def test_a_truncated_normal_of_keras_is_short_unless_variance_scaling_makes_it(code, short):
    w = ran(f"w = keras.ops.convert_to_numpy({code}((400, 400)))", "keras")["w"]
    factor = initializers.TRUNCATED_STD if short else 1.0
    # 160,000 weights: a standard error of 0.15 %
    assert math.sqrt(variance(w)) / 0.05 == pytest.approx(factor, rel=0.006)


def test_a_transposed_convolution_swaps_the_fans_in_pytorch_and_keras_but_not_in_flax():
    torch = ran(
        "w = nn.ConvTranspose2d(64, 16, 3).weight\nfans = nn.init._calculate_fan_in_and_fan_out(w)",
        "torch",
    )
    assert torch["fans"] == (144, 576)
    shape = ran(
        "layer = keras.layers.Conv2DTranspose(16, 3)\nlayer.build((None, 8, 8, 64))", "keras"
    )["layer"].kernel.shape
    assert compute_fans(tuple(shape)) == Fans(144, 576)
    flax = ran("layer = nnx.ConvTranspose(64, 16, (3, 3), rngs=rngs)", "flax")["layer"]
    assert compute_fans(flax.kernel[...].shape) == Fans(576, 144)


def test_a_depthwise_convolution_of_keras_has_3_percent_of_its_variance():
    layer = ran("layer = keras.layers.DepthwiseConv2D(3)\nlayer.build((None, 8, 8, 64))", "keras")[
        "layer"
    ]
    kept = 9 * variance(layer.kernel.value)  # nine products are summed
    # 576 weights of a uniform distribution: a standard error of 3.7 %
    assert kept == pytest.approx(9 / ((576 + 9) / 2), rel=0.15)
    assert kept == pytest.approx(0.03, abs=0.005)


@pytest.mark.parametrize("framework", ["keras", "jax"])
def test_scale_is_the_square_of_the_gain(framework):
    make = {
        "keras": 'keras.initializers.VarianceScaling(4.0, "fan_in", "normal")((400, 400))',
        "jax": 'initializers.variance_scaling(4.0, "fan_in", "normal")(key, (400, 400))',
    }[framework]
    assert 400 * variance(ran(f"w = {make}", framework)["w"]) == pytest.approx(4, rel=0.015)


def test_gain_multiplies_the_standard_deviation_in_pytorch():
    w = ran("w = nn.init.xavier_normal_(torch.empty(400, 400), gain=4.0)", "torch")["w"]
    assert 400 * variance(w) == pytest.approx(16, rel=0.015)


def test_the_gains_of_pytorch():
    gain = ran("gain = nn.init.calculate_gain", "torch")["gain"]
    assert (gain("tanh"), gain("sigmoid"), gain("selu")) == (5 / 3, 1, 3 / 4)
    assert gain("relu") ** 2 == pytest.approx(2)
    assert gain("leaky_relu", 0.5) == pytest.approx(math.sqrt(2 / 1.25))


def test_kaiming_without_arguments_is_he_by_fan_in():
    w = ran("w = nn.init.kaiming_normal_(torch.empty(100, 1600))", "torch")["w"]
    assert 1600 * variance(w) == pytest.approx(2, rel=0.015)


TWICE = """
first, second = (keras.layers.Dense(5, kernel_initializer=START) for _ in range(2))
first.build((None, 5))
second.build((None, 5))
twins = bool((first.kernel.value == second.kernel.value).all())
"""


@pytest.mark.parametrize(
    ("start", "twins"),
    [
        ("one", True),
        ("seeded", True),
        ('"he_normal"', False),
        ("generated", False),
        ("keras.initializers.HeNormal()", False),
    ],
)
def test_an_initializer_of_keras_used_twice_makes_twins(start, twins):
    code = (
        "one = keras.initializers.HeNormal()\n"
        "seeded = keras.initializers.HeNormal(seed=1)\n"
        "generator = keras.random.SeedGenerator(1)\n"
        "generated = keras.initializers.HeNormal(seed=generator)\n"
    )
    assert ran(code + TWICE.replace("START", start), "keras")["twins"] == twins


@pytest.mark.parametrize(
    "code",
    [
        'keras.initializers.VarianceScaling(scale=2.0, mode3="fan_avg")',
        'keras.layers.Dense(5, kernal_initializer="he_normal")',
        'keras.layers.Dense(5, kernel_initializer="he_avg_init")',
    ],
)
def test_misspelled_code_does_not_run(code):
    with pytest.raises((TypeError, ValueError)):
        ran(code, "keras")


def test_the_string_that_is_registered_does_run():
    ran('keras.layers.Dense(5, kernel_initializer="he_normal").build((None, 5))', "keras")


def test_attention_of_pytorch_packs_three_matrices_into_one():
    w = ran("w = nn.MultiheadAttention(256, 4).in_proj_weight", "torch")["w"]
    assert tuple(w.shape) == (768, 256)
    assert 256 * variance(w) == pytest.approx(1 / 2, rel=0.012)  # and 1, were it three matrices


def test_three_frameworks_start_an_embedding_in_three_ways():
    found = [recipe(f, "embedding", "default").variance for f in ("torch", "keras", "flax")]
    assert found == pytest.approx([1, 1 / 1200, 1 / 64])
