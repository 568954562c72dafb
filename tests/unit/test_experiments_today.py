"""The experiments of *Where does the scale go today?*: what is trained, kept and compared."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional

from glorot import theory
from glorot.datasets import text
from glorot.experiments import EXPERIMENTS, InterruptedRun, Session
from glorot.experiments.coordinates import WideNet
from glorot.experiments.training import BatchOrder
from glorot.experiments.transformer import VARIANTS, CharNet, branch_gain
from glorot.results import Record, load_record, records
from tests.unit.runs import smoke


@pytest.fixture(scope="module")
def coordinates(tmp_path_factory) -> Record:
    return smoke("coordinate-check", tmp_path_factory.mktemp("coordinates"))


@pytest.fixture(scope="module")
def transformer(tmp_path_factory) -> Record:
    return smoke("transformer", tmp_path_factory.mktemp("transformer"))


# Coordinate check


def alone(config, rule, optimizer, width, rate, seed, updates):
    """One network of the check, trained in plain torch; returns it and the loss before each update."""
    data = text.windows(config["context"], 3)
    net = WideNet(rule, optimizer, width, config["widths"][0], config["blocks"], rate, seed)
    module = net.module(config["context"], len(text.ALPHABET))
    trained = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](net.groups(module))
    order, losses = BatchOrder([seed], len(data.train), config["batch"]), []
    for update in range(updates):
        (chosen,) = order.indices(update)
        codes, targets = (
            torch.from_numpy(a[chosen]) for a in (data.train.images, data.train.labels)
        )
        trained.zero_grad()
        loss = functional.cross_entropy(module(codes), targets[:, -1])
        loss.backward()
        trained.step()
        losses.append(loss.item())
    return module, np.array(losses), torch.from_numpy(data.valid.images[:64])


@pytest.mark.parametrize(
    ("optimizer", "rule", "width"), [("sgd", "mup", 1), ("adam", "ntk", 1), ("adam", "standard", 0)]
)
def test_the_change_of_the_answers_is_that_of_a_network_trained_alone(
    coordinates, optimizer, rule, width
):
    config, arrays = coordinates.config, coordinates.arrays
    rates = dict(config["rates"])
    place = [list(rates).index(optimizer), config["parametrizations"].index(rule), width, 1]
    arguments = (config, rule, optimizer, config["widths"][width], rates[optimizer], 1)
    fresh, _, probe = alone(*arguments, 0)
    moved, _, _ = alone(*arguments, 3)
    with torch.no_grad():
        change = (moved(probe) - fresh(probe)).square().mean().sqrt().item()
        size = moved(probe).square().mean().sqrt().item()
    assert arrays["change"][(*place, 3, -1)] == pytest.approx(change, rel=1e-4)
    assert arrays["size"][(*place, 3, -1)] == pytest.approx(size, rel=1e-4)
    assert np.all(arrays["change"][(*place, 0)] == 0)
    other = [*place[:2], 1 - width, 1]
    assert arrays["change"][(*other, 3, -1)] != pytest.approx(change, rel=1e-2)


def test_a_network_starts_with_a_stream_of_variance_1():
    net = WideNet("standard", "adam", 512, 64, 2, 0.001, 0)
    module = net.module(8, len(text.ALPHABET))
    with torch.no_grad():
        first = module[1].first(module[0](torch.from_numpy(text.windows(8, 3).train.images[:500])))
    assert float(first.square().mean()) == pytest.approx(1, abs=0.1)


def test_the_sweep_keeps_the_mean_loss_of_its_updates(coordinates):
    config, arrays = coordinates.config, coordinates.arrays
    _, losses, _ = alone(config, "mup", "adam", 16, config["sweep_rates"][1], 1, 6)
    assert arrays["train_loss"][2, 1, 1, 1] == pytest.approx(losses.mean(), rel=1e-4)


def check_transfer(record: Record) -> None:
    """Best rates are those of the lowest validation loss; verdicts follow from the test losses."""
    rates = record.config["sweep_rates"]
    for place, row in enumerate(record.results["sweep"]):
        valid = record.arrays["valid_loss"][place].astype(float).mean(axis=1)
        best = valid.argmin(axis=1)
        assert row["best_rates"] == [rates[k] for k in best]
        test = record.arrays["test_loss"][place, -1].astype(float)
        own, moved = test[:, best[-1]], test[:, best[0]]
        np.testing.assert_allclose(row["own_test_loss"], own, rtol=1e-6)
        if row["own_is_lower"] is None:
            assert not np.isfinite(moved).all()
            continue
        d = own - moved
        if np.ptp(d) < 1e-12:
            continue
        p = stats.ttest_rel(own, moved).pvalue
        word = "unresolved" if p >= 0.005 else "held" if d.mean() < 0 else "reversed"
        assert row["own_is_lower"]["word"] == word


def test_the_smoke_check_is_consistent(coordinates):
    check_transfer(coordinates)
    forged = json.loads(json.dumps(coordinates.results))
    forged["sweep"][0]["best_rates"][0] = 77.0
    with pytest.raises(AssertionError):
        check_transfer(dataclasses.replace(coordinates, results=forged))


@pytest.mark.skipif(("coordinate-check", "laptop") not in records(), reason="no record yet")
def test_the_shipped_check_is_consistent_wide_and_of_the_shipped_text():
    record = load_record("coordinate-check")
    check_transfer(record)
    assert record.config["widths"][0] == 64 and record.config["widths"][-1] == 4096
    assert record.data["checksum"] == text.windows(8, 3).checksum
    assert np.isfinite(record.arrays["change"]).all()
    for k, (optimizer, _) in enumerate(record.config["rates"]):
        for place, rule in enumerate(record.config["parametrizations"]):
            first = np.log(record.arrays["change"][k, place, :, :, 1].astype(float)).mean(axis=1)
            slopes = np.polyfit(np.log(record.config["widths"][3:]), first[3:], 1)[0]
            expected = theory.update_exponents(rule, optimizer)
            found = dict(zip(("input", "hidden", "hidden", "output"), slopes, strict=True))
            for role, exponent in expected.items():  # lower powers of n bend the lines
                assert abs(found[role] - exponent) < 0.2


# Transformer


def test_a_transformer_of_the_record_trains_as_it_would_alone(transformer):
    config = transformer.config
    data = text.windows(config["context"], 7)
    for row in transformer.results["variants"]:
        rate, seed = row["learning_rate"], 1
        net = CharNet(row["variant"], config["width"], config["blocks"], rate, seed)
        module = net.module(config["context"], len(text.ALPHABET))
        rule = torch.optim.Adam(module.parameters(), rate)
        order = BatchOrder([seed], len(data.train), config["batch"])
        losses = []
        for update in range(config["updates"]):
            (chosen,) = order.indices(update)
            codes = torch.from_numpy(data.train.images[chosen])
            targets = torch.from_numpy(data.train.labels[chosen])
            rule.zero_grad()
            loss = functional.cross_entropy(module(codes).transpose(1, 2), targets)
            loss.backward()
            rule.step()
            losses.append(loss.item())
        kept = transformer.arrays[f"{row['variant']}/train_loss"][:, 1]
        half = config["every"]
        expected = [losses[0], np.mean(losses[:half]), np.mean(losses[half:])]
        np.testing.assert_allclose(kept, expected, rtol=1e-3)


def test_branches_start_as_their_variant_says(transformer):
    blocks = transformer.config["blocks"]
    assert branch_gain("pre-scaled", blocks) == pytest.approx((2 * blocks) ** -0.5)
    for variant in VARIANTS:
        stream = transformer.arrays[f"{variant}/forward"][0, :, :-1]  # before training
        growth = stream[:, -1] / stream[:, 0]
        if variant == "pre-zero":
            np.testing.assert_allclose(growth, 1, rtol=1e-6)
        elif variant == "post":
            np.testing.assert_allclose(stream[:, -1], 1, atol=0.01)
        else:
            assert np.all(growth > 1.2)


def check_choices(record: Record) -> None:
    """Each variant's rate is the one of lowest validation loss; verdicts are those of paired t-tests."""
    rates, test = record.config["learning_rates"], {}
    for row in record.results["variants"]:
        valid = record.arrays[f"{row['variant']}/choice_valid_loss"]
        assert row["learning_rate"] == rates[int(valid.argmin())]
        test[row["variant"]] = np.array(row["test_loss"], float)
        kept = record.arrays[f"{row['variant']}/test_loss"][-1]
        np.testing.assert_allclose(test[row["variant"]], kept, rtol=1e-6)
    for claim in record.results["claims"]:
        p = stats.ttest_rel(test[claim["ours"]], test[claim["other"]]).pvalue
        lower = test[claim["ours"]].mean() < test[claim["other"]].mean()
        word = "unresolved" if p >= 0.005 else "held" if lower else "reversed"
        assert claim["word"] == word


