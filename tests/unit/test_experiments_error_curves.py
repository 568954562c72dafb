"""Error curves and the support vector machine: choice, pairing, verdicts, interruption."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.svm import SVC

from glorot.ensemble import Ensemble, EnsembleConfig
from glorot.experiments import EXPERIMENTS, InterruptedRun, Session, svm
from glorot.experiments.choice import Budget, Ladder, best_rate, choose_rates
from glorot.experiments.data import Source
from glorot.experiments.error_curves import CLAIMS, verdicts
from glorot.experiments.svm import Fit, Sample, fit
from glorot.experiments.training import Worker
from glorot.results import Checkpoint, load_record, records
from tests.unit import runs
from tests.unit.runs import outside_provenance

NAMES = ("error-curves", "svm")


def run(name, folder, executor=None, changes=None):
    """The smoke run of an experiment, its configuration changed or not."""
    experiment = EXPERIMENTS[name]
    config = dataclasses.replace(experiment.scales["smoke"], **(changes or {}))
    changed = dataclasses.replace(experiment, scales={"smoke": config})
    return runs.run(changed, folder, executor)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return {name: run(name, tmp_path_factory.mktemp(name)) for name in NAMES}


def all_records(name, smoke):
    """The record that was made just now, and those that come with the package."""
    shipped = [load_record(found, scale) for found, scale in records() if found == name]
    return [smoke[name], *shipped]


# ---- choosing


def test_a_grid_grows_where_its_best_is_an_edge_until_it_is_none_or_the_ladder_ends():
    errors = {0.01: 0.5, 0.03: 0.3, 0.1: 0.4, 0.3: 0.6, 1.0: 0.7}
    rising = {rate: rate for rate in errors}
    ladder, asked, expected = tuple(errors), [], []

    def train(rates):
        asked.append(rates)
        tables = (errors, rising)
        return [[table[r] for r in own] for table, own in zip(tables, rates, strict=True)]

    budgets = [Budget(10, ladder, (0.1, 0.3)), Budget(7, ladder, (0.1, 1.0))]
    grids = choose_rates(budgets, train, expected.append)
    assert asked == [[[0.1, 0.3], [0.1, 0.3, 1.0]], [[0.03], [0.03]], [[0.01], [0.01]]]
    assert expected == [17, 17, 0]
    assert [best_rate(grid) for grid in grids] == [0.03, 0.01]
    assert best_rate({0.3: 0.2, 0.1: 0.2, 1.0: 0.9}) == 0.1


def test_a_ladder_grows_on_the_side_where_the_best_lies():
    ladder = Ladder((1.0, 2.0, 3.0, 4.0, 5.0), (2.0, 4.0))
    assert ladder.grid() == (2.0, 3.0, 4.0)
    assert ladder.grown(ladder.grid(), 3.0) == (2.0, 3.0, 4.0)
    assert ladder.grown(ladder.grid(), 2.0) == (1.0, 2.0, 3.0, 4.0)
    assert ladder.grown(ladder.grid(), 4.0) == (2.0, 3.0, 4.0, 5.0)
    assert ladder.grown((2.0,), 2.0) == (1.0, 2.0, 3.0)
    assert ladder.grown(ladder.values, 5.0) == ladder.values


def test_every_arm_is_measured_at_the_rate_of_lowest_validation_error(smoke):
    for record in all_records("error-curves", smoke):
        settings = {s["name"]: s["budget"]["ladder"] for s in record.config["settings"]}
        for run_ in record.results["runs"]:
            tried = [
                row
                for row in record.results["choice"]
                if (row["setting"], row["model"]) == (run_["setting"], run_["model"])
            ]
            best = min(tried, key=lambda row: (row["valid_error"], row["learning_rate"]))
            assert run_["learning_rate"] == best["learning_rate"]
            assert [row["chosen"] for row in tried] == [row is best for row in tried]
            rates = [row["learning_rate"] for row in tried]
            ladder = settings[run_["setting"]]
            if best["learning_rate"] in (min(rates), max(rates)):
                assert best["learning_rate"] in (ladder[0], ladder[-1])
            assert record.config["choice_seed"] not in record.config["seeds"]


def test_the_machine_is_measured_at_the_pair_of_lowest_validation_error(smoke):
    for record in all_records("svm", smoke):
        tried = record.results["choice"]["svm"]
        best = min(tried, key=lambda row: (row["valid_error"], row["cost"], row["gamma"]))
        assert [row["chosen"] for row in tried] == [row is best for row in tried]
        for key, ladder in (("cost", "costs"), ("gamma", "gammas")):
            values = [row[key] for row in tried]
            if best[key] in (min(values), max(values)):
                ends = record.config[ladder]["values"]
                assert best[key] in (ends[0], ends[-1])
            machines = [row for row in record.results["runs"] if row["model"] == "svm"]
            assert {row[key] for row in machines} == {best[key]}


@pytest.mark.parametrize("name", NAMES)
def test_test_images_choose_nothing(name, smoke, tmp_path, monkeypatch):
    """With other test labels, what was chosen and seen on validation images stays."""

    def load(source, load=Source.load):
        data = load(source)
        test = dataclasses.replace(data.test, labels=(data.test.labels + 1) % 9)
        return dataclasses.replace(data, test=test)

    monkeypatch.setattr(Source, "load", load)
    svm._load.cache_clear()
    changed = run(name, tmp_path)
    svm._load.cache_clear()
    assert changed.results["choice"] == smoke[name].results["choice"]
    assert changed.results["runs"] != smoke[name].results["runs"]
    before, after = (
        [(r["seed"], r.get("valid_error"), r.get("stop_update")) for r in record.results["runs"]]
        for record in (smoke[name], changed)
    )
    assert before == after


# ---- verdicts


def side(record, arms, measure):
    """A side's values, written apart from the package."""
    values = []
    for seed in record.config["seeds"]:
        own = []
        for arm in arms:
            setting, model = arm.split("/")
            own += [
                row[measure]
                for row in record.results["runs"]
                if (row["setting"], row["model"], row["seed"]) == (setting, model, seed)
            ]
        assert len(own) == len(arms)
        values.append(own[0] if len(own) == 1 else own[0] - own[1])
    return np.array(values)


