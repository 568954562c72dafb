"""*Race*: one deep net, two initializations, both trained in the page."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import traitlets

from glorot import initializers as init
from glorot.activations import ACTIVATIONS
from glorot.explorables.base import Case, Explorable
from glorot.figures import explorables as figures
from glorot.networks import (
    Network,
    backward,
    cross_entropy,
    cross_entropy_gradient,
    forward,
    sgd_step,
)
from glorot.style import BookFigure

SIZES = (2, *(12,) * 8, 2)
SCHEMES = {
    "heuristic": init.heuristic_uniform,
    "lecun": init.lecun_uniform,
    "glorot": init.glorot_uniform,
    "he": init.he_uniform,
    "large": init.VarianceScaling(36.0, "fan_avg", "uniform"),
    "small": init.VarianceScaling(0.01, "fan_avg", "uniform"),
}
LABELS = (
    ("heuristic", "standard"),
    ("lecun", "LeCun"),
    ("glorot", "Glorot"),
    ("he", "He"),
    ("large", "six times Glorot"),
    ("small", "a tenth of Glorot"),
    ("equal", "all equal"),
)
EQUAL = 0.2  # every weight of the net whose units never part
BATCH = 32


class Race(Explorable):
    """Two spirals, a tanh net of eight hidden layers of 12 units twice, plain SGD with batches of 32.

    Args:
        rate: learning rate of both nets.
        steps: updates after which the race ends.
        draws: how many base draws the page holds; "New draw" goes round them.
    """

    module = "race.js"
    sizes = traitlets.List(traitlets.Int(), default_value=list(SIZES)).tag(sync=True)
    rate = traitlets.Float(0.1).tag(sync=True)
    steps = traitlets.Int(4000).tag(sync=True)
    schemes: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    stds: traitlets.Dict[str, list[float]] = traitlets.Dict().tag(sync=True)
    base = traitlets.Bytes().tag(sync=True)
    points = traitlets.Bytes().tag(sync=True)
    labels = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, rate: float = 0.1, steps: int = 4000, draws: int = 8) -> None:
        points, labels = spirals(np.random.default_rng(3))
        base = np.concatenate(
            [np.concatenate([w.ravel() for w in base_weights(k)]) for k in range(1, draws + 1)]
        )
        super().__init__(
            rate=rate,
            steps=steps,
            schemes=[list(pair) for pair in LABELS],
            stds=standard_deviations(),
            base=base.tobytes(),
            points=points.tobytes(),
            labels=labels.tolist(),
        )

    def still(self) -> BookFigure:
        """Return the losses of the two nets that the page starts with."""
        curves = {key: self.train(key, 1, 1500)[0] for key in ("heuristic", "glorot")}
        return figures.race(curves, self.rate)

    def train(self, scheme: str, seed: int, steps: int) -> tuple[np.ndarray, Network]:
        """Train one net as the page does, in float64.

        Returns:
            The losses before each step, shape (steps,), and the trained network.
        """
        points = np.frombuffer(self.points).reshape(-1, 2)
        labels, net, losses = np.array(self.labels), self.network(scheme, seed), []
        for k in range(steps):
            rows = slice((k * BATCH) % len(labels), (k * BATCH) % len(labels) + BATCH)
            trace = forward(net, points[rows])
            losses.append(cross_entropy(trace.acts[-1], labels[rows]))
            slope = cross_entropy_gradient(trace.acts[-1], labels[rows])
            net = sgd_step(net, backward(net, trace, slope), self.rate)
        return np.array(losses), net

    def network(self, scheme: str, seed: int) -> Network:
        """Return the net that the page builds for a scheme and a seed."""
        stds = self.stds[scheme]
        weights = [
            np.full(w.shape, s) if scheme == "equal" else w * s
            for w, s in zip(base_weights(seed), stds, strict=True)
        ]
        biases = [np.zeros(n) for n in SIZES[1:]]
        return Network(tuple(weights), tuple(biases), ACTIVATIONS["tanh"])

    def cases(self) -> list[Case]:
        """Return each scheme's first losses, to be met to six digits.

        Thirty of them, but four of the net with large weights: it is chaotic, and doubles each rounding error.
        """
        points = np.frombuffer(self.points).tolist()
        counts = {key: 4 if key == "large" else 30 for key, _ in LABELS}
        return [
            Case(
                "firstLosses",
                [
                    list(SIZES),
                    [w.ravel().tolist() for w in self.network(key, seed).weights],
                    points,
                    self.labels,
                    self.rate,
                    count,
                ],
                self.train(key, seed, count)[0].tolist(),
            )
            for key, count in counts.items()
            for seed in (1, 2, 3)
        ]


def spirals(rng: np.random.Generator, count: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Return points (count, 2) on two spirals of 1.25 turns around the origin and their labels (count,), shuffled."""
    radius, labels = np.sqrt(rng.uniform(0.01, 1, count)), np.arange(count) % 2
    angle = radius * 2.5 * np.pi + np.pi * labels
    points = (radius * np.array([np.cos(angle), np.sin(angle)])).T + rng.normal(
        0, 0.015, (count, 2)
    )
    order = rng.permutation(count)
    return points[order], labels[order]


def base_weights(seed: int) -> list[np.ndarray]:
    """Return uniform weights of variance 1, float64; every scheme scales the same ones."""
    rng, width = np.random.default_rng(seed), np.sqrt(3)
    return [rng.uniform(-width, width, shape) for shape in pairwise(SIZES)]


def standard_deviations() -> dict[str, list[float]]:
    """Return each scheme's standard deviation by layer; under "equal" the value of every weight."""
    shapes = list(pairwise(SIZES))
    stds = {key: [scheme.std(shape) for shape in shapes] for key, scheme in SCHEMES.items()}
    return stds | {"equal": [EQUAL] * len(shapes)}
