"""The data sets: splits, conversion, download, and what becomes of damaged or missing files.

Most tests make small sources of their own; those that need the real files find them through the
environment variable GLOROT_DATA_SOURCE.
"""

from __future__ import annotations

import dataclasses
import errno
import functools
import gzip
import hashlib
import http.server
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glorot import datasets
from glorot.datasets import cifar10, mnist, small_imagenet, sources, store

TRAIN, TEST = 10_050, 30  # of the small MNIST: fifty for training, 10,000 for validation


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.tobytes(), compresslevel=1, mtime=0)


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory):
    """A folder of four small files in the official format, and the arrays in them."""
    rng = np.random.default_rng(0)
    arrays = [
        np.repeat(rng.integers(0, 256, (n, 1, 28), np.uint8), 28, axis=1) if images
        else rng.integers(0, 10, n, np.uint8)
        for n in (TRAIN, TEST)
        for images in (True, False)
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("small") / "mnist"
    folder.mkdir()
    for file, array in zip(mnist.FILES, arrays, strict=True):
        (folder / file.name).write_bytes(idx(array))
    return folder, arrays


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("GLOROT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def checksums(source: Path, url: str = "http://localhost/") -> tuple[sources.RemoteFile, ...]:
    return tuple(
        sources.RemoteFile(
            url + file.name,
            "sha256:" + hashlib.sha256((source / file.name).read_bytes()).hexdigest(),
        )
        for file in mnist.FILES
    )


@pytest.fixture
def source(tmp_path, small_mnist, monkeypatch):
    """A copy of the small MNIST that a test may damage; its checksums are the expected ones."""
    copy = tmp_path / "source"
    copy.mkdir()
    for path in small_mnist[0].iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(mnist, "FILES", checksums(copy))
    return copy


@pytest.fixture
def before(folder):
    """A data folder that holds an earlier mnist.npz, and its content."""
    folder.mkdir()
    (folder / "mnist.npz").write_bytes(b"what was there before")
    return b"what was there before"


def untouched(folder, before):
    return (folder / "mnist.npz").read_bytes() == before and not list(folder.glob(".*"))


# ---------------------------------------------------------------------------------------- mnist


def test_the_splits_are_those_of_the_paper(source, small_mnist, folder):
    images, labels, test_images, test_labels = small_mnist[1]
    path = datasets.prepare("mnist", source)
    assert path == folder / "mnist.npz"
    found = datasets.load("mnist")
    for split, pixels, expected in (
        (found.train, images[:50], labels[:50]),
        (found.valid, images[50:], labels[50:]),
        (found.test, test_images, test_labels),
    ):
        assert split.images.dtype == np.float32
        assert split.labels.dtype == np.int64
        assert len(split) == len(expected)
        np.testing.assert_array_equal(split.labels, expected)
        np.testing.assert_allclose(split.images, pixels.reshape(len(pixels), -1) / 255, rtol=1e-6)
    assert found.train.images.max() == 1
    assert found.name == "mnist"
    assert found.shape == found.image_shape == (28, 28, 1)
    assert found.class_names[3] == "3"
    assert found.note == ""


def test_the_checksum_is_that_of_all_pixels_and_labels(source, small_mnist, folder):
    images, labels, test_images, test_labels = small_mnist[1]
    parts = [images[:50], labels[:50], images[50:], labels[50:], test_images, test_labels]
    datasets.prepare("mnist", source)
    expected = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    assert datasets.load("mnist").checksum == expected


def test_a_folder_that_holds_the_folder_will_do(small_mnist, monkeypatch, folder):
    monkeypatch.setattr(mnist, "FILES", checksums(small_mnist[0]))
    assert datasets.prepare("mnist", str(small_mnist[0].parent)).is_file()


def test_the_stored_file_holds_bytes_and_nothing_is_compressed(source, folder):
    with zipfile.ZipFile(datasets.prepare("mnist", source)) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        size = sum(info.file_size for info in archive.infolist())
    assert size == pytest.approx((TRAIN + TEST) * 785, rel=0.01)


def test_preparing_twice_gives_the_same_numbers(source, folder):
    one = datasets.prepare("mnist", source) and datasets.load("mnist")
    two = datasets.prepare("mnist", source) and datasets.load("mnist")
    assert one.checksum == two.checksum
    np.testing.assert_array_equal(one.valid.images, two.valid.images)


# --------------------------------------------------------------------------- names and absences


def test_what_is_absent_is_named_with_the_command_that_fetches_it(folder):
    for name in ("mnist", "cifar10", "small_imagenet"):
        with pytest.raises(FileNotFoundError, match=f"run: glorot data {name}$") as caught:
            datasets.load(name)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("call", [datasets.load, datasets.prepare])
def test_shapeset_is_drawn_and_not_loaded(call):
    with pytest.raises(ValueError, match=r"got 'shapeset'.*shapeset\.sample\(n, rng\)"):
        call("shapeset")


@pytest.mark.parametrize("name", ["MNIST", "", None, "../mnist"])
def test_an_unknown_name_is_an_error_that_lists_the_known(name):
    for call in (datasets.load, datasets.prepare):
        with pytest.raises(ValueError, match=f"mnist, cifar10, small_imagenet, got {name!r}"):
            call(name)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "small_imagenet"])
