"""The process that runs a student's function: it reads a job on stdin and answers through a pipe.

Nothing here is trusted. By the time student code runs, limits are set, files are closed off, and the
process holds the private inputs and nothing else: what they should give is computed elsewhere,
after this process has ended. It imports the standard library and NumPy, never the package.
"""

from __future__ import annotations

import ast
import base64
import builtins
import ctypes
import dis
import importlib.abc
import json
import os
import re
import resource
import struct
import sys
import textwrap
import types
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

if (
    __name__ == "__main__"
):  # started without the site's packages: where they are comes with the call
    sys.path.append(sys.argv[2])

import numpy as np

# What an answer may be made of, and no more: numbers and text, arrays of these dtypes, lists.
DTYPES = ("<f2", "<f4", "<f8", "|b1", "|i1", "|u1", "<i2", "<i4", "<i8", "<u2", "<u4", "<u8")
DEEPEST = 8

Encoded = dict[str, Any]


def encode(value: Any, depth: int = 0) -> Encoded:
    """Return a value as plain JSON; what is not plain becomes ``{"odd": its type}``.

    A named tuple, a word out of an array or an array of unequal arrays is as plain as what it holds.
    """
    kind = type(value)
    if depth > DEEPEST:
        return {"odd": "a deeply nested object"}
    if value is None:
        return {"none": 0}
    if kind is bool:
        return {"plain": value}
    if isinstance(value, str):
        return {"plain": str.__str__(value)}
    if kind is int:
        return {"plain": value} if abs(value) < 2**63 else {"odd": "a number beyond 64 bits"}
    if kind in (float, Fraction):
        return {"float": float(value).hex()}
    if isinstance(value, list | tuple):
        items = [encode(item, depth + 1) for item in value]
        return next((item for item in items if "odd" in item), {"list": items})
    if kind is np.random.Generator:
        return {"odd": "a random generator"}
    if kind is np.ndarray or issubclass(kind, np.generic):
        array = value if kind is np.ndarray else np.array(value)
        if array.dtype.kind in "OU":
            return encode(array.tolist(), depth + 1)
        if array.dtype.kind == "f" and array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        if array.dtype.newbyteorder("<").str not in DTYPES:
            return {"odd": f"an array of dtype {array.dtype}"}
        array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
        data = base64.b64encode(array.tobytes()).decode()
        return {"array": data, "dtype": array.dtype.str, "shape": list(np.shape(value))}
    return {"odd": f"an object of type {kind.__name__}"}


def decode(encoded: object, depth: int = 0) -> object:
    """Return the value that ``encode`` wrote.

    Raises:
        ValueError: for anything that ``encode`` would not have written.
    """
    if not isinstance(encoded, dict) or not encoded or depth > DEEPEST + 1:
        raise ValueError(f"answer must be one encoded value, got {str(encoded)[:40]!r}")
    kind, value = next(iter(encoded.items()))
    if kind == "none":
        return None
    if kind == "plain" and isinstance(value, bool | int | str):
        return value
    if kind == "float" and isinstance(value, str):
        return float.fromhex(value)
    if kind == "list" and isinstance(value, list):
        return [decode(item, depth + 1) for item in value]
    if kind == "array" and encoded.get("dtype") in DTYPES:
        shape = encoded.get("shape")
        if isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape):
            flat = np.frombuffer(base64.b64decode(str(value), validate=True), encoded["dtype"])
            return flat.reshape(shape).copy()
    if kind == "rng" and isinstance(value, int):
        return np.random.default_rng(value)
    raise ValueError(f"answer must be one encoded value, got {str(encoded)[:40]!r}")


