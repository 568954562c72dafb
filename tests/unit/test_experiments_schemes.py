"""Which scheme for which activation: what is trained, chosen, counted and compared."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from scipy import stats

from glorot.activations import ACTIVATIONS
from glorot.datasets import Dataset, Split
from glorot.ensemble import Ensemble
from glorot.experiments import EXPERIMENTS, reproduce
from glorot.experiments.data import Source
from glorot.experiments.schemes import SchemesConfig, initializer, recommended
from glorot.experiments.training import BatchOrder
from glorot.results import Record, load_record
from tests.unit.runs import smoke


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> Record:
    return smoke("schemes", tmp_path_factory.mktemp("schemes"))


def check_choices(record: Record) -> None:
    """The rate of every cell is the one of lowest validation error."""
    rates = record.config["learning_rates"]
    for cell in record.results["cells"]:
        errors = cell["choice_valid_error"]
        assert len(errors) == len(rates)
        assert cell["learning_rate"] == rates[errors.index(min(errors))]


def check_counts(record: Record) -> None:
    """Each cell is there once, and the count of seeds that learned follows from their errors."""
    config, cells = record.config, record.results["cells"]
    keys = [(c["activation"], c["depth"], c["scheme"]) for c in cells]
    wanted = {
        (a, d, s)
        for a in config["activations"]
        for d in config["depths"]
        for s in config["schemes"]
    }
    assert len(keys) == len(wanted)
    assert set(keys) == wanted
    for cell in cells:
        assert len(cell["test_error"]) == len(config["seeds"])
        assert cell["learned"] == sum(e < config["threshold"] for e in cell["test_error"])


def check_verdicts(record: Record) -> None:
    """Every verdict is what a paired t-test at the paper's level says."""
    errors = {
        (c["activation"], c["depth"], c["scheme"]): np.array(c["test_error"])
        for c in record.results["cells"]
    }
    compared = set()
    for row in record.results["verdicts"]:
        name, depth = row["activation"], row["depth"]
        ours, other = errors[name, depth, row["ours"]], errors[name, depth, row["other"]]
        assert row["ours"] == recommended(name)
        difference = ours - other
        compared.add((name, depth, row["other"]))
        if difference.std() == 0:
            word = (
                "unresolved" if difference[0] == 0 else "held" if difference[0] < 0 else "reversed"
            )
        else:
            test = stats.ttest_rel(ours, other)
            better = "held" if test.statistic < 0 else "reversed"
            word = better if test.pvalue < 0.005 else "unresolved"
            assert row["lower"]["p"] == pytest.approx(test.pvalue, rel=1e-6)
        assert row["lower"]["word"] == word
    same = {
        (name, depth, scheme)
        for name, depth, scheme in errors
        if initializer(scheme, name) == initializer(recommended(name), name)
    }
    assert compared == set(errors) - same


@pytest.mark.parametrize("check", [check_choices, check_counts, check_verdicts])
def test_the_smoke_record_is_consistent(check, record):
    check(record)


@pytest.mark.parametrize(
    ("check", "key", "value"),
    [
        (check_choices, "learning_rate", 77.0),
        (check_counts, "learned", 99),
        (check_verdicts, "test_error", [0.9, 0.1, 0.5]),
    ],
)
def test_a_record_that_was_tampered_with_is_noticed(check, key, value, record):
    cells = json.loads(json.dumps(record.results["cells"]))
    cells[1][key] = value
    forged = dataclasses.replace(record, results=record.results | {"cells": cells})
    with pytest.raises(AssertionError):
        check(forged)


@pytest.mark.parametrize("check", [check_choices, check_counts, check_verdicts])
def test_the_shipped_record_is_consistent(check):
    check(load_record("schemes"))


