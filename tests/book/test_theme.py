"""The book's own extension: the key of the cache, what a figure becomes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docutils import nodes
from jupyter_cache import get_cache
from myst_nb.core.config import NbParserConfig
from myst_parser.config.main import MdParserConfig
from signal_theme import ahead
from signal_theme.cache import execution_key
from signal_theme.fold import fold, fold_solutions
from signal_theme.slim import slim
from signal_theme.unbroken import NO_BREAK, join_markup, join_words

from glorot.book import FigureRenderer


@pytest.fixture
def small_root(tmp_path):
    """A repository of three files."""
    (tmp_path / "src" / "glorot" / "records").mkdir(parents=True)
    (tmp_path / "src" / "glorot" / "fans.py").write_text("FAN = 2\n")
    (tmp_path / "src" / "glorot" / "records" / "a.json").write_text("{}")
    (tmp_path / "requirements.txt").write_text("numpy==1\n")
    (tmp_path / "constraints.txt").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["src/glorot/fans.py", "src/glorot/records/a.json", "requirements.txt"]
)
def test_a_change_under_the_cells_changes_the_key(small_root, name):
    before = execution_key(small_root)
    assert execution_key(small_root) == before
    (small_root / name).write_text("changed")
    assert execution_key(small_root) != before


def test_a_renamed_module_changes_the_key_and_bytecode_does_not(small_root):
    before = execution_key(small_root)
    (small_root / "src" / "glorot" / "__pycache__").mkdir()
    (small_root / "src" / "glorot" / "__pycache__" / "fans.pyc").write_bytes(b"x")
    assert execution_key(small_root) == before
    (small_root / "src" / "glorot" / "fans.py").rename(small_root / "src" / "glorot" / "f.py")
    assert execution_key(small_root) != before


def test_slim_drops_the_icon_font_and_keeps_the_rest():
    head = (
        '<script defer src="../_static/scripts/fontawesome.js?digest=1"></script>'
        '<link href="../_static/vendor/fontawesome/css/all.min.css" rel="stylesheet" />'
        '<script src="../_static/searchtools.js?v=1"></script>'
        '<script src="../_static/doctools.js"></script>'
    )
    assert slim(head) == '<script src="../_static/doctools.js"></script>'


class Renderer:
    """Stands in for myst-nb: makes image nodes and keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.logger = SimpleNamespace(warning=lambda text, **where: self.warnings.append(text))

    def render_image(self, data):
        """One node, as myst-nb makes it."""
        return [nodes.image(uri="x")]


def output(mime: str, content: str = "<svg/>", **metadata: str):
    """An output with its metadata, as myst-nb hands it over."""
    from myst_nb.core.render import MimeData

    return MimeData(mime, content, output_metadata={mime: metadata})


def test_a_figure_carries_the_text_of_its_metadata():
    renderer = Renderer()
    (image,) = FigureRenderer.handle_mime(renderer, output("image/png", alt="two lines"), False)
    assert image["alt"] == "two lines"
    assert renderer.warnings == []


def test_a_figure_in_the_palette_is_rendered_for_both_themes():
    drawing = output("image/svg+xml", '<svg width="72pt"><path fill="#fffefa"/></svg>', alt="a")
    images = FigureRenderer.handle_mime(Renderer(), drawing, False)
    assert [image["classes"] for image in images] == [["only-light"], ["only-dark"]]
    assert {image["alt"] for image in images} == {"a"}
    assert {image["width"] for image in images} == {"96"}


def test_a_figure_without_a_text_is_reported():
    renderer = Renderer()
    FigureRenderer.handle_mime(renderer, output("image/png"), False)
    assert len(renderer.warnings) == 1


def test_what_is_no_image_is_left_to_others():
    assert FigureRenderer.handle_mime(Renderer(), output("text/plain"), False) is None


def test_a_solution_and_its_cells_fold_into_one_block():
    box = nodes.admonition("", nodes.title("", "Solution"), nodes.paragraph("", "So."))
    box["classes"] = ["dropdown", "solution"]
    proof = nodes.container(classes=["cell", "tag_solution"], hide_mode="all")
    other = nodes.container(classes=["cell"], hide_mode="all")
    section = nodes.section("", box, proof, other)
    document = nodes.document(None, None)
    document += section
    fold_solutions(None, document)
    folded = section[0]
    assert isinstance(folded, fold)
    assert folded["summary"] == "Solution"
    assert folded[-1] is proof
    assert "hide_mode" not in proof
    assert list(section) == [folded, other]


def test_a_number_and_its_unit_stay_on_one_line_in_prose_but_not_in_code():
    paragraph = nodes.paragraph("", "", nodes.Text("98 % of 3 × 2"), nodes.literal("", "5 % 2 × 2"))
    document = nodes.document(None, None)
    document += paragraph
    join_words(None, document)
    assert str(paragraph[0]) == f"98{NO_BREAK}% of 3{NO_BREAK}×{NO_BREAK}2"
    assert paragraph[1].astext() == "5 % 2 × 2"


def test_a_formula_keeps_its_punctuation_and_a_glued_number_its_unit():
    formula = '<span class="math notranslate nohighlight">\\(x^2\\)</span>'
    assert join_markup(f"as {formula}, so") == f'as <span class="unbroken">{formula},</span> so'
    assert join_markup(f"as {formula} so") == f"as {formula} so"
    assert NO_BREAK in join_markup('<span class="pasted-text">8</span> %.')
    assert NO_BREAK not in join_markup('<span class="pasted-text">8</span> percent')


CELLS = """---
kernelspec: {{display_name: Python 3, language: python, name: python3}}
jupytext:
  text_representation: {{extension: .md, format_name: myst}}
---

```{{code-cell}} ipython3
{code}
```
"""


def test_chapters_are_executed_ahead_and_only_once(tmp_path):
    pages = {"good": CELLS.format(code="print(6 * 7)"), "raises": CELLS.format(code="1 / 0")}
    pages["prose"] = "# Nothing to execute\n"
    for name, text in pages.items():
        (tmp_path / f"{name}.md").write_text(text, "utf-8")
    folder = tmp_path / "cache"
    env = SimpleNamespace(
        doc2path=lambda name: str(tmp_path / f"{name}.md"),
        myst_config=MdParserConfig(),
        mystnb_config=NbParserConfig(execution_cache_path=str(folder)),
    )
    assert {path.stem for path, _ in ahead.missing(env, list(pages), get_cache(folder))} == {
        "good",
        "raises",
    }
    ahead.execute(None, env, list(pages))
    cache = get_cache(folder)
    (record,) = cache.list_cache_records()
    (cell,) = cache.get_cache_bundle(record.pk).nb.cells
    assert cell.outputs[0]["text"] == "42\n"
    assert [path.stem for path, _ in ahead.missing(env, list(pages), cache)] == ["raises"]