def test_a_missing_source_is_named(name, tmp_path, folder):
    missing = tmp_path / "nowhere"
    with pytest.raises(FileNotFoundError, match=str(missing)):
        datasets.prepare(name, missing)
    assert not folder.exists()


def test_available_tells_what_is_there(source, folder):
    rows = {row.name: row for row in datasets.available()}
    assert list(rows) == ["mnist", "cifar10", "small_imagenet"]
    assert not any(row.present for row in rows.values())
    assert all(row.size is None and row.checksum is None for row in rows.values())
    assert all(row.source.startswith("http") and row.licence for row in rows.values())
    path = datasets.prepare("mnist", source)
    row = datasets.available()[0]
    assert row.present
    assert row.path == path
    assert row.size == path.stat().st_size
    assert row.checksum == datasets.load("mnist").checksum


def test_the_default_folder_is_the_users_cache(monkeypatch):
    monkeypatch.delenv("GLOROT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert store.data_folder().name == "glorot"
    if sys.platform == "linux":
        assert store.data_folder() == Path("/somewhere/cache/glorot")


# --------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("name", [file.name for file in mnist.FILES])
def test_a_truncated_file_is_named_and_what_was_there_stays(name, source, folder, before):
    path = source / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"{path} is truncated or altered: its sha256 is"):
        datasets.prepare("mnist", source)
    assert untouched(folder, before)


def test_an_altered_file_is_named_and_what_was_there_stays(source, folder, before):
    path = source / mnist.FILES[0].name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path} is truncated or altered"):
        datasets.prepare("mnist", source)
    assert untouched(folder, before)


