"""Private inputs and truths of *Reproduce a figure*. Not part of a release."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
from scipy import stats

from glorot.grading import Assignment, Case, Question, Seed, expect


def draw_schemes(rng: np.random.Generator) -> list[Case]:
    """Each scheme with one generator, the first of them again, and with another."""
    widths = [int(n) for n in rng.choice(np.arange(60, 240), 4, replace=False)]
    one, other = (Seed(int(s)) for s in rng.integers(2**31, size=2))
    calls = (("standard", one), ("standard", one), ("normalized", other), ("standard", other))
    return [Case(f"{scheme} scheme", (scheme, widths, seed)) for scheme, seed in calls]


def judge_schemes(cases: Sequence[Case], answers: Sequence[object]) -> list[str]:
    """Shapes, bound and law of each matrix; and that it is the generator that draws."""
    found = []
    for case, answer in zip(cases, answers, strict=True):
        scheme, widths, _ = case.arguments
        shapes = list(pairwise(widths))
        matrices = answer if isinstance(answer, list) else []
        matrices = [w for w in matrices if isinstance(w, np.ndarray) and w.dtype.kind == "f"]
        if [w.shape for w in matrices] != shapes or len(matrices) != len(answer):
            words = f"expected a list of {len(shapes)} arrays of floats (fan_in, fan_out)"
            found.append(f"{case.label}: {words}")
            continue
        for weight, (fan_in, fan_out) in zip(answer, shapes, strict=True):
            bound = fan_in**-0.5 if scheme == "standard" else (6 / (fan_in + fan_out)) ** 0.5
            law = stats.uniform(-bound, 2 * bound)
            outside = not (np.abs(weight) <= bound * (1 + 1e-6)).all()  # not a number is outside
            p_value = stats.kstest(weight.ravel(), law.cdf).pvalue
            if outside or p_value < 1e-6:  # small: all students draw alike
                found.append(
                    f"{case.label}: a {fan_in} x {fan_out} matrix has another distribution"
                )
    if not found:
        first, again, _, other = answers
        if not all(map(np.array_equal, first, again)) or np.array_equal(first[0], other[0]):
            found.append("it is not rng that draws: the same generator must give the same weights")
    return found


def draw_images(rng: np.random.Generator) -> list[Case]:
    """A batch of several, and a batch of one."""
    return [Case(f"{n} images", (rng.uniform(size=(n, 32, 32)),)) for n in (7, 1)]


def draw_nets(rng: np.random.Generator) -> list[Case]:
    """Nets of two, four and six layers with labels of nine classes."""
    cases = []
    for layers in (2, 4, 6):
        widths = [int(n) for n in rng.choice(np.arange(5, 40), layers, replace=False)] + [9]
        weights = [rng.normal(0, a**-0.5, (a, b)) for a, b in pairwise(widths)]
        examples = int(rng.integers(10, 30))
        x, labels = rng.uniform(-1, 1, (examples, widths[0])), rng.integers(0, 9, examples)
        cases.append(Case(f"{layers} layers", (weights, x, labels)))
    return cases


def true_stds(weights: Sequence[np.ndarray], x: np.ndarray, labels: np.ndarray) -> tuple:
    """The same from PyTorch's autograd."""
    import torch

    parameters = [torch.tensor(w, requires_grad=True) for w in weights]
    act, preacts = torch.tensor(x), []
    for weight in parameters:
        preacts.append(act @ weight)
        preacts[-1].retain_grad()
        act = torch.tanh(preacts[-1])
    torch.nn.functional.cross_entropy(preacts[-1], torch.tensor(labels)).backward()
    return tuple([float(t.grad.numpy().std()) for t in group] for group in (preacts, parameters))


def draw_ratios(rng: np.random.Generator) -> list[Case]:
    """Ten ratios with t just beyond the level's 3.6897 and just below it, on both sides.

    Just below lie a one-sided test (3.25) and a standard deviation without ddof (3.60 becomes 3.79). The
    spread is drawn too, so that a threshold on the mean is no way to know. One ratio stands apart, in
    half of the cases on the other side of one: neither counting nor the shape tells the clear from the
    close. And the order is drawn, or the verdicts of every seed would be one list.
    """
    cases, kinds = [], list(product(("clear", "close"), (1, -1), (1.2, -1.2)))
    for number in rng.permutation(len(kinds)):
        word, side, apart = kinds[number]
        t = side * (4.3 if word == "clear" else 3.6)
        noise = np.append(rng.uniform(-0.1, 0.1, 9), apart)
        noise = (noise - noise.mean()) / noise.std(ddof=1)
        logs = float(rng.uniform(0.1, 2)) * np.sign(t) * (noise + abs(t) / 10**0.5)
        cases.append(
            Case(f"{word}, {'above' if t > 0 else 'below'}", (np.exp(rng.permutation(logs)),))
        )
    return cases


def true_verdict(ratios: np.ndarray) -> str:
    """SciPy's one-sample test of the logarithms."""
    t, p = stats.ttest_1samp(np.log(ratios), 0)
    return "unresolved" if p > 0.005 else "below one" if t < 0 else "above one"


ASSIGNMENT = Assignment(
    name="reproduce-a-figure",
    title="Reproduce a figure",
    questions=(
        Question("q1", 3, "draw_weights", draw_schemes, judge_schemes),
        Question(
            "q2", 2, "prepare", draw_images,
            expect(lambda images: 2 * images.reshape(len(images), 1024) - 1, 1e-6),
        ),
        Question("q3", 4, "gradient_stds", draw_nets, expect(true_stds, 1e-7)),
        Question("q4", 2, "verdict", draw_ratios, expect(true_verdict, 0.0)),
    ),
    manual=(("q5", 6), ("q6", 2), ("q7", 6)),
)  # fmt: skip
