"""Work spread over processes or a Dask cluster gives the record that one process gives."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future

import numpy as np
import pytest

from glorot.cli import main
from glorot.ensemble import EnsembleConfig
from glorot.experiments import EXPERIMENTS, Session
from glorot.experiments.choice import Budget
from glorot.experiments.data import Source
from glorot.experiments.executors import process_pool
from glorot.experiments.table1 import Trial
from glorot.experiments.training import Errors, Shard, Stopped, Task, Watch, Worker, run_task
from glorot.results import load_record
from tests.unit.runs import outside_provenance, run


def tiny(updates=20):
    """Table 1 with two tiny data sets, one of them endless."""
    experiment = EXPERIMENTS["table1"]
    smoke = experiment.scales["smoke"]
    budget = Budget(updates, (0.01, 0.1, 1.0), (0.1, 1.0))
    trials = (
        Trial(Source("shapeset", 300), 10, budget, budget),
        Trial(Source("shapeset", 200, lowest=-1), 10, budget, budget),
    )
    config = dataclasses.replace(
        smoke, trials=trials, models=smoke.models[1:3], hidden=(8, 8), seeds=(0, 1, 2)
    )
    return dataclasses.replace(experiment, scales={"smoke": config})


@pytest.fixture(scope="module")
def pool():
    with process_pool(2) as executor:
        yield executor


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_two_processes_give_the_record_that_one_gives(name, tmp_path, pool):
    experiment = EXPERIMENTS[name]
    here, there = run(experiment, tmp_path / "a"), run(experiment, tmp_path / "b", pool)
    assert outside_provenance(here) == outside_provenance(there)
    assert list((tmp_path / "b" / "state").glob("*")) == []


def test_a_record_of_several_data_sets_names_each_with_its_checksum(tmp_path):
    record = run(tiny(), tmp_path)
    names = [part["name"] for part in record.data["parts"]]
    assert names == ["shapeset", "shapeset [-1, 1]"]
    sums = [part["checksum"] for part in record.data["parts"]]
    assert record.data["checksum"] not in sums
    assert len(set(sums)) == 2


class Late(Executor):
    """Runs tasks in the reverse of the order in which they came."""

    def __init__(self):
        self.waiting = []

    def submit(self, function, /, *arguments, **options):
        future: Future = Future()
        self.waiting.append((future, function, arguments))
        if len(self.waiting) == 2:
            for waiting, call, given in reversed(self.waiting):
                waiting.set_result(call(*given))
            self.waiting = []
        return future


def test_results_stand_in_the_order_of_the_tasks_not_in_that_of_their_end(tmp_path):
    source, executor = Source("shapeset", 300), Late()
    worker = Worker("cpu", tmp_path / "late", 30.0)
    tasks = [
        Task(
            Shard(f"part-{seed}", (net(seed),), (1024, 8, 9), 10, 5, (0, 5)),
            source,
            Errors(("valid",)),
        )
        for seed in range(4)
    ]
    alone = [run_task(task, Worker("cpu", tmp_path / "alone", 30.0)) for task in tasks]
    session = Session({}, worker, executor, 20, Quiet(), Bar())
    found = session.run(tasks)
    losses = [trained.series["train_loss"][1, 0] for trained in found]
    assert losses == [trained.series["train_loss"][1, 0] for trained in alone]
    assert len(set(losses)) == 4
    assert session.done == 20


def net(seed):
    return EnsembleConfig("glorot_uniform", "tanh", 0.1, seed)


class Quiet:
    requested = False


class Bar:
    total = n = initial = last_print_n = 0

    def update(self, count):
        self.n += count

    def refresh(self):
        pass


def test_an_endless_source_draws_by_seed_and_place_alone(tmp_path):
    source = Source("shapeset")
    first, again = source.draw(20, (3, 1)), source.draw(20, (3, 1))
    assert (first.images == again.images).all()
    assert not (first.images == source.draw(20, (4, 1)).images).all()
    assert not (first.images == source.draw(20, (3, 2)).images).all()
    assert source.endless
    assert not Source("shapeset", 100).endless
    assert not Source("mnist").endless


def test_networks_of_one_seed_are_shown_the_same_endless_stream(tmp_path):
    """Two equal networks in one group go on alike for more than one chunk of the stream."""
    twins = (net(5), net(5), net(6))
    shard = Shard("twins", twins, (1024, 4, 9), 10, 450, (0, 201, 450))
    task = Task(shard, Source("shapeset"), Errors(("valid",), 100))
    loss = run_task(task, Worker("cpu", tmp_path / "run", 30.0)).series["train_loss"]
    assert np.array_equal(loss[:, 0], loss[:, 1])
    assert not np.array_equal(loss[:, 0], loss[:, 2])


def test_a_range_from_minus_one_is_the_same_pictures_shifted():
    plain, shifted = Source("shapeset", 50), Source("shapeset", 50, lowest=-1)
    assert np.array_equal(shifted.load().test.images, 2 * plain.load().test.images - 1)
    assert shifted.load().checksum == plain.load().checksum
    assert "-1 to 1" in shifted.load().note
    with pytest.raises(ValueError, match=r"lowest must be 0 or -1, got 2"):
        Source("shapeset", 50, lowest=2)


@pytest.mark.parametrize("changed", ["updates", "seed", "lowest", "measure"])
def test_a_task_never_resumes_from_another_ones_state(changed, tmp_path):
    worker = Worker("cpu", tmp_path / "x", 30.0)
    shard = Shard("same-name", (net(0),), (1024, 4, 9), 10, 5, (0, 5))
    source, measure = Source("shapeset", 50), Errors(("valid",))
    task = Task(shard, source, measure)
    other = {
        "updates": Task(dataclasses.replace(shard, updates=6), source, measure),
        "seed": Task(dataclasses.replace(shard, networks=(net(1),)), source, measure),
        "lowest": Task(shard, Source("shapeset", 50, lowest=-1), measure),
        "measure": Task(shard, source, Errors(("valid",), 10)),
    }[changed]
    assert worker.checkpoint(task).path != worker.checkpoint(other).path
    assert worker.checkpoint(task).path == worker.checkpoint(Task(shard, source, measure)).path


def test_a_task_that_no_later_process_could_recognize_is_refused(tmp_path):
    shard = Shard("x", (net(0),), (1024, 4, 9), 10, 5, (0, 5))
    task = Task(shard, Source("shapeset", 50), lambda ensemble, dataset: {})
    with pytest.raises(ValueError, match="task must have a repr that lasts"):
        run_task(task, Worker("cpu", tmp_path / "x", 30.0))


def test_a_worker_elsewhere_stops_when_the_stop_file_is_there_and_goes_on_bit_for_bit(tmp_path):
    shard = Shard("stop", (net(0), net(1)), (1024, 8, 9), 10, 300, (0, 100, 300))
    task = Task(shard, Source("shapeset", 300), Errors(("valid",)))
    whole = run_task(task, Worker("cpu", tmp_path / "whole", 30.0))
    worker, steps = Worker("cpu", tmp_path / "run", 30.0), [0]
    watch = Watch.of_file(worker.stop_file, every=0.0)

    def count(updates):
        steps[0] += 1
        if steps[0] == 123:
            worker.stop_file.touch()

    watch.advance = count
    with pytest.raises(Stopped, match=r"run-stop-.*checkpoint"):
        run_task(task, worker, watch)
    worker.stop_file.unlink()
    resumed = run_task(task, worker)
    assert resumed.resumed_at == 123
    for name, series in whole.series.items():
        assert np.array_equal(series, resumed.series[name])


INTERRUPTED = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
import pathlib, signal
from glorot.experiments.executors import process_pool
from test_executors import tiny
from tests.unit.runs import run
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with process_pool(2) as pool:
        print("ready", flush=True)
        run(tiny(800), pathlib.Path({folder!r}), pool, interval=0.05)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_of_two_processes_survives_interruption_and_kill(number, root, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        INTERRUPTED.format(
            tests=os.path.dirname(__file__), root=str(root), folder=str(tmp_path / "cut")
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    state, deadline = tmp_path / "cut" / "state", time.monotonic() + 60
    while not list(state.glob("*.checkpoint")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert not (tmp_path / "cut" / "records").exists()
    assert list(state.glob("*.checkpoint"))
    if number == signal.SIGINT:
        assert b"the same command goes on from there" in said
        assert not list(state.glob("*.stop"))
    whole = run(tiny(800), tmp_path / "whole")
    resumed = run(tiny(800), tmp_path / "cut")
    assert outside_provenance(resumed) == outside_provenance(whole)


def test_a_dask_cluster_of_two_workers_gives_the_record_that_one_process_gives(tmp_path, capsys):
    address, cluster = local_cluster()
    try:
        command = ["reproduce", "table1", "--scale", "smoke", "--out"]
        assert main([*command, str(tmp_path / "dask"), "--dask", address]) == 0
    finally:
        cluster.communicate(b"\n", timeout=30)
    assert main([*command, str(tmp_path / "here")]) == 0
    capsys.readouterr()
    records = [load_record("table1", "smoke", tmp_path / name) for name in ("dask", "here")]
    assert outside_provenance(records[0]) == outside_provenance(records[1])


CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.readline()
"""


def local_cluster():
    """A scheduler and two workers in processes of their own."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    address = process.stdout.readline().decode().strip()
    assert re.fullmatch(r"tcp://127\.0\.0\.1:\d+", address), address
    return address, process


def test_a_cluster_that_is_not_there_and_a_wrong_number_of_workers_are_errors(capsys, tmp_path):
    common = ["reproduce", "table1", "--scale", "smoke", "--out", str(tmp_path)]
    assert main([*common, "--workers", "0"]) == 2
    assert "workers must be at least 1, got 0" in capsys.readouterr().err
    assert main([*common, "--dask", "nonsense://nowhere"]) == 2
    assert "nonsense" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*common, "--workers", "2", "--dask", "tcp://127.0.0.1:1"])
    assert "not allowed with" in capsys.readouterr().err
