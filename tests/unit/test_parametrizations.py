"""Where the scale is kept: what a parametrization does to a network, and what its first update does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from glorot import theory
from glorot.architectures import (
    ResidualMLP,
    Transformer,
    layer_outputs,
    module_moments,
    rate_groups,
    reparametrize,
)
from glorot.initializers import VarianceScaling
from glorot.parametrizations import PARAMETRIZATIONS, layer_exponents

HE = VarianceScaling(2.0, "fan_in", "normal")
RULES = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
CASES = [(p, o) for p in PARAMETRIZATIONS for o in RULES]


def small(seed, width=32, layout="none", scale=0.7):
    rng = np.random.default_rng(seed)
    return ResidualMLP((6, width, 4), 2, HE, "relu", rng, scale=scale, layout=layout)


def batch(count=8):
    rng = np.random.default_rng(7)
    x = torch.from_numpy(rng.standard_normal((count, 6)))
    return x, torch.from_numpy(rng.integers(0, 4, count))


def step(net, x, y, groups, rule, gain=1.0, epsilon=1e-30):
    settings = {"eps": epsilon} if rule is torch.optim.Adam else {}
    optimizer = rule(groups, **settings)
    (gain * functional.cross_entropy(net(x), y)).backward()
    optimizer.step()


# What a parametrization is


@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_at_the_base_width_all_parametrizations_are_one_network(name, optimizer):
    x, y = batch()
    ours, plain = reparametrize(small(0), name, 1.0).double(), small(0).double()
    np.testing.assert_array_equal(ours(x).detach(), plain(x).detach())
    step(ours, x, y, rate_groups(ours, name, optimizer, 0.01, 1.0), RULES[optimizer])
    weights = [p for n, p in plain.named_parameters() if "bias" not in n]
    step(plain, x, y, [{"params": weights, "lr": 0.01}], RULES[optimizer])
    np.testing.assert_allclose(ours(x).detach(), plain(x).detach(), rtol=1e-12)


def test_ntk_is_the_standard_network_until_it_is_trained():
    x, _ = batch()
    one, other = (reparametrize(small(0), p, 8.0).double() for p in ("standard", "ntk"))
    np.testing.assert_allclose(one(x).detach(), other(x).detach(), rtol=1e-5)
    assert float(other.last.linear.weight.detach().std()) == pytest.approx(
        math.sqrt(8) * float(one.last.linear.weight.detach().std()), rel=1e-5
    )


def test_mup_starts_with_smaller_answers():
    x, _ = batch()
    one, other = (reparametrize(small(0), p, 16.0).double() for p in ("standard", "mup"))
    np.testing.assert_allclose(other(x).detach() * 4, one(x).detach(), rtol=1e-5)


@pytest.mark.parametrize(("optimizer", "power"), [("sgd", 2), ("adam", 1)])
def test_a_multiplier_is_a_learning_rate(optimizer, power):
    """Weights divided by t under a multiplier t move as with a rate t² (gradient descent) or t (Adam)."""
    x, y = batch()
    t, moved = 5.0, {}
    for taken in (power, 3 - power):  # the rule, and the neighboring wrong one
        ours, plain = reparametrize(small(0), "standard", 1.0).double(), small(0).double()
        for name, module in ours.named_modules():
            if hasattr(module, "multiplier"):
                module.multiplier = t
                module.linear.weight.data /= t
                assert name
        weights = [p for n, p in plain.named_parameters() if "bias" not in n]
        step(ours, x, y, rate_groups(ours, "standard", optimizer, 0.01, 1.0), RULES[optimizer])
        step(plain, x, y, [{"params": weights, "lr": 0.01 * t**taken}], RULES[optimizer])
        moved[taken] = float((ours(x) - plain(x)).abs().max().detach())
    assert moved[power] < 1e-9 < 1e-3 < moved[3 - power]


def test_the_rates_of_the_table():
    net = reparametrize(small(0, 64), "mup", 4.0)
    for optimizer, expected in (("sgd", (0.4, 0.1, 0.025)), ("adam", (0.1, 0.025, 0.025))):
        found = [g["lr"] for g in rate_groups(net, "mup", optimizer, 0.1, 4.0)]
        np.testing.assert_allclose(found, [expected[0], expected[1], expected[1], expected[2]])


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: reparametrize(small(0), "kernel", 2.0), "parametrization"),
        (lambda: reparametrize(small(0), "mup", 0.0), "ratio"),
        (lambda: layer_exponents("mup", "middle"), "role"),
        (lambda: layer_exponents("mup", "hidden").rate("lion"), "optimizer"),
        (lambda: theory.update_exponents("standard", "lion"), "optimizer"),
        (lambda: theory.stream_moments(3, "sandwich"), "layout"),
        (lambda: theory.stream_moments(0, "pre"), "blocks"),
        (lambda: theory.stream_moments(3, "pre", -1.0), "branch"),
        (lambda: theory.underflow_share(0.0), "std"),
        (lambda: small(0, layout="sandwich"), "layout"),
        (lambda: Transformer(5, 4, 9, 2, np.random.default_rng(0)), "width"),
        (lambda: Transformer(5, 4, 8, 2, np.random.default_rng(0), branch_gain=math.nan), "gain"),
        (lambda: Transformer(5, 4, 8, 0, np.random.default_rng(0)), "blocks"),
    ],
)
def test_what_is_none_is_refused(call, word):
    with pytest.raises(ValueError, match=word):
        call()


# The first update


def changes(name, optimizer, width, seed):
    """Root mean square change of every stage by one small update, in float64."""
    rate = {"sgd": 1e-6, "adam": 1e-8}[optimizer]
    net = reparametrize(small(seed, width), name, width / 64).double()
    x, y = batch()
    before = layer_outputs(net, x)
    step(net, x, y, rate_groups(net, name, optimizer, rate, width / 64), RULES[optimizer])
    after = layer_outputs(net, x)
    return [np.log(np.mean((after[k] - before[k]) ** 2)) / 2 for k in before]


@pytest.mark.parametrize(("name", "optimizer"), CASES)
def test_the_first_update_grows_with_the_width_as_predicted(name, optimizer):
    widths = (64, 256, 1024)
    moved = np.array([[changes(name, optimizer, n, s) for s in range(12)] for n in widths])
    slopes = np.polyfit(np.log(widths), moved.mean(axis=1), 1)[0]
    found = dict(zip(("input", "hidden", "hidden", "output"), slopes, strict=True))
    expected = theory.update_exponents(name, optimizer)
    for role, exponent in expected.items():  # subleading powers of n bend the line
        assert abs(found[role] - exponent) < 0.2, (role, found[role])
    others = [theory.update_exponents(p, optimizer) for p in PARAMETRIZATIONS if p != name]
    for other in others:  # every other row of the table fails
        assert any(abs(found[role] - other[role]) > 0.3 for role in other)


# Along a stream


@pytest.mark.parametrize("layout", ["none", "pre", "post"])
def test_signal_and_gradient_along_a_stream_are_as_predicted(layout):
    rng, blocks, width = np.random.default_rng(1), 10, 256
    x = rng.standard_normal((64, width)) / math.sqrt(2)  # He's first layer doubles it
    ups, downs = [], []
    for _ in range(16):
        net = ResidualMLP((width,) * 3, blocks, HE, "relu", rng, layout=layout).double()
        found = module_moments(net, x, rng)
        ups.append(np.log(found.forward[:-1]))
        downs.append(np.log(found.backward[:-1] / found.backward[-2]))
    for measured, predicted in zip(
        (ups, downs), theory.stream_moments(blocks, layout), strict=True
    ):
        error = np.std(measured, axis=0, ddof=1) / 4
        room = 4 * error + 2 * blocks / width  # finite width
        assert np.all(np.abs(np.mean(measured, axis=0) - np.log(predicted)) < room)
    for other in {"none", "pre", "post"} - {layout}:
        wrong = np.log(theory.stream_moments(blocks, other)[0])
        assert np.any(np.abs(np.mean(ups, axis=0) - wrong) > 0.3)


@pytest.mark.parametrize("std", [1e-8, 1e-7])
def test_underflow_in_half_precision_is_as_predicted(std):
    numbers = std * np.random.default_rng(0).standard_normal(200_000)
    with np.errstate(under="ignore"):
        lost = np.mean(numbers.astype(np.float16) == 0)
    expected = theory.underflow_share(std)
    error = math.sqrt(expected * (1 - expected) / numbers.size)
    assert abs(lost - expected) < 4 * error
    assert abs(lost - theory.underflow_share(std, 2.0**-23)) > 10 * error


# The transformer


def attention_by_hand(net, x):
    """The first attention branch in NumPy, for one example (T, d)."""
    block = net.blocks[0]
    weights = [
        m.weight.detach().numpy().T
        for m in (block.branch.query, block.branch.key, block.branch.value, block.branch.out)
    ]
    h = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    heads, out = block.branch.heads, []
    for q, k, v in zip(*(np.split(h @ w, heads, axis=1) for w in weights[:3]), strict=True):
        logits = q @ k.T / math.sqrt(q.shape[1])
        logits[np.triu_indices(len(x), 1)] = -np.inf
        p = np.exp(logits - logits.max(1, keepdims=True))
        out.append(p / p.sum(1, keepdims=True) @ v)
    return x + np.concatenate(out, axis=1) @ weights[3]


def transformer(seed=0, **changed):
    return Transformer(11, 9, 16, 3, np.random.default_rng(seed), **changed).double()


def test_attention_is_the_formula():
    net, codes = transformer(), torch.arange(9)[None] % 11
    heard = layer_outputs(net, codes, ("embed", "blocks.0"))
    np.testing.assert_allclose(
        heard["blocks.0"][0], attention_by_hand(net, heard["embed"][0]), rtol=1e-6
    )


@pytest.mark.parametrize("layout", ["pre", "post"])
def test_a_place_does_not_see_what_comes_after_it(layout):
    net = transformer(layout=layout)
    codes = torch.arange(9)[None] % 11
    other = codes.clone()
    other[0, 5] = 3
    change = (net(codes) - net(other)).abs().amax(dim=2)[0]
    assert float(change[:5].max().detach()) == 0 and float(change[5:].min().detach()) > 1e-6


def test_a_gain_of_zero_starts_as_the_identity():
    net, codes = transformer(branch_gain=0.0), torch.arange(9)[None] % 11
    heard = layer_outputs(net, codes)
    np.testing.assert_array_equal(heard["blocks.5"], heard["embed"])


def test_the_stream_of_a_transformer_starts_at_1_and_adds_what_its_branches_add():
    rng = np.random.default_rng(3)
    codes = torch.from_numpy(rng.integers(0, 51, (4, 32)))
    q = []
    for _ in range(8):
        net = Transformer(51, 32, 128, 6, rng).double()
        q.append([np.mean(z**2) for z in layer_outputs(net, codes).values()])
    mean = np.mean(q, axis=0)[:-1]
    assert mean[0] == pytest.approx(1, abs=0.1)
    fed = np.diff(mean)[1::2]  # what the branches with a ReLU add: unit in, unit out
    assert np.all(np.abs(fed - 1) < 0.3)
    averaged = np.diff(mean)[::2]  # attention averages: it adds less
    assert np.all((averaged > 0) & (averaged < 1))
