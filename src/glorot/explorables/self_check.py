"""*Check yourself*: short questions at the end of a chapter, with feedback that explains."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import traitlets

from glorot.explorables.base import Case, Explorable


@dataclass(frozen=True)
class Option:
    """One answer to choose: its text, why it is right or what it mistakes, and which of both."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Choice:
    """A question with one right answer among several.

    Raises:
        ValueError: if not exactly one option is right, or an option does not say why.
    """

    prompt: str
    options: tuple[Option, ...]
    kind: str = "choice"

    def __post_init__(self) -> None:
        right = sum(option.right for option in self.options)
        if right != 1 or len(self.options) < 2:
            raise ValueError(f"options must hold one right answer among several, got {right} right")
        for option in self.options:
            if not option.why.strip():
                raise ValueError(f"why must explain the option {option.text!r}, got {option.why!r}")


@dataclass(frozen=True)
class Number:
    """A question whose answer is a number.

    Args:
        answer: computed, not typed.
        why: shown when it is met.
        hint: shown when it is missed; leads on, does not give the number away.
        tolerance: relative.
        unit: printed behind the field.
    """

    prompt: str
    answer: float
    why: str
    hint: str
    tolerance: float = 0.02
    unit: str = ""
    kind: str = "number"

    def __post_init__(self) -> None:
        if not math.isfinite(self.answer):
            raise ValueError(f"answer must be a finite number, got {self.answer!r}")
        for name in ("why", "hint"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} must explain, got {getattr(self, name)!r}")


class SelfCheck(Explorable):
    """Questions that a page without a kernel can ask.

    Args:
        questions: `Choice` and `Number` objects, in order.
    """

    module = "self_check.js"
    questions: traitlets.List[dict] = traitlets.List().tag(sync=True)

    def __init__(self, *questions: Choice | Number) -> None:
        if not questions:
            raise ValueError("questions must hold at least one question, got none")
        super().__init__(questions=[asdict(question) for question in questions])

    def still_markup(self) -> str:
        """Return the questions, and folded answers, as HTML for paper and for no scripts."""
        asked = "".join(_asked(question) for question in self.questions)
        answers = "".join(
            f"<li>{html.escape(_answered(question))}</li>" for question in self.questions
        )
        return f"<ol>{asked}</ol><details><summary>Answers</summary><ol>{answers}</ol></details>"

    def cases(self) -> list[Case]:
        """Return what counts as a right number and what does not."""
        good = ["0.25", "0,25", "1/4", " .25 ", "2.5e-1", "25/100", "0.2549", "0.2451"]
        bad = [
            "",
            "four",
            "1/",
            "/4",
            "1/2/3",
            "0.2551",
            "0.2449",
            "−0.25",
            "1/0",
            "Infinity",
            "25",
        ]
        return (
            [Case("meets", [text, 0.25, 0.02], 1) for text in good]
            + [Case("meets", [text, 0.25, 0.02], 0) for text in bad]
            + [Case("meets", ["−3", -3, 0], 1), Case("meets", ["0", 0, 0.02], 1)]
        )


def _asked(question: dict) -> str:
    options = _list(option["text"] for option in question.get("options", ()))
    return f"<li>{html.escape(question['prompt'])}{options}</li>"


def _list(items: Iterable[str]) -> str:
    rows = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f"<ul>{rows}</ul>" if rows else ""


def _answered(question: dict) -> str:
    if question["kind"] == "number":
        return _sentences(f"{question['answer']:.3g}{question['unit']}", question["why"])
    right = next(option for option in question["options"] if option["right"])
    return _sentences(right["text"], right["why"])


def _sentences(answer: str, why: str) -> str:
    return f"{answer.rstrip('.')}. {why}"
