"""What the experiments that look into networks layer by layer share: models, groups, claims.

All models of one seed are trained in one group, so that they see the same images, drawn once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from glorot.experiments.data import Source
from glorot.experiments.statistics import sameness, verdict
from glorot.experiments.table1 import MODELS, Model
from glorot.experiments.training import Shard, Trained

__all__ = [
    "BOUNDED",
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

    train = source.load().train
    sizes = (train.images.shape[1], *hidden, int(train.labels.max()) + 1)
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


def lower(figure: str, claim: str, ours: Iterable[float], other: Iterable[float]) -> dict[str, Any]:
    """Return the row of a claim "ours is lower", its values by seed and the verdict on them.

    Args:
        figure: the paper's figure, or the section that makes the claim.
        claim: in one sentence.
        ours: one value per seed.
        other: one value per seed, in the same order.
    """
    sides = [[float(value) for value in side] for side in (ours, other)]
    found = verdict(sides[0], sides[1]).to_dict()
    return {
        "figure": figure,
        "claim": claim,
        "kind": "lower",
        "ours": sides[0],
        "other": sides[1],
    } | {
        "word": found["word"],
        "verdict": found,
    }


def same(
    figure: str, claim: str, ours: Iterable[float], other: Iterable[float], margin: float
) -> dict[str, Any]:
    """Return the row of a claim "ours and other differ by less than the margin"; see :func:`lower`."""
    sides = [[float(value) for value in side] for side in (ours, other)]
    found = sameness(sides[0], sides[1], margin).to_dict()
    return {
        "figure": figure,
        "claim": claim,
        "kind": "same",
        "ours": sides[0],
        "other": sides[1],
    } | {
        "margin": margin,
        "word": found["word"],
        "verdict": found,
    }


def jointly(figure: str, claim: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of a claim that holds if all of its parts do.

    *Held* if every part held, *reversed* if one is reversed, *unresolved* otherwise. Its level is
    that of the parts: all of them have to pass.
    """
    words = [row["word"] for row in rows]
    word = "reversed" if "reversed" in words else "held" if set(words) == {"held"} else "unresolved"
    parts = [row["claim"] for row in rows]
    return {"figure": figure, "claim": claim, "kind": "joint", "parts": parts, "word": word}
