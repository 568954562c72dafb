"""Grades submissions one by one; whatever a file holds, the batch goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm.auto import tqdm

from glorot.grading.questions import Assignment, Question, encode_argument
from glorot.grading.sandbox import Outcome, run_apart

__all__ = ["Mark", "Report", "find_submissions", "grade", "grade_batch", "table", "write_reports"]

SUFFIXES = (".ipynb", ".py")
LARGEST = 5_000_000  # bytes; a notebook of this book's size is 30,000
SHOWN = 3


@dataclass(frozen=True)
class Mark:
    """What one question earned.

    Args:
        status: ``right``, ``wrong``, ``raised``, ``missing``, ``stopped`` or ``ungraded``.
        reasons: why points are missing, first reasons first.
        remarks: what the person who grades should know besides.
    """

    question: str
    points: int
    out_of: int
    status: str
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """The marks of one submission; ``problem`` says why it could not be read, if so."""

    submission: str
    points: int
    out_of: int
    marks: tuple[Mark, ...]
    problem: str | None = None


def find_submissions(paths: Iterable[Path]) -> list[Path]:
    """Return the files to grade: each path itself, or all notebooks and scripts below a folder."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.rglob("*") if _kind(p) in SUFFIXES and p.is_file())
            parts = ((p, p.relative_to(path).parts) for p in inside)
            found += sorted(p for p, names in parts if not any(n.startswith(".") for n in names))
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def grade(assignment: Assignment, path: Path, seed: int = 0) -> Report:
    """Grade one submission.

    Args:
        assignment: what was asked.
        path: a notebook or a script. It is read as text; nothing of it is run in this process.
        seed: of the private inputs.

    Returns:
        Marks and reasons; the same for the same submission and seed.
    """
    try:
        cells = read_cells(path)
    except (ValueError, OSError) as error:
        lost = tuple(
            Mark(q.name, 0, q.points, "missing", ("the submission cannot be read",))
            for q in assignment.questions
        )
        return Report(_name(path), 0, assignment.points, lost, _text(error))
    marks = tuple(_mark(assignment, question, cells, seed) for question in assignment.questions)
    return Report(_name(path), sum(m.points for m in marks), assignment.points, marks)


def read_cells(path: Path) -> list[str]:
    """Return the code of a submission, cell by cell; a script is one cell.

    Raises:
        ValueError: if the file is of another kind, empty, too large, no UTF-8 or no notebook.
        OSError: if it cannot be read.
    """
    if _kind(path) not in SUFFIXES:
        raise ValueError(f"submission must be an .ipynb or .py file, got {path.name!r}")
    if path.is_symlink():  # in an archive a link can name a classmate's file, or the model answer
        raise ValueError(f"submission must be a file itself, and {path.name!r} is a link")
    if not path.is_file():
        raise ValueError(f"submission must be a file, and {path.name!r} is none")
    with path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError(f"submission must be smaller than {LARGEST // 10**6} MB: {path.name!r}")
    text = raw.decode("utf-8-sig")
    if not text.strip():
        raise ValueError(f"submission must hold code, and {path.name!r} is empty")
    cells = [text] if _kind(path) == ".py" else _code_cells(text, path.name)
    if not any(cell.strip() for cell in cells):
        raise ValueError(f"submission must hold code, and {path.name!r} has no code cell")
    return cells


def _kind(path: Path) -> str:
    return path.suffix.lower()


def _code_cells(text: str, name: str) -> list[str]:
    try:
        cells = json.loads(text)["cells"]
        code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return [source if isinstance(source, str) else "".join(source) for source in code]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"submission must be a notebook, and {name!r} is none") from error


