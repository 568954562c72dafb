"""The console script: what it prints, and how it fails."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from glorot import datasets
from glorot.cli import main
from glorot.datasets import store
from glorot.experiments import EXPERIMENTS
from glorot.results import load_record

COMMAND = [sys.executable, "-m", "glorot.cli"]


def error_line(capsys):
    """The one line on stderr; more, or a traceback, fails."""
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["reproduce", "nothing"], "'nothing'"),
        (["reproduce", "saturation", "--scale", "moon"], "'moon'"),
        (["reproduce", "saturation", "--scale", "smoke", "--seeds", "0"], "seeds must be at least"),
        (["reproduce", "tapering", "--scale", "smoke", "--seeds", "1"], "seeds must be at least 2"),
        (["reproduce", "saturation", "--scale", "smoke", "--device", "tpu"], "'tpu'"),
        (["data", "imagenet-22k"], "'imagenet-22k'"),
        (["data", "list", "--source", "here"], "'here'"),
        (["data", "mnist", "--source", "/no/such/folder"], "/no/such/folder"),
        (["diagnose", "no_colon"], "'no_colon'"),
        (["diagnose", "no_such_module:make"], "'no_such_module' cannot be imported"),
        (["diagnose", "no/such/file.py:make"], "'no/such/file.py'"),
        (["diagnose", "glorot.cli:no_such_function"], "no function 'no_such_function'"),
        (["diagnose", "glorot.style:book_style"], "returned _GeneratorContextManager"),
    ],
)
def test_an_error_is_one_line_and_status_2(arguments, named, capsys):
    assert main(arguments) == 2
    assert named in error_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "COMMAND"),
        (["grow"], "'grow'"),
        (["reproduce"], "NAME"),
        (["data"], "NAME"),
        (["reproduce", "saturation", "--seeds", "three"], "'three'"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line_and_status_2(arguments, named, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert named in error_line(capsys)


def test_a_missing_data_set_names_the_command_that_fetches_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GLOROT_DATA", str(tmp_path))
    assert main(["reproduce", "saturation", "--scale", "laptop", "--out", str(tmp_path)]) == 2
    assert "glorot data mnist" in error_line(capsys)
    assert list(tmp_path.glob("*.json")) == []


LISTED = """\
data set        there  size
mnist           yes    0.0 MB
  lies in  FOLDER/mnist.npz
  from     ADDRESS
  sha256   CHECKSUM
  license  LICENCE
cifar10         no     -
"""


def a_small_data_set():
    images = np.arange(4, dtype=np.uint8).reshape(1, 4)
    pixels = store.Pixels(images, np.zeros(1, np.uint8))
    return store.Converted(pixels, pixels, pixels, (2, 2, 1), ("0",), "a note")


def test_data_list_says_of_every_data_set_what_is_there_and_where_from(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("GLOROT_DATA", str(tmp_path))
    store.save("mnist", dataclasses.replace(a_small_data_set(), note=""))
    assert main(["data", "list"]) == 0
    printed = capsys.readouterr().out
    row = datasets.available()[0]
    told = {"FOLDER": str(tmp_path), "ADDRESS": row.source, "LICENCE": row.licence}
    told["CHECKSUM"] = a_small_data_set().checksum()
    expected = LISTED
    for word, text in told.items():
        expected = expected.replace(word, text)
    assert printed.startswith(expected)
    for row in datasets.available():
        assert printed.count(f"\n{row.name} ") == 1
        assert f"  from     {row.source}\n" in printed
        assert f"  license  {row.licence}\n" in printed
    for unreadable in ("False", "True", "None"):
        assert unreadable not in printed


def test_data_list_fits_a_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GLOROT_DATA", str(tmp_path))
    for name in ("mnist", "cifar10"):
        store.save(name, a_small_data_set())
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.replace(str(tmp_path), "").splitlines()
    assert max(map(len, lines)) <= 80
    assert lines.count("  note     a note") == 2


def test_data_list_says_that_a_file_is_damaged(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GLOROT_DATA", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"not an archive")
    assert main(["data", "list"]) == 0
    printed = capsys.readouterr().out
    assert "\nmnist           no     -\n" in printed
    assert "note     " in printed
    assert "mnist.npz is damaged" in printed
    assert "glorot data mnist" in printed


def test_reproduce_writes_a_record_where_it_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["reproduce", "saturation", "--scale", "smoke", "--seeds", "1", "--out", "made"]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "saturation-smoke.json" in captured.out
    record = load_record("saturation", "smoke", tmp_path / "made")
    assert record.config["seeds"] == [0]
    assert list((tmp_path / ".checkpoints").iterdir()) == []


def test_a_record_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way")
    arguments = ["reproduce", "saturation", "--scale", "smoke", "--seeds", "1", "--out", "file"]
    assert main(arguments) == 2
    assert "file" in error_line(capsys)


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    printed = capsys.readouterr().out
    assert "data" in printed
    assert "reproduce" in printed
    assert "diagnose" in printed


NETS = """
import torch
from torch import nn

