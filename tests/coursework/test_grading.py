"""The grader by itself: what it runs, what it refuses, what it says."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import subprocess
import sys
import time
from collections import namedtuple
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from glorot import grading
from glorot.cli import main
from glorot.grading import Assignment, Case, Limits, Question, Seed, child, expect, same, sandbox
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


LINUX = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in child.CALLS, reason="no filter of calls"
)


@LINUX
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("np.empty(3 << 30, np.uint8)", "ran out of memory"),
        ("[os.pipe() for _ in range(99)]", "Too many open files"),
        ("os.write(os.memfd_create('x'), b'x')", "File too large"),
    ],
    ids=["memory", "descriptors", "files without a name"],
)
def test_limits_are_set_before_the_call_that_sets_them_is_closed(body, words, tmp_path):
    code = f"import os\nimport numpy as np\ndef add(a, b):\n    {body}\n    return a + b\n"
    assert words in mark(tmp_path, code).reasons[0]


# What changes a file without opening it, outlives its process or slows another one: each goes past the
# audit hook here, as native code does. The key of shared things is this process's own.
CALLS = {
    "mode": "os.chmod({path!r}, 0o777)",
    "owner": "os.chown({path!r}, os.getuid(), os.getgid())",
    "times": "os.utime({path!r})",
    "length": "os.truncate({path!r}, 0)",
    "attributes": "os.setxattr({path!r}, 'user.left', b'here')",
    "root": "os.chroot('/')",
    "pace of the grader": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "processors of the grader": "os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0))",
    "handle of the grader": "os.pidfd_open(os.getppid())",
    "shared memory": "call({shmget}, {key}, 4096, 0o1600)",
    "semaphores": "call({semget}, {key}, 1, 0o1600)",
    "messages": "call({msgget}, {key}, 0o1600)",
}
NUMBERS = {
    "x86_64": {"shmget": 29, "semget": 64, "msgget": 68},
    "aarch64": {"shmget": 194, "semget": 190, "msgget": 186},
}


@LINUX
@pytest.mark.parametrize("what", CALLS)
def test_nothing_is_changed_that_need_not_be_opened_and_nothing_left_in_the_kernel(what, tmp_path):
    path = tmp_path / "keep"
    path.write_text("kept")
    path.chmod(0o640)
    before = path.stat()
    key = 0x676C0000 + os.getpid() % 2**15
    numbers = NUMBERS[os.uname().machine]
    code = f"""
import ctypes, os, sys
sys.path.insert(0, {str(Path(child.__file__).parent)!r})
import child
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
assert child.close_calls()
try:
    {CALLS[what].format(path=str(path), key=key, **numbers)}
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{errno.EPERM}\n"
    after = path.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_size,
    )
    libc = ctypes.CDLL(None)
    assert what not in numbers or libc.syscall(numbers[what], key, 0, 0) < 0


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"case": 0, "value": {"plain": 1}}'], ids=["empty", "nothing", "answer"]
)
def test_lines_without_end_are_not_read_to_their_end(line):
    received = (line + b"\n") * (2**24 // (len(line) + 1)) + b'{"done": true}\n'
    start = time.monotonic()
    assert sandbox._read(received, 2).ended is None
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("depth", [10, 300, 900])
def test_words_that_are_no_text_are_not_read(depth):
    nested = "[" * depth + "]" * depth
    line = f'{{"case": 0, "raised": {nested}, "notes": [{nested}], "attempts": {nested}}}'
    assert sandbox._read(line.encode(), 1).failures == {0: "raised something that is no text"}


def test_rows_without_numbers_are_not_counted_one_by_one():
    start = time.monotonic()
    assert "returned 1000000000 items" in same(np.zeros((10**9, 0)), (1.0, 2.0))
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    "link", ["../other/work.py", "/dev/zero", "nowhere.py", "link.py"],
    ids=["a classmate's", "device", "dangling", "loop"],
)  # fmt: skip
def test_a_link_is_no_submission(link, tmp_path):
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "work.py").write_text("def add(a, b): return a + b")
    (tmp_path / "mine" / "link.py").symlink_to(link)
    (tmp_path / "mine" / "folder").symlink_to("../other")
    report = grading.grade(TOY, tmp_path / "mine" / "link.py")
    assert report.points == 0 and "is a link" in report.problem
    found = grading.find_submissions([tmp_path / "mine"])
    assert found in ([], [tmp_path / "mine" / "link.py"])


def test_every_submission_has_a_name_of_its_own_that_a_terminal_does_not_obey(tmp_path):
    deep = tmp_path.joinpath(*["folder" * 20] * 4)
    deep.mkdir(parents=True)
    names = ["a b.py", "a\nb.py", "a\tb.py", "\x1b[2K\x1b[1A.py", "\u202epy.py", "ünï 学.py"]
    paths = [tmp_path / name for name in names] + [deep / "a.py", deep / "b.py"]
    for path in paths:
        path.write_text("%")
    reports = grading.grade_batch(TOY, [tmp_path])
    assert len({report.submission for report in reports}) == len(paths)
    assert all(report.submission.isprintable() for report in reports)
    assert str(tmp_path / "ünï 学.py") in {report.submission for report in reports}
    assert "".join(row[0] for row in grading.table(reports)).isprintable()


