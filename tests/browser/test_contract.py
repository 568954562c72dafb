"""The contract's negative controls: an explorable with one line wrong is complained of, a whole one is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorot.explorables import base
from tests.browser import contract
from tests.browser.harness import page_with

pytestmark = [pytest.mark.browser, pytest.mark.full]

SOUND = """
function render({ model, el }) {
  const state = { x: 3, key: 'a', guess: null };
  const view = frame(el, { title: 'Small', task: 'A knob and a choice.' });
  const picture = svg('svg', { viewBox: '0 0 9 9', role: 'img', 'aria-label': 'a text' });
  const commit = value => { state.guess = value; redraw(); return 'So it is.'; };
  const guess = commitment({ question: 'What?', judge: commit });
  const knob = slider({ label: 'Knob', min: 0, max: 9, value: 3, input: x => { state.x = x; redraw(); } });
  const choose = key => { state.key = key; redraw(); };
  const options = [['a', 'A'], ['b', 'B']];
  const either = choice({ legend: 'Either', options, value: 'a', change: key => choose(key) });
  const preset = button('Preset', () => { state.x = 7; knob.set(7); redraw(); });
  const random = draw({ seed: model.get('seed'), change: () => redraw() });
  const numbers = table('Numbers');
  const reset = button('Reset', () => {
    Object.assign(state, { x: 3, key: 'a', guess: null });
    knob.set(3);
    either.set('a');
    guess.clear();
    random.set(model.get('seed'));
    redraw();
  });
  function redraw() {
    const seen = `${state.x} ${state.key} ${state.guess} ${random.seed}`;
    picture.replaceChildren(svg('text', {}, seen));
    view.say(`It is ${seen}.`);
    numbers.fill(['a', 'b'], [[state.x, state.key], [random.seed, state.x]]);
  }
  const buttons = [preset, random.root, reset];
  view.body.append(guess.root, picture, view.sentence, knob.root, either.root, ...buttons, numbers.root);
  redraw();
}
export default { render };"""
KIT = (Path(base.__file__).parent / "kit.js").read_text("utf-8")


class Small(base.Explorable):
    """A small explorable of the book's own parts, made of a source that a test may spoil."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._esm = KIT + source
        self._css = ""


@pytest.fixture
def complaints(visit, tmp_path):
    """All complaints about the small explorable made of a source."""

    def find(source: str) -> list[str]:
        file = tmp_path / "small.html"
        file.write_text(page_with(Small(source)), "utf-8")
        page = visit(file.as_uri()).page
        page.wait_for_selector(".mounted .explorable")
        found = contract.reset_complaints(page, contract.disturb)
        page.reload()
        page.wait_for_selector(".mounted .explorable")
        contract.commit(page)
        return found + [c for promise in contract.PROMISES for c in promise(page)]

    return find


def test_an_explorable_without_fault_is_not_complained_of(complaints):
    assert complaints(SOUND) == []


@pytest.mark.parametrize(
    ("old", "new", "sign"),
    [
        ("input: x => { state.x = x; redraw(); }", "input: x => {}", "Knob: the picture stays"),
        ("`It is ${seen}.`", "`It is ${state.key}.`", "Knob: the sentence stays"),
        ("svg('text', {}, seen)", "svg('text', {}, state.key)", "Knob: the picture stays"),
        ("state.key = key; redraw();", "", "B: the picture stays"),
        ("state.x = 7; knob.set(7); redraw();", "", "button Preset: the picture stays"),
        ("change: () => redraw()", "change: () => {}", "the draw's picture stays"),
        ("random.set(model.get('seed'));", "", "Reset leaves its seeds"),
        ("guess.clear();", "", "Reset leaves its replies"),
        ("    either.set('a');", "", "Reset leaves its entries"),
        (
            "x: 3, key: 'a', guess: null });\n    knob",
            "x: 4 });\n    knob",
            "Reset leaves its pictures",
        ),
        ("[[state.x, state.key], [random.seed, state.x]]", "[]", "the table is empty"),
        ("[[state.x, state.key], [random.seed, state.x]]", "[[1, 2], [3, 4]]", "numbers stay"),
        (", numbers.root", "", "there is no table"),
        ("[preset, random.root, reset]", "[preset, reset]", "there is no New draw"),
    ],
)
def test_a_broken_promise_is_noticed(complaints, old, new, sign):
    assert SOUND.count(old) == 1
    found = complaints(SOUND.replace(old, new))
    assert any(sign in complaint for complaint in found), found
