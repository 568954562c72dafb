"""Makes one HTML page of the whole built book, as the print edition needs it.

The built pages are taken as they are, so that numbers, references and figures are those of the web. What a
sheet of paper cannot do is replaced: solutions stand at the end of their chapter, tabs one after another,
an explorable is its still picture. Code that a page folds away is left out; its figure stays.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urldefrag

import yaml
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).resolve().parent.parent
SHEET = ROOT / "_theme" / "signal_theme" / "static" / "print.css"
PREFACE = "Preface"
CHECK = "Check yourself"
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
PICTURES = "pictures"
PAPER = b"#fffefa"
ROMAN = ("I", "II", "III", "IV", "V", "VI")
UNSEEN = "script, noscript, .headerlink, .only-dark, button, input, iframe"
REFERRING = ("for", "aria-controls", "aria-labelledby", "aria-describedby")
TITLES = ("chapter-title", "section-title", "subsection-title", "subsubsection-title")
LANGUAGE = "en"


@dataclass
class Document:
    """One document of the book: its name without suffix, and the part that it opens, if it opens one."""

    name: str
    part: str = ""
    title: str = ""
    article: Tag = field(default_factory=lambda: Tag(name="article"))

    @property
    def slug(self) -> str:
        """The id of the document in the one page, and the beginning of every id in it."""
        return self.name.replace("/", "-")

    def anchor(self, fragment: str) -> str:
        """What an id of the document is called in the one page."""
        return f"{self.slug}--{fragment}" if fragment else self.slug


def documents(root: Path) -> list[Document]:
    """The documents of ``_toc.yml`` in reading order; the first of a part knows the part's name."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    found, roman = [Document(toc["root"])], iter(ROMAN)
    for part in toc["parts"]:
        label = f"Part {next(roman)} · " if part.get("numbered") else ""
        captions = [f"{label}{part['caption']}"] + [""] * len(part["chapters"])
        found += [Document(c["file"], p) for c, p in zip(part["chapters"], captions, strict=False)]
    return found


def new(name: str, text: str = "", **attributes: str) -> Tag:
    """A tag with a text; ``class_`` is its class."""
    tag = Tag(
        name=name,
        attrs={key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()},
    )
    if text:
        tag.string = text
    return tag


def page_number(target: str) -> Tag:
    """The place of a page number, which is known once the book has been printed."""
    return new("span", "000", class_="page-number", data_target=target)


# ---- one document ------------------------------------------------------------------------------


def words(tag: Tag) -> str:
    """The text of a tag on one line."""
    return " ".join(tag.get_text().split())


def widget_sources(page: str) -> dict[str, str]:
    """The module of each explorable of a page, by the id of its model."""
    found: dict[str, str] = {}
    for text in re.findall(rf'<script type="{re.escape(STATE)}">(.*?)</script>', page, re.DOTALL):
        state = json.loads(text).get("state", {})
        found |= {name: model["state"].get("_esm", "") for name, model in state.items()}
    return found


def explorable_note(source: str, picture: bool) -> str:
    """What a reader of the paper is told about an explorable: what it does on the web page."""
    if not picture:
        return "On the book’s web page these questions answer you."
    heard = ", and there you hear it" if "AudioContext" in source else ""
    return f"This figure moves on the book’s web page{heard}."


def still_explorables(article: Tag, sources: dict[str, str]) -> None:
    """Leave an explorable's still picture, with a line about what it does on the web page."""
    for place in article.select(".explorable-place"):
        script = place.find("script", type=VIEW)
        model = json.loads(script.string or "{}").get("model_id", "") if script else ""
        note = explorable_note(sources.get(model, ""), place.find("img") is not None)
        place.append(new("p", note, class_="print-note"))
    for sound in article.find_all(["audio", "video"]):
        sound.replace_with(new("p", "You hear this on the book’s web page.", class_="print-note"))


def leave_out_folded_code(article: Tag) -> None:
    """Leave out code that the page hides, and show whatever else was hidden with it."""
    for hidden in article.select("details.hide"):
        for source in hidden.select(".cell_input, summary"):
            source.decompose()
        hidden.unwrap()


def spread_tabs(article: Tag) -> None:
    """Show every panel of a set of tabs, one after another, under its label."""
    for label in article.select(".sd-tab-label"):
        label.replace_with(new("p", words(label), class_="tab-title"))
    for panels in article.select(".sd-tab-set"):
        panels["class"] = "tabs"
    for panel in article.select(".sd-tab-content"):
        panel["class"] = "tab"


def is_gathered(fold: Tag) -> bool:
    """Whether a fold is a solution of an exercise, or the answers of a chapter's self-check."""
    summary = fold.find("summary")
    in_check = fold.find_parent(class_="explorable-still") is not None
    return in_check or (summary is not None and words(summary) == "Solution")


def exercise(fold: Tag) -> str:
    """The name of the exercise that a solution belongs to: the bold word at its beginning."""
    if fold.find_parent(class_="explorable-still") is not None:
        return CHECK
    question = fold.find_previous_sibling("p")
    name = question.find("strong") if question else None
    return words(name).rstrip(".") if name else "Solution"


