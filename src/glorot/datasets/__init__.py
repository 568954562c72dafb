"""The data sets of the experiments: Shapeset-3×2, which is drawn, and three that are fetched.

`load(name)` reads a data set from the data folder, `$GLOROT_DATA` or the user's cache directory;
`prepare(name)` puts it there, as the command `glorot data NAME` does.
"""

from __future__ import annotations

import shutil
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from glorot.datasets import cifar10, mnist, shapeset, small_imagenet, sources, store, text
from glorot.datasets.store import Dataset, Split

__all__ = [
    "Availability",
    "Dataset",
    "Split",
    "available",
    "load",
    "prepare",
    "shapeset",
    "text",
]

_RECIPES = {module.RECIPE.name: module.RECIPE for module in (mnist, cifar10, small_imagenet)}


class Availability(NamedTuple):
    """A row of `glorot data list`; size in bytes; size and checksum are None where nothing is."""

    name: str
    present: bool
    path: Path
    size: int | None
    checksum: str | None
    source: str
    licence: str
    note: str


def load(name: str) -> Dataset:
    """Read a prepared data set: "mnist", "cifar10" or "small_imagenet".

    Returns a `Dataset` whose splits `train`, `valid` and `test` have images, float32 of shape
    (n, d) in [0, 1] (height × width × channels, row by row), and labels, int64 of shape (n,).
    Raises FileNotFoundError, with the command that fetches it, if it is not in the data folder;
    ValueError for an unknown name or a damaged file. Used in the chapter `reproduction`.
    """
    return store.read(_recipe(name).name)


def prepare(name: str, source: str | PathLike[str] | None = None) -> Path:
    """Put a data set into the data folder and return its file: download it, or import it.

    `source` is an official archive, or a folder that holds it or its files, or (cifar10) a folder
    or archive of images; without it the official archive is downloaded and its checksum verified.
    Raises ValueError or OSError, naming the file, if something is missing, truncated or altered or
    cannot be written; what was in the data folder before then still is.
    """
    recipe = _recipe(name)
    if source is not None:
        return store.save(name, recipe.convert(Path(source)))
    downloads = store.data_folder() / "downloads" / name
    sources.download(recipe, downloads)
    path = store.save(name, recipe.convert(downloads))
    shutil.rmtree(downloads)
    return path


def available() -> list[Availability]:
    """What `load` knows: what is there, where, how large, its checksum, where from, which terms."""
    return [_availability(recipe) for recipe in _RECIPES.values()]


def _availability(recipe: sources.Recipe) -> Availability:
    path = store.stored(recipe.name)
    first = recipe.files[0].url
    source = first if len(recipe.files) == 1 else first.rsplit("/", 1)[0]
    absent = Availability(recipe.name, False, path, None, None, source, recipe.licence, "")
    try:
        description = store.describe(recipe.name)
    except FileNotFoundError:
        return absent
    except ValueError as error:
        return absent._replace(note=str(error))
    return absent._replace(
        present=True,
        size=path.stat().st_size,
        checksum=description.checksum,
        note=description.note,
    )


def _recipe(name: str) -> sources.Recipe:
    if name == "shapeset":
        raise ValueError(
            "name must be a data set with an end, got 'shapeset': "
            "draw it with glorot.datasets.shapeset.sample(n, rng)"
        )
    if name not in _RECIPES:
        raise ValueError(f"name must be one of {', '.join(_RECIPES)}, got {name!r}")
    return _RECIPES[name]
