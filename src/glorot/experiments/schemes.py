"""Which scheme belongs to which activation? Every pair of them, trained at several depths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from glorot.activations import ACTIVATIONS
from glorot.experiments.data import Source
from glorot.experiments.frame import Config, Experiment, Session
from glorot.experiments.statistics import LEVEL, verdict
from glorot.experiments.training import Errors, Shard, Task, Trained, evenly_spaced, layer_sizes
from glorot.initializers import SCHEMES as TABLE
from glorot.initializers import Initializer, VarianceScaling, get_initializer

if TYPE_CHECKING:
    from glorot.ensemble import EnsembleConfig

__all__ = ["OWN", "SCHEMES", "SchemesConfig", "initializer", "recommended"]

OWN = "own"
"""The scheme that keeps the second moment at 1 under the activation: variance gain²/fan_in."""


def initializer(scheme: str, activation: str) -> Initializer:
    """Return a scheme's initializer for the layers of an activation.

    Args:
        scheme: a key of ``initializers.SCHEMES``, or ``own``.
        activation: a key of ``ACTIVATIONS``; only ``own`` depends on it.

    Raises:
        ValueError: for an unknown scheme or activation.

    >>> initializer("own", "relu") == initializer("he", "relu")
    True
    """
    if activation not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"activation must be one of {known}; got {activation!r}")
    if scheme == OWN:
        scale = round(ACTIVATIONS[activation].gain ** 2, 6)  # so that SELU's is 1 and ReLU's 2
        return VarianceScaling(scale, "fan_in", "truncated_normal")
    return get_initializer(scheme)


def recommended(activation: str) -> str:
    """Return the scheme that the table gives an activation; ``own`` for one that it does not list.

    >>> recommended("tanh"), recommended("gelu")
    ('glorot', 'own')
    """
    listed = (name for name, scheme in TABLE.items() if activation in scheme.activations)
    return next(listed, OWN)


@dataclass(frozen=True)
class SchemesConfig(Config):
    """Configuration of the experiment.

    Args:
        activations: of the hidden layers, names.
        depths: numbers of hidden layers.
        learning_rates: the grid.
        schemes: keys of ``initializers.SCHEMES``, and ``own``.
        width: units of every hidden layer.
        choice_seed: seed that chooses the rate of each cell; `seeds`, which are others, are
            measured at it.
        updates: number of updates of every network.
        every: updates between two measurements.
        batch: examples per update.
        examples: number of training images to draw where the data set is endless.
        judged: images of a split that an error is taken on, the first so many.
        watched: images that the error under way is taken on.
        threshold: a network has learned if its test error is below this.
    """

    least_seeds: ClassVar[int] = 2  # a paired test needs two

    activations: tuple[str, ...] = tuple(ACTIVATIONS)
    depths: tuple[int, ...] = (5, 20, 50)
    learning_rates: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
    schemes: tuple[str, ...] = ("heuristic", "lecun", "glorot", "he", OWN)
    width: int = 64
    choice_seed: int = 100
    updates: int = 2000
    every: int = 500
    batch: int = 10
    examples: int | None = None
    judged: int = 5000
    watched: int = 500
    threshold: float = 0.5


@dataclass(frozen=True)
class _Row:
    """All schemes for one activation at one depth: the networks that are trained together."""

    config: SchemesConfig
    activation: str
    depth: int

    @property
    def key(self) -> str:
        return f"{self.activation}-{self.depth}"

    def task(self, stage: str, networks: Sequence[EnsembleConfig], split: str) -> Task:
        """Return the task that trains these networks and judges them on a split."""
        config, source = self.config, Source(self.config.data, self.config.examples)
        sizes = layer_sizes(source.load().train, (config.width,) * self.depth)
        times = evenly_spaced(config.updates, config.every)
        name, log = f"{self.key}-{stage}", Errors(("valid",), config.watched)
        shard = Shard(name, tuple(networks), sizes, config.batch, config.updates, times)
        return Task(shard, source, log, finish=Errors((split,), config.judged))

    def choice(self) -> Task:
        """Return the task that tries every rate under every scheme."""
        rates, seed = self.config.learning_rates, self.config.choice_seed
        nets = [self._net(scheme, rate, seed) for scheme in self.config.schemes for rate in rates]
        return self.task("choice", nets, "valid")

    def measured(self, rates: Sequence[float]) -> Task:
        """Return the task that measures every scheme at its rate, with every seed."""
        pairs = zip(self.config.schemes, rates, strict=True)
        nets = [self._net(scheme, rate, s) for scheme, rate in pairs for s in self.config.seeds]
        return self.task("measured", nets, "test")

    def _net(self, scheme: str, rate: float, seed: int) -> EnsembleConfig:
        from glorot.ensemble import EnsembleConfig

        weights = initializer(scheme, self.activation)
        return EnsembleConfig(weights, self.activation, rate, seed)


def _run(config: SchemesConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    rows = [_Row(config, name, depth) for depth in config.depths for name in config.activations]
    tried = session.run([row.choice() for row in rows])
    shape = (len(config.schemes), len(config.learning_rates))
    errors = [trained.final["valid_error"].reshape(shape) for trained in tried]
    rates = [[config.learning_rates[int(e)] for e in found.argmin(axis=1)] for found in errors]
    tasks = [row.measured(own) for row, own in zip(rows, rates, strict=True)]
    trained = session.run(tasks)
    cells, arrays = [], {"updates": np.array(tasks[0].shard.log_at)}
    for row, own, choice, found in zip(rows, rates, errors, trained, strict=True):
        cells += _cells(row, own, choice, found)
        arrays[f"{row.key}/valid_error"] = found.series["valid_error"]
    pixels = np.square(session.dataset.train.images, dtype=np.float64).mean()
    results = {"cells": cells, "verdicts": _verdicts(config, cells), "input_moment": float(pixels)}
    return results, arrays


def _cells(
    row: _Row, rates: Sequence[float], choice: np.ndarray, found: Trained
) -> list[dict[str, Any]]:
    """One row per scheme: its rate, the errors of the choice and those of the seeds."""
    config = row.config
    test = found.final["test_error"].reshape(len(config.schemes), len(config.seeds))
    return [
        {
            "activation": row.activation,
            "depth": row.depth,
            "scheme": scheme,
            "learning_rate": rate,
            "choice_valid_error": tried.tolist(),
            "test_error": errors.tolist(),
            "learned": int((errors < config.threshold).sum()),
        }
        for scheme, rate, tried, errors in zip(config.schemes, rates, choice, test, strict=True)
    ]


def _verdicts(config: SchemesConfig, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Try "the recommended scheme errs less" against each other scheme that is another."""
    errors = {(c["activation"], c["depth"], c["scheme"]): c["test_error"] for c in cells}
    rows = []
    for name, depth, other in errors:
        ours = recommended(name)
        if ours in config.schemes and initializer(ours, name) != initializer(other, name):
            found = verdict(errors[name, depth, ours], errors[name, depth, other])
            rows.append(
                {
                    "activation": name,
                    "depth": depth,
                    "ours": ours,
                    "other": other,
                    "lower": found.to_dict(),
                }
            )
    return rows


