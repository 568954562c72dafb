"""A support vector machine against a deep network, on the same Shapeset images (section 5 of the paper).

Each seed draws its own training images. A machine with a Gaussian kernel and a network of five
hidden layers learn from the same ones. What has to be set is set on validation images, with the
images of a seed that is not measured: the machine's C and γ on a part of them, the network's
learning rate on all. The network stops where its own validation error is lowest.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from glorot.datasets import Dataset, Split
from glorot.experiments.choice import Budget, Ladder, best_rate, choose_rates
from glorot.experiments.data import Source
from glorot.experiments.frame import Config, Experiment, InterruptedRun, Session
from glorot.experiments.statistics import LEVEL, verdict
from glorot.experiments.table1 import MODELS, Model
from glorot.experiments.training import Errors, Shard, Task, evenly_spaced, first, layer_sizes
from glorot.results import Checkpoint, DamagedFileError

__all__ = ["PAPER", "SVM", "Fit", "Sample", "SvmConfig", "fit", "verdicts"]

PAPER = {"svm": 59.47, "tanh_n": 50.47}
"""Test errors in percent of Glorot & Bengio (2010), section 5, with 100,000 training images."""


@dataclass(frozen=True)
class Sample(Source):
    """A fixed sample of Shapeset's training images, another one for every seed.

    Args:
        seed: of the training images; validation and test images are those of endless Shapeset.
    """

    seed: int = 0

    def load(self) -> Dataset:
        """Return the data set, drawn once per process."""
        return _load(self)


@functools.lru_cache(maxsize=2)
def _load(sample: Sample) -> Dataset:
    held_out = Source("shapeset").load()
    assert sample.examples is not None
    train = sample.draw(sample.examples, (sample.seed, 0, 1))  # a key that no stream has
    digest = hashlib.sha256(held_out.checksum.encode())
    digest.update(train.images.tobytes() + train.labels.tobytes())
    return dataclasses.replace(held_out, train=train, checksum=digest.hexdigest())


_COSTS = Ladder((0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0), (1.0, 10.0))
_GAMMAS = Ladder((0.0003, 0.001, 0.003, 0.01, 0.03, 0.1), (0.003, 0.03))
_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
_NET = Budget(40_000, _RATES, (0.003, 0.03))


@dataclass(frozen=True)
class SvmConfig(Config):
    """Configuration of the experiment.

    Args:
        examples: training images.
        held_out: validation and test images, each.
        choice_examples: training images that C and γ are chosen with.
        choice_held_out: validation images that they are chosen on.
        costs: values of C.
        gammas: values of γ in exp(−γ ‖x − x′‖²).
        net: learning rates of the network and its number of updates.
        every: updates between two measurements of the network.
        model: the network.
        hidden: widths of its hidden layers.
        batch: examples per update.
        choice_seed: seed of the images that choose; `seeds`, which are others, are measured.
        cache: memory for products of the machine's kernel, in MB.
    """

    least_seeds: ClassVar[int] = 2  # a paired test needs two

    examples: int = 20_000
    held_out: int = 10_000
    choice_examples: int = 4000
    choice_held_out: int = 3000
    costs: Ladder = _COSTS
    gammas: Ladder = _GAMMAS
    net: Budget = _NET
    every: int = 1000
    model: Model = MODELS[3]
    hidden: tuple[int, ...] = (256, 256, 256, 256, 256)
    batch: int = 10
    choice_seed: int = 100
    cache: int = 4000


@dataclass(frozen=True)
class Fit:
    """One fit of a support vector machine, as values that can be sent to a worker.

    Args:
        sample: the training images.
        examples: the first so many of them are learned from.
        cost: C.
        gamma: γ.
        split: what the error is measured on, ``valid`` or ``test``.
        held_out: how many images of it.
        cache: memory for products of the kernel, in MB. If all of them find room there, they are
            computed at once, which is many times faster than one by one where the solver asks.
    """

    sample: Sample
    examples: int
    cost: float
    gamma: float
    split: Literal["valid", "test"]
    held_out: int
    cache: int


def fit(job: Fit, path: Path) -> dict[str, float]:
    """Fit a machine, or read what an earlier run found, and keep what was found in a file.

    Args:
        job: what to fit.
        path: of the file.

    Returns:
        ``error``, a fraction; ``support_vectors``, a number; and ``seconds`` of computing.

    Raises:
        ImportError: if scikit-learn is not there; the message says how to get it.
    """
    checkpoint = Checkpoint(path)
    try:
        found = checkpoint.load()
    except DamagedFileError as error:
        print(f"{error}; this part starts anew", file=sys.stderr)
        found = None
    if found is None:
        checkpoint.save(_fit(job), {})
        found = checkpoint.load()
    assert found is not None
    return found[0]


def _fit(job: Fit) -> dict[str, float]:
    started, data = time.monotonic(), job.sample.load()
    train, held_out = first(data.train, job.examples), first(getattr(data, job.split), job.held_out)
    error, vectors = _learn(job, train, held_out)
    return {"error": error, "support_vectors": vectors, "seconds": time.monotonic() - started}


def _learn(job: Fit, train: Split, held_out: Split) -> tuple[float, int]:
    """The share of the held-out images that a machine gets wrong, and how many vectors it rests on."""
    try:
        from sklearn.metrics.pairwise import rbf_kernel
        from sklearn.svm import SVC
    except ImportError:
        raise ImportError(
            "the experiment svm needs scikit-learn: pip install 'glorot[svm]'"
        ) from None
    images = train.images.astype(np.float64)
    whole = len(images) ** 2 * images.itemsize <= job.cache * 1e6
    kernel = "precomputed" if whole else "rbf"
    machine = SVC(C=job.cost, kernel=kernel, gamma=job.gamma, cache_size=job.cache)
    machine.fit(rbf_kernel(images, gamma=job.gamma) if whole else images, train.labels)
    wrong = 0
    for start in range(0, len(held_out.images), 1000):
        part = slice(start, start + 1000)
        asked = held_out.images[part].astype(np.float64)
        products = rbf_kernel(asked, images, gamma=job.gamma) if whole else asked
        wrong += int((machine.predict(products) != held_out.labels[part]).sum())
    return wrong / len(held_out.images), int(machine.n_support_.sum())


class _Fits:
    """Fits machines here or elsewhere, and can be interrupted between two of them."""

    def __init__(self, session: Session):
        from sklearn import __version__

        self._session, self._version = session, __version__
        self._paths: list[Path] = []

    def run(self, jobs: Sequence[Fit]) -> list[dict[str, float]]:
        """Return what each fit found, in the order given.

        Raises:
            InterruptedRun: when the run was asked to stop; fits that are done are kept.
        """
        paths = [self._path(job) for job in jobs]
        self._paths += paths
        executor = self._session.executor
        found = (
            self._here(jobs, paths) if executor is None else self._elsewhere(jobs, paths, executor)
        )
        self._session.wall_seconds += sum(one["seconds"] for one in found)
        return found

    def forget(self) -> None:
        """Remove the files of all fits."""
        for path in self._paths:
            Checkpoint(path).remove()

    def _path(self, job: Fit) -> Path:
        told = f"{job!r}\n{job.sample.load().checksum}\n{self._version}"
        digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        return Path(f"{self._session.worker.prefix}-fit-{digest}.checkpoint")

    def _here(self, jobs: Sequence[Fit], paths: Sequence[Path]) -> list[dict[str, float]]:
        found = []
        for job, path in zip(jobs, paths, strict=True):
            self._stop_if_asked()
            found.append(fit(job, path))
            self._session.advance(job.examples)
        return found

    def _elsewhere(
        self, jobs: Sequence[Fit], paths: Sequence[Path], executor: Executor
    ) -> list[dict[str, float]]:
        pairs = zip(jobs, paths, strict=True)
        futures: dict[Future[dict[str, float]], Fit] = {
            executor.submit(fit, job, path): job for job, path in pairs
        }
        left = set(futures)
        try:
            while left:
                finished, left = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    self._session.advance(futures[future].examples)
                self._stop_if_asked()
        except BaseException:
            for future in left:
                future.cancel()
            wait(left)
            raise
        return [future.result() for future in futures]

    def _stop_if_asked(self) -> None:
        session = self._session
        if session.interrupt.requested:
            raise InterruptedRun(session.done, session.total, session.worker.prefix.parent)


def _run(config: SvmConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    fits = _Fits(session)
    machine_choice, machines = _machines(config, fits, session)
    net_choice, nets, arrays = _nets(config, session)
    runs, name = [*machines, *nets], config.model.name
    fits.forget()
    results = {
        "choice": {"svm": machine_choice, name: net_choice},
        "runs": runs,
        "verdicts": verdicts(runs, name),
    }
    return results, arrays


Rows = list[dict[str, Any]]


def _machines(config: SvmConfig, fits: _Fits, session: Session) -> tuple[Rows, Rows]:
    """What the machine's choice found, and one row per seed."""
    grid = _choose_machine(config, fits, session)
    cost, gamma = _best(grid)
    choice = [
        {"cost": c, "gamma": g, "valid_error": error, "chosen": (c, g) == (cost, gamma)}
        for (c, g), error in sorted(grid.items())
    ]
    samples = [_sample(config, seed) for seed in config.seeds]
    jobs = [
        Fit(sample, config.examples, cost, gamma, "test", config.held_out, config.cache)
        for sample in samples
    ]
    found = zip(config.seeds, jobs, fits.run(jobs), strict=True)
    return choice, [_machine_row(seed, job, one) for seed, job, one in found]


