"""Starts the process that runs student code, bounds it from outside, and reads its answer."""

from __future__ import annotations

import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from glorot.grading import child

__all__ = ["Limits", "Outcome", "run_apart"]

# Shared libraries and what they look up, but no system's Python: it may have packages of its own.
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
DEVICES = ("/dev/null", "/dev/urandom")
NOBODY = 65534
_PACKAGES = str(Path(np.__file__).resolve().parents[1])
CHUNK = 1 << 16
OTHER_LINES = 9  # that are no answer: started, notes, attempts, done; of more, none is ours


@dataclass(frozen=True)
class Limits:
    """What one question may use.

    Args:
        seconds: time by the clock on the wall, start included; the same again by the processor.
        memory: bytes of address space.
        printed: bytes on stdout and stderr.
        answered: bytes of encoded answers.
    """

    seconds: int = 20
    memory: int = 1 << 30
    printed: int = 1 << 18
    answered: int = 1 << 25


@dataclass
class Outcome:
    """What came back from the process, not yet believed.

    ``values`` holds the decoded answers by case, ``failures`` what went wrong instead, and
    ``ended`` says why the process as a whole did not finish, if so.
    """

    values: dict[int, object] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    started: bool = False
    missing: bool = False
    ended: str | None = None


def run_apart(
    cells: Sequence[str],
    function: str,
    cases: Sequence[Sequence[Any]],
    allowed: Sequence[str],
    limits: Limits,
) -> Outcome:
    """Call a function of a submission on each case, in a process of its own.

    Args:
        cells: the submission's code, cell by cell.
        function: name of the function.
        cases: encoded arguments of each call.
        allowed: packages that may be imported besides the standard library.
        limits: what the process may use.

    Returns:
        What it answered, with the reason if it was stopped. Nothing of it is trusted.

    Raises:
        RuntimeError: if the process failed before it came to the student's code: the fault is ours.
    """
    surroundings = _surroundings(allowed)
    job = json.dumps(
        {
            "cells": list(cells),
            "function": function,
            "cases": cases,
            "allowed": list(allowed),
            "seconds": limits.seconds,
            "memory": limits.memory,
            **surroundings,
        }
    ).encode()
    read_end, write_end = os.pipe()
    with tempfile.TemporaryDirectory(prefix="grade-") as folder, tempfile.TemporaryFile() as stdin:
        stdin.write(job)
        stdin.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", child.__file__, str(write_end), _PACKAGES],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[write_end],
            cwd=folder,
            env=_ENVIRONMENT | {"PYTHONPATH": ""},
            start_new_session=True,
        )
        os.close(write_end)
        assert process.stdout is not None
        with os.fdopen(read_end, "rb", buffering=0) as answers, process.stdout as printed:
            try:
                received, ended, said = _listen(process, answers, printed, limits)
            finally:
                _kill(process)
    outcome = _read(received, len(cases))
    if not outcome.started and ended is None:
        raise RuntimeError(f"the grading process did not start: {said.decode(errors='replace')}")
    done = outcome.ended == "done"
    outcome.ended = ended or (None if done else _why_it_died(process.returncode, said, limits))
    return outcome


# Numbers of threads, or a library's pool would need processes that are not allowed.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


def _surroundings(allowed: Sequence[str]) -> dict[str, Any]:
    """Where the process finds its packages, what it may read or list, and who it becomes."""
    own = str(Path(__file__).resolve().parents[2])
    standard = [p for p in sys.path if p.startswith(sys.base_prefix) and "site-packages" not in p]
    path = [*standard, _PACKAGES, *([own] if "glorot" in allowed else [])]
    shared = [*SYSTEM, str(Path(sys.base_prefix) / "lib")]
    readable = [e for folder in (*standard, *shared) for e in _entries(folder)]
    readable += [str(p) for name in allowed for p in Path(_PACKAGES).glob(f"{name}*")]
    if "glorot" in allowed:
        readable.append(str(Path(own) / "glorot"))
    preload = [name for name in allowed if name != "numpy"]
    drops = os.geteuid() == 0 and all(map(_open_to_all, [sys.base_prefix, _PACKAGES, own]))
    user = NOBODY if drops else None
    return {
        "path": path,
        "readable": [*readable, *DEVICES],
        "listable": [*standard, _PACKAGES],
        "preload": preload,
        "user": user,
    }


