"""What happens inside a recurrent layer of torch's, which computes all its time steps at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["RecurrentView", "watch_recurrent"]

_STEPS = 64  # time steps whose gates are looked at


@dataclass(frozen=True)
class RecurrentView:
    """One recurrent layer, seen by itself.

    Args:
        backward_growth: second moment of the gradient at the worst time step over that at the last
            one, for a gradient that enters at the last step; NaN for fewer than three steps.
        saturated: share of the gates and candidates of the first layer that are on a flat part.
        steps: number of time steps.
    """

    backward_growth: float
    saturated: float
    steps: int


def watch_recurrent(layer: nn.RNNBase, given: torch.Tensor) -> RecurrentView:
    """Run one recurrent layer alone on the inputs it was given."""
    steps = given.shape[1] if layer.batch_first and given.ndim == 3 else given.shape[0]
    if given.ndim != 3 or steps < 3:
        return RecurrentView(math.nan, math.nan, steps)
    try:
        x = given.detach().clone().requires_grad_()
        hidden = layer(x)[0]
    except (RuntimeError, ValueError):
        return RecurrentView(math.nan, math.nan, steps)
    time = 1 if layer.batch_first else 0
    size = layer.proj_size or layer.hidden_size
    last = hidden.select(time, steps - 1)[..., :size]  # the forward direction ends here
    generator = torch.Generator().manual_seed(0)
    cotangent = torch.randn(last.shape, generator=generator).to(last)
    (gradient,) = torch.autograd.grad(last, x, cotangent)
    by_step = gradient.double().square().movedim(time, 0).reshape(steps, -1).mean(dim=1)
    growth = (by_step.max() / by_step[-1]).item() if by_step[-1] > 0 else math.nan
    return RecurrentView(growth, _saturated(layer, given, time), steps)


@torch.no_grad()
def _saturated(layer: nn.RNNBase, given: torch.Tensor, time: int) -> float:
    """Share of flat gates, from the first layer's own outputs and its weights."""
    if layer.mode == "RNN_RELU" or layer.proj_size:
        return math.nan
    x = given.detach().movedim(time, 0)[:_STEPS]
    first = _first_layer(layer, given)
    hidden = first(given)[0].movedim(time, 0)[: len(x) - 1, :, : layer.hidden_size]
    weights = [getattr(layer, f"{name}_l0") for name in ("weight_ih", "weight_hh")]
    preact = x[1:] @ weights[0].T + hidden @ weights[1].T
    if layer.bias:
        preact = preact + layer.bias_ih_l0 + layer.bias_hh_l0
    return _flat_share(layer.mode, preact.double())


def _first_layer(layer: nn.RNNBase, given: torch.Tensor) -> nn.RNNBase:
    """The first layer alone, in its forward direction."""
    options = {"nonlinearity": "tanh"} if isinstance(layer, nn.RNN) else {}
    kind = {"LSTM": nn.LSTM, "GRU": nn.GRU}.get(layer.mode, nn.RNN)
    first = kind(
        layer.input_size,
        layer.hidden_size,
        bias=layer.bias,
        batch_first=layer.batch_first,
        **options,
    ).to(given)
    for name, parameter in first.named_parameters():
        parameter.copy_(getattr(layer, name))
    return first


def _flat_share(mode: str, preact: torch.Tensor) -> float:
    """Share of the parts whose slope is under 5 % of its largest: |z| > 2.18 for tanh, 4.36 for gates."""
    parts = preact.chunk({"LSTM": 4, "GRU": 3}.get(mode, 1), dim=-1)
    candidate = {"LSTM": 2, "GRU": 2}.get(mode, 0)
    shares = []
    for place, part in enumerate(parts):
        slope = 1 - torch.tanh(part if place == candidate else part / 2) ** 2
        shares.append((slope < 0.05).double().mean().item())
    return sum(shares) / len(shares)
