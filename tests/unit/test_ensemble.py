"""Networks trained at once learn as each would alone, says autograd and says torch.optim.SGD."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from glorot.activations import leaky_relu
from glorot.ensemble import Ensemble, EnsembleConfig
from glorot.initializers import VarianceScaling, constant

SIZES = (6, 16, 16, 16, 4)
TORCH = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "softsign": functional.softsign,
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "selu": torch.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
}
# Both sides add up at most 16 products in float32, in different orders: 16 roundings of 6e-8 each,
# and what four layers make of them.
CLOSE = {"rtol": 1e-4, "atol": 1e-6}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def config(activation="tanh", seed=0, scheme="glorot_uniform", learning_rate=0.1):
    return EnsembleConfig(scheme, activation, learning_rate, seed)


def batch(seed=0, count=10, networks=()):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((*networks, count, SIZES[0])).astype(np.float32)
    return x, rng.integers(SIZES[-1], size=(*networks, count))


def autograd(ensemble, network, x, y):
    """Loss, logits' gradient chain and parameters of one network, by torch alone."""
    weights = [w[network].clone().requires_grad_() for w in ensemble.weights]
    biases = [b[network].clone().requires_grad_() for b in ensemble.biases]
    f = TORCH[ensemble.configs[network].activation]
    h, preacts = torch.from_numpy(x), []
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = h @ w + b
        z.retain_grad()
        preacts.append(z)
        h = z if layer == len(weights) - 1 else f(z)
    loss = functional.cross_entropy(h, torch.from_numpy(y))
    loss.backward()
    return loss, preacts, weights, biases


def assert_same_gradients(ensemble, x, y, factor=1.0):
    ours = ensemble.gradients(x, y)
    for network in range(len(ensemble.configs)):
        one_x = x if x.ndim == 2 else x[network]
        one_y = y if y.ndim == 1 else y[network]
        loss, preacts, weights, biases = autograd(ensemble, network, one_x, one_y)
        torch.testing.assert_close(ours.losses[network], loss.detach(), **CLOSE)
        for layer in range(len(weights)):
            for got, expected in (
                (ours.grad_preacts, preacts),
                (ours.grad_weights, weights),
                (ours.grad_biases, biases),
            ):
                torch.testing.assert_close(
                    got[layer][network], factor * expected[layer].grad, **CLOSE
                )


def bits(ensemble):
    return [tensor.numpy().tobytes() for tensor in (*ensemble.weights, *ensemble.biases)]


def bits_of_network(ensemble, network):
    tensors = (*ensemble.weights, *ensemble.biases)
    return [tensor[network].numpy().tobytes() for tensor in tensors]


# gradients and steps


@pytest.mark.parametrize("activation", TORCH)
def test_gradients_are_those_of_autograd(activation):
    ensemble = Ensemble([config(activation, seed) for seed in range(3)], SIZES)
    assert_same_gradients(ensemble, *batch())


def test_gradients_of_mixed_activations_are_those_of_autograd_in_the_order_of_the_configs():
    names = ["gelu", "tanh", "tanh", "silu", *TORCH]
    ensemble = Ensemble([config(name, seed) for seed, name in enumerate(names)], SIZES)
    assert_same_gradients(ensemble, *batch())


def test_each_network_may_have_a_batch_of_its_own():
    ensemble = Ensemble([config(seed=seed) for seed in range(3)], SIZES)
    assert_same_gradients(ensemble, *batch(networks=(3,)))


def test_a_gradient_that_is_one_per_mille_off_would_be_noticed():
    ensemble = Ensemble([config()], SIZES)
    with pytest.raises(AssertionError):
        assert_same_gradients(ensemble, *batch(), factor=1.001)


def test_a_transposed_weight_would_be_noticed(monkeypatch):
    ensemble = Ensemble([config()], SIZES)
    transpose = torch.Tensor.transpose
    monkeypatch.setattr(
        torch.Tensor,
        "transpose",
        lambda t, i, j: t if t.shape[1:] == (16, 16) else transpose(t, i, j),
    )
    with pytest.raises(AssertionError):
        assert_same_gradients(ensemble, *batch())


@pytest.mark.parametrize("slope", [0.3, 0.0, -0.5])
def test_leaky_relu_takes_any_slope(slope):
    ensemble = Ensemble([config(leaky_relu(slope))], SIZES)
    x, y = batch()
    ours = ensemble.gradients(x, y).grad_weights[0][0]
    weights = [w[0].clone().requires_grad_() for w in ensemble.weights]
    h = torch.from_numpy(x)
    for w in weights[:-1]:
        h = functional.leaky_relu(h @ w, slope)
    functional.cross_entropy(h @ weights[-1], torch.from_numpy(y)).backward()
    torch.testing.assert_close(ours, weights[0].grad, **CLOSE)


