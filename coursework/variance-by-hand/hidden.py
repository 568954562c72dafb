"""Private inputs and truths of *Variance by hand*. Not part of a release."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import stats

from glorot import initializers, theory
from glorot.fans import compute_fans
from glorot.grading import Assignment, Case, Question, Seed, expect

RULES = {
    "lecun": initializers.lecun_normal,
    "glorot": initializers.glorot_normal,
    "he": initializers.he_normal,
}


def _widths(rng: np.random.Generator, least: int, most: int, layers: int) -> list[int]:
    """Widths that all differ, or a swap of fans would not show."""
    return [int(n) for n in rng.choice(np.arange(least, most), layers + 1, replace=False)]


def draw_shapes(rng: np.random.Generator) -> list[Case]:
    """Matrices, a convolution along a line, one in the plane, one in space."""
    cases = []
    for label, axes in (("a matrix", 0), ("a line", 1), ("a plane", 2), ("a volume", 3)):
        kernel = [int(n) for n in rng.integers(2, 8, axes)]
        cases.append(Case(f"{label} of weights", ((*kernel, *_widths(rng, 8, 200, 1)),)))
    return cases


def true_fans(shape: Sequence[int]) -> tuple[int, int]:
    """Both fans, from the package."""
    found = compute_fans(tuple(shape))
    return found.fan_in, found.fan_out


def draw_schemes(rng: np.random.Generator) -> list[Case]:
    """Each rule on a narrowing and on a widening layer."""
    small, large = sorted(_widths(rng, 20, 900, 1))
    layers = (("narrowing", large, small), ("widening", small, large))
    return [Case(f"{rule}, {word}", (rule, a, b)) for rule in RULES for word, a, b in layers]


def true_variance(scheme: str, fan_in: int, fan_out: int) -> float:
    """What the package's initializer promises."""
    return RULES[scheme].variance((fan_in, fan_out))


def draw_variances(rng: np.random.Generator) -> list[Case]:
    """Variances over four orders of magnitude."""
    return [Case("a variance", (float(v),)) for v in 10.0 ** rng.uniform(-4, 0, 4)]


def draw_truncations(rng: np.random.Generator) -> list[Case]:
    """Two generators, the first of them twice, on one shape: then a second variance."""
    seeds = [int(s) for s in rng.integers(2**31, size=2)]
    shape, variances = tuple(_widths(rng, 180, 260, 1)), 10.0 ** rng.uniform(-3, -1, 2)
    first, again, other = ((shape, float(variances[0]), Seed(s)) for s in (*seeds[:1], *seeds))
    last = (shape, float(variances[1]), Seed(seeds[1]))
    words = ("one generator", "the same again", "another generator", "another variance")
    return [Case(w, a) for w, a in zip(words, (first, again, other, last), strict=True)]


def judge_truncations(cases: Sequence[Case], answers: Sequence[object]) -> list[str]:
    """Shape, cut-off, variance and law of each draw; and that it is the generator that draws."""
    found = []
    for case, answer in zip(cases, answers, strict=True):
        shape, variance, _ = case.arguments
        if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f":
            found.append(f"{case.label}: returned no array of floats")
        elif answer.shape != shape:
            found.append(f"{case.label}: returned shape {answer.shape}, expected {shape}")
        elif not np.isfinite(answer).all():
            found.append(f"{case.label}: returned a number that is not finite")
        else:
            found += [f"{case.label}: {c}" for c in _complaints(answer.ravel(), variance)]
    if not found and not np.array_equal(answers[0], answers[1]):
        found.append("the same generator gives different weights: something else is drawn from")
    if not found and np.array_equal(answers[0], answers[2]):
        found.append("different generators give the same weights: rng is not drawn from")
    return found


