"""Training a group of networks in lockstep, logged at set updates and resumable between any two.

A :class:`Task` is all that a worker needs to train one group: plain values, so that it can be sent
to another process or machine and is run there exactly as here.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from glorot.datasets import Dataset, Split
from glorot.experiments.data import Source
from glorot.results import Checkpoint, DamagedFileError

if TYPE_CHECKING:
    import torch

    from glorot.ensemble import Ensemble, EnsembleConfig

__all__ = [
    "BatchOrder",
    "Errors",
    "Nothing",
    "Shard",
    "Stepper",
    "Stopped",
    "Task",
    "Trained",
    "Watch",
    "Worker",
    "error_rate",
    "evenly_spaced",
    "first",
    "lasting_from",
    "layer_sizes",
    "log_spaced",
    "run_task",
]


def evenly_spaced(updates: int, every: int) -> tuple[int, ...]:
    """Return the updates to log at: from 0 on so far apart, and the last.

    >>> evenly_spaced(50, every=20)
    (0, 20, 40, 50)
    """
    return (*range(0, updates, every), updates)


def layer_sizes(split: Split, hidden: Sequence[int]) -> tuple[int, ...]:
    """Return the widths (n_0, …, n_L) of a network for these images and labels.

    Args:
        split: images (n, n_0), labels 0 … n_L − 1.
        hidden: widths of the hidden layers.
    """
    return (split.images.shape[1], *hidden, int(split.labels.max()) + 1)


def lasting_from(updates: np.ndarray, holds: np.ndarray) -> int | None:
    """Return the first logged update from which on something holds to the end, or None.

    Args:
        updates: (T,) increasing.
        holds: (T,) whether it does.

    >>> lasting_from(np.array([0, 10, 20]), np.array([True, False, True]))
    20
    """
    failing = np.flatnonzero(~np.asarray(holds))
    place = 0 if failing.size == 0 else int(failing[-1]) + 1
    return int(updates[place]) if place < len(updates) else None


@dataclass(frozen=True)
class Shard:
    """A fixed group of networks that are trained together, always on one thread.

    Args:
        name: unique within the run; names the shard's checkpoint.
        networks: one configuration per network, R of them.
        sizes: widths (n_0, …, n_L), the same for all.
        batch: examples per update.
        updates: number of updates of each network.
        log_at: updates at which the networks are measured, increasing, from 0 on.
    """

    name: str
    networks: tuple[EnsembleConfig, ...]
    sizes: tuple[int, ...]
    batch: int
    updates: int
    log_at: tuple[int, ...]

    def build(self, device: str) -> Ensemble:
        """Return the networks as they are before the first update."""
        from glorot.ensemble import Ensemble

        return Ensemble(self.networks, self.sizes, device=device)


class BatchOrder:
    """The order of the examples, which depends on the seed alone.

    Each epoch is one permutation, drawn by NumPy from (seed, epoch): networks of equal seed see the
    same batches whatever their scheme, rate or shape, and any update's batch is found without the
    ones before it. What a last, incomplete batch would hold is left out.

    Args:
        seeds: seed of each of R networks.
        examples: number of training examples.
        batch: examples per update.

    >>> order = BatchOrder([0, 1, 0], examples=100, batch=10)
    >>> order.indices(7).shape
    (3, 10)
    >>> bool((order.indices(7)[0] == order.indices(7)[2]).all())
    True
    """

    def __init__(self, seeds: Sequence[int], examples: int, batch: int):
        if not 1 <= batch <= examples:
            raise ValueError(f"batch must lie between 1 and {examples} examples, got {batch!r}")
        self._seeds, self._of_network = np.unique(np.asarray(seeds), return_inverse=True)
        self._examples, self._batch = examples, batch
        self._epoch, self._orders = -1, np.empty((0, 0, 0), dtype=np.int64)

    def indices(self, update: int) -> np.ndarray:
        """Return the examples of an update, (R, batch) integers."""
        epoch, place = divmod(update, self.per_epoch)
        return self.of_epoch(epoch)[:, place]

    @property
    def per_epoch(self) -> int:
        """Updates in an epoch."""
        return self._examples // self._batch

    def of_epoch(self, epoch: int) -> np.ndarray:
        """Return the examples of an epoch's updates, (R, updates, batch) integers."""
        if epoch != self._epoch:
            drawn = [np.random.default_rng((int(s), epoch)) for s in self._seeds]
            orders = np.stack([rng.permutation(self._examples) for rng in drawn])
            whole = orders[self._of_network, : self.per_epoch * self._batch]
            self._orders = whole.reshape(len(whole), self.per_epoch, self._batch)
            self._epoch = epoch
        return self._orders


