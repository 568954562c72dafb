"""Where data sets come from: downloads with a checksum, archives and folders of files.

Nothing is unpacked to disk: the members of an archive are read one after another.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glorot.datasets.store import Bytes, Converted, Pixels

SPLIT_SEED = 2010  # of the shuffles that choose validation images where no order is published
_DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    tarfile.ReadError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class RemoteFile:
    """An official file: its address and its checksum, as "sha256:…" or "md5:…"."""

    url: str
    checksum: str

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Recipe:
    """How a data set is obtained: official files, terms, and a converter of a file or folder."""

    name: str
    files: tuple[RemoteFile, ...]
    licence: str
    convert: Callable[[Path], Converted]


def download(recipe: Recipe, folder: Path) -> None:
    """Fetch the official files into a folder; what is there and whole is not fetched again.

    Raises OSError if a file cannot be had and ValueError if it is not what it should be; both name
    the address and the file.
    """
    import pooch  # here, for it takes longer to import than all else

    for file in recipe.files:
        target = folder / file.name
        downloader = pooch.HTTPDownloader(progressbar=True, timeout=60)
        try:
            pooch.retrieve(file.url, file.checksum, file.name, folder, downloader=downloader)
        except OSError as error:
            reason = " ".join(str(error).split())
            raise OSError(
                error.errno, f"cannot download {file.url} to {target}: {reason}"
            ) from error
        except ValueError as error:
            raise ValueError(
                f"{file.url} is truncated or altered: what came for {target} has another checksum "
                f"than {file.checksum}; nothing was kept"
            ) from error


def verify(path: Path, checksum: str) -> None:
    """Raise ValueError, naming the file, unless it has the checksum ("sha256:…" or "md5:…")."""
    algorithm, expected = checksum.split(":")
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} is truncated or altered: its {algorithm} is {found}, expected {expected}"
        )


def locate(source: Path, *names: str) -> Path:
    """The first of the names that lies in the folder `source`; else `source` itself."""
    if not source.exists():
        raise FileNotFoundError(f"source must exist, got {source}")
    return next((source / name for name in names if (source / name).exists()), source)


def members(source: Path, pattern: str) -> Iterator[tuple[re.Match[str], bytes]]:
    """The files of a folder, a tar or a zip archive whose path ends in `pattern`, one at a time.

    Yields the match, which holds the path without what stands before, and the file's content.
    Raises ValueError, naming the archive, if it is damaged.
    """
    wanted = re.compile(rf"(?:^|.*/)(?P<path>{pattern})")
    with damage_named(source):
        for name, read in _entries(source):
            if match := wanted.fullmatch(name):
                yield match, read()


def _entries(source: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if source.is_dir():
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            yield path.relative_to(source).as_posix(), path.read_bytes
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                yield entry.filename, lambda entry=entry: archive.read(entry)  # type: ignore[misc]
    else:
        with tarfile.open(source, "r|*") as stream:
            for member in stream:
                if member.isfile():
                    yield member.name, lambda member=member: _read(stream, member)  # type: ignore[misc]


def _read(stream: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = stream.extractfile(member)
    content = file.read() if file else b""
    if len(content) < member.size:
        raise EOFError(f"{member.name} ends early")
    return content


@contextlib.contextmanager
def damage_named(source: Path) -> Iterator[None]:
    """Turn the many errors of a damaged archive into one ValueError that names it."""
    try:
        yield
    except _DAMAGE as error:
        reason = " ".join(str(error).split())  # a tar's error has several lines
        raise ValueError(f"{source} is truncated or damaged: {reason}") from error


def decode(source: Path, name: str, content: bytes, mode: str, size: tuple[int, int]) -> Bytes:
    """The pixels of an image file, (height, width[, channels]): `mode` as in Pillow, `size` (w, h).

    An image of another size is resampled (Lanczos). Raises ValueError, naming the file, if it is no
    image or ends early.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            image = image.convert(mode)
            if image.size != size:
                image = image.resize(size, Image.Resampling.LANCZOS)
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{source}: {name} is a damaged image: {error}") from error


def balanced_split(
    images: Bytes, labels: Bytes, held_out: int, rng: np.random.Generator
) -> tuple[Pixels, Pixels]:
    """Shuffle, and set the last `held_out` images of each class apart: (kept, held out)."""
    order = rng.permutation(len(labels))
    apart = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        apart[order[labels[order] == label][-held_out:]] = True
    kept, valid = order[~apart[order]], rng.permutation(np.flatnonzero(apart))
    return Pixels(images[kept], labels[kept]), Pixels(images[valid], labels[valid])


def shuffled(images: Bytes, labels: Bytes, rng: np.random.Generator) -> Pixels:
    """The images in a random order, so that the first hundred are of all classes."""
    order = rng.permutation(len(labels))
    return Pixels(images[order], labels[order])


def require_counts(source: Path, labels: NDArray[np.integer], names: list[str], count: int) -> None:
    """Raise ValueError, naming the source and the class, unless each class has `count` images."""
    found = np.bincount(labels, minlength=len(names))
    for name, n in zip(names, found, strict=True):
        if n != count:
            raise ValueError(f"{source} is incomplete: {name} has {n} images, expected {count}")
