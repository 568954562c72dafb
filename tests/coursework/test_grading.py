"""The grader by itself: what it runs, what it refuses, what it says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from glorot import grading
from glorot.cli import main
from glorot.grading import Assignment, Case, Limits, Question, Seed, expect, same
from glorot.grading.child import decode, encode, needed

SMALL = Limits(seconds=8)


def add_question(name="q1", function="add"):
    def draw(rng):
        return [Case("two numbers", (float(rng.normal()), float(rng.normal())))] * 2

    mistakes = [("this is the difference", lambda a, b: a - b)]
    return Question(name, 2, function, draw, expect(lambda a, b: a + b, 1e-12, mistakes))


TOY = Assignment("toy", "Toy", (add_question(),), limits=SMALL)
TWO = Assignment("two", "Two", (add_question(), add_question("q2", "plus")), limits=SMALL)


def grade(tmp_path, code, assignment=TOY, name="work.py"):
    path = tmp_path / name
    path.write_text(code, "utf-8")
    return grading.grade(assignment, path)


def mark(tmp_path, code, assignment=TOY):
    return grade(tmp_path, code, assignment).marks[0]


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -(2**40), 0.1, float("inf"), "text", [1, [2.5, None]],
        np.arange(6, dtype=np.int64).reshape(2, 3), np.float32([1.5]), np.zeros((0, 3)),
    ],
)  # fmt: skip
def test_plain_values_come_back_as_they_left(value):
    back = decode(json.loads(json.dumps(encode(value))))
    np.testing.assert_equal(back, value)
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype and back.shape == value.shape


class Loud(np.ndarray):
    """Equals everything."""

    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    "value",
    [np.zeros(3).view(Loud), 1j, np.array([1j]), np.array([object()]), {"a": 1}, len, 2**70, b"x"],
    ids=["subclass", "complex", "complex array", "objects", "dict", "function", "huge", "bytes"],
)
def test_what_is_not_plain_is_named_and_left_behind(value):
    assert list(encode(value)) == ["odd"]


@pytest.mark.parametrize(
    "forged",
    [
        None, [], {}, {"array": "AAAA", "dtype": "|O", "shape": [1]}, {"pickle": "gASVAA=="},
        {"array": "AAAA", "dtype": "<f8", "shape": [1]}, {"array": "", "dtype": "<f8", "shape": [-1]},
        {"plain": 1.5}, {"float": 3}, {"list": "abc"},
        {"array": "AAAAAAAAAAA=", "dtype": "<f8", "shape": [10**12]},
    ],
)  # fmt: skip
def test_a_forged_answer_is_no_answer(forged):
    with pytest.raises(ValueError, match=r"."):
        decode(forged)


@pytest.mark.parametrize(
    ("answer", "truth", "words"),
    [
        (None, 1.0, "starter"),
        (np.ones((2, 3)), np.ones((3, 2)), "shape"),
        (np.ones(3), 1.0, "shape"),
        ([1, [2]], [1, 2], "item 2"),
        ([1.0], [1.0, 2.0], "returned 1 items"),
        (float("nan"), 1.0, "not finite"),
        (np.inf, 1.0, "not finite"),
        ("1.0", 1.0, "expected numbers"),
        (True, 1.0, "expected numbers"),
        (1.0 + 1e-5, 1.0, "off by"),
        (1e-30, 0.0, "not zero"),
        ("yes", "no", "wrong"),
        (1, True, "expected a bool"),
    ],
)
def test_a_difference_is_said(answer, truth, words):
    assert words in same(answer, truth, rtol=1e-6)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        (1, 1.0),
        (np.float32(0.5), 0.5),
        ([1.0, 2.0], np.array([1, 2])),
        ((3, 4), [3, 4]),
        ("a", "a"),
    ],
)
def test_equal_values_of_other_types_are_the_same(answer, truth):
    assert same(answer, truth) is None


def test_a_function_takes_with_it_what_it_needs_and_nothing_else(tmp_path):
    code = """