def test_a_missing_file_is_named_and_what_was_there_stays(source, folder, before):
    path = source / mnist.FILES[3].name
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{path} is missing"):
        datasets.prepare("mnist", source)
    assert untouched(folder, before)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],  # the stream ends early
        lambda content: content[:-4] + b"\0\0\0\0",  # the length is wrong
        lambda content: b"no gzip at all",
        lambda content: gzip.compress(gzip.decompress(content)[:-1]),  # a pixel is missing
        lambda content: gzip.compress(b"\0\0\x0d\3" + gzip.decompress(content)[4:]),  # floats
        lambda content: gzip.compress(b""),
    ],
)
def test_a_damaged_file_is_named_whatever_its_damage(damage, tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(damage(idx(np.arange(60, dtype=np.uint8).reshape(5, 4, 3))))
    with pytest.raises(ValueError, match=str(path)):
        mnist.read_idx(path)


def test_a_whole_file_is_read(tmp_path):
    images = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    (tmp_path / "images.gz").write_bytes(idx(images))
    np.testing.assert_array_equal(mnist.read_idx(tmp_path / "images.gz"), images.reshape(5, 12))
    (tmp_path / "labels.gz").write_bytes(idx(images[:, 0, 0]))
    np.testing.assert_array_equal(mnist.read_idx(tmp_path / "labels.gz"), images[:, 0, 0])


CHILD = """
import json, os, resource, signal, sys
from glorot.datasets import mnist, prepare, sources
mnist.FILES = tuple(sources.RemoteFile(*file) for file in json.loads(sys.argv[2]))
{first}
prepare("mnist", sys.argv[1])
"""


def in_a_child(first: str, source: Path) -> subprocess.CompletedProcess[str]:
    files = json.dumps([dataclasses.astuple(file) for file in mnist.FILES])
    script = CHILD.format(first=textwrap.dedent(first))
    return subprocess.run(
        [sys.executable, "-c", script, str(source), files],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="limits of resources are POSIX")
def test_a_full_disk_is_an_error_that_names_the_file_and_harms_nothing(source, folder, before):
    # The kernel refuses to let a file grow beyond a megabyte, as it does when a disk is full.
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))"
    child = in_a_child(limit, source)
    assert child.returncode == 1
    last = child.stderr.strip().splitlines()[-1]
    assert last.startswith("OSError")
    assert f"cannot write {folder / 'mnist.npz'}, it is left as it was" in last
    assert os.strerror(errno.EFBIG) in last
    assert untouched(folder, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("event", ["open", "os.rename"])
def test_a_killed_conversion_leaves_what_was_there(event, source, folder, before):
    # The process kills itself as it opens the new file, or just before that takes the old one's
    # place: no cleaning up is possible then.
    kill = f"""
    def hook(event, args):
        if event == {event!r} and str(args[0]).endswith(".part"):
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    """
    child = in_a_child(kill, source)
    assert child.returncode == -signal.SIGKILL
    assert (folder / "mnist.npz").read_bytes() == before
    remains = list(folder.glob(".mnist.npz.*.part"))
    assert len(remains) == (event == "os.rename")
    for path in remains:  # a day later they are cleared away
        os.utime(path, (time.time() - 90_000,) * 2)
    datasets.prepare("mnist", source)
    assert len(datasets.load("mnist").test) == TEST
    assert not list(folder.glob(".*"))


def test_an_interruption_leaves_what_was_there(source, folder, before, monkeypatch):
    def interrupted(file, **arrays):
        file.write(b"a part")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        datasets.prepare("mnist", source)
    assert untouched(folder, before)


@pytest.mark.parametrize("damage", ["truncated", "altered", "no archive", "another archive"])
def test_a_damaged_stored_file_is_named_with_the_way_to_renew_it(damage, source, folder):
    path = datasets.prepare("mnist", source)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[:-1000])
    elif damage == "altered":
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
    elif damage == "no archive":
        path.write_bytes(b"not an archive")
    else:
        np.savez(path, other=np.zeros(3))
    with pytest.raises(ValueError, match=rf"{path} is damaged .* run: glorot data mnist$"):
        datasets.load("mnist")
    if damage != "altered":
        row = datasets.available()[0]
        assert not row.present
        assert "damaged" in row.note


