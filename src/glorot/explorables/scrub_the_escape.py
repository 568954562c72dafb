"""*Scrub the escape*: through the training of sigmoid nets that stand still, then learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from glorot.activations import ACTIVATIONS
from glorot.datasets import shapeset
from glorot.experiments.saturation import Curves, curves
from glorot.explorables.base import Case, Explorable
from glorot.figures import scrub_the_escape_still as figures
from glorot.results import Record, load_record
from glorot.style import BookFigure

POINTS = 72  # updates of each run that the page holds: those between which its curves are straight
PER_DECADE = 6  # of these, at least so many are spaced evenly in log time
VARIANTS = {
    "plain": "learned",
    "bias_frozen": "frozen at 0",
    "bias_at_prior": "starts at the prior",
    "large_batch": "learned, batches ten times as large",
}
CLASSES = {"shapeset": len(shapeset.CLASS_NAMES)}  # every other data set has ten
NAMES = {"mnist": "MNIST", "shapeset": "Shapeset-3×2"}


class ScrubTheEscape(Explorable):
    """The record of experiment `saturation` on a time slider, with its networks to choose from.

    Args:
        record: of `saturation`; by default the one of scale ``laptop``.

    Raises:
        FileNotFoundError: if no record is given and there is none; it says which command makes it.
    """

    module = "scrub_the_escape.js"
    layers = traitlets.Int().tag(sync=True)
    task = traitlets.Unicode().tag(sync=True)
    seeds = traitlets.List(traitlets.Int()).tag(sync=True)
    variants = traitlets.List(traitlets.List()).tag(sync=True)
    runs = traitlets.List(traitlets.Dict()).tag(sync=True)
    asked = traitlets.Dict().tag(sync=True)
    series = traitlets.Bytes().tag(sync=True)

    def __init__(self, record: Record | None = None) -> None:
        self._record = load_record("saturation") if record is None else record
        config, by_rate = self._record.config, self._record.results["by_rate"]
        groups = [row["group"] for row in by_rate]
        packed = {
            (row["group"], row["learning_rate"]): self._pack(row["group"], row["learning_rate"])
            for row in by_rate
        }
        super().__init__(
            seed=config["seeds"][0],
            seeds=config["seeds"],
            layers=len(config["hidden"]),
            task=_task(self._record),
            asked=_asked(by_rate),
            variants=[[name, text] for name, text in VARIANTS.items() if name in groups],
            runs=[self._describe(*key, updates) for key, (updates, _) in packed.items()],
            series=b"".join(values.tobytes() for _, values in packed.values()),
        )

    def still(self) -> BookFigure:
        """Return the first seed's networks of the two rates that the reader is asked about."""
        shown = tuple(self._escape(self.asked[key]) for key in ("known", "rate"))
        return figures.scrub_the_escape(shown, _data_name(self._record))

    def cases(self) -> list[Case]:
        """Return decoded numbers, mean slopes and nearest updates against NumPy."""
        rng = np.random.default_rng(1)
        logistic = ACTIVATIONS["logistic"]
        numbers = (
            [0, 1, -2],
            [6e-8, 3e-6, 6.1e-5],
            [65504, 0.1, 0.3333],
            np.exp(rng.normal(0, 4, 40)),
        )
        decoded = [np.asarray(x).astype(np.float16) for x in numbers]
        cases = [Case("halves", [list(x.tobytes())], x.astype(float).tolist()) for x in decoded]
        for center, spread in [(0, 0), (0, 1), (-4, 0.5), (-6, 2), (3, 1), (1, 3), (-2, 2), (8, 0)]:
            z = rng.normal(center, spread, 1000)
            h = logistic.f(z)
            best = float(np.mean(logistic.df(z)) / 0.25)
            cases.append(Case("slopeLeft", [float(h.mean()), float(h.std())], best))
        updates = self.runs[0]["updates"]
        for wanted in (0, 1, 2, 5.5, 13, 99, 1000, 1e9):
            distance = np.abs(np.log(np.maximum(updates, 0.5)) - np.log(max(wanted, 0.5)))
            cases.append(Case("nearest", [updates, wanted], int(distance.argmin())))
        return cases

    def _curves(self, group: str, rate: float) -> list[Curves]:
        return [curves(self._record, group, rate, seed) for seed in self._record.config["seeds"]]

    def _pack(self, group: str, rate: float) -> tuple[list[int], np.ndarray]:
        """The kept updates, and (seeds, rows, kept) float16: what the page shows of these networks."""
        measured = self._curves(group, rate)
        values = np.stack([self._rows(one) for one in measured])
        updates = measured[0].updates
        keep = telling_points(updates, _as_drawn(values).reshape(-1, len(updates)), POINTS)
        return updates[keep].tolist(), values[:, :, keep].astype(np.float16)

    def _describe(self, group: str, rate: float, updates: list[int]) -> dict[str, Any]:
        own = [
            r
            for r in self._record.results["runs"]
            if (r["group"], r["learning_rate"]) == (group, rate)
        ]
        return {
            "variant": group,
            "rate": rate,
            "updates": updates,
            "escapes": [r["escape_update"] for r in own],
            "falls": [r["fall_update"] for r in own],
        }

    def _rows(self, one: Curves) -> np.ndarray:
        """(rows, T): each layer's mean, each layer's std, error, norms of the three voices."""
        classes = CLASSES.get(self._record.data["name"], 10)
        voices = [one.bias_norm, one.constant_norm, np.sqrt(classes) * one.signal]
        return np.array([*one.activation_mean.T, *one.activation_std.T, one.valid_error, *voices])

    def _escape(self, rate: float) -> figures.Escape:
        one = self._curves("plain", rate)[0]
        voices = dict(zip(("bias", "constant", "difference"), self._rows(one)[-3:], strict=True))
        run = next(r for r in self.runs if (r["variant"], r["rate"]) == ("plain", rate))
        return figures.Escape(
            rate,
            one.updates,
            one.activation_mean,
            one.activation_std,
            one.valid_error,
            voices,
            run["escapes"][0],
        )


