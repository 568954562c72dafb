"""What all tests share: skips that continuous integration accepts, and the book's pages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Under CI every other skip is an error: a test that did not run is not a test that passed.
# Each entry: how the skip's reason begins, and why a run on a complete machine may still skip it.
ACCEPTED_SKIPS = {
    "no CUDA device": "the machines of continuous integration have no accelerator",
    "GLOROT_DATA_SOURCE is not set": "the archives are no part of a clone; .ci/run names them where they lie",
}


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
