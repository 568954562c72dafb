"""What *Table 1, opened* puts on a page is the record: errors, stopping points, rates, verdicts."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from glorot.datasets import shapeset
from glorot.experiments import reproduce
from glorot.experiments.table1 import PAPER
from glorot.explorables.table1_opened import GUESSING, Table1Opened
from glorot.results import Record

KINDS = ("softsign", "softsign_n", "tanh", "tanh_n", "sigmoid")


def smoke(folder: Path) -> Record:
    """The smallest record: one data set, three seeds."""
    return reproduce("table1", "smoke", directory=folder, checkpoint_directory=folder)


def widened(record: Record, times: int, seeds: int) -> Record:
    """A record of the same form with four data sets, so many measurements and seeds.

    On MNIST tanh N is a little ahead of tanh for every seed; on CIFAR-10 tanh is; elsewhere neither.
    """
    rng, results, arrays = np.random.default_rng(5), [], {}
    ahead = {("mnist", "tanh_n"): 0.9, ("cifar10", "tanh"): 0.9}
    updates = np.linspace(0, 60_000, times).astype(int)
    for dataset in ("mnist", "shapeset", "cifar10", "small_imagenet"):
        for kind in KINDS:
            end = PAPER[kind][dataset] / 100 if "tanh" not in kind else PAPER["tanh"][dataset] / 100
            scale = (end + (0.85 - end) * np.exp(-updates / 9000))[:, None]
            noise = 1 + 0.02 * rng.normal(size=(2, times, seeds))
            valid, test = ahead.get((dataset, kind), 1.0) * scale * noise
            key = f"{dataset}/{kind}"
            arrays |= {
                f"{key}/updates": updates,
                f"{key}/test_error": test,
                f"{key}/valid_error": valid,
                f"{key}/choice_rates": np.array([0.003, 0.01, 0.03]),
                f"{key}/choice_valid_error": valid[:, [0, 1, 0]] * [1.2, 1.0, 1.1],
            }
            results += [
                row(dataset, kind, s, updates, valid[:, s], test[:, s]) for s in range(seeds)
            ]
    config = {**record.config, "seeds": list(range(seeds)), "hidden": [256] * 5}
    return dataclasses.replace(record, results=results, arrays=arrays, config=config)


def row(dataset, kind, seed, updates, valid, test) -> dict:
    stop = int(valid.argmin())
    return {
        "dataset": dataset,
        "model": kind,
        "seed": seed,
        "learning_rate": 0.01,
        "valid_error": float(valid[stop]),
        "test_error": float(test[stop]),
        "stop_update": int(updates[stop]),
        "final_test_error": float(test[-1]),
        "index": seed,
    }


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> Record:
    return smoke(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def wide(record) -> Record:
    return widened(record, 13, 5)


def series(widget: Table1Opened) -> list[np.ndarray]:
    """The packed errors of each cell, as the page unpacks them: (2, seeds, times), test then validation."""
    numbers, S = np.frombuffer(widget.series, "<u2") / 10_000, len(widget.seeds)
    sizes = [2 * S * len(widget.clocks[cell["clock"]]) for cell in widget.cells]
    assert sum(sizes) == numbers.size
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    return [part.reshape(2, S, -1) for part in parts]


@pytest.mark.parametrize("name", ["record", "wide"])
def test_the_page_holds_every_cell_seed_and_curve_of_the_record(name, request):
    record = request.getfixturevalue(name)
    widget = Table1Opened.from_record(record)
    assert len(widget.cells) == len({(r["dataset"], r["model"]) for r in record.results})
    for cell, (test, valid) in zip(widget.cells, series(widget), strict=True):
        key = f"{cell['dataset']}/{cell['model']}"
        assert widget.clocks[cell["clock"]] == record.arrays[f"{key}/updates"].tolist()
        # half of a ten-thousandth: the error of at most half an image in 10,000
        np.testing.assert_allclose(test.T, record.arrays[f"{key}/test_error"], atol=0.5001e-4)
        np.testing.assert_allclose(valid.T, record.arrays[f"{key}/valid_error"], atol=0.5001e-4)
        own = [r for r in record.results if f"{r['dataset']}/{r['model']}" == key]
        assert [run[1] for run in cell["runs"]] == [r["test_error"] for r in own]
        assert cell["mean"] == pytest.approx(np.mean([r["test_error"] for r in own]))
        assert cell["standard_error"] == pytest.approx(stats.sem([r["test_error"] for r in own]))
        assert cell["paper"] == PAPER[cell["model"]][cell["dataset"]]
        assert cell["rate"] in [rate for rate, _ in cell["rates"]]
        lowest = min(error for _, error in cell["rates"])
        assert dict(cell["rates"])[cell["rate"]] == lowest


def test_a_record_whose_columns_are_in_another_order_is_read_by_their_index(wide):
    turned = dataclasses.replace(wide, results=wide.results[::-1])
    plain, other = Table1Opened.from_record(wide), Table1Opened.from_record(turned)
    one = next(c for c in plain.cells if (c["dataset"], c["model"]) == ("mnist", "tanh"))
    same = next(c for c in other.cells if (c["dataset"], c["model"]) == ("mnist", "tanh"))
    assert one == same


def test_the_verdict_is_that_of_a_paired_t_test_at_the_papers_level(wide):
    pairs = Table1Opened.from_record(wide).pairs
    assert len(pairs) == 8
    for pair in pairs:
        ours, other = (
            [r["test_error"] for r in wide.results
             if (r["dataset"], r["model"]) == (pair["dataset"], pair[side])]
            for side in ("ours", "other")
        )  # fmt: skip
        p = stats.ttest_rel(ours, other).pvalue
        assert pair["p"] == pytest.approx(p, rel=1e-6)
        lower = np.mean(ours) < np.mean(other)
        assert pair["word"] == ("unresolved" if p >= 0.005 else "held" if lower else "reversed")
    words = {pair["dataset"]: pair["word"] for pair in pairs if pair["ours"] == "tanh_n"}
    assert words["mnist"] == "held"
    assert words["cifar10"] == "reversed"


@pytest.mark.parametrize(("times", "most"), [(25, 40_000), (101, 75_000)])
def test_the_state_stays_small(record, times, most):
    """25 measurements are as many as a cell of scale laptop has; 101 as many as one of scale paper."""
    widget = Table1Opened.from_record(widened(record, times, 5))
    plain = {key: value for key, value in widget.get_state().items() if key[0] != "_"}
    data = plain.pop("series")
    assert len(data) == 2 * 2 * 5 * times * 20  # two series, two bytes, five seeds, twenty cells
    assert 4 / 3 * len(data) + len(json.dumps(plain)) <= most


def test_guessing_is_the_error_of_the_commonest_answer():
    labels = shapeset.sample(20_000, np.random.default_rng(0))[1]
    found = 1 - np.bincount(labels).max() / labels.size
    error = np.sqrt(found * (1 - found) / labels.size)
    assert abs(found - GUESSING["shapeset"]) < 4 * error
    assert abs(found - 8 / 9) > 4 * error  # were the nine classes equal


def test_guessing_on_mnist_counts_its_ones():
    if not (path := os.environ.get("GLOROT_DATA_SOURCE")):
        pytest.skip("GLOROT_DATA_SOURCE is not set")
    content = gzip.decompress((Path(path) / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())
    counts = np.bincount(np.frombuffer(content[8:], np.uint8))
    assert counts.argmax() == 1
    assert GUESSING["mnist"] == pytest.approx(1 - counts.max() / counts.sum())


@pytest.mark.parametrize(("name", "columns"), [("record", 1), ("wide", 4)])
def test_the_still_names_every_mean_and_the_papers_number(name, columns, request):
    widget = Table1Opened.from_record(request.getfixturevalue(name))
    still = widget.still()
    shown = [axes for axes in still.figure.axes if axes.get_visible() and axes.get_title("left")]
    assert len(shown) == columns
    for cell in widget.cells:
        label = cell["model"].replace("_n", " N")
        assert f"{label} {100 * cell['mean']:.2f} ({cell['paper']:.2f})" in still.alt
    assert len(widget.cases()) >= 20


def test_a_record_of_another_experiment_is_refused(record):
    other = dataclasses.replace(record, experiment="tapering")
    with pytest.raises(ValueError, match="record must be one of 'table1', got 'tapering'"):
        Table1Opened.from_record(other)


def test_without_a_record_the_command_that_makes_one_is_named(monkeypatch, tmp_path):
    import glorot.explorables.table1_opened as module
    from glorot.results import load_record

    monkeypatch.setattr(module, "load_record", lambda name: load_record(name, directory=tmp_path))
    with pytest.raises(FileNotFoundError, match="glorot reproduce table1 --scale laptop"):
        Table1Opened()
