"""*Table 1, opened*: behind each cell its curves, its seeds, the rate that was chosen, the paper's number."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from glorot.datasets import shapeset
from glorot.experiments.statistics import verdict
from glorot.experiments.table1 import MODELS, PAPER
from glorot.explorables.base import Case, Explorable
from glorot.figures import table1_opened_still as figures
from glorot.results import Record, load_record
from glorot.style import BookFigure

UNIT = 10_000  # errors travel as whole ten-thousandths: one image of 10,000
NAMES = {
    "mnist": "MNIST",
    "shapeset": "Shapeset",
    "cifar10": "CIFAR-10",
    "small_imagenet": "Small-ImageNet",
}
GUESSING = {  # the least error of always giving one answer
    "shapeset": 1 - max(shapeset.CLASS_PRIORS),
    "mnist": 1 - 0.1135,  # 1,135 of the 10,000 test images are ones
    "cifar10": 0.9,
    "small_imagenet": 0.9,
}
SCHEMES = {"heuristic_uniform": "heuristic", "glorot_uniform": "glorot"}
PAIRS = (("tanh_n", "tanh"), ("softsign_n", "softsign"))  # normalized against standard


class Table1Opened(Explorable):
    """The record of experiment `table1`, a cell at a time.

    Args:
        record: of `table1`, any number of data sets and seeds; by default the one of scale ``laptop``.

    Raises:
        FileNotFoundError: if no record is given and there is none; it says which command makes it.
        ValueError: if the record is not one of `table1`.
    """

    module = "table1_opened.js"
    nets = traitlets.Unicode().tag(sync=True)
    datasets: traitlets.List[list] = traitlets.List().tag(sync=True)
    models: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    seeds = traitlets.List(traitlets.Int()).tag(sync=True)
    clocks: traitlets.List[list[int]] = traitlets.List().tag(sync=True)
    cells: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    pairs: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    series = traitlets.Bytes().tag(sync=True)

    def __init__(self, record: Record | None = None) -> None:
        self._record = load_record("table1") if record is None else record
        if self._record.experiment != "table1":
            raise ValueError(f"record must be one of 'table1', got {self._record.experiment!r}")
        datasets = list(dict.fromkeys(run["dataset"] for run in self._record.results))
        keys = [(dataset, model.name) for dataset in datasets for model in MODELS]
        self._clocks = list(dict.fromkeys(self._updates(*key) for key in keys))
        super().__init__(
            seed=self._record.config["seeds"][0],
            seeds=self._record.config["seeds"],
            clocks=[list(clock) for clock in self._clocks],
            nets=_nets(self._record.config["hidden"]),
            datasets=[[name, NAMES.get(name, name), GUESSING.get(name, 0.9)] for name in datasets],
            models=[[m.name, _label(m.name), SCHEMES[m.scheme]] for m in MODELS],
            cells=[self._cell(*key) for key in keys],
            pairs=[self._pair(dataset, *pair) for dataset in datasets for pair in PAIRS],
            series=b"".join(self._packed(*key) for key in keys),
        )

    @classmethod
    def from_record(cls, record: Record) -> Table1Opened:
        """Return the explorable of a record."""
        return cls(record)

    def still(self) -> BookFigure:
        """Return every seed's test error beside the paper's, by data set and model."""
        columns = [
            figures.Column(
                label,
                guessing,
                {_label(m.name): np.array(self._errors(name, m.name)) for m in MODELS},
                {_label(m.name): PAPER[m.name].get(name) for m in MODELS},
            )
            for name, label, guessing in self.datasets
        ]
        return figures.table1_opened(columns, len(self.seeds))

    def cases(self) -> list[Case]:
        """Return unpacked errors, means, stopping points and ranges against NumPy."""
        rng, cases = np.random.default_rng(1), []
        for T in (2, 3, 14, 40):
            whole = rng.integers(0, UNIT + 1, size=(5, T)).astype("<u2")
            rows = whole / UNIT
            cases += [
                Case("unpack", [list(whole.tobytes())], rows.ravel().tolist()),
                Case("meanOf", [rows.tolist()], rows.mean(axis=0).tolist()),
                *(Case("lowest", [row.tolist()], int(row.argmin())) for row in rows),
            ]
        cases.append(Case("lowest", [[0.3, 0.1, 0.1, 0.2]], 1))  # of equals the first
        cases += [
            Case("span", [[40.0, 60.0, 50.0]], [38.4, 61.6]),
            Case("span", [[1.3, 90.0]], [1.0, 100.0]),
            Case("span", [[82.5, 82.5]], [81.5, 83.5]),
        ]
        return cases

    def _runs(self, dataset: str, model: str) -> list[dict[str, Any]]:
        """The runs of a cell, in the order of their columns."""
        own = [r for r in self._record.results if (r["dataset"], r["model"]) == (dataset, model)]
        return sorted(own, key=lambda run: run["index"])

    def _updates(self, dataset: str, model: str) -> tuple[int, ...]:
        """The updates at which a cell was measured; cells of one budget share them."""
        return tuple(self._record.arrays[f"{dataset}/{model}/updates"].tolist())

    def _errors(self, dataset: str, model: str) -> list[float]:
        return [run["test_error"] for run in self._runs(dataset, model)]

    def _cell(self, dataset: str, model: str) -> dict[str, Any]:
        arrays, key = self._record.arrays, f"{dataset}/{model}"
        runs, errors = self._runs(dataset, model), np.array(self._errors(dataset, model))
        best = arrays[f"{key}/choice_valid_error"].min(axis=0)
        kept = ("valid_error", "test_error", "stop_update", "final_test_error")
        return {
            "dataset": dataset,
            "model": model,
            "paper": PAPER[model].get(dataset),
            "rate": runs[0]["learning_rate"],
            "rates": np.stack([arrays[f"{key}/choice_rates"], best], axis=1).tolist(),
            "clock": self._clocks.index(self._updates(dataset, model)),
            "runs": [[run[name] for name in kept] for run in runs],
            "mean": float(errors.mean()),
            "standard_error": float(errors.std(ddof=1) / np.sqrt(len(errors))),
        }

    def _pair(self, dataset: str, ours: str, other: str) -> dict[str, Any]:
        found = verdict(self._errors(dataset, ours), self._errors(dataset, other))
        return {"dataset": dataset, "ours": ours, "other": other, **found.to_dict()}

    def _packed(self, dataset: str, model: str) -> bytes:
        """The cell's test errors, then its validation errors, a row of updates for each seed."""
        key = f"{dataset}/{model}"
        series = [self._record.arrays[f"{key}/{name}"] for name in ("test_error", "valid_error")]
        return b"".join(np.rint(UNIT * errors.T).astype("<u2").tobytes() for errors in series)


def _label(model: str) -> str:
    return model.replace("_n", " N")


def _nets(hidden: list[int]) -> str:
    return f"{len(hidden)} hidden layers of {' or '.join(map(str, sorted(set(hidden))))} units"
