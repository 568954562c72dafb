"""Which networks train? A map of weight scale and learning rate, every point of it a network that was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glorot.datasets import Dataset
from glorot.experiments.data import Pooled
from glorot.experiments.frame import Config, Experiment, Session
from glorot.experiments.training import Errors, Nothing, Shard, Task, Trained, layer_sizes
from glorot.initializers import VarianceScaling

if TYPE_CHECKING:
    from glorot.ensemble import EnsembleConfig

__all__ = ["TRAINABILITY", "Grid", "TrainabilityConfig"]


@dataclass(frozen=True)
class Grid:
    """A part of the plane of weight scale and learning rate.

    Args:
        name: of its arrays.
        sigma_w: lowest and highest σ_w; columns are evenly spaced, ends included.
        log_rate: decimal logarithms of the lowest and highest learning rate, likewise by rows.
        columns: values of σ_w.
        rows: learning rates.
    """

    name: str
    sigma_w: tuple[float, float]
    log_rate: tuple[float, float]
    columns: int
    rows: int

    def sigmas(self) -> tuple[float, ...]:
        """Return the σ_w of every column, to six digits."""
        return tuple(round(float(s), 6) for s in np.linspace(*self.sigma_w, self.columns))

    def rates(self) -> tuple[float, ...]:
        """Return the learning rate of every row, to six significant digits."""
        return tuple(float(f"{r:.6g}") for r in 10 ** np.linspace(*self.log_rate, self.rows))


@dataclass(frozen=True)
class TrainabilityConfig(Config):
    """Configuration of the experiment.

    Args:
        grids: parts of the plane; every point is a network of `depth` hidden layers.
        depth: number of hidden layers.
        width: units of every hidden layer.
        activation: of the hidden layers.
        updates: number of updates of every network.
        log_at: updates at which the mean loss since the one before is kept, from 0 to `updates`.
        batch: examples per update.
        block: side in pixels of the blocks that images are averaged over.
        examples: number of training images to draw where the data set is endless.
        judged: validation images that the final error is taken on, the first so many.
        sweep_depths: numbers of hidden layers of the sweep over depth.
        sweep_sigma_w: lowest and highest σ_w of the sweep.
        sweep_columns: values of σ_w in the sweep.
        sweep_rates: learning rates of the sweep.
    """

    grids: tuple[Grid, ...] = ()
    depth: int = 12
    width: int = 32
    activation: str = "tanh"
    updates: int = 200
    log_at: tuple[int, ...] = (0, 5, 10, 20, 40, 60, 80, 120, 160, 200)
    batch: int = 10
    block: int = 4
    examples: int | None = None
    judged: int = 300
    sweep_depths: tuple[int, ...] = ()
    sweep_sigma_w: tuple[float, float] = (0.5, 3.0)
    sweep_columns: int = 48
    sweep_rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.log_at[0] != 0 or self.log_at[-1] != self.updates:
            raise ValueError(f"log_at must run from 0 to {self.updates}, got {self.log_at!r}")

    @property
    def source(self) -> Pooled:
        """The data set."""
        return Pooled(self.data, self.examples, block=self.block)

    @property
    def sweep(self) -> Grid:
        """The values of σ_w of the sweep over depth, as a grid of one row."""
        return Grid("depth", self.sweep_sigma_w, (0, 0), self.sweep_columns, 1)


def _task(
    config: TrainabilityConfig, name: str, networks: Sequence[EnsembleConfig], depth: int
) -> Task:
    source = config.source
    sizes = layer_sizes(source.load().train, (config.width,) * depth)
    shard = Shard(name, tuple(networks), sizes, config.batch, config.updates, config.log_at)
    return Task(shard, source, Nothing(), finish=Errors(("valid",), config.judged))


def _network(config: TrainabilityConfig, sigma_w: float, rate: float, seed: int) -> EnsembleConfig:
    from glorot.ensemble import EnsembleConfig

    weights = VarianceScaling(sigma_w**2, "fan_in", "normal")
    return EnsembleConfig(weights, config.activation, rate, seed)


def _run(config: TrainabilityConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    arrays: dict[str, np.ndarray] = {"updates": np.array(config.log_at)}
    chance = _chance(session.dataset)
    results: dict[str, Any] = {"chance_loss": chance, "grids": []}
    for grid in config.grids:
        shape = (len(config.seeds), grid.columns, grid.rows)
        found = _arrays(session.run(_grid_tasks(config, grid)), shape)
        arrays |= {f"{grid.name}/{name}": array for name, array in found.items()}
        arrays[f"{grid.name}/sigma_w"] = np.array(grid.sigmas())
        arrays[f"{grid.name}/learning_rate"] = np.array(grid.rates())
        results["grids"].append({"name": grid.name, **_summary(found, chance)})
    if config.sweep_depths:
        sweep = (len(config.sweep_depths), config.sweep_columns, len(config.sweep_rates))
        found = _arrays(session.run(_sweep_tasks(config)), (len(config.seeds), *sweep))
        arrays |= {f"depth/{name}": array for name, array in found.items()}
        arrays["depth/sigma_w"] = np.array(config.sweep.sigmas())
        results["depth"] = _summary(found, chance)
    return results, arrays


def _grid_tasks(config: TrainabilityConfig, grid: Grid) -> list[Task]:
    """One group of networks for each seed and column: all its learning rates."""
    return [
        _task(
            config,
            f"{grid.name}-{seed}-{column}",
            [_network(config, sigma_w, rate, seed) for rate in grid.rates()],
            config.depth,
        )
        for seed in config.seeds
        for column, sigma_w in enumerate(grid.sigmas())
    ]


def _sweep_tasks(config: TrainabilityConfig) -> list[Task]:
    """One group of networks for each seed and depth: every σ_w at every rate."""
    return [
        _task(
            config,
            f"depth-{seed}-{depth}",
            [
                _network(config, sigma_w, rate, seed)
                for sigma_w in config.sweep.sigmas()
                for rate in config.sweep_rates
            ],
            depth,
        )
        for seed in config.seeds
        for depth in config.sweep_depths
    ]


def _arrays(trained: Sequence[Trained], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Put the networks of all groups in the order of `shape`; the loss has the times in front.

    Half precision keeps three digits; a loss beyond its range, or none at all, is kept as infinite.
    """
    loss = np.concatenate([t.series["train_loss"] for t in trained], axis=1)
    loss = np.where(np.isnan(loss), np.inf, loss)
    with np.errstate(over="ignore"):
        half = loss.reshape(len(loss), *shape).astype(np.float16)
    error = np.concatenate([t.final["valid_error"] for t in trained]).reshape(shape)
    return {"train_loss": half, "valid_error": error.astype(np.float16)}


