"""Guards the labs: a stripped output passes every comparison, so none may be stripped."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(
    [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "coursework").glob("*/*.ipynb")]
)


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """What would make a run of the notebook prove nothing."""
    found = []
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("the kernel is not python3")
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if "NBVAL_" in cell.source:
            found.append(f"cell {number} shows readers a mark that belongs in its tags")
        checked = "nbval-check-output" in cell.metadata.get("tags", [])
        if checked and not cell.outputs:
            found.append(f"cell {number} is to be compared and has no stored output")
        if any(out.output_type == "error" for out in cell.outputs):
            found.append(f"cell {number} stores an error")
        if any(out.get("name") == "stderr" for out in cell.outputs):
            found.append(f"cell {number} stores a message on stderr")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_a_lab_is_ready_to_be_compared(path):
    assert complaints(nbformat.read(path, as_version=4)) == []


def test_every_chapter_leads_to_its_lab():
    for chapter in sorted((ROOT / "chapters").glob("*.md")):
        lab = ROOT / "notebooks" / f"{chapter.stem}-lab.ipynb"
        text = chapter.read_text("utf-8")
        assert f"{{lab}} {lab.stem}\n" in text, f"{chapter.name} does not lead to {lab.name}"
        assert lab.is_file()


def test_a_stripped_output_is_caught():
    new = nbformat.v4
    cell = new.new_code_cell("1 + 1", metadata={"tags": ["nbval-check-output"]})
    marked = new.new_code_cell("# NBVAL_SKIP")
    loud = new.new_code_cell("x", outputs=[new.new_output("stream", name="stderr", text="!")])
    stripped = new.new_notebook(cells=[cell, marked, loud])
    assert len(complaints(stripped)) == 4
