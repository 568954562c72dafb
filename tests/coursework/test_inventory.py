"""The concept inventory is complete, in each of its forms."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from collections import Counter

from tests.coursework.common import COURSEWORK

SPEC = importlib.util.spec_from_file_location(
    "inventory_generate", COURSEWORK / "inventory" / "generate.py"
)
generate = importlib.util.module_from_spec(SPEC)
import sys  # noqa: E402

sys.modules[SPEC.name] = generate  # dataclasses look their module up
SPEC.loader.exec_module(generate)
ITEMS = generate.load()


def test_twelve_items_each_with_one_right_answer_and_a_reason_for_every_option():
    assert len(ITEMS) == 12
    for item in ITEMS:
        assert [o.right for o in item.options].count(True) == 1 and len(item.options) == 4
        assert all(len(o.why) > 15 for o in item.options)
        assert len({o.text for o in item.options}) == 4


def test_the_right_answer_has_no_favorite_place():
    places = Counter([o.right for o in item.options].index(True) for item in ITEMS)
    assert set(places.values()) == {3}


def test_committed_files_are_what_the_items_say():
    for path, content in generate.outputs().items():
        assert path.read_text("utf-8") == content, path.name


def test_moodle_xml_is_well_formed_and_complete():
    quiz = ET.fromstring((COURSEWORK / "inventory" / "concept-inventory.xml").read_text("utf-8"))
    assert len(quiz) == 12
    for question, item in zip(quiz, ITEMS, strict=True):
        assert question.find("questiontext/text").text == item.prompt
        answers = question.findall("answer")
        assert [a.find("text").text for a in answers] == [o.text for o in item.options]
        assert [a.get("fraction") for a in answers] == [["0", "100"][o.right] for o in item.options]
        assert all(a.find("feedback/text").text for a in answers)


def test_the_sheet_to_print_gives_no_reason_away():
    sheet = (COURSEWORK / "inventory" / "concept-inventory.html").read_text("utf-8")
    import html

    assert all(html.escape(item.prompt) in sheet for item in ITEMS)
    assert not any(html.escape(o.why) in sheet for item in ITEMS for o in item.options)