def _entries(folder: str) -> list[str]:
    """What lies in a folder, without other packages of Python, which would answer a question."""
    if not os.path.isdir(folder):
        return [folder]
    kept = (name for name in sorted(os.listdir(folder)) if not name.startswith("python"))
    return [os.path.join(folder, n) for n in kept if n not in ("site-packages", "dist-packages")]


def _open_to_all(path: str) -> bool:
    """Whether a user without rights could read below a folder."""
    folder = Path(path).resolve()
    return all(p.stat().st_mode & stat.S_IXOTH for p in (folder, *folder.parents))


def _listen(
    process: subprocess.Popen[bytes], answers: IO[bytes], printed: IO[bytes], limits: Limits
) -> tuple[bytes, str | None, bytes]:
    """Read both pipes until they close, the deadline passes or too much has come."""
    deadline = time.monotonic() + limits.seconds
    kept: dict[IO[bytes], bytearray] = {answers: bytearray(), printed: bytearray()}
    bounds = {
        answers: (limits.answered, "answered with more than {} MB"),
        printed: (limits.printed, "printed more than {} MB"),
    }
    with selectors.DefaultSelector() as selector:
        for source in kept:
            selector.register(source, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(max(left, 0))
            if left <= 0:
                return bytes(kept[answers]), f"ran longer than {limits.seconds} s", b""
            for key, _ in ready:
                pipe: Any = key.fileobj
                chunk = os.read(pipe.fileno(), CHUNK)
                kept[pipe] += chunk
                bound, words = bounds[pipe]
                if len(kept[pipe]) > bound:
                    return bytes(kept[answers]), words.format(f"{bound / 1e6:.2g}"), b""
                if not chunk:
                    selector.unregister(pipe)
    try:
        process.wait(max(deadline - time.monotonic(), 0.01))
    except subprocess.TimeoutExpired:
        return bytes(kept[answers]), f"ran longer than {limits.seconds} s", b""
    return bytes(kept[answers]), None, bytes(kept[printed])


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and everything in its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _read(received: bytes, cases: int) -> Outcome:
    """Decode the answers; a line that is not one of ours is a line that is not there."""
    outcome = Outcome()
    for line in received.split(b"\n", cases + OTHER_LINES)[: cases + OTHER_LINES]:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict):
            _take(outcome, message, cases)
    return outcome


def _take(outcome: Outcome, message: dict[str, Any], cases: int) -> None:
    if message.get("done") is True:
        outcome.ended = "done"
    if message.get("started") is True:
        outcome.started = True
    if message.get("missing") is True:
        outcome.missing = True
    for name in ("notes", "attempts"):
        if isinstance(message.get(name), list):
            getattr(outcome, name)[:] = [_words(text) for text in message[name][:10]]
    case = message.get("case")
    if type(case) is not int or not 0 <= case < cases:
        return
    if "raised" in message:
        outcome.failures[case] = f"raised {_words(message['raised'])}"
    elif "memory" in message:
        outcome.failures[case] = "ran out of memory"
    elif isinstance(message.get("value"), dict) and "odd" in message["value"]:
        outcome.failures[case] = f"returned {_words(message['value']['odd'])[:80]}"
    else:
        try:
            outcome.values[case] = child.decode(message.get("value"))
        except (ValueError, TypeError, OverflowError, MemoryError, RecursionError):
            outcome.failures[case] = "returned something that is no number, array or list of them"


def _words(text: object) -> str:
    """A short text that can be written down, whatever it held."""
    if not isinstance(text, str):
        return "something that is no text"
    return text[:240].encode("utf-8", "replace").decode()


def _why_it_died(code: int, said: bytes, limits: Limits) -> str:
    if code == -signal.SIGXCPU:
        return f"ran longer than {limits.seconds} s"
    if b"MemoryError" in said:
        return "ran out of memory"
    if code < 0:
        return f"was ended by signal {-code} ({signal.Signals(-code).name}) before it had answered"
    return f"left early (exit status {code}) before it had answered"
