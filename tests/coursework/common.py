"""Submissions made from a master: the model answer, the starter, and either with code added."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
COURSEWORK = ROOT / "coursework"
NAMES = sorted(path.parent.name for path in COURSEWORK.glob("*/hidden.py"))


@dataclass(frozen=True)
class Wrong:
    """A wrong solution or an attack: code that joins a base, and the questions that it loses."""

    assignment: str
    title: str
    base: str
    loses: tuple[str, ...]
    passes_public: bool
    code: str


def script(name: str):
    """A module of coursework/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"coursework_{name}", COURSEWORK / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_wrong(file: str, assignment: str) -> list[Wrong]:
    """All entries of one file in coursework/mutants."""
    text = (COURSEWORK / "mutants" / f"{file}.md").read_text("utf-8")
    found = []
    for entry in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        head, code = re.fullmatch(r"(.*?)```python\n(.*?)\n```\s*", entry, re.DOTALL).groups()
        title, *facts = head.strip().splitlines()
        lost = next((f.removeprefix("loses:").split() for f in facts if "loses:" in f), [])
        base = "starter" if "starter" in facts else "reference"
        public = "passes public tests" in facts
        found.append(Wrong(assignment, title, base, tuple(lost), public, code))
    return found


def master(name: str) -> nbformat.NotebookNode:
    """The committed master."""
    return nbformat.read(COURSEWORK / name / f"{name}.ipynb", as_version=4)


def starter_source(source: str) -> str:
    """A cell as the student finds it: the solution is three dots."""
    pattern = r"^( *)# BEGIN SOLUTION\n.*?# END SOLUTION"
    return re.sub(pattern, r"\1...", source, flags=re.MULTILINE | re.DOTALL)


def write_submission(path: Path, name: str, base: str, code: str = "") -> Path:
    """Write a notebook: a base of an assignment, with a last cell."""
    cells = [cell.source for cell in master(name).cells if cell.cell_type == "code"]
    if base == "starter":
        cells = [starter_source(cell) for cell in cells]
    new = nbformat.v4
    book = new.new_notebook(cells=[new.new_code_cell(c) for c in (*cells, code) if c])
    path.write_text(json.dumps(book), "utf-8")
    return path
