"""What the experiments that look into networks layer by layer share: models, groups, claims.

All models of one seed are trained in one group, so that they see the same images, drawn once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from glorot.experiments.data import Source
from glorot.experiments.frame import Config
from glorot.experiments.statistics import sameness, verdict
from glorot.experiments.table1 import MODELS, Model
from glorot.experiments.training import Shard, Trained, layer_sizes, log_spaced

__all__ = [
    "BOUNDED",
    "LayersConfig",
    "jointly",
    "lower",
    "model_named",
    "of_model",
    "same",
    "seed_shard",
    "time_mean",
]

BOUNDED = tuple(model for model in MODELS if model.name != "sigmoid")
"""The models of Table 1 whose activation is symmetric about 0: softsign and tanh, standard and N."""


@dataclass(frozen=True)
class LayersConfig(Config):
    """What the configurations of these experiments have in common.

    Args:
        learning_rate: of all networks that are trained.
        updates: number of updates of every network.
        log_spacing: pairs (from this update on, so far apart); before the first, 10 a decade.
        batch: examples per update.
        examples: number of training images to draw; None: every batch is new.
        probe_examples: test images to measure on.
    """

    least_seeds: ClassVar[int] = 2  # a paired test needs two

    learning_rate: float = 0.03
    updates: int = 0
    log_spacing: tuple[tuple[int, int], ...] = ()
    batch: int = 10
    examples: int | None = None
    probe_examples: int = 300

    @property
    def source(self) -> Source:
        """The data."""
        return Source(self.data, self.examples)

    @property
    def log_at(self) -> list[int]:
        """Updates at which the trained networks are measured."""
        return log_spaced(self.updates, 10, self.log_spacing[0][0], dict(self.log_spacing))


def model_named(name: str) -> Model:
    """Return a model of Table 1 by its name.

    Raises:
        ValueError: for an unknown name.
    """
    for model in MODELS:
        if model.name == name:
            return model
    known = ", ".join(model.name for model in MODELS)
    raise ValueError(f"name must be one of {known}; got {name!r}")


def seed_shard(
    models: Sequence[Model],
    seed: int,
    hidden: Sequence[int],
    source: Source,
    learning_rate: float,
    batch: int,
    log_at: Sequence[int],
    name: str = "seed",
) -> Shard:
    """Return the group of all models of one seed.

    Args:
        models: one network each, in this order; neighbors of one activation are computed together.
        seed: of the weights and of the data's order.
        hidden: widths of the hidden layers.
        source: the data.
        learning_rate: of all.
        batch: examples per update.
        log_at: updates to measure at; the last ends the run.
        name: what the checkpoint's name begins with; the seed is put behind it.
    """
    from glorot.ensemble import EnsembleConfig

    sizes = layer_sizes(source.load().train, hidden)
    networks = tuple(EnsembleConfig(m.scheme, m.activation, learning_rate, seed) for m in models)
    return Shard(f"{name}-{seed}", networks, sizes, batch, log_at[-1], tuple(log_at))


def of_model(found: Sequence[Trained], place: int) -> dict[str, np.ndarray]:
    """Gather one model's measurements from the tasks of all seeds.

    Args:
        found: what the tasks of S seeds found, models in the same order.
        place: of the model in that order.

    Returns:
        By name, series as (T, S, …), what was measured after the last update as (S, …).
    """
    series = {
        name: np.stack([trained.series[name][:, place] for trained in found], axis=1)
        for name in found[0].series
    }
    return series | {
        name: np.stack([trained.final[name][place] for trained in found]) for name in found[0].final
    }


def time_mean(updates: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean over the run of what was logged at uneven times, by the trapezoid rule.

    Args:
        updates: (T,) increasing.
        values: (T, …).

    >>> float(time_mean(np.array([0, 1, 10]), np.array([0.0, 1.0, 1.0])))
    0.95
    """
    return np.trapezoid(values, updates, axis=0) / (updates[-1] - updates[0])


def lower(figure: str, claim: str, ours: ArrayLike, other: ArrayLike) -> dict[str, Any]:
    """Return the row of a claim "ours is lower", its values by seed and the verdict on them.

    Args:
        figure: the paper's figure, or the section that makes the claim.
        claim: in one sentence.
        ours: one value per seed, or one for all.
        other: one value per seed in the same order, or one for all.
    """
    mine, others = _by_seed(ours, other)
    found = verdict(mine, others).to_dict()
    row = {"figure": figure, "claim": claim, "kind": "lower", "ours": mine, "other": others}
    return {**row, "word": found["word"], "verdict": found}


def same(
    figure: str, claim: str, ours: ArrayLike, other: ArrayLike, margin: float
) -> dict[str, Any]:
    """Return the row of a claim "they differ by less than the margin"; see :func:`lower`."""
    mine, others = _by_seed(ours, other)
    found = sameness(mine, others, margin).to_dict()
    row = {"figure": figure, "claim": claim, "kind": "same", "ours": mine, "other": others}
    return {**row, "margin": margin, "word": found["word"], "verdict": found}


def _by_seed(ours: ArrayLike, other: ArrayLike) -> tuple[list[float], list[float]]:
    sides = np.broadcast_arrays(np.asarray(ours, float), np.asarray(other, float))
    return sides[0].tolist(), sides[1].tolist()


def jointly(figure: str, claim: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of a claim that holds if all of its parts do.

    *Held* if every part held, *reversed* if one is reversed, *unresolved* otherwise. Its level is
    that of the parts: all of them have to pass.
    """
    words = {row["word"] for row in rows}
    otherwise = "held" if words == {"held"} else "unresolved"
    word = "reversed" if "reversed" in words else otherwise
    parts = [row["claim"] for row in rows]
    return {"figure": figure, "claim": claim, "kind": "joint", "parts": parts, "word": word}