import os
loud = os._exit(3)
def helper(x): return ONE * x
def add(a, b): return helper(a) + b
ONE = 1
raise RuntimeError("an exploration")
unrelated = 1 / 0
print("x" * 10**7)
"""
    assert mark(tmp_path, code).status == "right"
    statements, _ = needed([code], "add")
    assert len(statements) == 3


def test_a_cell_that_is_no_python_costs_nothing_else(tmp_path):
    cells = [
        "%matplotlib inline\n!ls\ndef add(a, b):\n    return a + b",
        "def broken(:",
        "%%bash\nls",
    ]
    book = {"cells": [{"cell_type": "code", "source": c} for c in cells]}
    assert grade(tmp_path, json.dumps(book), name="a.ipynb").points == 2


@pytest.mark.parametrize(
    "cell",
    [
        "%%time\ndef add(a, b):\n    return a + b",
        "def add(a, b):\n    return (a + b\n        % 1e9)",
        "def add(a, b):\n    return a + b\nadd?\n?add\n!pip list",
        '"""A text.\n%ls\n"""\ndef add(a, b):\n    return a + b',
    ],
)
def test_what_only_looks_like_ipython_is_kept_and_what_is_goes(cell, tmp_path):
    book = {"cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True)}]}
    assert [s.name for s in needed([cell], "add")[0] if hasattr(s, "name")] == ["add"]
    found = grade(tmp_path, json.dumps(book), name="a.ipynb").marks[0]
    assert found.points == 2 or "% 1e9" in cell, found


def test_one_question_that_dies_leaves_the_other_its_marks(tmp_path):
    code = "import os\ndef add(a, b): os._exit(0)\ndef plus(a, b): return a + b\n"
    report = grade(tmp_path, code, TWO)
    assert [m.points for m in report.marks] == [0, 2]
    assert "left early (exit status 0)" in report.marks[0].reasons[0]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("return a - b", "wrong", "this is the difference"),
        ("return None", "wrong", "starter"),
        ("return a / 0", "raised", "ZeroDivisionError"),
        ("import torch", "raised", "torch is not available"),
        ("import glorot", "raised", "glorot is not available"),
        ("raise SystemExit(0)", "raised", "SystemExit"),
        ("open('x', 'w')", "raised", "write a file"),
        ("import subprocess; subprocess.run(['ls'])", "raised", "start a process"),
        ("import socket; socket.socket()", "raised", "socket"),
        ("return [0] * 10**10", "raised", "memory"),
        ("return add(a, b)", "raised", "RecursionError"),
        ("while True: print('x' * 10**5)", "stopped", "printed more"),
        ("return type('F', (float,), {})(1)", "raised", "an object of type F"),
    ],
)
def test_what_goes_wrong_is_said(body, status, words, tmp_path):
    found = mark(tmp_path, f"def add(a, b):\n    {body}\n")
    assert found.status == status and found.points == 0
    assert words in found.reasons[0]


def test_an_endless_loop_ends_at_the_deadline(tmp_path):
    one = Assignment("toy", "Toy", (add_question(),), limits=Limits(seconds=3))
    found = mark(tmp_path, "def add(a, b):\n    while True: pass\n", one)
    assert found.status == "stopped" and "ran longer than 3 s" in found.reasons[0]


def test_a_generator_is_made_from_its_seed(tmp_path):
    def draw(rng):
        return [Case("a seed", (Seed(5),))]

    truth = expect(lambda seed: np.random.default_rng(seed.value).normal(size=3), 1e-15)
    one = Assignment("toy", "Toy", (Question("q1", 1, "draw", draw, truth),), limits=SMALL)
    assert mark(tmp_path, "def draw(rng):\n    return rng.normal(size=3)\n", one).status == "right"


def test_what_was_tried_is_remarked_even_when_the_answer_is_right(tmp_path):
    code = """
def add(a, b):
    try:
        import os
        os.remove("keep")
    except OSError:
        pass
    return a + b