def gather_solutions(article: Tag, slug: str) -> None:
    """Move solutions to the end of the chapter, where nobody reads them by accident; open other folds."""
    gathered = new("section", class_="solutions", id="solutions")
    heading = new("h2", "Answers")
    gathered.append(heading)
    for number, fold in enumerate(article.find_all("details"), start=1):
        summary = fold.find("summary")
        if not is_gathered(fold):
            summary.replace_with(new("p", words(summary), class_="fold-title"))
            fold.name = "div"
            continue
        asked, answered = f"exercise-{number}", f"solution-{number}"
        name = exercise(fold)
        if name != CHECK:
            heading.string = "Solutions"
        pointer = new("p", class_="see-solution", id=asked)
        link = new("a", f"{'Answers' if name == CHECK else 'Solution'} on page ")
        link["href"] = f"#{answered}"
        link.append(page_number(f"{slug}--{answered}"))
        pointer.append(link)
        fold.replace_with(pointer)
        summary.decompose()
        fold.name, fold["class"], fold["id"] = "div", "solution", answered
        title = new("p", class_="solution-title")
        title.append(new("a", name, href=f"#{asked}"))
        fold.insert(0, title)
        gathered.append(fold)
    if gathered.find(class_="solution"):
        article.find("section").append(gathered)


def lower_headings(article: Tag, by: int) -> None:
    """Make room for the parts above the chapters, and name each heading after what it heads."""
    for heading in article.find_all(["h1", "h2", "h3", "h4"]):
        level = int(heading.name[1])
        heading["class"] = TITLES[level - 1]
        heading.name = f"h{level + by}"


def own_ids(document: Document, article: Tag) -> None:
    """Begin every id with the document's name, and follow with what refers to it."""
    for tag in article.find_all(id=True):
        tag["id"] = document.anchor(tag["id"])
    for name in REFERRING:
        for tag in article.find_all(attrs={name: True}):
            tag[name] = " ".join(map(document.anchor, tag[name].split()))


def own_links(document: Document, article: Tag, known: dict[Path, Document], html: Path) -> None:
    """Turn links between pages into links within the one page; what leads to no page loses its link."""
    here = html / f"{document.name}.html"
    for link in article.find_all("a", href=True):
        target, fragment = urldefrag(link["href"])
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        file = Path(os.path.normpath(here.parent / unquote(target))) if target else here
        if file in known and "download" not in link.attrs:
            link["href"] = f"#{known[file].anchor(unquote(fragment))}"
            link.attrs.pop("title", None)
        else:
            link.unwrap()


def own_pictures(article: Tag, here: Path, output: Path) -> None:
    """Copy pictures to where the one page lies, on white instead of the screen's tinted paper."""
    for picture in article.find_all("img"):
        picture.attrs.pop("loading", None)
        file = Path(os.path.normpath(here / unquote(picture["src"])))
        copied = output / PICTURES / file.name
        drawing = file.read_bytes()
        copied.write_bytes(drawing.replace(PAPER, b"#ffffff") if file.suffix == ".svg" else drawing)
        picture["src"] = f"{PICTURES}/{copied.name}"


def leave_sheet(article: Tag) -> None:
    """A document that is printed on a sheet of its own is set like the others in the book."""
    for sheet in article.select(".cheat-sheet"):
        sheet["class"] = [name for name in sheet["class"] if name != "cheat-sheet"] + ["summary"]


def prepare(document: Document, html: Path, output: Path, known: dict[Path, Document]) -> None:
    """Read a built page and make its article ready for paper."""
    page = (html / f"{document.name}.html").read_text("utf-8")
    markup = page[page.index('<article class="bd-article">') : page.index("</article>")]
    article = BeautifulSoup(markup, "html.parser").find("article").extract()
    still_explorables(article, widget_sources(page))
    for tag in article.select(UNSEEN):
        tag.decompose()
    leave_out_folded_code(article)
    spread_tabs(article)
    leave_sheet(article)
    gather_solutions(article, document.slug)
    first = next(iter(known.values()))
    if document is first:
        open_with_preface(article)
    lower_headings(article, by=0 if document is first else 1)
    document.title = words(article.find(class_="chapter-title"))
    own_ids(document, article)
    own_links(document, article, known, html)
    own_pictures(article, (html / f"{document.name}.html").parent, output)
    article.name, article["class"], article["id"] = "div", "chapter", document.slug
    document.article = article


def open_with_preface(article: Tag) -> None:
    """Leave out what the title page and the contents say: the book's title, the list of chapters."""
    article.find("h1").string = PREFACE
    for section in article.select("section:has(> .toctree-wrapper)"):
        section.decompose()


# ---- the whole book ----------------------------------------------------------------------------


def citation(root: Path) -> dict[str, str]:
    """Title, subtitle, authors, version and year, from the file that says how the book is cited."""
    data = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    title, _, subtitle = data["title"].partition(": ")
    people = (
        a.get("name") or f"{a.get('given-names', '')} {a.get('family-names', '')}".strip()
        for a in data["authors"]
    )
    return {
        "title": title,
        "subtitle": subtitle[:1].upper() + subtitle[1:],
        "authors": ", ".join(people),
        "version": str(data["version"]),
        "year": str(data["date-released"])[:4],
    }


