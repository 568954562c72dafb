"""Rates for every parameter: curvatures against autograd and loops, updates, and resuming."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glorot.ensemble import Ensemble, EnsembleConfig
from glorot.experiments.data import Source
from glorot.experiments.second_order import DiagonalRates, DiagonalStepper
from glorot.experiments.training import Errors, Shard, Stopped, Task, Watch, Worker, run_task

FUNCTIONS = {
    "tanh": torch.tanh,
    "softsign": torch.nn.functional.softsign,
    "logistic": torch.sigmoid,
}
SIZES = (4, 5, 3, 3)


def ensemble(sizes=SIZES, activation="tanh", networks=2, rate=0.1):
    """Networks with weights large enough to bend, and biases that are not zero."""
    configs = [EnsembleConfig("glorot_uniform", activation, rate, seed) for seed in range(networks)]
    made = Ensemble(configs, sizes)
    torch.manual_seed(1)
    for weight, bias in zip(made.weights, made.biases, strict=True):
        weight.mul_(1.5)
        bias.copy_(torch.randn(bias.shape) / 2)
    return made


def batch(networks=2, examples=6, sizes=SIZES):
    rng = np.random.default_rng(2)
    x = torch.as_tensor(rng.standard_normal((networks, examples, sizes[0])).astype(np.float32))
    return x, torch.as_tensor(rng.integers(sizes[-1], size=(networks, examples)))


def parameters(nets, network):
    """One network's weights and biases, alternating, in double precision."""
    pairs = zip(nets.weights, nets.biases, strict=True)
    return [tensor[network].double() for pair in pairs for tensor in pair]


def logits(x, *flat, activation="tanh"):
    """The forward pass of one example, written apart from the package."""
    for place in range(0, len(flat), 2):
        x = x @ flat[place] + flat[place + 1]
        x = FUNCTIONS[activation](x) if place < len(flat) - 2 else x
    return x


def exact_gauss_newton(nets, network, x, activation="tanh"):
    """diag(Jᵀ (diag p − p pᵀ) J), J by autograd, averaged over the examples."""
    flat, total = parameters(nets, network), None
    for example in x.double():

        def outputs(*values, example=example):
            return logits(example, *values, activation=activation)

        jacobians = torch.autograd.functional.jacobian(outputs, tuple(flat))
        p = torch.softmax(outputs(*flat), 0)
        hessian = torch.diag(p) - torch.outer(p, p)
        diagonals = [torch.einsum("k...,kl,l...->...", j, hessian, j) for j in jacobians]
        total = (
            diagonals if total is None else [a + b for a, b in zip(total, diagonals, strict=True)]
        )
    return [sums / len(x) for sums in total]


def without_mixed_derivatives(nets, network, x):
    """LeCun's recursion for tanh, unit by unit; mixed derivatives of two units are dropped."""
    flat = [value.numpy() for value in parameters(nets, network)]
    weights, biases = flat[::2], flat[1::2]
    total = [np.zeros_like(value) for value in flat]
    for example in x.double().numpy():
        acts = [example]
        for place, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            z = acts[-1] @ weight + bias
            acts.append(np.tanh(z) if place < len(weights) - 1 else z)
        p = np.exp(acts[-1]) / np.exp(acts[-1]).sum()
        second = [p_k * (1 - p_k) for p_k in p]
        for place in reversed(range(len(weights))):
            for j, bend in enumerate(second):
                total[2 * place + 1][j] += bend
                for i, h in enumerate(acts[place]):
                    total[2 * place][i, j] += h**2 * bend
            second = [
                (1 - acts[place][i] ** 2) ** 2
                * sum(weights[place][i, j] ** 2 * bend for j, bend in enumerate(second))
                for i in range(len(acts[place]))
            ]
    return [sums / len(x) for sums in total]


def estimated(nets, curvature, x, y):
    return DiagonalRates(curvature, 0.1)(nets).estimate(x, y)


def of_network(pairs, network):
    return [tensor[network].double().numpy() for pair in pairs for tensor in pair]


def close(found, expected):
    return all(
        np.allclose(a, b, rtol=1e-4, atol=1e-8) for a, b in zip(found, expected, strict=True)
    )


# ---- the Gauss–Newton diagonal


def test_the_hessian_follows_lecuns_recursion_unit_by_unit():
    nets, (x, y) = ensemble(), batch()
    pairs = estimated(nets, "hessian", x, y)
    for network in range(2):
        assert close(
            of_network(pairs, network), without_mixed_derivatives(nets, network, x[network])
        )
    assert not close(of_network(pairs, 0), without_mixed_derivatives(nets, 1, x[1]))


