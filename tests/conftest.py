"""What all tests share: skips that continuous integration accepts, and the book's pages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent

# Under CI every other skip is an error: a test that did not run is not a test that passed.
# Each entry: how the skip's reason begins, and why a run on a complete machine may still skip it.
ACCEPTED_SKIPS = {
    "no CUDA device": "the machines of continuous integration have no accelerator",
    "torch came with CUDA": "a machine that does not reach the index of CPU wheels gets a larger torch than Binder",
    "GLOROT_DATA_SOURCE is not set": "the archives are no part of a clone; .ci/run names them where they lie",
}

# Tests that share what is costly to make: how their names begin, and the one piece of work that they are. xdist's
# own groups are read off names that pytest 9.2 no longer lets it change.
TOGETHER = {
    "tests/book/test_binder.py": "Binder's environment",
    "tests/browser/test_jupyterlab.py": "JupyterLab's server",
    "tests/browser/test_address.py": "a small book with an address",
    "tests/book/test_editions.py": "the students' edition",
    "tests/browser/test_print_edition.py::test_the_students": "the students' edition",
    "tests/browser/test_print_edition.py::TestPrintEdition": "the printed book",
    "tests/coursework/test_coursework.py::TestRelease": "the releases",
}


class Together(LoadScopeScheduling):
    """Deals tests out one by one, and those of ``TOGETHER`` to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return next((name for start, name in TOGETHER.items() if nodeid.startswith(start)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together | None:
    """Answer ``--dist loadgroup``."""
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Turn a skip that nobody accepted into a failure when ``CI`` is set."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith(tuple(ACCEPTED_SKIPS)):
            report.outcome = "failed"
            report.longrepr = f"skipped under CI, and the reason is not accepted: {reason}"
    return report


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def html() -> Path:
    """The built book, which ``make book`` makes."""
    folder = ROOT / "_build" / "html"
    if not (folder / "intro.html").is_file():
        pytest.fail("the book is not built: run `make book` first")
    return folder
