"""The labs where readers open them: on Binder, within its time and memory, and on Colab."""

from __future__ import annotations

import ast
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
import pytest

from tests.book.measured import Run, end, measure

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / ".binder"
LABS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PIN = re.compile(r"([\w.-]+)==([\w.]+)")

SECONDS, MEGABYTES = 60, 1000  # of one lab, kernel and all
LONG = 600  # seconds after which a run has hung


def index() -> str:
    """The option that names the wheel index of the Makefile."""
    named = re.search(r"^CPU_INDEX := (\S+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert named is not None
    return "=".join(["--extra-index-url", named[1]])


INDEX = index()


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    """Versions by name."""
    found = (PIN.fullmatch(line.strip()) for line in text.splitlines())
    return {normal(m[1]): m[2] for m in found if m}


def pinned() -> dict[str, str]:
    """What the book is built with."""
    names = ("constraints.txt", "requirements.txt")
    return {k: v for name in names for k, v in pins((ROOT / name).read_text("utf-8")).items()}


def complaints(text: str, versions: dict[str, str]) -> list[str]:
    """Lines that would make Binder install anew for each commit, or something else than we test."""
    found = []
    for line in text.splitlines():
        match = PIN.fullmatch(line)
        if line == INDEX or not line or line.startswith("#"):
            continue
        if match is None:
            found.append(f"{line}: neither a pin nor the index")
        elif versions.get(normal(match[1])) != match[2]:
            found.append(f"{line}: the book has {versions.get(normal(match[1]))}")
    return found


def requirements() -> str:
    return (BINDER / "requirements.txt").read_text("utf-8")


def test_binder_installs_the_versions_that_the_book_is_built_with():
    assert complaints(requirements(), pinned()) == []
    assert requirements().splitlines().count(INDEX) == 1  # or torch brings gigabytes along


@pytest.mark.parametrize(
    "line",
    [
        "numpy==1.0",
        "numpy",
        "numpy>=2",
        "unheard-of==1.0",
        "-r ../requirements.txt",
        "-c constraints.txt",
        "--constraint=constraints.txt",
        ".",
        "-e .",
        "./wheels/x.whl",
        "glorot @ file:///srv/book",
        # Binder's builder takes what follows = in an option; without it, an option is a package
        INDEX.replace("=", " "),
    ],
)
def test_another_version_or_a_reference_to_a_file_is_caught(line):
    assert len(complaints(f"{requirements()}{line}\n", pinned())) == 1


def test_binder_has_what_the_package_asks_for_and_nothing_that_builds_the_book():
    declared = re.search(
        r"\ndependencies = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"), re.DOTALL
    )
    assert declared is not None
    needed = {normal(n) for n in re.findall(r'"([\w.-]+?)[><=]', declared[1])}
    has = set(pins(requirements()))
    assert needed <= has
    assert has.isdisjoint({"jupyter-book", "sphinx", "otter-grader", "pytest", "playwright"})


def test_binder_has_a_python_that_the_package_runs_on():
    assert (BINDER / "runtime.txt").read_text("utf-8") == "python-3.11\n"
    for script in ("postBuild", "start"):
        assert os.access(BINDER / script, os.X_OK), f"{script} cannot be executed"


# Where the book is not installed.


