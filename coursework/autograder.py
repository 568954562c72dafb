"""Grades one submission in a container, in the layout of Gradescope (part of each archive).

The student's code never runs in this process: see ``glorot.grading``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "src"))

from glorot import grading  # noqa: E402


def results(report: grading.Report) -> dict:
    """Return a report in the form that Gradescope reads; reasons are for the student."""
    tests = [
        {
            "name": mark.question,
            "score": mark.points,
            "max_score": mark.out_of,
            "output": "\n".join(mark.reasons or ("right",)),
        }
        for mark in report.marks
    ]
    return {"tests": tests, "output": report.problem or "", "stdout_visibility": "hidden"}


def main() -> int:
    """Grade what lies in the submission's folder and write the marks."""
    root = Path(os.environ.get("AUTOGRADER_ROOT", "/autograder"))
    assignment = grading.load_assignment(str(HERE))
    found = grading.find_submissions([root / "submission"])
    found.sort(key=lambda p: p.suffix.lower() != ".ipynb")  # notebooks before scripts
    path = found[0] if found else root / "submission" / f"{assignment.name}.ipynb"
    report = grading.grade(assignment, path, int((HERE / "seed.txt").read_text("utf-8")))
    (root / "results").mkdir(parents=True, exist_ok=True)
    content = results(report)
    if len(found) > 1:
        content["output"] += f"\nOf {len(found)} files this one was graded: {path.name}"
    (root / "results" / "results.json").write_text(json.dumps(content, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
