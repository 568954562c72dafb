"""Initializers against their exact laws; every law with a neighbor that must fail it."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from glorot import initializers as init
from glorot.initializers import INITIALIZERS, SCHEMES, VarianceScaling, get_initializer

SHAPE = (300, 120)
N = SHAPE[0] * SHAPE[1]
# exact laws, from scipy alone: (law of W * sqrt(fan), fan)
UNIFORM, NORMAL = stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)), stats.norm()
_CUT = 2 / 0.87962566103423978
TRUNCATED = stats.truncnorm(-2, 2, scale=1 / 0.87962566103423978)
LAWS = {
    "heuristic_uniform": (UNIFORM, 1 / (3 * 300)),
    "lecun_normal": (TRUNCATED, 1 / 300),
    "lecun_uniform": (UNIFORM, 1 / 300),
    "glorot_normal": (TRUNCATED, 1 / 210),
    "glorot_uniform": (UNIFORM, 1 / 210),
    "he_normal": (TRUNCATED, 2 / 300),
    "he_uniform": (UNIFORM, 2 / 300),
}


def kolmogorov_smirnov(weights, law, variance):
    return stats.kstest(weights.ravel() / math.sqrt(variance), law.cdf).pvalue


def variance_in_standard_errors(weights, law, variance):
    """How far the sample variance is from `variance`, in standard errors of a sample of that size."""
    kurtosis = float(law.stats("k")) + 3
    return (np.mean(weights.astype(float) ** 2) / variance - 1) / math.sqrt(
        (kurtosis - 1) / weights.size
    )


def test_every_initializer_that_scales_a_variance_has_its_law_here():
    scaling = {n for n, made in INITIALIZERS.items() if isinstance(made, VarianceScaling)}
    assert scaling == set(LAWS)


@pytest.mark.parametrize("name", LAWS)
def test_weights_follow_the_exact_law(name):
    law, variance = LAWS[name]
    weights = INITIALIZERS[name](SHAPE, np.random.default_rng(1))
    assert weights.dtype == np.float32 and weights.shape == SHAPE
    assert kolmogorov_smirnov(weights, law, variance) > 1e-3
    assert abs(variance_in_standard_errors(weights, law, variance)) < 4
    assert INITIALIZERS[name].variance(SHAPE) == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_a_variance_off_by_five_percent_would_be_noticed(name):
    law, variance = LAWS[name]
    weights = INITIALIZERS[name](SHAPE, np.random.default_rng(1)) * np.float32(math.sqrt(1.05))
    assert abs(variance_in_standard_errors(weights, law, variance)) > 4


def test_swapped_fans_fail_the_law():
    weights = init.he_normal(SHAPE[::-1], np.random.default_rng(1))
    assert abs(variance_in_standard_errors(weights, TRUNCATED, 2 / 300)) > 20


def test_an_uncorrected_truncation_is_twelve_percent_short_and_fails_the_law():
    uncorrected = stats.truncnorm(-2, 2, scale=1 / math.sqrt(300)).rvs(
        SHAPE, random_state=np.random.default_rng(2)
    )
    assert uncorrected.std() * math.sqrt(300) == pytest.approx(0.8796, abs=0.01)
    assert kolmogorov_smirnov(uncorrected, TRUNCATED, 1 / 300) < 1e-6


def test_a_standard_deviation_used_as_a_variance_fails_the_law():
    weights = NORMAL.rvs(SHAPE, random_state=np.random.default_rng(3)) / 300
    assert abs(variance_in_standard_errors(weights, NORMAL, 1 / 300)) > 20


def test_a_missing_root_three_fails_the_law():
    bound = 1 / math.sqrt(210)
    weights = np.random.default_rng(4).uniform(-bound, bound, SHAPE)
    assert kolmogorov_smirnov(weights, UNIFORM, 1 / 210) < 1e-6


@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal"])
def test_large_arrays_follow_the_law_too_and_blocks_do_not_repeat(distribution):
    scheme = VarianceScaling(1.0, "fan_in", distribution)
    law = {"uniform": UNIFORM, "normal": NORMAL, "truncated_normal": TRUNCATED}[distribution]
    weights = scheme((1000, 1100), np.random.default_rng(5))
    assert abs(variance_in_standard_errors(weights, law, 1 / 1000)) < 4
    assert kolmogorov_smirnov(weights.ravel()[::7], law, 1 / 1000) > 1e-3
    block = init._BLOCK
    flat = weights.ravel()
    assert abs(np.corrcoef(flat[:block], flat[block : 2 * block])[0, 1]) < 4 / math.sqrt(block)


@pytest.mark.parametrize("name", [*LAWS, "orthogonal"])
def test_no_weight_exceeds_the_stated_bound(name):
    scheme = INITIALIZERS[name]
    weights = scheme(SHAPE, np.random.default_rng(6))
    if isinstance(scheme, VarianceScaling):
        assert np.abs(weights).max() <= scheme.bound(SHAPE) * (1 + 1e-6)  # float32 rounding
        assert np.abs(weights).max() > 0.98 * scheme.bound(SHAPE)


def test_the_same_generator_state_gives_the_same_weights_and_the_next_draw_others():
    for shape in [(20, 30), (1024, 1024)]:
        rng = np.random.default_rng(7)
        first, second = init.glorot_normal(shape, rng), init.glorot_normal(shape, rng)
        assert np.array_equal(first, init.glorot_normal(shape, np.random.default_rng(7)))
        assert not np.array_equal(first, second)


def test_schemes_that_differ_in_scale_share_their_base_draw():
    glorot, standard = (
        s(SHAPE, np.random.default_rng(8)) for s in (init.glorot_uniform, init.heuristic_uniform)
    )
    np.testing.assert_allclose(
        glorot / math.sqrt(1 / 210), standard / math.sqrt(1 / 900), rtol=1e-5
    )


def test_a_convolution_counts_its_receptive_field():
    assert init.he_normal.variance((3, 3, 64, 16)) == pytest.approx(2 / 576)
    weights = init.he_normal((3, 3, 64, 160), np.random.default_rng(9))
    assert abs(variance_in_standard_errors(weights, TRUNCATED, 2 / 576)) < 4


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), gain=st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_every_singular_value_of_an_orthogonal_matrix_is_the_gain(rows, columns, gain):
    weights = init.orthogonal(gain)((rows, columns), np.random.default_rng(rows))
    np.testing.assert_allclose(np.linalg.svd(weights, compute_uv=False), gain, rtol=1e-4)


def test_orthogonal_matrices_are_uniform_over_the_group():
    # Haar: the trace of a large orthogonal matrix is standard normal; QR without the sign gives another law.
    traces = [
        np.trace(init.orthogonal()((12, 12), rng)) for rng in map(np.random.default_rng, range(600))
    ]
    assert stats.kstest(traces, "norm").pvalue > 1e-3
    unsigned = [
        np.trace(np.linalg.qr(rng.standard_normal((12, 12)))[0])
        for rng in map(np.random.default_rng, range(600))
    ]
    assert stats.kstest(unsigned, "norm").pvalue < 1e-3


def test_orthogonal_states_the_variance_of_its_entries():
    weights = init.orthogonal(2.0)((400, 100), np.random.default_rng(10))
    assert np.mean(weights.astype(float) ** 2) == pytest.approx(
        init.orthogonal(2.0).variance((400, 100))
    )


def test_constants_and_zeros_are_what_they_say():
    assert init.zeros(SHAPE, np.random.default_rng(0)).any() == False  # noqa: E712
    assert set(init.constant(0.25)(SHAPE, np.random.default_rng(0)).ravel()) == {np.float32(0.25)}


def test_the_table_of_schemes_agrees_with_its_own_formulas():
    n_in, n_out = 320, 80
    numbers = {
        "heuristic": 1 / (3 * n_in),
        "lecun": 1 / n_in,
        "glorot": 2 / (n_in + n_out),
        "he": 2 / n_in,
    }
    assert set(SCHEMES) == set(numbers)
    for key, variance in numbers.items():
        for form in (SCHEMES[key].normal, SCHEMES[key].uniform):
            assert form.variance((n_in, n_out)) == pytest.approx(variance)
        assert SCHEMES[key].uniform.bound((n_in, n_out)) == pytest.approx(math.sqrt(3 * variance))
        assert SCHEMES[key].preferred in (SCHEMES[key].normal, SCHEMES[key].uniform)


LATEX = re.compile(r"\\(frac|sqrt)((?<=sqrt)\{[^{}]*\}|(?<=frac)\{[^{}]*\}\{[^{}]*\})")


def work_out(rule: str, n_in: int, n_out: int) -> float:
    """The value of a printed rule, its innermost braces first."""
    text = rule.replace(r"n_\text{in}", str(n_in)).replace(r"n_\text{avg}", str((n_in + n_out) / 2))
    while hit := LATEX.search(text):
        numbers = [
            math.prod(float(factor) for factor in part.split(r"\,"))
            for part in hit[2][1:-1].split("}{")
        ]
        value = math.sqrt(numbers[0]) if hit[1] == "sqrt" else numbers[0] / numbers[1]
        text = text[: hit.start()] + repr(value) + text[hit.end() :]
    return float(text)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_rule_as_printed_is_the_rule_as_drawn(scheme):
    shape = (784, 512)
    variance, bound = (work_out(rule, *shape) for rule in (scheme.variance_rule, scheme.bound_rule))
    assert variance == pytest.approx(scheme.normal.variance(shape))
    assert variance == pytest.approx(scheme.uniform.variance(shape))
    assert bound == pytest.approx(scheme.uniform.bound(shape))


def test_a_rule_that_is_printed_wrongly_is_noticed():
    assert work_out(r"\frac{2}{n_\text{avg}}", 784, 512) == pytest.approx(2 / 648)
    assert work_out(r"\frac{1}{3\,n_\text{in}}", 784, 512) == pytest.approx(1 / 2352)
    assert work_out(r"\sqrt{\frac{6}{n_\text{in}}}", 784, 512) == pytest.approx(math.sqrt(6 / 784))
    wrong = work_out(r"\frac{2}{n_\text{avg}}", 784, 512)
    assert wrong != pytest.approx(SCHEMES["he"].normal.variance((784, 512)))


def test_a_scheme_is_found_by_any_of_its_names():
    assert get_initializer("he") is init.he_normal
    assert get_initializer("glorot") is init.glorot_uniform
    assert get_initializer(init.zeros) is init.zeros


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: VarianceScaling(scale=0.0), "scale .*0.0"),
        (lambda: VarianceScaling(scale=math.nan), "scale .*nan"),
        (lambda: VarianceScaling(scale="2"), "scale .*'2'"),
        (lambda: VarianceScaling(mode="fan_mean"), "mode .*fan_mean"),
        (lambda: VarianceScaling(distribution="gauss"), "distribution .*gauss"),
        (lambda: init.orthogonal(-1.0), "gain .*-1.0"),
        (lambda: init.constant(math.inf), "value .*inf"),
        (lambda: get_initializer("xavier"), "scheme .*xavier"),
        (lambda: init.he_normal((3,), np.random.default_rng(0)), r"shape .*\(3,\)"),
        (lambda: init.he_normal((3, 0), np.random.default_rng(0)), r"shape .*\(3, 0\)"),
        (lambda: init.he_normal((3, 4), 0), "rng .*0"),
        (lambda: init.orthogonal()((3, 4), np.random), "rng .*module"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