def first_cell(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code")


def test_every_lab_begins_with_the_same_cell():
    assert len({first_cell(lab) for lab in LABS}) == 1
    assert 'find_spec("glorot") is None' in first_cell(LABS[0])


def ipython(code: str, *options: str) -> str:
    """What IPython shows when it runs a cell."""
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    script = (
        f"import sys; sys.path += {sorted(packages)!r}\n"
        "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
        f"Shell.instance(colors='nocolor').run_cell({code!r})"
    )
    command = [sys.executable, "-P", *options, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    return done.stdout + done.stderr


def test_the_first_cell_says_nothing_where_the_book_is_installed():
    assert ipython(first_cell(LABS[0])) == ""


def test_the_first_cell_says_what_to_type_where_the_book_is_not_installed():
    # -S: packages are found, and the link to this checkout is not.
    shown = ipython(first_cell(LABS[0]), "-S")
    assert "%pip install --no-deps git+https://" in shown
    assert "Traceback" not in shown
    assert "ModuleNotFoundError" not in shown
    assert "ModuleNotFoundError" in ipython("import glorot", "-S")


# Of what --no-deps leaves out, Colab lacks these; keras, jax and flax it has.
MISSING_ON_COLAB = ("anywidget", "otter", "myst_nb", "docutils", "distributed")


def imports(path: Path) -> str:
    """All import statements of a lab."""
    cells = (c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    sources = ("\n".join(li for li in c.source.splitlines() if li[:1] != "%") for c in cells)
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    return "\n".join(ast.unparse(n) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom))


def run_without(missing: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    blocked = f"import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"
    return subprocess.run(
        [sys.executable, "-c", blocked + code], capture_output=True, text=True, cwd=ROOT
    )


def test_the_labs_need_no_package_that_colab_lacks():
    done = run_without(MISSING_ON_COLAB, "\n".join(imports(lab) for lab in LABS))
    assert done.returncode == 0, done.stderr
    assert run_without(MISSING_ON_COLAB, "import glorot.explorables").returncode != 0


# The environment, made as Binder makes it.


@dataclass(frozen=True)
class Environment:
    """A fresh environment with the labs in a folder of their own."""

    home: Path
    repository: Path
    unpackaged: str  # what the first cell showed before postBuild had run
    runs: list[tuple[str, Run]] = field(default_factory=list)

    @property
    def python(self) -> Path:
        return self.home / "venv" / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in ("LANG", "LC_ALL", "TMPDIR")}
        path = f"{self.python.parent}:{os.environ['PATH']}"
        return kept | {"PATH": path, "HOME": str(self.home), "JUPYTER_PREFER_ENV_PATH": "1"}

    def run(self, *command: str | Path, timeout: float = LONG) -> Run:
        """Run a command as Binder does: in the repository, through ``start``."""
        return self._measure(command, self.variables, timeout)

    def install(self, *command: str | Path) -> None:
        """Run a command with this machine's own settings, by which it reaches its index."""
        run = self._measure(command, os.environ | {"PATH": self.variables["PATH"]}, LONG)
        assert run.code == 0, run.output

    def _measure(
        self, command: tuple[str | Path, ...], variables: Mapping[str, str], timeout: float
    ) -> Run:
        started = [self.repository / ".binder" / "start", *command]
        return measure(started, self.repository, variables, self.home / "log.txt", timeout)

    def execute(self, notebook: Path) -> Run:
        """Run a notebook from top to bottom in a kernel of this environment."""
        runner = self.repository / "tests" / "book" / "run_lab.py"
        return self.run(self.python, runner, notebook, timeout=2 * SECONDS)


def copy_of_the_repository(to: Path) -> Path:
    command = ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(command, text=True).splitlines():
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    return to


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Install ``.binder/requirements.txt`` in a fresh environment, and run ``postBuild`` in it."""
    home = tmp_path_factory.mktemp("binder")
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    made = Environment(home, copy_of_the_repository(home / "repository"), "")

    # As the Makefile does it: torch by itself, so that a machine out of the wheel index's reach asks
    # it for one package and not for all, and goes on with its ordinary index.
    lines, rest = requirements().splitlines(), home / "rest.txt"
    torch = next(line for line in lines if line.startswith("torch=="))
    rest.write_text("\n".join(line for line in lines if line != INDEX))
    install = (made.python, "-m", "pip", "install", "-q", "--disable-pip-version-check")
    made.install(*install, "--retries", "0", "--timeout", "15", INDEX, torch)
    made.install(*install, "-r", rest)
    alone = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(first_cell(LABS[0]))])
    nbformat.write(alone, home / "alone.ipynb")
    before = made.execute(home / "alone.ipynb")
    made.install(made.repository / ".binder" / "postBuild")
    yield Environment(made.home, made.repository, before.output)
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.full
def test_nothing_is_installed_that_is_not_pinned(environment):
    frozen = environment.run(environment.python, "-m", "pip", "freeze", "--exclude-editable")
    assert frozen.code == 0
    found = {
        normal(name): version.partition("+")[0]
        for name, _, version in (line.partition("==") for line in frozen.output.splitlines())
        if version and not normal(name).startswith(("nvidia", "cuda", "triton"))
    }
    assert {n: v for n, v in found.items() if pins(requirements()).get(n) != v} == {}
    assert environment.run(environment.python, "-m", "pip", "check").code == 0


@pytest.mark.full
def test_a_kernel_without_the_book_is_told_what_to_type(environment):
    # what the cell raised, not its source, which is printed after it
    shown = environment.unpackaged.partition("RAISED SystemExit: This lab needs")[2]
    assert "\n    %pip install --no-deps git+https://" in shown.partition("from importlib")[0]
    assert "ModuleNotFoundError" not in environment.unpackaged


@pytest.mark.full
@pytest.mark.parametrize("lab", LABS, ids=lambda p: p.stem)
def test_a_lab_runs_on_binder(environment, lab):
    run = environment.execute(environment.repository / "notebooks" / lab.name)
    environment.runs.append((lab.stem, run))
    print(f"{lab.stem:30} {run.seconds:5.1f} s {run.peak:5.0f} MB")
    assert run.code == 0, run.output
    assert run.seconds <= SECONDS


@pytest.mark.full
def test_a_lab_and_the_server_beside_it_fit(environment, capsys):
    server, kernel = server_and_kernel(environment)
    largest = max(run.peak for _, run in environment.runs)
    with capsys.disabled():
        print("\nOn Binder, all processes of a run:")
        for name, run in environment.runs:
            print(f"  {name:32} {run.seconds:5.1f} s {run.peak:5.0f} MB")
        print(
            f"  JupyterLab's server {server:.0f} MB, a kernel before its first cell {kernel:.0f} MB"
        )
    assert len(environment.runs) == len(LABS)
    build = environment.run(environment.python, "-c", "import torch; print(torch.version.cuda)")
    if build.output.strip() != "None":
        pytest.skip(f"torch came with CUDA {build.output.strip()}, which Binder does not install")
    assert server + largest <= MEGABYTES


def server_and_kernel(environment: Environment) -> tuple[float, float]:
    """Start JupyterLab, open its page and a kernel; return the memory of both, in MB."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token=t"]
    command = [environment.python, "-m", "jupyterlab", *options]
    with (environment.home / "server.txt").open("w") as log:
        process = subprocess.Popen(
            [environment.repository / ".binder" / "start", *command],
            cwd=environment.repository,
            env=environment.variables,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        ask(port, "GET", "/lab")
        ask(port, "GET", "/api/contents/notebooks")
        ask(port, "POST", "/api/kernels", json.dumps({"name": "python3"}))
        for _ in range(100):  # until the kernel has stopped growing
            children = psutil.Process(process.pid).children(recursive=True)
            kernel = sum(child.memory_info().rss for child in children) / 1e6
            time.sleep(0.1)
        return psutil.Process(process.pid).memory_info().rss / 1e6, kernel
    finally:
        end(process)


def ask(port: int, method: str, path: str, body: str | None = None) -> None:
    """Send a request to the server, which may need some time until it listens."""
    for _ in range(300):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": "token t"})
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status < 400, text
            return
        except ConnectionRefusedError:
            time.sleep(0.2)
        finally:
            connection.close()
    pytest.fail("the server does not answer")


def notebook_of(folder: Path, source: str) -> Path:
    path = folder / "one-cell.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]),
        path,
    )
    return path


@pytest.mark.full
def test_memory_that_a_notebook_takes_is_seen(environment, tmp_path):
    idle = environment.execute(notebook_of(tmp_path, "import numpy"))
    taken = "import numpy; held = numpy.ones(300_000_000, dtype='uint8')"
    greedy = environment.execute(notebook_of(tmp_path, taken))
    assert idle.code == greedy.code == 0
    assert 280 < greedy.peak - idle.peak < 330


@pytest.mark.full
def test_a_notebook_that_raises_is_seen(environment, tmp_path):
    run = environment.execute(notebook_of(tmp_path, "1 / 0"))
    assert run.code != 0
    assert "ZeroDivisionError" in run.output


@pytest.mark.full
def test_a_notebook_that_hangs_is_ended(environment, tmp_path):
    command = (environment.python, "-c", "import time; time.sleep(60)")
    with pytest.raises(TimeoutError):
        environment.run(*command, timeout=1)
