"""Coursework grades for real: model answers, starters, wrong solutions, attacks, releases."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import pairwise

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from glorot import grading
from tests.coursework.common import (
    COURSEWORK,
    NAMES,
    ROOT,
    master,
    read_wrong,
    script,
    write_submission,
)

MUTANTS = [wrong for name in NAMES for wrong in read_wrong(name, name)]
ATTACKS = read_wrong("attacks", "variance-by-hand")
HONEST = [right for name in NAMES for right in read_wrong("honest", name) if name in right.title]
QUICK = {"swapped fans", "truncation not corrected", "forgotten transpose"} | {
    "memory past the limit", "lines without end", "rows without numbers", "grader slowed down",
    "verdicts in the order of the file", "verdict from the ratio that stands apart",
    "comparison functions overwritten", "early exit", "output that floods", "files written outside"
}  # fmt: skip


@cache
def assignment(name):
    return grading.load_assignment(name, COURSEWORK)


def short(wrong):
    """An attack's question may run only five seconds here: what loops should not loop for long."""
    found = assignment(wrong.assignment)
    return grading.Assignment(
        found.name, found.title, found.questions, limits=grading.Limits(seconds=5)
    )


def lost(report):
    return [mark.question for mark in report.marks if mark.points < mark.out_of]


def cases(wrongs):
    """Quick ones run with every `make test`, the rest with `make test-full`."""
    return [
        pytest.param(w, id=f"{w.assignment}: {w.title}", marks=[] if w.title in QUICK else FULL)
        for w in wrongs
    ]


FULL = [pytest.mark.full]


@pytest.mark.parametrize("name", NAMES)
def test_the_model_answer_gets_full_marks(name):
    report = grading.grade(assignment(name), COURSEWORK / name / f"{name}.ipynb")
    assert lost(report) == [], report
    assert report.points == report.out_of == assignment(name).points


@pytest.mark.parametrize("name", NAMES)
def test_the_untouched_starter_gets_none_of_the_code_marks(name, tmp_path):
    report = grading.grade(
        assignment(name), write_submission(tmp_path / "a.ipynb", name, "starter")
    )
    assert report.points == 0
    assert all("as the starter does" in mark.reasons[0] or "array" in mark.reasons[0]
               or "list" in mark.reasons[0] for mark in report.marks)  # fmt: skip


@pytest.mark.parametrize("wrong", cases(MUTANTS))
def test_a_wrong_solution_loses_its_question_and_no_other(wrong, tmp_path):
    path = write_submission(tmp_path / "a.ipynb", wrong.assignment, "reference", wrong.code)
    report = grading.grade(assignment(wrong.assignment), path)
    assert lost(report) == list(wrong.loses), report


@pytest.mark.parametrize("right", HONEST, ids=lambda r: r.title)
def test_a_right_answer_in_another_dress_keeps_its_marks(right, tmp_path):
    path = write_submission(tmp_path / "a.ipynb", right.assignment, "reference", right.code)
    whole = assignment(right.assignment)
    asked = tuple(q for q in whole.questions if re.search(rf"\b{q.function}\b", right.code))
    report = grading.grade(replace(whole, questions=asked or whole.questions), path)
    assert lost(report) == [], report


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 20_101])
@pytest.mark.parametrize("name", NAMES)
def test_the_model_answer_gets_full_marks_on_other_seeds(name, seed):
    report = grading.grade(assignment(name), COURSEWORK / name / f"{name}.ipynb", seed)
    assert lost(report) == [], report


