"""The data set of an experiment: loaded, or drawn once where it is endless."""

from __future__ import annotations

import hashlib

import numpy as np

from glorot.datasets import Dataset, Split, load, shapeset

__all__ = ["SHAPESET_SEED", "load_data"]

SHAPESET_SEED = 20_100_513
"""Seed of the fixed Shapeset sample that experiments share."""


def load_data(name: str, examples: int | None = None) -> Dataset:
    """Return a data set by name; of endless Shapeset a fixed sample.

    Args:
        name: ``shapeset``, or a name that ``datasets.load`` knows.
        examples: number of Shapeset's training images; a fifth as many, at least 300, are drawn for
            validation and for test each. Of no meaning for other data sets.

    Returns:
        The data set with its checksum.

    Raises:
        FileNotFoundError: if the data set is not there; the message is the command that gets it.
        ValueError: for an unknown name, or no number of examples where one is needed.
    """
    if name != "shapeset":
        return load(name)
    if examples is None or examples < 1:
        raise ValueError(f"examples must be a positive number for shapeset, got {examples!r}")
    rng = np.random.default_rng(SHAPESET_SEED)
    held_out = max(300, examples // 5)
    train, valid, test = (_draw(count, rng) for count in (examples, held_out, held_out))
    checksum = _checksum([train, valid, test])
    return Dataset("shapeset", train, valid, test, checksum=checksum, shape=(32, 32, 1))


def _draw(count: int, rng: np.random.Generator) -> Split:
    images, labels = shapeset.sample(count, rng)
    return Split(images.reshape(count, -1), labels)


def _checksum(splits: list[Split]) -> str:
    digest = hashlib.sha256()
    for split in splits:
        digest.update(np.ascontiguousarray(split.images).tobytes())
        digest.update(np.ascontiguousarray(split.labels).tobytes())
    return digest.hexdigest()
