"""Theory against closed forms, plain iteration and sampled wide nets, with neighbours that must fail."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from glorot import theory
from glorot.activations import ACTIVATIONS, Activation


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


ERF = Activation("erf", special.erf, lambda z: 2 / math.sqrt(math.pi) * np.exp(-(z**2)))


@pytest.mark.parametrize("q", [0.05, 0.7, 4.0])
def test_an_erf_net_obeys_the_arcsine_law(q):
    """Williams (1997): E[erf(z1) erf(z2)] = (2/pi) arcsin(2 q c / (1 + 2 q))."""
    assert theory.second_moment_map(ERF, 1.7, 0.1, q) == pytest.approx(
        1.7 * 2 / math.pi * math.asin(2 * q / (1 + 2 * q)) + 0.1, rel=1e-10
    )
    slope = 4 / math.pi / math.sqrt(1 + 4 * q)
    assert ERF.chi(1.7, q) == pytest.approx(1.7 * slope, rel=1e-10)
    assert ERF.chi(1.7, q) != pytest.approx(1.7 * slope * math.sqrt((1 + 4 * q) / (1 + 2 * q)))
    q_star = theory.fixed_point(ERF, 1.7, 0.1)
    for c in (-0.6, 0.3, 0.9):
        arc = 2 / math.pi * math.asin(2 * q_star * c / (1 + 2 * q_star))
        kernel = (1.7 * arc + 0.1) / q_star
        assert theory.correlation_map(ERF, 1.7, 0.1, c) == pytest.approx(kernel, abs=1e-6)


@pytest.mark.parametrize(("name", "sigma_w2", "sigma_b2"), [("tanh", 2.2, 0.3), ("relu", 1.6, 0.4)])
def test_the_correlation_map_agrees_with_sampled_wide_nets(name, sigma_w2, sigma_b2):
    rng, n, start = np.random.default_rng(8), 1500, 0.2
    f, q = ACTIVATIONS[name].f, theory.fixed_point(name, sigma_w2, sigma_b2)
    found = []
    for _ in range(12):
        first = rng.standard_normal(n) * math.sqrt(q)
        second = start * first + math.sqrt(1 - start**2) * math.sqrt(q) * rng.standard_normal(n)
        w = rng.normal(0, math.sqrt(sigma_w2 / n), (n, n))
        z = f(np.stack([first, second])) @ w + rng.normal(0, math.sqrt(sigma_b2), n)
        found.append(float(z[0] @ z[1] / np.linalg.norm(z[0]) / np.linalg.norm(z[1])))
    error = np.std(found, ddof=1) / math.sqrt(12)
    assert abs(np.mean(found) - theory.correlation_map(name, sigma_w2, sigma_b2, start)) < 4 * error
    unbiased = theory.correlation_map(name, sigma_w2, 0.0, start)
    assert abs(np.mean(found) - unbiased) > 4 * error


@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2"),
    [("tanh", 25 / 9, 0.0), ("selu", 1.0, 0.0), ("logistic", 2.0, 0.0), ("gelu", 1.3, 0.2)],
)
def test_chi_is_the_slope_of_the_correlation_map_at_one_and_the_rate_of_the_way_back(
    name, sigma_w2, sigma_b2
):
    chi, h = theory.chi_at_fixed_point(name, sigma_w2, sigma_b2), 1e-4
    slope = (1 - theory.correlation_map(name, sigma_w2, sigma_b2, 1 - h)) / h
    assert slope == pytest.approx(chi, rel=0.01)
    assert slope != pytest.approx(chi * 1.1, rel=0.01)
    if sigma_b2 == 0:
        q0 = theory.fixed_point(name, sigma_w2) / sigma_w2
        back = theory.backward_second_moments((40,) * 61, (sigma_w2 / 40,) * 60, name, q0)
        assert back[0] / back[1] == pytest.approx(chi, rel=1e-4)


@pytest.mark.parametrize("q", [0.02, 1.0, 30.0])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_moments_slope_agrees_with_differences(name, q):
    h = 1e-4
    up, down = (ACTIVATIONS[name].second_moment(q * math.exp(s * h)) for s in (1, -1))
    assert theory.moment_slope(name, q) == pytest.approx(math.log(up / down) / (2 * h), abs=1e-6)
    assert theory.moment_slope(name, q) != pytest.approx(
        2 * math.log(up / down) / (2 * h), abs=1e-6
    )


def test_an_attracting_point_calls_back_and_a_repelling_one_drives_away():
    for name, attracts in (("selu", True), ("elu", True), ("gelu", False), ("silu", False)):
        sigma_w2 = ACTIVATIONS[name].gain ** 2
        for start in (0.97, 1.03):
            q = start
            for _ in range(40):
                q = theory.second_moment_map(name, sigma_w2, 0.0, q)
            assert (abs(math.log(q)) < abs(math.log(start))) == attracts
        assert (theory.moment_slope(name, 1.0) < 1) == attracts


def quadratic(scale):
    """1 + 2 u + 3 (u^2 - 1) / sqrt(2) of u = z / scale: coefficients 1, 2 and 3."""
    return Activation(
        "quadratic",
        lambda z: 1 + 2 * z / scale + 3 * ((z / scale) ** 2 - 1) / math.sqrt(2),
        lambda z: (2 + 3 * math.sqrt(2) * z / scale) / scale,
    )


def test_shares_of_a_known_hermite_expansion_are_its_squared_coefficients():
    for q in (1.0, 2.5):
        phi = quadratic(math.sqrt(q))
        expected = (1 / 14, 4 / 14, 9 / 14)
        assert theory.passed_shares(phi, q) == pytest.approx(expected, abs=1e-9)
        degree = q * phi.derivative_second_moment(q) / phi.second_moment(q)
        assert degree == pytest.approx((4 + 2 * 9) / 14)
        assert degree != pytest.approx((1 + 4 + 2 * 9) / 14)


@pytest.mark.parametrize("name", ["tanh", "selu", "elu", "logistic", "relu", "softsign"])
def test_at_a_fixed_point_chi_is_at_least_linear_plus_twice_bent(name):
    sigma_w2 = ACTIVATIONS[name].gain ** 2
    constant, linear, bent = theory.passed_shares(name, 1.0)
    assert constant + linear + bent == pytest.approx(1)
    assert ACTIVATIONS[name].chi(sigma_w2, 1.0) >= linear + 2 * bent - 1e-9
    if constant < 1e-6:
        assert ACTIVATIONS[name].chi(sigma_w2, 1.0) > 1


def single_nets(f, sigma_w2, width, depth, draws, seed):
    """ln of the mean square of z, layer by layer, of single nets started at 1."""
    rng = np.random.default_rng(seed)
    logs = np.empty((draws, depth))
    for net in range(draws):
        h = np.ones(width)
        for layer in range(depth):
            scale = 1.0 if layer == 0 else sigma_w2
            z = h @ rng.normal(0, math.sqrt(scale / width), (width, width))
            logs[net, layer], h = math.log(np.mean(z**2)), f(z)
    return logs


@pytest.mark.parametrize(("name", "layer"), [("relu", 11), ("selu", 11), ("gelu", 5), ("tanh", 11)])
def test_single_nets_stray_as_the_slope_predicts(name, layer):
    sigma_w2, width, draws = ACTIVATIONS[name].gain ** 2, 150, 300
    logs = single_nets(ACTIVATIONS[name].f, sigma_w2, width, 12, draws, seed=4)[:, layer]
    var_w = [1 / width] + [sigma_w2 / width] * 11
    means, variances = theory.log_moments((width,) * 13, var_w, name)
    # the next order is 1/width; a variance of 300 draws has a relative error of 8 %
    assert abs(logs.mean() - means[layer]) < 4 * math.sqrt(variances[layer] / draws) + 2 / width
    assert logs.var(ddof=1) == pytest.approx(variances[layer], rel=4 * math.sqrt(2 / draws))
    neighbour = {"relu": "selu", "selu": "relu", "gelu": "tanh", "tanh": "gelu"}[name]
    other = [1 / width] + [ACTIVATIONS[neighbour].gain ** 2 / width] * 11
    wrong = theory.log_moments((width,) * 13, other, neighbour)[1][layer]
    assert logs.var(ddof=1) != pytest.approx(wrong, rel=4 * math.sqrt(2 / draws))


def test_in_linear_nets_the_spread_is_the_known_one():
    means, variances = theory.log_moments((200,) * 31, (1 / 200,) * 30, "identity")
    exact = np.array([theory.log_norm_moments(200, depth) for depth in range(1, 31)]).T
    np.testing.assert_allclose(means, exact[0], rtol=0.02)
    np.testing.assert_allclose(variances, exact[1], rtol=0.02)


def test_a_slope_below_one_bounds_the_spread_and_one_above_does_not():
    ends = {}
    for name in ("selu", "relu", "gelu"):
        var_w = [1 / 100] + [ACTIVATIONS[name].gain ** 2 / 100] * 79
        ends[name] = theory.log_moments((100,) * 81, var_w, name)[1][[39, 79]]
    assert ends["selu"][1] == pytest.approx(ends["selu"][0], rel=1e-3)
    assert ends["relu"][1] == pytest.approx(2 * ends["relu"][0], rel=0.02)
    assert ends["gelu"][1] > 1e4 * ends["gelu"][0]


def test_from_a_dead_layer_on_there_is_no_spread_to_speak_of():
    _, variances = theory.log_moments((10,) * 4, (0.1, 0.0, 0.1), "relu")
    assert np.isfinite(variances[0]) and np.isnan(variances[1:]).all()


@pytest.mark.parametrize("name", ["elu", "selu", "gelu", "tanh"])
def test_a_signal_of_any_smallness_is_still_predicted(name):
    """Closed forms that are differences of numbers near 1 would turn negative here."""
    moments = theory.forward_second_moments((50,) * 81, (1 / 150,) * 80, name)
    slope2 = float(ACTIVATIONS[name].df(np.array(-1e-9))) ** 2 / 2
    slope2 += float(ACTIVATIONS[name].df(np.array(1e-9))) ** 2 / 2
    assert np.all(moments > 0)
    assert moments[79] / moments[78] == pytest.approx(slope2 / 3, rel=1e-3)


def test_seven_percent_a_layer_is_a_thousandfold_in_a_hundred():
    chi = theory.chi_at_fixed_point("selu", 1.0)
    assert chi**100 == pytest.approx(1005, abs=3)
    back = theory.backward_second_moments((30,) * 102, (1 / 30,) * 101, "selu")
    assert back[0] == pytest.approx(chi**100, rel=1e-3)


def test_logistic_layers_keep_the_shares_of_the_errata():
    for sigma_w2, share in ((1.0, 0.056), (2.0, 0.101), (16.0, 0.399)):
        assert theory.chi_at_fixed_point("logistic", sigma_w2) == pytest.approx(share, abs=6e-4)
    assert theory.chi_at_fixed_point("logistic", 1 / 3) == pytest.approx(1 / 48, rel=0.05)


def test_the_mean_singular_value_is_not_the_root_of_the_mean_square():
    rng = np.random.default_rng(1)
    for sigma_w2, printed in ((1.0, 0.849), (1 / 3, 0.490)):
        values = np.linalg.svd(
            rng.normal(0, math.sqrt(sigma_w2 / 500), (500, 500)), compute_uv=False
        )
        assert theory.mean_singular_value(sigma_w2) == pytest.approx(printed, abs=5e-4)
        assert values.mean() == pytest.approx(theory.mean_singular_value(sigma_w2), rel=0.005)
        assert np.sqrt(np.mean(values**2)) != pytest.approx(printed, rel=0.05)


def test_singular_values_of_one_matrix_follow_the_quarter_circle():
    shares = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    values = theory.product_singular_values(1, shares)
    above = 1 - 2 / np.pi * (np.arcsin(values / 2) + values / 2 * np.sqrt(1 - values**2 / 4))
    assert above == pytest.approx(shares, abs=1e-3)


@pytest.mark.parametrize("depth", [1, 3, 20])
def test_singular_values_of_a_product_have_the_moments_of_fuss_and_catalan(depth):
    values = theory.product_singular_values(depth, (np.arange(20_000) + 0.5) / 20_000)
    assert np.mean(values**2) == pytest.approx(1, rel=2e-3)
    assert np.mean(values**4) == pytest.approx(depth + 1, rel=2e-3)
    assert np.mean(np.log(values)) == pytest.approx(-depth / 2, rel=5e-3)
    edge = (depth + 1) ** (depth + 1) / depth**depth
    assert 0.97 * edge < values[0] ** 2 < edge


def test_singular_values_of_a_drawn_product_are_those_of_its_own_depth():
    rng, n = np.random.default_rng(4), 300
    drawn = np.linalg.svd(
        np.linalg.multi_dot([rng.normal(0, n**-0.5, (n, n)) for _ in range(5)]), compute_uv=False
    )
    shares = np.array([0.1, 0.2, 0.4, 0.6])
    found = np.quantile(drawn, 1 - shares)
    assert found == pytest.approx(theory.product_singular_values(5, shares), rel=0.1)
    assert found != pytest.approx(theory.product_singular_values(4, shares), rel=0.1)


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
        (lambda: theory.moment_slope("tanh", 0.0), "q .*0.0"),
        (lambda: theory.product_singular_values(0, [0.5]), "depth .*0"),
        (lambda: theory.product_singular_values(2, [1.0]), r"shares .*1\.0"),
        (lambda: theory.passed_shares("tanh", math.inf), "q .*inf"),
        (lambda: theory.log_moments((3, 2), (1.0, 1.0), "tanh"), "var_w .*2"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize(("name", "sigma_w2", "sigma_b2"), [("tanh", 2.2, 0.3), ("relu", 1.6, 0.0)])
def test_a_path_of_two_inputs_agrees_with_sampled_wide_nets(name, sigma_w2, sigma_b2):
    rng, n, depth, start = np.random.default_rng(12), 600, 6, 0.3
    f, found = ACTIVATIONS[name].f, []
    for _ in range(10):
        pair = rng.standard_normal((2, n))
        pair[1] = start * pair[0] + math.sqrt(1 - start**2) * pair[1]
        h, row = pair, []
        for _ in range(depth):
            w = rng.normal(0, math.sqrt(sigma_w2 / n), (n, n))
            z = h @ w + rng.normal(0, math.sqrt(sigma_b2), n)
            row.append([np.mean(z**2), z[0] @ z[1] / np.linalg.norm(z[0]) / np.linalg.norm(z[1])])
            h = f(z)
        found.append(row)
    error = np.std(found, axis=0, ddof=1) / math.sqrt(len(found))
    path = np.stack(theory.correlation_path(name, sigma_w2, sigma_b2, start, depth), axis=1)
    room = 4 * error + 5 / n * path[:, :1]  # finite width
    assert (np.abs(np.mean(found, axis=0) - path) < room).all()
    other = np.stack(theory.correlation_path(name, sigma_w2, sigma_b2 + 0.2, start, depth), axis=1)
    assert (np.abs(np.mean(found, axis=0) - other) > room).all(axis=1)[1:].all()


def test_a_path_ends_where_the_map_settles():
    q, c = theory.correlation_path("tanh", 4.0, 0.01, 0.9, 80)
    assert q[-1] == pytest.approx(theory.fixed_point("tanh", 4.0, 0.01), rel=1e-9)
    assert c[-1] == pytest.approx(theory.correlation_fixed_point("tanh", 4.0, 0.01), abs=1e-4)
    q, c = theory.correlation_path("relu", 2.0, 0.0, 0.0, 51)
    assert c[10] == pytest.approx(0.87, abs=0.005) and c[50] == pytest.approx(0.988, abs=0.001)
    np.testing.assert_allclose(q, 2.0)


def test_a_linear_path_has_a_closed_form():
    """E[z²] and covariance obey the same line, x -> σ_w² x + σ_b²."""
    q, c = theory.correlation_path("identity", 0.8, 0.1, -0.4, 12)
    one, both = 1.0, -0.4
    for k in range(12):
        one, both = 0.8 * one + 0.1, 0.8 * both + 0.1
        assert q[k] == pytest.approx(one, rel=1e-12) and c[k] == pytest.approx(both / one, rel=1e-9)


def test_an_erf_path_follows_the_arcsine_law():
    q, c = theory.correlation_path(ERF, 1.7, 0.1, 0.3, 8)
    for k in range(7):
        arc = 2 / math.pi * math.asin(2 * q[k] * c[k] / (1 + 2 * q[k]))
        alone = 2 / math.pi * math.asin(2 * q[k] / (1 + 2 * q[k]))
        assert q[k + 1] == pytest.approx(1.7 * alone + 0.1, rel=1e-10)
        assert c[k + 1] == pytest.approx((1.7 * arc + 0.1) / (1.7 * alone + 0.1), abs=1e-6)


@pytest.mark.parametrize("name", ["identity", "relu", "leaky_relu", "elu", "selu", "tanh", "gelu"])
@pytest.mark.parametrize("c", [-0.7, 0.2, 0.95])
def test_averages_over_two_inputs_agree_with_monte_carlo(name, c):
    phi, rng, q, n = ACTIVATIONS[name], np.random.default_rng(21), 1.7, 400_000
    first = rng.standard_normal(n)
    second = c * first + math.sqrt(1 - c * c) * rng.standard_normal(n)
    product = phi.f(math.sqrt(q) * first) * phi.f(math.sqrt(q) * second)
    room = 4 * product.std() / math.sqrt(n)
    assert abs(product.mean() - phi.covariance(q, c)) < room
    assert abs(product.mean() - phi.covariance(q, c - 0.05)) > room
    square = phi.f(math.sqrt(q) * first) ** 2
    assert abs(square.mean() - phi.second_moment(q)) < 4 * square.std() / math.sqrt(n)
    assert abs(square.mean() - phi.second_moment(1.1 * q)) > 4 * square.std() / math.sqrt(n)


@pytest.mark.parametrize("wrong", [{"c0": 1.2}, {"depth": 0}, {"sigma_w2": 0.0}, {"sigma_b2": -1}])
def test_a_path_refuses_what_is_none(wrong):
    fine = {"activation": "tanh", "sigma_w2": 1.0, "sigma_b2": 0.0, "c0": 0.1, "depth": 3}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        theory.correlation_path(**(fine | wrong))
