"""The torch nets of the chapters: what they compute, and what their layers do to a signal."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from glorot import networks, probes
from glorot.activations import ACTIVATIONS
from glorot.architectures import (
    MLP,
    BatchNormMLP,
    ResidualMLP,
    activation_module,
    layer_outputs,
    module_moments,
)
from glorot.initializers import VarianceScaling, get_initializer

HE_NORMAL = VarianceScaling(2.0, "fan_in", "normal")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_torch_computes_the_same_activations_and_slopes(name):
    z = torch.linspace(-6, 6, 201, dtype=torch.float64, requires_grad=True)
    h = activation_module(name)(z)
    (slope,) = torch.autograd.grad(h.sum(), z)
    points = z.detach().numpy()
    np.testing.assert_allclose(h.detach().numpy(), ACTIVATIONS[name].f(points), atol=1e-12)
    away = np.abs(points) > 1e-9  # at a kink the slope is a matter of convention
    np.testing.assert_allclose(slope.numpy()[away], ACTIVATIONS[name].df(points)[away], atol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "relu", "gelu"])
def test_a_plain_net_is_the_network_written_out_in_numpy(name):
    sizes = (7, 11, 5, 3)
    ours = MLP(sizes, "glorot", name, np.random.default_rng(4)).double()
    written = networks.make_network(sizes, "glorot", name, np.random.default_rng(4))
    x = np.random.default_rng(5).standard_normal((6, 7))
    trace = networks.forward(written, x)
    for z, expected in zip(layer_outputs(ours, x).values(), trace.preacts, strict=True):
        np.testing.assert_allclose(z, expected, rtol=1e-6, atol=1e-7)  # its weights are float32
    delta = np.random.default_rng(6).standard_normal(trace.logits.shape)
    moments = module_moments(ours, x, np.random.default_rng(6))
    gradients = networks.backward(written, trace, delta)
    np.testing.assert_allclose(
        moments.backward, probes.second_moments(gradients.grad_preacts), rtol=1e-5
    )
    np.testing.assert_allclose(moments.forward, probes.second_moments(trace.preacts), rtol=1e-5)


def test_weights_are_turned_to_torchs_order():
    drawn = get_initializer("glorot")((4, 9), np.random.default_rng(0))
    net = MLP((4, 9), "glorot", "tanh", np.random.default_rng(0))
    np.testing.assert_array_equal(net.layers[0].weight.detach().numpy(), drawn.T)
    assert not net.layers[0].bias.any()


def blockwise(make, draws, seed):
    """Forward second moments of freshly drawn nets, in float64, (draws, stages), and backward."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        net = make(rng).double()
        found.append(module_moments(net, rng.standard_normal((64, net.sizes[0])), rng))
    return np.array([m.forward for m in found]), np.array([m.backward for m in found])


@pytest.mark.parametrize("branch_depth", [1, 2])
def test_residual_branches_under_he_double_the_second_moment(branch_depth):
    width = 256

    def make(rng):
        return ResidualMLP(
            (width, width, width), 10, HE_NORMAL, "relu", rng, branch_depth=branch_depth
        )

    forward, backward = blockwise(make, draws=24, seed=1)
    growth = forward[:, 10] / forward[:, 0]
    error = growth.std(ddof=1) / math.sqrt(len(growth))
    # finite width takes off some 1/width a matrix: 10 blocks of at most two
    assert abs(growth.mean() - 2**10) < 4 * error + 20 / width * 2**10
    assert abs(growth.mean() - 1.9**10) > 4 * error + 20 / width * 2**10
    back = backward[:, 0] / backward[:, 10]
    spread = back.std(ddof=1) / math.sqrt(len(back))
    assert abs(back.mean() - 2**10) < 4 * spread + 20 / width * 2**10


def test_a_branch_scaled_by_the_root_of_the_blocks_stays_below_e():
    def make(rng):
        return ResidualMLP((128, 128, 10), 32, HE_NORMAL, "relu", rng, scale=1 / math.sqrt(32))

    forward, _ = blockwise(make, draws=16, seed=2)
    growth = forward[:, 32] / forward[:, 0]
    error = growth.std(ddof=1) / 4
    assert abs(growth.mean() - (1 + 1 / 32) ** 32) < 4 * error + 0.05
    assert abs(growth.mean() - (1 + 1 / 16) ** 32) > 4 * error + 0.05


