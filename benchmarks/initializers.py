"""A matrix of weights against NumPy's own draws of the same distribution."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np

from benchmarks import Row
from glorot.initializers import VarianceScaling

SHAPE = (4096, 4096)
ROUNDS = 7


def rows() -> list[Row]:
    """Return uniform and normal against NumPy, truncated against ours untruncated."""
    rng = np.random.default_rng(0)
    uniform, normal, truncated = (
        partial(VarianceScaling(1.0, "fan_avg", distribution), SHAPE, rng)
        for distribution in ("uniform", "normal", "truncated_normal")
    )
    return [
        _row("uniform", uniform, "NumPy's random", partial(rng.random, SHAPE, np.float32), 1.0),
        _row("normal", normal, "NumPy's", partial(rng.standard_normal, SHAPE, np.float32), 1.0),
        _row("truncated normal", truncated, "ours untruncated", normal, 1 / 1.5),
    ]


def _row(
    what: str, ours: Callable[[], object], against: str, other: Callable[[], object], reach: float
) -> Row:
    """Compare medians of alternating calls, after one of each to warm up."""
    rounds = [(_seconds(ours), _seconds(other)) for _ in range(ROUNDS + 1)][1:]
    mine, theirs = (median(times) for times in zip(*rounds, strict=True))
    return Row(
        what=f"{SHAPE[0]}×{SHAPE[1]} float32, {what}",
        ours=f"{1e3 * mine:.0f} ms",
        against=f"{against}, {1e3 * theirs:.0f} ms",
        ratio=theirs / mine,
        reach=reach,
    )


def _seconds(draw: Callable[[], object]) -> float:
    start = time.perf_counter()
    draw()
    return time.perf_counter() - start
