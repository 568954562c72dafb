"""*Amplifier becomes matrix*: one knob becomes n × n weights, and the gain becomes σ√n."""

from __future__ import annotations

import numpy as np
import traitlets
from scipy import stats

from glorot import initializers as init
from glorot import probes, theory
from glorot.explorables.base import Case, Explorable
from glorot.figures import microphone_still as figures
from glorot.style import BookFigure

WIDTHS = tuple(2**k for k in range(10))  # 1 … 512
DRAWS = 12  # matrices of each width
STD = 0.5  # of a weight, at the start
START = {"power": 0, "std": STD, "signs": "random"}


class AmplifierMatrix(Explorable):
    """The gain of random n × n matrices on a vector, n from 1 to 512, against σ√n.

    Args:
        seeds: how many sets of draws the page holds; "New draw" goes round them.
    """

    module = "amplifier_matrix.js"
    widths = traitlets.List(traitlets.Int(), default_value=list(WIDTHS)).tag(sync=True)
    seeds = traitlets.Int(5).tag(sync=True)
    draws = traitlets.Int(DRAWS).tag(sync=True)
    gains = traitlets.Bytes().tag(sync=True)
    start = traitlets.Dict(default_value=START).tag(sync=True)

    def __init__(self, seeds: int = 5) -> None:
        gains = np.stack([measured_gains(seed) for seed in range(1, seeds + 1)])
        super().__init__(seeds=seeds, gains=gains.astype("<f4").tobytes())

    def measured(self, seed: int) -> np.ndarray:
        """Return the measured gains of one seed at σ = 1, shape (widths, draws)."""
        return np.frombuffer(self.gains, "<f4").reshape(self.seeds, len(WIDTHS), DRAWS)[seed - 1]

    def still(self) -> BookFigure:
        """Return the measured gains of the first seed on the line σ√n."""
        return figures.amplifier_matrix(np.array(WIDTHS), STD * self.measured(1), STD)

    def cases(self) -> list[Case]:
        """Return the predicted gain, its spread and fifty layers in decibels, against `theory`."""
        found = []
        for n in WIDTHS:
            for std in (0.01, 0.0625, 0.5, 2.0):
                gain = predicted(n, std)
                found.append(Case("gain", [n, std, "random"], gain))
                found.append(Case("decibels", [gain, 50], theory.decibels(gain, 50)))
            found.append(Case("spread", [n], float(stats.chi(n).std() / np.sqrt(n))))
            found.append(
                Case(
                    "gain",
                    [n, 0.5, "equal"],
                    float(np.linalg.norm(np.ones(n) @ np.full((n, n), 0.5)) / np.sqrt(n)),
                )
            )
        return found


def predicted(n: int, std: float) -> float:
    """Return σ√n as `theory` has it: the root of what one linear layer does to a second moment."""
    return float(np.sqrt(theory.forward_second_moments((n, n), (std**2,), "identity")[0]))


def measured_gains(seed: int) -> np.ndarray:
    """Return what random matrices of std 1 do to a vector's length, shape (widths, DRAWS)."""
    rng = np.random.default_rng(seed)
    gains = []
    for n in WIDTHS:
        unit = init.VarianceScaling(
            float(n), "fan_in", "normal"
        )  # so that one weight has variance 1
        gains.append(
            np.sqrt(
                probes.measure_forward((n, n), unit, "identity", DRAWS, rng, x=np.ones((1, n)))[
                    :, 0
                ]
            )
        )
    return np.array(gains)
