"""What must not stand in a tracked file: hosts of package registries and paths of one machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from glorot.experiments import EXPERIMENTS

ROOT = Path(__file__).resolve().parents[2]
THIS = Path(__file__).resolve().relative_to(ROOT).as_posix()

# The one index that may be named, where it is set (Makefile) and where Binder needs it.
CPU_INDEX = "download.pytorch.org/whl/cpu"
BINDER = ".binder/requirements.txt"
CPU_INDEX_FILES = {"Makefile", BINDER}
# The one path beside the repository that may stand in it, as it stands here.
DATA = "../shared/data"
DATA_FILES = {".ci/run"}

FORBIDDEN = {
    "a registry's host": re.compile(
        r"//[\w.-]*(?:pypi\.org|pythonhosted\.org|npmjs\.org|yarnpkg\.com|anaconda\.(?:org|com)"
        r"|pypi\.[\w-]+\.\w+|artifactory|jfrog|nexus)"
    ),
    "an index option": re.compile(r"--(?:extra-)?index-url[ =](?!\$\(CPU_INDEX\))|--find-links"),
    "a path of one machine": re.compile(
        r"(?<![\w.~$<>{}*:/-])/(?:home/(?!runner\b|jovyan\b)\w+|Users/\w+|root/|work/|opt/|private/)"
    ),
    "a path beside the repository": re.compile(r"\.\./shared/\w*"),
}


def tracked() -> list[str]:
    """Tracked files and new ones that git does not ignore."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    return [n for n in subprocess.check_output(command, text=True).splitlines() if n != THIS]


def complaints(name: str, text: str) -> list[str]:
    """The lines of one file that hold something forbidden."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        kept = line.replace(CPU_INDEX, "") if name in CPU_INDEX_FILES else line
        kept = "" if name == BINDER and line == f"--extra-index-url=https://{CPU_INDEX}" else kept
        kept = kept.replace(DATA, "") if name in DATA_FILES else kept
        if CPU_INDEX in kept:
            found.append(f"{name}:{number}: the CPU index outside its one place")
        found += [f"{name}:{number}: {w}" for w, p in FORBIDDEN.items() if p.search(kept)]
    return found


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every tracked text file."""
    read = {}
    for name in tracked():
        try:
            read[name] = (ROOT / name).read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return read


def test_no_tracked_file_names_a_registry_or_a_machine(texts):
    assert [c for name, text in texts.items() for c in complaints(name, text)] == []


@pytest.mark.parametrize(
    "line",
    [
        # put together here, so that this file does not hold what it forbids
        "pip install --index-url https://" + "pypi." + "org/simple x",
        '"resolved": "https://registry.' + 'npmjs.org/katex"',
        "data = '/home/" + "alice/data'",
        "cd /" + "work/main",
        "root = ../shared/prototype",
        f"--extra-index-url https://{CPU_INDEX}",
    ],
)
def test_a_registry_or_a_machine_path_is_caught(line):
    assert complaints("README.md", line)


def test_no_tracked_file_is_larger_than_it_need_be():
    heavy = {n: (ROOT / n).stat().st_size for n in tracked() if (ROOT / n).is_file()}
    assert {n: size for n, size in heavy.items() if size > 800_000} == {}


def test_every_requirement_is_pinned_exactly():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_constraints_agree_with_the_requirements():
    def pins(name: str) -> dict[str, str]:
        lines = (ROOT / name).read_text("utf-8").splitlines()
        pairs = (line.split("==") for line in lines if "==" in line and line[0] != "#")
        return {re.sub(r"[-_.]+", "-", n).lower(): version for n, version in pairs}

    required, constrained = pins("requirements.txt"), pins("constraints.txt")
    assert {n: v for n, v in required.items() if constrained.get(n, v) != v} == {}


def test_the_setup_names_every_direct_dependency():
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    required = (ROOT / "requirements.txt").read_text("utf-8").lower()
    declared = re.search(r"\ndependencies = \[(.*?)\]", pyproject, re.DOTALL)
    assert declared is not None
    names = re.findall(r'"([\w.-]+?)[><=]', declared[1])
    assert [n for n in names if f"\n{n.lower()}==" not in required] == []


def test_make_records_makes_the_record_of_every_experiment():
    listed = re.search(r"^RECORDS := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert listed is not None
    assert sorted(listed[1].split()) == sorted(EXPERIMENTS)