def test_branches_that_end_in_zero_start_as_the_identity():
    rng = np.random.default_rng(3)
    net = ResidualMLP((20, 20, 5), 30, "he", "relu", rng, branch_depth=2, branch_end="zeros")
    stream = list(layer_outputs(net, rng.standard_normal((8, 20))).values())
    np.testing.assert_array_equal(stream[0], stream[30])


def test_batch_normalized_relu_nets_explode_backward():
    depth, width, factor = 24, 256, math.pi / (math.pi - 1)

    def make(rng):
        return BatchNormMLP((width,) * (depth + 1), HE_NORMAL, "relu", rng)

    forward, backward = blockwise(make, draws=8, seed=4)
    np.testing.assert_allclose(forward[:, :-1], 1, rtol=1e-3)
    early, late = 3, depth - 4  # away from both ends, where the batch is not yet as it will be
    rates = (backward[:, early] / backward[:, late]) ** (1 / (late - early))
    error = rates.std(ddof=1) / math.sqrt(len(rates))
    batch = 1.5 / 64  # the mean over 64 examples is itself a draw
    assert abs(rates.mean() - factor) < 4 * error + batch * factor
    assert abs(rates.mean() - 1) > 4 * error + batch * factor


def test_batch_normalization_takes_the_weights_scale_away():
    x = np.random.default_rng(1).standard_normal((32, 10))
    nets = [
        BatchNormMLP((10, 20, 20, 3), VarianceScaling(s), "relu", np.random.default_rng(0)).double()
        for s in (0.5, 8.0)
    ]
    small, large = (layer_outputs(net, x, ["norms.0", "norms.1"]) for net in nets)
    for name in small:
        np.testing.assert_allclose(
            small[name], large[name], atol=1e-3
        )  # but for the norm's epsilon


def test_measuring_changes_nothing():
    rng = np.random.default_rng(0)
    net = BatchNormMLP((10, 20, 20, 3), "he", "relu", rng)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    module_moments(net, rng.standard_normal((32, 10)), rng)
    layer_outputs(net, rng.standard_normal((32, 10)))
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    assert net.training and all(p.grad is None for p in net.parameters())
    assert not any(layer._forward_hooks for layer in net.modules())


def test_any_module_can_be_listened_to():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    moments = module_moments(net, np.ones((5, 1, 4, 4)), np.random.default_rng(0))
    assert moments.names == ("0", "3") and moments.forward.shape == (2,)


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (lambda net, rng: module_moments(net, np.ones((2, 4)), rng, ["layers.9"]), "layers.9"),
        (lambda net, rng: module_moments(net, np.ones((2, 4)), rng, []), "names"),
        (lambda net, rng: layer_outputs(net, np.ones((2, 4)), ["layers"]), "layers"),
        (lambda net, rng: MLP((4,), "he", "relu", rng), "sizes"),
        (lambda net, rng: MLP((4, 0), "he", "relu", rng), "sizes"),
        (lambda net, rng: MLP((4, 2), ["he", "he"], "relu", rng), "initializer"),
        (lambda net, rng: MLP((4, 2), "he", "sine", rng), "activation"),
        (lambda net, rng: ResidualMLP((4, 4, 4, 2), 1, "he", "relu", rng), "sizes"),
        (lambda net, rng: ResidualMLP((4, 4, 2), 0, "he", "relu", rng), "blocks"),
        (lambda net, rng: ResidualMLP((4, 4, 2), 1, "he", "relu", rng, scale=math.inf), "scale"),
    ],
)
def test_what_cannot_be_is_refused_by_name(act, named):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=named):
        act(MLP((4, 6, 2), "he", "relu", rng), rng)


def test_widths_pair_up():
    sizes = (5, 6, 7, 2)
    net = MLP(sizes, ["he", "glorot", "lecun"], "tanh", np.random.default_rng(0))
    shapes = [tuple(layer.weight.shape) for layer in net.layers]
    assert shapes == [(m, n) for n, m in itertools.pairwise(sizes)]
