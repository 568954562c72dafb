"""Builds the book strictly (`make book`): a warning or a cell that raises fails it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STRICT = ("--warningiserror", "--nitpick", "--keep-going")


def build() -> int:
    """Run jupyter-book; after a failure the next build reads every document again.

    Sphinx keeps what it has read, and warns about a document only when it reads it: without this the
    second build of a faulty book would pass.
    """
    from jupyter_book.cli.main import main as jupyter_book

    # The matrices are small: a second thread gains nothing, and on a busy machine it waits for the first.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    try:
        jupyter_book(["build", str(ROOT), *STRICT], standalone_mode=False)
    except BaseException:
        shutil.rmtree(ROOT / "_build" / ".doctrees", ignore_errors=True)
        raise
    return 0


if __name__ == "__main__":
    sys.exit(build())
