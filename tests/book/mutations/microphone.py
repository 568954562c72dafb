"""Changes to the package under which *What does it sound like?* must fail."""

from tests.book.mutations import Mutation
from tests.book.mutations.common import DECIBELS_OF_POWER, ORTHOGONAL_WITHOUT_GAIN, SPREAD_OF_N

MUTATIONS = (
    Mutation(
        "each amplifier hisses twice as loud as it says",
        "amplifiers.py",
        "hiss = rng.normal(0, chain.noise, len(sound))",
        "hiss = rng.normal(0, 2 * chain.noise, len(sound))",
    ),
    Mutation(
        "hiss is drawn with a variance for a standard deviation",
        "amplifiers.py",
        "hiss = rng.normal(0, chain.noise, len(sound))",
        "hiss = rng.normal(0, chain.noise**0.5, len(sound))",
    ),
    Mutation(
        "the supply is at 2",
        "amplifiers.py",
        "np.clip(chain.stage_factor * sound + hiss, -1, 1)",
        "np.clip(chain.stage_factor * sound + hiss, -2, 2)",
    ),
    Mutation(
        "the bypass carries the input past the gain twice",
        "amplifiers.py",
        "return self.gain + self.bypass",
        "return self.gain + 2 * self.bypass",
    ),
    Mutation(
        "hiss adds in amplitude, not in power",
        "amplifiers.py",
        "float(self.noise * np.sqrt(powers.sum()))",
        "float(self.noise * np.sqrt(powers).sum())",
    ),
    Mutation(
        "the highest gain takes the root of one stage too few",
        "amplifiers.py",
        "float(peak ** (-1 / length))",
        "float(peak ** (-1 / max(1, length - 1)))",
    ),
    Mutation(
        "the lowest gain compares powers with amplitudes",
        "amplifiers.py",
        "wanted = np.arange(1, length + 1), 2 * np.log(level / noise)",
        "wanted = np.arange(1, length + 1), np.log(level / noise)",
    ),
    Mutation(
        "the first amplifier's hiss is forgotten in the lowest gain",
        "amplifiers.py",
        "wanted = np.arange(1, length + 1), 2",
        "wanted = np.arange(1, max(2, length)), 2",
    ),
    Mutation(
        "loudness is a mean of absolute values",
        "amplifiers.py",
        "float(np.sqrt(np.mean(_checked_sound(sound) ** 2)))",
        "float(np.mean(np.abs(_checked_sound(sound))))",
    ),
    Mutation(
        "the voice peaks at 0.6",
        "amplifiers.py",
        "VOICE_PEAK = 0.5",
        "VOICE_PEAK = 0.6",
    ),
    Mutation(
        "a layer's gain is σ times n",
        "theory.py",
        "moments.append(fan_in * variance * received)",
        "moments.append(fan_in**2 * variance * received)",
    ),
    DECIBELS_OF_POWER,
    SPREAD_OF_N,
    Mutation(
        "weights have the variance 0.95/n",
        "initializers.py",
        "return float(self.scale / getattr(fans, self.mode))",
        "return float(0.95 * self.scale / getattr(fans, self.mode))",
    ),
    Mutation(
        "weights are drawn with their variance for a standard deviation",
        "initializers.py",
        "std = np.sqrt(self._variance(compute_fans(shape, in_axis, out_axis)))",
        "std = self._variance(compute_fans(shape, in_axis, out_axis))",
    ),
    ORTHOGONAL_WITHOUT_GAIN,
)
