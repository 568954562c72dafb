"""MNIST: 70,000 handwritten digits, 28×28 gray; 50,000 / 10,000 / 10,000 as in the paper.

The validation images are the last 10,000 of the official training file. Source: Y. LeCun,
L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from glorot.datasets.sources import Recipe, RemoteFile, damage_named, locate, verify
from glorot.datasets.store import Bytes, Converted, Pixels

_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_VALIDATION = 10_000
FILES = tuple(
    RemoteFile(_MIRROR + name, "sha256:" + checksum)
    for name, checksum in {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    }.items()
)


def convert(source: Path) -> Converted:
    """Read the four official files from a folder, or from its subfolder `mnist`."""
    folder = locate(source, "mnist")
    paths = [folder / file.name for file in FILES]
    for path, file in zip(paths, FILES, strict=True):
        if not path.is_file():
            raise FileNotFoundError(f"source must hold the four MNIST files, {path} is missing")
        verify(path, file.checksum)
    images, labels, test_images, test_labels = (read_idx(path) for path in paths)
    first = len(labels) - _VALIDATION
    return Converted(
        train=Pixels(images[:first], labels[:first]),
        valid=Pixels(images[first:], labels[first:]),
        test=Pixels(test_images, test_labels),
        shape=(28, 28, 1),
        class_names=tuple("0123456789"),
    )


def read_idx(path: Path) -> Bytes:
    """Read a gzipped IDX file of bytes: (n,) labels, or (n, height · width) images.

    The format: two zero bytes, the type (8: unsigned byte), the number of axes, their lengths as
    32-bit big-endian integers, the data. Raises ValueError, naming the file, if it is damaged.
    """
    with damage_named(path), gzip.open(path) as file:
        content = file.read()
    axes = content[3] if content[:3] == b"\x00\x00\x08" else 0
    lengths = np.frombuffer(content[4 : 4 + 4 * axes], ">u4").tolist()
    data = np.frombuffer(content[4 + 4 * axes :], np.uint8)
    if axes == 0 or data.size != np.prod(lengths):
        raise ValueError(f"{path} is not an IDX file of bytes, or is truncated")
    return data.reshape(lengths[0], -1) if axes > 1 else data


RECIPE = Recipe("mnist", FILES, "CC BY-SA 3.0, Yann LeCun and Corinna Cortes", convert)
