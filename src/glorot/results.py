"""Records of long runs, with their provenance, and checkpoints that survive an interruption.

A record is what an experiment leaves behind: a JSON file ``<experiment>-<scale>.json`` that a
person can read and, beside it, an ``.npz`` file with its arrays. Both are written whole or not at
all. Chapters read records and never write them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

__all__ = [
    "RECORDS",
    "Checkpoint",
    "DamagedFileError",
    "Record",
    "load_record",
    "provenance",
    "records",
    "validate",
    "write_atomic",
]

RECORDS = Path(__file__).parent / "records"
"""The folder of the records that come with the package."""

_LIBRARIES = ("glorot", "numpy", "scipy", "torch")

# key of a record -> types of its value; a dotted key stands inside the key before the dot
_SCHEMA: dict[str, tuple[type, ...]] = {
    "experiment": (str,),
    "scale": (str,),
    "claim": (str,),
    "config": (dict,),
    "config.seeds": (list,),
    "data": (dict,),
    "data.name": (str,),
    "data.checksum": (str,),
    "deviations": (list,),
    "results": (dict, list),
    "arrays": (dict,),
    "provenance": (dict,),
    "provenance.versions": (dict,),
    "provenance.python": (str,),
    "provenance.device": (str,),
    "provenance.wall_seconds": (int, float),
    "provenance.commit": (str,),
    "provenance.date": (str,),
}


class DamagedFileError(ValueError):
    """A record or checkpoint whose content is not what was written."""


@dataclass(frozen=True)
class Record:
    """What one run of an experiment found, and all that is needed to make it again.

    Args:
        experiment: name of the experiment, as in ``glorot reproduce NAME``.
        scale: ``smoke``, ``laptop`` or ``paper``.
        claim: the sentence that was tried.
        config: the frozen configuration as plain values, its seeds under ``seeds``.
        data: ``name`` and ``checksum`` of the data set.
        deviations: where the run departs from the paper, one sentence each.
        results: figures that the run found, as plain values.
        provenance: versions, device, wall time, commit and date (see :func:`provenance`).
        arrays: longer series by name; they are kept in an ``.npz`` file beside the JSON.
    """

    experiment: str
    scale: str
    claim: str
    config: dict[str, Any]
    data: dict[str, Any]
    deviations: list[str]
    results: Any
    provenance: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values; of each array only shape, type and SHA-256."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "arrays"}
        plain["arrays"] = {name: _fingerprint(array) for name, array in self.arrays.items()}
        return plain

    def save(self, directory: str | os.PathLike[str] = RECORDS) -> Path:
        """Write the record to a folder, atomically, and return the path of its JSON file.

        Args:
            directory: folder, made if it is not there.

        Returns:
            The path ``directory/<experiment>-<scale>.json``.

        Raises:
            ValueError: if the record does not match the schema; nothing is written then.
        """
        plain = self.to_dict()
        validate(plain)
        path = Path(directory) / f"{self.experiment}-{self.scale}.json"
        text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        if self.arrays:
            write_atomic(path.with_suffix(".npz"), _pack(self.arrays))
        else:
            path.with_suffix(".npz").unlink(missing_ok=True)
        return write_atomic(path, text.encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Record:
        """Read a record and its arrays from the path of its JSON file.

        Raises:
            FileNotFoundError: if there is no such file.
            DamagedFileError: if it is not JSON, or an array is not the one that the JSON describes.
            ValueError: if the content does not match the schema.
        """
        path = Path(path)
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DamagedFileError(f"record {path} is not JSON: {error}") from None
        validate(plain)
        described = plain.pop("arrays")
        return cls(**plain, arrays=_load_arrays(path.with_suffix(".npz"), described))


def load_record(
    name: str, scale: str = "laptop", directory: str | os.PathLike[str] = RECORDS
) -> Record:
    """Return the record of an experiment at a scale.

    Args:
        name: name of the experiment.
        scale: ``smoke``, ``laptop`` or ``paper``.
        directory: folder to look in, by default that of the package.

    Returns:
        The record with its arrays.

    Raises:
        FileNotFoundError: if there is none; the message is the command that makes it.
        ValueError: if the file does not match the schema.
    """
    path = Path(directory) / f"{name}-{scale}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"no record of experiment {name!r} at scale {scale!r} in {path.parent}; "
            f"make it with: glorot reproduce {name} --scale {scale}"
        )
    return Record.load(path)


def records(directory: str | os.PathLike[str] = RECORDS) -> list[tuple[str, str]]:
    """Return (experiment, scale) of every record in a folder, sorted."""
    stems = (path.stem for path in Path(directory).glob("*-*.json"))
    return sorted((stem.rpartition("-")[0], stem.rpartition("-")[2]) for stem in stems)


def validate(plain: Mapping[str, Any]) -> None:
    """Check a record, given as plain values, against the schema.

    Raises:
        ValueError: naming the key that is missing, unknown, empty or of the wrong type.

    >>> validate({"experiment": 3})
    Traceback (most recent call last):
    ValueError: record key 'experiment' must be str, got 3
    """
    if not isinstance(plain, Mapping):
        raise ValueError(f"a record must be a mapping, got {plain!r}")
    for key, types in _SCHEMA.items():
        value = _lookup(plain, key)
        if not isinstance(value, types) or isinstance(value, bool):
            names = " or ".join(kind.__name__ for kind in types)
            raise ValueError(f"record key {key!r} must be {names}, got {value!r}")
        if isinstance(value, str) and not value.strip():
            raise ValueError(f"record key {key!r} must not be empty, got {value!r}")
    for key in plain:
        if key not in _SCHEMA:
            raise ValueError(f"record key {key!r} is unknown")
    for key in ("config", "data", "deviations", "results", "provenance"):
        _check_plain(plain[key], key)


def _lookup(plain: Mapping[str, Any], key: str) -> Any:
    outer, _, inner = key.partition(".")
    holder = plain[outer] if inner else plain
    if (inner or outer) not in holder:
        raise ValueError(f"record key {key!r} is missing")
    return holder[inner or outer]


def _check_plain(value: Any, key: str) -> None:
    """Refuse what JSON cannot hold, NaN and infinities among it, and name where it stands."""
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise ValueError(f"record key {key!r} holds a key that is not str: {name!r}")
            _check_plain(item, f"{key}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_plain(item, f"{key}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"record key {key!r} must be finite, got {value!r}")
    elif value is not None and not isinstance(value, str | bool | int | float):
        raise ValueError(f"record key {key!r} must be a plain value, got {value!r}")


def write_atomic(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file whole or not at all: a reader sees the old content or the new, never a part.

    Args:
        path: the file; its folder is made if it is not there.
        content: the bytes.

    Returns:
        The path.

    Raises:
        OSError: if it cannot be written; what was there before still is.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    return path


class Checkpoint:
    """The state of an unfinished run: plain values and arrays in one file that is never half there.

    The file begins with the SHA-256 of the rest, so a torn or altered one is refused instead of
    resumed from.

    >>> import tempfile
    >>> checkpoint = Checkpoint(Path(tempfile.mkdtemp()) / "run.checkpoint")
    >>> checkpoint.load() is None
    True
    >>> checkpoint.save({"update": 3}, {"w": np.ones(2)})
    >>> values, arrays = checkpoint.load()
    >>> values, arrays["w"]
    ({'update': 3}, array([1., 1.]))
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    def save(self, values: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Replace the file by this state, atomically."""
        text = np.frombuffer(json.dumps(values, allow_nan=False).encode(), dtype=np.uint8)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, array in (("values", text), *((f"array/{n}", a) for n, a in arrays.items())):
                archive.writestr(name, _npy(array))
        payload = buffer.getvalue()
        write_atomic(self.path, hashlib.sha256(payload).digest() + payload)

    def load(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """Return (values, arrays) of the last state saved, or None if there is none.

        Raises:
            DamagedFileError: if the file is torn or altered.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        digest, payload = content[:32], content[32:]
        if hashlib.sha256(payload).digest() != digest:
            raise DamagedFileError(
                f"checkpoint {self.path} is damaged: its checksum does not match"
            )
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            found = {n: np.load(io.BytesIO(archive.read(n))) for n in archive.namelist()}
        values = json.loads(found.pop("values").tobytes())
        return values, {name.removeprefix("array/"): array for name, array in found.items()}

    def remove(self) -> None:
        """Delete the file if it is there."""
        self.path.unlink(missing_ok=True)


def provenance(device: str, wall_seconds: float) -> dict[str, Any]:
    """Return where a result comes from: versions, Python, device, wall time, commit and date.

    Args:
        device: what ran it, ``cpu`` or ``cuda``.
        wall_seconds: how long it ran, all resumed parts together, in seconds.

    Returns:
        Plain values for the key ``provenance`` of a record.
    """
    return {
        "versions": {name: _version(name) for name in _LIBRARIES},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": f"{device} ({_processor()})" if device == "cpu" else device,
        "wall_seconds": round(float(wall_seconds), 1),
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "unknown"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or sys.platform


def _commit() -> str:
    """The commit of the checkout that tracks this file, with '+changes' if it has any."""
    here = Path(__file__)

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(here.parent), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)
        commit = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--", ".", f":!{RECORDS.name}")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}+changes" if changed else commit


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def _pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():  # a fixed date: equal arrays make equal bytes
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(info, _npy(array), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _fingerprint(array: np.ndarray) -> dict[str, Any]:
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(array.tobytes()).hexdigest()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "sha256": digest}


def _load_arrays(path: Path, described: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not described:
        return {}
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise DamagedFileError(f"the record's arrays {path} are missing") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError) as error:
        raise DamagedFileError(f"the record's arrays {path} are damaged: {error}") from None
    for name in {*described, *arrays}:
        if name not in arrays or _fingerprint(arrays[name]) != described.get(name):
            raise DamagedFileError(
                f"array {name!r} in {path} is not the one that its record describes"
            )
    return arrays
