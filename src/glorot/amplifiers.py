r"""A chain of amplifiers and a voice to send through it: an old picture of a deep net, made audible.

Signals are arrays of samples between -1 and 1. An amplifier multiplies by its gain, adds the hiss
of its own parts and clips at its supply voltage, as every real one does:

.. math:: h_l = \operatorname{clip}\!\big(g\, h_{l-1} + \varepsilon_l,\ \pm 1\big),
   \qquad \varepsilon_l \sim N(0, \sigma^2).

With a bypass around each amplifier the input is added to the output, :math:`h_{l-1} + g\,h_{l-1}`:
the first residual connection. Used by *What does it sound like?*
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, signal

SAMPLE_RATE = 12_000  # samples a second: the voice has next to nothing above 5 kHz
LOUDEST = 0.1  # amplitude of anything the book plays
VOICE_PEAK = 0.5  # of the voice, so that an amplifier may double it before it clips

# Formants (Hz) of five vowels, a male voice: a, e, i, o, u. Peterson & Barney (1952), rounded.
VOWELS = np.array(
    [[730, 1090, 2440], [530, 1840, 2480], [270, 2290, 3010], [570, 840, 2410], [300, 870, 2240]]
)
_UPPER = (3700.0, 4700.0)  # formants that a throat of that length has for every vowel
_LEAST_RATE = 10_000


@dataclass(frozen=True)
class Chain:
    """Equal amplifiers in a row.

    Args:
        gain: amplitude gain of one amplifier, at least 0.
        length: how many, at least 1.
        noise: standard deviation of the hiss that each adds, at least 0.
        bypass: share of an amplifier's input that is led around it: 0 for none, 1 for all of it.

    Raises:
        ValueError: for a value outside these.

    Example:
        >>> Chain(gain=0.5, length=3).amplitude_factor
        0.125
        >>> round(Chain(gain=0.01, length=100, bypass=1.0).amplitude_factor, 3)
        2.705
    """

    gain: float
    length: int
    noise: float = 0.0
    bypass: float = 0.0

    def __post_init__(self) -> None:
        for name in ("gain", "noise", "bypass"):
            _check_at_least(name, getattr(self, name), 0)
        _check_length(self.length)

    @property
    def stage_factor(self) -> float:
        """What one stage does to an amplitude that nothing clips."""
        return self.gain + self.bypass

    @property
    def amplitude_factor(self) -> float:
        """What the whole chain does to an amplitude that nothing clips; ``inf`` if out of range."""
        with np.errstate(over="ignore"):
            return float(np.float64(self.stage_factor) ** self.length)

    @property
    def noise_out(self) -> float:
        r"""Standard deviation of all the hiss at the end, where nothing clips.

        .. math:: \sigma \sqrt{\textstyle\sum_{k=0}^{L-1} (g + b)^{2k}}

        The last amplifier's hiss arrives as it is, the first one's has passed all others.
        """
        if self.noise == 0:
            return 0.0
        with np.errstate(over="ignore"):
            powers = np.float64(self.stage_factor) ** (2 * np.arange(self.length))
            return float(self.noise * np.sqrt(powers.sum()))


def usable_gains(
    length: int, noise: float, level: float, peak: float, bypass: float = 0.0
) -> tuple[float, float]:
    r"""Return the lowest and the highest gain at which a sound comes through a chain.

    At the lowest the sound is as loud as all the hiss that it arrives with; above the highest its
    peaks clip.

    .. math:: \sum_{j=1}^{L} (g_{\min} + b)^{-2j} = \Big(\frac{s}{\sigma}\Big)^2,
       \qquad g_{\max} + b = p^{-1/L}.

    Args:
        length: *L*, how many amplifiers.
        noise: σ, standard deviation of the hiss of each, above 0.
        level: *s*, root mean square of the sound, above 0.
        peak: *p*, its largest absolute sample, above 0.
        bypass: *b*, share of the input that is led around each amplifier.

    Returns:
        (lowest, highest), both at least 0; the lowest above the highest if no setting will do.

    Raises:
        ValueError: for a value outside these.

    Example:
        >>> low, high = usable_gains(length=1, noise=0.01, level=0.1, peak=0.5)
        >>> round(low, 9), high
        (0.1, 2.0)
        >>> [round(g, 3) for g in usable_gains(length=50, noise=0.003, level=0.15, peak=0.5)]
        [0.946, 1.014]
    """
    _check_length(length)
    for name, value in (("noise", noise), ("level", level), ("peak", peak)):
        _check_at_least(name, value, 0, beyond=True)
    _check_at_least("bypass", bypass, 0)
    stages, wanted = np.arange(1, length + 1), 2 * np.log(level / noise)

    def excess(log_factor: float) -> float:
        return float(np.logaddexp.reduce(-2 * log_factor * stages) - wanted)

    reach = abs(wanted) / 2 + np.log(length) + 1  # the root's logarithm lies within
    lowest = float(np.exp(optimize.brentq(excess, -reach, reach, xtol=1e-14)))
    return max(0.0, lowest - bypass), max(0.0, float(peak ** (-1 / length)) - bypass)


def voice(duration: float = 2.4, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Synthesize a voice that says five vowels, no recording needed.

    A train of glottal pulses with a falling, slightly unsteady pitch passes five resonators whose
    frequencies, the formants, move from vowel to vowel; an envelope makes syllables of it, each
    quickly there and slowly gone, with pauses between.

    Args:
        duration: seconds, at least 0.1.
        sample_rate: samples per second, at least 10,000.

    Returns:
        Samples of mean 0 and peak ``VOICE_PEAK``, shape (duration * sample_rate,), float64.

    Raises:
        ValueError: for a duration or rate below these.

    Source: the source-filter model of Fant (1960) with the vowels of Peterson & Barney (1952).

    Example:
        >>> sound = voice(0.5)
        >>> sound.shape, float(abs(sound).max())
        ((6000,), 0.5)
    """
    _check_at_least("duration", duration, 0.1)
    _check_at_least("sample_rate", sample_rate, _LEAST_RATE)
    at = np.linspace(0, 1, int(duration * sample_rate))
    wobble = _flutter(duration * at)
    pitch = (118 - 22 * at + 7 * np.sin(2 * np.pi * 2.2 * at)) * (1 + 0.012 * wobble)
    pulses = _pulses(np.cumsum(pitch) / sample_rate)
    spoken = _resonate(pulses, at, sample_rate) * _syllables(at) * (1 + 0.06 * wobble)
    spoken -= spoken.mean()
    return VOICE_PEAK * spoken / np.abs(spoken).max()


