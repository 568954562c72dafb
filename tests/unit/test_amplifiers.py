"""Chains of amplifiers: gains multiply, hiss adds in power, clipping bounds; and a voice of five vowels."""

import numpy as np
import pytest
from scipy import signal

from glorot import amplifiers
from glorot.amplifiers import Chain, level, playable, send, usable_gains, voice


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize(
    ("gain", "length", "bypass"), [(0.9, 50, 0), (0.5, 7, 0), (0.01, 20, 1), (0.2, 3, 0.5)]
)
def test_unclipped_signal_is_multiplied_by_the_power_of_the_stage(gain, length, bypass, rng):
    sound = rng.uniform(-0.1, 0.1, 500)
    out = send(Chain(gain, length, bypass=bypass), sound, rng)[-1]
    np.testing.assert_allclose(out, sound * (gain + bypass) ** length, rtol=1e-12)
    assert not np.allclose(
        out, sound * (gain + bypass) ** (length - 1), rtol=1e-3
    )  # negative control


def test_every_stage_is_returned_and_the_last_one_is_heard(rng):
    stages = send(Chain(0.5, 3), np.array([0.8]), rng)
    np.testing.assert_allclose(stages[:, 0], [0.4, 0.2, 0.1])


@pytest.mark.parametrize("gain", [1.0, 1.1, 3.0, 1e6])
def test_fifty_clips_in_a_row_are_one_clip_at_the_end(gain, rng):
    sound = rng.uniform(-1, 1, 2000)
    out = send(Chain(gain, 5), sound, rng)[-1]
    np.testing.assert_allclose(out, np.clip(gain**5 * sound, -1, 1), rtol=1e-9)


def test_one_clip_is_not_enough_where_a_quiet_stage_follows_a_loud_one(rng):
    sound = np.array([0.5, 0.9])
    loud_then_quiet = send(Chain(0.25, 1), send(Chain(4.0, 1), sound, rng)[-1], rng)[-1]
    assert not np.allclose(loud_then_quiet, np.clip(sound, -1, 1))


@pytest.mark.parametrize(
    "chain",
    [
        Chain(0.8, 30, 0.01),
        Chain(1.0, 40, 0.002),
        Chain(1.05, 20, 0.001),
        Chain(0.02, 30, 0.002, bypass=1.0),
        Chain(0.0, 4, 0.01),
    ],
)
def test_hiss_adds_in_power_and_passes_the_later_amplifiers(chain, rng):
    count = 40_000
    measured = send(chain, np.zeros(count), rng)[-1].std()
    error = 1 / np.sqrt(2 * count)  # relative, of a standard deviation
    assert abs(measured / chain.noise_out - 1) < 4 * error
    in_amplitude = chain.noise * np.sum(chain.stage_factor ** np.arange(chain.length))
    if chain.gain:
        assert (
            abs(measured / in_amplitude - 1) > 40 * error
        )  # negative control: hiss does not add in step


@pytest.mark.parametrize(
    ("length", "noise", "bypass"), [(1, 0.01, 0), (5, 1e-3, 0), (50, 1e-3, 0), (50, 1e-4, 1)]
)
def test_at_the_lowest_gain_the_sound_is_as_loud_as_its_hiss(length, noise, bypass):
    low, high = usable_gains(length, noise, level=0.1, peak=0.5, bypass=bypass)
    for gain, factor in ((low, 1.0), (low * 1.02 + 0.02 * bypass, None)):
        chain = Chain(gain, length, noise, bypass)
        if low > 0:
            ratio = 0.1 * chain.amplitude_factor / chain.noise_out
            assert (abs(ratio - 1) < 1e-9) == (factor is not None)
    assert Chain(high, length, bypass=bypass).amplitude_factor * 0.5 == pytest.approx(1)


def test_with_a_bypass_an_amplifier_may_be_switched_off():
    low, high = usable_gains(50, 1e-3, 0.1, 0.5, bypass=1.0)
    assert low == 0 < high == pytest.approx(2 ** (1 / 50) - 1)


def test_the_lowest_gain_lies_between_the_hiss_of_one_amplifier_and_that_of_all():
    for length in (2, 10, 50, 300):
        low, _ = usable_gains(length, 1e-3, 0.1, 0.5)
        assert 0.01 ** (1 / length) < low < (0.01 * np.sqrt(length)) ** (1 / length)


