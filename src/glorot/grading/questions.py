"""Questions with private inputs, and how an answer is compared with the truth."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glorot.grading.child import encode
from glorot.grading.sandbox import Limits

__all__ = ["Assignment", "Case", "Question", "Seed", "expect", "load_assignment", "same"]

HIDDEN = "hidden.py"
SINGLE = 3e-6  # what sums and exponentials in single precision are off by, at most 25 roundings


@dataclass(frozen=True)
class Seed:
    """An argument that the student's function receives as a fresh ``numpy.random.Generator``."""

    value: int


@dataclass(frozen=True)
class Case:
    """One call: its arguments, and words for it that a student may read."""

    label: str
    arguments: tuple[Any, ...]


Draw = Callable[[np.random.Generator], list[Case]]
Judge = Callable[[Sequence[Case], Sequence[object]], list[str]]


@dataclass(frozen=True)
class Question:
    """What one function has to do.

    Args:
        name: as in the notebook, ``q1``.
        points: all or none.
        function: name of the function to write.
        draw: private cases from a generator.
        judge: complaints about the answers, one for each case in order; none if all are right.
    """

    name: str
    points: int
    function: str
    draw: Draw
    judge: Judge

    def cases(self, seed: int) -> list[Case]:
        """Return the private cases of a seed, the same every time."""
        return self.draw(np.random.default_rng([seed, zlib.crc32(self.name.encode())]))


@dataclass(frozen=True)
class Assignment:
    """The graded questions of a notebook; those marked by a person are listed with their points."""

    name: str
    title: str
    questions: tuple[Question, ...]
    manual: tuple[tuple[str, int], ...] = ()
    allowed: tuple[str, ...] = ("numpy",)
    limits: Limits = field(default_factory=Limits)

    @property
    def points(self) -> int:
        """Points of all questions that are graded here."""
        return sum(question.points for question in self.questions)


def encode_argument(argument: object) -> dict[str, Any]:
    """Return an argument as the child decodes it."""
    if isinstance(argument, Seed):
        return {"rng": argument.value}
    if isinstance(argument, list | tuple):
        return {"list": [encode_argument(item) for item in argument]}
    return encode(argument)


def load_assignment(name: str, folder: Path | None = None) -> Assignment:
    """Return an assignment by its name, or by the path of its folder.

    Args:
        name: of a folder below ``folder``, or a path.
        folder: where assignments stand; by default ``coursework`` here or in a folder above.

    Raises:
        ValueError: if there is none of that name, or its ``hidden.py`` defines no ``ASSIGNMENT``.
    """
    here = Path.cwd()
    roots = [folder] if folder else [p / "coursework" for p in (here, *here.parents)]
    found = [p / HIDDEN for p in (Path(name), *(r / name for r in roots)) if (p / HIDDEN).is_file()]
    if not found:
        known = sorted(p.parent.name for r in roots for p in r.glob(f"*/{HIDDEN}"))
        raise ValueError(
            f"assignment must be a folder with {HIDDEN} or one of {known}, got {name!r}"
        )
    spec = importlib.util.spec_from_file_location(f"hidden_{zlib.crc32(name.encode())}", found[0])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assignment = getattr(module, "ASSIGNMENT", None)
    if not isinstance(assignment, Assignment):
        raise ValueError(f"{found[0]} must define ASSIGNMENT, got {assignment!r}")
    return assignment


def expect(
    truth: Callable[..., object],
    rtol: float,
    mistakes: Sequence[tuple[str, Callable[..., object]]] = (),
) -> Judge:
    """Return a judge that computes the truth of each case and compares.

    Args:
        truth: called with a case's arguments; independent of any student's or model answer.
        rtol: relative tolerance of every number.
        mistakes: what to say, and what is computed, if somebody errs in a known way.
    """

    def judge(cases: Sequence[Case], answers: Sequence[object]) -> list[str]:
        complaints = []
        for case, answer in zip(cases, answers, strict=True):
            reason = same(answer, truth(*case.arguments), rtol)
            if reason is not None:
                complaints.append(f"{case.label}: {reason}")
        for words, mistake in mistakes if complaints else ():
            if all(
                same(a, mistake(*c.arguments), rtol) is None
                for c, a in zip(cases, answers, strict=True)
            ):
                return [words]
        return complaints

    return judge


def same(answer: object, truth: object, rtol: float = 1e-6, atol: float = 0.0) -> str | None:
    """Say how an answer differs from the truth, without giving the truth away; None if it does not.

    Numbers may be Python's or NumPy's, arrays may come as nested lists, a tuple as a list, a
    number as an array of one; other shapes must be equal and every number finite. An answer in single
    precision is as right as single precision can be.

    Example:
        >>> same([1.0, 2.0], np.array([1.0, 2.0])) is None
        True
        >>> same(np.ones((2, 3)), np.ones((3, 2)))
        'returned shape (2, 3), expected (3, 2)'
    """
    if answer is None:
        return "returned None, as the starter does" if truth is not None else None
    if isinstance(truth, str | bool):
        if isinstance(answer, np.ndarray) and answer.shape == ():
            answer = answer.item()
        if type(answer) is not type(truth):
            return f"returned a {type(answer).__name__}, expected a {type(truth).__name__}"
        return None if answer == truth else "is wrong"
    if isinstance(truth, list | tuple):
        return _same_items(answer, truth, rtol, atol)
    expected = np.asarray(truth)
    try:
        got = np.asarray(answer)
        if got.dtype.kind not in "fiu":
            return f"returned {got.dtype}, expected numbers"
    except ValueError:
        return "returned lists of unequal lengths, expected an array"
    if isinstance(answer, np.ndarray) and got.size == 1 and expected.shape == ():
        got = got.reshape(())
    if got.shape != expected.shape:
        return f"returned shape {got.shape}, expected {expected.shape}"
    if not np.isfinite(got).all():
        return "returned a number that is not finite"
    off = np.abs(got.astype(np.float64) - expected)
    size = np.abs(expected).max(initial=0)
    if got.dtype == np.float32:
        rtol, atol = max(rtol, SINGLE), max(atol, SINGLE * float(size))
    if (off <= atol + rtol * np.abs(expected)).all():
        return None
    return f"is off by {off.max() / size:.2g} of its size" if size > 0 else "is not zero"


def _same_items(answer: Any, truth: Sequence[object], rtol: float, atol: float) -> str | None:
    rows = isinstance(answer, np.ndarray) and answer.ndim > 0
    if not rows and not isinstance(answer, list | tuple):
        return f"returned a {type(answer).__name__}, expected {len(truth)} items"
    if len(answer) != len(truth):
        return f"returned {len(answer)} items, expected {len(truth)}"
    for number, (one, true) in enumerate(zip(answer, truth, strict=True), 1):
        reason = same(one, true, rtol, atol)
        if reason is not None:
            return f"item {number} {reason}"
    return None