def telling_points(updates: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Return indices of at most ``count`` updates between which straight lines come closest to all curves.

    Some are evenly spaced in log time; then, again and again, the update is added at which any curve
    lies farthest from the line drawn for it so far.

    Args:
        updates: (T,) increasing.
        values: (N, T), on the scale on which they are drawn.
        count: how many updates to keep.

    Example:
        >>> telling_points(np.arange(5), np.array([[0.0, 0, 0, 9, 9]]), 5)
        array([0, 1, 2, 3, 4])
    """
    time = np.log10(np.maximum(updates, 0.5))
    even = np.arange(time[0], time[-1], 1 / PER_DECADE)
    kept = {0, len(time) - 1, *np.abs(time[:, None] - even).argmin(axis=0).tolist()}
    while len(kept) < min(count, len(time)):
        known = sorted(kept)
        lines = np.array([np.interp(time, time[known], row[known]) for row in values])
        error = np.abs(values - lines).max(axis=0)
        error[known] = -1
        kept.add(int(error.argmax()))
    return np.array(sorted(kept))


def _as_drawn(values: np.ndarray) -> np.ndarray:
    """Fractions as they are, norms as a share of the seven decades that the picture shows."""
    norms = np.log10(np.clip(values[:, -3:], 1e-5, 1e2)) / 7
    return np.concatenate([values[:, :-3], norms], axis=1)


def _data_name(record: Record) -> str:
    return NAMES.get(record.data["name"], record.data["name"])


def _task(record: Record) -> str:
    hidden, data = record.config["hidden"], _data_name(record)
    return (
        f"Sigmoid nets of {len(hidden)} hidden layers of {hidden[0]} units on {data}, the paper’s "
        "standard scheme. They stand still at an error no better than guessing, then escape. "
        "Move through their training."
    )


def _asked(by_rate: list[dict[str, Any]]) -> dict[str, Any]:
    """What the reader knows and what they are asked: two rates, one about a tenth of the other."""
    plain = [row for row in by_rate if row["group"] == "plain"]
    known = max(plain, key=lambda row: row["learning_rate"])
    wanted = known["learning_rate"] / 10
    asked = min(plain, key=lambda row: abs(np.log(row["learning_rate"] / wanted)))
    return {
        "known": known["learning_rate"],
        "known_range": known["escape_update_range"],
        "rate": asked["learning_rate"],
        "range": asked["escape_update_range"],
        "escaped": asked["escaped"],
        "networks": asked["networks"],
    }
