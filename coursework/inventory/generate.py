"""Makes the concept inventory's page, printable sheet and Moodle XML from items.json.

``python coursework/inventory/generate.py`` writes appendices/concept-inventory.md and, beside this file,
concept-inventory.html (the sheet) and concept-inventory.xml.
"""

from __future__ import annotations

import html
import json
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "appendices" / "concept-inventory.md"
LETTERS = "ABCD"
INTRO = (
    "Twelve questions, asked before the course and again after it. Every wrong answer is one "
    "misconception, and the key says which."
)


@dataclass(frozen=True)
class Option:
    """An answer: its text, whether it is right, and the reason or the misconception."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Item:
    """A question; its options in the order in which they are printed."""

    prompt: str
    options: tuple[Option, ...]


def load() -> list[Item]:
    """Return all items. The right answer stands first in the source and moves on from item to item."""
    items = []
    for number, entry in enumerate(json.loads((HERE / "items.json").read_text("utf-8"))):
        options = [Option(*option) for option in entry["options"]]
        place = (3 * number + number // 4) % len(options)
        items.append(
            Item(entry["prompt"], (*options[1 : place + 1], options[0], *options[place + 1 :]))
        )
    return items


def page(items: list[Item]) -> str:
    """Return the book's page: questions first, the key folded away."""
    parts = [f"# Concept inventory\n\n{INTRO}\n"]
    for number, item in enumerate(items, 1):
        answers = "\n".join(
            f"- **{c}** {o.text}" for c, o in zip(LETTERS, item.options, strict=True)
        )
        parts.append(f"{number}\\. {item.prompt}\n\n{answers}\n")
    key = [
        "::::{admonition} Answers, and what each wrong one mistakes",
        ":class: dropdown solution\n",
    ]
    for number, item in enumerate(items, 1):
        lines = [
            f"- **{c}{', right' if o.right else ''}.** {o.why}"
            for c, o in zip(LETTERS, item.options, strict=True)
        ]
        key.append(f"**{number}.** {item.prompt}\n\n" + "\n".join(lines) + "\n")
    return "\n".join([*parts, *key, "::::\n"])


def sheet(items: list[Item]) -> str:
    """Return the sheet to print: no answers on it."""
    rows = "".join(
        f"<li><p>{html.escape(i.prompt)}</p><ol type='A'>"
        + "".join(f"<li>{html.escape(o.text)}</li>" for o in i.options)
        + "</ol></li>"
        for i in items
    )
    style = "body{font:11pt/1.35 serif;max-width:17cm;margin:auto}li{break-inside:avoid}p{margin:.6em 0 .2em}"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Concept inventory</title>"
        f"<style>{style}</style><h1>Concept inventory</h1>"
        f"<p>Name: ____________________ &nbsp; before / after</p><ol>{rows}</ol></html>\n"
    )


def moodle(items: list[Item]) -> str:
    """Return the items as Moodle XML, each wrong option with its misconception as feedback."""
    quiz = ET.Element("quiz")
    for number, item in enumerate(items, 1):
        question = ET.SubElement(quiz, "question", type="multichoice")
        _text(ET.SubElement(question, "name"), f"Concept inventory {number:02d}")
        _text(ET.SubElement(question, "questiontext", format="plain_text"), item.prompt)
        for tag, value in (("defaultgrade", "1"), ("single", "true"), ("shuffleanswers", "true")):
            ET.SubElement(question, tag).text = value
        for option in item.options:
            fraction = "100" if option.right else "0"
            answer = ET.SubElement(question, "answer", fraction=fraction, format="plain_text")
            _text(answer, option.text)
            _text(ET.SubElement(answer, "feedback", format="plain_text"), option.why)
    ET.indent(quiz)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(quiz, "unicode") + "\n"


def _text(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, "text").text = text


def outputs() -> dict[Path, str]:
    """Return every file that is made, with its content."""
    items = load()
    return {
        PAGE: page(items),
        HERE / "concept-inventory.html": sheet(items),
        HERE / "concept-inventory.xml": moodle(items),
    }


if __name__ == "__main__":
    for path, content in outputs().items():
        path.write_text(content, "utf-8")
    sys.exit()
