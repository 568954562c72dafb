"""Verdicts on claims from paired runs: two values per seed, one per side of the comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

__all__ = ["LEVEL", "Verdict", "sameness", "verdict"]

LEVEL = 0.005
"""The level of significance that the 2010 paper uses."""

Word = Literal["held", "reversed", "unresolved"]


@dataclass(frozen=True)
class Verdict:
    """What paired runs say about a claim.

    Args:
        word: ``held``, ``reversed`` or ``unresolved``.
        difference: mean of ours − other over the seeds, in the unit of the values.
        standard_error: its standard error, same unit.
        p: p-value of the test.
        level: level that the verdict was taken at.
        seeds: number of pairs.
    """

    word: Word
    difference: float
    standard_error: float
    p: float
    level: float
    seeds: int

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values for a record."""
        return asdict(self)


def verdict(ours: Sequence[float], other: Sequence[float], level: float = LEVEL) -> Verdict:
    """Try the claim "ours is lower" by a two-sided paired t-test.

    With d_s = ours_s − other_s, t = mean(d) / (std(d)/√S) on S − 1 degrees of freedom: *held* if p
    < level and the mean is negative, *reversed* if p < level and it is positive, *unresolved*
    otherwise.

    Args:
        ours: S values, one per seed, such as test errors as fractions.
        other: S values of the other side, same seeds in the same order.
        level: level of significance.

    Returns:
        The verdict.

    Raises:
        ValueError: if the two sides do not pair, or hold fewer than two finite values.

    >>> verdict([0.10, 0.11, 0.12], [0.20, 0.21, 0.23]).word
    'held'
    >>> verdict([0.10, 0.11, 0.12], [0.12, 0.10, 0.11]).word
    'unresolved'
    """
    differences = _differences(ours, other, level)
    mean, error = _mean_and_error(differences)
    if error == 0:  # the same difference for every seed: the test has no noise to measure by
        p = 1.0 if mean == 0 else 0.0
    else:
        p = float(2 * stats.t.sf(abs(mean) / error, len(differences) - 1))
    word: Word = "unresolved" if p >= level else "held" if mean < 0 else "reversed"
    return Verdict(word, mean, error, p, level, len(differences))


def sameness(
    ours: Sequence[float], other: Sequence[float], margin: float, level: float = LEVEL
) -> Verdict:
    """Try the claim "no difference that matters" by two one-sided paired t-tests (TOST).

    *Held* if mean(d) > −margin and mean(d) < margin are both significant, *reversed* if the magnitude of mean(d) >
    margin is, *unresolved* otherwise. The margin has to be fixed before the runs.

    Args:
        ours: S values, one per seed.
        other: S values of the other side, same seeds in the same order.
        margin: the largest difference that does not matter, in the unit of the values.
        level: level of significance of each one-sided test.

    Returns:
        The verdict; its p is the larger of the two one-sided ones.

    Raises:
        ValueError: if margin is not positive, the sides do not pair, or hold fewer than two finite
            values.

    >>> sameness([0.10, 0.11, 0.12], [0.1001, 0.1101, 0.1199], margin=0.01).word
    'held'
    """
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin!r}")
    differences = _differences(ours, other, level)
    mean, error = _mean_and_error(differences)
    inside = margin - abs(mean)
    if error == 0:
        p = 0.0 if inside > 0 else 1.0
    else:
        p = float(stats.t.sf(inside / error, len(differences) - 1))
    word: Word = "held" if p < level else "reversed" if p > 1 - level else "unresolved"
    return Verdict(word, mean, error, p, level, len(differences))


def _differences(ours: Sequence[float], other: Sequence[float], level: float) -> np.ndarray:
    a, b = np.asarray(ours, dtype=float), np.asarray(other, dtype=float)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise ValueError(
            "ours and other must be paired, at least two seeds each, "
            f"got shapes {a.shape} and {b.shape}"
        )
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")
    for name, values in (("ours", a), ("other", b)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got {values!r}")
    return a - b


def _mean_and_error(differences: np.ndarray) -> tuple[float, float]:
    mean = float(differences.mean())
    error = float(differences.std(ddof=1) / np.sqrt(len(differences)))
    negligible = 1e-12 * max(
        abs(mean), float(np.abs(differences).max())
    )  # rounding of the subtraction
    return mean, (0.0 if error <= negligible else error)