def _mark(assignment: Assignment, question: Question, cells: Sequence[str], seed: int) -> Mark:
    cases = question.cases(seed)
    arguments = [[encode_argument(a) for a in case.arguments] for case in cases]
    outcome = run_apart(cells, question.function, arguments, assignment.allowed, assignment.limits)
    # The process has ended: only now is it computed what it should have said.
    status, reasons = _verdict(question, outcome, seed)
    points = question.points if status == "right" else 0
    remarks = tuple(f"tried to {attempt}" for attempt in outcome.attempts)
    if status != "right":
        remarks += tuple(outcome.notes)
    return Mark(question.name, points, question.points, status, tuple(reasons[:SHOWN]), remarks)


def _verdict(question: Question, outcome: Outcome, seed: int) -> tuple[str, list[str]]:
    cases = question.cases(seed)  # anew, lest anything had changed the arguments
    if outcome.ended is not None:
        return "stopped", [f"{question.function} {outcome.ended}"]
    if outcome.missing:
        return "missing", [f"no function {question.function} was found"]
    if outcome.failures:
        return "raised", [f"{cases[n].label}: {why}" for n, why in sorted(outcome.failures.items())]
    if len(outcome.values) < len(cases):
        return "stopped", [f"{question.function} answered {len(outcome.values)} of {len(cases)}"]
    answers = [outcome.values[number] for number in range(len(cases))]
    try:
        complaints = question.judge(cases, answers)
    except Exception as error:  # an answer that a judge had not thought of must not end the batch
        return "wrong", [f"the answers cannot be compared ({type(error).__name__})"]
    return ("wrong", complaints) if complaints else ("right", [])


def grade_batch(
    assignment: Assignment, paths: Iterable[Path], seed: int = 0, workers: int = 1
) -> list[Report]:
    """Grade many submissions, with a progress bar, in the order of their names.

    Args:
        assignment: what was asked.
        paths: files, and folders of them.
        seed: of the private inputs.
        workers: submissions at a time; the marks do not depend on it.

    Raises:
        ValueError: if there is nothing to grade.
    """
    found = find_submissions(paths)
    if not found:
        raise ValueError(f"paths must hold a submission ({' or '.join(SUFFIXES)}), and hold none")
    pool = ThreadPoolExecutor(workers)
    try:
        graded = pool.map(lambda path: _grade_or_say_why_not(assignment, path, seed), found)
        return list(tqdm(graded, total=len(found), unit="submission", disable=None))
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C only what has begun is waited for


def _grade_or_say_why_not(assignment: Assignment, path: Path, seed: int) -> Report:
    """Grade one of a batch; a fault of ours is no zero, and leaves the others their marks."""
    try:
        return grade(assignment, path, seed)
    except (RuntimeError, OSError) as error:
        problem = f"NOT GRADED, try again: {_text(error)}"
        marks = tuple(Mark(q.name, 0, q.points, "ungraded") for q in assignment.questions)
        return Report(_name(path), 0, assignment.points, marks, problem)


def _text(what: object) -> str:
    """One line that can be written down."""
    return " ".join(str(what).split())[:300].encode("utf-8", "replace").decode()


def _name(path: Path) -> str:
    """The whole path, so that no two are the same; what a terminal would obey is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path))


def table(reports: Sequence[Report]) -> list[list[str]]:
    """Return the marks as rows of text, the header first."""
    names = [mark.question for mark in reports[0].marks]
    common = os.path.commonpath([os.path.abspath(Path(r.submission).parent) for r in reports])
    rows = [["submission", *names, "points", ""]]
    for report in reports:
        name = os.path.relpath(report.submission, common)
        marks = [str(m.points) if m.status == "right" else m.status for m in report.marks]
        total = f"{report.points}/{report.out_of}"
        rows.append([name, *marks, total, report.problem or ""])
    return rows


def write_reports(
    path: Path, assignment: Assignment, reports: Sequence[Report], seed: int = 0
) -> None:
    """Write all marks as JSON; two gradings of the same files write the same bytes."""
    content = {
        "assignment": assignment.name,
        "seed": seed,
        "by_hand": dict(assignment.manual),
        "submissions": [asdict(report) for report in reports],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    partial.replace(path)
