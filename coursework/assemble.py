"""Assembles the master notebooks from their sources (`python coursework/assemble.py`).

A source is Markdown. ```` ```python ```` is a code cell; between ``@question NAME points=N`` and
``@end`` the fences ``python solution``, ``python tests``, ``python hidden`` and ``markdown
solution`` become the cells that otter-grader looks for, with their raw cells around them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from nbformat import v4

HERE = Path(__file__).resolve().parent
FENCE = re.compile(r"```(\w+)(?: (solution|tests|hidden))?\n(.*?)\n```", re.DOTALL)
QUESTION = re.compile(r"@question (\w+) points=(\d+)( manual)?")
HIDDEN = '""" # BEGIN TEST CONFIG\nhidden: true\n""" # END TEST CONFIG\n'
CONFIG = """\
# ASSIGNMENT CONFIG
name: {name}
init_cell: true
check_all_cell: true
export_cell: false
generate: true
run_tests: true
tests:
  ok_format: false"""


def sources() -> list[Path]:
    """Return the sources of all assignments."""
    return sorted(p for p in HERE.glob("*/*.md") if p.stem == p.parent.name)


def assemble(source: Path) -> nbformat.NotebookNode:
    """Return the master notebook of a source, the same every time."""
    cells = [v4.new_raw_cell(CONFIG.format(name=source.stem))]
    inside = ""
    for part in _parts(source.read_text("utf-8")):
        kind = part[0]
        if inside and kind not in ("tests", "hidden"):
            cells.append(v4.new_raw_cell(f"# END {inside}"))
            inside = ""
        if kind == "question":
            cells.append(v4.new_raw_cell("# BEGIN QUESTION\n" + part[1]))
        elif kind == "end":
            cells.append(v4.new_raw_cell("# END QUESTION"))
        elif kind == "text":
            cells.append(v4.new_markdown_cell(part[1]))
        elif kind == "code":
            cells.append(v4.new_code_cell(part[1]))
        elif kind == "solution":
            cells.append(v4.new_raw_cell("# BEGIN SOLUTION"))
            cells.append(_cell(*part[1:]))
            cells.append(v4.new_raw_cell("# END SOLUTION"))
        else:
            if not inside:
                cells.append(v4.new_raw_cell("# BEGIN TESTS"))
            inside = "TESTS"
            cells.append(v4.new_code_cell(HIDDEN * (kind == "hidden") + part[1]))
    for number, cell in enumerate(cells):
        cell["id"] = f"{source.stem[:8]}-{number:02d}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _parts(text: str) -> list[tuple[str, ...]]:
    """Split a source into questions' ends, text and fences, in order."""
    found: list[tuple[str, ...]] = []
    position = 0
    for fence in FENCE.finditer(text):
        found += _lines(text[position : fence.start()])
        language, role, body = fence.groups()
        if role == "solution":
            found.append(("solution", language, body))
        elif role:
            found.append((role, body))
        else:
            found.append(("code", body))
        position = fence.end()
    return found + _lines(text[position:])


def _lines(text: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for piece in re.split(r"^(@.*)$", text, flags=re.MULTILINE):
        question = QUESTION.fullmatch(piece.strip())
        if question:
            name, points, manual = question.groups()
            extra = "\nmanual: true" if manual else ""
            found.append(("question", f"name: {name}\npoints: {points}{extra}"))
        elif piece.strip() == "@end":
            found.append(("end",))
        elif piece.strip():
            found.append(("text", piece.strip()))
    return found


def _cell(language: str, body: str) -> nbformat.NotebookNode:
    return v4.new_code_cell(body) if language == "python" else v4.new_markdown_cell(body)


def main() -> int:
    """Write every master beside its source."""
    for source in sources():
        nbformat.write(assemble(source), source.with_suffix(".ipynb"))
        print(source.with_suffix(".ipynb").relative_to(HERE.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
