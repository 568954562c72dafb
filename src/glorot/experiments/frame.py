"""The frame that every experiment runs in: progress, checkpoints, interruption, record."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from tqdm import tqdm

from glorot.datasets import Dataset
from glorot.experiments.data import Source
from glorot.experiments.training import Stopped, Task, Trained, Watch, Worker, run_task
from glorot.results import RECORDS, Record, provenance, write_atomic

__all__ = ["Config", "Experiment", "InterruptedRun", "Session", "run_experiment"]


@dataclass(frozen=True)
class Config:
    """What every experiment's configuration has.

    Args:
        data: name of the data set; of several, joined by commas.
        seeds: one network of every kind is run for each; equal seeds are paired.
    """

    least_seeds: ClassVar[int] = 1

    data: str
    seeds: tuple[int, ...]

    def with_seeds(self, count: int | None) -> Self:
        """Return the configuration with seeds 0 … count − 1, or unchanged for None.

        Raises:
            ValueError: if count is not an integer, or fewer than the experiment needs.
        """
        if count is None:
            return self
        if not isinstance(count, int) or isinstance(count, bool) or count < self.least_seeds:
            raise ValueError(f"seeds must be at least {self.least_seeds}, got {count!r}")
        return replace(self, seeds=tuple(range(count)))

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


C = TypeVar("C", bound=Config)


class InterruptedRun(KeyboardInterrupt):
    """A run that was stopped by Ctrl-C after its state was saved."""

    def __init__(self, done: int, total: int, path: Path):
        super().__init__(
            f"interrupted after {done:,} of {total:,} updates, saved in {path}; "
            "the same command goes on from there"
        )
        self.path = path


@dataclass
class Interrupt:
    """Whether Ctrl-C was pressed."""

    requested: bool = False


@dataclass
class Session:
    """What a running experiment is given: data, workers, and a bar that shows how far it is.

    Args:
        datasets: the data sets, loaded, by label.
        worker: device, place and frequency of the checkpoints.
        executor: where tasks are run; None runs them here, one after another.
        total: network updates of the whole run.
        interrupt: whether the run is asked to stop.
        bar: shows network updates done, their rate and the time left.
        wall_seconds: time spent on the tasks that are done, all workers together.
        done: network updates done.
    """

    datasets: Mapping[str, Dataset]
    worker: Worker
    executor: Executor | None
    total: int
    interrupt: Interrupt
    bar: tqdm
    wall_seconds: float = 0.0
    done: int = 0
    _finished: list[Path] = field(default_factory=list)

    @property
    def dataset(self) -> Dataset:
        """The only data set."""
        (only,) = self.datasets.values()
        return only

    def run(self, tasks: Sequence[Task]) -> list[Trained]:
        """Run tasks, or what is left of them, and return what they found in the order given.

        Raises:
            InterruptedRun: when the run was asked to stop, after saving.
        """
        run = self._run_here if self.executor is None else self._run_elsewhere
        found = run(tasks)
        for task, trained in zip(tasks, found, strict=True):
            self.wall_seconds += trained.seconds
            self._finished.append(self.worker.checkpoint(task).path)
        return found

    def expect(self, updates: int) -> None:
        """Count so many network updates as still to do, which no configuration foretold."""
        self.total += updates
        self.bar.total = self.total
        self.bar.refresh()

    def advance(self, updates: int) -> None:
        """Count so many network updates as done now."""
        self.done += updates
        self.bar.update(updates)

    def skip(self, updates: int) -> None:
        """Count so many network updates as done in an earlier run; they tell nothing of speed."""
        self.done += updates
        for counter in ("n", "initial", "last_print_n"):
            setattr(self.bar, counter, getattr(self.bar, counter, 0) + updates)

    def clear(self) -> None:
        """Remove the checkpoints of this run."""
        for path in self._finished:
            path.unlink(missing_ok=True)

    def _run_here(self, tasks: Sequence[Task]) -> list[Trained]:
        watch = Watch(lambda: self.interrupt.requested, self.advance, self.skip)
        try:
            return [run_task(task, self.worker, watch) for task in tasks]
        except Stopped as stopped:
            raise InterruptedRun(self.done, self.total, Path(str(stopped))) from None

    def _run_elsewhere(self, tasks: Sequence[Task]) -> list[Trained]:
        assert self.executor is not None
        self.worker.stop_file.unlink(missing_ok=True)
        futures = [self.executor.submit(run_task, task, self.worker) for task in tasks]
        left = dict(zip(futures, tasks, strict=True))
        try:
            while left:
                finished, _ = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._count(left.pop(future), future.result())
                if self.interrupt.requested:
                    raise InterruptedRun(self.done, self.total, self.worker.prefix.parent)
            return [future.result() for future in futures]
        except BaseException:
            self._stop_workers(left)
            raise

    def _count(self, task: Task, trained: Trained) -> None:
        resumed = trained.resumed_at * len(task.shard.networks)
        self.skip(resumed)
        self.advance(task.work - resumed)

    def _stop_workers(self, futures: Iterable[Future[Trained]]) -> None:
        """Drop what is queued and let what is running save its state."""
        write_atomic(self.worker.stop_file, b"")
        for future in futures:
            future.cancel()
        wait(futures)
        self.worker.stop_file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Experiment(Generic[C]):
    """A claim, the scales at which it can be tried, and the function that tries it.

    Args:
        name: as in ``glorot reproduce NAME``.
        claim: the sentence that is tried.
        scales: configuration by scale; ``smoke`` takes seconds and needs no download.
        sources: returns the data sets of a configuration.
        work: returns the number of network updates of a configuration, for the progress bar.
        deviations: returns where a configuration departs from the paper.
        run: returns (results, arrays).
    """

    name: str
    claim: str
    scales: Mapping[str, C]
    sources: Callable[[C], Sequence[Source]]
    work: Callable[[C], int]
    deviations: Callable[[C], list[str]]
    run: Callable[[C, Session], tuple[Any, dict[str, np.ndarray]]]

    def config(self, scale: str, seeds: int | None = None) -> C:
        """Return the configuration of a scale.

        Raises:
            ValueError: for an unknown scale or a number of seeds that is not positive.
        """
        if scale not in self.scales:
            known = ", ".join(self.scales)
            raise ValueError(f"scale of {self.name!r} must be one of {known}; got {scale!r}")
        return self.scales[scale].with_seeds(seeds)


def run_experiment(
    experiment: Experiment[C],
    scale: str,
    *,
    device: str = "cpu",
    seeds: int | None = None,
    directory: str | os.PathLike[str] = RECORDS,
    checkpoint_directory: str | os.PathLike[str] = ".checkpoints",
    interval: float = 30.0,
    executor: Executor | None = None,
) -> Record:
    """Run an experiment, from its last checkpoint if there is one, and write its record.

    Args:
        experiment: what to run.
        scale: ``smoke``, ``laptop`` or ``paper``.
        device: ``cpu`` or ``cuda``.
        seeds: run seeds 0 … seeds − 1 instead of the scale's own.
        directory: folder of the record.
        checkpoint_directory: folder of the checkpoints; they are removed once the record is there.
        interval: seconds between two checkpoints; at most so much is lost.
        executor: where the groups of networks are trained, such as a process pool or a Dask
            client's executor; by default here, one after another. The record is the same bit for
            bit. Workers elsewhere resume only if they share the checkpoints' folder.

    Returns:
        The record that was written.

    Raises:
        ValueError: for an unknown scale, a wrong number of seeds, or a device that is not there.
        FileNotFoundError: if the data set is missing; the message is the command that gets it.
        InterruptedRun: on Ctrl-C, after the state was saved.
    """
    config, started = experiment.config(scale, seeds), time.monotonic()
    with _held_interrupt() as interrupt:  # libraries that are loading do not survive one
        _check_device(device)
        datasets = {source.label: source.load() for source in experiment.sources(config)}
        prefix = Path(checkpoint_directory).absolute() / f"{experiment.name}-{scale}"
        worker, total = Worker(device, prefix, interval), experiment.work(config)
        with _progress(experiment.name, total) as bar, _one_thread(device):
            session = Session(datasets, worker, executor, total, interrupt, bar)
            results, arrays = experiment.run(config, session)
    seconds = session.wall_seconds or time.monotonic() - started  # where nothing was trained
    record = Record(
        experiment.name,
        scale,
        experiment.claim,
        config.to_dict(),
        _description(datasets),
        [*experiment.deviations(config), *(d.note for d in datasets.values() if d.note)],
        results,
        provenance(device, seconds),
        arrays,
    )
    record.save(directory)
    session.clear()
    return record


def _description(datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    """Name and checksum of the data set; of several, theirs one by one and one for all."""
    parts = [{"name": name, "checksum": d.checksum} for name, d in datasets.items()]
    if len(parts) == 1:
        return dict(parts[0])
    together = hashlib.sha256("".join(part["checksum"] for part in parts).encode()).hexdigest()
    return {"name": ", ".join(p["name"] for p in parts), "checksum": together, "parts": parts}


def _check_device(device: str) -> None:
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu or cuda, got {device!r}")
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be one that is there, got 'cuda' and torch finds none")


def _progress(name: str, total: int) -> tqdm:
    """A bar on stderr; nothing where stderr is no terminal."""
    return tqdm(total=total, desc=name, unit=" updates", unit_scale=True, disable=None)


@contextlib.contextmanager
def _held_interrupt() -> Iterator[Interrupt]:
    """Turn Ctrl-C into a request that the run meets between two updates; a second one is obeyed."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def hold(number: int, frame: Any) -> None:
        if interrupt.requested:
            raise KeyboardInterrupt
        interrupt.requested = True

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _one_thread(device: str) -> Iterator[None]:
    """Compute on one thread: sums then have one order, and runs agree bit for bit."""
    import torch

    threads = torch.get_num_threads()
    if device == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
