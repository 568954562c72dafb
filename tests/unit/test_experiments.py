"""Experiments: verdicts, order of the data, interruption, and that each still runs."""

import dataclasses
import io
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy import stats

from glorot.experiments import (
    EXPERIMENTS,
    InterruptedRun,
    Session,
    reproduce,
    sameness,
    verdict,
)
from glorot.experiments.data import load_data
from glorot.experiments.frame import run_experiment
from glorot.experiments.saturation import Group, curves, first_lasting
from glorot.experiments.training import BatchOrder, log_spaced
from glorot.results import load_record
from tests.unit.runs import outside_provenance

# ---- verdicts


def test_verdicts_agree_with_scipys_paired_t_test():
    rng = np.random.default_rng(0)
    words = set()
    for shift in (-0.3, -0.05, 0.0, 0.05, 0.3):
        ours, other = rng.normal(shift, 0.1, 8), rng.normal(0, 0.1, 8)
        found, expected = verdict(ours, other), stats.ttest_rel(ours, other)
        assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
        if expected.pvalue >= 0.005:
            assert found.word == "unresolved"
        else:
            assert found.word == ("held" if expected.statistic < 0 else "reversed")
        words.add(found.word)
    assert words == {"held", "unresolved", "reversed"}


def test_a_pairing_of_seeds_is_worth_having():
    seeds = np.random.default_rng(1).normal(0.2, 0.05, 6)
    ours = seeds - 0.01 + np.random.default_rng(2).normal(0, 0.001, 6)
    assert verdict(ours, seeds).word == "held"
    assert stats.ttest_ind(ours, seeds).pvalue > 0.5


def test_a_level_is_kept_when_there_is_no_difference():
    rng = np.random.default_rng(3)
    wrong = sum(
        verdict(rng.normal(size=5), rng.normal(size=5), 0.05).word != "unresolved"
        for _ in range(1000)
    )
    assert abs(wrong - 50) < 4 * np.sqrt(1000 * 0.05 * 0.95)


def test_sameness_agrees_with_two_one_sided_t_tests():
    rng = np.random.default_rng(4)
    words = set()
    for shift in (0.0, 0.004, 0.01, 0.03):
        ours, other = rng.normal(shift, 0.002, 8), rng.normal(0, 0.002, 8)
        above = stats.ttest_1samp(ours - other, -0.01, alternative="greater").pvalue
        below = stats.ttest_1samp(ours - other, 0.01, alternative="less").pvalue
        found = sameness(ours, other, margin=0.01)
        assert found.p == pytest.approx(max(above, below), rel=1e-6)
        words.add(found.word)
    assert words == {"held", "unresolved", "reversed"}


def test_no_significant_difference_is_not_sameness():
    ours, other = [0.1, 0.3, 0.2], [0.3, 0.1, 0.15]
    assert verdict(ours, other).word == "unresolved"
    assert sameness(ours, other, margin=0.01).word == "unresolved"


