"""*Tug of war*: each layer's width is the reader's, and so is the side that its variance takes."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import traitlets

from glorot import initializers as init
from glorot import theory
from glorot.explorables.base import Case, Explorable
from glorot.explorables.randomness import normals
from glorot.figures import explorables as figures
from glorot.style import BookFigure

MODES = ("fan_in", "fan_avg", "fan_out")
TAPER = (784, 512, 256, 128, 64, 10)


class TugOfWar(Explorable):
    """Forward and backward products of a linear net under fan_in, fan_avg and fan_out.

    Args:
        widths: (n_0, ..., n_L), the layers at the start and after Reset, each one of 4, 8, 10, 16,
            32, ..., 512, 784, 1024.
    """

    module = "tug_of_war.js"
    widths = traitlets.List(traitlets.Int(min=4, max=1024), default_value=list(TAPER)).tag(
        sync=True
    )

    def still(self) -> BookFigure:
        """Return both products under the three rules."""
        products = {mode: _products(self.widths, mode) for mode in MODES}
        return figures.tug_of_war(tuple(self.widths), products)

    def cases(self) -> list[Case]:
        """Return the products against `theory`, the draw against its twin."""
        shapes = [
            list(TAPER),
            [256] * 6,
            [10, 64, 128, 256, 512, 784],
            [512, 128, 16, 16, 128, 512],
            [4, 1024, 4, 1024, 4, 1024],
            [31, 77, 901, 5, 8, 13],
            [100, 50],
        ]
        exact = [
            Case("products", [widths, mode], [side.tolist() for side in _products(widths, mode)])
            for widths in shapes
            for mode in MODES
        ]
        drawn = [
            Case("sampled", [shapes[5], mode, seed], _sampled(shapes[5], mode, seed))
            for mode in MODES
            for seed in (1, 7)
        ]
        return exact + drawn


def _variances(widths: list[int], mode: str) -> list[float]:
    scheme = init.VarianceScaling(1.0, mode, "normal")
    return [scheme.variance(shape) for shape in pairwise(widths)]


def _products(widths: list[int], mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Variance at layers 0...L, forward from 1 at the input and backward from 1 at the output."""
    var_w = _variances(widths, mode)
    forward = theory.forward_second_moments(widths, var_w, "identity")
    to_input = theory.linear_ratios(widths, var_w)[1]
    backward = theory.backward_second_moments(widths, var_w, "identity")
    return np.append(1.0, forward), np.append(to_input, backward)


def _sampled(widths: list[int], mode: str, seed: int) -> list[list[float]]:
    """One random net and one vector each way, drawn as the page draws them."""
    numbers, var_w = normals(seed), _variances(widths, mode)

    def mean_square(n: int) -> float:
        return sum(x * x for x in islice(numbers, n)) / n

    forward, backward = [1.0], [1.0]
    for n, m, v in zip(widths[:-1], widths[1:], var_w, strict=True):
        forward.append(forward[-1] * n * v * mean_square(m))
    for n, m, v in zip(widths[-2::-1], widths[:0:-1], var_w[::-1], strict=True):
        backward.insert(0, backward[0] * m * v * mean_square(n))
    return [forward, backward]
