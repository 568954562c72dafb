"""The console script ``glorot``: data sets, experiments, diagnoses and grading from the command line.

Errors are one line on stderr and exit status 2. Ctrl-C says what was saved and exits with 130.
``glorot diagnose`` exits with 1 if it has found a fault.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from glorot import __version__
from glorot.results import RECORDS

if TYPE_CHECKING:
    from glorot.datasets import Availability

__all__ = ["main"]

EXIT_FOUND = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others here."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``glorot`` and return its exit status.

    Args:
        arguments: command line without the program's name; by default that of the process.

    Returns:
        0, or 1 if ``diagnose`` has found a fault, or 2 after an error, or 130 after Ctrl-C.

    Raises:
        SystemExit: for ``--help``, ``--version`` and a command line that cannot be parsed.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt as interrupt:
        print(f"\nglorot: {interrupt or 'interrupted'}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        print(f"glorot: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="glorot",
        description="Data sets, experiments, diagnoses and coursework of the book.",
    )
    parser.add_argument("--version", action="version", version=f"glorot {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_data(commands)
    _add_reproduce(commands)
    _add_grade(commands)
    _add_diagnose(commands)
    return parser


def _add_data(commands: argparse._SubParsersAction) -> None:
    data = commands.add_parser(
        "data",
        help="download or import a data set",
        description="Download a data set, or import it from a file or folder; `glorot data list` "
        "says which there are.",
    )
    data.add_argument("name", metavar="NAME", help="name of the data set, or `list`")
    data.add_argument("--source", type=Path, metavar="PATH", help="import this instead")
    data.set_defaults(run=_run_data)


def _add_reproduce(commands: argparse._SubParsersAction) -> None:
    reproduce = commands.add_parser(
        "reproduce",
        help="run an experiment and write its record",
        description="Run an experiment and write its record. An interrupted run goes on from its "
        "last checkpoint, in .checkpoints/ of the working directory.",
    )
    reproduce.add_argument("name", metavar="NAME", help="name of the experiment")
    reproduce.add_argument(
        "--scale", default="laptop", help="smoke (seconds), laptop (minutes) or paper (days)"
    )
    reproduce.add_argument("--seeds", type=int, metavar="N", help="run seeds 0 to N - 1")
    reproduce.add_argument("--device", default="cpu", help="cpu or cuda")
    spread = reproduce.add_mutually_exclusive_group()
    spread.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that share the work"
    )
    spread.add_argument("--dask", metavar="ADDRESS", help="share it with a Dask cluster instead")
    reproduce.add_argument(
        "--out", type=Path, default=RECORDS, metavar="DIR", help="folder of the record"
    )
    reproduce.set_defaults(run=_run_reproduce)


def _add_grade(commands: argparse._SubParsersAction) -> None:
    grade = commands.add_parser(
        "grade",
        help="grade one submission or a folder of them",
        description="Run the functions of each submission on private inputs, in processes of "
        "their own with limits, and print a table of marks.",
    )
    grade.add_argument("assignment", metavar="ASSIGNMENT", help="its name, or its folder")
    grade.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="notebook or folder")
    grade.add_argument("--json", type=Path, metavar="OUT", help="write marks and reasons here")
    grade.add_argument("--seed", type=int, default=0, metavar="N", help="of the private inputs")
    grade.add_argument(
        "--coursework", type=Path, metavar="DIR", help="folder of the assignments (./coursework)"
    )
    grade.add_argument(
        "--workers", type=int, default=1, metavar="N", help="submissions graded at a time"
    )
    grade.set_defaults(run=_run_grade)


def _add_diagnose(commands: argparse._SubParsersAction) -> None:
    diagnose = commands.add_parser(
        "diagnose",
        help="say what keeps a network from training",
        description="Say what keeps a network of yours from training, where it begins and which "
        "line mends it. Exit status: 0 no fault, 1 faults found, 2 error.",
    )
    diagnose.add_argument(
        "factory",
        metavar="MODULE:FACTORY",
        help="a function in a module or file (nets.py:make) that returns (module, batch), "
        "(module, batch, loss) or (module, batch, loss, optimizer); batch is inputs or "
        "(inputs, targets)",
    )
    diagnose.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page")
    diagnose.add_argument("--figure", type=Path, metavar="FILE", help="draw it, as SVG")
    diagnose.add_argument("--json", type=Path, metavar="FILE", help="write the report as data")
    diagnose.set_defaults(run=_run_diagnose)


def _run_data(options: argparse.Namespace) -> None:
    from glorot import datasets

    if options.name == "list":
        if options.source is not None:
            raise ValueError(f"source must not be given with list, got {str(options.source)!r}")
        _print_list(datasets.available())
        return
    prepared = datasets.prepare(options.name, options.source)
    print(f"{options.name} is ready: {prepared}")


def _run_reproduce(options: argparse.Namespace) -> None:
    from glorot.experiments import reproduce

    with _executor(options) as executor:
        record = reproduce(
            options.name,
            options.scale,
            device=options.device,
            seeds=options.seeds,
            directory=options.out,
            executor=executor,
        )
    path = options.out / f"{record.experiment}-{record.scale}.json"
    print(f"{path} written after {record.provenance['wall_seconds']:,.0f} s of computing")


def _run_grade(options: argparse.Namespace) -> None:
    from glorot import grading

    for name in ("seed", "workers"):
        least = 0 if name == "seed" else 1
        if getattr(options, name) < least:
            raise ValueError(f"{name} must be at least {least}, got {getattr(options, name)}")
    assignment = grading.load_assignment(options.assignment, options.coursework)
    reports = grading.grade_batch(assignment, options.paths, options.seed, options.workers)
    _print_table(grading.table(reports))
    for question, points in assignment.manual:
        print(f"{question}: {points} points by hand (rubric)")
    if options.json is not None:
        grading.write_reports(options.json, assignment, reports, options.seed)


def _run_diagnose(options: argparse.Namespace) -> int:
    from glorot.diagnose import diagnose
    from glorot.figures.diagnosis import diagnosis

    paths = list(sys.path)
    try:
        report = diagnose(*_made(options.factory))
    finally:
        sys.path[:] = paths
    print(report.text())
    if options.html is not None:
        options.html.write_text(report.html(), encoding="utf-8")
    if options.figure is not None:
        options.figure.write_text(diagnosis(report).svg(), encoding="utf-8")
    if options.json is not None:
        text = json.dumps(report.as_dict(), indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    return EXIT_FOUND if report.findings else 0


def _made(spec: str) -> tuple:
    """What the factory named ``module:factory`` or ``file.py:factory`` returns."""
    where, _, name = spec.rpartition(":")
    if not where or not name:
        raise ValueError(f"factory must be MODULE:FACTORY or FILE.py:FACTORY, got {spec!r}")
    factory = getattr(_imported(where), name, None)
    if not callable(factory):
        raise ValueError(f"factory must name a function, and {where} has no function {name!r}")
    try:
        made = factory()
    except Exception as error:
        raise ValueError(f"factory {spec!r} raised {type(error).__name__}: {error}") from error
    if not isinstance(made, tuple) or not 2 <= len(made) <= 4:
        kind = f"{len(made)} items" if isinstance(made, tuple) else type(made).__name__
        raise ValueError(
            f"factory must return (module, batch), with a loss and an optimizer if you like; "
            f"{spec!r} returned {kind}"
        )
    return made


def _imported(where: str) -> ModuleType:
    """A module by its name or its file, with the working directory to import from."""
    sys.path.insert(0, str(Path.cwd()))
    if where.endswith(".py") and not Path(where).is_file():
        raise ValueError(f"factory must name a file that exists, got {where!r}")
    try:
        return _loaded(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"factory's module {where!r} cannot be imported: {reason}") from error


def _loaded(path: Path) -> ModuleType:
    """The module in a file, whatever the file is called; its neighbors can be imported."""
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(f"diagnosed_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles of the file look it up
    spec.loader.exec_module(module)
    return module


def _executor(options: argparse.Namespace) -> AbstractContextManager[Executor | None]:
    """Where the work is done: here (None), in processes of this machine, or on a Dask cluster."""
    from glorot.experiments.executors import dask_executor, process_pool

    if options.dask is not None:
        return dask_executor(options.dask)
    return process_pool(options.workers)


def _print_list(rows: Sequence[Availability]) -> None:
    """A line for each data set under a header, and below it what would make the line too long."""
    width = max(len(row.name) for row in rows)
    print(f"{'data set':{width}}  there  size")
    for row in rows:
        there, size = ("yes", _megabytes(row.size)) if row.present else ("no", "-")
        print(f"{row.name:{width}}  {there:5}  {size}")
        for label, text in _details(row):
            print(f"  {label:9}{text}")
    print("sha256 is that of all pixels and labels. To get a data set: glorot data NAME")
    print("Shapeset needs none: it is drawn.")


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of text in columns, the header first."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())


def _details(row: Availability) -> Iterator[tuple[str, str]]:
    yield "lies in" if row.present else "goes to", str(row.path)
    yield "from", row.source
    if row.checksum is not None:
        yield "sha256", row.checksum
    yield "license", row.licence
    if row.note:
        yield "note", row.note


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:,.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