def test_equal_differences_need_no_noise():
    assert verdict([0.1, 0.2, 0.3], [0.2, 0.3, 0.4]).word == "held"
    assert verdict([0.2, 0.3], [0.1, 0.2]).word == "reversed"
    assert verdict([0.2, 0.3], [0.2, 0.3]).word == "unresolved"
    assert sameness([0.2, 0.3], [0.2, 0.3], 0.01).word == "held"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: verdict([0.1], [0.2]), "at least two seeds"),
        (lambda: verdict([0.1, 0.2], [0.2, 0.3, 0.4]), r"\(2,\) and \(3,\)"),
        (lambda: verdict([0.1, np.nan], [0.2, 0.3]), "ours must be finite"),
        (lambda: verdict([0.1, 0.2], [0.2, 0.3], level=0), "level .* got 0"),
        (lambda: sameness([0.1, 0.2], [0.2, 0.3], margin=0.0), "margin .* got 0.0"),
        (lambda: reproduce("nothing"), "experiment .* got 'nothing'"),
        (lambda: reproduce("saturation", "moon"), "scale .* got 'moon'"),
        (lambda: reproduce("tapering", "smoke", seeds=1), "at least 2, got 1"),
        (lambda: reproduce("saturation", "smoke", seeds=True), "got True"),
        (lambda: reproduce("saturation", "smoke", device="abacus"), "device .* got 'abacus'"),
        (lambda: load_data("shapeset"), "examples .* got None"),
        (lambda: BatchOrder([0], 10, 11), "batch .* got 11"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()


# ---- order of the data


def test_equal_seeds_see_the_same_batches_and_others_do_not():
    order = BatchOrder([3, 5, 3], examples=200, batch=10)
    for update in (0, 19, 20, 399):
        first, second, third = order.indices(update)
        assert (first == third).all()
        assert not (first == second).all()
        alone = BatchOrder([3], examples=200, batch=10)
        assert (alone.indices(update)[0] == first).all()


def test_an_epoch_shows_every_example_once_and_the_next_in_another_order():
    order = BatchOrder([0], examples=50, batch=5)
    epochs = [np.concatenate([order.indices(10 * e + k)[0] for k in range(10)]) for e in (0, 1)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(50))
    assert not (epochs[0] == epochs[1]).all()


def test_any_update_is_found_without_those_before_it():
    walked, jumped = BatchOrder([0, 1], 30, 4), BatchOrder([0, 1], 30, 4)
    steps = [walked.indices(update) for update in range(40)]
    for update in (39, 7, 21):
        assert (jumped.indices(update) == steps[update]).all()


def test_logged_updates_increase_from_0_to_the_last():
    times = log_spaced(150_000, 20, 2000, {2000: 250, 20_000: 500})
    assert times[0] == 0
    assert times[-1] == 150_000
    assert (np.diff(times) > 0).all()
    assert np.diff([t for t in times if 2000 <= t <= 20_000]).max() == 250


# ---- escape


def test_an_escape_has_to_last():
    updates = np.array([0, 100, 200, 300, 400])
    assert first_lasting(updates, np.array([0.9, 0.9, 0.5, 0.4, 0.3]), 0.8) == 200
    assert first_lasting(updates, np.array([0.9, 0.5, 0.9, 0.4, 0.3]), 0.8) == 300
    assert first_lasting(updates, np.array([0.9, 0.5, 0.4, 0.3, 0.9]), 0.8) is None
    assert first_lasting(updates, np.array([0.9, 0.5, np.nan, 0.3, 0.2]), 0.8) == 300


# ---- runs


def tiny(updates=12):
    """The saturation experiment, small enough to run many times."""
    experiment = EXPERIMENTS["saturation"]
    smoke = dataclasses.replace(
        experiment.scales["smoke"],
        groups=(
            Group("plain", (1.0, 0.3), (updates, updates)),
            Group("bias_frozen", (1.0,), (updates,), output_bias="frozen"),
        ),
        hidden=(8, 8),
        examples=300,
        valid_examples=50,
        probe_examples=20,
    )
    return dataclasses.replace(experiment, scales={"smoke": smoke})


def run_tiny(experiment, folder, checkpoints, interval=30.0):
    return run_experiment(
        experiment, "smoke", directory=folder, checkpoint_directory=checkpoints, interval=interval
    )


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_smoke_run_of_every_experiment_makes_a_record(name, tmp_path):
    record = reproduce(name, "smoke", directory=tmp_path, checkpoint_directory=tmp_path / "state")
    assert outside_provenance(load_record(name, "smoke", tmp_path)) == outside_provenance(record)
    assert record.data["name"] in {"shapeset", "text"}  # what needs no download
    assert record.config["seeds"] == list(EXPERIMENTS[name].scales["smoke"].seeds)
    assert list((tmp_path / "state").glob("*")) == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_scale_of_every_experiment_states_its_deviations(name):
    experiment = EXPERIMENTS[name]
    assert set(experiment.scales) == {"smoke", "laptop", "paper"}
    for config in experiment.scales.values():
        assert experiment.work(config) > 0
        assert all(experiment.deviations(config))


def test_two_runs_agree_bit_for_bit_and_a_third_of_other_seeds_does_not(tmp_path):
    runs = [run_tiny(tiny(), tmp_path / name, tmp_path / name) for name in "ab"]
    assert outside_provenance(runs[0]) == outside_provenance(runs[1])
    other = run_experiment(
        tiny(), "smoke", seeds=1, directory=tmp_path, checkpoint_directory=tmp_path
    )
    assert outside_provenance(other) != outside_provenance(runs[0])


def test_a_terminal_is_shown_progress_and_the_time_left(tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    run_tiny(tiny(), tmp_path, tmp_path / "state")
    shown = sys.stderr.getvalue()
    assert "saturation: 100%" in shown
    assert re.search(r"\d\d:\d\d<\d\d:\d\d", shown)  # elapsed < left


def test_interventions_do_what_they_are_called(tmp_path):
    record = reproduce(
        "saturation", "smoke", directory=tmp_path, checkpoint_directory=tmp_path / "state"
    )
    frozen = curves(record, "bias_frozen", 1.0, 0)
    prior = curves(record, "bias_at_prior", 1.0, 0)
    plain = curves(record, "plain", 1.0, 0)
    assert (frozen.bias_norm == 0).all()
    assert prior.bias_to_prior[0] == pytest.approx(0, abs=1e-6)
    assert plain.bias_norm[0] == 0
    assert plain.bias_norm[-1] > 0
    assert plain.bias_to_prior[0] == pytest.approx(record.results["log_prior_norm"], rel=1e-5)
    assert (plain.activation_mean[0] == frozen.activation_mean[0]).all()  # the same first draw
    with pytest.raises(ValueError, match="must be among"):
        curves(record, "plain", 7.0, 0)


@pytest.mark.parametrize("stop_at", [1, 5, 12, 13, 20])
def test_an_interrupted_run_resumes_bit_for_bit(stop_at, tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGINT)  # a shell's background job finds it ignored
    whole = run_tiny(tiny(), tmp_path / "whole", tmp_path / "whole-state")
    steps = [0]
    advance = Session.advance

    def interrupting(session, networks):
        advance(session, networks)
        steps[0] += 1
        if steps[0] == stop_at:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "advance", interrupting)
        with pytest.raises(InterruptedRun, match="saved in"):
            run_tiny(tiny(), tmp_path / "resumed", tmp_path / "state")
    assert not (tmp_path / "resumed").exists()
    assert signal.getsignal(signal.SIGINT) is before
    resumed = run_tiny(tiny(), tmp_path / "resumed", tmp_path / "state")
    assert outside_provenance(resumed) == outside_provenance(whole)


KILLED = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
from test_experiments import run_tiny, tiny
print("ready", flush=True)
run_tiny(tiny(150), {folder!r}, {state!r}, interval=0.0)
"""


def test_a_killed_run_resumes_bit_for_bit(root, tmp_path):
    whole = run_tiny(tiny(150), tmp_path / "whole", tmp_path / "whole-state")
    state = tmp_path / "state"
    script = KILLED.format(
        tests=os.path.dirname(__file__),
        root=str(root),
        folder=str(tmp_path / "killed"),
        state=str(state),
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    deadline = time.monotonic() + 60
    while not list(state.glob("*.checkpoint")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    assert len(list(state.glob("*.checkpoint"))) >= 1
    assert not (tmp_path / "killed").exists()
    resumed = run_tiny(tiny(150), tmp_path / "killed", state)
    assert outside_provenance(resumed) == outside_provenance(whole)


def test_a_damaged_checkpoint_is_named_and_the_part_starts_anew(tmp_path, monkeypatch, capsys):
    whole = run_tiny(tiny(), tmp_path / "whole", tmp_path / "whole-state")
    monkeypatch.setattr(Session, "clear", lambda session: None)
    run_tiny(tiny(), tmp_path / "first", tmp_path / "state")
    damaged = sorted((tmp_path / "state").glob("*.checkpoint"))
    assert len(damaged) == 3
    for path in damaged:
        path.write_bytes(path.read_bytes()[:-100])
    again = run_tiny(tiny(), tmp_path / "second", tmp_path / "state")
    assert outside_provenance(again) == outside_provenance(whole)
    assert "is damaged" in capsys.readouterr().err


def test_a_checkpoint_of_another_configuration_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(Session, "clear", lambda session: None)
    run_tiny(tiny(8), tmp_path / "short", tmp_path / "state")
    whole = run_tiny(tiny(), tmp_path / "whole", tmp_path / "whole-state")
    assert outside_provenance(run_tiny(tiny(), tmp_path / "x", tmp_path / "state")) == (
        outside_provenance(whole)
    )


# ---- the shipped records


def test_escape_times_follow_from_the_arrays_of_the_record():
    record = load_record("saturation")
    threshold, escaped = record.config["threshold"], 0
    for run in record.results["runs"]:
        curve = curves(record, run["group"], run["learning_rate"], run["seed"])
        escape = None
        for update, error in zip(curve.updates, curve.valid_error, strict=True):
            if error >= threshold:
                escape = None
            elif escape is None:
                escape = int(update)
        assert run["escape_update"] == escape
        half = float(curve.activation_mean[0, -1]) / 2
        falls = curve.updates[curve.activation_mean[:, -1] < half]
        assert run["fall_update"] == (int(falls[0]) if falls.size else None)
        escaped += escape is not None
    assert escaped == sum(row["escaped"] for row in record.results["by_rate"])


def test_verdicts_on_tapering_follow_from_the_seeds_of_the_record():
    record = load_record("tapering")
    runs = record.results["runs"]
    for row in record.results["verdicts"]:
        sides = [
            np.array([r[row["measure"]] for r in runs if (r["shape"], r["mode"]) == key])
            for key in ((row["shape"], row["ours"]), (row["shape"], row["other"]))
        ]
        expected = stats.ttest_rel(*sides)
        assert row["lower"]["seeds"] == len(record.config["seeds"])
        assert row["lower"]["p"] == pytest.approx(expected.pvalue, rel=1e-6)
        lower = "held" if expected.statistic < 0 else "reversed"
        assert row["lower"]["word"] == (lower if expected.pvalue < 0.005 else "unresolved")
    early = record.arrays["updates"].tolist().index(record.config["early"])
    for run in runs:
        curve = record.arrays[f"{run['shape']}/valid_error"][:, run["index"]]
        assert curve[early] == run["early_valid_error"]
    for row in (r for r in record.results["choice"] if r["chosen"]):
        rivals = [
            np.mean(r["valid_error"])
            for r in record.results["choice"]
            if (r["shape"], r["mode"]) == (row["shape"], row["mode"])
        ]
        assert np.mean(row["valid_error"]) == min(rivals)
        measured = [r for r in runs if (r["shape"], r["mode"]) == (row["shape"], row["mode"])]
        assert {r["learning_rate"] for r in measured} == {row["learning_rate"]}
        assert not {r["seed"] for r in measured} & set(record.config["choice_seeds"])
