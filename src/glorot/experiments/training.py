"""Training a group of networks in lockstep, logged at set updates and resumable between any two."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from glorot.datasets import Split
from glorot.experiments.frame import Session

if TYPE_CHECKING:
    import torch

    from glorot.ensemble import Ensemble, EnsembleConfig

__all__ = ["BatchOrder", "Shard", "Trained", "error_rate", "first", "log_spaced", "train"]


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
        self._epoch, self._orders = -1, np.empty((0, 0), dtype=np.int64)

    def indices(self, update: int) -> np.ndarray:
        """Return the examples of an update, (R, batch) integers."""
        epoch, place = divmod(update, self._examples // self._batch)
        if epoch != self._epoch:
            drawn = [np.random.default_rng((int(s), epoch)) for s in self._seeds]
            self._orders = np.stack([rng.permutation(self._examples) for rng in drawn])
            self._epoch = epoch
        start = place * self._batch
        return self._orders[self._of_network, start : start + self._batch]


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


@dataclass(frozen=True)
class Trained:
    """A shard after its last update.

    Args:
        series: what was measured, arrays (times, R, …) by name.
        ensemble: the networks.
    """

    series: dict[str, np.ndarray]
    ensemble: Ensemble


Measure = Callable[["Ensemble"], Mapping[str, Any]]
Intervene = Callable[["Ensemble"], None]


def train(
    shard: Shard,
    split: Split,
    measure: Measure,
    session: Session,
    before: Intervene | None = None,
) -> Trained:
    """Train a shard, or the rest of it.

    Args:
        shard: the networks.
        split: training examples.
        measure: returns arrays whose first axis is the network, by name.
        session: the run that this shard belongs to.
        before: changes the networks before the first update.

    Returns:
        The networks, and what was measured; ``train_loss`` (times, R), too: the mean loss of the
        batches since the time before, at update 0 the loss of the first batch.

    Raises:
        InterruptedRun: when the session was asked to stop, after saving.
    """
    run = _Run(shard, split, session)
    if not run.resume() and before is not None:
        before(run.ensemble)
    while True:
        if run.due():
            run.log(measure)
        if run.update == shard.updates:
            break
        run.step()
        run.keep()
    run.save()
    session.wall_seconds += run.seconds()
    return Trained(run.series(), run.ensemble)


def error_rate(ensemble: Ensemble, split: Split) -> np.ndarray:
    """Return every network's error on a split, (R,) fractions."""
    count = len(split.labels)
    share = _to_numpy(ensemble.error_rate(split.images, split.labels)).astype(np.float64)
    return np.rint(share * count) / count  # 0.1 and not the float32 next to it


def first(split: Split, count: int) -> Split:
    """Return the first examples of a split."""
    return Split(split.images[:count], split.labels[:count])


class _Run:
    """A shard under way: its networks, what was logged so far, and when it was last saved."""

    def __init__(self, shard: Shard, split: Split, session: Session):
        import torch

        from glorot.ensemble import Ensemble

        self.shard, self.session = shard, session
        self.ensemble = Ensemble(shard.networks, shard.sizes, device=session.device)
        self._order = BatchOrder([n.seed for n in shard.networks], len(split.labels), shard.batch)
        self._images = torch.as_tensor(split.images, device=session.device)
        self._labels = torch.as_tensor(split.labels, device=session.device)
        self._loss_sum = torch.zeros(len(shard.networks), device=session.device)
        self._logged: list[dict[str, np.ndarray]] = []
        self.update, self._since, self._seconds = 0, 0, 0.0
        self._started = self._saved = time.monotonic()

    def due(self) -> bool:
        done = len(self._logged)
        return done < len(self.shard.log_at) and self.update == self.shard.log_at[done]

    def log(self, measure: Measure) -> None:
        if self._since:
            loss = self._loss_sum / self._since
        else:
            loss = self.ensemble.loss(*self._batch())
        seen = {"train_loss": loss, **measure(self.ensemble)}
        self._logged.append({name: _to_numpy(value) for name, value in seen.items()})
        self._loss_sum.zero_()
        self._since = 0

    def step(self) -> None:
        self._loss_sum += self.ensemble.step(*self._batch())
        self.update += 1
        self._since += 1
        self.session.advance(len(self.shard.networks))

    def keep(self) -> None:
        if self.session.interrupt.requested:
            self.save()
            self.session.stop(self.shard.name)
        if time.monotonic() - self._saved >= self.session.interval:
            self.save()

    def seconds(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def series(self) -> dict[str, np.ndarray]:
        return {n: np.stack([seen[n] for seen in self._logged]) for n in self._logged[0]}

    def save(self) -> None:
        arrays = {f"network/{n}": np.asarray(a) for n, a in self.ensemble.state_dict().items()}
        if self._logged:
            arrays |= {f"logged/{name}": array for name, array in self.series().items()}
        arrays["loss_sum"] = _to_numpy(self._loss_sum)
        values = {"update": self.update, "since": self._since, "seconds": self.seconds()}
        self.session.checkpoint(self.shard.name).save(values, arrays)
        self._saved = time.monotonic()

    def resume(self) -> bool:
        """Go on from the shard's checkpoint; say whether there was one."""
        found = self.session.resume(self.shard.name)
        if found is None:
            return False
        import torch

        values, arrays = found
        self.update, self._since = values["update"], values["since"]
        self._seconds = values["seconds"]
        self.ensemble.load_state_dict(_under("network/", arrays))
        self._loss_sum.copy_(torch.as_tensor(arrays["loss_sum"]))
        logged = _under("logged/", arrays)
        times = len(next(iter(logged.values()), ()))
        self._logged = [{name: array[t] for name, array in logged.items()} for t in range(times)]
        self.session.skip(self.update * len(self.shard.networks))
        return True

    def _batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        chosen = torch.as_tensor(self._order.indices(self.update), device=self.session.device)
        return self._images[chosen], self._labels[chosen]


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _to_numpy(value: Any) -> np.ndarray:
    """A copy that later updates leave alone."""
    return np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