def _chance(dataset: Dataset) -> float:
    """The loss of a network that knows the share of every class and nothing else."""
    shares = np.bincount(dataset.train.labels) / len(dataset.train.labels)
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())


def _summary(found: dict[str, np.ndarray], chance: float) -> dict[str, Any]:
    """How many of the networks ended below a half and below nine tenths of the loss of chance."""
    last = found["train_loss"][-1].astype(np.float64)
    return {
        "networks": int(last.size),
        "below_half": int((last < chance / 2).sum()),
        "below_nine_tenths": int((last < 0.9 * chance).sum()),
        "lowest_loss": float(last.min()),
        "lowest_valid_error": float(found["valid_error"].min()),
    }


def _deviations(config: TrainabilityConfig) -> list[str]:
    return [
        "not an experiment of the 2010 paper: after Schoenholz et al. (2017), whose networks are wider and "
        "are trained for longer",
        f"{config.depth} hidden layers of {config.width} units under {config.activation}, normal weights of "
        "variance σ_w²/fan_in in all layers, biases 0 at first (σ_b = 0) and trained",
        f"{config.updates:,} updates of {config.batch} examples; the same base draw of the weights and the "
        "same batches for all networks of a seed",
        "losses are means over the batches since the time before, kept in half precision",
    ]


def _work(config: TrainabilityConfig) -> int:
    pixels = sum(grid.columns * grid.rows for grid in config.grids)
    swept = len(config.sweep_depths) * config.sweep_columns * len(config.sweep_rates)
    return len(config.seeds) * config.updates * (pixels + swept)


TRAINABILITY = Experiment(
    name="trainability",
    claim=(
        "Networks train where their depth is a small multiple of the depth scale of their weights' "
        "variance, at learning rates below a border that falls as that variance grows."
    ),
    scales={
        "smoke": TrainabilityConfig(
            data="shapeset",
            seeds=(0,),
            grids=(Grid("map", (0.5, 3.0), (-2, 0), 4, 3), Grid("zoom", (1, 2), (-1, 0), 2, 2)),
            depth=3,
            width=8,
            updates=20,
            log_at=(0, 10, 20),
            examples=500,
            judged=100,
            block=8,
            sweep_depths=(2, 5),
            sweep_columns=3,
            sweep_rates=(0.1,),
        ),
        "laptop": TrainabilityConfig(
            data="mnist",
            seeds=(0,),
            grids=(
                Grid("map", (0.5, 3.5), (-3, 0.5), 96, 96),
                Grid("zoom", (1.0, 1.8), (-0.75, -0.15), 48, 48),
            ),
            sweep_depths=(2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64),
            sweep_rates=(0.03,),
        ),
        "paper": TrainabilityConfig(
            data="mnist",
            seeds=(0,),
            grids=(
                Grid("map", (0.5, 3.5), (-3, 0.5), 192, 192),
                Grid("zoom", (1.0, 1.8), (-0.75, -0.15), 192, 192),
            ),
            depth=30,
            width=300,
            updates=2000,
            log_at=(0, 10, 20, 50, 100, 200, 500, 1000, 1500, 2000),
            block=1,
            judged=10_000,
            sweep_depths=(2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256),
            sweep_columns=96,
            sweep_rates=(0.003, 0.03),
        ),
    },
    sources=lambda config: (config.source,),
    work=_work,
    deviations=_deviations,
    run=_run,
)
