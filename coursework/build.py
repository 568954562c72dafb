"""Makes student releases and autograder archives in _build/coursework (`make coursework`).

otter makes the release from the master, and runs all its tests on the model answers. The archives
grade apart from the student's process (coursework/autograder.py), which otter's own do not.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUT = ROOT / "_build" / "coursework"
WHEN = (2020, 1, 1, 0, 0, 0)  # of every file in an archive, so that equal contents are equal bytes
# What the archives need besides the package's sources, pinned as here.
NEEDED = ("numpy", "scipy", "torch", "tqdm")


def assignments() -> list[str]:
    """Return the names of all assignments."""
    return sorted(path.parent.name for path in HERE.glob("*/hidden.py"))


def release(name: str, seed: int, out: Path = OUT) -> list[Path]:
    """Make one assignment's release and archive; return both.

    Raises:
        RuntimeError: if otter cannot assign the master, or a model answer fails a test.
    """
    with tempfile.TemporaryDirectory(prefix="assign-") as scratch:
        master = shutil.copy(HERE / name / f"{name}.ipynb", scratch)
        command = [sys.executable, "-m", "otter", "assign", "-v", master, f"{scratch}/dist"]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
        if done.returncode != 0:  # also when a model answer fails a test
            raise RuntimeError(f"{name} could not be assigned:\n{done.stdout}{done.stderr}")
        notebook = Path(scratch, "dist", "student", f"{name}.ipynb").read_bytes()
    student, grader = out / f"{name}-student.zip", out / f"{name}-autograder.zip"
    out.mkdir(parents=True, exist_ok=True)
    rubric = {"rubric.md": (HERE / name / "rubric.md").read_bytes()}
    _zip(student, {f"{name}.ipynb": notebook} | (rubric if name == "reproduce-a-figure" else {}))
    _zip(grader, _archive(name, seed))
    return [student, grader]


def _archive(name: str, seed: int) -> dict[str, bytes]:
    """The files of an autograder archive by their names."""
    files = {
        "autograder.py": (HERE / "autograder.py").read_bytes(),
        "hidden.py": (HERE / name / "hidden.py").read_bytes(),
        "seed.txt": f"{seed}\n".encode(),
        "requirements.txt": _pins().encode(),
        "setup.sh": SETUP.format(index=os.environ.get("CPU_INDEX", "")).encode(),
        "run_autograder": RUN.encode(),
    }
    for path in sorted((ROOT / "src" / "glorot").rglob("*.py")):
        files[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    return files


SETUP = """#!/usr/bin/env bash
set -e
cd /autograder/source
export PIP_EXTRA_INDEX_URL="{index}"  # or torch brings gigabytes of CUDA along
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install -q -r requirements.txt
"""
RUN = """#!/usr/bin/env bash
exec /autograder/venv/bin/python /autograder/source/autograder.py
"""


def _pins() -> str:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if re.split("==", line)[0] in NEEDED) + "\n"


def _zip(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, WHEN)
            executable = name in ("setup.sh", "run_autograder")
            info.external_attr = (0o755 if executable else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def main() -> int:
    """Make all releases and archives, and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=assignments(), help="assignments; default all")
    parser.add_argument("--seed", type=int, default=0, help="of the private inputs in the archives")
    options = parser.parse_args()
    for name in options.names:
        for path in release(name, options.seed):
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:,.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