def test_verdicts_on_the_curves_follow_from_the_runs(smoke):
    for record in all_records("error-curves", smoke):
        rows = record.results["verdicts"]
        assert rows == json.loads(
            json.dumps(verdicts(record.results["runs"], record.config["margin"]))
        )
        assert [row["name"] for row in rows] == [claim.name for claim in CLAIMS]
        for row in rows:
            ours, other = (side(record, row[key], row["measure"]) for key in ("ours", "other"))
            assert row["difference"] == pytest.approx((ours - other).mean(), abs=1e-12)
            if row["kind"] == "lower":
                p = stats.ttest_rel(ours, other).pvalue
                word = "held" if row["difference"] < 0 else "reversed"
                word = word if p < 0.005 else "unresolved"
            else:
                margin = record.config["margin"]
                inside = [
                    stats.ttest_1samp(ours - other, -margin, alternative="greater").pvalue,
                    stats.ttest_1samp(ours - other, margin, alternative="less").pvalue,
                ]
                p = max(inside)
                word = "held" if p < 0.005 else "reversed" if p > 0.995 else "unresolved"
            assert row["word"] == word
            assert row["p"] == pytest.approx(p, rel=1e-6)


def invented(values):
    """Runs of five seeds whose errors are given by arm, all other arms at 0.5."""
    arms = {arm for claim in CLAIMS for arm in (*claim.ours, *claim.other)}
    rows, noise = [], np.random.default_rng(0).normal(0, 1e-4, (len(arms), 5))
    for arm, own in zip(sorted(arms), noise, strict=True):
        setting, model = arm.split("/")
        for seed in range(5):
            error = values.get(arm, 0.5) + own[seed]
            row = {"setting": setting, "model": model, "seed": seed}
            rows.append({**row, "test_error": error, "mean_error": 1 - error})
    return {row["name"]: row["word"] for row in verdicts(rows, margin=0.02)}


def test_a_claim_turns_with_the_side_that_is_lower():
    held = invented({"plain/tanh": 0.6, "hessian/tanh": 0.55})
    assert held["hessian_helps_standard_test_error"] == "held"
    assert held["hessian_helps_standard_mean_error"] == "reversed"  # 1 − error was put there
    assert held["hessian_does_not_reach_n_test_error"] == "held"
    assert held["variance_helps_standard_test_error"] == "held"
    assert held["variance_does_not_reach_n_test_error"] == "unresolved"
    assert held["n_helps_tanh_test_error"] == "held"
    assert held["softsign_robust_test_error"] == "held"
    assert held["widening_same_gain_test_error"] == "reversed"
    same = invented({"plain/tanh": 0.6, "widening/tanh": 0.61, "narrowing/tanh": 0.57})
    assert same["widening_same_gain_test_error"] == "held"
    assert same["narrowing_same_gain_test_error"] == "reversed"
    assert invented({"signed/tanh": 0.8})["signed_larger_gain_test_error"] == "held"
    assert invented({"signed/tanh_n": 0.6})["signed_helps_n_test_error"] == "reversed"


