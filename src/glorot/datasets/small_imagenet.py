"""Small-ImageNet: ten balanced groups of photographs, 37×37 gray; 18,000 / 2,000 / 2,000.

The paper's Small-ImageNet (90,000 / 10,000 / 10,000) was never published. This stand-in is built
from Tiny-ImageNet: four of its 200 classes to a group. Seven groups bear the paper's names; its
fish and flowers became sea animals and insects. Test images are the official `val`; the validation
images are chosen from `train` with a fixed seed, 200 to a group. Color becomes luma (ITU-R 601),
64×64 pixels become 37×37 by Lanczos resampling.
"""

from __future__ import annotations

from pathlib import Path

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
from glorot.datasets.store import Bytes, Converted

GROUPS = {
    "reptiles": "n01698640 n01742172 n01629819 n01641577",
    "vehicles": "n04146614 n04285008 n02917067 n03393912",
    "birds": "n01855672 n02002724 n02056570 n02058221",
    "mammals": "n02123045 n02099601 n02132136 n02504458",
    "sea_animals": "n01443537 n01910747 n01950731 n01983481",
    "furniture": "n03014705 n03179701 n03201208 n04099969",
    "instruments": "n03838899 n03854065 n03706229 n04328186",
    "tools": "n02906734 n03970156 n03804744 n03649909",
    "insects": "n02165456 n02279972 n02206856 n02268443",
    "fruits": "n07747607 n07749582 n07753592 n07768694",
}
CLASS_NAMES = tuple(GROUPS)
LABELS = {wnid: label for label, wnids in enumerate(GROUPS.values()) for wnid in wnids.split()}
SIDE = 37
NOTE = "a stand-in built from Tiny-ImageNet, with a fifth of the paper's images"
FILES = (
    RemoteFile(
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        "md5:90528d7ca1a48142e341f4ef8d21d0de",
    ),
)
_ARCHIVE = FILES[0].name
_FOLDER = "tiny-imagenet-200"
_PER_CLASS = {"train": 500, "val": 50}
_VALIDATION = 200  # of each group


def convert(source: Path) -> Converted:
    """Read Tiny-ImageNet in its official layout, whole or the forty classes: archive or folder."""
    source = locate(source, _ARCHIVE, f"{_FOLDER}-subset.tar.xz", _FOLDER)
    if source.name == _ARCHIVE:
        verify(source, FILES[0].checksum)
    train, val, classes = _read(source)
    for name in sorted(classes.keys() - val.keys()):
        raise ValueError(f"{source} is incomplete: val/images/{name} is missing")
    labels = {name: LABELS[wnid] for name, wnid in classes.items()}
    labels |= {name: LABELS[name.split("_")[0]] for name in train}
    rng = np.random.default_rng(SPLIT_SEED)
    first, valid = balanced_split(
        *_stacked(source, "train", train, labels), held_out=_VALIDATION, rng=rng
    )
    wanted = {name: val[name] for name in classes}
    test = shuffled(*_stacked(source, "val", wanted, labels), rng=rng)
    return Converted(first, valid, test, (SIDE, SIDE, 1), CLASS_NAMES, NOTE)


def _read(source: Path) -> tuple[dict[str, Bytes], dict[str, Bytes], dict[str, str]]:
    """Training and validation images by file name, and the classes of our validation images."""
    train_image = rf"train/(?:{'|'.join(LABELS)})/images/(?P<train>[^/]+\.JPEG)"
    pattern = rf"(?:{train_image}|val/images/(?P<val>[^/]+\.JPEG)|val/val_annotations\.txt)"
    train: dict[str, Bytes] = {}
    val: dict[str, Bytes] = {}
    classes: dict[str, str] = {}
    for match, content in members(source, pattern):
        if name := match["train"] or match["val"]:
            pixels = decode(source, match["path"], content, "L", (SIDE, SIDE))
            (train if match["train"] else val)[name] = pixels.ravel()
        else:
            rows = (line.split("\t") for line in content.decode().splitlines())
            classes = {row[0]: row[1] for row in rows if row[1] in LABELS}
    return train, val, classes


def _stacked(
    source: Path, split: str, images: dict[str, Bytes], labels: dict[str, int]
) -> tuple[Bytes, Bytes]:
    names = sorted(images)  # the order of an archive is not that of a folder
    found = np.array([labels[name] for name in names], np.uint8)
    groups = [f"{split}: {group}" for group in CLASS_NAMES]
    require_counts(source, found, groups, 4 * _PER_CLASS[split])
    return np.stack([images[name] for name in names]), found


RECIPE = Recipe(
    "small_imagenet", FILES, "ImageNet terms of access: non-commercial research, teaching", convert
)
