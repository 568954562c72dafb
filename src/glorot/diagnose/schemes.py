"""Which scheme an array of weights seems to have been drawn by."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from glorot.diagnose.tracing import Weight
from glorot.fans import Fans, compute_fans
from glorot.initializers import TRUNCATED_STD, TRUNCATION

__all__ = ["WeightView", "look_at"]

_LARGEST_MATRIX = 2048  # beyond this, testing for orthogonality would take longer than the rest


@dataclass(frozen=True)
class WeightView:
    """An array of weights, described.

    Args:
        names: the parameters it is, or is computed from.
        fans: its fan-in and fan-out.
        std: standard deviation of its entries.
        mean_square: average square of its entries.
        scheme: the scheme it seems to follow, in words.
        equal_units: whether all its units have the same weights.
        zero: whether all its weights are zero.
    """

    names: tuple[str, ...]
    fans: Fans
    std: float
    mean_square: float
    scheme: str
    equal_units: bool
    zero: bool

    @property
    def up(self) -> float:
        """fan_in · E[W²]: the factor of a second moment going forward."""
        return self.fans.fan_in * self.mean_square

    @property
    def most(self) -> float:
        """The factor by whichever of fan-in and fan-avg is larger: a scheme may follow either."""
        return max(self.fans.fan_in, self.fans.fan_avg) * self.mean_square


def look_at(weight: Weight) -> WeightView:
    """Describe an array of weights.

    Example:
        >>> w = torch.nn.init.kaiming_normal_(torch.empty(256, 512))
        >>> view = look_at(Weight(("w",), w, in_axis=1, out_axis=0))
        >>> view.scheme, view.fans.fan_in
        ('He, normal', 512)
    """
    value = weight.value if weight.value.dtype == torch.float64 else weight.value.float()
    fans = compute_fans(tuple(value.shape), weight.in_axis, weight.out_axis)
    if weight.groups > 1:
        fans = Fans(fans.fan_in, max(1, fans.fan_out // weight.groups))
    std, mean_square = value.std(unbiased=False).item(), value.square().mean().item()
    zero = mean_square == 0
    equal = _equal_units(weight, value)
    scheme = "zeros" if zero else "constant" if equal else _scheme(weight, value, fans, std)
    return WeightView(weight.names, fans, std, mean_square, scheme, equal, zero)


def _equal_units(weight: Weight, value: torch.Tensor) -> bool:
    rows = value.movedim(weight.out_axis, 0)
    if weight.groups > 1:
        rows = rows.unflatten(0, (weight.groups, -1)).movedim(1, 0)
    if len(rows) < 2:
        return False
    scale = rows.abs().max().item()
    return (rows - rows[:1]).abs().max().item() <= 1e-6 * scale


def _scheme(weight: Weight, value: torch.Tensor, fans: Fans, std: float) -> str:
    if not math.isfinite(std):
        return "not finite"
    if std == 0:
        return "constant"
    if abs(value.mean().item()) > std:
        return "no scheme: its mean is larger than its spread"
    gain = _orthogonal_gain(weight, value)
    if gain is not None:
        return f"orthogonal, gain {gain:.3g}"
    shape, kurtosis = _distribution(value, std)
    # A variance estimated from N numbers has a relative standard error of √((kurtosis - 1)/N).
    error = 4 * math.sqrt(max(kurtosis - 1, 0.1) / value.numel()) + 0.01
    off = {n: abs(std**2 / variance - 1) for n, variance in _candidates(weight, fans).items()}
    nearest = min(off, key=lambda name: off[name])
    if off[nearest] <= error:
        return f"{nearest}, {shape}"
    glorot = math.sqrt(std**2 * fans.fan_avg)
    return f"none: {glorot:.2g} × Glorot's std, {shape}"


def _candidates(weight: Weight, fans: Fans) -> dict[str, float]:
    same = {1.0: "LeCun = Glorot", 2.0: "LeCun = He by fan-out"}.get(
        fans.fan_out / fans.fan_in, "LeCun"
    )
    candidates = {
        "PyTorch's default (heuristic)": 1 / (3 * fans.fan_in),
        same: 1 / fans.fan_in,
        "Glorot": 1 / fans.fan_avg,
        "He": 2 / fans.fan_in,
        "He by fan-out": 2 / fans.fan_out,
        "Glorot, gain 5/3": 25 / (9 * fans.fan_avg),
    }
    names = " ".join(weight.names)
    if any(part in names for part in ("weight_ih", "weight_hh", "bias_hh")):
        for gates in (1, 3, 4):
            if fans.fan_out % gates == 0:
                key = "PyTorch's recurrent default" + " " * gates
                candidates[key] = gates / (3 * fans.fan_out)
    return candidates


def _distribution(value: torch.Tensor, std: float) -> tuple[str, float]:
    centered = (
        value.reshape(-1)[:: max(1, value.numel() // 100_000)] - value.mean()
    ).double() / std
    kurtosis = centered.pow(4).mean().item()
    largest = centered.abs().max().item()
    if value.numel() < 100:
        return "few weights", kurtosis
    if kurtosis < 2.05 and largest < math.sqrt(3) * 1.1:
        return "uniform", kurtosis
    # A normal of this many numbers would have some beyond the cut.
    if largest < TRUNCATION / TRUNCATED_STD * 1.02 and value.numel() > 400:
        return "truncated normal", kurtosis
    return ("normal" if 2.5 < kurtosis < 3.5 else "other distribution"), kurtosis


def _orthogonal_gain(weight: Weight, value: torch.Tensor) -> float | None:
    matrix = value.movedim(weight.out_axis, 0).flatten(1)
    if min(matrix.shape) < 2 or max(matrix.shape) > _LARGEST_MATRIX:
        return None
    if matrix.shape[0] > matrix.shape[1] and matrix.shape[0] % matrix.shape[1]:
        return None if matrix.shape[0] > 4 * matrix.shape[1] else _gain_of(matrix.T)
    blocks = matrix.split(matrix.shape[1]) if matrix.shape[0] > matrix.shape[1] else (matrix,)
    gains = [_gain_of(block if len(block) <= block.shape[1] else block.T) for block in blocks]
    known = [gain for gain in gains if gain is not None]
    return known[0] if len(known) == len(gains) else _gain_of(_wide(matrix))


def _wide(matrix: torch.Tensor) -> torch.Tensor:
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T


def _gain_of(wide: torch.Tensor) -> float | None:
    gram = wide @ wide.T
    square = gram.diagonal().mean()
    off = (gram - square * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)).abs().max()
    return math.sqrt(square.item()) if off < 1e-4 * square else None