@pytest.mark.parametrize("scale", ["smoke", "laptop", "paper"])
def test_every_scale_has_the_arms_that_the_claims_name(scale):
    config = EXPERIMENTS["error-curves"].scales[scale]
    arms = {f"{s.name}/{model.name}" for s in config.settings for model in s.models}
    assert {arm for claim in CLAIMS for arm in (*claim.ours, *claim.other)} <= arms
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)


def test_the_mean_error_is_the_area_under_the_record_s_curve(smoke):
    for record in all_records("error-curves", smoke):
        for row in record.results["runs"]:
            key = f"{row['setting']}/{row['model']}"
            updates = record.arrays[f"{key}/updates"].tolist()
            curve = record.arrays[f"{key}/test_error"][:, row["index"]].tolist()
            points = pairwise(zip(updates, curve, strict=True))
            area = sum((b - a) * (e + f) / 2 for (a, e), (b, f) in points)
            assert row["mean_error"] == pytest.approx(area / updates[-1], rel=1e-9)
            assert record.config["seeds"][row["index"]] == row["seed"]


def test_the_verdict_on_the_machine_follows_from_the_runs(smoke):
    for record in all_records("svm", smoke):
        by_model = {
            name: [row["test_error"] for row in record.results["runs"] if row["model"] == name]
            for name in ("tanh_n", "svm")
        }
        (row,) = record.results["verdicts"]
        found = stats.ttest_rel(by_model["tanh_n"], by_model["svm"])
        assert row["p"] == pytest.approx(found.pvalue, rel=1e-6)
        word = "held" if found.statistic < 0 else "reversed"
        assert row["word"] == (word if found.pvalue < 0.005 else "unresolved")
        valid, test = record.arrays["valid_error"], record.arrays["test_error"]
        nets = [row for row in record.results["runs"] if row["model"] == "tanh_n"]
        for place, net in enumerate(nets):
            stop = int(valid[:, place].argmin())
            assert net["stop_update"] == record.arrays["updates"][stop]
            assert net["test_error"] == test[stop, place]


def test_the_claim_on_the_machine_is_held_when_the_network_errs_less():
    def runs(net, machine):
        return [
            {"model": name, "test_error": error + 0.001 * (seed % 3) * (name == "svm")}
            for name, error in (("tanh_n", net), ("svm", machine))
            for seed in range(5)
        ]

    assert [svm.verdicts(runs(*e))[0]["word"] for e in ((0.5, 0.6), (0.6, 0.5), (0.5, 0.499))] == [
        "held",
        "reversed",
        "unresolved",
    ]


def test_the_network_s_rate_is_chosen_by_its_lowest_validation_error(tmp_path):
    """A measured network of the seed that chose stops at the error that chose its rate."""
    record = run("svm", tmp_path, changes={"seeds": (100, 0)})
    (chosen,) = [row for row in record.results["choice"]["tanh_n"] if row["chosen"]]
    net = next(r for r in record.results["runs"] if (r["model"], r["seed"]) == ("tanh_n", 100))
    assert net["valid_error"] == pytest.approx(chosen["valid_error"], abs=1 / 300)
    highest = record.arrays["valid_error"][:, 0].max()
    assert highest != pytest.approx(chosen["valid_error"], abs=2 / 300)


# ---- the arms


def test_settings_differ_in_what_they_are_called_after():
    for config in EXPERIMENTS["error-curves"].scales.values():
        settings = {s.name: s for s in config.settings}
        plain = settings.pop("plain")
        rules = {name: s.rule.curvature for name, s in settings.items() if s.rule}
        assert rules == {"hessian": "hessian", "variance": "variance"}
        assert [name for name, s in settings.items() if s.lowest == -1] == ["signed"]
        assert list(settings["widening"].hidden) == sorted(settings["widening"].hidden)
        assert list(settings["narrowing"].hidden[::-1]) == sorted(settings["narrowing"].hidden)
        assert plain.rule is None
        assert plain.lowest == 0
        assert len({s.budget.updates for s in config.settings}) == 1


@pytest.mark.parametrize("scale", ["laptop", "paper"])
def test_networks_of_other_shapes_have_as_many_parameters(scale):
    settings = {s.name: s.hidden for s in EXPERIMENTS["error-curves"].scales[scale].settings}
    counts = {
        name: sum((a + 1) * b for a, b in pairwise((1024, *hidden, 9)))
        for name, hidden in settings.items()
    }
    for name in ("widening", "narrowing"):
        assert counts[name] == pytest.approx(counts["plain"], rel=0.015)
        assert max(settings[name]) >= 2.9 * min(settings[name])