def log_spaced(updates: int, per_decade: int, until: int, spacing: Mapping[int, int]) -> list[int]:
    """Return the updates to log at: dense at first, then evenly spaced.

    Args:
        updates: the last update, always logged.
        per_decade: how many a decade, from 1 to `until`.
        until: where even spacing begins.
        spacing: from which update on -> how far apart.

    >>> log_spaced(60, per_decade=4, until=10, spacing={10: 10, 30: 20})
    [0, 1, 2, 3, 6, 10, 20, 30, 50, 60]
    """
    count = int(per_decade * np.log10(until)) + 1
    times = {0, updates, *np.unique(np.geomspace(1, until, count).round().astype(int)).tolist()}
    bounds = [*sorted(spacing), updates]
    for start, stop in pairwise(bounds):
        times.update(range(start, stop + 1, spacing[start]))
    return sorted(int(t) for t in times if t <= updates)


Measure = Callable[["Ensemble", Dataset], Mapping[str, Any]]
Intervene = Callable[["Ensemble", Dataset], None]


class Stepper(Protocol):
    """What updates an ensemble's weights: the ensemble itself, or a rule with a state."""

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Do one update of all networks and return the losses before it, (R,)."""

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of all that the next step depends on, weights included."""

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state_dict` returned."""


@dataclass(frozen=True)
class Task:
    """A shard with its data and what is done to it, as values that can be sent to a worker.

    Every part must have a ``repr`` that tells it from others: a task's checkpoint bears its hash.

    Args:
        shard: the networks.
        source: the data that they are trained on.
        measure: returns, for (ensemble, data set), arrays whose first axis is the network.
        before: changes the networks before the first update.
        finish: measures the networks after the last update.
        stepper: returns what updates the networks; by default plain SGD.
    """

    shard: Shard
    source: Source
    measure: Measure
    before: Intervene | None = None
    finish: Measure | None = None
    stepper: Callable[[Ensemble], Stepper] | None = None

    @property
    def work(self) -> int:
        """Network updates."""
        return self.shard.updates * len(self.shard.networks)


@dataclass(frozen=True)
class Trained:
    """What a task found.

    Args:
        series: what was measured, arrays (times, R, …) by name; among them ``train_loss`` (times,
            R): the mean loss of the batches since the time before, at update 0 the loss of the
            first batch.
        final: what was measured after the last update, arrays (R, …) by name.
        seconds: of computing, earlier runs included.
        resumed_at: update at which this run went on.
    """

    series: dict[str, np.ndarray]
    final: dict[str, np.ndarray]
    seconds: float
    resumed_at: int = 0


class Stopped(Exception):
    """A task that was asked to stop and has saved its state in the file that this names."""


@dataclass(frozen=True)
class Worker:
    """Where and how tasks are run.

    Args:
        device: ``cpu`` or ``cuda``.
        prefix: path that the checkpoint files' names begin with.
        interval: seconds between two checkpoints.
    """

    device: str
    prefix: Path
    interval: float

    @property
    def stop_file(self) -> Path:
        """While it is there, workers in other processes save their state and stop."""
        return self.prefix.with_name(f"{self.prefix.name}.stop")

    def checkpoint(self, task: Task) -> Checkpoint:
        """Return the checkpoint of a task, which no other task on another device or data has.

        Raises:
            ValueError: if a part of the task is told by its place in memory alone.
        """
        import torch

        told = repr(task)
        if " at 0x" in told:
            raise ValueError(f"task must have a repr that lasts, such as a dataclass's, got {told}")
        parts = [told, task.source.load().checksum, self.device, torch.__version__]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return Checkpoint(f"{self.prefix}-{task.shard.name}-{digest}.checkpoint")


class Watch:
    """What a task under way tells and asks: updates done, and whether to stop.

    Args:
        requested: whether to stop.
        advance: told of network updates done.
        skip: told of network updates that an earlier run did.
    """

    def __init__(
        self,
        requested: Callable[[], bool],
        advance: Callable[[int], None] = lambda updates: None,
        skip: Callable[[int], None] = lambda updates: None,
    ):
        self.requested, self.advance, self.skip = requested, advance, skip

    @classmethod
    def of_file(cls, path: Path, every: float = 0.2) -> Watch:
        """Return a watch that stops once a file is there; it is looked for so many seconds apart."""
        looked = [time.monotonic() - every]

        def requested() -> bool:
            if time.monotonic() - looked[0] < every:
                return False
            looked[0] = time.monotonic()
            return path.exists()

        return cls(requested)


def run_task(task: Task, worker: Worker, watch: Watch | None = None) -> Trained:
    """Run a task, or the rest of it, on one thread.

    Raises:
        Stopped: when it was asked to stop, after saving.
    """
    import torch

    if worker.device == "cpu":
        torch.set_num_threads(1)
    run = _Run(task, worker, watch or Watch.of_file(worker.stop_file))
    if not run.resume() and task.before is not None:
        task.before(run.ensemble, run.dataset)
    while True:
        if run.due():
            run.log()
        if run.update == task.shard.updates:
            break
        run.step()
        run.keep()
    return run.trained()


@dataclass(frozen=True)
class Errors:
    """Measures the error on splits of a data set, a fraction, as ``valid_error``, ….

    Args:
        splits: names of the splits.
        examples: the first so many examples of each; None takes all.
    """

    splits: tuple[str, ...]
    examples: int | None = None

    def __call__(self, ensemble: Ensemble, dataset: Dataset) -> dict[str, np.ndarray]:
        splits = {name: getattr(dataset, name) for name in self.splits}
        return {
            f"{name}_error": error_rate(
                ensemble, split if self.examples is None else first(split, self.examples)
            )
            for name, split in splits.items()
        }


@dataclass(frozen=True)
class Nothing:
    """Measures nothing: the loss is kept anyway."""

    def __call__(self, ensemble: Ensemble, dataset: Dataset) -> dict[str, np.ndarray]:
        return {}


def error_rate(ensemble: Ensemble, split: Split) -> np.ndarray:
    """Return every network's error on a split, (R,) fractions."""
    count = len(split.labels)
    share = _to_numpy(ensemble.error_rate(split.images, split.labels)).astype(np.float64)
    return np.rint(share * count) / count  # 0.1 and not the float32 next to it


def first(split: Split, count: int) -> Split:
    """Return the first examples of a split."""
    return Split(split.images[:count], split.labels[:count])


class _Batches:
    """The batches of fixed examples, each epoch in a new order."""

    def __init__(self, shard: Shard, split: Split, device: str):
        import torch

        seeds = [network.seed for network in shard.networks]
        self._order = BatchOrder(seeds, len(split.labels), shard.batch)
        self._images = torch.as_tensor(split.images, device=device)
        self._labels = torch.as_tensor(split.labels, device=device)
        self._epoch = -1

    def batch(self, update: int) -> tuple[torch.Tensor, torch.Tensor]:
        epoch, place = divmod(update, self._order.per_epoch)
        if epoch != self._epoch:
            self._begin(epoch)
        chosen = self._chosen[:, place]
        return self._images[chosen], self._labels[chosen]

    def _begin(self, epoch: int) -> None:
        """Put an epoch's order where the images are: no update then waits for the host."""
        import torch

        order = self._order.of_epoch(epoch)
        self._chosen, self._epoch = torch.as_tensor(order, device=self._images.device), epoch


class _Stream:
    """The batches of a source without end: every image is new, and depends on seed and place."""

    _UPDATES = 200  # that are drawn at once

    def __init__(self, shard: Shard, source: Source, device: str):
        seeds = [network.seed for network in shard.networks]
        self._seeds, self._of_network = np.unique(np.asarray(seeds), return_inverse=True)
        self._batch, self._source, self._device = shard.batch, source, device
        self._chunk = -1

    def batch(self, update: int) -> tuple[torch.Tensor, torch.Tensor]:
        chunk, place = divmod(update, self._UPDATES)
        if chunk != self._chunk:
            self._draw(chunk)
        return self._images[:, place], self._labels[:, place]

    def _draw(self, chunk: int) -> None:
        import torch

        count = self._UPDATES * self._batch
        drawn = [self._source.draw(count, (int(seed), chunk)) for seed in self._seeds]
        shape = (len(drawn), self._UPDATES, self._batch)
        images = np.stack([one.images for one in drawn]).reshape(*shape, -1)
        labels = np.stack([one.labels for one in drawn]).reshape(shape)
        self._images = torch.as_tensor(images[self._of_network], device=self._device)
        self._labels = torch.as_tensor(labels[self._of_network], device=self._device)
        self._chunk = chunk


class _Run:
    """A task under way: its networks, what was logged so far, and when it was last saved."""

    def __init__(self, task: Task, worker: Worker, watch: Watch):
        import torch

        self.task, self.shard, self.worker, self.watch = task, task.shard, worker, watch
        self.dataset, device = task.source.load(), worker.device
        self.ensemble = self.shard.build(device)
        self.stepper = self.ensemble if task.stepper is None else task.stepper(self.ensemble)
        if task.source.endless:
            self._batches: _Batches | _Stream = _Stream(self.shard, task.source, device)
        else:
            self._batches = _Batches(self.shard, self.dataset.train, device)
        self._loss_sum = torch.zeros(len(self.shard.networks), device=device)
        self._logged: list[dict[str, np.ndarray]] = []
        self.update, self._since, self._seconds, self._resumed_at = 0, 0, 0.0, 0
        self._started = self._saved = time.monotonic()

    def due(self) -> bool:
        done = len(self._logged)
        return done < len(self.shard.log_at) and self.update == self.shard.log_at[done]

    def log(self) -> None:
        if self._since:
            loss = self._loss_sum / self._since
        else:
            loss = self.ensemble.loss(*self._batches.batch(self.update))
        seen = {"train_loss": loss, **self.task.measure(self.ensemble, self.dataset)}
        self._logged.append({name: _to_numpy(value) for name, value in seen.items()})
        self._loss_sum.zero_()
        self._since = 0

    def step(self) -> None:
        self._loss_sum += self.stepper.step(*self._batches.batch(self.update))
        self.update += 1
        self._since += 1
        self.watch.advance(len(self.shard.networks))

    def keep(self) -> None:
        if self.watch.requested():
            raise Stopped(str(self.save()))
        if time.monotonic() - self._saved >= self.worker.interval:
            self.save()

    def trained(self) -> Trained:
        """Save the state after the last update and return what was found."""
        self.save()
        series, final = self._series(), {}
        if self.task.finish is not None:
            found = self.task.finish(self.ensemble, self.dataset)
            final = {name: _to_numpy(value) for name, value in found.items()}
        return Trained(series, final, self._elapsed(), self._resumed_at)

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def _series(self) -> dict[str, np.ndarray]:
        return {n: np.stack([seen[n] for seen in self._logged]) for n in self._logged[0]}

    def save(self) -> Path:
        arrays = {f"network/{n}": np.asarray(a) for n, a in self.stepper.state_dict().items()}
        if self._logged:
            arrays |= {f"logged/{name}": array for name, array in self._series().items()}
        arrays["loss_sum"] = _to_numpy(self._loss_sum)
        values = {"update": self.update, "since": self._since, "seconds": self._elapsed()}
        checkpoint = self.worker.checkpoint(self.task)
        checkpoint.save(values, arrays)
        self._saved = time.monotonic()
        return checkpoint.path

    def resume(self) -> bool:
        """Go on from the task's checkpoint; say whether there was one."""
        try:
            found = self.worker.checkpoint(self.task).load()
        except DamagedFileError as error:
            print(f"{error}; this part starts anew", file=sys.stderr)
            return False
        if found is None:
            return False
        import torch

        values, arrays = found
        self.update = self._resumed_at = values["update"]
        self._since, self._seconds = values["since"], values["seconds"]
        self.stepper.load_state_dict(_under("network/", arrays))
        self._loss_sum.copy_(torch.as_tensor(arrays["loss_sum"]))
        logged = _under("logged/", arrays)
        times = len(next(iter(logged.values()), ()))
        self._logged = [{name: array[t] for name, array in logged.items()} for t in range(times)]
        self.watch.skip(self.update * len(self.shard.networks))
        return True


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _to_numpy(value: Any) -> np.ndarray:
    """A copy that later updates leave alone."""
    return np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
