"""Records and checkpoints: whole or not there, and honest about what is wrong with them."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from glorot import results
from glorot.results import (
    Checkpoint,
    DamagedFileError,
    Record,
    load_record,
    provenance,
    records,
    validate,
    write_atomic,
)


def make_record(**changes):
    values = {
        "experiment": "trial",
        "scale": "smoke",
        "claim": "Two and two are four.",
        "config": {"seeds": [0, 1]},
        "data": {"name": "none", "checksum": "abc"},
        "deviations": ["no paper says so"],
        "results": {"sums": [4, 4], "missing": None},
        "provenance": provenance("cpu", 1.5),
        "arrays": {"group/x": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array([1])},
    }
    return Record(**{**values, **changes})


def same(a, b):
    plain = a.to_dict() == b.to_dict()
    return plain and all(np.array_equal(a.arrays[n], b.arrays[n]) for n in (*a.arrays, *b.arrays))


def test_a_record_reads_back_as_it_was_written(tmp_path):
    record = make_record()
    path = record.save(tmp_path)
    assert path.name == "trial-smoke.json"
    assert same(load_record("trial", "smoke", tmp_path), record)
    assert not same(make_record(claim="Five."), record)
    assert not same(make_record(arrays={"n": np.array([2])}), record)


def test_the_keys_of_the_file_are_those_of_the_schema(tmp_path):
    plain = json.loads(make_record().save(tmp_path).read_text())
    assert set(plain) == {
        "experiment", "scale", "claim", "config", "data", "deviations", "results", "provenance",
        "arrays",
    }  # fmt: skip


def test_equal_records_make_equal_bytes(tmp_path):
    paths = [make_record().save(tmp_path / name) for name in "ab"]
    for suffix in (".json", ".npz"):
        assert len({path.with_suffix(suffix).read_bytes() for path in paths}) == 1


def test_records_lists_what_is_there(tmp_path):
    assert records(tmp_path) == []
    make_record().save(tmp_path)
    make_record(experiment="a-b", scale="laptop").save(tmp_path)
    assert records(tmp_path) == [("a-b", "laptop"), ("trial", "smoke")]


def test_an_absent_record_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="glorot reproduce trial --scale paper"):
        load_record("trial", "paper", tmp_path)


def test_a_record_without_arrays_leaves_none_behind(tmp_path):
    make_record().save(tmp_path)
    path = make_record(arrays={}).save(tmp_path)
    assert not path.with_suffix(".npz").exists()
    assert load_record("trial", "smoke", tmp_path).arrays == {}


REMOVED = [
    "experiment", "scale", "claim", "config", "data", "deviations", "results", "provenance",
    "arrays", "config.seeds", "data.name", "data.checksum", "provenance.versions",
    "provenance.device", "provenance.wall_seconds", "provenance.commit", "provenance.date",
]  # fmt: skip


def holder_of(plain, key):
    outer, _, inner = key.partition(".")
    return (plain[outer], inner) if inner else (plain, outer)


@pytest.mark.parametrize("key", REMOVED)
def test_a_missing_key_is_named(key):
    plain = make_record().to_dict()
    validate(plain)
    holder, name = holder_of(plain, key)
    del holder[name]
    with pytest.raises(ValueError, match=f"'{key}' is missing"):
        validate(plain)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("experiment", 3),
        ("scale", None),
        ("claim", "  "),
        ("config.seeds", "0, 1"),
        ("data.checksum", ""),
        ("data.name", ["mnist"]),
        ("deviations", "none"),
        ("results", "good"),
        ("provenance.wall_seconds", True),
        ("provenance.wall_seconds", "12 s"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(key, value):
    plain = make_record().to_dict()
    holder, name = holder_of(plain, key)
    holder[name] = value
    with pytest.raises(ValueError, match=f"'{key}' must .* got"):
        validate(plain)


def test_what_json_cannot_hold_is_refused_where_it_stands(tmp_path):
    for value, place in (
        ({"runs": [{"error": float("nan")}]}, r"results.runs\[0\].error"),
        ({"error": np.float32(0.5)}, "results.error"),
        ({1: 2}, "results"),
    ):
        with pytest.raises(ValueError, match=place):
            make_record(results=value).save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_key_is_refused():
    with pytest.raises(ValueError, match="'resluts' is unknown"):
        validate({**make_record().to_dict(), "resluts": {}})
    with pytest.raises(ValueError, match="a record must be a mapping"):
        validate([])


def test_a_torn_or_foreign_record_is_refused(tmp_path):
    path = make_record().save(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFileError, match="is not JSON"):
        load_record("trial", "smoke", tmp_path)
    path.write_bytes(whole)
    arrays = path.with_suffix(".npz")
    packed = arrays.read_bytes()
    arrays.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DamagedFileError, match="damaged"):
        load_record("trial", "smoke", tmp_path)
    arrays.unlink()
    with pytest.raises(DamagedFileError, match="missing"):
        load_record("trial", "smoke", tmp_path)
    np.savez(arrays, **{"group/x": np.zeros((2, 3), np.float32), "n": np.array([1])})
    with pytest.raises(DamagedFileError, match="'group/x'"):
        load_record("trial", "smoke", tmp_path)
    np.savez(arrays, **make_record().arrays, more=np.zeros(1))
    with pytest.raises(DamagedFileError, match="'more'"):
        load_record("trial", "smoke", tmp_path)


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = write_atomic(tmp_path / "file", b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_reader_never_sees_half_a_write(tmp_path):
    path = write_atomic(tmp_path / "file", b"a" * 100_000)
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            content = path.read_bytes()
            seen.add((len(content), content[:1] == content[-1:]))

    reader = threading.Thread(target=read)
    reader.start()
    for k in range(50):
        write_atomic(path, b"ab"[k % 2 : k % 2 + 1] * 100_000)
    stop.set()
    reader.join()
    assert seen == {(100_000, True)}


def test_a_checkpoint_reads_back_bit_for_bit(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "run.checkpoint")
    assert checkpoint.load() is None
    arrays = {
        "w": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32),
        "logged/odd": np.array([np.nan, np.inf, -0.0]),
    }
    checkpoint.save({"update": 7, "seconds": 0.1}, arrays)
    values, found = checkpoint.load()
    assert values == {"update": 7, "seconds": 0.1}
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes()
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.load() is None


def test_a_torn_or_altered_checkpoint_never_loads(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.checkpoint")
    checkpoint.save({"update": 7}, {"w": np.arange(5)})
    whole = checkpoint.path.read_bytes()
    torn = [whole[:length] for length in (0, 10, 32, 40, len(whole) - 1)]
    flipped = [
        whole[:k] + bytes([whole[k] ^ 1]) + whole[k + 1 :] for k in (0, 40, len(whole) // 2, -2)
    ]
    for content in (*torn, *flipped[:3], whole + b"\0"):
        checkpoint.path.write_bytes(content)
        with pytest.raises(DamagedFileError, match=r"run\.checkpoint"):
            checkpoint.load()
    checkpoint.path.write_bytes(whole)
    assert checkpoint.load()[0] == {"update": 7}


def test_provenance_names_versions_device_and_source():
    found = provenance("cpu", 12.345)
    assert found["versions"]["numpy"] == np.__version__
    assert found["python"] == sys.version.split()[0]
    assert found["device"].startswith("cpu (")
    assert found["wall_seconds"] == 12.3
    assert provenance("cuda", 1.0)["device"] == "cuda"


def test_the_commit_is_unknown_outside_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "__file__", str(tmp_path / "results.py"))
    assert provenance("cpu", 1.0)["commit"] == "unknown"


def test_the_commit_is_that_of_the_checkout_and_says_if_it_was_changed(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    source = tmp_path / "results.py"
    source.write_text("old")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first", "--no-gpg-sign")
    monkeypatch.setattr(results, "__file__", str(source))
    commit = git("rev-parse", "HEAD")
    assert provenance("cpu", 1.0)["commit"] == commit
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "new.json").write_text("a record is no change of the code")
    assert provenance("cpu", 1.0)["commit"] == commit
    (tmp_path / "module.py").write_text("not committed")
    assert provenance("cpu", 1.0)["commit"] == f"{commit}+changes"
    (tmp_path / "module.py").unlink()
    source.write_text("new")
    assert provenance("cpu", 1.0)["commit"] == f"{commit}+changes"


def test_results_stands_on_the_ground_floor():
    blocked = "import sys; sys.modules['torch'] = None; import glorot.results as r; "
    check = "print([m for m in sys.modules if m.startswith('glorot.') and m != 'glorot.results'])"
    done = subprocess.run(
        [sys.executable, "-c", blocked + check], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "scale"), records())
def test_every_shipped_record_matches_the_schema(name, scale):
    record = load_record(name, scale)
    assert (record.experiment, record.scale) == (name, scale)
    assert record.provenance["wall_seconds"] > 0