def test_the_last_layer_is_exact_and_those_below_are_not():
    nets, (x, y) = ensemble(), batch()
    pairs = estimated(nets, "hessian", x, y)
    found, exact = of_network(pairs, 0), exact_gauss_newton(nets, 0, x[0])
    assert close(found[-2:], exact[-2:])
    assert not np.allclose(found[0], exact[0], rtol=0.1)
    assert not np.allclose(found[2], exact[2], rtol=0.1)


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_every_layer_is_exact_where_a_unit_feeds_one_unit_only(activation):
    nets, (x, y) = ensemble((4, 3, 3, 3), activation), batch(sizes=(4, 3, 3, 3))
    for weight in nets.weights[1:]:
        weight.mul_(torch.eye(3)[[2, 0, 1]])
    found = of_network(estimated(nets, "hessian", x, y), 1)
    assert close(found, exact_gauss_newton(nets, 1, x[1], activation))


def test_labels_say_nothing_to_the_hessian_but_to_the_variance():
    nets, (x, y) = ensemble(), batch()
    other = (y + 1) % 3
    for curvature, same in (("hessian", True), ("variance", False)):
        first, second = (of_network(estimated(nets, curvature, x, to), 0) for to in (y, other))
        assert close(first, second) == same


# ---- the gradient's variance


def example_gradients(nets, network, x, y, activation="tanh"):
    """The gradient of each example's loss, (B, …) for every parameter, by autograd."""
    flat = [value.requires_grad_() for value in parameters(nets, network)]
    each = []
    for example, label in zip(x.double(), y, strict=True):
        loss = -torch.log_softmax(logits(example, *flat, activation=activation), 0)[label]
        each.append(torch.autograd.grad(loss, flat))
    return [torch.stack(grads).numpy() for grads in zip(*each, strict=True)]


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_the_variance_is_the_mean_square_of_the_examples_gradients(activation):
    nets, (x, y) = ensemble(activation=activation), batch()
    found = of_network(estimated(nets, "variance", x, y), 1)
    grads = example_gradients(nets, 1, x[1], y[1], activation)
    assert close(found, [(g**2).mean(0) for g in grads])
    assert not close(found, [g.mean(0) ** 2 for g in grads])
    assert not close(found, [g.var(0) for g in grads])


def test_with_labels_of_its_own_the_variance_is_the_gauss_newton_diagonal():
    """Σ_y p_y g_y² = diag(JᵀHJ): the Fisher information, mixed derivatives included."""
    nets, (x, _) = ensemble(), batch(examples=1)
    p = torch.softmax(logits(x[0, 0].double(), *parameters(nets, 0)), 0)
    total = 0
    for label in range(3):
        y = torch.full((2, 1), label)
        found = of_network(estimated(nets, "variance", x, y), 0)
        total = total + p[label].item() * np.concatenate([f.ravel() for f in found])
    exact = np.concatenate([e.numpy().ravel() for e in exact_gauss_newton(nets, 0, x[0])])
    assert np.allclose(total, exact, rtol=1e-4, atol=1e-7)
    uniform = total / p.max().item() / 3  # any other law of the labels misses it
    assert not np.allclose(uniform, exact, rtol=0.05)


# ---- the update


@pytest.mark.parametrize("curvature", ["hessian", "variance"])
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_a_step_divides_the_gradient_by_curvature_plus_mu(curvature, activation):
    nets, (x, y) = ensemble(activation=activation, rate=0.2), batch()
    before = [parameters(nets, network) for network in range(2)]
    grads = [
        [g.mean(0) for g in example_gradients(nets, n, x[n], y[n], activation)] for n in range(2)
    ]
    stepper = DiagonalRates(curvature, 0.05)(nets)
    pairs = stepper.estimate(x, y)
    losses = stepper.step(x, y)
    assert torch.allclose(losses, ensemble(activation=activation).loss(x, y), atol=1e-6)
    for network in range(2):
        rows = zip(before[network], grads[network], of_network(pairs, network), strict=True)
        expected = [w.numpy() - 0.2 / (c + 0.05) * g for w, g, c in rows]
        after = [value.numpy() for value in parameters(nets, network)]
        assert all(np.allclose(a, e, atol=1e-5) for a, e in zip(after, expected, strict=True))
        plain = [w.numpy() - 4 * g for w, g in zip(before[network], grads[network], strict=True)]
        assert not all(np.allclose(a, e, atol=1e-3) for a, e in zip(after, plain, strict=True))


def test_a_large_mu_is_plain_gradient_descent_at_the_rate_eta_over_mu():
    plain, damped, bent = ensemble(rate=0.1), ensemble(rate=1e5), ensemble(rate=0.01)
    steppers = [DiagonalRates("hessian", mu)(n) for n, mu in ((damped, 1e6), (bent, 0.1))]
    x, y = batch()
    for _ in range(5):
        plain.step(x, y)
        for stepper in steppers:
            stepper.step(x, y)
    for layer in range(3):
        assert torch.allclose(plain.weights[layer], damped.weights[layer], atol=1e-5)
        assert not torch.allclose(plain.weights[layer], bent.weights[layer], atol=1e-3)