def test_the_smoke_transformers_are_consistent(transformer):
    check_choices(transformer)
    forged = json.loads(json.dumps(transformer.results))
    forged["claims"][0]["word"] = "maybe"
    with pytest.raises(AssertionError):
        check_choices(dataclasses.replace(transformer, results=forged))


@pytest.mark.skipif(("transformer", "laptop") not in records(), reason="no record yet")
def test_the_shipped_transformers_are_consistent():
    record = load_record("transformer")
    check_choices(record)
    assert len(record.config["seeds"]) >= 5 and record.config["variants"] == list(VARIANTS)
    assert record.data["checksum"] == text.windows(8, 3).checksum


# Both


@pytest.mark.parametrize(("name", "when"), [("coordinate-check", 40), ("transformer", 13)])
def test_an_interrupted_run_resumes_bit_for_bit(name, when, tmp_path, monkeypatch, request):
    whole = request.getfixturevalue({"coordinate-check": "coordinates"}.get(name, name))
    advance, seen = Session.advance, []

    def interrupt_once(self, updates):
        advance(self, updates)
        seen.append(updates)
        if len(seen) == when:  # amid a group of networks
            self.interrupt.requested = True

    monkeypatch.setattr(Session, "advance", interrupt_once)
    with pytest.raises(InterruptedRun):
        smoke(name, tmp_path)
    resumed = smoke(name, tmp_path)
    assert resumed.results == whole.results
    for key, array in whole.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[key], array)


@pytest.mark.parametrize("name", ["coordinate-check", "transformer"])
@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
def test_the_work_is_foretold(name, scale):
    experiment = EXPERIMENTS[name]
    config = experiment.scales[scale]
    assert experiment.work(config) > 0 and len(experiment.deviations(config)) >= 3


def test_the_work_that_is_foretold_is_done(coordinates, transformer, monkeypatch, tmp_path):
    for name in ("coordinate-check", "transformer"):
        done = []
        advance = Session.advance

        def count(self, updates, done=done, advance=advance):
            done.append(updates)
            advance(self, updates)

        with monkeypatch.context() as patch:
            patch.setattr(Session, "advance", count)
            smoke(name, tmp_path / name)
        assert sum(done) == EXPERIMENTS[name].work(EXPERIMENTS[name].scales["smoke"])