def test_one_network_of_the_record_is_what_plain_training_gives(record):
    """The cell tanh x he x depth 2, seed 1, trained again on its own, without the experiment."""
    config = record.config
    (cell,) = (
        c
        for c in record.results["cells"]
        if (c["activation"], c["depth"], c["scheme"]) == ("tanh", 2, "he")
    )
    torch.set_num_threads(1)
    dataset: Dataset = Source("shapeset", config["examples"]).load()
    net = _net("tanh", "he", cell["learning_rate"], seed=1, hidden=(config["width"],) * 2)
    order = BatchOrder([1], len(dataset.train.labels), config["batch"])
    for update in range(config["updates"]):
        batch = order.indices(update)[0]
        net.step(dataset.train.images[batch], dataset.train.labels[batch])
    test = Split(dataset.test.images[: config["judged"]], dataset.test.labels[: config["judged"]])
    error = float(net.error_rate(test.images, test.labels)[0])
    # one network alone may round otherwise than in a group: one image at most
    assert abs(error - cell["test_error"][1]) < 1.5 / config["judged"]


def _net(activation, scheme, rate, seed, hidden):
    from glorot.ensemble import EnsembleConfig

    config = EnsembleConfig(initializer(scheme, activation), activation, rate, seed)
    return Ensemble([config], (1024, *hidden, 9))


def test_the_seeds_are_other_than_the_one_that_chooses():
    for config in EXPERIMENTS["schemes"].scales.values():
        assert config.choice_seed not in config.seeds


def test_input_moment_is_the_mean_square_of_the_training_pixels(record):
    images = Source("shapeset", record.config["examples"]).load().train.images.astype(np.float64)
    assert record.results["input_moment"] == pytest.approx((images**2).mean(), rel=1e-12)
    assert record.results["input_moment"] != pytest.approx(images.var(), rel=0.1)


def test_a_network_that_blows_up_errs_everywhere_and_disturbs_no_other(tmp_path):
    calm = smoke(
        "schemes", tmp_path / "calm", activations=("identity",), depths=(2,), learning_rates=(0.03,)
    )
    wild = smoke(
        "schemes",
        tmp_path / "wild",
        activations=("identity", "relu"),
        depths=(2, 40),
        learning_rates=(0.03,),
    )
    errors = {
        (c["activation"], c["depth"], c["scheme"]): c["test_error"] for c in wild.results["cells"]
    }
    assert errors["identity", 40, "he"] == [1.0, 1.0, 1.0]
    for cell in calm.results["cells"]:
        assert errors["identity", 2, cell["scheme"]] == cell["test_error"]


def test_own_is_the_gain_squared_and_equals_the_named_schemes_where_it_should():
    assert initializer("own", "relu") == initializer("he", "relu")
    assert initializer("own", "selu") == initializer("lecun", "selu")
    assert initializer("own", "tanh") != initializer("glorot", "tanh")
    for name in ACTIVATIONS:
        scale = initializer("own", name).variance((300, 70)) * 300
        u = np.random.default_rng(1).standard_normal(400_000)
        squares = ACTIVATIONS[name].f(u) ** 2
        error = squares.std() / np.sqrt(len(u))
        assert abs(1 / scale - squares.mean()) < 4 * error + 1e-6


def test_the_table_recommends_and_what_it_does_not_list_gets_its_own_gain():
    table = {"identity": "glorot", "logistic": "glorot", "tanh": "glorot", "relu": "he"}
    table |= {"leaky_relu": "he", "elu": "he", "selu": "lecun"}
    table |= dict.fromkeys(("softsign", "gelu", "silu"), "own")
    assert {name: recommended(name) for name in ACTIVATIONS} == table


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: initializer("hee", "relu"), "scheme .*'hee'"),
        (lambda: initializer("own", "rely"), "activation .*'rely'"),
        (lambda: reproduce("schemes", "smoke", seeds=1), "at least 2, got 1"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_the_default_configuration_tries_every_activation_and_scheme():
    config = SchemesConfig(data="mnist", seeds=(0, 1))
    assert set(config.activations) == set(ACTIVATIONS)
    assert EXPERIMENTS["schemes"].work(config) == 10 * 3 * 5 * 2000 * (7 + 2)