def test_mu_lies_between_the_two_schemes_curvatures_at_the_start():
    """The reason that the configuration gives for μ."""
    config = EXPERIMENTS["error-curves"].scales["laptop"]
    schemes = ("heuristic_uniform", "glorot_uniform")
    nets = Ensemble([EnsembleConfig(s, "tanh", 0.1, 0) for s in schemes], (1024, *[256] * 5, 9))
    drawn = Source("shapeset").draw(200, (1, 2))
    x = torch.as_tensor(drawn.images).expand(2, -1, -1).contiguous()
    y = torch.as_tensor(drawn.labels).expand(2, -1)
    for rule in (s.rule for s in config.settings if s.rule is not None):
        standard, normalized = np.transpose(
            [weight.mean((1, 2)).tolist() for weight, _ in rule(nets).estimate(x, y)[:-1]]
        )
        assert standard == pytest.approx(np.full(5, 3e-6), rel=0.3)
        assert normalized == pytest.approx(np.full(5, 5e-4), rel=0.4)
        assert standard.max() < rule.mu / 10
        assert normalized.min() > 2 * rule.mu


def test_choice_and_measurement_train_the_networks_of_their_setting(tmp_path, monkeypatch):
    tasks, run_tasks = [], Session.run

    def watching(session, given):
        tasks.extend(given)
        return run_tasks(session, given)

    monkeypatch.setattr(Session, "run", watching)
    config = EXPERIMENTS["error-curves"].scales["smoke"]
    run("error-curves", tmp_path)
    for setting in config.settings:
        for stage, seeds in (("choice", {config.choice_seed}), ("measured", set(config.seeds))):
            own = [t for t in tasks if t.shard.name == f"{setting.name}-{stage}"]
            assert {t.stepper for t in own} == {setting.rule}
            assert {t.source.lowest for t in own} == {setting.lowest}
            assert {t.shard.sizes for t in own} == {(1024, *setting.hidden, 9)}
            networks = [network for t in own for network in t.shard.networks]
            assert {network.seed for network in networks} == seeds
            kinds = {(network.activation, network.scheme) for network in networks}
            assert kinds == {(model.activation, model.scheme) for model in setting.models}


def test_a_rule_and_a_range_change_what_is_learned(smoke):
    arrays = smoke["error-curves"].arrays
    curves = [arrays[f"{s}/tanh_n/train_loss"] for s in ("plain", "hessian", "variance", "signed")]
    for place, one in enumerate(curves):
        assert all(not np.array_equal(one, other) for other in curves[:place])


def test_seeds_are_paired_by_their_images_and_their_base_draw(smoke):
    """At update 0 equal seeds stand alike under equal schemes, whatever rule updates them."""
    arrays = smoke["error-curves"].arrays
    for name in ("tanh", "tanh_n"):
        starts = [arrays[f"{s}/{name}/train_loss"][0] for s in ("plain", "hessian", "variance")]
        assert np.allclose(starts[0], starts[1], rtol=1e-6)
        assert np.allclose(starts[0], starts[2], rtol=1e-6)
        assert len(set(starts[0].tolist())) == 3


# ---- the machine


def test_a_sample_depends_on_its_seed_and_shares_what_is_held_out():
    first, again, other = (Sample("shapeset", 50, seed=seed).load() for seed in (3, 3, 4))
    assert np.array_equal(first.train.images, again.train.images)
    assert not np.array_equal(first.train.images, other.train.images)
    assert first.checksum != other.checksum
    held_out = Source("shapeset").load()
    for data in (first, other):
        assert np.array_equal(data.test.images, held_out.test.images)
        assert np.array_equal(data.valid.labels, held_out.valid.labels)
    stream = Source("shapeset").draw(50, (3, 0)).images
    assert not np.array_equal(first.train.images, stream)


def job(**changes):
    return dataclasses.replace(
        Fit(Sample("shapeset", 200, seed=5), 150, 3.0, 0.01, "test", 400, 50), **changes
    )


