"""Probes against direct formulas and closed forms, each claim with a control that must fail."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import special, stats

from glorot import theory
from glorot.activations import get_activation
from glorot.initializers import VarianceScaling
from glorot.networks import (
    Network,
    backward,
    cross_entropy_gradient,
    forward,
    make_network,
)
from glorot.probes import (
    activation_histograms,
    activation_statistics,
    backward_second_moments,
    dead_fraction,
    end_to_end_singular_values,
    forward_second_moments,
    gradient_histograms,
    gradient_statistics,
    input_correlations,
    jacobian_singular_values,
    layer_histograms,
    layer_statistics,
    measure_backward,
    measure_end_to_end,
    measure_forward,
    measure_weight_gradients,
    saturation_fraction,
    second_moments,
    weight_singular_values,
)

HEURISTIC = VarianceScaling(1 / 3, "fan_in", "normal")
LECUN = VarianceScaling(1.0, "fan_in", "normal")
FAN_OUT = VarianceScaling(1.0, "fan_out", "normal")
HE = VarianceScaling(2.0, "fan_in", "normal")
NAN = float("nan")


def within_standard_errors(measured, expected, count=4.0, bias=0.0):
    """Whether the mean over draws meets `expected` in every layer.

    It may be off by `count` standard errors and by a share `bias` of what is expected.
    """
    error = measured.std(axis=0, ddof=1) / np.sqrt(len(measured))
    tolerance = count * error + bias * np.abs(expected)
    return bool((np.abs(measured.mean(axis=0) - expected) <= tolerance).all())


def example(sizes=(6, 5, 4, 3), activation="tanh", seed=0, batch=8):
    rng = np.random.default_rng(seed)
    network = make_network(sizes, "glorot_normal", activation, rng, bias_std=0.3, dtype=np.float64)
    trace = forward(network, rng.normal(size=(batch, sizes[0])))
    labels = rng.integers(0, sizes[-1], batch)
    gradients = backward(network, trace, cross_entropy_gradient(trace.logits, labels))
    return network, trace, gradients


# ----------------------------------------------------------------------------- statistics of layers


@settings(max_examples=40, deadline=None)
@given(
    st_numpy.arrays(
        np.float64,
        st_numpy.array_shapes(min_dims=1, max_dims=3, max_side=6),
        elements=st.floats(-100, 100),
    )
)
def test_layer_statistics_are_the_sums_they_claim_to_be(array):
    statistics = layer_statistics([array])
    values = sorted(array.ravel().tolist())
    mean = sum(values) / len(values)
    second = sum(v * v for v in values) / len(values)
    rank = 0.98 * (len(values) - 1)  # linear between the two neighbours in rank
    low = int(rank)
    high = min(low + 1, len(values) - 1)
    percentile = values[low] + (rank - low) * (values[high] - values[low])
    assert statistics.mean[0] == pytest.approx(mean, abs=1e-10)
    assert statistics.second_moment[0] == pytest.approx(second, abs=1e-9)
    assert statistics.std[0] ** 2 == pytest.approx(second - mean**2, abs=1e-9)
    assert statistics.percentile_98[0] == pytest.approx(percentile, abs=1e-9)


def test_the_98th_percentile_of_normal_values_is_2_05():
    values = np.random.default_rng(0).normal(size=(300, 1000))
    quantile = stats.norm.ppf(0.98)
    # standard error of a sample quantile: sqrt(p (1 - p) / n) / density there
    error = np.sqrt(0.98 * 0.02 / values.size) / stats.norm.pdf(quantile)
    measured = layer_statistics([values]).percentile_98[0]
    assert abs(measured - quantile) < 4 * error
    assert abs(measured - stats.norm.ppf(0.99)) > 4 * error  # of |values| it would be this one


def test_second_moment_and_variance_part_after_relu():
    values = np.maximum(np.random.default_rng(0).normal(size=(1000, 1000)), 0)
    statistics = layer_statistics([values])
    assert statistics.second_moment[0] == pytest.approx(1 / 2, abs=0.005)
    assert statistics.std[0] ** 2 == pytest.approx(1 / 2 - 1 / (2 * np.pi), abs=0.005)


def test_second_moments_do_not_underflow_in_float32():
    tiny = np.full((2, 3), 2.0**-100, dtype=np.float32)
    assert second_moments([tiny]) == [2.0**-200]
    assert (tiny**2).mean() == 0  # what float32 would have said


def test_trace_wrappers_look_at_the_hidden_layers():
    _, trace, gradients = example()
    np.testing.assert_array_equal(
        activation_statistics(trace).mean, [trace.acts[1].mean(), trace.acts[2].mean()]
    )
    assert activation_histograms(trace, bins=7).density.shape == (2, 7)
    assert gradient_histograms(gradients, bins=7).density.shape == (3, 7)
    statistics = gradient_statistics(gradients)
    for layer in range(3):
        delta, grad_weight = gradients.grad_preacts[layer], gradients.grad_weights[layer]
        assert statistics.preacts.std[layer] == pytest.approx(delta.std())
        assert statistics.weights.second_moment[layer] == pytest.approx((grad_weight**2).mean())


def test_second_moments_of_a_trace_count_layers_from_one_to_l():
    _, trace, gradients = example()
    forwards = [(trace.preacts[layer] ** 2).mean() for layer in range(3)]
    deltas = [(gradients.grad_preacts[layer] ** 2).mean() for layer in range(3)]
    np.testing.assert_allclose(forward_second_moments(trace), forwards)
    np.testing.assert_allclose(backward_second_moments(gradients), np.array(deltas) / deltas[2])


# --------------------------------------------------------------------------------------- histograms


def test_histograms_follow_the_density_of_the_values():
    rng = np.random.default_rng(0)
    layers = [rng.normal(size=(100, 2000)), rng.normal(0.0, 0.5, size=(100, 2000))]
    histograms = layer_histograms(layers, bins=40, value_range=(-2, 2))
    edges = np.linspace(-2, 2, 41)
    np.testing.assert_allclose(histograms.edges, edges)
    np.testing.assert_allclose(histograms.centers, (edges[1:] + edges[:-1]) / 2)
    for density, outside, std in zip(histograms.density, histograms.outside, (1, 0.5), strict=True):
        shares = np.diff(stats.norm.cdf(edges, scale=std))
        error = np.sqrt(shares * (1 - shares) / 200_000) / 0.1
        assert (np.abs(density - shares / 0.1) < 5 * error).all()  # 5: the worst of 80 bins
        assert density.sum() * 0.1 + outside == pytest.approx(1)
    assert histograms.outside[0] == pytest.approx(2 * stats.norm.cdf(-2), abs=0.002)


def test_histograms_cover_all_values_by_default_on_common_bins():
    histograms = layer_histograms([np.array([0.0, 1.0]), np.array([[5.0], [-3.0]])], bins=4)
    np.testing.assert_array_equal(histograms.edges, [-3, -1, 1, 3, 5])
    np.testing.assert_array_equal(histograms.density, [[0, 0.25, 0.25, 0], [0.25, 0, 0, 0.25]])
    np.testing.assert_array_equal(histograms.outside, [0, 0])


def test_a_histogram_of_equal_values_has_bins_of_some_width():
    histograms = layer_histograms([np.zeros((3, 3))], bins=5)
    np.testing.assert_allclose(histograms.density, [[0, 0, 5, 0, 0]])


# --------------------------------------------------------------------------- saturation, dead units


def test_saturation_is_counted_where_the_slope_falls_below_its_share():
    # tanh' = 1 - tanh²: below 5 % of its maximum of 1 for |z| > artanh(sqrt(0.95)) = 2.18
    edge = np.arctanh(np.sqrt(0.95))
    preacts = [np.array([[0.0, edge - 0.01, edge + 0.01, -edge - 0.01]]), np.array([[9.0, -9.0]])]
    np.testing.assert_array_equal(saturation_fraction(preacts, "tanh"), [0.5, 1.0])
    # logistic' = tanh'(z/2)/4: its own maximum is 1/4, so the same share lies at twice the edge
    doubled = [2 * preacts[0]]
    np.testing.assert_array_equal(saturation_fraction(doubled, "logistic"), [0.5])
    np.testing.assert_array_equal(saturation_fraction([preacts[0]], "identity"), [0.0])


def test_saturation_of_a_gaussian_is_its_tail():
    preacts = np.random.default_rng(0).normal(0, 2, size=(500, 400))
    tail = 2 * stats.norm.cdf(-np.arctanh(np.sqrt(0.8)) / 2)
    error = np.sqrt(tail * (1 - tail) / preacts.size)
    assert abs(saturation_fraction([preacts], "tanh", share=0.2)[0] - tail) < 4 * error
    assert abs(saturation_fraction([preacts], "tanh", share=0.1)[0] - tail) > 4 * error


def test_a_unit_is_dead_if_no_example_gets_through():
    preacts = np.array([[-1.0, 2.0, -5.0, 0.0], [-3.0, -1.0, -1.0, 0.0]])
    assert dead_fraction([preacts], "relu") == [0.75]
    assert dead_fraction([preacts], "leaky_relu") == [0.0]
    assert dead_fraction([preacts[:1]], "relu") == [0.75]
    assert dead_fraction([np.array([[1.0, -1.0], [-1.0, 1.0]])], "relu") == [0.0]  # half, not dead


def test_saturation_and_death_of_a_trace_are_its_hidden_layers():
    _, trace, _ = example(activation="relu")
    assert saturation_fraction(trace, "relu").shape == (2,)
    np.testing.assert_array_equal(
        dead_fraction(trace, "relu"), dead_fraction(trace.preacts[:2], "relu")
    )


# ------------------------------------------------------------------------------------- correlations


def test_input_correlations_average_the_cosine_over_pairs():
    rows = np.random.default_rng(0).normal(0.3, 1, size=(7, 5))
    cosines = [
        rows[i] @ rows[j] / np.sqrt((rows[i] @ rows[i]) * (rows[j] @ rows[j]))
        for i in range(7)
        for j in range(i)
    ]
    assert input_correlations([rows])[0] == pytest.approx(np.mean(cosines), rel=1e-12)
    assert input_correlations([rows * 1e-200])[0] == pytest.approx(np.mean(cosines), rel=1e-12)


def test_orthogonal_inputs_align_under_relu_as_the_arc_cosine_kernel_says():
    n, depth = 1000, 11
    network = make_network((n,) * (depth + 1), HE, "relu", np.random.default_rng(0))
    x = np.zeros((2, n), dtype=np.float32)
    x[0, : n // 2], x[1, n // 2 :] = 1, 1
    measured = input_correlations(forward(network, x))
    expected = [0.0]
    for _ in range(depth - 1):  # Cho and Saul (2009), degree 1
        c = expected[-1]
        expected.append((np.sqrt(1 - c * c) + (np.pi - np.arccos(c)) * c) / np.pi)
    assert expected[10] == pytest.approx(0.87, abs=0.005)
    # one net of width n: each layer's cosine errs by some 1/sqrt(n) = 0.03, and errors accumulate
    np.testing.assert_allclose(measured[:11], expected, atol=0.06)
    assert abs(measured[10] - expected[4]) > 0.06


def test_nothing_has_no_direction():
    assert np.isnan(input_correlations([np.array([[0.0, 0.0], [1.0, 0.0]])])[0])


# ---------------------------------------------------------------------------------- singular values


def test_jacobian_singular_values_are_those_of_w_times_slope():
    network, trace, _ = example()
    values = jacobian_singular_values(network, trace, [4, 1])
    for layer, minimum in enumerate((5, 4, 3)):
        assert values[layer].shape == (2, minimum)
        for row, index in enumerate((4, 1)):
            slope = 1 / np.cosh(trace.preacts[layer][index]) ** 2 if layer < 2 else np.ones(3)
            jacobian = network.weights[layer] @ np.diag(slope)
            gram = np.linalg.eigvalsh(jacobian @ jacobian.T)[::-1][:minimum]
            np.testing.assert_allclose(values[layer][row], np.sqrt(gram), rtol=1e-9)


def test_mean_singular_values_are_0_85_and_0_49_and_their_squares_one_and_a_third():
    # A quarter circle's mean is 8/(3π) of its root mean square; both at n = 400 vary by O(1/n).
    rng = np.random.default_rng(0)
    for initializer, ratio in ((LECUN, 1.0), (HEURISTIC, 1 / 3)):
        values = weight_singular_values(make_network((400, 400), initializer, "tanh", rng))[0]
        assert (np.diff(values) <= 0).all()
        assert values.mean() == pytest.approx(8 / (3 * np.pi) * np.sqrt(ratio), rel=0.01)
        assert np.square(values).mean() == pytest.approx(ratio, rel=0.01)
        assert values.mean() != pytest.approx(ratio, rel=0.01)  # the paper's reading


def test_tanh_shrinks_the_jacobian_below_the_weights_alone():
    rng = np.random.default_rng(0)
    network = make_network((200, 200, 200), "glorot_uniform", "tanh", rng, dtype=np.float64)
    trace = forward(network, rng.normal(size=(1, 200)))
    alone = weight_singular_values(network)
    jacobians = jacobian_singular_values(network, trace, [0])
    assert jacobians[0].mean() < 0.9 * alone[0].mean()
    np.testing.assert_allclose(jacobians[1][0], alone[1])  # the last layer is linear


# --------------------------------------------------------------------------- networks freshly drawn


SIZES = (60, 30, 90, 45, 20)


def linear_forward(scale, fan):
    """E[z_l²] in a linear net of variances scale / fan: a product over the layers up to l."""
    var_w = [scale / fan(*pair) for pair in pairwise(SIZES)]
    return np.cumprod([n * v for n, v in zip(SIZES[:-1], var_w, strict=True)])


def linear_backward(scale, fan):
    """E[δ_l²]/E[δ_L²] in the same net: a product over the layers above l."""
    var_w = [scale / fan(*pair) for pair in pairwise(SIZES)]
    factors = [n * v for n, v in zip(SIZES[1:], var_w, strict=True)]
    return np.array([np.prod(factors[layer:]) for layer in range(1, len(SIZES))])


@pytest.mark.parametrize(
    ("initializer", "scale", "fan", "wrong_fan"),
    [
        (LECUN, 1.0, lambda i, o: i, lambda i, o: o),
        (FAN_OUT, 1.0, lambda i, o: o, lambda i, o: i),
        (HEURISTIC, 1 / 3, lambda i, o: i, lambda i, o: o),
        (VarianceScaling(1.0, "fan_avg", "uniform"), 1, lambda i, o: (i + o) / 2, lambda i, o: i),
    ],
)
def test_linear_nets_multiply_variances_forward_and_backward(initializer, scale, fan, wrong_fan):
    rng = np.random.default_rng(0)
    forwards = measure_forward(SIZES, initializer, "identity", 400, rng, batch=8)
    backwards = measure_backward(SIZES, initializer, "identity", 400, rng, batch=8)
    assert forwards.shape == backwards.shape == (400, 4)
    assert within_standard_errors(forwards, linear_forward(scale, fan))
    assert within_standard_errors(backwards, linear_backward(scale, fan))
    assert not within_standard_errors(forwards, linear_forward(scale, wrong_fan))
    assert not within_standard_errors(backwards, linear_backward(scale, wrong_fan))
    assert not within_standard_errors(forwards, np.sqrt(linear_forward(scale / 2, fan)))


def test_he_keeps_relus_second_moment_at_two_and_lecun_halves_it():
    sizes = (100,) * 7
    he = measure_forward(sizes, HE, "relu", 300, np.random.default_rng(0), batch=4)
    lecun = measure_forward(sizes, LECUN, "relu", 300, np.random.default_rng(0), batch=4)
    assert within_standard_errors(he, np.full(6, 2.0))
    assert within_standard_errors(lecun, 0.5 ** np.arange(6))
    assert not within_standard_errors(lecun, np.full(6, 1.0))


def test_weight_gradients_are_equal_across_layers_even_under_the_standard_scheme():
    sizes = (80,) * 6
    rng = np.random.default_rng(0)
    measured = measure_weight_gradients(sizes, HEURISTIC, "identity", 300, rng, batch=16)
    assert within_standard_errors(measured, np.full(5, 3.0**-4))  # all factors but its own
    assert not within_standard_errors(measured, np.full(5, 3.0**-5))
    assert not within_standard_errors(measured, 3.0 ** -np.arange(5))
    single = measure_weight_gradients(sizes, HEURISTIC, "identity", 300, rng, batch=1)
    assert within_standard_errors(single, np.full(5, 3.0**-4))  # whatever the batch


def test_a_layer_of_four_times_the_variance_falls_behind_to_a_quarter():
    louder = VarianceScaling(4 / 3, "fan_in", "normal")
    initializers = [HEURISTIC, HEURISTIC, louder, HEURISTIC, HEURISTIC]
    rng = np.random.default_rng(0)
    measured = measure_weight_gradients((80,) * 6, initializers, "identity", 300, rng, batch=16)
    expected = np.full(5, 4 * 3.0**-4)
    expected[2] /= 4
    assert within_standard_errors(measured, expected)
    assert not within_standard_errors(measured, np.full(5, 4 * 3.0**-4))


def test_log_norms_of_linear_gaussian_nets_vary_by_2l_over_n():
    n, depth, draws = 40, 20, 400
    x = np.ones((1, n))
    rng = np.random.default_rng(0)
    log_norm, relu = (
        np.log(measure_forward((n,) * (depth + 1), init, phi, draws, rng, x=x)[:, -1])
        for init, phi in ((LECUN, "identity"), (HE, "relu"))
    )
    # Each layer adds the log of a chi-square of n degrees over n: trigamma(n/2) is about 2/n.
    exact = depth * special.polygamma(1, n / 2)
    assert exact == pytest.approx(2 * depth / n, rel=0.03)
    interval = 4 * np.sqrt(2 / draws)  # four relative standard errors of a variance
    assert log_norm.var() == pytest.approx(exact, rel=interval)
    assert relu.var() != pytest.approx(exact, rel=interval)  # there it is 5L/n
    mean = depth * (special.digamma(n / 2) - np.log(n / 2))
    assert mean == pytest.approx(-depth / n, rel=0.03)
    assert abs(log_norm.mean() - mean) < 4 * np.sqrt(exact / draws)
    assert abs(log_norm.mean()) > 4 * np.sqrt(exact / draws)


def test_a_tapering_net_pays_on_one_side():
    sizes = (784, 512, 256, 128, 64, 10)
    for initializer, forwards, backwards in (
        (LECUN, 1.0, 10 / 784),
        (FAN_OUT, 784 / 10, 1.0),
        (VarianceScaling(1.0, "fan_avg", "normal"), 4.96, 0.0633),
    ):
        rng = np.random.default_rng(0)
        measured = measure_end_to_end(sizes, initializer, "identity", 60, rng, batch=8)
        assert measured.shape == (60, 2)
        assert within_standard_errors(measured, np.array([forwards, backwards]), bias=0.002)
        assert not within_standard_errors(measured, np.array([backwards, forwards]), bias=0.002)


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic", "selu"])
def test_measurement_meets_theory_and_not_its_neighbor(activation):
    sizes = (200,) * 6
    draws, var_w = 60, [1 / 200] * 5
    measured = [
        measure(sizes, LECUN, activation, draws, np.random.default_rng(0), batch=16)
        for measure in (measure_forward, measure_backward, measure_weight_gradients)
    ]
    predictions = (
        theory.forward_second_moments,
        theory.backward_second_moments,
        theory.weight_gradient_second_moments,
    )
    for values, predict in zip(measured, predictions, strict=True):
        # 3 %: corrections of order L/n to a theory of infinite width
        assert within_standard_errors(values, predict(sizes, var_w, activation), bias=0.03)
        louder = predict(sizes, [1.2 * v for v in var_w], activation)
        assert not within_standard_errors(values, louder, bias=0.03)


def test_biases_add_their_variance():
    measured = measure_forward(
        (50, 50), LECUN, "tanh", 400, np.random.default_rng(0), batch=8, bias_std=2.0
    )
    assert within_standard_errors(measured, np.array([5.0]))
    assert not within_standard_errors(measured, np.array([3.0]))  # std for variance


def test_a_thousand_halvings_are_still_a_number():
    measured = measure_forward((20,) * 301, HEURISTIC, "identity", 1, np.random.default_rng(0))
    assert 0 < measured[0, -1] < 1e-100  # float32 ends at 1e-45


def test_measurements_use_the_given_inputs_and_output_gradient():
    rng = np.random.default_rng(7)
    x, labels = rng.normal(size=(12, 6)), rng.integers(0, 3, 12)
    gradient = lambda logits: cross_entropy_gradient(logits, labels)  # noqa: E731
    weights = measure_weight_gradients(
        (6, 5, 3), "glorot", "tanh", 2, np.random.default_rng(1), x=x, output_gradient=gradient
    )
    deltas = measure_backward(
        (6, 5, 3), "glorot", "tanh", 2, np.random.default_rng(1), x=x, output_gradient=gradient
    )
    again = np.random.default_rng(1)
    for draw in range(2):
        network = make_network((6, 5, 3), "glorot", "tanh", again, dtype=np.float64)
        trace = forward(network, x)
        gradients = backward(network, trace, gradient(trace.logits))
        for layer in range(2):
            expected = (gradients.grad_weights[layer] ** 2).mean()
            assert weights[draw, layer] == pytest.approx(expected, rel=1e-12)
        ratio = (gradients.grad_preacts[0] ** 2).mean() / (gradients.grad_preacts[1] ** 2).mean()
        assert deltas[draw, 0] == pytest.approx(ratio, rel=1e-12)
        assert deltas[draw, 1] == 1


@pytest.mark.parametrize(
    "measure", [measure_forward, measure_backward, measure_weight_gradients, measure_end_to_end]
)
def test_a_seed_repeats_a_measurement(measure):
    first, second, other = (
        measure((9, 8, 7), "he", "relu", 2, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layer_statistics([]), r"layers must be a sequence .* got \[\]"),
        (lambda: layer_statistics(np.ones((2, 2))), "layers must be a sequence"),
        (lambda: layer_statistics([np.ones((0, 3))]), r"layers\[0\] .* got shape \(0, 3\)"),
        (lambda: second_moments([np.ones(2), np.array([NAN])]), r"layers\[1\] .* got nan"),
        (lambda: second_moments([np.array([np.inf])]), r"layers\[0\] .* got inf"),
        (lambda: layer_histograms([np.ones(2)], bins=0), "bins .* got 0"),
        (lambda: layer_histograms([np.ones(2)], bins=2.5), r"bins .* got 2\.5"),
        (lambda: layer_histograms([np.ones(2)], 5, (1, 1)), r"value_range .* got \(1, 1\)"),
        (lambda: layer_histograms([np.ones(2)], 5, (0, NAN)), r"value_range .* got \(0, nan\)"),
        (lambda: saturation_fraction([np.ones((1, 2))], "tanh", 0), "share .* got 0"),
        (lambda: saturation_fraction([np.ones((1, 2))], "tanh", 1.5), r"share .* got 1\.5"),
        (lambda: saturation_fraction([np.ones((1, 2))], "tanh", "5"), "share .* got '5'"),
        (lambda: saturation_fraction([np.ones((1, 2))], "sigmod"), "activation .* got 'sigmod'"),
        (lambda: saturation_fraction([np.ones(2)], "tanh"), r"preacts\[0\] .* got shape \(2,\)"),
        (lambda: dead_fraction([np.ones((1, 2)) * NAN], "relu"), r"preacts\[0\] .* got nan"),
        (lambda: input_correlations([np.ones((1, 2))]), "acts .* got 1"),
        (lambda: jacobian_singular_values(*example()[:2], []), r"examples .* got \[\]"),
        (lambda: jacobian_singular_values(*example()[:2], [8]), "example .* got 8"),
    ],
)
def test_layer_probes_name_the_argument_and_the_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "measure", [measure_forward, measure_backward, measure_weight_gradients, measure_end_to_end]
)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draws": 0}, "draws .* got 0"),
        ({"draws": 1.5}, r"draws .* got 1\.5"),
        ({"batch": -1}, "batch .* got -1"),
        ({"batch": True}, "batch .* got True"),
        ({"sizes": (4, 0)}, "sizes .* got 0"),
        ({"initializer": "xavier"}, "xavier"),
        ({"activation": "sigmod"}, "activation .* got 'sigmod'"),
        ({"rng": 0}, "rng .* got 0"),
    ],
)
def test_measurements_name_the_argument_and_the_value(measure, change, message):
    fitting = {"sizes": (4, 3, 2), "initializer": "he", "activation": "relu", "draws": 2}
    with pytest.raises(ValueError, match=message):
        measure(**{**fitting, "rng": np.random.default_rng(0), **change})


def test_measurements_refuse_inputs_and_gradients_that_do_not_fit():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"x must have shape .* got \(2, 5\)"):
        measure_forward((4, 3), "he", "relu", 1, rng, x=np.ones((2, 5)))
    with pytest.raises(ValueError, match=r"grad_output .* got \(64, 1\)"):
        measure_backward((4, 3), "he", "relu", 1, rng, output_gradient=lambda logits: logits[:, :1])
    with pytest.raises(ValueError, match="only zeros"):
        measure_backward((4, 3), "he", "relu", 1, rng, output_gradient=np.zeros_like)


def test_a_network_of_zeros_passes_nothing():
    network = Network((np.zeros((3, 2)),) * 1, (np.zeros(2),), get_activation("tanh"))
    assert forward_second_moments(forward(network, np.ones((2, 3)))) == [0.0]


def test_the_whole_jacobian_is_what_differences_say():
    rng = np.random.default_rng(6)
    network = make_network((5, 7, 6, 4), "he", "tanh", rng, dtype=np.float64)
    x, h = rng.standard_normal((1, 5)), 1e-6
    shifted = [forward(network, x + s * h * np.eye(5)).logits for s in (1, -1)]
    expected = np.linalg.svd((shifted[0] - shifted[1]) / (2 * h), compute_uv=False)
    found = end_to_end_singular_values(network, forward(network, x), [0])
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    by_layer = jacobian_singular_values(network, forward(network, x), [0])
    assert not np.allclose(found[0, 0], np.prod([values[0, 0] for values in by_layer]), rtol=1e-3)


def test_orthogonal_layers_keep_every_singular_value_and_normal_ones_their_mean_square():
    depth, width, rng = 40, 64, np.random.default_rng(8)
    x = rng.standard_normal((1, width))

    def values(scheme):
        network = make_network((width,) * (depth + 1), scheme, "identity", rng, dtype=np.float64)
        return end_to_end_singular_values(network, forward(network, x), [0])[0]

    np.testing.assert_allclose(values("orthogonal"), 1, rtol=1e-4)
    normal = values(VarianceScaling(1.0, "fan_in", "normal"))
    assert normal[0] > 3 and np.median(normal) < 0.2


def test_no_example_has_no_jacobian():
    network = make_network((3, 2), "he", "tanh", np.random.default_rng(0))
    trace = forward(network, np.ones((1, 3), np.float32))
    with pytest.raises(ValueError, match="examples"):
        end_to_end_singular_values(network, trace, [])