@pytest.mark.parametrize("width", [16, 800], ids=["batched", "network by network"])
def test_steps_are_those_of_torch_sgd_on_each_network(width):
    sizes = (SIZES[0], width, width, SIZES[-1])
    configs = [config(learning_rate=rate, seed=seed) for seed, rate in enumerate((0.1, 0.03, 0.5))]
    ensemble = Ensemble(configs, sizes)
    start = ensemble.state_dict()
    batches = [batch(seed) for seed in range(5)]
    losses = torch.stack([ensemble.step(x, y) for x, y in batches])
    for network, one in enumerate(configs):
        model = sgd_model(sizes, start, network)
        expected = train(model, one.learning_rate, batches)
        torch.testing.assert_close(losses[:, network], expected, rtol=1e-4, atol=1e-5)
        for layer, linear in enumerate(model[::2]):
            got = (ensemble.weights[layer][network].T, ensemble.biases[layer][network])
            torch.testing.assert_close(got[0], linear.weight.detach(), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(got[1], linear.bias.detach(), rtol=1e-4, atol=1e-5)


def sgd_model(sizes, state, network):
    layers = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        linear = torch.nn.Linear(fan_in, fan_out)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(state[f"weights_{layer}"][network].T))
            linear.bias.zero_()
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def train(model, learning_rate, batches):
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def test_gradients_and_evaluation_change_nothing():
    ensemble = Ensemble([config(), config("silu")], SIZES)
    before = bits(ensemble)
    x, y = batch()
    ensemble.gradients(x, y)
    ensemble.activations(x)
    ensemble.loss(x, y)
    ensemble.error_rate(x, y)
    assert bits(ensemble) == before


def test_batches_of_several_shapes_may_follow_each_other():
    ensemble = Ensemble([config(), config(seed=1)], SIZES)
    other = Ensemble([config(), config(seed=1)], SIZES)
    x, y = batch(count=7)
    for one in (ensemble, other):
        one.step(*batch(count=10))
    ensemble.step(x, y)
    other.step(np.stack([x, x]), np.stack([y, y]))
    torch.testing.assert_close(ensemble.weights[0], other.weights[0], **CLOSE)


# the output bias


