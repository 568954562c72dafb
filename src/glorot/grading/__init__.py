"""Hidden marks: a student's functions on private inputs, run apart and judged here.

A question names a function, draws private inputs from a seed, and judges what came back. The
function runs in a process of its own (`glorot.grading.child`); plain numbers and arrays are read
from it, never objects; and what is right is computed only *after* that process has ended, so that
nothing it could reach knows the answer. Questions stand in ``hidden.py`` of an assignment's folder,
outside the package. Used by ``glorot grade`` and by the autograder archives.
"""

from glorot.grading.batch import (
    Mark,
    Report,
    find_submissions,
    grade,
    grade_batch,
    table,
    write_reports,
)
from glorot.grading.questions import (
    Assignment,
    Case,
    Question,
    Seed,
    expect,
    load_assignment,
    same,
)
from glorot.grading.sandbox import Limits

__all__ = [
    "Assignment",
    "Case",
    "Limits",
    "Mark",
    "Question",
    "Report",
    "Seed",
    "expect",
    "find_submissions",
    "grade",
    "grade_batch",
    "load_assignment",
    "same",
    "table",
    "write_reports",
]
