"""Faults put into networks that are fine without them: what ``diagnose`` must name, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import init

from tests.unit import nets


@dataclass(frozen=True)
class Case:
    """A broken network.

    Args:
        name: fault, architecture, depth and width.
        code: what must be said.
        make: returns the network and its batch of inputs.
        layer: where it begins, "" if the test leaves it open.
        optimizer: makes the optimizer for the faults of its step.
    """

    name: str
    code: str
    make: Callable[[], tuple[nn.Module, torch.Tensor]]
    layer: str = ""
    optimizer: Callable | None = None


def with_weights(net: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(n, m) for n, m in net.named_modules() if isinstance(m, (nn.Linear, nn.Conv2d))]


@torch.no_grad()
def scaled(net, factor, place=None):
    """Multiply all matrices, or those of one layer, by a factor."""
    if place is not None:
        with_weights(net)[place][1].weight.mul_(factor)
        return net
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter.mul_(factor)
    return net


def small(net, std=0.01):
    for _, module in with_weights(net):
        init.normal_(module.weight, std=std)
    return net


def constant(net, value=0.05, place=None):
    chosen = with_weights(net) if place is None else [with_weights(net)[place]]
    for _, module in chosen:
        init.constant_(module.weight, value)
        if module.bias is not None:
            init.zeros_(module.bias)
    for module in net.modules() if place is None else ():
        if isinstance(module, (nn.RNNBase, nn.MultiheadAttention)):
            for parameter in module.parameters():
                init.constant_(parameter, value if parameter.ndim > 1 else 0.0)
    return net


def biased(net, value, place=None):
    chosen = with_weights(net)[:-1] if place is None else [with_weights(net)[place]]
    for _, module in chosen:
        init.constant_(module.bias, value)
    return net


def inner_bias(net, value):
    """Large negative biases behind the first matrix of every branch."""
    for name, module in with_weights(net):
        if (name.endswith(("0", "linear1")) and "blocks" in name) or name.endswith("linear1"):
            init.constant_(module.bias, value)
    return net


@torch.no_grad()
def recurrent_gain(net, gain):
    init.orthogonal_(net.rnn.weight_hh_l0, gain)
    return net


def wide_biases(net, std=30.0):
    for _, module in with_weights(net)[:-1]:
        init.normal_(module.bias, std=std)
    return net


def _x(examples=64):
    return torch.randn(examples, 64)


def _sequence(steps=28):
    return torch.randn(16, steps, 28)


def _mlp_cases(d: int, w: int) -> Iterator[Case]:
    tag, middle = f"MLP {d}×{w}", d // 2
    tanh = (nn.Tanh, init.xavier_uniform_)

    def relu():
        return nets.mlp(d, w, nn.ReLU, nets.he)

    at = str(2 * middle)
    yield Case(f"weights ×0.1, {tag}", "signal-vanishes", lambda: (scaled(relu(), 0.1), _x()), "0")
    yield Case(f"std 0.01, {tag}", "signal-vanishes", lambda: (small(relu()), _x()), "0")
    yield Case(
        f"tanh weights ×0.1, {tag}",
        "signal-vanishes",
        lambda: (scaled(nets.mlp(d, w, *tanh), 0.1), _x()),
        "0",
    )
    yield Case(
        f"one layer ×0.1, {tag}",
        "signal-vanishes",
        lambda: (scaled(relu(), 0.1, middle), _x()),
        at,
    )
    yield Case(f"weights ×10, {tag}", "signal-explodes", lambda: (scaled(relu(), 10), _x()), "0")
    yield Case(
        f"one layer ×10, {tag}", "signal-explodes", lambda: (scaled(relu(), 10, middle), _x()), at
    )
    yield Case(
        f"tanh weights ×20, {tag}",
        "saturated",
        lambda: (scaled(nets.mlp(d, w, *tanh), 20), _x()),
        "0",
    )
    yield Case(
        f"inputs to 255, {tag}",
        "saturated",
        lambda: (nets.mlp(d, w, *tanh), 255 * torch.rand(64, 64)),
        "0",
    )
    yield Case(
        f"wide biases, {tag}",
        "saturated",
        lambda: (wide_biases(nets.mlp(d, w, *tanh)), _x()),
        "0",
    )
    yield Case(f"biases −10, {tag}", "dead-units", lambda: (biased(relu(), -10), _x()), "0")
    yield Case(
        f"one layer's biases −10, {tag}",
        "dead-units",
        lambda: (biased(relu(), -10, middle), _x()),
        at,
    )
    yield Case(f"constant, {tag}", "identical-units", lambda: (constant(relu()), _x()), "0")
    yield Case(f"zeros, {tag}", "identical-units", lambda: (constant(relu(), 0.0), _x()), "0")
    yield Case(
        f"one constant layer, {tag}",
        "identical-units",
        lambda: (constant(relu(), 0.05, middle), _x()),
        at,
    )


def _deep_cases(d: int, w: int) -> Iterator[Case]:
    tag = f"MLP {d}×{w}"
    yield Case(f"PyTorch's default, {tag}", "signal-vanishes", lambda: (nets.mlp(d, w), _x()), "0")
    yield Case(
        f"tanh, gain 2.5, {tag}",
        "gradient-explodes",
        lambda: (scaled(nets.mlp(d, w, nn.Tanh, init.xavier_normal_), 2.5), _x()),
    )


def _logistic_cases(d: int, w: int) -> Iterator[Case]:
    for word, draw in (("default", None), ("Glorot", init.xavier_uniform_)):
        yield Case(
            f"logistic, {word}, MLP {d}×{w}",
            "gradient-vanishes",
            lambda draw=draw: (nets.mlp(d, w, nn.Sigmoid, draw), _x()),
            "0",
        )


def _cnn_cases(d: int, w: int) -> Iterator[Case]:
    tag, middle = f"CNN {d}×{w}", d // 2

    def net(activation=nn.ReLU, draw=nets.he):
        return nets.cnn(d, w, activation, draw)

    def x():
        return nets.images(16, side=16)

    at = with_weights(net())[middle][0]
    yield Case(f"weights ×0.1, {tag}", "signal-vanishes", lambda: (scaled(net(), 0.1), x()), "0")
    yield Case(f"std 0.01, {tag}", "signal-vanishes", lambda: (small(net()), x()), "0")
    yield Case(
        f"one layer ×0.1, {tag}", "signal-vanishes", lambda: (scaled(net(), 0.1, middle), x()), at
    )
    yield Case(f"weights ×10, {tag}", "signal-explodes", lambda: (scaled(net(), 10), x()), "0")
    yield Case(
        f"one layer ×10, {tag}", "signal-explodes", lambda: (scaled(net(), 10, middle), x()), at
    )
    yield Case(
        f"inputs to 255, {tag}",
        "saturated",
        lambda: (net(nn.Tanh, init.xavier_uniform_), 127 + 60 * x()),
        "0",
    )
    yield Case(f"biases −10, {tag}", "dead-units", lambda: (biased(net(), -10), x()), "0")
    yield Case(f"constant, {tag}", "identical-units", lambda: (constant(net()), x()), "0")
    yield Case(
        f"logistic, {tag}",
        "gradient-vanishes",
        lambda: (nets.cnn(d + 3, w, nn.Sigmoid, init.xavier_uniform_), x()),
        "0",
    )


def _residual_cases(d: int, w: int) -> Iterator[Case]:
    tag = f"residual {d}×{w}"

    def net(zero=False):
        return nets.ResidualMLP(d, w, zero)

    yield Case(f"weights ×10, {tag}", "signal-explodes", lambda: (scaled(net(), 10), _x()))
    yield Case(f"biases −10, {tag}", "dead-units", lambda: (inner_bias(net(), -10), _x()))
    yield Case(f"constant, {tag}", "identical-units", lambda: (constant(net()), _x()), "first")
    yield Case(f"zeros, {tag}", "identical-units", lambda: (constant(net(), 0.0), _x()), "first")


def _recurrent_cases(layers: int, width: int) -> Iterator[Case]:
    for kind in (nn.LSTM, nn.GRU):
        tag = f"{kind.__name__} {layers}×{width}"

        def net(kind=kind):
            return nets.Recurrent(kind, width, layers)

        yield Case(
            f"weights ×0.1, {tag}",
            "signal-vanishes",
            lambda net=net: (scaled(net(), 0.1), _sequence()),
            "rnn",
        )
        yield Case(
            f"weights ×50, {tag}",
            "saturated",
            lambda net=net: (scaled(net(), 50), _sequence()),
            "rnn",
        )
        yield Case(
            f"constant, {tag}",
            "identical-units",
            lambda net=net: (constant(net()), _sequence()),
            "rnn",
        )
    for steps in (40, 80, 120):
        yield Case(
            f"recurrent gain 2, RNN {layers}×{width}, {steps} steps",
            "gradient-explodes",
            lambda steps=steps: (
                recurrent_gain(nets.Recurrent(nn.RNN, width, 1), 2.0),
                _sequence(steps),
            ),
            "rnn",
        )


def _transformer_cases(d: int, norm_first: bool) -> Iterator[Case]:
    tag = f"transformer {'pre' if norm_first else 'post'}-norm {d}"

    def net():
        return nets.Encoder(norm_first, d)

    at = "encoder.layers.0.linear1"
    yield Case(
        f"biases −10, {tag}", "dead-units", lambda: (inner_bias(net(), -10), nets.tokens()), at
    )
    yield Case(
        f"constant, {tag}",
        "identical-units",
        lambda: (constant(net()), nets.tokens()),
        "encoder.layers.0.self_attn",
    )
    yield Case(
        f"zeros, {tag}",
        "identical-units",
        lambda: (constant(net(), 0.0), nets.tokens()),
        "encoder.layers.0.self_attn",
    )


def _step_cases(tag: str, make: Callable) -> Iterator[Case]:
    kinds = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}
    for kind, optimizer in kinds.items():
        for code, rate in (("step-too-large", 1e2), ("step-too-small", 1e-9)):
            yield Case(
                f"{kind} at {rate:g}, {tag}",
                code,
                make,
                optimizer=lambda p, o=optimizer, r=rate: o(p, lr=r),
            )


def cases() -> Iterator[Case]:
    """Every fault in every architecture it applies to, at three depths and two widths."""
    for width in (64, 256):
        for depth in (3, 6, 12):
            yield from _mlp_cases(depth, width)
        for depth in (20, 30, 50):
            yield from _deep_cases(depth, width)
        for depth in (5, 8, 12):
            yield from _logistic_cases(depth, width)
    for width in (16, 32):
        for depth in (3, 5, 8):
            yield from _cnn_cases(depth, width)
    for width in (32, 64):
        for depth in (4, 8, 12):
            yield from _residual_cases(depth, width)
        for depth in (1, 2, 3):
            yield from _recurrent_cases(depth, width)
    for depth in (1, 2, 4):
        for norm_first in (True, False):
            yield from _transformer_cases(depth, norm_first)
    for width in (64, 128):
        for depth in (2, 4, 8):
            yield from _step_cases(
                f"MLP {depth}×{width}",
                lambda d=depth, w=width: (nets.mlp(d, w, nn.ReLU, nets.he), _x()),
            )
            yield from _step_cases(
                f"CNN {depth}×{width // 4}",
                lambda d=depth, w=width: (
                    nets.cnn(d, w // 4, draw=nets.he),
                    nets.images(16, side=16),
                ),
            )
    for depth in (1, 2, 4):
        yield from _step_cases(
            f"LSTM {depth}", lambda d=depth: (nets.Recurrent(layers=d), _sequence())
        )
        yield from _step_cases(
            f"transformer {depth}", lambda d=depth: (nets.Encoder(True, d), nets.tokens())
        )
        yield from _step_cases(
            f"residual {depth}", lambda d=depth: (nets.ResidualMLP(d, 64, False), _x())
        )
