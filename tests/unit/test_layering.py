"""Imports go to lower floors, and a heavy library stays where the design puts it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "glorot"

# The house: a new module joins its floor here.
FLOORS = [
    {"fans", "activations", "results", "style", "amplifiers", "parametrizations"},
    {"initializers", "theory", "datasets", "figures"},
    {"networks", "frameworks"},
    {"probes", "ensemble", "architectures"},
    {"experiments", "diagnose"},
    {"explorables", "grading"},
    {"cli", "book"},
]
FLOOR_OF = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}
ALLOWED = {
    "matplotlib": {"style", "figures"},
    "anywidget": {"explorables"},
    "keras": {"frameworks"},
    "jax": {"frameworks"},
    "flax": {"frameworks"},
    "torch": {"frameworks", "ensemble", "architectures", "experiments", "diagnose", "cli"},
    "sklearn": {"experiments"},
    "sphinx": {"book"},
    "docutils": {"book"},
    "myst_nb": {"book"},
}
WITHOUT_TORCH = [m for m, floor in FLOOR_OF.items() if floor <= 2] + ["probes"]


def module_of(path: Path) -> str:
    """The name that a file's imports are charged to: its module or its package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if module_of(path) != "__init__"]
MODULES = sorted({module_of(path) for path in FILES})


def imported(source: str, package: tuple[str, ...]) -> set[str]:
    """Every dotted name that a source imports; ``package`` resolves relative imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*start, *filter(None, [node.module])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def complaints(path: Path, source: str) -> list[str]:
    """What one file imports and should not."""
    own = module_of(path)
    package = ("glorot", *path.relative_to(PACKAGE).parts[:-1])
    found = []
    for name in imported(source, package):
        top, *rest = name.split(".")
        if top == "glorot":
            other = rest[0] if rest else "__init__"
            if other in FLOOR_OF and other != own and FLOOR_OF[other] >= FLOOR_OF[own]:
                found.append(f"{own} (floor {FLOOR_OF[own]}) imports {other} ({FLOOR_OF[other]})")
        elif own not in ALLOWED.get(top, {own}):
            found.append(f"{own} imports {top}")
    return found


def test_every_module_has_its_floor():
    assert set(MODULES) <= set(FLOOR_OF), "add the new module to FLOORS"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_module_imports_from_lower_floors_only(path):
    assert complaints(path, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("theory.py", "from glorot.probes import measure_forward"),
        ("theory.py", "from glorot import initializers"),
        ("theory.py", "def f():\n    import glorot.networks"),
        ("theory.py", "from . import datasets"),
        ("datasets/store.py", "from ..figures import saturation"),
        ("networks.py", "import torch"),
        ("probes.py", "from matplotlib import pyplot"),
        ("cli.py", "from glorot import book"),
    ],
)
def test_an_import_sideways_or_up_is_caught(file, line):
    assert complaints(PACKAGE / file, line)


LAZY = {"keras", "jax", "flax"}  # heavy, and not everyone has them


def at_import(source: str) -> set[str]:
    """The packages that a source imports outside of any function."""
    found, nodes = set(), [ast.parse(source)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            nodes += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_framework_is_imported_before_it_is_needed(path):
    assert at_import(path.read_text("utf-8")) & LAZY == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import keras", True),
        ("from jax import numpy", True),
        ("class A:\n    import flax.nnx", True),
        ("if True:\n    import jax.numpy", True),
        ("def f():\n    import jax", False),
    ],
)
def test_an_import_of_a_framework_at_the_top_is_caught(source, found):
    assert bool(at_import(source) & LAZY) == found


def test_floors_0_to_2_and_the_probes_need_no_torch():
    modules = [f"glorot.{m}" for m in WITHOUT_TORCH if m in MODULES]
    script = (
        "import importlib, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.partition('.')[0] == 'torch': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "from glorot import initializers, networks, probes\n"
        "import numpy as np\n"
        "rng = np.random.default_rng(0)\n"
        "net = networks.make_network((8, 8, 4), 'glorot_uniform', 'tanh', rng)\n"
        "trace = networks.forward(net, rng.normal(size=(3, 8)))\n"
        "assert trace.acts[-1].shape == (3, 4) and 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