@pytest.mark.parametrize("wrong", cases(ATTACKS))
def test_an_attack_gains_nothing(wrong, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("kept")
    code = wrong.code.replace("@OUTSIDE@", str(outside)).replace("@COURSEWORK@", str(COURSEWORK))
    path = write_submission(tmp_path / "a.ipynb", wrong.assignment, wrong.base, code)
    report = grading.grade(short(wrong), path)
    grading.write_reports(tmp_path / "marks.json", short(wrong), [report])
    expected = [q.name for q in assignment(wrong.assignment).questions]
    assert lost(report) == (expected if wrong.base == "starter" else list(wrong.loses)), report
    assert all(mark.reasons for mark in report.marks if mark.points < mark.out_of)
    assert [p.name for p in outside.iterdir()] == ["keep"]
    assert not any(
        os.path.exists(f"{place}/escaped-from-the-grader")
        for place in ("/tmp", "/var/tmp", "/dev/shm", os.path.expanduser("~"), os.getcwd(), "..")
    )


def test_code_assignments_have_at_least_eight_wrong_solutions_and_there_are_attacks():
    assert all(len(read_wrong(name, name)) >= 8 for name in NAMES)
    assert len(ATTACKS) >= 10
    assert {w.title for w in (*MUTANTS, *ATTACKS)} >= QUICK
    assert len(HONEST) == len(read_wrong("honest", "")) > 20


def test_the_verdicts_of_a_seed_are_no_list_to_learn_by_heart():
    """Nor can they be told from the shape of the ratios: each shape comes with each verdict."""
    question = next(
        q for q in assignment("reproduce-a-figure").questions if q.function == "verdict"
    )
    orders = [[case.label for case in question.cases(seed)] for seed in range(20)]
    assert len(set(map(tuple, orders))) > 15
    assert all(Counter(order) == Counter(orders[0]) for order in orders)
    apart = {(c.label, skewed(c)) for c in question.cases(3)}
    assert len(apart) == 8


def skewed(case):
    """Whether the ratio that stands apart is the largest."""
    logs = np.log(case.arguments[0])
    return bool(logs.max() - np.median(logs) > np.median(logs) - logs.min())


@pytest.mark.parametrize("wrong", [w for w in MUTANTS if w.passes_public], ids=lambda w: w.title)
def test_hard_coded_answers_pass_the_public_tests_that_they_are_made_for(wrong):
    """Or they would not be what the hidden inputs are there for."""
    cells = [c.source for c in master(wrong.assignment).cells if c.cell_type == "code"]
    scope = {}
    exec("import numpy as np\n" + wrong.code, scope)
    tests = [c for c in cells if c.startswith("def test_") and f"test_{wrong.loses[0]}_" in c]
    public = [c for c in cells if c.startswith("def test_q")]
    assert tests
    for cell in public:
        if re.match(r"def test_(q\d)", cell)[1] in wrong.loses:
            exec(cell, scope)


@pytest.mark.parametrize("name", NAMES)
def test_the_master_is_what_its_source_says(name):
    made = script("assemble").assemble(COURSEWORK / name / f"{name}.md")
    stored = master(name)
    for cell in stored.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    assert [dict(c) for c in made.cells] == [dict(c) for c in stored.cells]


@pytest.mark.parametrize("name", NAMES)
def test_points_and_functions_of_master_and_grader_agree(name):
    raw = [c.source for c in master(name).cells if c.cell_type == "raw"]
    found = [
        re.search(r"name: (\w+)\npoints: (\d+)(\nmanual)?", r) for r in raw if "QUESTION\n" in r
    ]
    graded = [(m[1], int(m[2])) for m in found if not m[3]]
    manual = tuple((m[1], int(m[2])) for m in found if m[3])
    assert graded == [(q.name, q.points) for q in assignment(name).questions]
    assert manual == assignment(name).manual
    code = "\n".join(c.source for c in master(name).cells if c.cell_type == "code")
    assert all(f"def {q.function}(" in code for q in assignment(name).questions)
    hidden = [c.source for c in master(name).cells if "hidden: true" in c.source]
    assert len(hidden) >= len(graded)


@pytest.mark.parametrize("name", NAMES)
def test_private_inputs_depend_on_the_seed_alone(name):
    for question in assignment(name).questions:
        first, again, other = (repr(question.cases(seed)) for seed in (0, 0, 1))
        assert first == again != other


SOLUTION = r"# BEGIN SOLUTION\n(.*?)# END SOLUTION"
HIDDEN = r"```(?:python hidden|markdown solution)\n(.*?)\n```"


def secret_blocks(name):
    """What a release must not hold: solutions, hidden tests and private inputs."""
    text = (COURSEWORK / name / f"{name}.md").read_text("utf-8")
    found = [*re.findall(SOLUTION, text, re.DOTALL), *re.findall(HIDDEN, text, re.DOTALL)]
    return [*found, (COURSEWORK / name / "hidden.py").read_text("utf-8")]


def secrets(name):
    """Every line of them that does not stand in what students are shown."""
    lines = {line.strip() for block in secret_blocks(name) for line in block.splitlines()}
    text = (COURSEWORK / name / f"{name}.md").read_text("utf-8")
    shown = re.sub(HIDDEN, "", re.sub(SOLUTION, "", text, flags=re.DOTALL), flags=re.DOTALL)
    common = {line.strip() for line in shown.splitlines()}
    return {line for line in lines - common if len(line) > 8 and not line.startswith("import ")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Makes the release and the archive of an assignment, once."""

    @cache
    def make(name):
        return script("build").release(name, 7, tmp_path_factory.mktemp("made"))

    return make


# Not getrusage: its peak begins with the memory of the process that started the kernel.
PEAK = r"import re; print(re.search(r'VmHWM:\s+(\d+) kB', open('/proc/self/status').read())[1])"


def defined(source):
    """The function that a cell asks for, if it does."""
    head = re.match(r"def (\w+)", source)
    return head[1] if head and not head[1].startswith("test_") else None


def shown(cell):
    """What a cell printed or returned."""
    return "".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
class TestRelease:
    def test_holds_nothing_of_solutions_or_hidden_tests(self, name, made):
        student, _ = made(name)
        with zipfile.ZipFile(student) as archive:
            files = {n: archive.read(n).decode() for n in archive.namelist()}
        notebook = nbformat.reads(files[f"{name}.ipynb"], as_version=4)
        # What otter keeps of tests stands in the metadata: read as text, not as escaped JSON.
        text = "\n".join([*(c.source for c in notebook.cells), *files.values()])
        text += "\n".join(map(str, notebook.metadata.get("otter", {}).get("tests", {}).values()))
        assert {line for line in secrets(name) if line in text} == set()
        assert "hidden.py" not in files and "hidden=True" not in text
        assert set(files) <= {f"{name}.ipynb", "rubric.md"}
        assert 3_000 < student.stat().st_size < 30_000

    def test_starts_with_none_of_the_code_marks(self, name, made, tmp_path):
        with zipfile.ZipFile(made(name)[0]) as archive:
            archive.extractall(tmp_path)
        assert grading.grade(assignment(name), tmp_path / f"{name}.ipynb").points == 0

    @pytest.mark.parametrize("base", ["starter", "reference"])
    def test_checks_speak_and_it_runs_in_a_minute_and_a_gigabyte(self, name, base, made, tmp_path):
        with zipfile.ZipFile(made(name)[0]) as archive:
            notebook = nbformat.reads(archive.read(f"{name}.ipynb").decode(), as_version=4)
        answers = {defined(c.source): c.source for c in master(name).cells if defined(c.source)}
        for cell in notebook.cells if base == "reference" else ():
            cell.source = answers.get(defined(cell.source), cell.source)
        notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
        start = time.monotonic()
        NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
        assert time.monotonic() - start < 60
        assert int(shown(notebook.cells[-1])) < 2**20  # kB
        checks = [shown(c) for c in notebook.cells if c.source.startswith("grader.check(")]
        assert len(checks) == len(assignment(name).questions)
        words = "All test cases passed!" if base == "reference" else "has it a return?"
        assert all(words in check for check in checks), checks

    def test_archive_grades_a_submission_by_itself(self, name, made, tmp_path):
        source = tmp_path / "source"
        with zipfile.ZipFile(made(name)[1]) as archive:
            archive.extractall(source)
        (tmp_path / "submission").mkdir()
        write_submission(tmp_path / "submission" / "work.ipynb", name, "reference")
        environment = os.environ | {"AUTOGRADER_ROOT": str(tmp_path)}
        command = [sys.executable, str(source / "autograder.py")]
        subprocess.run(command, env=environment, check=True, cwd=tmp_path)
        found = json.loads((tmp_path / "results" / "results.json").read_text())
        assert sum(test["score"] for test in found["tests"]) == assignment(name).points
        assert "7" not in found["output"]


@pytest.mark.parametrize(
    ("files", "graded"),
    [
        (["work.ipynb"], "work.ipynb"),
        (["Work.IPYNB"], "Work.IPYNB"),
        (["a.ipynb/notes.txt", "work.ipynb"], "work.ipynb"),
        (["__MACOSX/._work.ipynb", ".ipynb_checkpoints/a.ipynb", "work.ipynb"], "work.ipynb"),
        (["a.py", "work.ipynb"], "work.ipynb"),
        (["work.py"], "work.py"),
        ([], None),
    ],
    ids=["notebook", "capitals", "folder", "hidden files", "script beside it", "script", "nothing"],
)
def test_an_archive_finds_the_submission_whatever_lies_beside_it(
    files, graded, tmp_path, monkeypatch
):
    source = tmp_path / ".hidden" / "source"
    source.mkdir(parents=True)
    shutil.copy(COURSEWORK / "autograder.py", source)
    (source / "seed.txt").write_text("7\n")
    toy = "from tests.coursework.test_grading import TOY as ASSIGNMENT\n"
    (source / "hidden.py").write_text(toy)
    for name in files:
        path = source.parent / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        code = "def add(a, b): return a + b" if name == graded else "nothing"
        book = {"cells": [{"cell_type": "code", "source": code}]}
        path.write_text(code if path.suffix == ".py" else json.dumps(book))
    monkeypatch.setattr(sys, "path", [*sys.path])
    autograder = script("autograder")
    autograder.HERE = source
    monkeypatch.setenv("AUTOGRADER_ROOT", str(source.parent))
    assert autograder.main() == 0
    found = json.loads((source.parent / "results" / "results.json").read_text())
    assert [test["score"] for test in found["tests"]] == [2 if graded else 0]
    assert (f"graded: {graded}" in found["output"]) == (files == ["a.py", "work.ipynb"])


@pytest.mark.full
def test_a_model_answer_that_fails_its_own_tests_makes_no_release(tmp_path):
    build, name = script("build"), "variance-by-hand"
    build.HERE = shutil.copytree(COURSEWORK, tmp_path / "coursework")
    path = build.HERE / name / f"{name}.ipynb"
    broken = path.read_text("utf-8").replace("return (3 * variance) ** 0.5", "return variance")
    path.write_text(broken, "utf-8")
    with pytest.raises(RuntimeError, match="could not be assigned"):
        build.release(name, 0, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", NAMES)
def test_secrets_of_a_master_are_found(name):
    """Negative control: the master itself is full of what a release must not hold."""
    text = "\n".join(cell.source for cell in master(name).cells)
    assert all(any(line in block for line in secrets(name)) for block in secret_blocks(name))
    assert sum(line in text for line in secrets(name)) > 20


@pytest.mark.parametrize("name", NAMES)
def test_every_solution_of_a_source_is_marked_as_one(name):
    """otter leaves a code cell that is not marked inside as it is, in the release too."""
    text = (COURSEWORK / name / f"{name}.md").read_text("utf-8")
    cells = re.findall(r"```python solution\n(.*?)\n```", text, re.DOTALL)
    assert cells and all(re.search(SOLUTION, cell + "\n", re.DOTALL) for cell in cells)


@pytest.mark.parametrize("name", NAMES)
def test_the_rubric_explains_every_point_that_is_given_by_hand(name):
    rows = re.findall(
        r"^\|(?:[^|]*\|)?? *(\d+) *\|",
        (COURSEWORK / name / "rubric.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert sum(map(int, rows)) == sum(points for _, points in assignment(name).manual)


@pytest.mark.full
def test_model_answers_say_what_the_model_code_measures():
    """The numbers in the written answers and on the instructors' page."""
    notebook = master("reproduce-a-figure")
    notebook.cells = [
        c for c in notebook.cells if c.cell_type == "code" and "def test_" not in c.source
    ]
    NotebookClient(notebook).execute()
    lines = "".join(map(shown, notebook.cells))
    found = re.findall(r"(\w+), (delta|weight gradient), .*: ([\d.]+), (.*)", lines)
    measured = {key[:2]: key[2:] for key in found}
    text = " ".join(
        (COURSEWORK / "reproduce-a-figure" / "reproduce-a-figure.md").read_text().split()
    )
    page = (ROOT / "appendices" / "for-instructors.md").read_text("utf-8")
    assert [w for _, w in measured.values()] == [
        "below one",
        "above one",
        "below one",
        "unresolved",
    ]
    (down, _), (flat, _), (less, _), (also, _) = measured.values()
    assert f"to {down} from layer 5 to layer 2; normalized, to {less}" in text
    assert f"is {flat} (standard) and {also} (normalized)" in text
    assert all(number in page for number in (down, less, flat, also))


def test_the_model_answer_on_variance_says_what_the_theory_predicts():
    widths = (784, 512, 256, 128, 64, 10)
    text = (COURSEWORK / "variance-by-hand" / "variance-by-hand.md").read_text("utf-8")
    for rule, left in ((lambda a, b: 2 / (a + b), "0.06"), (lambda a, b: 1 / a, "0.013")):
        kept = np.prod([b * rule(a, b) for a, b in pairwise(widths)])
        assert f"{kept:.{len(left) - 2}f}" == left and left in text
    grows = np.prod([2 * a / (a + b) for a, b in pairwise(widths)])
    assert round(grows) == 5 and "grows about fivefold" in text