def test_in_a_very_long_chain_no_setting_will_do():
    low, high = usable_gains(1_000_000, 1e-3, 0.1, 0.5)
    assert low > high


@pytest.mark.parametrize(("gain", "length"), [(0.0, 50), (1e6, 50), (1e300, 400)])
def test_extreme_gains_overflow_to_infinity_and_play_within_the_bound(gain, length, rng):
    chain = Chain(gain, length, noise=1e-3)
    assert not np.isnan(chain.amplitude_factor)
    assert not np.isnan(chain.noise_out)
    if gain <= 1e6:
        heard = playable(send(chain, voice(0.2), rng)[-1])
        assert np.isfinite(heard).all()
        assert np.abs(heard).max() <= amplifiers.LOUDEST


def test_what_is_played_is_bounded_and_never_normalized():
    assert np.abs(playable(np.array([3.0, -np.inf, np.inf]))).max() == amplifiers.LOUDEST
    faint = 1e-6 * voice(0.2)
    np.testing.assert_allclose(playable(faint), 0.1 * faint)


def test_the_voice_is_reproducible_bounded_and_without_a_constant():
    sound = voice()
    np.testing.assert_array_equal(sound, voice())
    assert np.abs(sound).max() == pytest.approx(amplifiers.VOICE_PEAK)
    assert abs(sound.mean()) < 1e-12
    assert len(sound) == 28_800
    assert 0.05 < level(sound) < 0.2


@pytest.mark.parametrize("vowel", range(5))
def test_each_syllable_has_the_first_two_formants_of_its_vowel(vowel):
    sound, rate = voice(), amplifiers.SAMPLE_RATE
    middle = int((vowel + 0.5) / 5 * len(sound))
    frequencies = resonances(sound[middle - 900 : middle + 900], rate)
    for formant in amplifiers.VOWELS[vowel, :2]:
        nearest = min(abs(frequencies - formant))
        assert nearest < 90  # Hz: pitch harmonics lie 100 Hz apart
    other = amplifiers.VOWELS[
        (vowel + 2) % 5, 1
    ]  # negative control: another vowel's second formant
    if abs(other - amplifiers.VOWELS[vowel]).min() > 400:
        assert min(abs(frequencies - other)) > 90


def resonances(sound: np.ndarray, rate: int) -> np.ndarray:
    """Frequencies of sharp poles of a linear prediction: two for each of five resonances, two for the tilt."""
    windowed = np.append(sound[0], sound[1:] - 0.97 * sound[:-1]) * np.hamming(len(sound))
    power = np.correlate(windowed, windowed, "full")[len(windowed) - 1 :]
    order = 12
    matrix = power[np.abs(np.subtract.outer(np.arange(order), np.arange(order)))]
    poles = np.roots(np.append(1, -np.linalg.solve(matrix, power[1 : order + 1])))
    sharp = poles[(np.abs(poles) > 0.8) & (poles.imag > 0)]
    return np.angle(sharp) * rate / (2 * np.pi)


# Levels of the three formants in dB, first to third, of the same men: Peterson & Barney (1952), Table II.
LEVELS = np.array([[-1, -5, -28], [-2, -17, -24], [-4, -24, -28], [0, -7, -34], [-3, -19, -43]])


