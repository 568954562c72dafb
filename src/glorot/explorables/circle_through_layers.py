"""*A circle through fifty layers*: at which weight scale it collapses, survives or crumples, beside the prediction."""

from __future__ import annotations

import functools
from itertools import islice

import numpy as np
import traitlets

from glorot import theory
from glorot.activations import ACTIVATIONS
from glorot.explorables.base import Case, Explorable
from glorot.explorables.randomness import normals
from glorot.figures import circle_still as figures
from glorot.style import BookFigure

WIDTH, DEPTH, POINTS, QUARTER = 32, 50, 24, 6
NOISE = 2 * WIDTH + (DEPTH - 1) * WIDTH**2 + DEPTH * WIDTH
BIAS = {"tanh": 0.3, "relu": 0.0}  # σ_b
NAMES = {"tanh": "tanh", "relu": "ReLU"}
SIGMAS = tuple(round(0.5 + 0.1 * k, 1) for k in range(31))


@functools.lru_cache(maxsize=4)
def predictions(kind: str) -> list[list[list[float]]]:
    """Predicted by layer, for each of SIGMAS: E[z²], correlation a quarter turn apart and 15° apart."""
    rows = []
    for sigma_w in SIGMAS:
        arguments = (kind, sigma_w**2, BIAS[kind] ** 2)
        q, far = theory.correlation_path(*arguments, 0.0, DEPTH)
        near = theory.correlation_path(*arguments, float(np.cos(2 * np.pi / POINTS)), DEPTH)[1]
        rows.append([[float(f"{x:.4g}") for x in line] for line in (q, far, near)])
    return rows


class CircleThroughLayers(Explorable):
    """A circle of inputs goes through a seeded random net of 50 layers, drawn in the page."""

    module = "circle_through_layers.js"
    sigmas = traitlets.List(traitlets.Float()).tag(sync=True)
    paths = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(
            sigmas=list(SIGMAS), paths={kind: predictions(kind) for kind in BIAS}, seed=2
        )

    def still(self) -> BookFigure:
        """Return the circle and four layers at three weight scales of a tanh net."""
        rows = []
        for sigma_w in (1.0, 1.6, 2.6):
            rings, measured = run("tanh", sigma_w, self.seed)
            _, far, near = predictions("tanh")[SIGMAS.index(sigma_w)]
            rows.append(
                figures.Circle(
                    sigma_w,
                    {0: _circle() * np.sqrt(2), **{n: rings[n - 1] for n in (3, 8, 15, 50)}},
                    measured,
                    np.array([far, near]).T,
                    fate(far[-1], near[-1]),
                )
            )
        return figures.circle_through_layers(rows, WIDTH)

    def cases(self) -> list[Case]:
        """Return correlations, rings and verdicts against Python's.

        Deep in chaos rounding itself grows e-fold every few layers: there the first layers are compared.
        """
        seen = [("tanh", 0.5, 50), ("tanh", 1.2, 50), ("tanh", 1.8, 50), ("tanh", 3.5, 12)]
        seen += [("relu", 0.7, 50), ("relu", 1.4, 50), ("relu", 3.5, 50)]
        found = []
        for kind, sigma_w, depth in seen:
            for seed in (self.seed, 11):
                rings, measured = run(kind, sigma_w, seed, depth)
                found += [
                    Case("correlations", [kind, sigma_w, seed, depth], measured.tolist()),
                    Case("ring", [kind, sigma_w, seed, depth], rings[-1].tolist()),
                ]
        words = [(0.99, 1.0), (0.0, 0.3), (0.2, 0.97)]
        order = ("collapses", "survives", "crumples")
        return found + [Case("fate", list(w), order.index(fate(*w))) for w in words]


def fate(far: float, near: float) -> str:
    """Say what becomes of the circle from two correlations in the last layer.

    Args:
        far: of points a quarter turn apart.
        near: of points 15° apart.
    """
    return "collapses" if far > 0.95 else "crumples" if near < 0.9 else "survives"


@functools.lru_cache(maxsize=4)
def _noise(seed: int) -> np.ndarray:
    return np.array(list(islice(normals(seed), NOISE)))


def _circle() -> np.ndarray:
    angle = 2 * np.pi * np.arange(POINTS) / POINTS
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def run(
    kind: str, sigma_w: float, seed: int, depth: int = DEPTH
) -> tuple[list[np.ndarray], np.ndarray]:
    """Send the circle through a net that is drawn as the page draws it.

    Returns:
        For each layer the circle in its first two units, (POINTS, 2), in units of the layer's root mean
        square; and the correlations a quarter turn and 15° apart, (depth, 2).
    """
    noise, f, start = _noise(seed), ACTIVATIONS[kind].f, 0
    h, rings, found = _circle(), [], []
    for layer in range(depth):
        fan, step = (2, sigma_w) if layer == 0 else (WIDTH, sigma_w / np.sqrt(WIDTH))
        weights = noise[start : start + fan * WIDTH].reshape(fan, WIDTH)
        biases = noise[start + fan * WIDTH : start + (fan + 1) * WIDTH]
        z = step * h @ weights + BIAS[kind] * biases
        start += (fan + 1) * WIDTH
        direction = z / np.linalg.norm(z, axis=1, keepdims=True)
        found.append(
            [float((direction * np.roll(direction, -k, 0)).sum(1).mean()) for k in (QUARTER, 1)]
        )
        rings.append(z[:, :2] / np.sqrt(np.mean(z**2)))
        h = f(z)
    return rings, np.array(found)
