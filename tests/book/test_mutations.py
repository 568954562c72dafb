"""Each chapter fails when the package under it is wrong in what the chapter teaches."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.book.mutations import Mutation

ROOT = Path(__file__).parents[2]
CHAPTERS = {path.stem: path for path in sorted((ROOT / "chapters").glob("*.md"))}


def mutations(chapter: str) -> tuple[Mutation, ...]:
    """The mutations listed for a chapter; a chapter without a list is an error."""
    return importlib.import_module(f"tests.book.mutations.{chapter.replace('-', '_')}").MUTATIONS


def run(chapter: str, package_root: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(package_root), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("run_chapter.py")), str(CHAPTERS[chapter])],
        env=environment,
        cwd=ROOT / "chapters",
        capture_output=True,
        text=True,
        timeout=300,
    )


def mutated_package(mutation: Mutation, folder: Path) -> Path:
    shutil.copytree(
        ROOT / "src" / "glorot", folder / "glorot", ignore=shutil.ignore_patterns("__pycache__")
    )
    target = folder / "glorot" / mutation.file
    source = target.read_text(encoding="utf-8")
    assert source.count(mutation.old) == 1, f"{mutation.old!r} must occur once in {mutation.file}"
    target.write_text(source.replace(mutation.old, mutation.new), encoding="utf-8")
    return folder


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_mutation_of_a_chapter_still_changes_the_package(chapter):
    assert len(mutations(chapter)) >= 6
    for mutation in mutations(chapter):
        source = (ROOT / "src" / "glorot" / mutation.file).read_text(encoding="utf-8")
        assert source.count(mutation.old) == 1, f"{mutation.old!r} in {mutation.file}"
        assert mutation.old != mutation.new


@pytest.mark.full
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_runs_on_the_package_as_it_is(chapter):
    result = run(chapter, ROOT / "src")
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


@pytest.mark.full
@pytest.mark.parametrize(
    ("chapter", "mutation"),
    [
        pytest.param(chapter, mutation, id=f"{chapter}: {mutation.name}")
        for chapter in CHAPTERS
        for mutation in mutations(chapter)
    ],
)
def test_chapter_fails_on_a_wrong_package(chapter, mutation, tmp_path):
    result = run(chapter, mutated_package(mutation, tmp_path))
    assert result.returncode == 1, (
        f"{chapter} did not notice: {mutation.name}\n{result.stderr[-2000:]}"
    )
    assert "RAISED AssertionError" in result.stdout, result.stdout[-3000:]
