"""Theory against closed forms, plain iteration and sampled wide nets, with neighbours that must fail."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glorot import theory
from glorot.activations import ACTIVATIONS


def sampled_moments(widths, var_w, f, df, draws, seed):
    """Mean over draws of E[z_l^2] and E[delta_l^2]/E[delta_L^2], written without the package."""
    rng = np.random.default_rng(seed)
    forward, backward = [], []
    for _ in range(draws):
        h, zs, ws = rng.standard_normal((20, widths[0])), [], []
        for n, m, v in zip(widths[:-1], widths[1:], var_w, strict=True):
            ws.append(rng.normal(0, math.sqrt(v), (n, m)))
            zs.append(h @ ws[-1])
            h = f(zs[-1])
        delta = rng.standard_normal(zs[-1].shape)
        deltas = [delta]
        for w, z in zip(ws[:0:-1], zs[-2::-1], strict=True):
            deltas.append((deltas[-1] @ w.T) * df(z))
        forward.append([np.mean(z**2) for z in zs])
        backward.append([np.mean(d**2) / np.mean(delta**2) for d in deltas[::-1]])
    return np.array(forward), np.array(backward)


def in_standard_errors(samples, prediction):
    return np.abs(samples.mean(0) - prediction) / (
        samples.std(0, ddof=1) / math.sqrt(len(samples)) + 1e-12
    )


@given(width=st.integers(1, 300), depth=st.integers(1, 40), gain=st.floats(0.2, 3))
def test_equal_linear_layers_multiply_the_same_factor(width, depth, gain):
    widths, var_w = (width,) * (depth + 1), (gain / width,) * depth
    np.testing.assert_allclose(
        theory.forward_second_moments(widths, var_w, "identity"), gain ** np.arange(1, depth + 1.0)
    )
    np.testing.assert_allclose(
        theory.backward_second_moments(widths, var_w, "identity"),
        gain ** np.arange(depth - 1.0, -1, -1),
    )
    np.testing.assert_allclose(
        theory.weight_gradient_second_moments(widths, var_w, "identity"), gain ** (depth - 1.0)
    )


@pytest.mark.parametrize("name", ["tanh", "relu", "logistic", "selu"])
def test_predictions_agree_with_sampled_wide_nets(name):
    widths = (300, 500, 400, 300)
    var_w = tuple(1.5 / n for n in widths[:-1])
    phi = ACTIVATIONS[name]
    forward, backward = sampled_moments(widths, var_w, phi.f, phi.df, draws=30, seed=3)
    # tolerance: four standard errors and the O(1/width) that finite nets differ by
    bias = 4 / min(widths)
    for samples, predicted in (
        (forward, theory.forward_second_moments(widths, var_w, name)),
        (backward, theory.backward_second_moments(widths, var_w, name)),
    ):
        error = samples.std(0, ddof=1) / math.sqrt(len(samples))
        assert np.all(np.abs(samples.mean(0) - predicted) < 4 * error + bias * predicted)
    swapped = theory.backward_second_moments(widths[::-1], var_w, name)
    assert in_standard_errors(backward, swapped)[0] > 10


def test_one_sided_schemes_telescope_on_a_tapering_net():
    widths = (784, 512, 256, 128, 64, 10)
    fans = list(itertools.pairwise(widths))
    ends = {
        "fan_in": [1 / n for n, _ in fans],
        "fan_avg": [2 / (n + m) for n, m in fans],
        "geometric": [1 / math.sqrt(n * m) for n, m in fans],
    }
    expected = {"fan_in": (1, 0.0128), "fan_avg": (4.96, 0.063), "geometric": (8.85, 0.113)}
    for rule, var_w in ends.items():
        assert theory.linear_ratios(widths, var_w) == pytest.approx(expected[rule], rel=0.01)
    assert math.prod(theory.linear_ratios(widths, ends["geometric"])) == pytest.approx(1)


@pytest.mark.parametrize(
    "name", ["tanh", "logistic", "selu", "elu", "relu", "gelu", "silu", "softsign"]
)
@pytest.mark.parametrize(
    ("sigma_w2", "sigma_b2"), [(0.7, 0.0), (1.4, 0.0), (1.3, 0.05), (2.8, 0.1)]
)
def test_fixed_points_agree_with_plain_iteration(name, sigma_w2, sigma_b2):
    q = 1.0
    for _ in range(20_000):
        previous, q = q, theory.second_moment_map(name, sigma_w2, sigma_b2, q)
        if abs(q - previous) < 1e-14 * previous or not 1e-13 < q < 1e13:
            break
    expected = 0.0 if q < 1e-12 else math.inf if q > 1e12 else q
    assert theory.fixed_point(name, sigma_w2, sigma_b2) == pytest.approx(expected, rel=1e-6)


def test_tanh_under_glorot_has_no_fixed_point_but_zero():
    assert theory.fixed_point("tanh", 1.0) == 0.0
    q = 1.0
    for _ in range(2000):
        q = theory.second_moment_map("tanh", 1.0, 0.0, q)
    assert q == pytest.approx(1 / (2 * 2000), rel=0.02)  # q' = q - 2 q^2: it creeps like 1/(2l)


def test_unstable_fixed_points_are_still_where_the_iteration_stays():
    for name in ("gelu", "silu"):
        sigma_w2 = ACTIVATIONS[name].gain ** 2
        assert theory.fixed_point(name, sigma_w2) == 1.0
        q = 1.1
        for _ in range(50):
            q = theory.second_moment_map(name, sigma_w2, 0.0, q)
        assert q == pytest.approx({"gelu": 268, "silu": 1.7e5}[name], rel=0.05)


def test_relu_is_critical_at_two_and_nowhere_else():
    assert theory.depth_scale("relu", 2.0) == math.inf
    assert theory.depth_scale("relu", 1.9) == pytest.approx(1 / abs(math.log(0.95)))
    assert theory.fixed_point("relu", 1.0, 0.5) == pytest.approx(1.0)
    assert theory.fixed_point("relu", 1.9) == 0.0


def test_five_thirds_holds_tanh_forward_and_not_backward():
    q = theory.fixed_point("tanh", 25 / 9)
    assert math.sqrt(ACTIVATIONS["tanh"].second_moment(q)) == pytest.approx(0.65, abs=0.005)
    assert theory.chi_at_fixed_point("tanh", 25 / 9) == pytest.approx(1.21, abs=0.01)


def test_relu_correlations_follow_the_arc_cosine_kernel():
    for c in np.linspace(-1, 1, 9):
        angle = math.acos(c)
        kernel = (math.sin(angle) + (math.pi - angle) * c) / math.pi
        assert theory.correlation_map("relu", 2.0, 0.0, float(c)) == pytest.approx(
            kernel, abs=1e-12
        )


def test_he_keeps_length_and_not_angle():
    c = 0.0
    cosines = []
    for _ in range(50):
        c = theory.correlation_map("relu", 2.0, 0.0, c)
        cosines.append(c)
    assert cosines[9] == pytest.approx(0.87, abs=0.005) and cosines[49] == pytest.approx(
        0.988, abs=0.001
    )


def test_linear_nets_keep_angles():
    assert theory.correlation_map("identity", 1.0, 0.0, 0.37) == pytest.approx(0.37)
    assert theory.correlation_map("tanh", 0.9, 0.0, 0.37) == pytest.approx(0.37, abs=1e-6)


def test_correlations_in_chaos_settle_below_one_at_their_own_rate():
    sigma_w2 = 4.0
    c_star = theory.correlation_fixed_point("tanh", sigma_w2, 0.01)
    c, distances = 0.9, []
    for _ in range(60):
        c = theory.correlation_map("tanh", sigma_w2, 0.01, c)
        distances.append(abs(c - c_star))
    assert 0 <= c_star < 0.9 and distances[-1] < 1e-3
    rate = math.log(distances[-2] / distances[-1])
    assert 1 / rate == pytest.approx(
        theory.correlation_depth_scale("tanh", sigma_w2, 0.01), rel=0.05
    )
    assert 1 / rate != pytest.approx(theory.depth_scale("tanh", sigma_w2, 0.01), rel=0.05)


def test_the_mean_singular_value_is_not_the_root_of_the_mean_square():
    rng = np.random.default_rng(1)
    for sigma_w2, printed in ((1.0, 0.849), (1 / 3, 0.490)):
        values = np.linalg.svd(
            rng.normal(0, math.sqrt(sigma_w2 / 500), (500, 500)), compute_uv=False
        )
        assert theory.mean_singular_value(sigma_w2) == pytest.approx(printed, abs=5e-4)
        assert values.mean() == pytest.approx(theory.mean_singular_value(sigma_w2), rel=0.005)
        assert np.sqrt(np.mean(values**2)) != pytest.approx(printed, rel=0.05)


@settings(max_examples=5, deadline=None)
@given(width=st.integers(30, 80))
def test_log_norms_of_linear_gaussian_nets_spread_as_predicted(width):
    depth, draws, rng = 30, 3000, np.random.default_rng(width)
    logs = np.log(rng.chisquare(width, (draws, depth)) / width).sum(1)
    mean, variance = theory.log_norm_moments(width, depth)
    assert abs(logs.mean() - mean) < 4.5 * math.sqrt(variance / draws)
    assert logs.var() == pytest.approx(variance, rel=4.5 * math.sqrt(2 / draws))
    assert variance == pytest.approx(2 * depth / width, rel=3 / width)
    assert mean == pytest.approx(-depth / width, rel=2 / width)


def test_decibels_of_a_thousand_amplifiers():
    assert theory.decibels(0.99, 1000) == pytest.approx(-87.3, abs=0.05)
    assert theory.decibels(1.01, 1000) == pytest.approx(86.4, abs=0.05)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: theory.forward_second_moments((3,), (), "tanh"), r"widths .*\(3,\)"),
        (lambda: theory.forward_second_moments((3, 0), (1.0,), "tanh"), r"widths .*\(3, 0\)"),
        (lambda: theory.forward_second_moments((3, 2), (1.0, 1.0), "tanh"), "var_w .*2"),
        (lambda: theory.forward_second_moments((3, 2), (-1.0,), "tanh"), "var_w .*-1.0"),
        (lambda: theory.forward_second_moments((3, 2), (math.nan,), "tanh"), "var_w .*nan"),
        (lambda: theory.forward_second_moments((3, 2), (1.0,), "tan"), "activation .*tan"),
        (lambda: theory.forward_second_moments((3, 2), (1.0,), "tanh", q0=-2.0), "q0 .*-2.0"),
        (lambda: theory.fixed_point("tanh", -1.0), "sigma_w2 .*-1.0"),
        (lambda: theory.fixed_point("tanh", 1.0, math.nan), "sigma_b2 .*nan"),
        (lambda: theory.correlation_map("tanh", 1.0, 0.0, 2.0), "c .*2.0"),
        (lambda: theory.log_norm_moments(0, 5), "width .*0"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
