"""Workflows do little themselves: pinned actions, least permissions, and steps that any machine can run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = sorted(p for p in (ROOT / ".ci").iterdir() if p.is_file())
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*")
USES = re.compile(r"^\s*(?:- )?uses:\s*(.+?)\s*$", re.MULTILINE)
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
# What a job may write, and no other.
WRITES = {("publish.yml", "deploy"): {"pages", "id-token"}}


def run_complaints(line: str) -> list[str]:
    """What is wrong with a command: only make's targets and the scripts of .ci are run."""
    program, *arguments = line.split()
    if program == "make":
        wrong = [a for a in arguments if not a.startswith("-") and a not in TARGETS]
        return [f"no such target: {name}" for name in wrong]
    script = ROOT / program
    if program.startswith(".ci/") and script.is_file() and os.access(script, os.X_OK):
        wrong = [a for a in arguments if a not in TARGETS]
        return [f"no such target: {name}" for name in wrong]
    return [f"neither make nor a script of .ci: {line}"]


def job_complaints(where: tuple[str, str], job: dict[str, Any]) -> list[str]:
    """What is wrong with one job."""
    found = [] if isinstance(job.get("timeout-minutes"), int) else ["no timeout"]
    permissions = job.get("permissions")
    if not isinstance(permissions, dict):
        found.append("no permissions of its own")
    else:
        writes = {name for name, level in permissions.items() if level != "read"}
        found += [f"may write {name}" for name in sorted(writes - WRITES.get(where, set()))]
    for step in job.get("steps", []):
        for line in step.get("run", "").splitlines():
            found += run_complaints(line)
        if step.get("uses", "").startswith("actions/checkout@"):
            kept = step.get("with", {}).get("persist-credentials", True)
            found += ["checkout keeps its credentials"] if kept is not False else []
        if where[0] == "publish.yml" and "cache" in f"{step.get('uses')}{step.get('with')}":
            found.append("what is published comes from a cache")
    return [f"{where[1]}: {complaint}" for complaint in found]


def complaints(name: str, text: str) -> list[str]:
    """What is wrong with a workflow."""
    workflow = yaml.safe_load(text)
    found = [f"not pinned: {use}" for use in USES.findall(text) if not PINNED.fullmatch(use)]
    if workflow.get("permissions") != {}:
        found.append("permissions for every job")
    if "concurrency" not in workflow:
        found.append("runs beside itself")
    if "pull_request_target" in workflow.get(True, {}):  # YAML 1.1 reads `on` as a truth
        found.append("strangers' code would run with the repository's rights")
    for key, job in workflow["jobs"].items():
        found += job_complaints((name, key), job)
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_pinned_bounded_and_poor(path):
    assert complaints(path.name, path.read_text("utf-8")) == []


def test_the_four_workflows_are_there_and_use_actions():
    assert [path.stem for path in WORKFLOWS] == ["drift", "links", "publish", "test"]
    assert all(USES.search(path.read_text("utf-8")) for path in WORKFLOWS)


@pytest.mark.parametrize("name", ["links", "drift"])
def test_what_others_break_blocks_no_push(name):
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8"))
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_calls_targets_that_there_are(path):
    text = path.read_text("utf-8")
    called = re.findall(r"^make --no-print-directory ([a-z-]+)", text, re.MULTILINE)
    default = re.search(r"set -- (.+)", text)
    called += default[1].split() if default else []
    assert called
    assert set(called) <= TARGETS


@pytest.mark.parametrize(
    ("old", "new", "sign"),
    [
        (re.compile(r"(checkout@)[0-9a-f]{40} # v[\d.]+"), r"\1v7", "not pinned"),
        (re.compile(r" # v[\d.]+"), "", "not pinned"),
        (re.compile(r"permissions: \{\}"), "permissions: read-all", "permissions for every job"),
        (re.compile(r"\n    timeout-minutes: \d+"), "", "no timeout"),
        (re.compile(r"\n    permissions:\n      contents: read"), "", "no permissions of its own"),
        (re.compile(r"contents: read"), "contents: write", "may write contents"),
        (re.compile(r"persist-credentials: false"), "fetch-depth: 1", "keeps its credentials"),
        (re.compile(r"run: \.ci/run test\n"), "run: .ci/run tset\n", "no such target: tset"),
        (re.compile(r"run: \.ci/run test\n"), "run: make tset\n", "no such target: tset"),
        (re.compile(r"run: \.ci/run test\n"), "run: curl example.org\n", "neither make nor"),
        (re.compile(r"  pull_request:"), "  pull_request_target:", "strangers' code"),
        (re.compile(r"concurrency:"), "env:", "runs beside itself"),
    ],
)
def test_a_careless_workflow_is_noticed(old, new, sign):
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    careless = old.sub(new, text)
    assert careless != text
    assert any(sign in complaint for complaint in complaints("test.yml", careless))


def test_a_cache_in_what_is_published_is_noticed():
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text("utf-8")
    cached = text.replace('python-version: "3.12"', 'python-version: "3.12"\n          cache: pip')
    assert cached != text
    assert any("from a cache" in complaint for complaint in complaints("publish.yml", cached))


def audit(path: Path) -> subprocess.CompletedProcess[str]:
    """What the linter of workflows says about a file or a folder."""
    command = [str(Path(sys.executable).parent / "zizmor"), "--offline", "--persona", "pedantic"]
    return subprocess.run([*command, str(path)], capture_output=True, text=True)


def test_the_linter_finds_nothing_here_and_something_in_a_careless_workflow(tmp_path):
    done = audit(ROOT / ".github")
    assert done.returncode == 0, done.stdout + done.stderr
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    careless = tmp_path / "careless.yml"
    careless.write_text(text.replace("run: .ci/run test\n", "run: echo ${{ github.head_ref }}\n"))
    done = audit(careless)
    assert done.returncode != 0
    assert "template-injection" in done.stdout + done.stderr