def _flutter(seconds: np.ndarray) -> np.ndarray:
    """How a throat is unsteady: three slow waves that never meet again (Klatt and Klatt, 1990)."""
    return np.mean([np.sin(2 * np.pi * f * seconds) for f in (12.7, 7.1, 4.7)], axis=0)


def _pulses(periods: np.ndarray) -> np.ndarray:
    """Glottal pulses by the number of periods so far: a sharp edge is drawn finely, then smoothed."""
    fine = np.interp(np.arange(4 * len(periods)) / 4, np.arange(len(periods)), periods)
    return signal.resample_poly(_glottal(fine % 1.0), 1, 4)


def _glottal(phase: np.ndarray) -> np.ndarray:
    """Derivative of the air flow over a period: slowly opened, quickly shut (Rosenberg's pulse)."""
    opening, shut = 0.45, 0.62
    rise = np.sin(np.pi * phase / opening) * (phase < opening)
    fall = -opening / (shut - opening) * np.sin(np.pi / 2 * (phase - opening) / (shut - opening))
    return rise + fall * ((phase >= opening) & (phase < shut))


def _resonate(pulses: np.ndarray, at: np.ndarray, sample_rate: int) -> np.ndarray:
    """Five resonators in a row, retuned at every sample; a vowel is held, then glides into the next."""
    out, count = pulses, len(VOWELS)
    stops = (np.arange(count)[:, None] + [0.35, 0.65]).ravel() / count
    for held in np.column_stack([VOWELS, np.tile(_UPPER, (count, 1))]).T:
        out = _resonator(out, np.interp(at, stops, np.repeat(held, 2)), sample_rate)
    return out


