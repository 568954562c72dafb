"""Table 1, opened: nothing is told before the answer; each cell then shows what its record holds."""

from __future__ import annotations

import re

import pytest

from glorot.explorables import Table1Opened
from tests.browser.contract import look
from tests.browser.harness import page_with
from tests.browser.test_pages import violations
from tests.unit.test_table1_opened import smoke, widened

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def widget(tmp_path_factory) -> Table1Opened:
    """Four data sets, five seeds, thirteen measurements."""
    return Table1Opened.from_record(widened(smoke(tmp_path_factory.mktemp("records")), 13, 5))


@pytest.fixture
def opened(visit, tmp_path, widget):
    """Opens a bare page with the explorable, watched."""

    def open_page(theme="light", width=1300):
        file = tmp_path / "table1.html"
        file.write_text(page_with(widget), "utf-8")
        seen = visit(file.as_uri(), theme, width)
        seen.page.wait_for_selector(".explorable-place.mounted .explorable")
        return seen

    return open_page


def answer(page, option: str) -> str:
    """Answer the question of the data set that is open; return the reply."""
    page.locator("fieldset[data-commits]").get_by_label(option, exact=True).check()
    return look(page).replies[0]


def pick(page, name: str) -> None:
    """Open a cell, such as "tanh on MNIST"."""
    page.get_by_role("radio", name=f"{name}:").check()


def cell_of(widget, dataset: str, model: str) -> dict:
    return next(c for c in widget.cells if (c["dataset"], c["model"]) == (dataset, model))


def test_nothing_of_ours_is_told_before_the_answer(opened, widget):
    page = opened().page
    page.locator("summary").click()
    page.wait_for_selector("details[open] td")
    told = page.locator(".explorable").inner_text()
    assert "1.76 %" in told  # the paper's
    numbers = {float(x) for x in re.findall(r"\d+\.\d+", told)}
    assert numbers == {cell["paper"] for cell in widget.cells}  # and no other
    assert page.locator(".cells span").all_inner_texts() == ["?"] * 20
    assert page.locator(".data circle").count() == 0
    assert page.locator(".data path").count() == 0


def test_an_answer_opens_its_data_set_and_no_other(opened):
    page = opened().page
    answer(page, "tanh N")
    shown = page.locator(".cells span").all_inner_texts()
    assert "?" not in shown[::4]
    assert set(shown[1::4] + shown[2::4] + shown[3::4]) == {"?"}
    pick(page, "softsign on Shapeset")
    assert "ours appears when you have answered above" in look(page).sentence
    assert look(page).replies[0] == ""
    assert page.locator("fieldset[data-commits] input:checked").count() == 0
    answer(page, "tanh")
    pick(page, "sigmoid on MNIST")
    assert page.locator("fieldset[data-commits]").get_by_label("tanh N", exact=True).is_checked()


@pytest.mark.parametrize(
    ("dataset", "replies"),
    [
        ("MNIST", {"tanh N": "Yes: N errs less", "tanh": "Not so: N errs less",
                   "too close to call": "Not so: N errs less"}),
        ("CIFAR-10", {"tanh": "Yes: N errs more", "tanh N": "Not so: N errs more"}),
    ],
)  # fmt: skip
def test_the_reply_follows_the_verdict(opened, dataset, replies):
    page = opened().page
    pick(page, f"tanh N on {dataset}")
    for option, reply in replies.items():
        assert answer(page, option).startswith(f"{reply} (p ")


def test_the_sentence_says_which_side_is_lower(opened):
    page = opened().page
    answer(page, "tanh")
    assert re.search(
        r"tanh N against tanh: \S+ ± \S+ points lower, p .*N errs less", look(page).sentence
    )
    pick(page, "tanh on CIFAR-10")
    answer(page, "tanh")
    assert re.search(
        r"tanh N against tanh: \S+ ± \S+ points higher, p .*N errs more", look(page).sentence
    )


