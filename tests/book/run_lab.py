"""Runs a notebook from top to bottom in a kernel, as a reader does, and stops where a cell raises."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from jupyter_client.manager import run_kernel

# A blocking client: nbclient's, in nbconvert too, now and then waits forever for an idle kernel.


def main(notebook: Path) -> int:
    cells = nbformat.read(notebook, as_version=4).cells
    with run_kernel(kernel_name="python3", cwd=str(notebook.parent)) as client:
        for cell in cells:
            if cell.cell_type != "code":
                continue
            reply = client.execute_interactive(cell.source, allow_stdin=False)["content"]
            if reply["status"] != "ok":
                print(f"\nRAISED {reply['ename']}: {reply['evalue']}\n{cell.source}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