def _resonator(sound: np.ndarray, frequency: np.ndarray, sample_rate: int) -> np.ndarray:
    """A pair of poles that follows its frequency; the higher it is, the broader."""
    radius = np.exp(-np.pi * (50 + 0.07 * frequency) / sample_rate)
    first, second = 2 * radius * np.cos(2 * np.pi * frequency / sample_rate), -(radius**2)
    driven = (1 - first - second) * sound  # a constant passes as it is
    out, last, before = [], 0.0, 0.0
    for x, a, b in zip(driven.tolist(), first.tolist(), second.tolist(), strict=True):
        last, before = x + a * last + b * before, last
        out.append(last)
    return np.array(out)


def _syllables(at: np.ndarray) -> np.ndarray:
    """Five swells, one per vowel, with a twentieth of a second of silence between."""
    share = len(VOWELS) * at % 1.0
    attack, release = np.clip((share - 0.04) / 0.12, 0, 1), np.clip((0.94 - share) / 0.58, 0, 1)
    return np.sin(np.pi / 2 * attack) ** 2 * np.sin(np.pi / 2 * release) ** 1.5


def send(chain: Chain, sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Send a signal through the chain, stage by stage, with hiss and clipping.

    Args:
        chain: the amplifiers.
        sound: samples, shape (n,).
        rng: source of the hiss.

    Returns:
        What comes out of each amplifier, shape (length, n); the last row is what one hears.

    Raises:
        ValueError: for a sound that is not a row of finite numbers.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> send(Chain(gain=2.0, length=2), np.array([0.1, 0.4]), rng).round(2)
        array([[0.2, 0.8],
               [0.4, 1. ]])
    """
    sound = _checked_sound(sound)
    stages = np.empty((chain.length, len(sound)))
    for stage in stages:
        hiss = rng.normal(0, chain.noise, len(sound)) if chain.noise else 0.0
        stage[:] = np.clip(chain.stage_factor * sound + hiss, -1, 1)
        sound = stage
    return stages


def level(sound: np.ndarray) -> float:
    """Return the root mean square of a signal, its loudness as far as this book is concerned.

    Raises:
        ValueError: for a sound that is not a row of finite numbers.

    Example:
        >>> level(np.array([3.0, -4.0, 0.0, 0.0]))
        2.5
    """
    return float(np.sqrt(np.mean(_checked_sound(sound) ** 2)))


def playable(sound: np.ndarray) -> np.ndarray:
    """Bound a signal for loudspeakers: a tenth of full scale at most, whatever came in.

    Nothing is normalized, or a voice that has vanished would come out loud; pass it to
    ``Audio(..., normalize=False)``.

    Raises:
        ValueError: for a sound that is not a row of numbers. Infinity is bounded, NaN refused.

    Example:
        >>> playable(np.array([0.5, -40.0, 0.001])).tolist()
        [0.05, -0.1, 0.0001]
    """
    sound = np.asarray(sound, dtype=float)
    if sound.ndim != 1 or np.isnan(sound).any():
        raise ValueError(
            f"sound must be a row of numbers, got shape {sound.shape} with NaN or other axes"
        )
    return LOUDEST * np.clip(sound, -1, 1)


def _check_at_least(name: str, value: float, least: float, beyond: bool = False) -> None:
    good = np.isscalar(value) and np.isreal(value) and np.isfinite(value)
    if not good or value < least or (beyond and value == least):
        raise ValueError(
            f"{name} must be a finite number {'>' if beyond else '>='} {least}, got {value!r}"
        )


def _check_length(length: int) -> None:
    whole = isinstance(length, (int, np.integer)) and not isinstance(length, bool)
    if not whole or length < 1:
        raise ValueError(f"length must be a positive integer, got {length!r}")


def _checked_sound(sound: np.ndarray) -> np.ndarray:
    sound = np.asarray(sound, dtype=float)
    if sound.ndim != 1 or sound.size == 0 or not np.isfinite(sound).all():
        raise ValueError(
            f"sound must be a row of finite numbers, got an array of shape {sound.shape}"
        )
    return sound
