"""How many inputs and outputs a weight has: the two numbers every scheme is built on.

Weights have shape ``(..., fan_in, fan_out)``; leading axes are a convolution's receptive field.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral


@dataclass(frozen=True)
class Fans:
    """The fans of one weight array, in number of connections.

    Args:
        fan_in: products that each output sums, going forward.
        fan_out: products that each input's gradient sums, going back.

    Raises:
        ValueError: if a fan is not a positive number.

    Example:
        >>> Fans(400, 100).fan_avg
        250.0
    """

    fan_in: int
    fan_out: int

    def __post_init__(self) -> None:
        for name in ("fan_in", "fan_out"):
            fan = getattr(self, name)
            if not isinstance(fan, Integral) or isinstance(fan, bool) or fan < 1:
                raise ValueError(f"{name} must be a positive integer, got {fan!r}")

    @property
    def fan_avg(self) -> float:
        """The mean of both, whose inverse is the harmonic mean of 1/fan_in and 1/fan_out."""
        return (self.fan_in + self.fan_out) / 2


def compute_fans(shape: Sequence[int], in_axis: int = -2, out_axis: int = -1) -> Fans:
    r"""Return the fans of a weight array of the given shape.

    .. math:: n_\text{in} = k\, c_\text{in}, \qquad n_\text{out} = k\, c_\text{out},

    with the receptive field *k* the product of all axes but the two named.

    Args:
        shape: at least two positive sizes.
        in_axis: the axis that is summed over going forward.
        out_axis: the axis that is summed over going back.

    Returns:
        ``Fans(fan_in, fan_out)``.

    Raises:
        ValueError: for fewer than two axes, a size that is not a positive integer, an axis that
            the shape does not have, or the same axis named twice.

    Source: Glorot & Bengio (2010), eqs. 5–6, for dense layers; He et al. (2015), section 2.2, for
    convolutions. Used in every chapter, derived in *Whose side do we take?*

    Example:
        >>> compute_fans((784, 512))
        Fans(fan_in=784, fan_out=512)
        >>> compute_fans((3, 3, 64, 16))  # height, width, channels in, channels out
        Fans(fan_in=576, fan_out=144)
    """
    sizes = _checked_sizes(shape)
    axes = [
        _checked_axis(name, axis, len(sizes))
        for name, axis in (("in_axis", in_axis), ("out_axis", out_axis))
    ]
    if axes[0] == axes[1]:
        raise ValueError(f"in_axis and out_axis must differ, got {in_axis!r} and {out_axis!r}")
    receptive_field = math.prod(n for axis, n in enumerate(sizes) if axis not in axes)
    return Fans(receptive_field * sizes[axes[0]], receptive_field * sizes[axes[1]])


def _checked_sizes(shape: Sequence[int]) -> tuple[int, ...]:
    try:
        sizes = tuple(shape)
    except TypeError:
        raise ValueError(f"shape must be a sequence of sizes, got {shape!r}") from None
    if len(sizes) < 2:
        raise ValueError(f"shape must have at least two axes, got {shape!r}")
    for size in sizes:
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"shape must hold positive integers, got {shape!r}")
    return tuple(int(size) for size in sizes)


def _checked_axis(name: str, axis: int, rank: int) -> int:
    if not isinstance(axis, Integral) or not -rank <= axis < rank:
        raise ValueError(f"{name} must be an axis of a shape of rank {rank}, got {axis!r}")
    return int(axis) % rank
