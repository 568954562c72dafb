"""Private inputs and truths of *Backpropagation and the variance product*. Not part of a release.

Gradients are compared with those of PyTorch's autograd, on nets of unequal widths.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from glorot import theory
from glorot.grading import Assignment, Case, Question, expect

Arrays = Sequence[np.ndarray]


def _net(rng: np.random.Generator, widths: Sequence[int]) -> tuple[list[np.ndarray], ...]:
    """Weights and biases; biases are not zero, or a forgotten one would not show."""
    weights = [rng.normal(0, 1 / np.sqrt(a), (a, b)) for a, b in pairwise(widths)]
    return weights, [rng.normal(0, 0.5, b) for b in widths[1:]]


def _depths(rng: np.random.Generator) -> list[tuple[str, list[int]]]:
    """Widths: all different, and once all equal, where a forgotten transpose raises nothing."""
    different = [[int(n) for n in rng.choice(np.arange(3, 30), k, replace=False)] for k in (3, 5)]
    equal = [int(rng.integers(4, 12))] * 5
    words = ("two layers", "four layers", "four layers of one width")
    return list(zip(words, (*different, equal), strict=True))


def draw_forward(rng: np.random.Generator) -> list[Case]:
    """Nets and batches."""
    cases = []
    for label, widths in _depths(rng):
        batch = int(rng.integers(2, 9))
        cases.append(Case(label, (*_net(rng, widths), rng.normal(size=(batch, widths[0])))))
    return cases


def true_preacts(weights: Arrays, biases: Arrays, x: np.ndarray) -> list[np.ndarray]:
    """All pre-activations, computed by PyTorch."""
    return [z.detach().numpy() for z in _torch_forward(*map(_tensors, (weights, biases)), x)]


def _tensors(arrays: Arrays) -> list:
    import torch

    return [torch.tensor(array, requires_grad=True) for array in arrays]


def _torch_forward(weights: list, biases: list, x: np.ndarray) -> list:
    import torch

    act, preacts = torch.tensor(x), []
    for weight, bias in zip(weights, biases, strict=True):
        preacts.append(act @ weight + bias)
        act = torch.tanh(preacts[-1])
    return preacts


def draw_logits(rng: np.random.Generator) -> list[Case]:
    """Logits of ordinary size, and some that overflow an exponential."""
    cases = []
    for label, scale in (("ordinary logits", 1.0), ("many classes", 2.0), ("huge logits", 2000.0)):
        examples, classes = (int(n) for n in rng.integers(3, 12, 2))
        logits = scale * rng.normal(size=(examples, classes))
        cases.append(Case(label, (logits, rng.integers(0, classes, examples))))
    return cases


def true_output_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What autograd makes of the mean cross-entropy; absolute rounding is 1e-16."""
    import torch

    tensor = torch.tensor(logits, requires_grad=True)
    torch.nn.functional.cross_entropy(tensor, torch.tensor(labels)).backward()
    return tensor.grad.numpy()


def judge_output_gradient(cases: Sequence[Case], answers: Sequence[object]) -> list[str]:
    """As `expect`, with an absolute tolerance: a certain class leaves a gradient of almost nothing."""
    from glorot.grading import same

    reasons = (
        (case, same(answer, true_output_gradient(*case.arguments), rtol=1e-9, atol=1e-12))
        for case, answer in zip(cases, answers, strict=True)
    )
    return [f"{case.label}: {reason}" for case, reason in reasons if reason is not None]


def draw_backward(rng: np.random.Generator) -> list[Case]:
    """Nets with the pre-activations of a batch, and a gradient at the top."""
    cases = []
    for case in draw_forward(rng):
        weights, biases, x = case.arguments
        act, preacts = x, []
        for weight, bias in zip(weights, biases, strict=True):
            preacts.append(act @ weight + bias)
            act = np.tanh(preacts[-1])
        grad = rng.normal(size=preacts[-1].shape)
        cases.append(Case(case.label, (weights, preacts, x, grad)))
    return cases


def true_backward(weights: Arrays, preacts: Arrays, x: np.ndarray, grad: np.ndarray) -> tuple:
    """The gradients of autograd; the biases follow from the pre-activations."""
    import torch

    acts = [x, *map(np.tanh, preacts[:-1])]
    biases = [(z - h @ w)[0] for z, h, w in zip(preacts, acts, weights, strict=True)]
    w, b = _tensors(weights), _tensors(biases)
    _torch_forward(w, b, x)[-1].backward(torch.tensor(grad))
    return [t.grad.numpy() for t in w], [t.grad.numpy() for t in b]


def draw_products(rng: np.random.Generator) -> list[Case]:
    """Linear nets of two to seven layers, no two widths equal."""
    cases = []
    for layers in (2, 4, 7):
        widths = [int(n) for n in rng.choice(np.arange(3, 400), layers + 1, replace=False)]
        variances = [float(v) for v in rng.uniform(0.5, 2, layers) / np.array(widths[:-1])]
        cases.append(Case(f"{layers} layers", (widths, variances)))
    return cases


def true_products(widths: Sequence[int], variances: Sequence[float]) -> tuple:
    """The package's predictions."""
    both = (theory.forward_second_moments, theory.backward_second_moments)
    return tuple(predict(tuple(widths), tuple(variances), "identity") for predict in both)


def true_weight_gradients(widths: Sequence[int], variances: Sequence[float]) -> np.ndarray:
    """What comes up to a layer, times what comes down to it."""
    up, down = true_products(widths, variances)
    return np.concatenate([[1.0], up[:-1]]) * down


ASSIGNMENT = Assignment(
    name="backpropagation",
    title="Backpropagation and the variance product",
    questions=(
        Question("q1", 3, "forward", draw_forward, expect(true_preacts, 1e-9)),
        Question("q2", 2, "output_gradient", draw_logits, judge_output_gradient),
        Question("q3", 5, "backward", draw_backward, expect(true_backward, 1e-7)),
        Question("q4", 3, "variance_product", draw_products, expect(true_products, 1e-9)),
        Question(
            "q5", 3, "weight_gradient_product", draw_products,
            expect(true_weight_gradients, 1e-9, [
                (
                    "the layer's own variance has no part in it",
                    lambda w, v: true_weight_gradients(w, v) * np.multiply(w[:-1], v),
                ),
            ]),
        ),
    ),
    manual=(("q6", 4),),
)  # fmt: skip