def needed(cells: Iterable[str], function: str) -> tuple[list[ast.stmt], list[str]]:
    """Return the statements that a function needs, in order, and what could not be read.

    Imports, functions, classes and assignments count, by the names they bind; a function needs
    those that bind a name it reads, and these need theirs. Of bare expressions only a method call on
    such a constant is kept (``table.append(...)``); other calls, prints and plots are left out, so
    no exploration elsewhere in a notebook costs a mark.
    """
    statements: list[tuple[ast.stmt, set[str], set[str]]] = []
    unread = []
    for number, source in enumerate(cells, 1):
        try:
            body = parsed(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            unread.append(f"cell {number} cannot be read: {describe(error)}")
            continue
        statements += [(s, *names(s)) for s in body if not isinstance(s, ast.Assert)]
    modules = {n for s, bound, _ in statements if isinstance(s, ast.Import) for n in bound}
    statements = [s for s in statements if not (isinstance(s[0], ast.Expr) and s[1] <= modules)]
    wanted, before = {function, "*"}, set[str]()
    while wanted != before:
        before = set(wanted)
        for _, bound, read in statements:
            if bound & wanted:
                wanted |= read
    return [statement for statement, bound, _ in statements if bound & wanted], unread


def names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Return the names that a top-level statement binds, and those it reads."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        try:
            code = compile(ast.Module([statement], []), "submission", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return {statement.name}, set()  # compiled once more when it runs, it says why not
        return {statement.name}, global_names(code)
    bound: set[str] = set()
    read: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {a.asname or a.name.partition(".")[0] for a in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif node is getattr(statement, "value", None) and isinstance(statement, ast.Expr):
            owner = node.func if isinstance(node, ast.Call) else node
            if isinstance(node, ast.Call) and isinstance(owner, ast.Attribute):
                bound |= {owner.value.id} if isinstance(owner.value, ast.Name) else set()
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            base: ast.AST = node
            while isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            if isinstance(base, ast.Name):
                bound.add(base.id)
    return bound, read


def global_names(code: types.CodeType) -> set[str]:
    """Return the names that a definition looks up outside itself: not its parameters and locals."""
    loads = (i for i in dis.get_instructions(code) if i.opname.startswith("LOAD_"))
    found = {i.argval for i in loads if i.opname.endswith(("_GLOBAL", "_GLOBALS", "_NAME"))}
    inner = (global_names(c) for c in code.co_consts if isinstance(c, types.CodeType))
    return found.union(*inner)


def parsed(source: str) -> ast.Module:
    """Return a cell's statements, as Python if it is, else without IPython's own lines.

    Raises:
        SyntaxError: if it is neither; ast.parse raises other errors for text that is no source.
    """
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.parse(without_magics(source))


# What IPython takes for itself: ``%magic``, ``!shell``, ``files = !ls``, ``name?``.
OWN_LINE = re.compile(r"(\s*)(?:(?:[\w., ]+=\s*)?[%!]|\?|[\w.]+\?+\s*$)")


def without_magics(source: str) -> str:
    """Return a cell's source without IPython's own lines; of ``%%bash`` and its like nothing is kept."""
    if re.match(r"\s*%%(?!time\b|capture\b|prun\b)", source):
        return ""
    kept, goes_on = [], False
    for line in textwrap.dedent(source).splitlines():
        own = OWN_LINE.match(line)
        if goes_on or own:
            goes_on = line.endswith("\\")
            line = own[1] + "pass" if own else ""  # a block must not be left empty
        kept.append(line)
    return "\n".join(kept)


def describe(error: BaseException) -> str:
    """Return an error in one short line that is the same every time."""
    try:
        text = " ".join(str(error).split())
    except BaseException:
        text = ""
    text = re.sub(r"0x[0-9a-fA-F]+", "0x…", text)[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class OnlyThese(importlib.abc.MetaPathFinder):
    """Refuses to import a package that the assignment does not use."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = {*sys.stdlib_module_names, *allowed}

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Raise ImportError for a package that is not allowed; leave the rest to others."""
        if fullname.partition(".")[0] not in self.allowed:
            raise ImportError(f"{fullname} is not available in this assignment")


def set_limits(seconds: int, memory: int) -> None:
    """Bound time, memory and files of this process, and let it start no other one."""
    for what, soft, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_FSIZE, 0, 0),  # pipes are no files: the answers still get out
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_NOFILE, 64, 64),  # what waits in a pipe is memory too
        (resource.RLIMIT_CORE, 0, 0),
    ):
        try:
            resource.setrlimit(what, (soft, hard))
        except (ValueError, OSError):
            continue  # a system without this limit; the deadline outside stays


def close_files(readable: Iterable[str], listable: Iterable[str]) -> bool:
    """Let this process write no file and read none but those below ``readable`` (Linux: Landlock).

    Of folders in ``listable`` it may see the names, which Python's import system looks through.

    It can then look into no other process either, nor signal one, nor open a connection.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(444, None, 0, 1) if sys.platform == "linux" else -1
    if version < 1:
        return False
    file_rights = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        file_rights |= (1 << bit) if version >= since else 0
    network, scope = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("=QQQ", file_rights, network, scope)[:size]
    rules = libc.syscall(444, attributes, size, 0)
    if rules < 0:
        return False
    read_file, read_folder = 0b100, 0b1000
    for path, rights in (
        *((path, read_file | read_folder) for path in readable),
        *((path, read_folder) for path in listable),
    ):
        try:
            handle = os.open(path, os.O_PATH)
        except OSError:
            continue
        rights &= ~0 if os.path.isdir(path) else read_file
        libc.syscall(445, rules, 1, struct.pack("=Qi", rights, handle), 0)
        os.close(handle)
    no_new_privileges = 38
    libc.prctl(no_new_privileges, 1, 0, 0, 0)
    done = libc.syscall(446, rules, 0) == 0
    os.close(rules)
    return done


# Of the system's calls: those that make a process, reach another one, leave the machine, leave
# something behind in the kernel (shared memory, message queues, keys), or change a file that need not
# be opened for it (mode, owner, times, attributes). Per architecture its number for the kernel's
# filters, that of clone, and the others.
CALLS = {
    "x86_64": (0xC000003E, 56, (
        29, 30, 31, 41, 53, 57, 58, 59, 62, 64, 65, 66, 68, 69, 70, 71, 76, 90, 91, 92, 93, 94, 101,
        129, 132, 141, 142, 144, 160, 161, 165, 188, 189, 190, 197, 198, 199, 200, 203, 220, 234,
        235, 240, 241, 248, 249, 250, 251, 256, 260, 261, 268, 272, 279, 280, 297, 302, 308, 310, 311,
        314, 321, 322, 424, 425, 434, 438, 440, 448,
    )),
    "aarch64": (0xC00000B7, 220, (
        5, 6, 7, 14, 15, 16, 30, 40, 45, 51, 52, 53, 54, 55, 88, 97, 117, 118, 119, 122, 129, 130,
        131, 138, 140, 164, 180, 181, 186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196, 198, 199,
        217, 218, 219, 221, 238, 239, 240, 261, 268, 270, 271, 274, 280, 281, 424, 425, 434, 438, 440,
        448,
    )),
}  # fmt: skip


def close_calls() -> bool:
    """Let this process start no other one, signal none and open no socket (Linux: seccomp)."""
    known = CALLS.get(os.uname().machine)
    if sys.platform != "linux" or known is None:
        return False
    architecture, clone, calls = known
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, denied, unknown = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38  # EPERM, ENOSYS
    steps = [
        (load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, denied),
        (load, 0, 0, 0), (at_least, 0, 1, 1 << 30), (give, 0, 0, denied),
        (equal, 0, 1, 435), (give, 0, 0, unknown),  # clone3: then libraries try clone
        (at_least, 0, 1, 451), (give, 0, 0, unknown),  # newer calls than anybody has read here
    ]  # fmt: skip
    for call in calls:
        steps += [(equal, 0, 1, call), (give, 0, 0, denied)]
    thread = 0x10000
    steps += [(equal, 0, 3, clone), (load, 0, 0, 16), (any_bit, 1, 0, thread), (give, 0, 0, denied)]
    steps.append((give, 0, 0, allow))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges
    return libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0) == 0


REFUSED = (
    "ctypes.", "gc.get_", "os.chmod", "os.chown", "os.exec", "os.fork", "os.kill", "os.link",
    "os.mkdir", "os.posix_spawn", "os.putenv", "os.remove", "os.rename", "os.rmdir", "os.setxattr",
    "os.spawn", "os.symlink", "os.system", "os.truncate", "os.utime", "pty.", "resource.", "shutil.",
    "signal.", "socket.", "sqlite3.", "subprocess.",
)  # fmt: skip
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(attempts: list[str]) -> Callable[[str, tuple[Any, ...]], None]:
    """Return an audit hook that refuses, and notes, what no answer needs."""
    # Bound here: whoever replaces a builtin later does not change what the hook does.
    refused, writes, note = REFUSED, WRITES, attempts.append
    kind_of, whole, denied = type, int, PermissionError

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        what = None
        if event == "open" and kind_of(arguments[2]) is whole and arguments[2] & writes:
            what = "write a file"
        elif event == "import" and arguments[0] in ("_posixsubprocess", "multiprocessing"):
            what = "start a process"
        elif event.startswith(refused):
            what = f"call {event}"
        if what is not None:
            note(what)
            raise denied(f"the grader does not let an answer {what}")

    return hook


def run(job: dict[str, Any], say: Callable[[object], None], attempts: list[str]) -> None:
    """Take the function from the submission, call it on every input, and say what came back."""
    statements, notes = needed(job["cells"], job["function"])
    space: dict[str, Any] = {"__name__": "submission", "__builtins__": builtins}
    sys.modules["submission"] = types.ModuleType("submission")
    for statement in statements:
        module = ast.Module(body=[statement], type_ignores=[])
        try:
            exec(compile(module, "submission", "exec"), space)
        except BaseException as error:
            notes.append(describe(error))
    say({"notes": notes[:10]})
    function = space.get(job["function"])
    if not callable(function):
        say({"missing": True})
        return
    for number, arguments in enumerate(job["cases"]):
        try:
            with np.errstate(all="ignore"):
                value = function(*[decode(argument) for argument in arguments])
            say({"case": number, "value": encode(value)})
        except BaseException as error:
            kind = "memory" if isinstance(error, MemoryError) else "raised"
            say({"case": number, kind: describe(error)})
    say({"attempts": sorted(set(attempts))[:10]})


def main() -> None:
    """Read the job, shut the doors, run it, and leave without cleaning up."""
    job = json.load(sys.stdin)
    channel = int(sys.argv[1])
    import numpy.linalg
    import numpy.random  # noqa: F401  (loaded while files can still be read)

    sys.path[:] = job["path"]
    sys.meta_path.insert(0, OnlyThese(job["allowed"]))
    for name in job["preload"]:
        __import__(name)
    if job["user"] is not None:
        os.setgroups([])
        os.setgid(job["user"])
        os.setuid(job["user"])
    set_limits(job["seconds"], job["memory"])  # the call that sets them is closed below
    close_files(job["readable"], job["listable"])
    close_calls()
    attempts: list[str] = []
    write, dumps, leave = os.write, json.dumps, os._exit

    def say(message: object) -> None:
        line = (dumps(message) + "\n").encode()
        while line:
            line = line[write(channel, line) :]

    sys.addaudithook(watch(attempts))
    say({"started": True})
    run(job, say, attempts)
    say({"done": True})
    leave(0)


if __name__ == "__main__":
    main()
