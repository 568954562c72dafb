"""Does the compromise pay? Tapering and widening networks under fan_in, fan_avg and fan_out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from glorot.experiments.data import Source
from glorot.experiments.frame import Config, Experiment, Session
from glorot.experiments.statistics import LEVEL, sameness, verdict
from glorot.experiments.training import Errors, Shard, Task, Trained, evenly_spaced, layer_sizes
from glorot.initializers import VarianceScaling

__all__ = ["TAPERING", "Shape", "TaperingConfig"]

_PAIRS = (("fan_avg", "fan_in"), ("fan_avg", "fan_out"), ("fan_in", "fan_out"))
_MEASURES = ("early_valid_error", "test_error")


@dataclass(frozen=True)
class Shape:
    """Widths of the hidden layers, under a name."""

    name: str
    hidden: tuple[int, ...]


@dataclass(frozen=True)
class TaperingConfig(Config):
    """Configuration of the experiment.

    Args:
        shapes: the networks' hidden layers.
        learning_rates: the grid.
        choice_seeds: seeds that choose the rate of each cell; `seeds`, which are others, are
            measured at it.
        updates: number of updates of every network.
        early: update at which the early validation error is taken; a multiple of `every`.
        every: updates between two measurements.
        examples: number of training images to draw where the data set is endless.
        modes: the fan that the variance 1/fan is taken of; weights are uniform.
        activation: of the hidden layers.
        batch: examples per update.
        valid_examples: validation images that the error under way is measured on; the choice takes
            all.
        margin: the largest difference of errors that does not matter, a fraction.
    """

    least_seeds: ClassVar[int] = 2  # a paired test needs two

    shapes: tuple[Shape, ...] = ()
    learning_rates: tuple[float, ...] = ()
    choice_seeds: tuple[int, ...] = ()
    updates: int = 5000
    early: int = 1000
    every: int = 500
    examples: int | None = None
    modes: tuple[str, ...] = ("fan_in", "fan_avg", "fan_out")
    activation: str = "tanh"
    batch: int = 10
    valid_examples: int = 1000
    margin: float = 0.005


def _run(config: TaperingConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    choice: list[dict[str, Any]] = []
    runs: list[dict[str, Any]] = []
    arrays = {"updates": np.array(_logged(config))}
    for shape in config.shapes:
        measured = []
        for mode in config.modes:
            grid = _choose(config, shape, mode, session)
            rate = next(row["learning_rate"] for row in grid if row["chosen"])
            trained = _train(config, shape, mode, "measured", config.seeds, (rate,), session)
            choice += grid
            runs += _summaries(config, shape, mode, rate, trained)
            measured.append(trained.series)
        for name in measured[0]:  # one column a network, mode by mode
            arrays[f"{shape.name}/{name}"] = np.concatenate([m[name] for m in measured], axis=1)
    return {"choice": choice, "runs": runs, "verdicts": _verdicts(config, runs)}, arrays


def _logged(config: TaperingConfig) -> tuple[int, ...]:
    return evenly_spaced(config.updates, config.every)


def _train(
    config: TaperingConfig,
    shape: Shape,
    mode: str,
    stage: str,
    seeds: tuple[int, ...],
    rates: tuple[float, ...],
    session: Session,
) -> Trained:
    """Train a network for each rate and seed, the seeds of one rate beside one another."""
    from glorot.ensemble import EnsembleConfig

    scheme = VarianceScaling(1.0, mode, "uniform")
    networks = tuple(
        EnsembleConfig(scheme, config.activation, rate, seed) for rate in rates for seed in seeds
    )
    sizes = layer_sizes(session.dataset.train, shape.hidden)
    name = f"{shape.name}-{mode}-{stage}"
    shard = Shard(name, networks, sizes, config.batch, config.updates, _logged(config))
    source = Source(config.data, config.examples)
    under_way, after = Errors(("valid",), config.valid_examples), Errors(("valid", "test"))
    (trained,) = session.run([Task(shard, source, under_way, finish=after)])
    return trained


def _choose(
    config: TaperingConfig, shape: Shape, mode: str, session: Session
) -> list[dict[str, Any]]:
    """Train at every rate of the grid; the lowest mean validation error chooses."""
    rates, seeds = config.learning_rates, config.choice_seeds
    trained = _train(config, shape, mode, "choice", seeds, rates, session)
    errors = trained.final["valid_error"].reshape(len(rates), len(seeds))
    best = int(errors.mean(axis=1).argmin())
    return [
        {
            "shape": shape.name,
            "mode": mode,
            "learning_rate": rate,
            "valid_error": errors[place].tolist(),
            "chosen": place == best,
        }
        for place, rate in enumerate(rates)
    ]


def _summaries(
    config: TaperingConfig,
    shape: Shape,
    mode: str,
    rate: float,
    trained: Trained,
) -> list[dict[str, Any]]:
    """One row per seed that was measured at its mode's chosen rate."""
    early = trained.series["valid_error"][_logged(config).index(config.early)]
    valid, test = trained.final["valid_error"], trained.final["test_error"]
    return [
        {
            "shape": shape.name,
            "mode": mode,
            "learning_rate": rate,
            "seed": seed,
            "index": config.modes.index(mode) * len(config.seeds) + place,
            "early_valid_error": float(early[place]),
            "valid_error": float(valid[place]),
            "test_error": float(test[place]),
        }
        for place, seed in enumerate(config.seeds)
    ]


