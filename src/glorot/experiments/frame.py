"""The frame that every experiment runs in: progress, checkpoints, interruption, record."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from tqdm import tqdm

from glorot.datasets import Dataset
from glorot.results import (
    RECORDS,
    Checkpoint,
    DamagedFileError,
    Record,
    provenance,
)

__all__ = ["Config", "Experiment", "InterruptedRun", "Session", "run_experiment"]


@dataclass(frozen=True)
class Config:
    """What every experiment's configuration has.

    Args:
        data: name of the data set.
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
    """What a running experiment is given: data, device, and where to save its state.

    Args:
        dataset: the data set, loaded.
        device: ``cpu`` or ``cuda``.
        checkpoints: path that the checkpoint files' names begin with.
        interval: seconds between two checkpoints.
        total: network updates of the whole run.
        interrupt: whether the run is asked to stop.
        bar: shows network updates done, their rate and the time left.
        wall_seconds: time spent on the parts that are done.
        done: network updates done.
    """

    dataset: Dataset
    device: str
    checkpoints: Path
    interval: float
    total: int
    interrupt: Interrupt
    bar: tqdm
    wall_seconds: float = 0.0
    done: int = 0

    def checkpoint(self, shard: str) -> Checkpoint:
        """Return the checkpoint of one shard of the run."""
        return Checkpoint(f"{self.checkpoints}-{shard}.checkpoint")

    def resume(self, shard: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """Return the last saved state of a shard; a damaged one is named and left aside."""
        try:
            return self.checkpoint(shard).load()
        except DamagedFileError as error:
            print(f"{error}; this part starts anew", file=sys.stderr)
            return None

    def advance(self, updates: int) -> None:
        """Count so many network updates as done now."""
        self.done += updates
        self.bar.update(updates)

    def skip(self, updates: int) -> None:
        """Count so many network updates as done in an earlier run; they tell nothing of speed."""
        self.done += updates
        for counter in ("n", "initial", "last_print_n"):
            setattr(self.bar, counter, getattr(self.bar, counter, 0) + updates)

    def stop(self, shard: str) -> None:
        """Raise :class:`InterruptedRun`; call it only after saving."""
        raise InterruptedRun(self.done, self.total, self.checkpoint(shard).path)

    def clear(self) -> None:
        """Remove the checkpoints of this run."""
        for path in self.checkpoints.parent.glob(f"{self.checkpoints.name}-*.checkpoint"):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Experiment(Generic[C]):
    """A claim, the scales at which it can be tried, and the function that tries it.

    Args:
        name: as in ``glorot reproduce NAME``.
        claim: the sentence that is tried.
        scales: configuration by scale; ``smoke`` takes seconds and needs no download.
        load: returns the data set of a configuration.
        work: returns the number of network updates of a configuration, for the progress bar.
        deviations: returns where a configuration departs from the paper.
        run: returns (results, arrays).
    """

    name: str
    claim: str
    scales: Mapping[str, C]
    load: Callable[[C], Dataset]
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

    Returns:
        The record that was written.

    Raises:
        ValueError: for an unknown scale, a wrong number of seeds, or a device that is not there.
        FileNotFoundError: if the data set is missing; the message is the command that gets it.
        InterruptedRun: on Ctrl-C, after the state was saved.
    """
    config = experiment.config(scale, seeds)
    with _held_interrupt() as interrupt:  # libraries that are loading do not survive one
        _check_device(device)
        dataset = experiment.load(config)
        stem = f"{experiment.name}-{scale}-{_fingerprint(config, dataset, device)}"
        checkpoints, total = Path(checkpoint_directory) / stem, experiment.work(config)
        with _progress(experiment.name, total) as bar, _one_thread(device):
            session = Session(dataset, device, checkpoints, interval, total, interrupt, bar)
            results, arrays = experiment.run(config, session)
    record = Record(
        experiment.name,
        scale,
        experiment.claim,
        config.to_dict(),
        {"name": dataset.name, "checksum": dataset.checksum},
        [*experiment.deviations(config), *filter(None, [dataset.note])],
        results,
        provenance(device, session.wall_seconds),
        arrays,
    )
    record.save(directory)
    session.clear()
    return record


def _check_device(device: str) -> None:
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu or cuda, got {device!r}")
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be one that is there, got 'cuda' and torch finds none")


def _fingerprint(config: Config, dataset: Dataset, device: str) -> str:
    """Sixteen characters that differ for runs that may not resume from one another's state."""
    import torch

    parts = [config.to_dict(), dataset.checksum, device, torch.__version__]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


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
