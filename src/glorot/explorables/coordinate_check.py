"""*Coordinate check*: do layers move as far at any width? From the record of experiment `coordinate-check`."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from glorot import theory
from glorot.explorables.base import Case, Explorable
from glorot.figures import today as figures
from glorot.results import Record, load_record
from glorot.style import BookFigure

STAYS = 0.25  # exponents nearer to 0 count as none
FATES = ("stays", "drifts", "comes to rest")


class CoordinateCheck(Explorable):
    """How far each layer has moved after one to ten updates, widths 64 to 4,096, three parametrizations.

    Args:
        record: of `coordinate-check`; by default the one of scale ``laptop``.

    Raises:
        FileNotFoundError: if no record is given and there is none; it says which command makes it.
        ValueError: if the record is not one of `coordinate-check`.
    """

    module = "coordinate_check.js"
    widths = traitlets.List(traitlets.Int()).tag(sync=True)
    stages = traitlets.List(traitlets.Unicode()).tag(sync=True)
    change: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    exponents: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)

    def __init__(self, record: Record | None = None) -> None:
        self._record = load_record("coordinate-check") if record is None else record
        if self._record.experiment != "coordinate-check":
            raise ValueError(
                f"record must be one of 'coordinate-check', got {self._record.experiment!r}"
            )
        config = self._record.config
        kept = self._record.arrays["change"]  # (optimizer, rule, width, seed, step, stage)
        change: dict[str, Any] = {}
        exponents: dict[str, Any] = {}
        for k, (optimizer, _) in enumerate(config["rates"]):
            for place, rule in enumerate(config["parametrizations"]):
                moved = kept[k, place, :, :, 1:].transpose(1, 2, 3, 0)  # seed, step, stage, width
                change.setdefault(optimizer, {})[rule] = _rounded(moved)
                e = theory.update_exponents(rule, optimizer)
                blocks = [e["hidden"]] * config["blocks"]
                exponents.setdefault(optimizer, {})[rule] = [e["input"], *blocks, e["output"]]
        super().__init__(
            widths=config["widths"],
            stages=["input", *(f"block {b + 1}" for b in range(config["blocks"])), "output"],
            change=change,
            exponents=exponents,
        )

    def still(self) -> BookFigure:
        """Return the changes after the first update, a panel for each parametrization and optimizer."""
        kept, config = self._record.arrays["change"], self._record.config
        seen = {
            (optimizer, rule): kept[k, place, :, :, 1].astype(float)
            for k, (optimizer, _) in enumerate(config["rates"])
            for place, rule in enumerate(config["parametrizations"])
        }
        return figures.coordinates(np.array(self.widths), seen, 1)

    def cases(self) -> list[Case]:
        """Return exponents, predicted lines and verdicts against Python's."""
        found = []
        for by_rule in self.change.values():
            for seeds in by_rule.values():
                for moved in (seeds[0][0][-1], seeds[-1][-1][1]):
                    found.append(
                        Case("exponent", [self.widths, moved], exponent(self.widths, moved))
                    )
        for e in (-0.5, 0, 0.5, 1, 1.5):
            expected = [0.01 * (n / self.widths[0]) ** e for n in self.widths]
            found.append(Case("line", [self.widths, 0.01, e], expected))
        pairs = [(0.0, 0.1), (0.9, 1.4), (-0.5, -0.4), (-0.5, 0.0), (0.1, 0.9)]
        return found + [Case("fate", list(pair), FATES.index(fate(*pair))) for pair in pairs]


def exponent(widths: list[int], moved: list[float]) -> float:
    """Return e of the best fit of nᵉ to changes by width, in logarithms."""
    return float(np.polyfit(np.log(widths), np.log(moved), 1)[0])


def fate(block: float, output: float) -> str:
    """Say what the layers do as the network grows wider, from two exponents.

    Args:
        block: of the last block's change.
        output: of the output's change.
    """
    if max(block, output) > STAYS:
        return "drifts"
    return "comes to rest" if min(block, output) < -STAYS else "stays"


def _rounded(values: np.ndarray) -> Any:
    """Nested lists of the values to four digits."""
    return [_rounded(part) if part.ndim else float(f"{float(part):.4g}") for part in values]