def _verdicts(config: TaperingConfig, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Try "ours is lower" and "no difference that matters" for every shape, measure and pair."""
    rows = []
    for shape in config.shapes:
        for measure in _MEASURES:
            for ours, other in _PAIRS:
                sides = [
                    [r[measure] for r in runs if (r["shape"], r["mode"]) == (shape.name, mode)]
                    for mode in (ours, other)
                ]
                rows.append(
                    {
                        "shape": shape.name,
                        "measure": measure,
                        "ours": ours,
                        "other": other,
                        "lower": verdict(sides[0], sides[1]).to_dict(),
                        "same": sameness(sides[0], sides[1], config.margin).to_dict(),
                    }
                )
    return rows


def _deviations(config: TaperingConfig) -> list[str]:
    return [
        "the paper prints no table for networks whose layers grow or shrink; widths, rates and "
        "length are set here",
        f"{config.updates:,} updates of {config.batch} examples",
        f"rates {', '.join(map(str, config.learning_rates))}, chosen on validation error with "
        "seeds that are not measured",
        f"verdicts at p = {LEVEL}; a difference within {config.margin:.1%} does not matter",
    ]


_SHAPES = (Shape("tapering", (512, 256, 128, 64)), Shape("widening", (64, 128, 256, 512)))

TAPERING = Experiment(
    name="tapering",
    claim=(
        "For networks whose layers taper or widen, the compromise 1/fan_avg trains to a lower test "
        "error than 1/fan_in or 1/fan_out."
    ),
    scales={
        "smoke": TaperingConfig(
            data="shapeset",
            seeds=(0, 1, 2),
            shapes=(Shape("tapering", (32, 16, 8)), Shape("widening", (8, 16, 32))),
            learning_rates=(0.03, 0.1),
            choice_seeds=(100,),
            updates=100,
            early=50,
            every=50,
            examples=1000,
            valid_examples=200,
        ),
        "laptop": TaperingConfig(
            data="mnist",
            seeds=tuple(range(10)),
            shapes=_SHAPES,
            learning_rates=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2),
            choice_seeds=(100, 101),
        ),
        "paper": TaperingConfig(
            data="mnist",
            seeds=tuple(range(10)),
            shapes=(
                Shape("tapering", (1600, 1300, 1000, 700, 400)),
                Shape("widening", (400, 700, 1000, 1300, 1600)),
            ),
            learning_rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            choice_seeds=(100, 101),
            updates=500_000,
            early=5000,
            every=5000,
        ),
    },
    sources=lambda config: (Source(config.data, config.examples),),
    work=lambda config: (
        len(config.shapes)
        * len(config.modes)
        * config.updates
        * (len(config.learning_rates) * len(config.choice_seeds) + len(config.seeds))
    ),
    deviations=_deviations,
    run=_run,
)
