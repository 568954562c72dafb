"""Samples of the four data sets (Figure 1): a few pictures each, of classes drawn by chance.

Three of the data sets must be fetched, and a book is built where they may not be. So the pictures
that a page shows are kept, like everything else that it cannot compute, in a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glorot.datasets import Dataset, Split
from glorot.experiments.data import Source
from glorot.experiments.frame import Config, Experiment, Session

__all__ = ["SAMPLES", "SamplesConfig"]


@dataclass(frozen=True)
class SamplesConfig(Config):
    """Configuration of the experiment.

    Args:
        sources: the data sets.
        count: pictures of each, all of different classes while there are enough.
    """

    sources: tuple[Source, ...] = ()
    count: int = 8


def _run(config: SamplesConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    rows: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for source in config.sources:
        dataset = session.datasets[source.label]
        rng = np.random.default_rng(config.seeds[0])
        chosen = _one_per_class(dataset.train, config.count, rng)
        images = dataset.train.images[chosen].reshape(-1, *dataset.shape)
        arrays[f"{source.name}/images"] = np.rint(255 * images).astype(np.uint8)
        arrays[f"{source.name}/labels"] = dataset.train.labels[chosen]
        rows.append(_row(source, dataset))
        session.advance(config.count)
    return rows, arrays


def _one_per_class(split: Split, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return places of `count` images, a new class each until all have had their turn."""
    classes = np.unique(split.labels)
    turns = np.concatenate([rng.permutation(classes) for _ in range(-(-count // len(classes)))])
    return np.array([rng.choice(np.flatnonzero(split.labels == c)) for c in turns[:count]])


def _row(source: Source, dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset": source.name,
        "shape": list(dataset.shape),
        "classes": int(dataset.train.labels.max()) + 1,
        "train": None if source.endless else len(dataset.train.labels),
        "valid": len(dataset.valid.labels),
        "test": len(dataset.test.labels),
        "note": dataset.note,
    }


_NAMES = ("shapeset", "mnist", "cifar10", "small_imagenet")
_FOUR = SamplesConfig(
    data=", ".join(_NAMES), seeds=(0,), sources=tuple(Source(name) for name in _NAMES)
)

SAMPLES = Experiment(
    name="samples",
    claim="What the networks are shown: a few training images of each data set.",
    scales={
        "smoke": SamplesConfig(
            data="shapeset", seeds=(0,), sources=(Source("shapeset", 300),), count=12
        ),
        "laptop": _FOUR,
        "paper": _FOUR,
    },
    sources=lambda config: config.sources,
    work=lambda config: config.count * len(config.sources),
    deviations=lambda config: [
        f"{config.count} pictures of each data set, classes in the order of a draw; the paper "
        "prints some of Shapeset and of Small-ImageNet"
    ],
    run=_run,
)