def formant_levels(sound: np.ndarray) -> np.ndarray:
    """Level of the strongest harmonic near each formant, in dB over the first one's, shape (5, 3)."""
    found = np.empty((5, 3))
    for vowel, formants in enumerate(amplifiers.VOWELS):
        held = sound[int((vowel + 0.4) / 5 * len(sound)) : int((vowel + 0.6) / 5 * len(sound))]
        frequency, power = signal.welch(held, amplifiers.SAMPLE_RATE, nperseg=len(held) // 2)
        near = [np.abs(frequency / formant - 1) < 0.12 for formant in formants]
        found[vowel] = [10 * np.log10(power[places].max()) for places in near]
    return found - found[:, :1]


def test_the_upper_formants_are_as_strong_as_a_voices():
    """A throat without its fourth and fifth formant mumbles: its third lies some 15 dB too low."""
    spoken = LEVELS - LEVELS[:, :1]
    assert np.abs(formant_levels(voice()) - spoken).mean() < 6
    muffled = signal.lfilter([0.3], [1, -0.7], voice())
    assert np.abs(formant_levels(muffled) - spoken).mean() > 6


def clicks(sound: np.ndarray) -> float:
    """The loudest five milliseconds above 5 kHz over all but the loudest twentieth."""
    above = signal.butter(8, 5000, "high", fs=amplifiers.SAMPLE_RATE, output="sos")
    frames = signal.sosfilt(above, sound).reshape(-1, 60)
    loud = np.sqrt((frames**2).sum(axis=1))
    return float(loud.max() / np.percentile(loud, 95))


def test_the_voice_neither_clicks_where_it_glides_nor_where_it_is_looped():
    sound = voice()
    assert clicks(np.roll(sound, 2 * len(sound) // 5)) < 2  # the seam lies in a pause
    clicked = sound.copy()
    clicked[9000] += 0.02
    assert clicks(clicked) > 2
    assert np.abs(sound[[*range(60), *range(-60, 0)]]).max() < 1e-3


def test_formants_move_while_a_syllable_sounds():
    """From e to i the second formant has to rise by 450 Hz: a part of that is heard."""
    sound, rate = voice(), amplifiers.SAMPLE_RATE
    early, late = (sound[int(s / 5 * len(sound)) :][:600] for s in (1.5, 1.78))
    second = [
        next(f for f in np.sort(resonances(part, rate)) if 1500 < f < 2600)
        for part in (early, late)
    ]
    assert level(late) > 0.02
    assert second[1] - second[0] > 100


def test_the_pitch_is_never_quite_steady():
    """A buzzer's periods are equal; a throat's differ by about a percent from one to the next."""
    sound = voice()
    part = sound[int(0.1 * amplifiers.SAMPLE_RATE) : int(0.35 * amplifiers.SAMPLE_RATE)]
    peaks, _ = signal.find_peaks(part, height=0.7 * part.max(), distance=80)
    periods = np.diff(peaks)
    assert 95 < amplifiers.SAMPLE_RATE / periods.mean() < 130  # Hz: a man's voice
    trend = np.polyval(np.polyfit(np.arange(len(periods)), periods, 1), np.arange(len(periods)))
    assert 0.003 < np.std(periods - trend) / periods.mean() < 0.03


def test_the_voice_pauses_between_its_five_syllables():
    sound = voice()
    loud = signal.medfilt(
        (np.convolve(np.abs(sound), np.ones(240) / 240, "same") > 2e-3).astype(float), 301
    )
    assert np.sum(np.diff(loud) > 0) == 5


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("gain", lambda: Chain(-1.0, 3)),
        ("gain", lambda: Chain(np.nan, 3)),
        ("gain", lambda: Chain("loud", 3)),
        ("noise", lambda: Chain(1.0, 3, noise=-1e-9)),
        ("bypass", lambda: Chain(1.0, 3, bypass=np.inf)),
        ("length", lambda: Chain(1.0, 0)),
        ("length", lambda: Chain(1.0, 2.5)),
        ("length", lambda: Chain(1.0, True)),
        ("length", lambda: Chain(1.0, "3")),
        ("length", lambda: usable_gains(0, 1e-3, 0.1, 0.5)),
        ("noise", lambda: usable_gains(5, 0.0, 0.1, 0.5)),
        ("level", lambda: usable_gains(5, 1e-3, 0.0, 0.5)),
        ("peak", lambda: usable_gains(5, 1e-3, 0.1, np.nan)),
        ("bypass", lambda: usable_gains(5, 1e-3, 0.1, 0.5, -1)),
        ("duration", lambda: voice(0.0)),
        ("duration", lambda: voice(np.nan)),
        ("sample_rate", lambda: voice(1.0, 100)),
        ("sound", lambda: send(Chain(1.0, 1), np.zeros((2, 2)), np.random.default_rng(0))),
        ("sound", lambda: send(Chain(1.0, 1), np.array([np.nan]), np.random.default_rng(0))),
        ("sound", lambda: level(np.array([]))),
        ("sound", lambda: playable(np.array([np.nan]))),
        ("sound", lambda: playable(np.zeros((2, 2)))),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name, make):
    with pytest.raises(ValueError, match=f"^{name} must"):
        make()
