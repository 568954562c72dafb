"""*Type your own φ(x)*: any activation's gain, variance map and depth scale, beside nets sampled in the page."""

from __future__ import annotations

from itertools import islice

import numpy as np
import traitlets

from glorot import theory
from glorot.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE, Activation
from glorot.explorables.base import Case, Explorable
from glorot.explorables.randomness import normals
from glorot.figures import type_your_phi_still as figures
from glorot.style import BookFigure

PRESETS = {
    "relu": ("ReLU", "max(0, x)"),
    "leaky_relu": ("leaky ReLU", "max(x, 0.01*x)"),
    "elu": ("ELU", "max(0, x) + exp(min(0, x)) - 1"),
    "selu": (
        "SELU",
        f"{SELU_SCALE}*(max(0, x) + {SELU_ALPHA}*(exp(min(0, x)) - 1))",
    ),
    "gelu": ("GELU", "x*(1 + erf(x/sqrt(2)))/2"),
    "silu": ("SiLU", "x*sigmoid(x)"),
    "tanh": ("tanh", "tanh(x)"),
    "softsign": ("softsign", "x/(1 + abs(x))"),
    "logistic": ("logistic", "sigmoid(x)"),
    "identity": ("identity", "x"),
}
WIDTH, DEPTH, NETS = 200, 30, 4
_INFINITE = 1e300  # what the module's arithmetic says for infinity, which JSON cannot


class TypeYourPhi(Explorable):
    """A formula of x becomes an activation; 30 layers of 200 units try it at the reader's weight variance."""

    module = "type_your_phi.js"
    shared = ("kit.js", "formula.js")
    presets: traitlets.List[list[str]] = traitlets.List().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(presets=[[key, *pair] for key, pair in PRESETS.items()])

    def still(self) -> BookFigure:
        """Return ReLU's variance map and its layers at three variances of the weights."""
        chains = [_chain("relu", sigma_w2, self.seed) for sigma_w2 in (1.0, 2.0, 4.0)]
        return figures.type_your_phi(chains, "ReLU", WIDTH)

    def cases(self) -> list[Case]:
        """Return averages, fixed points, predictions and draws of every preset against Python's."""
        return [
            case
            for key, (_, formula) in PRESETS.items()
            for case in _cases(ACTIVATIONS[key], formula)
        ]


def _cases(phi: Activation, formula: str) -> list[Case]:
    gain2, points = phi.gain**2, [-3.7, -0.6, 0.2, 1.9]
    values = np.stack([phi.f(np.array(points)), phi.df(np.array(points))], axis=1)
    moments = [
        case
        for q in (0.01, 1.0, 30.0)
        for case in (
            Case("moment", [formula, q], phi.second_moment(q)),
            Case("moment", [formula, q, True], phi.derivative_second_moment(q)),
        )
    ]
    rests = [Case("atRest", [formula, s], _at_rest(phi, s)) for s in (0.6, gain2, 1.3 * gain2)]
    predicted = [Case("predicted", [formula, s], _predicted(phi, s)) for s in (0.9, gain2)]
    drawn = [Case("sampled", [formula, gain2, 3, 1], _sampled(phi, gain2, 3, 1))]
    steep = Case("steepness", [formula, gain2, 1.0], _steepness(phi, gain2))
    exact = [Case("values", [formula, points], values.tolist()), Case("gain2", [formula], gain2)]
    return [*exact, *moments, *rests, steep, *predicted, *drawn]


def _at_rest(phi: Activation, sigma_w2: float) -> list[float]:
    """Fixed point, χ there and depth scale."""
    star = theory.fixed_point(phi, sigma_w2)
    found = (star, theory.chi_at_fixed_point(phi, sigma_w2), theory.depth_scale(phi, sigma_w2))
    return [min(value, _INFINITE) for value in found]


def _steepness(phi: Activation, sigma_w2: float) -> float:
    """The variance map's slope at q = 1, from differences that the page does not take."""
    step = 3e-4
    above, below = (theory.second_moment_map(phi, sigma_w2, 0.0, 1 + s) for s in (step, -step))
    return (above - below) / (2 * step)


def _predicted(phi: Activation, sigma_w2: float) -> list[float]:
    """E[z²] in layers 1 to DEPTH of equal width, from 1."""
    widths, var_w = (WIDTH,) * DEPTH, (sigma_w2 / WIDTH,) * (DEPTH - 1)
    return [1.0, *theory.forward_second_moments(widths, var_w, phi, 1 / phi.gain**2)]


def _sampled(phi: Activation, sigma_w2: float, seed: int, net: int) -> list[float]:
    """E[z²] in layers 1 to DEPTH of one random net, drawn as the page draws it."""
    noise = np.array(list(islice(normals(seed), (net + 1) * DEPTH * WIDTH)))
    moments, q = [], 1.0
    for row in noise.reshape(-1, DEPTH, WIDTH)[net]:
        preact = np.sqrt(q) * row
        moments.append(float(np.mean(preact**2)))
        q = sigma_w2 * float(np.mean(phi.f(preact) ** 2))
    return moments


def _chain(name: str, sigma_w2: float, seed: int) -> figures.Chain:
    phi, q = ACTIVATIONS[name], np.geomspace(1e-2, 1e2, 49)
    return figures.Chain(
        sigma_w2,
        q,
        np.array([theory.second_moment_map(phi, sigma_w2, 0.0, x) for x in q]),
        np.array(_predicted(phi, sigma_w2)),
        np.array([_sampled(phi, sigma_w2, seed, net) for net in range(NETS)]),
    )
