"""Runs a command and watches the memory of all its processes, its children's children included."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.05  # seconds between two looks


@dataclass(frozen=True)
class Run:
    """How a command went.

    Args:
        code: its exit status.
        seconds: wall time.
        peak: the most that all processes held in memory at once, in MB. Pages that two of them
            share are counted twice, so this is an upper bound.
        output: what it printed.
    """

    code: int
    seconds: float
    peak: float
    output: str


def resident(pid: int) -> float:
    """Memory of a process and everything it started, in MB (10⁶ bytes); 0 when it is gone."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0
    for process in family:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def measure(
    command: Sequence[str | Path], cwd: Path, env: Mapping[str, str], log: Path, timeout: float
) -> Run:
    """Run a command to its end.

    Raises:
        TimeoutError: if it takes longer than ``timeout`` seconds; it and its children are ended.
    """
    start, peak = time.monotonic(), 0.0
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            while process.poll() is None:
                peak = max(peak, resident(process.pid))
                if time.monotonic() - start > timeout:
                    raise TimeoutError(f"{timeout:.0f} s were not enough:\n{log.read_text()}")
                time.sleep(INTERVAL)
        finally:
            if process.poll() is None:
                end(process)
    return Run(process.returncode, time.monotonic() - start, peak, log.read_text())


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        if child.is_running():
            child.kill()