@pytest.mark.parametrize("name", ["WORK.IPYNB", "Work.Py", "work.ipynb/inner.py"])
def test_a_submission_is_found_however_its_name_is_written(name, tmp_path):
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True)
    code = "def add(a, b): return a + b"
    book = {"cells": [{"cell_type": "code", "source": code}]}
    path.write_text(json.dumps(book) if path.suffix == ".IPYNB" else code)
    assert [r.points for r in grading.grade_batch(TOY, [tmp_path / "in"])] == [2]


@pytest.mark.parametrize(
    "lines",
    ["files = !ls", "lasted = %timeit -o add(1, 2)", "if True:\n    %matplotlib inline",
     "!ls \\\n    -l", "await later()"],
    ids=["shell assigned", "magic assigned", "magic in a block", "shell over two lines", "await"],
)  # fmt: skip
def test_lines_of_ipython_leave_the_function_of_their_cell(lines, tmp_path):
    assert mark(tmp_path, f"{lines}\ndef add(a, b):\n    return a + b\n").status == "right"


def test_a_cell_may_be_indented_as_a_whole(tmp_path):
    assert mark(tmp_path, "    %time\n    def add(a, b):\n        return a + b\n").status == "right"


@pytest.mark.parametrize(
    "definition",
    ["def add(a, b):\n    x = a\n    x += b\n    return x",
     "def add(a, b):\n    def inner(x):\n        return x + b\n    return inner(a)",
     "def add(a, b):\n    return sum([x for x in (a, b)])",
     "class Sum:\n    x = 0\n    def __call__(self, a, b):\n        x = a\n        return x + b\nadd = Sum()",
     "add = lambda a, b: helper(a, b)\ndef helper(x, b): return x + b"],
    ids=["local", "parameter of an inner function", "comprehension", "class", "lambda"],
)  # fmt: skip
def test_an_exploration_that_binds_a_local_name_is_not_run(definition, tmp_path):
    code = f"x = [print('x' * 10**6)]\nfor x in iter(int, 1): pass\n{definition}\n"
    assert mark(tmp_path, code).status == "right"


@pytest.mark.parametrize(
    "code",
    ["ONE = 1\ndef add(a, b=ONE): return ONE * a + b",
     "ONE = 1\ndef add(a, b):\n    def inner(): return [ONE * x for x in (a, b)]\n    return sum(inner())",
     "def twice(f): return f\n@twice\ndef add(a, b): return a + b",
     "class Base:\n    def add(self, a, b): return a + b\nclass Sum(Base): pass\nadd = Sum().add",
     "count = 0\ndef add(a, b):\n    global count\n    count += 1\n    return a + b + 0 * count",
     "import math as m\ndef add(a: m, b) -> m: return m.fsum([a, b])"],
    ids=["default", "inner function", "decorator", "base class", "global", "annotation"],
)  # fmt: skip
def test_what_a_definition_looks_up_outside_itself_is_taken_along(code, tmp_path):
    found = mark(tmp_path, code)
    assert found.status == "right", found


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        (np.array([np.ones(2), np.ones(3)], dtype=object), [[1, 1], [1, 1, 1]]),
        (np.array("yes"), "yes"),
        (np.array(["yes", "no"])[0], "yes"),
        (np.longdouble(0.5), 0.5),
        (Fraction(1, 4), 0.25),
        (type("Word", (str,), {"__eq__": lambda *_: True, "__hash__": None})("no"), "no"),
        (namedtuple("Fans", "fan_in fan_out")(3, 4), [3, 4]),
    ],
    ids=["object array", "array of a word", "word of an array", "long double", "fraction", "word",
         "named tuple"],
)  # fmt: skip
def test_what_holds_plain_values_comes_back_as_them(answer, plain):
    back = decode(json.loads(json.dumps(encode(answer))))
    assert type(back) in (list, str, float, np.ndarray)
    assert np.all(back == plain) if not isinstance(back, list) else same(back, plain) is None


@pytest.mark.parametrize(
    "holder",
    [list, tuple, lambda items: np.array(items, dtype=object)],
    ids=["list", "tuple", "array"],
)
def test_an_odd_value_is_named_wherever_it_lies(holder):
    assert encode(holder([1.0, {"a": 1}])) == {"odd": "an object of type dict"}


def test_single_precision_is_precise_enough_and_not_an_excuse():
    truth = np.random.default_rng(1).normal(size=(30, 40)) @ np.full((40, 20), 0.3)
    assert same(truth.astype(np.float32), truth, 1e-9) is None
    assert same(truth.astype(np.float32).astype(float), truth, 1e-9) is not None
    assert same((truth * (1 + 2e-5)).astype(np.float32), truth, 1e-9) is not None
    assert same(truth.astype(np.float16), truth, 1e-9) is not None


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)], ids=["no axis", "one", "two"])
def test_a_number_may_come_as_an_array_of_one(shape):
    assert same(np.full(shape, 2.0), 2.0) is None
    assert same(np.full(shape, 2.0), np.full(3, 2.0)) is not None