def test_a_frozen_output_bias_stays_where_it_was_put_and_the_rest_learns():
    free, frozen = config(), replace(config(), output_bias_rate=0.0)
    ensemble = Ensemble([free, frozen], SIZES)
    prior = torch.log(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    ensemble.biases[-1][...] = prior
    first = ensemble.state_dict()
    for seed in range(3):
        ensemble.step(*batch(seed))
    assert torch.equal(ensemble.biases[-1][1], prior)
    assert not torch.equal(ensemble.biases[-1][0], prior)
    assert not np.array_equal(ensemble.biases[0][1].numpy(), first["biases_0"][1])


def test_the_output_bias_rate_scales_the_output_bias_step_only():
    ensemble = Ensemble([config(), replace(config(), output_bias_rate=0.25)], SIZES)
    ensemble.step(*batch())
    torch.testing.assert_close(ensemble.biases[-1][1], ensemble.biases[-1][0] / 4, **CLOSE)
    assert torch.equal(ensemble.biases[0][0], ensemble.biases[0][1])
    assert torch.equal(ensemble.weights[-1][0], ensemble.weights[-1][1])


# seeds


def test_first_weights_depend_on_seed_and_scheme_only():
    first, second = config(seed=3), config(seed=4, scheme="he_normal", activation="relu")
    alone = Ensemble([first], SIZES)
    among = Ensemble([second, second, first], SIZES)
    assert bits_of_network(alone, 0) == bits_of_network(among, 2)
    assert bits_of_network(among, 0) != bits_of_network(among, 2)


@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal"])
def test_paired_seeds_share_their_base_draw(distribution):
    schemes = [VarianceScaling(scale, "fan_in", distribution) for scale in (1.0, 4.0)]
    ensemble = Ensemble([config(seed=5, scheme=scheme) for scheme in schemes], SIZES)
    for weight in ensemble.weights:  # one rounding to float32 each
        torch.testing.assert_close(weight[1], 2 * weight[0], rtol=3e-7, atol=0)


def test_unpaired_seeds_do_not():
    ensemble = Ensemble([config(seed=5), config(seed=6)], SIZES)
    assert abs(np.corrcoef(ensemble.weights[0].reshape(2, -1).numpy())[0, 1]) < 0.5


def test_training_does_not_depend_on_neighbors_or_order():
    configs = [config(name, seed) for seed, name in enumerate(("tanh", "relu", "gelu", "tanh"))]
    together = Ensemble(configs, SIZES)
    reversed_order = Ensemble(configs[::-1], SIZES)
    alone = [Ensemble([one], SIZES) for one in configs]
    for seed in range(20):
        for ensemble in (together, reversed_order, *alone):
            ensemble.step(*batch(seed))
    for network, single in enumerate(alone):
        for layer in range(len(SIZES) - 1):  # last bits may differ: kernels are chosen by alignment
            weight = together.weights[layer][network]
            torch.testing.assert_close(single.weights[layer][0], weight, **CLOSE)
            torch.testing.assert_close(reversed_order.weights[layer][3 - network], weight, **CLOSE)


def test_a_group_of_networks_trains_the_same_bit_for_bit_in_every_run():
    runs = [Ensemble([config("relu"), config("tanh", 1)], SIZES) for _ in range(2)]
    for ensemble in runs:
        for seed in range(5):
            ensemble.step(*batch(seed))
    assert bits(runs[0]) == bits(runs[1])


def test_training_resumes_bit_for_bit():
    straight = Ensemble([config("silu"), config("tanh", 1)], SIZES)
    for seed in range(4):
        straight.step(*batch(seed))
    saved = straight.state_dict()
    resumed = Ensemble(straight.configs, SIZES)
    resumed.load_state_dict(saved)
    for seed in range(4, 8):
        straight.step(*batch(seed))
        resumed.step(*batch(seed))
    assert bits(straight) == bits(resumed)
    assert not np.array_equal(saved["weights_0"], straight.weights[0].numpy())  # it was a copy


def test_a_diverging_neighbor_disturbs_nobody_and_warns_nobody():
    calm, wild = config("relu"), config("relu", learning_rate=1e30)
    mixed, pure = Ensemble([calm, wild], SIZES), Ensemble([calm, calm], SIZES)
    for seed in range(5):
        losses = mixed.step(*batch(seed))
        pure.step(*batch(seed))
    assert not losses[1].isfinite()
    assert bits_of_network(mixed, 0) == bits_of_network(pure, 0)
    x, y = batch()
    assert mixed.error_rate(x, y)[1] == 1.0


def test_equal_weights_stay_equal():
    ensemble = Ensemble([config(scheme=constant(0.1))], SIZES)
    for seed in range(5):
        ensemble.step(*batch(seed))
    middle = ensemble.weights[1][0]
    assert torch.equal(middle, middle[:1].expand_as(middle))


# evaluation


def test_activations_are_hidden_layers_then_logits():
    ensemble = Ensemble([config("softsign"), config("gelu", 1)], SIZES)
    x, _ = batch()
    acts = ensemble.activations(x)
    assert [tuple(h.shape) for h in acts] == [(2, 10, n) for n in SIZES[1:]]
    for network, name in enumerate(("softsign", "gelu")):
        h = torch.from_numpy(x)
        for layer, weight in enumerate(ensemble.weights):
            z = h @ weight[network]
            h = z if layer == len(ensemble.weights) - 1 else TORCH[name](z)
            torch.testing.assert_close(acts[layer][network], h, **CLOSE)


def test_error_rate_and_loss_count_all_chunks():
    ensemble = Ensemble([config(), config(seed=1)], SIZES)
    x, y = batch(count=1203)
    logits = ensemble.activations(x)[-1].numpy()
    wrong = (logits.argmax(2) != y).mean(1)
    np.testing.assert_allclose(ensemble.error_rate(x, y), wrong, rtol=1e-6)
    losses = [functional.cross_entropy(torch.tensor(z), torch.from_numpy(y)) for z in logits]
    np.testing.assert_allclose(ensemble.loss(x, y), losses, rtol=1e-5)


def test_loss_is_what_the_next_step_reports():
    ensemble = Ensemble([config(), config(seed=1)], SIZES)
    x, y = batch()
    expected = ensemble.loss(x, y)
    torch.testing.assert_close(ensemble.step(x, y), expected, **CLOSE)


def test_float64_read_only_arrays_and_tensors_are_taken():
    x, y = batch()
    frozen = x.astype(np.float64)
    frozen.flags.writeable = False
    runs = [Ensemble([config()], SIZES) for _ in range(3)]
    runs[0].step(x, y)
    runs[1].step(frozen, y.astype(np.uint8))
    runs[2].step(torch.from_numpy(x), torch.from_numpy(y))
    assert bits(runs[0]) == bits(runs[1]) == bits(runs[2])


# errors


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"scheme": "xavier"}, "scheme.*'xavier'"),
        ({"activation": "swish"}, "activation.*'swish'"),
        ({"learning_rate": 0.0}, "learning_rate.*0.0"),
        ({"learning_rate": -0.1}, "learning_rate.*-0.1"),
        ({"learning_rate": float("nan")}, "learning_rate.*nan"),
        ({"learning_rate": float("inf")}, "learning_rate.*inf"),
        ({"learning_rate": "0.1"}, "learning_rate.*'0.1'"),
        ({"seed": -1}, "seed.*-1"),
        ({"seed": 0.5}, "seed.*0.5"),
        ({"output_bias_rate": -1.0}, "output_bias_rate.*-1.0"),
    ],
)
def test_a_config_names_what_is_wrong(changes, match):
    with pytest.raises(ValueError, match=match):
        replace(config(), **changes)


