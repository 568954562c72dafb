"""CIFAR-10: 60,000 photographs of ten classes, 32×32 in color; 40,000 / 10,000 / 10,000.

From the official archives the fifth training batch is the validation set. From a folder of images,
whose official order is lost, 1,000 images of each class are chosen with a fixed seed. Source:
A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from glorot.datasets.sources import (
    SPLIT_SEED,
    Recipe,
    RemoteFile,
    balanced_split,
    decode,
    locate,
    members,
    require_counts,
    shuffled,
    verify,
)
from glorot.datasets.store import Bytes, Converted, Pixels

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SHAPE = (32, 32, 3)
BATCHES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")
PER_BATCH = 10_000

FILES = (
    RemoteFile(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ),
)
ARCHIVES = {  # recognized by name, and checked, when they are imported
    "cifar-10-binary.tar.gz": FILES[0].checksum,
    "cifar-10-python.tar.gz": "md5:c58f30108f718f92721af3b95e74349a",
}
PICKLES = {  # no pickle is opened that is not byte for byte one of these (MD5)
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
LOSSY = "a lossy re-encoding: read from JPEG files, not from the official archive"
_PER_CLASS = {"train": 5000, "test": 1000}  # images of a folder
_VALIDATION = 1000  # of each class, out of those for training


def convert(source: Path) -> Converted:
    """Read an official archive (binary or Python), its folder, or a folder or archive of images.

    A folder of images holds `train/<class>/*` and `test/<class>/*`, JPEG or PNG.
    """
    source = locate(source, *ARCHIVES, "cifar10-jpeg.tar.xz")
    if source.name in ARCHIVES:
        verify(source, ARCHIVES[source.name])
    batch = r"(?P<batch>data_batch_[1-5]|test_batch)(?P<binary>\.bin)?"
    image = rf"(?P<split>train|test)/(?P<label>{'|'.join(CLASS_NAMES)})/[^/]+\.(?:jpe?g|png)"
    batches: dict[str, Pixels] = {}
    images: dict[str, list[tuple[str, int, Bytes]]] = {"train": [], "test": []}
    lossy = False
    for match, content in members(source, f"(?:{batch}|{image})"):
        if match["split"]:
            pixels = decode(source, match["path"], content, "RGB", (32, 32))
            label = CLASS_NAMES.index(match["label"])
            images[match["split"]].append((match["path"], label, pixels))
            lossy |= not match["path"].endswith("png")
        else:
            read = _read_binary if match["binary"] else _read_pickle
            batches[match["batch"]] = read(source, match["path"], content)
    if images["train"] or images["test"]:
        return _from_images(source, images, LOSSY if lossy else "")
    return _from_batches(source, batches)


def _from_batches(source: Path, batches: dict[str, Pixels]) -> Converted:
    for name in BATCHES:
        if name not in batches:
            raise ValueError(f"{source} is incomplete: {name} is missing")
    train = [batches[name] for name in BATCHES[:4]]
    return Converted(
        train=Pixels(*(np.concatenate(parts) for parts in zip(*train, strict=True))),
        valid=batches[BATCHES[4]],
        test=batches[BATCHES[5]],
        shape=SHAPE,
        class_names=CLASS_NAMES,
    )


def _from_images(
    source: Path, images: dict[str, list[tuple[str, int, Bytes]]], note: str
) -> Converted:
    rng = np.random.default_rng(SPLIT_SEED)
    splits = {}
    for split, found in images.items():
        found.sort(key=lambda item: item[0])  # the order of an archive is not that of a folder
        labels = np.array([label for _, label, _ in found], np.uint8)
        names = [f"{split}/{name}" for name in CLASS_NAMES]
        require_counts(source, labels, names, _PER_CLASS[split])
        splits[split] = np.stack([pixels.ravel() for _, _, pixels in found]), labels
    train, valid = balanced_split(*splits["train"], held_out=_VALIDATION, rng=rng)
    test = shuffled(*splits["test"], rng=rng)
    return Converted(train, valid, test, SHAPE, CLASS_NAMES, note)


def _read_binary(source: Path, name: str, content: bytes) -> Pixels:
    """Records of a label and three planes of 1,024 pixels."""
    if len(content) != PER_BATCH * 3073:
        raise ValueError(
            f"{source}: {name} has {len(content)} bytes, expected {PER_BATCH * 3073}: truncated"
        )
    records = np.frombuffer(content, np.uint8).reshape(PER_BATCH, 3073)
    return Pixels(_interleave(records[:, 1:]), records[:, 0].copy())


def _read_pickle(source: Path, name: str, content: bytes) -> Pixels:
    found, expected = hashlib.md5(content, usedforsecurity=False).hexdigest(), PICKLES[name]
    if found != expected:
        raise ValueError(
            f"{source}: {name} is truncated or altered: its md5 is {found}, expected {expected}"
        )
    batch = ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    return Pixels(_interleave(batch[b"data"]), np.array(batch[b"labels"], np.uint8))


def _interleave(planes: Bytes) -> Bytes:
    """Three planes of pixels -> height × width × channels."""
    return planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(len(planes), -1)


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that makes arrays and plain containers and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.empty(0).__reduce__()[0]  # the same function, wherever NumPy keeps it now
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        raise pickle.UnpicklingError(f"a batch must hold arrays only, got {module}.{name}")


RECIPE = Recipe("cifar10", FILES, "none stated; cite Krizhevsky (2009)", convert)