def test_without_a_verdict_only_too_close_to_call_is_right(opened, widget):
    pair = next(p for p in widget.pairs if (p["dataset"], p["ours"]) == ("shapeset", "tanh_n"))
    assert pair["word"] == "unresolved"
    ahead, behind = ("tanh N", "tanh") if pair["difference"] < 0 else ("tanh", "tanh N")
    page = opened().page
    pick(page, "tanh on Shapeset")
    assert answer(page, "too close to call").startswith("Yes: these seeds cannot tell")
    assert answer(page, ahead).startswith("On average, yes, but these seeds cannot tell")
    assert answer(page, behind).startswith("Not so: these seeds cannot tell")
    assert "not below 0.005" in look(page).replies[0]


@pytest.mark.parametrize("model", ["softsign", "tanh_n", "sigmoid"])
def test_a_cell_shows_its_seeds_its_stops_its_rates_and_the_papers_number(opened, widget, model):
    page, cell = opened().page, cell_of(widget, "mnist", model)
    answer(page, "tanh")
    pick(page, f"{model.replace('_n', ' N')} on MNIST")
    valid, test, stop, _ = cell["runs"][0]
    seen = look(page).sentence
    assert f"at rate {cell['rate']} of {len(cell['rates'])} tried" in seen
    assert f"{100 * cell['mean']:.2f} ± {100 * cell['standard_error']:.2f} %" in seen
    assert f"(the paper: {cell['paper']:.2f} %)" in seen
    assert f"stops at update {stop:,} with {100 * test:.2f} %" in seen
    page.get_by_role("radio", name="validation error").check()
    assert f"with {100 * valid:.2f} % on validation images" in look(page).sentence
    curves, rates = page.locator("svg.picture").all()
    assert curves.locator("circle").count() == 5
    assert rates.locator("circle").count() == len(cell["rates"])
    assert f"the paper: {cell['paper']:.2f}" in curves.text_content()
    assert "always one answer" in curves.text_content()
    assert ("against" in seen) == (model != "sigmoid")


def test_the_circles_stand_at_the_stops_and_the_errors_of_the_record(opened, widget):
    page, cell = opened().page, cell_of(widget, "mnist", "tanh")
    answer(page, "tanh")
    pick(page, "tanh on MNIST")
    found = (
        page.locator("svg.picture")
        .first.locator("circle")
        .evaluate_all("nodes => nodes.map(n => +n.getAttribute('cx'))")
    )
    last = widget.clocks[cell["clock"]][-1]
    stops = [46 + (350 - 46) * run[2] / last for run in cell["runs"]]
    assert sorted(found) == pytest.approx(sorted(stops), abs=0.1)


def test_the_arrow_keys_walk_the_table_in_all_four_directions(opened):
    page = opened().page
    page.get_by_role("radio", name="tanh N on MNIST:").focus()
    walked = []
    for key in (
        "ArrowRight",
        "ArrowUp",
        "ArrowLeft",
        "ArrowDown",
        "ArrowLeft",
        "ArrowDown",
        "ArrowDown",
    ):
        page.keyboard.press(key)
        walked.append(page.locator(".cells input:checked").get_attribute("value"))
    assert walked == [
        "shapeset/tanh_n", "shapeset/tanh", "mnist/tanh", "mnist/tanh_n",
        "small_imagenet/tanh", "small_imagenet/tanh_n", "small_imagenet/sigmoid",
    ]  # fmt: skip
    page.keyboard.press("ArrowDown")  # the end of the table
    assert page.locator(".cells input:checked").get_attribute("value") == "small_imagenet/sigmoid"


def test_seeds_are_shown_one_after_another(opened, widget):
    page = opened().page
    answer(page, "tanh")
    told = []
    for _ in range(6):
        told.append(re.search(r"Seed (\d) \(bold\)", look(page).sentence)[1])
        page.get_by_role("button", name="New draw").click()
    assert told == ["0", "1", "2", "3", "4", "0"]


@pytest.mark.full
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1300])
def test_four_data_sets_fit_a_phone_and_shut_nobody_out(opened, theme, width):
    seen = opened(theme, width)
    for dataset in ("MNIST", "Shapeset", "CIFAR-10", "Small-ImageNet"):
        pick(seen.page, f"softsign N on {dataset}")
        answer(seen.page, "tanh N")
    seen.page.locator("summary").click()
    seen.page.wait_for_selector("details[open] td")
    assert seen.complaints == []
    assert violations(seen.page) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    wide = seen.page.locator(".cells").evaluate("n => [n.scrollWidth, n.parentElement.clientWidth]")
    assert wide[0] <= wide[1]
