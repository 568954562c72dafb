"""Print and store every comparison of this folder: `python -m benchmarks [NAME …]`."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import benchmarks
from benchmarks import Row
from glorot.results import provenance, write_atomic

HEAD = ("what", "ours", "against", "ratio", "reach", "reached")


def modules(wanted: list[str]) -> list[str]:
    """The names of the modules with a function `rows`, all of them or those asked for."""
    found = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name[0] != "_")
    if unknown := sorted(set(wanted) - set(found)):
        raise SystemExit(f"NAME must be among {', '.join(found)}, got {', '.join(unknown)}")
    return wanted or found


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table as text."""
    return (row.what, row.ours, row.against, f"{row.ratio:.2f}", f"{row.reach:.2f}", row.verdict)


def store(rows: list[Row], load: float, seconds: float) -> Path:
    """Write the table to a file of its own in `_build/bench` and return its path.

    Args:
        rows: the comparisons.
        load: processes that wanted a core before the first comparison, a mean over one minute.
        seconds: how long all comparisons took.
    """
    content = {
        "rows": [asdict(row) | {"verdict": row.verdict} for row in rows],
        "load_before": round(load, 2),
        "cores": os.cpu_count(),
        "provenance": provenance("cpu", seconds),
    }
    name = f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.json"
    path = Path(__file__).parents[1] / "_build" / "bench" / name
    write_atomic(path, json.dumps(content, indent=1, ensure_ascii=False).encode())
    return path


def main() -> int:
    """Run the comparisons one after another; 1 if a row that counts falls short, else 0."""
    rows: list[Row] = []
    load, start = os.getloadavg()[0], time.perf_counter()
    for name in modules(sys.argv[1:]):
        rows.extend(importlib.import_module(f"benchmarks.{name}").rows())
    lines = [HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())
    print(f"stored in {store(rows, load, time.perf_counter() - start)}")
    return int(any(row.counts and row.ratio < row.reach for row in rows))


if __name__ == "__main__":
    sys.exit(main())