"""
    found = mark(tmp_path, code)
    assert found.points == 2 and found.remarks == ("tried to call os.remove",)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.py", b"", "empty"),
        ("a.ipynb", b"", "empty"),
        ("a.ipynb", b"{", "notebook"),
        ("a.ipynb", b"[" * 100_000, "notebook"),
        ("a.ipynb", b'{"cells": 3}', "notebook"),
        ("a.ipynb", b'{"cells": []}', "no code cell"),
        ("a.py", b"\xff\xfe\x00", "decode"),
        ("a.py", b"#" * 6_000_000, "5 MB"),
        ("a.txt", b"x", ".ipynb"),
    ],
)
def test_a_submission_that_cannot_be_read_is_a_report(name, content, words, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    report = grading.grade(TOY, path)
    assert report.points == 0 and words in report.problem
    assert report.marks[0].status == "missing"


def test_a_batch_goes_on_whatever_it_holds(tmp_path, capsys, monkeypatch):
    (tmp_path / "cw" / "toy").mkdir(parents=True)
    (tmp_path / "cw" / "toy" / "hidden.py").write_text(
        "from tests.coursework.test_grading import TOY as ASSIGNMENT\n"
    )
    folder = tmp_path / "submissions"
    (folder / "deep").mkdir(parents=True)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "a.py").write_text("def add(a, b): return a + b")
    (folder / "deep" / "right.py").write_text("def add(a, b): return a + b")
    (folder / "empty.ipynb").write_text("")
    (folder / "huge.py").write_bytes(b"#" * 6_000_000)
    (folder / "missing.py").write_text("def sub(a, b): return a - b")
    (folder / "nested.py").write_text("(" * 5000)
    written = []
    for workers in ("1", "2"):
        out = tmp_path / f"{workers}.json"
        options = ["--coursework", str(tmp_path / "cw"), "--json", str(out), "--workers", workers]
        assert main(["grade", "toy", str(folder), *options]) == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]
    found = {s["submission"].split("/")[-1]: s for s in json.loads(written[0])["submissions"]}
    points = {name: s["points"] for name, s in found.items()}
    assert points == {
        "right.py": 2,
        "empty.ipynb": 0,
        "huge.py": 0,
        "missing.py": 0,
        "nested.py": 0,
    }
    assert found["missing.py"]["marks"][0]["reasons"] == ["no function add was found"]
    table = capsys.readouterr().out
    assert "right.py" in table and "2/2" in table and "is empty" in table


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade", "nothing-here", "x.py"], "nothing-here"),
        (["grade", "variance-by-hand", "@empty@"], "paths must hold a submission"),
        (["grade", "variance-by-hand", "x.py", "--seed", "-1"], "seed must be at least 0"),
        (["grade", "variance-by-hand", "x.py", "--workers", "0"], "workers must be at least 1"),
    ],
)
def test_an_error_is_one_line(arguments, words, tmp_path, capsys):
    assert main([a.replace("@empty@", str(tmp_path)) for a in arguments]) == 2
    assert words in capsys.readouterr().err


def test_grading_that_cannot_start_is_our_fault_and_no_zero(tmp_path, monkeypatch):
    monkeypatch.setattr("glorot.grading.sandbox._PACKAGES", str(tmp_path))
    with pytest.raises(RuntimeError, match="did not start"):
        grade(tmp_path, "def add(a, b): return a + b")
    one, other = grading.grade_batch(TOY, [tmp_path / "work.py", tmp_path / "none.py"])
    assert one.problem.startswith("NOT GRADED") and one.marks[0].status == "ungraded"
    assert "must be a file" in other.problem


def test_a_table_takes_paths_as_they_come(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("def add(a, b): return a + b")
    reports = grading.grade_batch(TOY, [Path("a.py"), tmp_path / "b.py"])
    assert [row[0] for row in grading.table(reports)] == ["submission", "a.py", "b.py"]


def test_a_table_that_is_filled_by_method_calls_is_taken_along(tmp_path):
    code = "import os\ntable = []\ntable.append(1)\nos.abort()\ndef add(a, b): return table[0] * (a + b)"
    assert mark(tmp_path, code).status == "right"


@pytest.mark.parametrize(
    "body", ["return [[1], [1, 2]]", "return '\\ud800'", "raise ValueError('\\ud800')", "return {}"]
)
def test_what_no_judge_has_thought_of_loses_the_mark_and_can_be_written_down(body, tmp_path):
    def judge(cases, answers):
        return [] if sum(map(float, answers)) == 2 else ["is off"]

    one = Assignment("toy", "Toy", (Question("q1", 1, "add", add_question().draw, judge),))
    report = grade(tmp_path, f"def add(a, b):\n    {body}\n", one, os.fsdecode(b"\xff.py"))
    assert report.points == 0 and report.marks[0].reasons
    grading.write_reports(tmp_path / "marks.json", one, [report])
    "\n".join(map(" ".join, grading.table([report]))).encode()