def _nets(config: SvmConfig, session: Session) -> tuple[Rows, Rows, dict[str, np.ndarray]]:
    """What the network's choice found, one row per seed, and the errors over the updates."""
    (grid,) = choose_rates([config.net], lambda r: _choose_net(config, r, session), session.expect)
    rate = best_rate(grid)
    choice = [
        {"learning_rate": tried, "valid_error": grid[tried], "chosen": tried == rate}
        for tried in sorted(grid)
    ]
    tasks = [_task(config, "measured", seed, [rate]) for seed in config.seeds]
    found = [trained.series for trained in session.run(tasks)]
    pairs = zip(config.seeds, found, strict=True)
    rows = [_net_row(config, seed, rate, series) for seed, series in pairs]
    arrays = {name: np.concatenate([series[name] for series in found], axis=1) for name in found[0]}
    return choice, rows, {**arrays, "updates": np.array(_logged(config))}


def _sample(config: SvmConfig, seed: int) -> Sample:
    return Sample("shapeset", config.examples, seed=seed)


Grid = dict[tuple[float, float], float]  # (C, γ) -> validation error


def _choose_machine(config: SvmConfig, fits: _Fits, session: Session) -> Grid:
    """Try all pairs of C and γ and, while the best stands at an edge, those beyond it."""
    sample, grid = _sample(config, config.choice_seed), Grid()
    costs, gammas = config.costs.grid(), config.gammas.grid()
    while True:
        pairs = [(c, g) for c in costs for g in gammas if (c, g) not in grid]
        if not pairs:
            return grid
        if grid:
            session.expect(len(pairs) * config.choice_examples)
        jobs = [
            Fit(sample, config.choice_examples, c, g, "valid", config.choice_held_out, config.cache)
            for c, g in pairs
        ]
        grid |= dict(zip(pairs, (found["error"] for found in fits.run(jobs)), strict=True))
        cost, gamma = _best(grid)
        costs, gammas = config.costs.grown(costs, cost), config.gammas.grown(gammas, gamma)