# ------------------------------------------------------------------------------------- download


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `cut` ends a named file early, after promising all of it."""

    cut = ""
    asked: list[str]

    def do_GET(self):
        self.asked.append(self.path)
        if self.cut and self.path.endswith(self.cut):
            content = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(source, monkeypatch, capfd):
    """A web server on this machine with the four files, from which mnist is downloaded."""
    handler = type("Handler", (Quiet,), {"asked": []})
    bound = functools.partial(handler, directory=source)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), bound) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        files = checksums(source, f"http://127.0.0.1:{running.server_port}/")
        monkeypatch.setattr(mnist, "FILES", files)
        recipe = dataclasses.replace(mnist.RECIPE, files=files)
        monkeypatch.setitem(datasets._RECIPES, "mnist", recipe)
        yield handler
        running.shutdown()


def test_a_download_is_verified_converted_and_cleared_away(server, folder):
    path = datasets.prepare("mnist")
    assert len(datasets.load("mnist").valid) == 10_000
    assert [p.name for p in folder.rglob("*") if p.is_file()] == [path.name]
    assert len(server.asked) == 4


def test_an_altered_download_is_refused(server, source, folder, before):
    path = source / mnist.FILES[1].name
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(ValueError, match=f"{mnist.FILES[1].url} is truncated or altered"):
        datasets.prepare("mnist")
    assert untouched(folder, before)
    assert not list(folder.rglob(path.name))


def test_an_interrupted_download_is_named_and_goes_on_where_it_was(server, folder, before):
    server.cut = mnist.FILES[2].name
    with pytest.raises(OSError, match=f"cannot download {mnist.FILES[2].url} to {folder}"):
        datasets.prepare("mnist")
    assert untouched(folder, before)
    assert not list(folder.rglob(server.cut))
    server.cut = ""
    server.asked.clear()
    datasets.prepare("mnist")
    assert [path[1:] for path in server.asked] == [file.name for file in mnist.FILES[2:]]


def test_a_missing_download_is_named(server, source, folder, before):
    (source / mnist.FILES[0].name).unlink()
    with pytest.raises(OSError, match=f"cannot download {mnist.FILES[0].url} .* 404"):
        datasets.prepare("mnist")
    assert untouched(folder, before)


def test_the_official_addresses_have_checksums():
    for recipe in datasets._RECIPES.values():
        for file in recipe.files:
            algorithm, digest = file.checksum.split(":")
            assert len(bytes.fromhex(digest)) == hashlib.new(algorithm).digest_size
            assert file.name
            assert file.url.endswith(file.name)


# -------------------------------------------------------------------------------------- cifar10


@pytest.fixture
def batches(monkeypatch):
    """Six small batches: planes of pixels (20, 3, 32, 32) and labels (20,)."""
    monkeypatch.setattr(cifar10, "PER_BATCH", 20)
    rng = np.random.default_rng(1)
    return {
        name: (rng.integers(0, 256, (20, 3, 32, 32), np.uint8), rng.integers(0, 10, 20, np.uint8))
        for name in cifar10.BATCHES
    }


def binary(planes, labels):
    return np.column_stack([labels, planes.reshape(len(labels), -1)]).tobytes()


def pickled(planes, labels):
    """A batch as Python 2 and an old NumPy wrote it."""
    batch = {b"data": planes.reshape(len(labels), -1), b"labels": labels.tolist()}
    return pickle.dumps(batch, protocol=3).replace(b"numpy._core.multi", b"numpy.core.multi")


def archive(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def check_batches(batches):
    found = datasets.load("cifar10")
    planes = np.concatenate([batches[f"data_batch_{k}"][0] for k in range(1, 5)])
    labels = np.concatenate([batches[f"data_batch_{k}"][1] for k in range(1, 5)])
    assert found.shape == (32, 32, 3)
    assert found.note == ""
    np.testing.assert_array_equal(found.train.labels, labels)
    np.testing.assert_array_equal(found.valid.labels, batches["data_batch_5"][1])
    np.testing.assert_array_equal(found.test.labels, batches["test_batch"][1])
    image = found.train.images[33].reshape(found.shape)
    for channel in range(3):
        np.testing.assert_allclose(image[..., channel], planes[33, channel] / 255, rtol=1e-6)


def test_cifar10_is_read_from_the_binary_archive(batches, tmp_path, folder):
    files = {f"cifar-10-batches-bin/{name}.bin": binary(*batches[name]) for name in batches}
    datasets.prepare("cifar10", archive(tmp_path / "mine.tar.gz", files))
    check_batches(batches)


def test_cifar10_is_read_from_the_pickles(batches, tmp_path, folder, monkeypatch):
    files = {f"cifar-10-batches-py/{name}": pickled(*batches[name]) for name in batches}
    md5 = {Path(name).name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(cifar10, "PICKLES", md5)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    datasets.prepare("cifar10", tmp_path)
    check_batches(batches)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def test_no_pickle_is_opened_that_is_not_the_official_one(tmp_path, folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="data_batch_1 is truncated or altered: its md5 is"):
        datasets.prepare("cifar10", tmp_path)
    # and were its checksum right, it could make arrays only
    with pytest.raises(pickle.UnpicklingError, match=r"arrays only, got .*mkdir"):
        cifar10.ArrayUnpickler(io.BytesIO(pickle.dumps(Evil()))).load()
    assert not (tmp_path / "evil").exists()


def test_an_official_archive_is_verified_when_it_is_imported(tmp_path, folder):
    for name in cifar10.ARCHIVES:
        path = archive(tmp_path / name, {"data_batch_1.bin": b""})
        with pytest.raises(ValueError, match=f"{path} is truncated or altered"):
            datasets.prepare("cifar10", tmp_path)
        path.unlink()


def test_a_missing_or_short_batch_is_named(batches, tmp_path, folder):
    files = {f"{name}.bin": binary(*batches[name]) for name in batches}
    short = files | {"data_batch_2.bin": files["data_batch_2.bin"][:-1]}
    with pytest.raises(ValueError, match=r"one\.tar: data_batch_2\.bin has 61459 bytes"):
        datasets.prepare("cifar10", archive(tmp_path / "one.tar", short, "w"))
    del files["data_batch_4.bin"]
    with pytest.raises(ValueError, match=r"two\.tar is incomplete: data_batch_4 is missing"):
        datasets.prepare("cifar10", archive(tmp_path / "two.tar", files, "w"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=rf"{empty} is incomplete: data_batch_1 is missing"):
        datasets.prepare("cifar10", empty)


def encoded(pixels, kind):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def pictures(monkeypatch):
    """A small folder of images, {path: pixels}: of each class four to train, two to test."""
    monkeypatch.setattr(cifar10, "_PER_CLASS", {"train": 4, "test": 2})
    monkeypatch.setattr(cifar10, "_VALIDATION", 1)
    rng = np.random.default_rng(2)
    return {
        f"{split}/{name}/{k:04}": rng.integers(0, 256, (32, 32, 3), np.uint8)
        for split, count in (("train", 4), ("test", 2))
        for name in cifar10.CLASS_NAMES
        for k in range(count)
    }


def test_cifar10_is_read_from_images_whatever_their_order(pictures, tmp_path, folder):
    files = {f"{name}.png": encoded(pixels, "PNG") for name, pixels in pictures.items()}
    datasets.prepare("cifar10", archive(tmp_path / "one.tar.xz", files, "w:xz"))
    found = datasets.load("cifar10")
    assert found.note == ""
    for split, per_class in ((found.train, 3), (found.valid, 1), (found.test, 2)):
        np.testing.assert_array_equal(np.bincount(split.labels), [per_class] * 10)
    assert (np.diff(found.test.labels) < 0).any()  # shuffled
    originals = {pixels.tobytes(): name for name, pixels in pictures.items()}
    seen = []
    for kind, split in (("train", found.train), ("train", found.valid), ("test", found.test)):
        for image, label in zip(split.images, split.labels, strict=True):
            name = originals[np.rint(image * 255).astype(np.uint8).tobytes()]
            assert name.startswith(f"{kind}/{cifar10.CLASS_NAMES[label]}/")
            seen.append(name)
    assert sorted(seen) == sorted(originals.values())
    backwards = dict(reversed(files.items()))
    datasets.prepare("cifar10", archive(tmp_path / "two.tar", backwards, "w"))
    assert datasets.load("cifar10").checksum == found.checksum


def test_jpeg_images_are_noted_as_lossy(pictures, tmp_path, folder):
    for name, pixels in pictures.items():
        path = tmp_path / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(pixels, "JPEG"))
    datasets.prepare("cifar10", tmp_path)
    assert "lossy" in datasets.load("cifar10").note
    assert "lossy" in datasets.available()[1].note


def test_a_damaged_image_and_a_short_class_are_named(pictures, tmp_path, folder):
    files = {f"{name}.jpg": encoded(pixels, "JPEG") for name, pixels in pictures.items()}
    cut = files | {"train/cat/0002.jpg": files["train/cat/0002.jpg"][:-300]}
    with pytest.raises(ValueError, match=r"one\.tar: train/cat/0002\.jpg is a damaged image"):
        datasets.prepare("cifar10", archive(tmp_path / "one.tar", cut, "w"))
    del files["test/dog/0001.jpg"]
    with pytest.raises(ValueError, match=r"two\.tar is incomplete: test/dog has 1 images, exp"):
        datasets.prepare("cifar10", archive(tmp_path / "two.tar", files, "w"))
    assert not folder.exists()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_truncated_archive_is_named(mode, pictures, tmp_path, folder):
    files = {f"{name}.png": encoded(pixels, "PNG") for name, pixels in pictures.items()}
    path = archive(tmp_path / "short.tar", files, mode)
    content = path.read_bytes()
    for share in (0.3, 0.5, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ValueError, match=f"{path} is "):
            datasets.prepare("cifar10", path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"{path} is "):
        datasets.prepare("cifar10", path)


# ------------------------------------------------------------------------------- small-imagenet


@pytest.fixture
def tiny(monkeypatch):
    """A small Tiny-ImageNet: {path: content}, with a class that is none of ours."""
    monkeypatch.setattr(small_imagenet, "_PER_CLASS", {"train": 3, "val": 1})
    monkeypatch.setattr(small_imagenet, "_VALIDATION", 4)
    files, rows = {}, []
    for position, wnid in enumerate([*small_imagenet.LABELS, "n99999999"]):
        grey = np.full((64, 64, 3), 5 * position, np.uint8)
        for k in range(3):
            files[f"train/{wnid}/images/{wnid}_{k}.JPEG"] = encoded(grey, "JPEG")
        files[f"val/images/val_{position}.JPEG"] = encoded(grey, "JPEG")
        rows.append(f"val_{position}.JPEG\t{wnid}\t0\t0\t62\t62\n")
    files["val/val_annotations.txt"] = "".join(rows).encode()
    return {f"tiny-imagenet-200/{name}": content for name, content in files.items()}


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def test_small_imagenet_is_balanced_and_its_test_images_are_the_official_val(
    tiny, tmp_path, folder
):
    datasets.prepare("small_imagenet", zipped(tmp_path / "mine.zip", tiny))
    found = datasets.load("small_imagenet")
    assert found.shape == (37, 37, 1)
    assert "Tiny-ImageNet" in found.note
    for split, per_group in ((found.train, 8), (found.valid, 4), (found.test, 4)):
        np.testing.assert_array_equal(np.bincount(split.labels), [per_group] * 10)
        assert split.images.shape == (10 * per_group, 37 * 37)
        position = np.rint(split.images.mean(axis=1) * 255 / 5).astype(int)  # of the class
        np.testing.assert_array_equal(position // 4, split.labels)
    assert sorted(np.rint(found.test.images[:, 0] * 51).astype(int)) == list(range(40))


def test_small_imagenet_is_the_same_from_a_zip_a_tar_and_a_folder(tiny, tmp_path, folder):
    sums = []
    for path in (
        zipped(tmp_path / "mine.zip", tiny),
        archive(tmp_path / "mine.tar.xz", dict(reversed(tiny.items())), "w:xz"),
    ):
        datasets.prepare("small_imagenet", path)
        sums.append(datasets.load("small_imagenet").checksum)
    for name, content in tiny.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    datasets.prepare("small_imagenet", tmp_path)
    sums.append(datasets.load("small_imagenet").checksum)
    assert len(set(sums)) == 1


def test_the_groups_have_four_classes_each():
    assert len(small_imagenet.GROUPS) == 10
    assert len(small_imagenet.LABELS) == 40
    assert list(np.bincount(list(small_imagenet.LABELS.values()))) == [4] * 10


def test_what_small_imagenet_lacks_is_named(tiny, tmp_path, folder):
    root = "tiny-imagenet-200/"
    no_image = {name: c for name, c in tiny.items() if name != root + "val/images/val_3.JPEG"}
    with pytest.raises(ValueError, match=r"one\.zip is incomplete: val/images/val_3\.JPEG"):
        datasets.prepare("small_imagenet", zipped(tmp_path / "one.zip", no_image))
    no_list = {name: c for name, c in tiny.items() if not name.endswith(".txt")}
    with pytest.raises(ValueError, match=r"two\.zip is incomplete: val: reptiles has 0 images"):
        datasets.prepare("small_imagenet", zipped(tmp_path / "two.zip", no_list))
    path = zipped(tmp_path / "three.zip", tiny)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ValueError, match=f"{path} is truncated or damaged"):
        datasets.prepare("small_imagenet", path)
    path = zipped(tmp_path / "tiny-imagenet-200.zip", tiny)
    with pytest.raises(ValueError, match=f"{path} is truncated or altered: its md5"):
        datasets.prepare("small_imagenet", tmp_path)
    assert not folder.exists()


# --------------------------------------------------------------------------------------- splits


def test_a_balanced_split_keeps_every_image_once():
    labels = np.repeat(np.arange(5, dtype=np.uint8), 20)
    images = np.arange(100, dtype=np.uint8)[:, None]
    kept, apart = sources.balanced_split(images, labels, 4, np.random.default_rng(3))
    again, _ = sources.balanced_split(images, labels, 4, np.random.default_rng(3))
    other, _ = sources.balanced_split(images, labels, 4, np.random.default_rng(4))
    np.testing.assert_array_equal(np.bincount(kept.labels), [16] * 5)
    np.testing.assert_array_equal(np.bincount(apart.labels), [4] * 5)
    everything = np.concatenate([kept.images, apart.images]).ravel()
    np.testing.assert_array_equal(np.sort(everything), images.ravel())
    np.testing.assert_array_equal(labels[kept.images.ravel()], kept.labels)
    np.testing.assert_array_equal(again.images, kept.images)
    assert (other.images != kept.images).any()


# ------------------------------------------------------------------------------- the real files


@pytest.fixture
def real():
    """The folder of real data."""
    if not (path := os.environ.get("GLOROT_DATA_SOURCE")):
        pytest.skip("GLOROT_DATA_SOURCE is not set")
    return Path(path)


def test_the_real_mnist_is_imported(real, folder):
    datasets.prepare("mnist", real)
    found = datasets.load("mnist")
    assert [len(split) for split in (found.train, found.valid, found.test)] == [
        50_000,
        10_000,
        10_000,
    ]
    assert found.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert found.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    images = np.concatenate([found.train.images, found.valid.images])
    # the published mean and standard deviation of the 60,000 training images
    assert images.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert images.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    assert found.checksum.startswith("c97a2c607853b499")


@pytest.mark.full
def test_the_real_cifar10_is_imported_and_noted_as_lossy(real, folder):
    datasets.prepare("cifar10", real)
    found = datasets.load("cifar10")
    for split, count in ((found.train, 4000), (found.valid, 1000), (found.test, 1000)):
        assert split.images.shape == (10 * count, 3072)
        np.testing.assert_array_equal(np.bincount(split.labels), [count] * 10)
    assert "lossy" in found.note
    channels = found.train.images.reshape(-1, 3).mean(axis=0, dtype=np.float64)
    # the published means of the original; a re-encoding and another split move them a little
    np.testing.assert_allclose(channels, [0.4914, 0.4822, 0.4465], atol=3e-3)


@pytest.mark.full
def test_the_real_small_imagenet_is_imported(real, folder):
    datasets.prepare("small_imagenet", real)
    found = datasets.load("small_imagenet")
    for split, count in ((found.train, 1800), (found.valid, 200), (found.test, 200)):
        assert split.images.shape == (10 * count, 1369)
        np.testing.assert_array_equal(np.bincount(split.labels), [count] * 10)
    assert 0.3 < found.train.images.mean() < 0.6