def test_a_fit_is_that_of_a_gaussian_kernel_written_out(tmp_path):
    found = fit(job(), tmp_path / "fit")
    data = job().sample.load()
    x, y = data.train.images[:150].astype(float), data.train.labels[:150]
    test = data.test.images[:400].astype(float)

    def kernel(a, b):
        return np.exp(-0.01 * ((a[:, None] - b[None]) ** 2).sum(2))

    machine = SVC(C=3.0, kernel="precomputed").fit(kernel(x, x), y)
    wrong = (machine.predict(kernel(test, x)) != data.test.labels[:400]).mean()
    assert found["error"] == pytest.approx(wrong, abs=1 / 400)
    assert found["support_vectors"] == machine.n_support_.sum()
    assert fit(job(cost=0.001), tmp_path / "other")["error"] > found["error"]
    assert fit(job(split="valid"), tmp_path / "valid")["error"] != found["error"]


def test_products_all_at_once_or_one_by_one_make_the_same_machine(tmp_path, monkeypatch):
    kernels = []

    def machine(**options):
        kernels.append(options["kernel"])
        return SVC(**options)

    monkeypatch.setattr("sklearn.svm.SVC", machine)
    room = 150**2 * 8 / 1e6  # MB that all products of 150 images take
    whole, asked = (fit(job(cache=cache), tmp_path / str(cache)) for cache in (room, room / 2))
    assert kernels == ["precomputed", "rbf"]
    assert whole["error"] == asked["error"]
    assert whole["support_vectors"] == asked["support_vectors"]


def test_a_fit_that_was_done_is_read_and_a_damaged_one_is_done_again(tmp_path, monkeypatch, capsys):
    path = tmp_path / "fit"
    found = fit(job(), path)
    with monkeypatch.context() as patch:
        patch.setattr(svm, "_fit", None)
        assert fit(job(), path) == found
    path.write_bytes(path.read_bytes()[:-5])
    again = fit(job(), path)
    assert again["error"] == found["error"]
    assert "this part starts anew" in capsys.readouterr().err


def test_without_scikit_learn_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(ImportError, match=r"pip install 'glorot\[svm\]'"):
        fit(job(), tmp_path / "fit")


# ---- interruption and workers


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_give_the_record_that_one_gives(name, smoke, tmp_path):
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        there = run(name, tmp_path, pool)
    assert outside_provenance(there) == outside_provenance(smoke[name])
    assert list((tmp_path / "state").glob("*")) == []


def interrupting_after(count, monkeypatch):
    """Ask a session to stop once it has advanced so many times."""
    times, advance = [0], Session.advance

    def counting(session, updates):
        advance(session, updates)
        times[0] += 1
        session.interrupt.requested = times[0] == count

    monkeypatch.setattr(Session, "advance", counting)


@pytest.mark.parametrize("stop_at", [7, 150, 700])
def test_interrupted_curves_resume_bit_for_bit(stop_at, smoke, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupting_after(stop_at, patch)
        with pytest.raises(InterruptedRun):
            run("error-curves", tmp_path)
    assert not (tmp_path / "records").exists()
    resumed = run("error-curves", tmp_path)
    assert outside_provenance(resumed) == outside_provenance(smoke["error-curves"])
    assert list((tmp_path / "state").glob("*")) == []


def test_an_interrupted_machine_keeps_the_fits_that_are_done(smoke, tmp_path, monkeypatch):
    done = []
    fit_ = svm._fit
    monkeypatch.setattr(svm, "_fit", lambda given: done.append(given) or fit_(given))
    with monkeypatch.context() as patch:
        interrupting_after(3, patch)
        with pytest.raises(InterruptedRun, match="interrupted after 300 of"):
            run("svm", tmp_path)
    assert len(done) == 3
    kept = list((tmp_path / "state").glob("*-fit-*.checkpoint"))
    assert len(kept) == 3
    assert all(0 < Checkpoint(path).load()[0]["error"] < 1 for path in kept)
    resumed = run("svm", tmp_path)
    assert outside_provenance(resumed) == outside_provenance(smoke["svm"])
    assert len(set(done)) == len(done)  # none twice
    assert list((tmp_path / "state").glob("*")) == []


class Asked:
    requested = True


def test_an_interruption_while_workers_fit_waits_for_those_under_way(tmp_path):
    worker = Worker("cpu", tmp_path / "svm", 30.0)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        session = Session({}, worker, pool, 10, Asked(), Bar())
        jobs = [job(cost=cost) for cost in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)]
        with pytest.raises(InterruptedRun):
            svm._Fits(session).run(jobs)
    kept = list(tmp_path.glob("*-fit-*.checkpoint"))
    assert len(kept) < len(jobs)
    assert all(Checkpoint(path).load() is not None for path in kept)


class Bar:
    total = n = initial = last_print_n = 0

    def update(self, count):
        self.n += count

    def refresh(self):
        pass