def _complaints(weights: np.ndarray, variance: float) -> list[str]:
    """Compare with the exact law; a right answer fails one in 600,000 (five standard errors)."""
    sigma = np.sqrt(variance) / 0.87962566103423978
    law = stats.truncnorm(-2, 2, scale=sigma)
    if np.abs(weights).max() > 2 * sigma * (1 + 1e-6):
        return ["weights lie further out than two standard deviations"]
    kurtosis = law.stats("k") + 3
    error = np.sqrt((kurtosis - 1) / weights.size)
    if abs(weights.var() / variance - 1) > 5 * error:
        return [f"the variance is {weights.var() / variance:.2f} times what was asked for"]
    if stats.kstest(weights, law.cdf).pvalue < 1e-6:
        return ["the variance is right, but this is no truncated normal"]
    return []


def draw_nets(rng: np.random.Generator) -> list[Case]:
    """Linear nets of two, four and six layers."""
    cases = []
    for layers in (2, 4, 6):
        widths = _widths(rng, 5, 300, layers)
        variances = [float(v) for v in rng.uniform(0.5, 2, layers) / np.array(widths[:-1])]
        cases.append(Case(f"{layers} layers", (widths, variances, float(rng.uniform(0.5, 3)))))
    return cases


def true_moments(widths: Sequence[int], variances: Sequence[float], q0: float) -> np.ndarray:
    """The package's prediction."""
    return theory.forward_second_moments(tuple(widths), tuple(variances), "identity", q0)


def draw_batches(rng: np.random.Generator) -> list[Case]:
    """Matrices of a linear net and a batch whose mean is not zero."""
    cases = []
    for layers in (1, 3, 5):
        widths = _widths(rng, 3, 40, layers)
        weights = [rng.normal(0.2, 0.3, s) for s in pairwise(widths)]
        x = rng.normal(1.0, 1.0, (int(rng.integers(5, 20)), widths[0]))
        cases.append(Case(f"{layers} layers", (weights, x)))
    return cases


def true_measurement(weights: Sequence[np.ndarray], x: np.ndarray) -> list[float]:
    """The same from einsum and the product of all matrices up to a layer."""
    signals = [np.linalg.multi_dot([x, *weights[: n + 1]]) for n in range(len(weights))]
    return [float(np.einsum("bi,bi->", z, z) / z.size) for z in signals]


ASSIGNMENT = Assignment(
    name="variance-by-hand",
    title="Variance by hand",
    questions=(
        Question(
            "q1", 3, "fans", draw_shapes,
            expect(true_fans, 0.0, [
                ("fan_in and fan_out are swapped", lambda s: true_fans(s)[::-1]),
                ("the positions of the kernel are not counted", lambda s: tuple(s[-2:])),
            ]),
        ),
        Question(
            "q2", 3, "weight_variance", draw_schemes,
            expect(true_variance, 1e-9, [
                ("this is the standard deviation", lambda *a: true_variance(*a) ** 0.5),
                ("fan_in and fan_out are swapped", lambda r, a, b: true_variance(r, b, a)),
            ]),
        ),
        Question(
            "q3", 2, "uniform_bound", draw_variances,
            expect(lambda v: (3 * v) ** 0.5, 1e-9, [
                ("this is the standard deviation, not the bound", lambda v: v**0.5),
                ("the square root is missing", lambda v: 3 * v),
            ]),
        ),
        Question("q4", 4, "draw_truncated", draw_truncations, judge_truncations),
        Question(
            "q5", 3, "predicted_second_moments", draw_nets,
            expect(true_moments, 1e-9, [
                ("this multiplies by fan_out", lambda w, v, q: q * np.cumprod(np.multiply(w[1:], v))),
                ("this is the square root", lambda *a: np.sqrt(true_moments(*a))),
            ]),
        ),
        Question(
            "q6", 3, "measured_second_moments", draw_batches,
            expect(true_measurement, 1e-9, [
                ("this is the root mean square", lambda *a: np.sqrt(true_measurement(*a))),
            ]),
        ),
    ),
    manual=(("q7", 4),),
)  # fmt: skip
