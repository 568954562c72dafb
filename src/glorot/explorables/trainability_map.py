"""*Trainability map*: weight scale and learning rate, every point a network that was trained, from the record."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import traitlets

from glorot import theory
from glorot.explorables.base import Case, Explorable
from glorot.figures import trainability_still as figures
from glorot.initializers import VarianceScaling
from glorot.networks import forward, make_network
from glorot.probes import end_to_end_singular_values
from glorot.results import Record, load_record
from glorot.style import BookFigure

LOWEST, HIGHEST = -2.0, 3.0  # decimal logarithms of the losses that a byte tells apart
PART = 0.9  # of the loss of chance: a network that ends below it trains
DEPTHS_OF_SCALE = 6  # networks are said to train up to so many depth scales
_INFINITE = 1e300  # what stands for infinity in the page, which JSON cannot


class TrainabilityMap(Explorable):
    """The record of experiment `trainability`: the whole map, and a part of its border.

    Args:
        record: of `trainability`; by default the one of scale ``laptop``.

    Raises:
        FileNotFoundError: if no record is given and there is none; it says which command makes it.
        ValueError: if the record is not one of `trainability`.
    """

    module = "trainability_map.js"
    grids: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    updates = traitlets.List(traitlets.Int()).tag(sync=True)
    chance = traitlets.Float().tag(sync=True)
    best = traitlets.Float().tag(sync=True)
    depth = traitlets.Int().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    asked = traitlets.Int().tag(sync=True)

    def __init__(self, record: Record | None = None) -> None:
        self._record = load_record("trainability") if record is None else record
        if self._record.experiment != "trainability":
            raise ValueError(
                f"record must be one of 'trainability', got {self._record.experiment!r}"
            )
        config = self._record.config
        sigmas = self._record.arrays["map/sigma_w"]
        super().__init__(
            grids=[self._grid(grid["name"]) for grid in config["grids"]],
            updates=config["log_at"],
            chance=self._record.results["chance_loss"],
            best=self._record.results["grids"][0]["lowest_loss"],
            depth=config["depth"],
            width=config["width"],
            asked=int(np.abs(sigmas - 1.5).argmin()),
        )

    def still(self) -> BookFigure:
        """Return the map with the depth scale, and its zoomed part."""
        arrays, panels = self._record.arrays, []
        for grid in self.grids:
            name = grid["name"]
            panels.append(
                figures.Panel(
                    name,
                    arrays[f"{name}/sigma_w"],
                    arrays[f"{name}/learning_rate"],
                    arrays[f"{name}/train_loss"][-1, 0].astype(float),
                )
            )
        within = figures.Overlay(self.depth, DEPTHS_OF_SCALE, self.chance, PART)
        scales = np.array(self.grids[0]["scales"])
        return figures.trainability_map(panels, scales, within)

    def cases(self) -> list[Case]:
        """Return bytes made losses, borders and colors against Python's."""
        found = [Case("lossOf", [code], loss_of(code)) for code in (0, 1, 100, 128, 254)]
        whole = self.grids[0]
        packed, columns, rows = whole["losses"], len(whole["sigmas"]), len(whole["rates"])
        times = len(self.updates)
        codes = np.frombuffer(base64.b64decode(packed), np.uint8).reshape(times, columns, rows)
        rng = np.random.default_rng(0)
        for _ in range(12):
            column, row = int(rng.integers(columns)), int(rng.integers(rows))
            found.append(
                Case(
                    "curve",
                    [packed, times, columns, rows, column, row],
                    [loss_of(int(code)) for code in codes[:, column, row]],
                )
            )
        for column in range(0, columns, max(1, columns // 12)):
            final = [loss_of(int(code)) for code in codes[-1, column]]
            found.append(Case("border", [final, self.chance], border(final, self.chance)))
        return found + [Case("shade", [x], shade(x)) for x in (0.0, 0.13, 0.5, 0.77, 1.0)]

    def _grid(self, name: str) -> dict[str, Any]:
        arrays, config = self._record.arrays, self._record.config
        sigmas = arrays[f"{name}/sigma_w"]
        activation, depth = config["activation"], config["depth"]
        scales = [min(theory.depth_scale(activation, float(s) ** 2), _INFINITE) for s in sigmas]
        return {
            "name": name,
            "sigmas": sigmas.tolist(),
            "rates": [float(f"{rate:.4g}") for rate in arrays[f"{name}/learning_rate"]],
            "losses": base64.b64encode(pack(arrays[f"{name}/train_loss"][:, 0])).decode(),
            "scales": [float(f"{scale:.4g}") for scale in scales],
            "singular": [
                _singular_values(activation, float(s), config["width"], depth) for s in sigmas
            ],
        }


def pack(losses: np.ndarray) -> bytes:
    """Return losses as bytes, evenly spaced in their logarithm; 255 is beyond all that are told apart."""
    with np.errstate(divide="ignore"):
        logs = np.log10(losses.astype(np.float64))
    codes = np.rint(254 * (logs - LOWEST) / (HIGHEST - LOWEST))
    return np.where(logs > HIGHEST, 255, np.clip(codes, 0, 254)).astype(np.uint8).tobytes()


def loss_of(code: int) -> float:
    """Return the loss that a byte stands for: within 2.3 % of the one that was packed."""
    return _INFINITE if code == 255 else 10 ** (LOWEST + code / 254 * (HIGHEST - LOWEST))


def border(losses: list[float], chance: float) -> int:
    """Return the highest row from the best one on up to which all networks of a column train, or −1."""
    if min(losses) >= PART * chance:
        return -1
    row = losses.index(min(losses))
    while row + 1 < len(losses) and losses[row + 1] < PART * chance:
        row += 1
    return row


def shade(share: float) -> list[int]:
    """Return red, green, blue from dark (0) to bright (1); the page's colors for a loss."""
    at, stops = share * (len(figures.STOPS) - 1), np.array(figures.STOPS)
    low = min(int(at), len(stops) - 2)
    return [int(c) for c in np.floor(stops[low] + (at - low) * (stops[low + 1] - stops[low]) + 0.5)]


def _singular_values(activation: str, sigma_w: float, width: int, depth: int) -> list[float]:
    """Of the Jacobian from input to last layer of one net, all layers of one width, before training.

    What lies below 10⁻¹² of the largest is rounding and is held there.
    """
    rng = np.random.default_rng(0)
    weights = VarianceScaling(sigma_w**2, "fan_in", "normal")
    network = make_network((width,) * (depth + 1), weights, activation, rng, dtype=np.float64)
    trace = forward(network, rng.standard_normal((1, width)))
    values = end_to_end_singular_values(network, trace, [0])[0]
    return [float(f"{s:.3g}") for s in np.maximum(values, 1e-12 * values[0])]
