"""Table 1: how rates and stopping points are chosen, and that test images choose nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glorot.ensemble import Ensemble, EnsembleConfig
from glorot.experiments import EXPERIMENTS, reproduce, run_experiment
from glorot.experiments.choice import Budget
from glorot.experiments.data import Source
from glorot.experiments.table1 import MODELS, PAPER
from glorot.experiments.training import BatchOrder
from glorot.results import load_record


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table1")
    return reproduce("table1", "smoke", directory=folder, checkpoint_directory=folder / "state")


def test_a_grid_grows_only_at_the_edge_where_its_best_rate_lies():
    budget = Budget(10, (0.01, 0.03, 0.1, 0.3, 1.0), (0.03, 0.3))
    assert budget.grid() == (0.03, 0.1, 0.3)
    assert budget.beyond(budget.grid(), 0.1) is None
    assert budget.beyond(budget.grid(), 0.03) == 0.01
    assert budget.beyond(budget.grid(), 0.3) == 1.0
    assert budget.beyond((0.01, *budget.grid()), 0.03) is None
    assert budget.beyond((0.01, *budget.grid()), 0.01) is None  # the ladder ends here


def check_choice(record):
    """Every chosen rate is the best of its grid, and lies inside unless the ladder ends there."""
    trials = {trial["source"]["name"]: trial for trial in record.config["trials"]}
    for run in record.results:
        key = f"{run['dataset']}/{run['model']}"
        rates = record.arrays[f"{key}/choice_rates"].tolist()
        lowest = record.arrays[f"{key}/choice_valid_error"].min(axis=0)
        assert run["learning_rate"] == rates[int(lowest.argmin())]
        kind = "sigmoid" if run["model"] == "sigmoid" else "budget"
        ladder = trials[run["dataset"]][kind]["ladder"]
        if run["learning_rate"] in (rates[0], rates[-1]):
            assert run["learning_rate"] in (ladder[0], ladder[-1])


def check_stops(record):
    """Errors are read where the validation error of the same network is lowest."""
    for run in record.results:
        key, place = f"{run['dataset']}/{run['model']}", run["index"]
        valid = record.arrays[f"{key}/valid_error"][:, place]
        test = record.arrays[f"{key}/test_error"][:, place]
        stop = record.arrays[f"{key}/updates"].tolist().index(run["stop_update"])
        assert run["valid_error"] == valid[stop] == valid.min()
        assert run["test_error"] == test[stop]
        assert run["final_test_error"] == test[-1]
        assert record.config["seeds"][place] == run["seed"]


def test_rates_and_stopping_points_follow_from_the_validation_error(smoke):
    check_choice(smoke)
    check_stops(smoke)


def test_rates_and_stopping_points_of_the_record_follow_from_the_validation_error():
    record = load_record("table1")
    check_choice(record)
    check_stops(record)
    cells = {(run["dataset"], run["model"]) for run in record.results}
    assert len(cells) == 20
    assert len(record.results) == 20 * len(record.config["seeds"])
    assert len(record.config["seeds"]) >= 5
    assert record.config["choice_seed"] not in record.config["seeds"]
    assert min(record.config["hidden"]) >= 256
    assert len(record.config["hidden"]) == 5


def test_other_test_images_change_no_choice(smoke, tmp_path, monkeypatch):
    """With every test label wrong, rates, stops and validation errors are as before."""
    experiment, load = EXPERIMENTS["table1"], Source.load

    def spoiled(source):
        dataset = load(source)
        wrong = dataclasses.replace(dataset.test, labels=(dataset.test.labels + 1) % 9)
        return dataclasses.replace(dataset, test=wrong)

    monkeypatch.setattr(Source, "load", spoiled)
    other = run_experiment(experiment, "smoke", directory=tmp_path, checkpoint_directory=tmp_path)
    kept = ("dataset", "model", "seed", "learning_rate", "valid_error", "stop_update")
    for ours, theirs in zip(smoke.results, other.results, strict=True):
        assert [ours[key] for key in kept] == [theirs[key] for key in kept]
    pairs = zip(smoke.results, other.results, strict=True)
    changed = [a["test_error"] != b["test_error"] for a, b in pairs]
    assert any(changed)


def test_a_run_is_plain_training_with_the_ensemble(smoke):
    """One network of the record, trained again by hand, ends at the same error."""
    run = next(r for r in smoke.results if (r["model"], r["seed"]) == ("tanh_n", 2))
    trial = smoke.config["trials"][0]
    data = Source(**trial["source"]).load()
    rate, updates = run["learning_rate"], trial["budget"]["updates"]
    sizes = (1024, *smoke.config["hidden"], 9)
    nets = Ensemble([EnsembleConfig("glorot_uniform", "tanh", rate, 2)], sizes)
    order = BatchOrder([2], len(data.train.labels), smoke.config["batch"])
    for update in range(updates):
        (chosen,) = order.indices(update)
        nets.step(data.train.images[chosen], data.train.labels[chosen])
    error = float(nets.error_rate(data.test.images, data.test.labels)[0])
    assert run["final_test_error"] == pytest.approx(error, abs=2.5 / len(data.test.labels))


def test_the_papers_numbers_stand_as_printed():
    """Sums by row and column, added up on paper, catch a cell that is swapped or mistyped."""
    assert [model.name for model in MODELS] == list(PAPER)
    sums = {name: round(sum(row.values()), 2) for name, row in PAPER.items()}
    assert sums == {
        "softsign": 142.83,
        "softsign_n": 139.71,
        "tanh": 155.39,
        "tanh_n": 138.73,
        "sigmoid": 212.76,
    }
    columns = {name: round(sum(row[name] for row in PAPER.values()), 2) for name in PAPER["tanh"]}
    assert columns == {
        "shapeset": 157.69,
        "mnist": 8.97,
        "cifar10": 275.68,
        "small_imagenet": 347.08,
    }


def test_paired_seeds_start_from_one_draw_and_see_one_order(smoke):
    """Standard and normalized weights of a seed are one base draw, scaled."""
    scaled = []
    for scheme in ("heuristic_uniform", "glorot_uniform"):
        nets = Ensemble([EnsembleConfig(scheme, "tanh", 0.1, 3)], (1024, 16, 9))
        weight = nets.weights[0].numpy()
        scaled.append(weight / np.abs(weight).max())
    assert np.allclose(scaled[0], scaled[1], rtol=1e-5)
    assert smoke.config["seeds"] == [0, 1, 2]
