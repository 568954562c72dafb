"""Runs the code cells of one chapter with whatever package PYTHONPATH names first; stops at the first error.

Usage: python run_chapter.py CHAPTER. Prints the error's type and the failing cell; exit status 1 if a cell raised.
"""

import sys
from pathlib import Path

import jupytext
from IPython.core.interactiveshell import InteractiveShell


def main(chapter: Path) -> int:
    shell = InteractiveShell.instance()
    shell.run_cell("import warnings; warnings.simplefilter('error')")
    for cell in jupytext.read(chapter).cells:
        if cell.cell_type != "code":
            continue
        result = shell.run_cell(cell.source)
        if not result.success:
            error = result.error_before_exec or result.error_in_exec
            print(f"\nRAISED {type(error).__name__}\n{cell.source}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