def _deviations(config: SchemesConfig) -> list[str]:
    return [
        "not an experiment of the paper: activations, widths, depths, rates and length are set here",
        f"{config.updates:,} updates of {config.batch} examples, hidden layers of {config.width}",
        f"rates {', '.join(map(str, config.learning_rates))}, chosen for each cell on validation "
        "error with a seed that is not measured",
        f"errors on the first {config.judged:,} images of a split; below {config.threshold:.0%} "
        f"counts as learned; verdicts at p = {LEVEL}",
    ]


SCHEMES = Experiment(
    name="schemes",
    claim=(
        "For each activation the scheme that the table recommends ends with a lower test error "
        "than every other scheme, at every depth."
    ),
    scales={
        "smoke": SchemesConfig(
            data="shapeset",
            seeds=(0, 1, 2),
            activations=("tanh", "relu", "gelu"),
            depths=(2, 4),
            learning_rates=(0.03, 0.1),
            width=12,
            updates=40,
            every=20,
            examples=500,
            judged=200,
            watched=100,
            threshold=0.8,
        ),
        "laptop": SchemesConfig(data="mnist", seeds=(0, 1, 2, 3, 4)),
        "paper": SchemesConfig(
            data="mnist",
            seeds=(0, 1, 2, 3, 4),
            depths=(5, 20, 50, 100),
            width=256,
            updates=20_000,
            every=1000,
            judged=10_000,
            watched=1000,
        ),
    },
    sources=lambda config: (Source(config.data, config.examples),),
    work=lambda config: (
        len(config.activations)
        * len(config.depths)
        * len(config.schemes)
        * config.updates
        * (len(config.learning_rates) + len(config.seeds))
    ),
    deviations=_deviations,
    run=_run,
)
