"""The chain, heard: nothing sounds before a gesture, nothing is ever louder than the bound, nothing plays unseen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from glorot import amplifiers
from glorot.explorables.chain_heard import START, ChainHeard
from tests.browser.harness import page_with

pytestmark = pytest.mark.browser

GAINS = (0, 1e-6, 0.5, 0.9, 0.99, 1, 1.01, 1.05, 1.5, 2, 10, 1e3, 1e6)
RATE = 44_100

# Renders the explorable's own graph offline; returns peak, root mean square and whether a sample is no number.
RENDER = """async ([source, voice, settings, rate, seconds]) => {
    const module = await import(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
    const found = [];
    for (const one of settings) {
        const context = new OfflineAudioContext(1, Math.round(rate * seconds), rate);
        const sound = module.default.graph(context, {...one, voice: Float32Array.from(voice)});
        sound.start();
        if (one.then) context.suspend(seconds / 2).then(() => { sound.set({...one, ...one.then}); context.resume(); });
        const samples = (await context.startRendering()).getChannelData(0);
        let [peak, sum, odd] = [0, 0, 0];
        for (const x of samples) {
            [peak, sum] = [Math.max(peak, Math.abs(x)), sum + x * x];
            if (!Number.isFinite(x)) odd += 1;
        }
        found.push([peak, Math.sqrt(sum / samples.length), odd]);
    }
    return JSON.stringify(found);
}"""

# Counts the contexts that a page makes and remembers them, before any of its scripts run.
SPY = """<script>window.contexts = []; const Real = AudioContext;
window.AudioContext = class extends Real { constructor(...args) { super(...args); contexts.push(this); } };</script>"""


@pytest.fixture(scope="module")
def widget():
    return ChainHeard()


def settings(**changed) -> dict:
    """Settings as the explorable gives them to its graph."""
    return {**START, "seed": 1, "rate": amplifiers.SAMPLE_RATE, **changed}


@pytest.fixture
def render(visit, tmp_path, widget):
    """Render settings through the graph of the shipped module, offline, in a real browser."""
    file = tmp_path / "empty.html"
    file.write_text("<!doctype html><html lang=en><title>t</title>", "utf-8")
    page = visit(file.as_uri()).page
    voice = (np.frombuffer(widget.voice, "<i2") / 32768).tolist()

    def measure(
        many: list[dict], seconds: float = 0.3, source: str = str(widget._esm)
    ) -> np.ndarray:
        return np.array(json.loads(page.evaluate(RENDER, [source, voice, many, RATE, seconds])))

    return measure


@pytest.mark.parametrize("bypass", [0, 1])
@pytest.mark.parametrize("volume", [1.0, 0.3])
def test_output_is_never_louder_than_the_bound(render, volume, bypass):
    many = [
        settings(gain=g, length=length, noise=noise, bypass=bypass, volume=volume)
        for g in GAINS
        for length, noise in ((1, -90), (50, -60), (50, -20))
    ]
    peaks, _, odd = render(many).T
    assert odd.sum() == 0
    assert peaks.max() <= amplifiers.LOUDEST * volume
    assert peaks.max() > 0.99 * amplifiers.LOUDEST * volume  # the loudest of them do reach it


def test_a_knob_turned_while_it_plays_does_not_pass_the_bound_either(render):
    many = [
        settings(gain=g, volume=1.0, then={"gain": h})
        for g in (0, 1, 1e6)
        for h in (0, 0.9, 1.3, 1e6)
    ]
    peaks, _, odd = render(many).T
    assert odd.sum() == 0
    assert peaks.max() <= amplifiers.LOUDEST


def test_without_the_clipper_the_same_settings_are_too_loud(render, widget):
    source = str(widget._esm)
    assert source.count("hiss.connect(hissGain).connect(clip)") == 1
    open_ended = source.replace(
        "voice.connect(voiceGain).connect(clip)", "voice.connect(voiceGain).connect(volume)"
    )
    assert render([settings(gain=1.1)], source=open_ended)[0, 0] > amplifiers.LOUDEST


def test_what_sounds_is_what_python_computes(render):
    """Chain of 50 with hiss: the loudness of the rendered sound against the amplifiers sent through one by one."""
    sound, rng = amplifiers.voice(), np.random.default_rng(3)
    gains = (0.93, 0.97, 1.0, 1.01, 1.05)
    _, loudness, _ = render([settings(gain=g, volume=1.0) for g in gains], seconds=2.4).T
    expected = [
        amplifiers.level(
            amplifiers.playable(amplifiers.send(amplifiers.Chain(g, 50, 1e-3), sound, rng)[-1])
        )
        for g in gains
    ]
    # Two draws of hiss of 25,000 samples, linear interpolation to 44,100 Hz, and, above 1, one clip instead of fifty.
    np.testing.assert_allclose(loudness[:3], expected[:3], rtol=0.12)
    np.testing.assert_allclose(loudness[3:], expected[3:], rtol=0.05)
    assert expected[0] < 0.1 * expected[2]  # a normalized voice would not vanish


def test_the_volume_scales_what_has_been_clipped(render):
    full, half = render([settings(gain=1.2, volume=v) for v in (1.0, 0.5)])
    np.testing.assert_allclose(half[:2], full[:2] / 2, rtol=1e-3)


@pytest.fixture
def opened(visit, tmp_path, widget):
    file = tmp_path / "sound.html"
    file.write_text(page_with(widget, scripts=SPY), "utf-8")
    seen = visit(file.as_uri())
    seen.page.wait_for_selector(".mounted .explorable")
    return seen


def contexts(page) -> list[str]:
    return page.evaluate("contexts.map(c => c.state)")


def commit(page) -> None:
    page.fill("form.commitment input", "0.95")
    page.click("form.commitment button")


def test_no_audio_context_is_made_before_a_gesture(opened):
    page = opened.page
    assert contexts(page) == []
    assert page.get_by_role("button", name="Play").is_disabled()
    commit(page)
    page.get_by_label("Gain of each").fill("0.1")
    assert contexts(page) == []
    page.get_by_role("button", name="Play").click()
    assert len(contexts(page)) == 1
    assert opened.complaints == []


def test_stop_closes_the_sound_and_the_keyboard_can_do_both(opened):
    page = opened.page
    commit(page)
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("contexts[0].state === 'running'")
    assert page.get_by_role("button", name="Stop").is_visible()
    page.keyboard.press("Space")
    page.wait_for_function("contexts[0].state === 'closed'")
    assert page.get_by_role("button", name="Play").is_visible()


TO_ANOTHER_TAB = """Object.defineProperty(document, 'hidden', {value: true});
document.dispatchEvent(new Event('visibilitychange'))"""
OUT_OF_SIGHT = "document.querySelector('.explorable').style.display = 'none'"


@pytest.mark.parametrize("hide", [TO_ANOTHER_TAB, OUT_OF_SIGHT], ids=["tab", "sight"])
def test_it_stops_when_hidden(opened, hide):
    page = opened.page
    commit(page)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("contexts[0].state === 'running'")
    page.evaluate(hide)
    page.wait_for_function("contexts[0].state === 'closed'")


# Widths of the meter's bar in sixty frames of its sound.
WIDTHS = """async () => {
    const bar = document.querySelector('.explorable svg rect[width][fill="var(--accent)"]'), found = [];
    for (let k = 0; k < 60; k++) {
        await new Promise(requestAnimationFrame);
        found.push(bar.getAttribute('width'));
    }
    return found;
}"""


def test_the_meter_moves_only_for_whoever_likes_motion(opened):
    page = opened.page
    commit(page)
    play = page.get_by_role("button", name="Play")
    for motion, moves in (("reduce", False), ("no-preference", True)):
        page.emulate_media(reduced_motion=motion)
        play.click()
        page.wait_for_function("contexts.at(-1).state === 'running'")
        assert (len(set(page.evaluate(WIDTHS))) > 1) == moves
        page.get_by_role("button", name="Stop").click()


def test_the_voice_weighs_less_than_a_hundred_kilobytes(widget):
    assert len(widget.voice) * 4 / 3 < 100_000
