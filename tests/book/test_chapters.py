"""Every chapter is written in one form: title, facts, exercises, and cells that fit the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.md"))
COLUMNS = 78  # what the column shows on a desktop; longer lines would have to be scrolled
FENCE = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FACTS = re.compile(
    r"^\{\.chapter-facts\}\n\*\*You need\*\* [^·]+\.\n\*\*You get\*\* [^·]+\.\n\*\*Time\*\* [^·]+\.\n\n",
    re.MULTILINE,
)
EXERCISES = ("Predict", "Derive", "Break")
NAMES = {"Glorot", "He", "LeCun", "ReLU"}  # capitals that a title keeps


def complaints(text: str) -> list[str]:
    """What in a chapter is not in the book's form."""
    found = []
    for cell in FENCE.findall(text):
        if "remove-cell" not in cell and "remove-input" not in cell:
            found += [f"wide: {line}" for line in cell.splitlines() if len(line) > COLUMNS]
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    words = re.findall(r"\w+", title[1])[1:] if title else ["None"]
    found += [
        f"capital in the title: {word}" for word in words if word[0].isupper() and word not in NAMES
    ]
    if not FACTS.search(text):
        found.append("chapter facts: You need. You get. Time. A sentence each, on a line each")
    asked = re.findall(r"^\*\*(\w+)\.\*\* ", text[text.find("\n## Exercises\n") :], re.MULTILINE)
    if tuple(asked[:3]) != EXERCISES:
        found.append(f"exercises: {asked}")
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_is_in_the_books_form(chapter):
    assert complaints(chapter.read_text("utf-8")) == []


GOOD = """# A title of Glorot

{.chapter-facts}
**You need** this.
**You get** that, and
more.
**Time** 5 minutes.

```{code-cell} ipython3
x = 1
```

```{code-cell} ipython3
:tags: [remove-cell]
LONG
```

## Exercises

**Predict.** What?

**Derive.** How?

**Break.** Why?
""".replace("LONG", "y" * 90)


def test_a_chapter_in_form_passes():
    assert complaints(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "sign"),
    [
        ("x = 1", "x = 1  # " + "long " * 20, "wide"),
        ("A title", "A Title", "capital"),
        ("this.\n", "this ·\n", "facts"),
        ("**Time** 5 minutes.\n", "", "facts"),
        ("**Derive.**", "### Derive", "exercises"),
    ],
)
def test_a_chapter_out_of_form_is_noticed(old, new, sign):
    assert GOOD.count(old) == 1
    assert any(c.startswith(sign) or sign in c for c in complaints(GOOD.replace(old, new)))
