"""Where the book is kept and published: what its pages offer when an address is known, and when none is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from signal_theme.address import (
    binder_address,
    colab_address,
    pages_address,
    site_address,
    web_address,
)

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/someone/book"
LAB = "notebooks/one-lab.ipynb"
PATHS = ["/srv/book.git", "../book", "file:///srv/book", "C:\\book", "~/book"]


def config(repository: str = "", site: str = "", edition: str = "full") -> SimpleNamespace:
    """A configuration with its addresses set and no others."""
    return SimpleNamespace(book_repository=repository, html_baseurl=site, book_edition=edition)


@pytest.fixture(autouse=True)
def no_address(monkeypatch):
    """Whoever runs the tests may have published the book."""
    monkeypatch.delenv("BOOK_REPOSITORY", raising=False)
    monkeypatch.delenv("BOOK_ADDRESS", raising=False)


@pytest.mark.parametrize("remote", ["", *PATHS])
def test_a_path_is_no_address(remote):
    assert web_address(remote) == ""
    assert site_address(config(site=remote)) == ""


def test_an_address_keeps_no_credentials():
    assert web_address("https://me:token@example.org/a/b.git\n") == "https://example.org/a/b"
    assert site_address(config(site="https://me:token@example.org/a/")) == ""


def test_nothing_known_gives_no_address(tmp_path):
    (tmp_path / ".binder").mkdir()
    nothing = config()
    found = [site_address(nothing), colab_address(nothing, LAB)]
    assert [*found, binder_address(nothing, tmp_path, LAB)] == ["", "", ""]


def test_a_repository_on_github_has_a_site_and_opens_its_labs(tmp_path):
    known = config(REPOSITORY)
    assert site_address(known) == "https://someone.github.io/book/"
    opened = (
        "https://colab.research.google.com/github/someone/book/blob/main/notebooks/one-lab.ipynb"
    )
    assert colab_address(known, LAB) == opened
    assert binder_address(known, tmp_path, LAB) == ""  # without .binder/ there is nothing to start
    (tmp_path / ".binder").mkdir()
    started = (
        "https://mybinder.org/v2/gh/someone/book/main?urlpath=lab/tree/notebooks/one-lab.ipynb"
    )
    assert binder_address(known, tmp_path, LAB) == started


def test_another_host_neither_publishes_nor_opens_labs(tmp_path):
    (tmp_path / ".binder").mkdir()
    other = config("https://gitlab.com/someone/book")
    assert pages_address(other.book_repository) == site_address(other) == ""
    assert colab_address(other, LAB) == binder_address(other, tmp_path, LAB) == ""


def test_the_sites_address_may_be_given(monkeypatch):
    monkeypatch.setenv("BOOK_ADDRESS", "https://book.example.org")
    assert site_address(config(REPOSITORY)) == "https://book.example.org/"
    chosen = config(REPOSITORY, "https://other.example.org/b/")
    assert site_address(chosen) == "https://other.example.org/b/"


def test_the_students_edition_does_not_point_at_the_solutions(monkeypatch):
    student = config(REPOSITORY, edition="student")
    assert site_address(student) == ""
    monkeypatch.setenv("BOOK_ADDRESS", "https://course.example.org/")
    assert site_address(student) == "https://course.example.org/"


def small_book(folder: Path) -> None:
    """Two pages with a lab under the book's own configuration and extension."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    settings["sphinx"]["local_extensions"]["signal_theme"] = str(ROOT / "_theme")
    settings["html"].pop("favicon")
    for name in ("chapters", "notebooks", ".binder"):
        (folder / name).mkdir()
    texts = {
        "_config.yml": yaml.safe_dump(settings),
        "_toc.yml": "format: jb-book\nroot: intro\nchapters: [{file: chapters/one}]\n",
        "intro.md": "# A small book\n\nOf two pages.\n",
        "chapters/one.md": "# One\n\n:::{lab} one-lab\nYou will try it.\n:::\n",
        LAB: '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    }
    for name in ("references.bib", "requirements.txt", "constraints.txt"):
        texts[name] = ""
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")


BUILD = "from jupyter_book.cli.main import main; main()"


def built(folder: Path, **environment: str) -> str:
    """The chapter's page of a small book that is built strictly under these settings."""
    small_book(folder)
    command = [sys.executable, "-c", BUILD, "build", str(folder)]
    command += ["--warningiserror", "--nitpick", "--keep-going"]
    known = {k: v for k, v in os.environ.items() if k != "EDITION"} | environment
    done = subprocess.run(command, env=known, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return (folder / "_build" / "html" / "chapters" / "one.html").read_text("utf-8")


OFFERS = {
    "launch on Binder": "https://mybinder.org/",
    "open in Colab": "https://colab.research.google.com/",
    "edit": f"{REPOSITORY}/edit/main/chapters/one.md",
    "issue": f"{REPOSITORY}/issues/new",
    "canonical": '<link rel="canonical" href="https://someone.github.io/book/chapters/one.html"',
    "any edit": "/edit/main/",
    "any issue": "/issues/new",
    "any canonical": 'rel="canonical"',
    "clone": "from a clone of the book",
}
EVERYTHING = OFFERS.keys() - {"clone"}


def offers(page: str) -> set[str]:
    """What a page offers."""
    return {name for name, mark in OFFERS.items() if mark in page}


@pytest.mark.full
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {"clone"}),
        ({"BOOK_REPOSITORY": "/srv/git/book"}, {"clone"}),
        ({"BOOK_REPOSITORY": "git@github.com:someone/book.git"}, EVERYTHING),
        ({"BOOK_REPOSITORY": "https://gitlab.com/a/book"}, {"clone", "any edit", "any issue"}),
        ({"BOOK_REPOSITORY": "https://example.org/a/book"}, {"clone"}),
        (
            {"BOOK_REPOSITORY": REPOSITORY, "EDITION": "student"},
            {"launch on Binder", "open in Colab"},
        ),
    ],
    ids=["none", "a path", "github", "gitlab", "another host", "student"],
)
def test_a_built_page_offers_what_its_addresses_allow(tmp_path, environment, expected):
    assert offers(built(tmp_path, **environment)) == expected
