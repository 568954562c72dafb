"""The students' edition has no solution in it, wherever one looks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from docutils import nodes
from signal_theme.edition import leave_out_solutions
from sphinx.search.en import SearchEnglish

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "chapters").glob("*.md"), *(ROOT / "appendices").glob("*.md")])
BOX = re.compile(r"^(:{3,})\{admonition\}[^\n]*\n:class: [\w ]*\bsolution\b.*?^\1\n", re.M | re.S)
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n:tags: \[[^\]\n]*\bsolution\b.*?^```\n", re.M | re.S)
FIELD = re.compile(r"^(:\w+:.*|`{3,}.*|:{3,}.*)\n", re.M)


def solutions(text: str) -> list[str]:
    """The solutions of a source: boxes and cells."""
    return [FIELD.sub("", m[0]) for kind in (BOX, CELL) for m in kind.finditer(text)]


def without(text: str) -> str:
    """A source without its solutions."""
    return CELL.sub("", BOX.sub("", text))


def plain(text: str) -> str:
    """A text with nothing but its letters and digits."""
    return re.sub(r"\W+", "", text)


def read(file: Path) -> str:
    """The letters and digits of a built file; of a page, without its tags."""
    text = file.read_text("utf-8", "replace")
    return plain(
        unescape(re.sub(r"</?[a-zA-Z][^<>]*>", "", text) if file.suffix == ".html" else text)
    )


def telling(text: str) -> set[str]:
    """Long pieces of a page's solutions that stand nowhere else: prose and code, no markup."""
    marked = re.compile(r"[$`{*]")
    pieces = (p for s in solutions(text) for line in s.splitlines() for p in marked.split(line))
    found = {plain(piece) for piece in pieces if "](" not in piece}
    return {piece for piece in found if len(piece) > 24 and piece not in REST}


def words(texts: list[str]) -> set[str]:
    """The stems of all words, as the search index keeps them."""
    stem = SearchEnglish({}).stem
    return {stem(w) for text in texts for w in re.findall(r"[a-z]{4,}", text.lower())}


SOURCES = {path: path.read_text("utf-8") for path in PAGES}
LABS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# What else becomes a page: alternative texts and explorables come from the package.
OTHERS = [ROOT / "intro.md", ROOT / "references.bib", *sorted((ROOT / "src").rglob("*.[pj][ys]"))]
SHOWN = [*map(without, SOURCES.values()), *(p.read_text("utf-8") for p in [*OTHERS, *LABS])]
REST = plain("".join(SHOWN))
TELLING = {path: found for path, text in SOURCES.items() if (found := telling(text))}


def test_every_chapter_has_three_solutions_that_can_be_told():
    chapters = [path for path in PAGES if path.parent.name == "chapters"]
    assert chapters
    for path in chapters:
        boxes, cells = (kind.findall(SOURCES[path]) for kind in (BOX, CELL))
        assert len(boxes) >= 3 and len(cells) >= 3, path.name
        assert len(TELLING[path]) > 8, path.name


def test_solutions_leave_a_document_and_nothing_else_does():
    box = nodes.admonition("", nodes.title("", "Solution"), classes=["dropdown", "solution"])
    cell = nodes.container(classes=["cell", "tag_solution"])
    kept = [nodes.admonition(classes=["predict"]), nodes.container(classes=["cell"])]
    section = nodes.section("", kept[0], box, cell, kept[1])
    document = nodes.document(None, None)
    document += section
    leave_out_solutions(document)
    assert list(section) == kept


def command(edition: str) -> subprocess.CompletedProcess[str]:
    """Build an edition; executed cells come from the cache."""
    environment = os.environ | {"EDITION": edition}
    build = [sys.executable, str(ROOT / "_theme" / "build.py")]
    return subprocess.run(build, env=environment, capture_output=True, text=True)


def test_an_unknown_edition_is_refused():
    done = command("pupils")
    assert done.returncode != 0 and "got 'pupils'" in done.stderr


@pytest.mark.full
class TestStudentEdition:
    @pytest.fixture(scope="class")
    @staticmethod
    def student(html: Path) -> Path:
        """The built students' edition; the full one, which comes first, has filled the cache."""
        done = command("student")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        first = Path(done.stdout.strip().splitlines()[-1])
        assert first.parent != html
        return first.parent

    def test_no_file_holds_a_line_of_a_solution(self, student):
        files = [p for p in student.rglob("*") if p.suffix in TEXT and p.is_file()]
        assert len(files) > len(PAGES)
        lines = set().union(*TELLING.values())
        texts = {p.name: read(p) for p in files}
        found = {name: [line for line in lines if line in text] for name, text in texts.items()}
        assert {name: line for name, line in found.items() if line} == {}

    def test_no_page_has_a_solution_or_a_cell_of_one(self, student):
        pages = [p.read_text("utf-8") for p in student.rglob("*.html")]
        assert not any(re.search(r'class="[^"]*\b(tag_)?solution\b', page) for page in pages)

    def test_the_search_index_knows_no_word_of_a_solution(self, student):
        only = only_in_solutions()
        assert len(only) > 10
        assert only & terms(student) == set()

    def test_no_source_is_copied_and_downloads_are_the_labs(self, student):
        assert not (student / "_sources").exists()
        found = (student / "_downloads").rglob("*.*")
        assert {p.name for p in found if p.is_file()} <= {p.name for p in LABS}

    def test_the_full_edition_holds_them_all(self, html):
        """Negative control: what is looked for can be found."""
        for path, lines in TELLING.items():
            page = html / path.relative_to(ROOT).with_suffix(".html")
            text = read(page)
            missing = [line for line in lines if line not in text]
            assert len(missing) <= len(lines) // 5, (path.name, missing)
        assert len(only_in_solutions() & terms(html)) > 10


TEXT = {".html", ".js", ".json", ".ipynb", ".md", ".txt", ".inv", ".py"}


def only_in_solutions() -> set[str]:
    """Stems of words that stand in solutions and nowhere else in what the book is made of."""
    return words([s for text in SOURCES.values() for s in solutions(text)]) - words(SHOWN)


def terms(folder: Path) -> set[str]:
    """The words that a built book's search knows."""
    text = (folder / "searchindex.js").read_text("utf-8")
    index = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)", text, re.DOTALL)[1])
    return {*index["terms"], *index["titleterms"]}
