"""The data folder: one file per data set, written whole or not at all.

A prepared data set is an uncompressed `.npz` file with the pixels as bytes, so that it loads in a
fraction of a second and takes a quarter of the room that float32 would.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

SPLITS = ("train", "valid", "test")
_DAY = 86_400  # seconds after which the remains of a killed run are cleared away


@dataclass(frozen=True)
class Split:
    """Images, float32 of shape (n, d) in [0, 1], row by row, and labels, int64 of shape (n,)."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set with its three splits.

    `checksum` is the SHA-256 of all pixels and labels, split by split; `shape` is (height, width,
    channels), in which an image is `images[i].reshape(shape)`; `note` says what a result
    computed from it has to say, "" if nothing.
    """

    name: str
    train: Split
    valid: Split
    test: Split
    checksum: str
    shape: tuple[int, int, int]
    note: str = ""
    class_names: tuple[str, ...] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.shape


class Pixels(NamedTuple):
    """A split as it is stored: pixels (n, d) and labels (n,), bytes both."""

    images: Bytes
    labels: Bytes


@dataclass(frozen=True)
class Converted:
    """What a data set's converter makes of its source."""

    train: Pixels
    valid: Pixels
    test: Pixels
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    note: str = ""

    def checksum(self) -> str:
        """The SHA-256 of all pixels and labels, split by split."""
        digest = hashlib.sha256()
        for split in SPLITS:
            for part in getattr(self, split):
                digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()


class Description(NamedTuple):
    """What a stored file says about itself."""

    checksum: str
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    note: str


def data_folder() -> Path:
    """`$GLOROT_DATA`, or a folder in the user's cache directory."""
    if folder := os.environ.get("GLOROT_DATA"):
        return Path(folder)
    import pooch  # here, for it takes longer to import than all else

    return Path(pooch.os_cache("glorot"))


def stored(name: str) -> Path:
    """The file of a prepared data set, whether it is there or not."""
    return data_folder() / f"{name}.npz"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` once it is whole; on any error `path` stays.

    Raises OSError, naming `path`, if it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_remains(path)
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno, f"cannot write {path}, it is left as it was: {reason}"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _clear_remains(path: Path) -> None:
    for remains in path.parent.glob(f".{path.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - remains.stat().st_mtime > _DAY:
                remains.unlink()


def save(name: str, converted: Converted) -> Path:
    """Write a converted data set into the data folder and return its file."""
    description = Description(
        converted.checksum(), converted.shape, converted.class_names, converted.note
    )
    arrays = {"description": np.array(json.dumps(description._asdict()))}
    for split in SPLITS:
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = getattr(converted, split)
    path = stored(name)
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    return path


@contextlib.contextmanager
def _opened(name: str) -> Iterator[np.lib.npyio.NpzFile]:
    path = stored(name)
    renew = f"run: glorot data {name}"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            yield archive
    except FileNotFoundError:
        raise FileNotFoundError(f"{name} is not in {path.parent}; {renew}") from None
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}); {renew}") from error


def describe(name: str) -> Description:
    """What the stored file says about itself; raises as `read` does."""
    with _opened(name) as archive:
        return _description(archive)


def _description(archive: np.lib.npyio.NpzFile) -> Description:
    plain = json.loads(str(archive["description"]))
    height, width, channels = plain["shape"]
    names = tuple(plain["class_names"])
    return Description(plain["checksum"], (height, width, channels), names, plain["note"])


def read(name: str) -> Dataset:
    """Read a prepared data set; one split at a time is held as bytes and as floats.

    Raises FileNotFoundError, with the command that fetches it, if it is not there, and ValueError,
    naming the file, if it is damaged.
    """
    with _opened(name) as archive:
        checksum, shape, class_names, note = _description(archive)
        train, valid, test = (_split(archive, split) for split in SPLITS)
    return Dataset(name, train, valid, test, checksum, shape, note, class_names)


def _split(archive: np.lib.npyio.NpzFile, split: str) -> Split:
    images = archive[f"{split}_images"].astype(np.float32)
    images /= 255
    return Split(images, archive[f"{split}_labels"].astype(np.int64))
