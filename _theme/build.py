"""Builds the book strictly (`make book`): a warning or a cell that raises fails it.

The students' edition (``EDITION=student``) lies in a folder of its own, so that neither edition makes
the other one stale; what was executed for one serves both.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"full": ROOT, "student": ROOT / "_build" / "student"}
STRICT = ("--warningiserror", "--nitpick", "--keep-going")


def build(edition: str) -> Path:
    """Run jupyter-book and return the first page; after a failure every document is read again.

    Sphinx keeps what it has read, and warns about a document only when it reads it: without this the
    second build of a faulty book would pass.

    Raises:
        ValueError: if there is no such edition.
    """
    from jupyter_book.cli.main import main as jupyter_book

    if edition not in FOLDERS:
        raise ValueError(f"EDITION must be one of {sorted(FOLDERS)}, got {edition!r}")
    folder = FOLDERS[edition]
    os.environ["EDITION"] = edition
    # The matrices are small: a second thread gains nothing, and on a busy machine it waits for the first.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    try:
        options = ["--path-output", str(folder), *STRICT]
        jupyter_book(["build", str(ROOT), *options], standalone_mode=False)
    except BaseException:
        shutil.rmtree(folder / "_build" / ".doctrees", ignore_errors=True)
        raise
    return folder / "_build" / "html" / "index.html"


if __name__ == "__main__":
    try:
        print(build(os.environ.get("EDITION") or "full"))
    except ValueError as error:
        sys.exit(str(error))
