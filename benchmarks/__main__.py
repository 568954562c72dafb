"""Print every comparison of this folder: `python -m benchmarks [NAME …]`."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks
from benchmarks import Row

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


def main() -> int:
    """Run the comparisons one after another; 1 if a row that counts falls short, else 0."""
    rows: list[Row] = []
    for name in modules(sys.argv[1:]):
        rows.extend(importlib.import_module(f"benchmarks.{name}").rows())
    lines = [HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())
    return int(any(row.counts and row.ratio < row.reach for row in rows))


if __name__ == "__main__":
    sys.exit(main())