def hidden(depth):
    return [layer for _ in range(depth) for layer in (nn.Linear(16, 16), nn.ReLU())]

def healthy():
    return nn.Sequential(*hidden(2), nn.Linear(16, 4)), torch.randn(32, 16)

def deep():
    net = nn.Sequential(*hidden(30), nn.Linear(16, 4))
    batch = torch.randn(32, 16), torch.arange(32) % 4
    return net, batch, nn.functional.cross_entropy, torch.optim.SGD(net.parameters(), lr=0.1)

def broken():
    raise KeyError("weights.pt")

def unfit():
    return nn.Linear(3, 2), torch.ones(4, 5)
"""


@pytest.fixture
def folder_of_nets(tmp_path, monkeypatch):
    (tmp_path / "own_nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("own_nets", None)


@pytest.mark.parametrize("where", ["own_nets", "own_nets.py"])
def test_diagnose_finds_a_factory_and_says_by_its_status_whether_there_are_faults(
    where, folder_of_nets, capsys
):
    before = list(sys.path)
    assert main(["diagnose", f"{where}:healthy"]) == 0
    assert "no fault found" in capsys.readouterr().out
    assert main(["diagnose", f"{where}:deep"]) == 1
    assert "signal-vanishes at 0" in capsys.readouterr().out
    assert sys.path == before


def test_diagnose_writes_a_page_and_data(folder_of_nets, capsys):
    arguments = ["diagnose", "own_nets:deep", "--html", "report.html", "--json", "report.json"]
    assert main([*arguments, "--figure", "report.svg"]) == 1
    assert "signal-vanishes from 0" in (folder_of_nets / "report.svg").read_text("utf-8")
    assert (folder_of_nets / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    data = json.loads((folder_of_nets / "report.json").read_text("utf-8"))
    assert data["findings"][0]["code"] == "signal-vanishes"


@pytest.mark.parametrize(
    ("factory", "named"),
    [("broken", "raised KeyError: 'weights.pt'"), ("unfit", "shapes (4, 5)")],
)
def test_a_factory_that_fails_is_one_line_and_status_2(factory, named, folder_of_nets, capsys):
    assert main(["diagnose", f"own_nets:{factory}"]) == 2
    assert named in error_line(capsys)


def wait_for(found, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_ctrl_c_says_what_was_saved_and_exits_with_130(tmp_path):
    assert EXPERIMENTS["saturation"].scales["paper"].data == "shapeset"
    slow = (  # a smoke run long enough to be interrupted
        "import sys, dataclasses as d, glorot.cli, glorot.experiments as e\n"
        "x = e.EXPERIMENTS['saturation']; c = x.scales['smoke']\n"
        "g = tuple(d.replace(g, updates=(1_000_000,) * len(g.updates)) for g in c.groups)\n"
        "e.EXPERIMENTS['saturation'] = d.replace(x, scales={'smoke': d.replace(c, groups=g)})\n"
        "print('ready', flush=True)\n"
        "sys.exit(glorot.cli.main(['reproduce', 'saturation', '--scale', 'smoke', '--out', '.']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", slow],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "updates, saved in" in err
    assert "the same command goes on from there" in err
    assert len(list((tmp_path / ".checkpoints").glob("*.checkpoint"))) == 1


def test_the_module_runs_as_a_program(tmp_path):
    done = subprocess.run(
        [*COMMAND, "reproduce", "nothing"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.startswith("glorot: ")
    assert len(done.stderr.splitlines()) == 1
