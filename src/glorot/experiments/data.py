"""Where an experiment's data come from: named, so that a worker elsewhere can load the same."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glorot.datasets import Dataset, Split, load, shapeset, text

__all__ = ["SHAPESET_SEED", "Pooled", "Source", "Text", "load_data"]

SHAPESET_SEED = 20_100_513
"""Seed of the fixed Shapeset sample that experiments share."""

_HELD_OUT = 10_000  # images of endless Shapeset to validate and to test on, each


@dataclass(frozen=True)
class Source:
    """A data set by name, and what is done to it before it is shown to a network.

    Args:
        name: ``shapeset``, or a name that ``datasets.load`` knows.
        examples: number of Shapeset's training images; None: training draws without end. Of no
            meaning for other data sets.
        lowest: gray of black, 0 or −1; white is 1.
    """

    name: str
    examples: int | None = None
    lowest: int = 0

    def __post_init__(self) -> None:
        if self.lowest not in (0, -1):
            raise ValueError(f"lowest must be 0 or -1, got {self.lowest!r}")

    @property
    def label(self) -> str:
        """The name, with the range of gray values where it is not the usual one."""
        return self.name if self.lowest == 0 else f"{self.name} [-1, 1]"

    @property
    def endless(self) -> bool:
        """Whether training draws new images for every update."""
        return self.name == "shapeset" and self.examples is None

    def load(self) -> Dataset:
        """Return the data set, read or drawn once per process.

        Of an endless one `train` holds a sample as large as the test images, to look at.

        Raises:
            FileNotFoundError: if it is not there; the message is the command that gets it.
            ValueError: for an unknown name.
        """
        return _load(self)

    def draw(self, count: int, key: Sequence[int]) -> Split:
        """Return `count` images of endless Shapeset that depend on the key alone."""
        drawn = _draw(count, np.random.default_rng(key))
        return Split(self._shifted(drawn.images), drawn.labels)

    def _shifted(self, images: np.ndarray) -> np.ndarray:
        return images if self.lowest == 0 else 2 * images - 1


@functools.lru_cache(maxsize=4)
def _load(source: Source) -> Dataset:
    examples = _HELD_OUT if source.endless else source.examples
    dataset = load_data(source.name, examples, _HELD_OUT if source.endless else None)
    if source.lowest == 0:
        return dataset
    train, valid, test = (
        Split(source._shifted(split.images), split.labels)
        for split in (dataset.train, dataset.valid, dataset.test)
    )
    note = f"{dataset.note}; " if dataset.note else ""
    return dataclasses.replace(
        dataset, train=train, valid=valid, test=test, note=f"{note}grey values from -1 to 1"
    )


@dataclass(frozen=True)
class Pooled(Source):
    """A data set of square images in gray, averaged over blocks of pixels.

    The gray values are then shifted and scaled, all alike, to mean 0 and mean square 1 over the training
    images: an input has the second moment 1 that the theory starts from.

    Args:
        name, examples, lowest: as in ``Source``.
        block: side of a block in pixels; it divides the side of an image.
    """

    block: int = 4

    def load(self) -> Dataset:
        """Return the data set, made once per process; raises as ``Source.load``."""
        return _pooled(self)


@functools.lru_cache(maxsize=2)
def _pooled(source: Pooled) -> Dataset:
    whole = Source(source.name, source.examples, source.lowest).load()
    side = int(whole.train.images.shape[1] ** 0.5)
    if side**2 != whole.train.images.shape[1] or side % source.block:
        raise ValueError(f"block must divide the side of an image, {side}; got {source.block!r}")
    coarse = side // source.block

    def average(split: Split) -> np.ndarray:
        blocks = split.images.reshape(-1, coarse, source.block, coarse, source.block)
        means: np.ndarray = blocks.mean(axis=(2, 4), dtype=np.float64).reshape(-1, coarse**2)
        return means

    gray = average(whole.train)
    mean, std = gray.mean(), gray.std()
    train, valid, test = (
        Split(((average(split) - mean) / std).astype(np.float32), split.labels)
        for split in (whole.train, whole.valid, whole.test)
    )
    note = f"{whole.note}; " if whole.note else ""
    note += f"images averaged over {source.block}×{source.block} pixels, mean 0, mean square 1"
    shape = (coarse, coarse, 1)
    return dataclasses.replace(whole, train=train, valid=valid, test=test, shape=shape, note=note)


@dataclass(frozen=True)
class Text(Source):
    """The book's own text, in windows.

    Args:
        name: ``text``.
        examples, lowest: of no meaning.
        context: characters of a window.
        spacing: characters between the beginnings of two windows.
    """

    name: str = "text"
    context: int = 8
    spacing: int = 4

    def load(self) -> Dataset:
        """Return the windows, made once per process; raises as ``datasets.text.windows``."""
        return text.windows(self.context, self.spacing)


def load_data(name: str, examples: int | None = None, held_out: int | None = None) -> Dataset:
    """Return a data set by name; of endless Shapeset a fixed sample.

    Args:
        name: ``shapeset``, or a name that ``datasets.load`` knows.
        examples: number of Shapeset's training images. Of no meaning for other data sets.
        held_out: number of Shapeset's images for validation and for test, each; by default a fifth
            of the training images, at least 300.

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
    held_out = max(300, examples // 5) if held_out is None else held_out
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
