"""*Bend the line*: one hinge per hidden unit, placed by the reader; with none there is only a line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np

from glorot.explorables.base import Case, Explorable
from glorot.explorables.randomness import uniforms
from glorot.figures import explorables as figures
from glorot.style import BookFigure

TARGETS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sine": np.sin,
    "square": lambda x: (x / np.pi) ** 2,
    "step": lambda x: np.tanh(4 * x),
}
GRID = np.linspace(-np.pi, np.pi, 161)
RIDGE = 1e-9  # keeps two hinges at one place from dividing by zero


class BendTheLine(Explorable):
    """A function of one variable and a ReLU net whose hinges the reader moves."""

    module = "bend_the_line.js"

    def still(self) -> BookFigure:
        """Return sin x with the best fits of 0, 2 and 6 evenly placed hinges."""
        fits = {k: best_fit(_even(k), "sine") for k in (0, 2, 6)}
        return figures.bend_the_line(GRID, np.sin(GRID), fits)

    def cases(self) -> list[Case]:
        """Return fits, errors and thrown hinges against NumPy's least squares."""
        places = [[], [0.0], [-1.0, 1.0], [-2.5, -0.4, 0.3, 2.9], [0.5, 0.5], _even(7), _even(12)]
        fits = [
            Case("fit", [p, target], best_fit(p, target).tolist())
            for p in places
            for target in TARGETS
        ]
        errors = [Case("error", [p, "sine"], rms_error(p, "sine")) for p in places]
        thrown = [Case("thrown", [k, seed], _thrown(k, seed)) for k in (1, 5) for seed in (1, 2, 9)]
        return fits + errors + thrown


def best_fit(hinges: list[float], target: str) -> np.ndarray:
    """Return the least-squares fit on ``GRID`` of a line and one ReLU per hinge, shape (161,)."""
    rows = np.stack(
        [np.ones_like(GRID), GRID / np.pi, *(np.maximum(0, GRID - t) for t in hinges)], axis=1
    )
    n = rows.shape[1]
    ridge = np.sqrt(RIDGE * len(GRID)) * np.eye(n)
    wanted = np.append(TARGETS[target](GRID), np.zeros(n))
    weights = np.linalg.lstsq(np.vstack([rows, ridge]), wanted, rcond=None)[0]
    return rows @ weights


def rms_error(hinges: list[float], target: str) -> float:
    """Return the root mean squared error of :func:`best_fit`."""
    return float(np.sqrt(np.mean((best_fit(hinges, target) - TARGETS[target](GRID)) ** 2)))


def _even(k: int) -> list[float]:
    return [-np.pi + 2 * np.pi * (i + 1) / (k + 1) for i in range(k)]


def _thrown(k: int, seed: int) -> list[float]:
    return sorted((2 * u - 1) * np.pi for u in islice(uniforms(seed), k))
