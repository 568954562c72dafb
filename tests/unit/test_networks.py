"""Networks in NumPy against torch's autograd, finite differences and closed forms."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glorot import networks
from glorot.activations import ACTIVATIONS, Activation, get_activation
from glorot.initializers import Constant, VarianceScaling
from glorot.networks import (
    Gradients,
    Network,
    backward,
    cross_entropy,
    cross_entropy_gradient,
    forward,
    layer_jacobian,
    lsuv,
    make_network,
    sgd_step,
    softmax,
    squared_error,
    squared_error_gradient,
)

TORCH_ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "softsign": torch.nn.functional.softsign,
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
    "elu": torch.nn.functional.elu,
    "selu": torch.nn.functional.selu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
}


def torch_cross_entropy(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels)


def torch_squared_error(logits, labels):
    onehot = torch.nn.functional.one_hot(labels, logits.shape[1])
    return (torch.softmax(logits, 1) - onehot).square().sum(1).mean()


LOSSES = {
    "cross_entropy": (cross_entropy, cross_entropy_gradient, torch_cross_entropy),
    "squared_error": (squared_error, squared_error_gradient, torch_squared_error),
}


def torch_forward(weights, biases, phi, x):
    h = x
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        h = phi(h @ weight + bias)
    return h @ weights[-1] + biases[-1]


def autograd(network, x, labels, loss):
    """Loss and its gradients by torch, as (loss, weights, biases, input)."""
    leaf = lambda array: torch.tensor(array, requires_grad=True)  # noqa: E731
    weights, biases = [leaf(w) for w in network.weights], [leaf(b) for b in network.biases]
    inputs = leaf(x)
    phi = TORCH_ACTIVATIONS[network.activation.name]
    value = LOSSES[loss][2](torch_forward(weights, biases, phi, inputs), torch.tensor(labels))
    value.backward()
    return (
        value.item(),
        [w.grad.numpy() for w in weights],
        [b.grad.numpy() for b in biases],
        inputs.grad.numpy(),
    )


def ours(network, x, labels, loss):
    trace = forward(network, x)
    gradients = backward(network, trace, LOSSES[loss][1](trace.logits, labels))
    return LOSSES[loss][0](trace.logits, labels), gradients


def problem(sizes, activation, seed=0, batch=5, dtype=np.float64):
    rng = np.random.default_rng(seed)
    network = make_network(sizes, "glorot_normal", activation, rng, bias_std=0.5, dtype=dtype)
    x = rng.normal(size=(batch, sizes[0])).astype(dtype)
    return network, x, rng.integers(0, sizes[-1], batch)


def assert_matches_autograd(network, x, labels, loss):
    value, gradients = ours(network, x, labels, loss)
    expected, weights, biases, inputs = autograd(network, x, labels, loss)
    # float64: what is left is the rounding of a few hundred sums
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(value, expected, **close)
    for mine, theirs in zip(gradients.grad_weights, weights, strict=True):
        np.testing.assert_allclose(mine, theirs, **close)
    for mine, theirs in zip(gradients.grad_biases, biases, strict=True):
        np.testing.assert_allclose(mine, theirs, **close)
    np.testing.assert_allclose(gradients.grad_input, inputs, **close)


# ------------------------------------------------------------------------------------------ forward


def test_forward_multiplies_rows_by_weights_and_leaves_the_last_layer_linear():
    weights = (np.array([[1.0, -1.0], [2.0, 1.0]]), np.array([[1.0], [-3.0]]))
    network = Network(weights, (np.array([0.0, 1.0]), np.array([0.5])), get_activation("relu"))
    trace = forward(network, np.array([[1.0, 1.0], [-1.0, 0.0]]))
    np.testing.assert_array_equal(trace.preacts[0], [[3, 1], [-1, 2]])
    np.testing.assert_array_equal(trace.acts[1], [[3, 1], [0, 2]])
    np.testing.assert_array_equal(trace.logits, [[0.5], [-5.5]])  # negative: no ReLU at the end
    assert trace.acts[-1] is trace.logits
    assert len(trace.acts) == len(trace.preacts) + 1
    assert len(trace.hidden) == 1


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_logits_are_torchs(name):
    network, x, _ = problem((6, 5, 4, 3), name)
    tensors = ([torch.tensor(p) for p in group] for group in (network.weights, network.biases))
    expected = torch_forward(*tensors, TORCH_ACTIVATIONS[name], torch.tensor(x))
    np.testing.assert_allclose(forward(network, x).logits, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_follows_weights_and_input(name, dtype):
    network, x, labels = problem((4, 3, 2), name, dtype=dtype)
    trace = forward(network, x)
    gradients = backward(network, trace, cross_entropy_gradient(trace.logits, labels))
    stepped = sgd_step(network, gradients, np.float64(0.1))
    arrays = (*trace.preacts, *trace.acts, *gradients.grad_weights, *gradients.grad_biases)
    jacobian = layer_jacobian(network, trace, 0, 0)
    for array in (*arrays, gradients.grad_input, *stepped.weights, *stepped.biases, jacobian):
        assert array.dtype == dtype


def test_integer_inputs_take_the_dtype_of_the_weights():
    network, _, _ = problem((4, 3, 2), "tanh", dtype=np.float32)
    assert forward(network, np.ones((2, 4), dtype=np.int64)).logits.dtype == np.float32


# ----------------------------------------------------------------------------------------- backward


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_backward_is_autograd_for_every_activation_and_loss(name, loss):
    assert_matches_autograd(*problem((6, 5, 4, 3), name), loss)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=6),
    name=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.sampled_from(sorted(LOSSES)),
    batch=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_backward_is_autograd_for_any_shape(sizes, name, loss, batch, seed):
    assert_matches_autograd(*problem(tuple(sizes), name, seed, batch), loss)


def test_grad_preacts_are_autograds_too():
    network, x, labels = problem((6, 5, 4, 3), "tanh")
    zs, h = [], torch.tensor(x)
    for weight, bias in zip(network.weights, network.biases, strict=True):
        z = (h @ torch.tensor(weight) + torch.tensor(bias)).requires_grad_()
        z.retain_grad()
        zs.append(z)
        h = torch.tanh(z)
    torch_cross_entropy(zs[-1], torch.tensor(labels)).backward()
    for mine, z in zip(ours(network, x, labels, "cross_entropy")[1].grad_preacts, zs, strict=True):
        np.testing.assert_allclose(mine, z.grad.numpy(), rtol=1e-9, atol=1e-14)


def test_a_forgotten_transpose_is_noticed(monkeypatch):
    def without_transpose(network, trace, grad_output):
        """Use W where its transpose belongs: in a square net the shapes fit all the same."""
        flipped = replace(network, weights=tuple(weight.T for weight in network.weights))
        return networks.backward(flipped, trace, grad_output)

    network, x, labels = problem((4, 4, 4, 4), "tanh")
    assert_matches_autograd(network, x, labels, "cross_entropy")
    monkeypatch.setitem(globals(), "backward", without_transpose)
    with pytest.raises(AssertionError):
        assert_matches_autograd(network, x, labels, "cross_entropy")


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_a_derivative_that_is_off_by_a_twentieth_is_noticed(factor):
    network, x, labels = problem((6, 5, 4, 3), "tanh")
    tanh = network.activation
    wrong = Activation("tanh", f=tanh.f, df=lambda z: factor * tanh.df(z))
    with pytest.raises(AssertionError):
        assert_matches_autograd(replace(network, activation=wrong), x, labels, "cross_entropy")


def test_the_other_losses_gradient_is_noticed(monkeypatch):
    swapped = (cross_entropy, squared_error_gradient, torch_cross_entropy)
    monkeypatch.setitem(LOSSES, "cross_entropy", swapped)
    with pytest.raises(AssertionError):
        assert_matches_autograd(*problem((6, 5, 4, 3), "tanh"), "cross_entropy")


@pytest.mark.parametrize("loss", LOSSES)
def test_backward_is_the_finite_difference(loss):
    network, x, labels = problem((3, 4, 2), "silu")
    gradients = ours(network, x, labels, loss)[1]
    step = 1e-6  # central differences err by step² from curvature and by 1e-16/step from rounding
    for index, weight in enumerate(network.weights):
        for row, column in np.ndindex(weight.shape):
            shifted = []
            for sign in (1, -1):
                moved = weight.copy()
                moved[row, column] += sign * step
                weights = (*network.weights[:index], moved, *network.weights[index + 1 :])
                shifted.append(ours(replace(network, weights=weights), x, labels, loss)[0])
            slope = (shifted[0] - shifted[1]) / (2 * step)
            assert slope == pytest.approx(gradients.grad_weights[index][row, column], abs=1e-8)


def test_float32_gradients_are_float64s_to_its_precision():
    network, x, labels = problem((20, 20, 20, 5), "tanh", dtype=np.float32)
    double = Network(
        tuple(w.astype(np.float64) for w in network.weights),
        tuple(b.astype(np.float64) for b in network.biases),
        network.activation,
    )
    single = ours(network, x, labels, "cross_entropy")[1]
    exact = ours(double, x.astype(np.float64), labels, "cross_entropy")[1]
    for mine, theirs in zip(single.grad_weights, exact.grad_weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


# ------------------------------------------------------------------------------------------- losses


@settings(max_examples=60, deadline=None)
@given(
    examples=st.integers(1, 5),
    classes=st.integers(1, 6),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
    loss=st.sampled_from(sorted(LOSSES)),
    seed=st.integers(0, 2**32 - 1),
)
def test_losses_and_their_gradients_are_torchs(examples, classes, scale, loss, seed):
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(size=(examples, classes))
    labels = rng.integers(0, classes, examples)
    value, gradient, oracle = LOSSES[loss]
    tensor = torch.tensor(logits, requires_grad=True)
    expected = oracle(tensor, torch.tensor(labels))
    expected.backward()
    assert value(logits, labels) == pytest.approx(expected.item(), rel=1e-9, abs=1e-12)
    np.testing.assert_allclose(gradient(logits, labels), tensor.grad, rtol=1e-7, atol=1e-13)
    np.testing.assert_allclose(gradient(logits, labels).sum(axis=1), 0, atol=1e-12)


def test_losses_are_stable_for_huge_logits():
    logits, labels = np.array([[1e4, 0.0], [0.0, 1e4]], dtype=np.float32), np.array([1, 1])
    np.testing.assert_array_equal(softmax(logits), [[1, 0], [0, 1]])
    assert cross_entropy(logits, labels) == 5000.0  # (10,000 + 0) / 2, and no overflow
    assert squared_error(logits, labels) == 1.0


def test_a_confident_wrong_answer_stops_the_quadratic_cost_only():
    logits, labels = np.array([[20.0, 0.0]]), np.array([1])
    assert np.abs(cross_entropy_gradient(logits, labels)).max() == pytest.approx(1, abs=1e-8)
    assert np.abs(squared_error_gradient(logits, labels)).max() < 1e-8


def test_equal_logits_cost_ln_c():
    labels = np.array([2, 0])
    assert cross_entropy(np.full((2, 7), 3.0), labels) == pytest.approx(np.log(7), rel=1e-14)
    assert squared_error(np.full((2, 7), 3.0), labels) == pytest.approx(6 / 7, rel=1e-14)


# ----------------------------------------------------------------------------------------- sgd_step


def test_sgd_step_is_torchs_and_leaves_the_old_network_alone():
    network, x, labels = problem((6, 5, 3), "tanh")
    before = [weight.copy() for weight in network.weights]
    stepped = sgd_step(network, ours(network, x, labels, "cross_entropy")[1], 0.3)
    parameters = [torch.tensor(p, requires_grad=True) for p in (*network.weights, *network.biases)]
    logits = torch_forward(parameters[:2], parameters[2:], torch.tanh, torch.tensor(x))
    torch_cross_entropy(logits, torch.tensor(labels)).backward()
    torch.optim.SGD(parameters, lr=0.3).step()
    for mine, theirs in zip((*stepped.weights, *stepped.biases), parameters, strict=True):
        np.testing.assert_allclose(mine, theirs.detach(), rtol=1e-9, atol=1e-12)
    for weight, old in zip(network.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def trained(initializer, steps=20):
    rng = np.random.default_rng(3)
    network = make_network((4, 6, 5, 3), initializer, "tanh", rng, dtype=np.float64)
    x, labels = rng.normal(size=(12, 4)), rng.integers(0, 3, 12)
    losses = []
    for _ in range(steps):
        loss, gradients = ours(network, x, labels, "cross_entropy")
        losses.append(loss)
        network = sgd_step(network, gradients, 0.5)
    return network, losses


def test_equal_weights_stay_equal_and_unequal_ones_do_not():
    equal, _ = trained(Constant(0.2))
    drawn, losses = trained("glorot_uniform")
    for network, stays in ((equal, True), (drawn, False)):
        columns = network.weights[0]  # one column per hidden unit
        assert bool(np.allclose(columns, columns[:, :1], atol=1e-12)) is stays
    assert np.abs(equal.weights[0] - 0.2).max() > 0.01  # they moved, together
    assert losses[-1] < 0.7 * losses[0]


def test_zero_weights_never_move_but_in_the_last_bias():
    network, _ = trained("zeros")
    assert all((weight == 0).all() for weight in network.weights)
    assert np.abs(network.biases[-1]).max() > 0.01


# ----------------------------------------------------------------------------------- layer_jacobian


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_layer_jacobians_are_autograds(name):
    network, x, _ = problem((5, 4, 6, 3), name)
    trace = forward(network, x)
    for layer in range(network.depth):
        phi = TORCH_ACTIVATIONS[name if layer < network.depth - 1 else "identity"]
        weight, bias = torch.tensor(network.weights[layer]), torch.tensor(network.biases[layer])
        h = torch.tensor(trace.acts[layer][2])
        expected = torch.autograd.functional.jacobian(lambda h: phi(h @ weight + bias), h).T  # noqa: B023
        jacobian = layer_jacobian(network, trace, layer, 2)
        assert jacobian.shape == network.sizes[layer : layer + 2]
        np.testing.assert_allclose(jacobian, expected, rtol=1e-9, atol=1e-14)
        if name == "tanh" and layer < 2:
            other_example = layer_jacobian(network, trace, layer, 1)
            assert not np.allclose(other_example, expected, rtol=1e-3)


def test_the_product_of_layer_jacobians_is_the_whole_networks():
    network, x, _ = problem((5, 4, 6, 3), "tanh")
    trace = forward(network, x)
    product = np.linalg.multi_dot([layer_jacobian(network, trace, layer, 0) for layer in range(3)])
    grad_output = np.zeros((5, 3))
    grad_output[0, 1] = 1.0
    column = backward(network, trace, grad_output).grad_input[0]
    np.testing.assert_allclose(product[:, 1], column, rtol=1e-10)


# ------------------------------------------------------------------------------------- make_network


def test_make_network_draws_from_rng_alone_and_biases_do_not_change_weights():
    first, again, biased = (
        make_network((9, 8, 7), "he_normal", "relu", np.random.default_rng(5), bias_std)
        for bias_std in (0.0, 0.0, 1.0)
    )
    for one, two, three in zip(first.weights, again.weights, biased.weights, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
    assert first.sizes == (9, 8, 7)
    assert first.depth == 2
    assert not any(bias.any() for bias in first.biases)


def test_bias_std_is_a_standard_deviation():
    network = make_network((1, 40_000), "zeros", "tanh", np.random.default_rng(0), bias_std=0.3)
    # the standard error of a standard deviation of n normal numbers is std/sqrt(2n)
    assert network.biases[0].std() == pytest.approx(0.3, abs=4 * 0.3 / np.sqrt(80_000))


def test_initializers_may_differ_by_layer():
    initializers = ["zeros", Constant(2.0), VarianceScaling(4.0, "fan_avg", "uniform")]
    network = make_network((3, 4, 5, 6), initializers, "tanh", np.random.default_rng(0))
    assert (network.weights[0] == 0).all()
    assert (network.weights[1] == 2).all()
    assert np.unique(network.weights[2]).size > 1


def test_the_same_draw_serves_both_dtypes():
    single, double = (
        make_network((4, 3), "lecun_normal", "tanh", np.random.default_rng(1), dtype=dtype)
        for dtype in (np.float32, np.float64)
    )
    np.testing.assert_array_equal(single.weights[0], double.weights[0])


def test_a_network_is_frozen():
    network, _, _ = problem((4, 3, 2), "tanh")
    with pytest.raises(FrozenInstanceError):
        network.weights = ()


# ------------------------------------------------------------------------------------------- errors


RNG = np.random.default_rng(0)
TANH = get_activation("tanh")
EYE, ZERO = np.eye(2), np.zeros(2)
NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (4,)}, r"sizes .* got \(4,\)"),
        ({"sizes": 4}, "sizes .* got 4"),
        ({"sizes": (4, 0)}, "sizes .* got 0"),
        ({"sizes": (4, -3, 2)}, "sizes .* got -3"),
        ({"sizes": (4, 2.5)}, r"sizes .* got 2\.5"),
        ({"sizes": (True, 2)}, "sizes .* got True"),
        ({"initializer": "xavier"}, "xavier"),
        ({"initializer": ["zeros"]}, r"initializer .* got \['zeros'\]"),
        ({"initializer": ["zeros", "xavier"]}, "xavier"),
        ({"activation": "sigmod"}, "activation .* got 'sigmod'"),
        ({"rng": 3}, "rng .* got 3"),
        ({"bias_std": -1.0}, r"bias_std .* got -1\.0"),
        ({"bias_std": NAN}, "bias_std .* got nan"),
        ({"bias_std": "1"}, "bias_std .* got '1'"),
        ({"dtype": np.int64}, "dtype .* got .*int64"),
        ({"dtype": "float33"}, "dtype .* got 'float33'"),
    ],
)
def test_make_network_names_the_argument_and_the_value(change, message):
    fitting = {"sizes": (4, 3, 2), "initializer": "zeros", "activation": "tanh", "rng": RNG}
    with pytest.raises(ValueError, match=message):
        make_network(**{**fitting, **change})


@pytest.mark.parametrize(
    ("weights", "biases", "message"),
    [
        ((), (), "weights .* at least one"),
        ((EYE,), (), "biases .* got 0"),
        ((ZERO,), (ZERO,), r"weights\[0\] must have rank 2.* \(2,\)"),
        ((EYE, ZERO), (ZERO, ZERO), r"weights\[1\] must have rank 2.* \(2,\)"),
        ((EYE,), (EYE,), r"biases\[0\] must have rank 1.* \(2, 2\)"),
        ((EYE,), (np.zeros(3),), r"biases\[0\] .* got 3"),
        ((EYE, np.ones((3, 2))), (ZERO, ZERO), r"weights\[1\] must have 2 rows, got .*\(3, 2\)"),
        ((np.eye(2, dtype=int),), (ZERO,), r"weights\[0\] must be an array of floats"),
        (([[1.0]],), (np.zeros(1),), r"weights\[0\] must be an array of floats"),
        ((EYE * NAN,), (ZERO,), r"weights\[0\] must be finite, got nan"),
        ((EYE,), (ZERO - np.inf,), r"biases\[0\] must be finite, got -inf"),
    ],
)
def test_network_names_the_array_that_does_not_fit(weights, biases, message):
    with pytest.raises(ValueError, match=message):
        Network(weights, biases, TANH)


def test_network_wants_an_activation():
    with pytest.raises(ValueError, match=r"activation .* got 'tanh'"):
        Network((EYE,), (ZERO,), "tanh")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones(4), r"x .* \(4,\)"),
        (np.ones((0, 4)), r"x .* \(0, 4\)"),
        (np.ones((2, 5)), r"x .* \(2, 5\)"),
        (np.full((2, 4), NAN), "x must be finite, got nan"),
        (np.full((2, 4), "a"), "x must be an array of floats"),
    ],
)
def test_forward_refuses_other_inputs(x, message):
    network, _, _ = problem((4, 3, 2), "tanh")
    with pytest.raises(ValueError, match=message):
        forward(network, x)


@pytest.mark.parametrize(
    ("grad_output", "message"),
    [
        (np.ones((5, 3)), r"grad_output .* got \(5, 3\)"),
        (np.ones((1, 2)), r"grad_output .* got \(1, 2\)"),  # would broadcast
        (np.full((5, 2), NAN), "grad_output must be finite, got nan"),
    ],
)
def test_backward_refuses_other_gradients(grad_output, message):
    network, x, _ = problem((4, 3, 2), "tanh")
    with pytest.raises(ValueError, match=message):
        backward(network, forward(network, x), grad_output)


def test_a_trace_or_gradients_of_another_network_are_refused():
    network, _, _ = problem((4, 3, 2), "tanh")
    other, y, others_labels = problem((4, 5, 2), "tanh")
    trace = forward(other, y)
    with pytest.raises(ValueError, match=r"trace .* \(4, 3, 2\), got \(4, 5, 2\)"):
        backward(network, trace, np.ones((5, 2)))
    with pytest.raises(ValueError, match="trace"):
        layer_jacobian(network, trace, 0, 0)
    with pytest.raises(ValueError, match="gradients"):
        sgd_step(network, ours(other, y, others_labels, "cross_entropy")[1], 0.1)


@pytest.mark.parametrize("learning_rate", [-0.1, NAN, float("inf"), "0.1", None])
def test_sgd_step_names_the_learning_rate(learning_rate):
    network, x, labels = problem((4, 3, 2), "tanh")
    gradients: Gradients = ours(network, x, labels, "cross_entropy")[1]
    with pytest.raises(ValueError, match=f"learning_rate .* got {learning_rate!r}"):
        sgd_step(network, gradients, learning_rate)


@pytest.mark.parametrize(
    ("layer", "example", "message"),
    [(2, 0, "layer .* got 2"), (-1, 0, "layer .* got -1"), (0, 5, "example .* got 5")],
)
def test_layer_jacobian_names_what_is_out_of_range(layer, example, message):
    network, x, _ = problem((4, 3, 2), "tanh")
    with pytest.raises(ValueError, match=message):
        layer_jacobian(network, forward(network, x), layer, example)


@pytest.mark.parametrize("function", [f for pair in LOSSES.values() for f in pair[:2]])
@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.ones(3), [0], r"logits .* \(3,\)"),
        (np.full((1, 3), NAN), [0], "logits must be finite, got nan"),
        (np.ones((2, 3)), [0, 3], r"labels must lie in 0\.\.\.2, got 3"),
        (np.ones((2, 3)), [0, -1], r"labels must lie in 0\.\.\.2, got -1"),
        (np.ones((2, 3)), [0], r"labels must be 2 integers, got int64 of shape \(1,\)"),
        (np.ones((2, 3)), [0.0, 1.0], "labels must be 2 integers, got float64"),
        (np.ones((2, 3)), [[0], [1]], r"labels must be 2 integers, got int64 of shape \(2, 1\)"),
    ],
)
def test_losses_name_the_argument_that_does_not_fit(function, logits, labels, message):
    with pytest.raises(ValueError, match=message):
        function(logits, np.array(labels))


@pytest.mark.parametrize("name", ["tanh", "relu", "silu", "logistic"])
@pytest.mark.parametrize("start", ["heuristic", "orthogonal", "he"])
def test_lsuv_gives_every_layer_unit_variance_whatever_the_activation(name, start):
    rng = np.random.default_rng(3)
    network = make_network((40, 60, 50, 60, 60, 10), start, name, rng, dtype=np.float64)
    x = rng.standard_normal((200, 40)) + 0.3
    scaled = lsuv(network, x)
    np.testing.assert_allclose([z.var() for z in forward(scaled, x).preacts], 1, rtol=1e-10)
    assert max(abs(z.var() - 1) for z in forward(network, x).preacts) > 0.05
    for weight, before in zip(scaled.weights, network.weights, strict=True):
        factor = weight[0, 0] / before[0, 0]
        np.testing.assert_allclose(weight, factor * before, rtol=1e-12)
        assert factor > 0


def test_lsuv_divides_more_than_once_where_biases_keep_their_share():
    network = make_network((30, 40, 5), "he", "relu", np.random.default_rng(1), bias_std=0.5)
    x = np.random.default_rng(2).standard_normal((100, 30)).astype(np.float32)
    variances = [z.var() for z in forward(lsuv(network, x, tolerance=0.02), x).preacts]
    np.testing.assert_allclose(variances, 1, atol=0.02)
    with pytest.raises(ValueError, match="layer 1"):
        lsuv(network, x, tolerance=1e-4, iterations=1)


def test_lsuv_refuses_what_it_cannot_scale():
    network = make_network((3, 4, 2), "zeros", "tanh", np.random.default_rng(0))
    x = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match="layer 1 has 0"):
        lsuv(network, x)
    with pytest.raises(ValueError, match="tolerance"):
        lsuv(network, x, tolerance=0)
    with pytest.raises(ValueError, match="iterations"):
        lsuv(network, x, iterations=0)