def _best(grid: Grid) -> tuple[float, float]:
    """The pair of lowest error; of equals the smaller C, then the smaller γ."""
    return min(sorted(grid), key=lambda pair: grid[pair])


def _choose_net(config: SvmConfig, rates: list[list[float]], session: Session) -> list[list[float]]:
    (own,) = rates
    (trained,) = session.run([_task(config, "choice", config.choice_seed, own)])
    return [trained.series["valid_error"].min(axis=0).tolist()]


def _logged(config: SvmConfig) -> tuple[int, ...]:
    return evenly_spaced(config.net.updates, config.every)


def _task(config: SvmConfig, stage: str, seed: int, rates: Sequence[float]) -> Task:
    from glorot.ensemble import EnsembleConfig

    source, model = _sample(config, seed), config.model
    sizes = layer_sizes(source.load().train, config.hidden)
    networks = tuple(EnsembleConfig(model.scheme, model.activation, r, seed) for r in rates)
    name, updates = f"{stage}-{seed}", config.net.updates
    shard = Shard(name, networks, sizes, config.batch, updates, _logged(config))
    splits = ("valid",) if stage == "choice" else ("valid", "test")
    return Task(shard, source, Errors(splits, config.held_out))


def _machine_row(seed: int, job: Fit, found: dict[str, float]) -> dict[str, Any]:
    return {
        "model": "svm",
        "seed": seed,
        "examples": job.examples,
        "cost": job.cost,
        "gamma": job.gamma,
        "test_error": found["error"],
        "support_vectors": found["support_vectors"],
    }