@pytest.mark.parametrize(
    ("configs", "sizes", "match"),
    [
        ([], SIZES, r"configs.*\(\)"),
        (["tanh"], SIZES, "configs.*'tanh'"),
        ([config()], (6,), r"sizes.*\(6,\)"),
        ([config()], (6, 0, 4), r"sizes.*\(6, 0, 4\)"),
        ([config()], (6, 2.5, 4), r"sizes.*2\.5"),
    ],
)
def test_an_ensemble_names_what_is_wrong(configs, sizes, match):
    with pytest.raises(ValueError, match=match):
        Ensemble(configs, sizes)


@pytest.mark.parametrize("device", ["tpu", "meta", None, "cuda:99"])
def test_a_device_that_is_none_is_named(device):
    with pytest.raises(ValueError, match=f"device must be .*{device}"):
        Ensemble([config()], SIZES, device)


X, Y = batch()
NAN, INF, HUGE = X.copy(), X.copy(), X.astype(np.float64)
NAN[0, 0], INF[3, 2], HUGE[1, 1] = np.nan, -np.inf, 1e300


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (X[:, :5], Y, r"x must have shape .*\(10, 5\)"),
        (X[None], Y, r"x must have shape .*\(1, 10, 6\)"),
        (X[0], Y, r"x must have shape .*\(6,\)"),
        (X[:0], Y[:0], r"x must have shape .*\(0, 6\)"),
        (X.astype(int), Y, "x must be of a floating type, got int64"),
        (X.tolist(), Y, "x must be an array or a tensor, got list"),
        (NAN, Y, "x must be finite.*nan"),
        (torch.from_numpy(NAN), Y, "x must be finite.*nan"),
        (INF, Y, "x must be finite.*-inf"),
        (HUGE, Y, "x must be finite.*inf"),
        (X, Y[:9], r"y must have shape .*\(9,\)"),
        (X, Y + 1, r"y must lie in 0 \.\.\. 3, got 4"),
        (X, Y - 4, "y must lie in .* got -"),
        (X, Y.astype(float), "y must be of an integer type, got float64"),
        (X, torch.from_numpy(Y).float(), "y must be of an integer type, got float32"),
        (X, Y > 1, "y must be of an integer type, got bool"),
        (X, Y.tolist(), "y must be an array or a tensor, got list"),
    ],
)
def test_a_batch_names_what_is_wrong_and_changes_nothing(x, y, match):
    ensemble = Ensemble([config(), config(seed=1)], SIZES)
    before = bits(ensemble)
    for call in (ensemble.step, ensemble.gradients, ensemble.error_rate, ensemble.loss):
        with pytest.raises(ValueError, match=match):
            call(x, y)
    assert bits(ensemble) == before


def test_a_state_of_another_ensemble_is_refused_whole():
    ensemble = Ensemble([config()], SIZES)
    before = bits(ensemble)
    good = Ensemble([config(seed=1)], SIZES).state_dict()
    wrong_shape = {**good, "biases_3": np.zeros((1, 5), np.float32)}
    wrong_type = {**good, "biases_3": np.zeros((1, 4))}
    missing = {name: array for name, array in good.items() if name != "biases_3"}
    for state in (wrong_shape, wrong_type, missing):
        with pytest.raises(ValueError, match="biases_3"):
            ensemble.load_state_dict(state)
    assert bits(ensemble) == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_captured_step_is_the_step_on_the_cpu():
    configs = [config("tanh"), config("gelu", 1), config("softsign", 2)]
    ensembles = [Ensemble(configs, SIZES, device) for device in ("cpu", "cuda")]
    for seed in range(5):
        losses = [ensemble.step(*batch(seed)).cpu() for ensemble in ensembles]
        torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)
    for on_cpu, on_gpu in zip(ensembles[0].weights, ensembles[1].weights, strict=True):
        torch.testing.assert_close(on_cpu, on_gpu.cpu(), rtol=1e-4, atol=1e-5)