def title_page(about: dict[str, str], edition: str) -> Tag:
    """Mark, title, subtitle, authors; who may do what with the book."""
    page = new("div", class_="title-page", id="title-page")
    brand = (ROOT / "_theme" / "signal_theme" / "templates" / "brand.html").read_text("utf-8")
    page.append(BeautifulSoup(brand, "html.parser").find("svg"))
    page.append(new("p", about["title"], class_="book-title"))
    page.append(new("p", about["subtitle"], class_="book-subtitle"))
    page.append(new("p", about["authors"], class_="book-authors"))
    edition_name = {"full": "Print edition", "student": "Print edition without solutions"}[edition]
    rights = f"""<p class="book-rights">{edition_name} of version {about["version"]},
        © {about["year"]} {about["authors"]}.
        Text: <a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>.
        Code: <a href="https://opensource.org/license/mit">MIT License</a>.
        Text face Literata: SIL Open Font License.</p>"""
    page.append(BeautifulSoup(rights, "html.parser"))
    return page


def contents_line(text: str, target: str, kind: str) -> Tag:
    """One line of the table of contents."""
    line = new("p", class_=f"contents-{kind}")
    link = new("a", href=f"#{target}")
    for part in (new("span", text, class_="entry"), new("span", class_="leader")):
        link.append(part)
    link.append(page_number(target))
    line.append(link)
    return line


def contents(book: list[Document]) -> Tag:
    """The table of contents: parts, chapters, sections."""
    table = new("div", class_="contents", id="contents")
    table.append(new("h1", "Contents", class_="chapter-title"))
    for document in book:
        if document.part:
            table.append(new("p", document.part, class_="contents-part"))
        table.append(contents_line(document.title, document.slug, "chapter"))
        numbered = document.article.select("section > .section-title:has(.section-number)")
        for heading in numbered:
            section = heading.find_parent("section")
            table.append(contents_line(words(heading), section["id"], "section"))
    return table


def running_feet(book: list[Document], title: str) -> str:
    """A page style for each chapter: its title and the page's number at the foot."""
    rules = [".contents { page: contents }"]
    for name, text in [("contents", "Contents"), *((d.slug, d.title) for d in book)]:
        quoted = json.dumps(text, ensure_ascii=False)
        rules.append(
            f"@page {name} {{ @bottom-left {{ content: {quoted} }} "
            f"@bottom-right {{ content: counter(page) }} }}"
        )
    rules += [f"#{d.slug} {{ page: {d.slug} }}" for d in book]
    return "\n".join(rules)


def mathjax(page: BeautifulSoup) -> dict[str, object]:
    """The book's settings of MathJax, without the second copy of each formula that is for screen readers."""
    script = next(s for s in page.find_all("script") if (s.string or "").startswith("window.Math"))
    settings = json.loads(script.string.partition("=")[2])
    settings["options"] = settings.get("options", {}) | {"enableAssistiveMml": False}
    return settings


def head(html: Path, output: Path, book: list[Document], about: dict[str, str]) -> str:
    """Style sheets as on the web, the one for print after them, and the mathematics."""
    file = html / f"{next(d.name for d in book if '/' in d.name)}.html"
    page = BeautifulSoup(file.read_text("utf-8"), "html.parser")

    def found(address: str) -> str:
        target = Path(os.path.normpath(file.parent / address.partition("?")[0]))
        return Path(os.path.relpath(target, output)).as_posix()

    sheets = [found(link["href"]) for link in page.select("link[rel~=stylesheet]")]
    sheets.append(Path(os.path.relpath(SHEET, output)).as_posix())
    script = next(s["src"] for s in page.find_all("script", src=True) if "mathjax/" in s["src"])
    return "\n".join(
        [
            '<meta charset="utf-8">',
            f"<title>{about['title']}: {about['subtitle']}</title>",
            *(f'<link rel="stylesheet" href="{sheet}">' for sheet in sheets),
            f"<style>{running_feet(book, about['title'])}</style>",
            f"<script>window.MathJax = {json.dumps(mathjax(page))}</script>",
            f'<script defer src="{found(script)}"></script>',
        ]
    )


def assemble(html: Path, output: Path, edition: str) -> str:
    """Make one page of the built book.

    Args:
        html: folder of the built book.
        output: folder in which the page will lie; pictures and styles are looked for from there.
        edition: ``full`` or ``student``; the title page says which.
    """
    (output / PICTURES).mkdir(parents=True, exist_ok=True)
    book, about = documents(ROOT), citation(ROOT)
    known = {html / f"{document.name}.html": document for document in book}
    for document in book:
        prepare(document, html, output, known)
    body = new("main", class_="bd-article")
    body.append(title_page(about, edition))
    body.append(contents(book))
    for document in book:
        if document.part:
            document.article.insert(0, new("h1", document.part, class_="part-title"))
        body.append(document.article)
    return (
        f'<!doctype html>\n<html lang="{LANGUAGE}" data-theme="light" class="print-edition">\n'
        f"<head>\n{head(html, output, book, about)}\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
