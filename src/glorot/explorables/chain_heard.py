"""*The chain, heard*: equal amplifiers with hiss and supply, and a voice that may come through."""

from __future__ import annotations

from itertools import islice

import numpy as np
import traitlets

from glorot import amplifiers
from glorot.explorables.base import Case, Explorable
from glorot.explorables.randomness import normals
from glorot.figures import microphone_still as figures
from glorot.style import BookFigure

# The knob's scale is cubic in decibels; 0.946 is one of its steps. Noise is in decibels.
START = {"gain": 10**-0.024, "length": 50, "noise": -60, "bypass": 0, "volume": 0.8}
SAMPLES = 64  # of each amplifier's hiss in a draw
SILENT = -999.0  # decibels that stand for nothing at all
_SETTINGS = [
    (0.95, 50, -60, 0),
    (1.0, 50, -60, 0),
    (1.013, 50, -45, 0),
    (0.0, 50, -60, 1),
    (0.02, 50, -70, 1),
    (1000.0, 50, -20, 1),
    (0.001, 50, -90, 0),
    (0.5, 1, -30, 0),
    (2.0, 7, -60, 0),
    (0.9, 23, -20, 0),
]


class ChainHeard(Explorable):
    """A voice through up to fifty amplifiers: gain, length, hiss, a bypass around each.

    The voice travels as 16-bit samples; what else one sees and hears is computed in the page.
    """

    module = "chain_heard.js"
    voice = traitlets.Bytes().tag(sync=True)
    rate = traitlets.Int(amplifiers.SAMPLE_RATE).tag(sync=True)
    level = traitlets.Float().tag(sync=True)
    peak = traitlets.Float(amplifiers.VOICE_PEAK).tag(sync=True)
    start = traitlets.Dict(default_value=START).tag(sync=True)

    def __init__(self) -> None:
        sound = amplifiers.voice()
        super().__init__(
            voice=np.round(sound * 32768).astype("<i2").tobytes(),
            level=decibels(amplifiers.level(sound)),
        )

    def still(self) -> BookFigure:
        """Return the voice after fifty amplifiers at three settings of the knob."""
        sound, rng = amplifiers.voice(), np.random.default_rng(1)
        gains = (0.88, 1.0, 1.05)
        heard = {g: amplifiers.send(amplifiers.Chain(g, 50, 1e-3), sound, rng)[-1] for g in gains}
        return figures.chain_heard(
            heard, 50, amplifiers.usable_gains(50, 1e-3, amplifiers.level(sound), self.peak)
        )

    def cases(self) -> list[Case]:
        """Return levels, edges and a draw of the hiss at ten settings, and what a factor clips."""
        ordered = np.sort(np.abs(amplifiers.voice()))[::97].tolist()
        shares = [
            Case("clipped", [ordered, a], float(np.mean(np.array(ordered) * a > 1)))
            for a in (1, 3, 30, 1e6)
        ]
        return [case for setting in _SETTINGS for case in self._cases_at(*setting)] + shares

    def _cases_at(self, gain: float, length: int, noise: float, bypass: float) -> list[Case]:
        setting = [gain, length, noise, bypass]
        chain = amplifiers.Chain(gain, length, 10 ** (noise / 20), bypass)
        gained = max(SILENT, decibels(chain.amplitude_factor))
        room = amplifiers.usable_gains(
            length, chain.noise, 10 ** (self.level / 20), self.peak, bypass
        )
        return [
            Case("chain", setting, [gained, decibels(chain.noise_out)]),
            Case("edges", [length, noise, bypass, self.level, self.peak], list(room)),
            Case("measuredHiss", [7, *setting], measured_hiss(7, chain)),
        ]


def decibels(amplitude: float) -> float:
    """Return 20 log10 of an amplitude, minus infinity for none."""
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(amplitude))


def measured_hiss(seed: int, chain: amplifiers.Chain) -> list[float]:
    """Return the level in dB of one draw of the hiss after each stage, as the page draws it."""
    numbers, row, levels = normals(seed), np.zeros(SAMPLES), []
    for _ in range(chain.length):
        row = chain.stage_factor * row + chain.noise * np.array(list(islice(numbers, SAMPLES)))
        levels.append(decibels(np.sqrt(np.mean(row**2))))
    return levels