def test_the_running_mean_is_plain_at_first_and_then_forgets():
    nets, (x, y) = ensemble(), batch()
    stepper = DiagonalRates("variance", 0.1, every=3, memory=0.4)(nets)
    seen, mean = [], 0.0
    for update in range(13):
        if update % 3 == 0:
            seen.append(stepper.estimate(x, y)[1][0][0, 0, 0].item())
            weight = max(0.4, 1 / len(seen))  # 1, 1/2, then 0.4
            mean = (1 - weight) * mean + weight * seen[-1]
        stepper.step(x, y)
        assert stepper.curvatures[1][0][0, 0, 0].item() == pytest.approx(mean, rel=1e-4)
    assert len(seen) == 5
    assert mean != pytest.approx(np.mean(seen), rel=1e-3)


def test_a_network_takes_no_notice_of_its_neighbors():
    x, y = batch()
    pair, alone = ensemble(), ensemble()
    pair.weights[0][1].fill_(float("nan"))
    steppers = [DiagonalRates("hessian", 0.1)(nets) for nets in (pair, alone)]
    for stepper in steppers:
        for _ in range(4):
            stepper.step(x, y)
    assert torch.allclose(pair.weights[1][0], alone.weights[1][0], rtol=1e-5)
    assert pair.weights[1][1].isnan().all()


# ---- resuming


def task(curvature="hessian", every=7):
    networks = tuple(EnsembleConfig("glorot_uniform", "tanh", 0.003, seed) for seed in (0, 1))
    shard = Shard("second", networks, (1024, 6, 6, 9), 10, 60, (0, 30, 60))
    rule = DiagonalRates(curvature, 0.1, every, memory=0.1)
    return Task(shard, Source("shapeset", 300), Errors(("valid",)), stepper=rule)


@pytest.mark.parametrize("curvature", ["hessian", "variance"])
def test_a_stopped_task_goes_on_bit_for_bit_between_two_estimates(curvature, tmp_path):
    whole = run_task(task(curvature), Worker("cpu", tmp_path / "whole", 30.0))
    worker, steps = Worker("cpu", tmp_path / "cut", 30.0), [0]

    def advance(updates):
        steps[0] += 1

    with pytest.raises(Stopped):
        run_task(task(curvature), worker, Watch(lambda: steps[0] == 25, advance))
    resumed = run_task(task(curvature), worker)
    assert resumed.resumed_at == 25
    for name, series in whole.series.items():
        assert np.array_equal(series, resumed.series[name])


def test_the_state_is_more_than_the_weights():
    """A rule that forgets its curvature or its place goes another way."""
    x, y = batch()
    stepper = DiagonalRates("hessian", 0.1, every=4, memory=0.1)(ensemble())
    for _ in range(6):
        stepper.step(x, y)
    state, ways = stepper.state_dict(), []
    forgetful = state | {n: np.zeros_like(a) for n, a in state.items() if n.startswith("curv")}
    for given in (state, state, forgetful, state | {"updates": np.array(0)}):
        other = DiagonalRates("hessian", 0.1, every=4, memory=0.1)(ensemble())
        other.load_state_dict(given)
        for _ in range(3):
            other.step(x, y)
        ways.append(other.state_dict()["weights_0"])
    assert np.array_equal(ways[0], ways[1])
    assert not np.array_equal(ways[0], ways[2])
    assert not np.array_equal(ways[0], ways[3])


def test_checkpoints_tell_one_rule_from_another(tmp_path):
    worker = Worker("cpu", tmp_path / "x", 30.0)
    paths = {worker.checkpoint(t).path for t in (task(), task("variance"), task(every=8), task())}
    assert len(paths) == 3


# ---- what is refused


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: DiagonalRates("newton", 0.1), "curvature must be .* 'newton'"),
        (lambda: DiagonalRates("hessian", 0.0), "mu .* got 0.0"),
        (lambda: DiagonalRates("hessian", float("inf")), "mu .* got inf"),
        (lambda: DiagonalRates("hessian", 0.1, every=0), "every .* got 0"),
        (lambda: DiagonalRates("hessian", 0.1, memory=1.5), "memory .* got 1.5"),
        (lambda: DiagonalRates("hessian", 0.1)(ensemble(activation="relu")), "activation .*relu"),
        (lambda: DiagonalRates("hessian", 0.1)(frozen_bias()), r"output_bias_rate .* \[0.0\]"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def frozen_bias():
    return Ensemble([EnsembleConfig("glorot_uniform", "tanh", 0.1, 0, output_bias_rate=0.0)], SIZES)


def test_a_state_of_another_network_is_refused_and_nothing_changes():
    stepper: DiagonalStepper = DiagonalRates("hessian", 0.1)(ensemble())
    state = stepper.state_dict()
    wrong = DiagonalRates("hessian", 0.1)(ensemble((4, 6, 3, 3))).state_dict()
    with pytest.raises(ValueError, match=r"curvature_weights_0 must have shape \(2, 4, 5\)"):
        stepper.load_state_dict(wrong)
    del state["curvature_biases_1"]
    with pytest.raises(ValueError, match="state must hold 'curvature_biases_1'"):
        stepper.load_state_dict(state)
