"""The contract of the explorables in their second home: JupyterLab, with a kernel behind the page."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.browser.contract import commit, settle
from tests.browser.harness import PATIENCE
from tests.browser.test_explorables import MADE

pytestmark = [pytest.mark.browser, pytest.mark.full]

SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}  # fmt: skip
QUIET = (
    "--no-browser",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.open_browser=False",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=",
)
CHECKING = (
    "explorables.SelfCheck(explorables.Choice('Which?', (explorables.Option('this', 'So it is.', True),"
    " explorables.Option('that', 'No.'))), explorables.Number('How much?', 0.25, 'A quarter.', 'Divide.'))"
)

PURPOSE = "this one throws on purpose"
BROKEN = f"""shown = explorables.TugOfWar()
shown._esm = "export default {{ render() {{ throw new Error('{PURPOSE}'); }} }}"
display(shown)"""


@dataclass
class Lab:
    """A notebook open in JupyterLab, all its cells run."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def cell(self, name: str) -> Locator:
        """The output of the cell that shows an explorable."""
        return self.page.locator(".jp-CodeCell").nth(1 + list(MADE).index(name))

    def explorable(self, name: str) -> Locator:
        """The first view in that output."""
        return self.cell(name).locator(".explorable").first


def notebook() -> nbformat.NotebookNode:
    """One cell for each explorable, *Tug of war* shown twice, and one that throws."""
    shown = {name: f"explorables.{name}()" for name in MADE} | {"SelfCheck": CHECKING}
    cells = [f"shown = {code}\ndisplay(shown)" for code in shown.values()]
    cells[list(MADE).index("TugOfWar")] += "\ndisplay(shown)"
    cells.insert(0, "from IPython.display import display\nfrom glorot import explorables")
    cells.append(BROKEN)
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(
    url: str, server: subprocess.Popen, log: Path, seconds: float = PATIENCE / 1000
) -> None:
    """Wait until the server answers; fail with its log if it ends or stays silent."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not answer:\n{log.read_text('utf-8')[-2000:]}")


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[tuple[str, str]]:
    """The address and token of a JupyterLab of our own, whose settings and files are temporary."""
    home = tmp_path_factory.mktemp("jupyterlab")
    for name, content in SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), "utf-8")
    (home / "files").mkdir()
    nbformat.write(notebook(), home / "files" / "explorables.ipynb")
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
               "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
               "IPYTHONDIR": "ipython"}  # fmt: skip
    own = {name: str(home / folder) for name, folder in folders.items()}
    token, port, log = secrets.token_hex(16), free_port(), home / "log.txt"
    command = [sys.executable, "-m", "jupyterlab", *QUIET, f"--ServerApp.root_dir={home / 'files'}",
               f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
               f"--IdentityProvider.token={token}", "--allow-root"]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=out, stderr=subprocess.STDOUT, cwd=home
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/api?token={token}", process, log)
            yield f"http://127.0.0.1:{port}", token
        finally:
            process.terminate()  # the server ends its kernels first
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


READY = """() => {
    const app = window.jupyterapp, context = app?.shell.currentWidget?.sessionContext;
    return app?.commands.hasCommand('notebook:run-all-cells') && context?.isReady
        && context.session?.kernel?.status === 'idle';
}"""


@pytest.fixture(scope="session")
def lab(browser: Browser, server: tuple[str, str]) -> Iterator[Lab]:
    """The notebook, open and run."""
    address, token = server
    context = browser.new_context(viewport={"width": 1300, "height": 1000}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    opened = Lab(context.new_page())
    page = opened.page
    page.route("**/*", lambda route: route.continue_()
               if route.request.url.startswith((address, "data:", "blob:")) else route.abort())  # fmt: skip
    page.on("pageerror", lambda error: opened.errors.append(str(error.stack or error)))
    page.on("console", lambda m: m.type == "error" and opened.errors.append(
        f"{m.text} ({m.location.get('url', '')})"))  # fmt: skip
    page.goto(f"{address}/lab/tree/explorables.ipynb?token={token}")
    page.wait_for_function(READY)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(
        f"document.querySelectorAll('.jp-OutputArea .explorable').length === {len(MADE) + 1}"
    )
    for _ in range(PATIENCE // 100):  # its cell is the last one: what the others said has come too
        if any(PURPOSE in error for error in opened.errors):
            break
        page.wait_for_timeout(100)
    yield opened
    context.close()


STATE = """root => JSON.stringify([[...root.querySelectorAll('svg, canvas')].map(
    n => n.tagName === 'CANVAS' ? n.toDataURL() : n.innerHTML), root.querySelector('.sentence').textContent])"""


def look(lab: Lab, root: Locator) -> tuple[list, str]:
    """The pictures and the sentence of one explorable."""
    settle(lab.page)
    pictures, sentence = json.loads(root.evaluate(STATE))
    return pictures, sentence


def test_the_page_stays_free_of_errors_from_our_modules(lab):
    ours = [
        e for e in lab.errors if any(sign in e for sign in ("blob:", "explorable", "anywidget"))
    ]
    assert [e for e in ours if PURPOSE not in e] == []
    assert lab.page.locator(".jp-OutputArea [data-mime-type*=stderr]").all_text_contents() == []


def test_an_explorable_that_throws_is_noticed_and_fails_alone(lab):
    assert any(PURPOSE in e for e in lab.errors)
    assert lab.page.locator(".jp-OutputArea .explorable").count() == len(MADE) + 1


@pytest.mark.parametrize("name", MADE)
def test_every_explorable_stands_in_its_output(lab, name):
    root = lab.explorable(name)
    assert root.locator(".sentence").text_content()
    box = root.bounding_box()
    assert box["width"] > 300
    assert box["height"] > 100


@pytest.mark.parametrize("name", [name for name in MADE if name != "SelfCheck"])
def test_every_explorable_answers_its_reader(lab, name):
    root = lab.explorable(name)
    before = look(lab, root)
    assert commit(root), "there is nothing to commit to"
    replies = "".join(root.locator(".reply").all_text_contents())
    assert look(lab, root) != before or replies


@pytest.mark.parametrize("name", [name for name in MADE if name != "SelfCheck"])
def test_a_slider_moves_picture_and_sentence(lab, name):
    root = lab.explorable(name)
    commit(root)
    sliders = root.locator("input[type=range]:not(:disabled)")
    if sliders.count() == 0:
        return
    before = look(lab, root)
    sliders.first.focus()
    low = sliders.first.evaluate("n => +n.value < (+n.min + +n.max) / 2")
    for _ in range(3):
        lab.page.keyboard.press("PageUp" if low else "PageDown")
    after = look(lab, root)
    assert before[0] != after[0], "the picture stays"
    assert before[1] != after[1], "the sentence stays"


def test_two_views_of_one_model_stand_side_by_side(lab):
    views = lab.cell("TugOfWar").locator(".explorable")
    assert views.count() == 2
    models = lab.page.evaluate("""async () => {
        const found = window.jupyterapp.shell.currentWidget.content.widgets.flatMap(cell => cell.model
            .toJSON().outputs ?? []).map(o => o.data?.['application/vnd.jupyter.widget-view+json']?.model_id);
        return found.filter(Boolean);
    }""")
    assert len(models) == len(MADE) + 2
    assert len(set(models)) == len(MADE) + 1  # the two views name one model
    ids = lab.page.locator(".explorable [id]").evaluate_all("nodes => nodes.map(n => n.id)")
    assert len(ids) == len(set(ids))