def _net_row(
    config: SvmConfig, seed: int, rate: float, series: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Errors where the validation error is lowest."""
    stop = int(series["valid_error"][:, 0].argmin())
    return {
        "model": config.model.name,
        "seed": seed,
        "examples": config.examples,
        "learning_rate": rate,
        "valid_error": float(series["valid_error"][stop, 0]),
        "test_error": float(series["test_error"][stop, 0]),
        "stop_update": _logged(config)[stop],
    }


def verdicts(runs: Sequence[dict[str, Any]], model: str = "tanh_n") -> list[dict[str, Any]]:
    """Try the claim on the runs of a record: rows of ``svm`` and of the network, seed by seed."""
    net, svm = ([r["test_error"] for r in runs if r["model"] == name] for name in (model, "svm"))
    text = "The deep network errs less than the support vector machine."
    names = {"name": "net_before_svm", "text": text, "measure": "test_error"}
    return [{**names, "ours": model, "other": "svm", **verdict(net, svm).to_dict()}]


def _deviations(config: SvmConfig) -> list[str]:
    costs, gammas, rates = config.costs.first, config.gammas.first, config.net.first
    return [
        f"{config.examples:,} training images, {len(config.seeds)} samples of them; the paper: "
        "100,000, once",
        f"{len(config.hidden)} hidden layers of {config.hidden[0]} units, {config.net.updates:,} "
        f"updates of {config.batch} examples at most; the paper: 1000 units",
        f"C (from {costs[0]:g} to {costs[1]:g}) and gamma (from {gammas[0]:g} to {gammas[1]:g}) "
        f"chosen with {config.choice_examples:,} images on {config.choice_held_out:,} others, the "
        f"learning rate (from {rates[0]:g} to {rates[1]:g}) with {config.examples:,}, all growing "
        "where the best is the lowest or highest; the paper states neither grid nor values",
        f"verdict at p = {LEVEL}",
    ]


def _work(config: SvmConfig) -> int:
    """Network updates, and an update for every example of a fit, if no grid grows."""
    choice = len(config.costs.grid()) * len(config.gammas.grid()) * config.choice_examples
    networks = len(config.net.grid()) + len(config.seeds)
    return choice + len(config.seeds) * config.examples + networks * config.net.updates


SVM = Experiment(
    name="svm",
    claim=(
        "On the same Shapeset images a network of five hidden tanh layers under the normalized "
        "scheme errs less than a support vector machine with a Gaussian kernel."
    ),
    scales={
        "smoke": SvmConfig(
            data="shapeset",
            seeds=(0, 1, 2),
            examples=200,
            held_out=300,
            choice_examples=100,
            choice_held_out=100,
            costs=Ladder((1.0, 10.0, 100.0), (1.0, 10.0)),
            gammas=Ladder((0.003, 0.01), (0.003, 0.01)),
            net=Budget(40, (0.03, 0.1, 0.3), (0.03, 0.1)),
            every=20,
            hidden=(16, 16, 16),
        ),
        "laptop": SvmConfig(data="shapeset", seeds=(0, 1, 2, 3, 4)),
        "paper": SvmConfig(
            data="shapeset",
            seeds=(0, 1, 2, 3, 4),
            examples=100_000,
            choice_examples=20_000,
            net=Budget(2_000_000, _RATES, (0.003, 0.03)),
            every=10_000,
            hidden=(1000, 1000, 1000, 1000, 1000),
        ),
    },
    sources=lambda config: (Source("shapeset"),),  # the validation and test images
    work=_work,
    deviations=_deviations,
    run=_run,
)
"""The comparison with a kernel machine in the paper's section 5."""
