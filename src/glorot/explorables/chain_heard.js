/* The chain, heard: equal amplifiers in a row, their hiss, their supply, and a voice. Numbers and voice come from Python. */
const BOUND = 0.1 * (1 - 1e-6);   // amplitude that nothing exceeds; a 32-bit 0.1 would be a hair above 0.1
const LOUDEST_DB = 140, SILENT_DB = -999, COLUMNS = 170, SAMPLES = 64;

/* Decibels that voice and hiss have gained or kept at the end, where nothing clips: [voice, hiss]; noise in dB. */
function chain(gain, length, noise, bypass) {
  const log = Math.log(Math.max(gain + bypass, 1e-30)), top = Math.max(0, 2 * (length - 1) * log);
  let sum = 0;
  for (let k = 0; k < length; k++) sum += Math.exp(2 * k * log - top);
  return [Math.max(SILENT_DB, (20 / Math.LN10) * length * log), noise + (10 / Math.LN10) * (top + Math.log(sum))];
}

/* Lowest gain at which the voice is not below the hiss it arrives with, highest at which its peak does not clip. */
function edges(length, noise, bypass, level, peak) {
  const wanted = (2 * Math.LN10 * (level - noise)) / 20;
  const excess = log => {
    const top = Math.max(-2 * log, -2 * length * log);
    let sum = 0;
    for (let j = 1; j <= length; j++) sum += Math.exp(-2 * j * log - top);
    return top + Math.log(sum) - wanted;
  };
  let [low, high] = [-40, 40];
  for (let i = 0; i < 60; i++) { const middle = (low + high) / 2; if (excess(middle) > 0) low = middle; else high = middle; }
  return [Math.max(0, Math.exp(low) - bypass), Math.max(0, peak ** (-1 / length) - bypass)];
}

/* One draw of every amplifier's hiss sent down the chain: its measured level in dB after stages 1…L. */
function measuredHiss(seed, gain, length, noise, bypass, draws = hissDraws(seed, length)) {
  const factor = gain + bypass, row = new Float64Array(SAMPLES), sigma = 10 ** (noise / 20), levels = [];
  for (let stage = 0; stage < length; stage++) {
    let sum = 0;
    for (let i = 0; i < SAMPLES; i++) { row[i] = factor * row[i] + sigma * draws[stage * SAMPLES + i]; sum += row[i] * row[i]; }
    levels.push(10 * Math.log10(sum / SAMPLES));
  }
  return levels;
}
const hissDraws = (seed, length) => { const normal = normals(seed); return Float64Array.from({ length: length * SAMPLES }, normal); };

/* Share of the sizes, sorted upwards, that an amplitude factor lifts above 1. */
function clipped(sizes, factor) {
  let [low, high] = [0, sizes.length];
  while (low < high) { const middle = (low + high) >> 1; if (sizes[middle] * factor > 1) high = middle; else low = middle + 1; }
  return 1 - low / sizes.length;
}

/* Builds the sound for any BaseAudioContext: voice and hiss, each with one gain, into a clipper at BOUND, then the volume.
   settings: {gain, length, noise (dB), bypass, volume (0…1), seed, voice (Float32Array), rate (Hz)}. */
function graph(context, settings) {
  const voice = loop(context, settings.voice, settings.rate), hiss = loop(context, Float32Array.from(hissDraws(settings.seed, 400)), settings.rate);
  const clip = context.createWaveShaper(), [voiceGain, hissGain, volume] = [0, 0, 0].map(() => context.createGain());
  clip.curve = new Float32Array([-BOUND, BOUND]);
  clip.oversample = 'none';       // an oversampled curve overshoots
  voice.connect(voiceGain).connect(clip);
  hiss.connect(hissGain).connect(clip);
  const meter = context.createAnalyser();
  clip.connect(volume).connect(meter).connect(context.destination);
  const wanted = next => {
    const [a, b] = chain(next.gain, next.length, next.noise, next.bypass), excess = Math.max(0, Math.max(a, b) - LOUDEST_DB);
    return [10 ** ((a - excess) / 20), 10 ** ((b - excess) / 20), Math.min(1, Math.max(0, next.volume))];
  };
  const knobs = [voiceGain.gain, hissGain.gain, volume.gain];
  wanted(settings).forEach((value, i) => { knobs[i].value = value; });
  return { meter,
    start() { voice.start(); hiss.start(); },
    stop() { voice.stop(); hiss.stop(); },
    set(next) {                   // ramped, so that a knob does not click
      wanted(next).forEach((value, i) => {
        knobs[i].cancelScheduledValues(context.currentTime);
        knobs[i].setValueAtTime(knobs[i].value, context.currentTime);
        knobs[i].linearRampToValueAtTime(value, context.currentTime + 0.04);
      });
    },
  };
}

function loop(context, samples, rate) {
  const source = context.createBufferSource();
  source.buffer = context.createBuffer(1, samples.length, rate);
  source.buffer.copyToChannel(samples, 0);
  source.loop = true;
  return source;
}

const signed = db => (db <= -200 ? '−∞' : `${db > 0 ? '+' : ''}${Math.abs(db) < 9.95 ? db.toFixed(1) : Math.round(db)}`.replace('-', '−').replace(/^\+?−?0\.0$/, '0'));
const thousandths = x => (x < 0.1 ? readable(x) : x.toFixed(3));
const gainText = g => (g === 0 ? 'off' : `× ${readable(g)}`);
const gainAt = p => (p <= -1 ? 0 : 10 ** (3 * p ** 3));            // the knob: cubic in decibels, so that the middle is fine
const positionOf = g => Math.max(-1, Math.min(1, Math.cbrt(Math.log10(Math.max(g, 1e-9)) / 3)));

function render({ model, el }) {
  const raw = model.get('voice'), rate = model.get('rate'), level = model.get('level'), peak = model.get('peak'), start = model.get('start');
  const voice = Float32Array.from(new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength)), v => v / 32768);
  const sizes = Float64Array.from(voice.filter((_, i) => i % 5 === 0), Math.abs).sort(), state = { ...start, seed: model.get('seed'), guess: null };
  const extremes = Array.from({ length: COLUMNS }, (_, c) => {
    const piece = voice.subarray(Math.floor((c * voice.length) / COLUMNS), Math.floor(((c + 1) * voice.length) / COLUMNS));
    return [piece.reduce((a, b) => Math.min(a, b)), piece.reduce((a, b) => Math.max(a, b))];
  });
  let playing = null, draws = hissDraws(state.seed, 50);
  const view = frame(el, { title: 'The chain, heard', task: 'A voice, and up to fifty amplifiers in a row that all have the same knob. Each adds its hiss and clips at its supply. Find out how much room the knob has.' });
  const wave = svg('svg', { viewBox: '0 0 360 142', role: 'img', class: 'picture', 'aria-label': 'The voice before and after the chain' });
  const levels = plot({ height: 236, x: { domain: [0, 50] }, y: { domain: [-120, 40] }, yTicks: [-120, -80, -40, 0, 40], xTicks: [0, 10, 20, 30, 40, 50], xLabel: 'amplifiers passed, l', yLabel: 'level, dB of the supply', label: 'Levels along the chain' });
  const meter = svg('svg', { viewBox: '0 0 360 46', role: 'img', class: 'picture', 'aria-label': 'Level at the loudspeaker' }), needle = svg('rect', { x: 10, y: 18, height: 9, width: 0, fill: 'var(--accent)' });
  const guess = commitment({ question: `${start.length} amplifiers, each with hiss at ${signed(start.noise)} dB. You turn all knobs down together from × 1. At which gain does the voice sink into the hiss?`, judge: value => {
    const [low, high] = edges(start.length, start.noise, 0, level, peak), near = Math.abs(value - low) < 0.02;
    Object.assign(state, { guess: value, gain: gainAt(snap(positionOf(value))), length: start.length, noise: start.noise, bypass: 0 });
    settle();
    return `${near ? 'Yes' : value < low ? 'Far sooner' : value < 1 ? 'It holds out longer' : 'That is the other way'}: at ${low.toFixed(3)}. And above ${high.toFixed(3)} it clips: that is all the room there is. The knob now stands at your guess, ready to be heard.`;
  } });
  const snap = p => Math.round(p * 100) / 100;
  const gain = slider({ label: 'Gain of each', min: -1, max: 1, step: 0.01, value: positionOf(start.gain), read: gainAt, show: gainText, input: v => change({ gain: v }) });
  const length = slider({ label: 'How many', min: 1, max: 50, value: start.length, show: String, input: v => change({ length: v }) });
  const noise = slider({ label: 'Hiss of each', min: -90, max: -20, value: start.noise, show: v => `${signed(v)} dB`, input: v => change({ noise: v }) });
  const volume = slider({ label: 'Your volume', min: 0, max: 100, value: 100 * start.volume, show: v => `${v} %`, input: v => change({ volume: v / 100 }) });
  const bypass = choice({ legend: 'A bypass around each amplifier', options: [['0', 'none'], ['1', 'the input is added to the output']], value: String(start.bypass), change: key => change({ bypass: +key }) });
  const play = button('Play', () => (playing ? stop() : sound()), { disabled: true });
  const random = draw({ seed: state.seed, change: seed => { draws = hissDraws(seed, 50); stop(); change({ seed }); } });
  const reset = button('Reset', () => { stop(); Object.assign(state, start, { seed: model.get('seed'), guess: null }); draws = hissDraws(state.seed, 50); guess.clear(); play.disabled = true; settle(); });
  const numbers = table('Level in decibels of the supply voltage, where nothing clips'), timer = clock(() => measure());

  function change(part) { Object.assign(state, part); playing?.sound.set(state); redraw(); }
  function settle() {             // put every control where the state is
    play.disabled = state.guess === null;
    gain.set(positionOf(state.gain)); length.set(state.length); noise.set(state.noise); volume.set(100 * state.volume); bypass.set(String(state.bypass)); random.set(state.seed);
    change({});
  }
  function sound() {              // only ever called by a click or a key
    const context = new AudioContext();
    playing = { context, sound: graph(context, { ...state, voice, rate }) };
    playing.sound.start();
    play.textContent = 'Stop';
    if (!stillness()) timer.start();
  }
  function stop() {
    timer.stop();
    if (playing) { playing.sound.stop(); playing.context.close(); }
    playing = null;
    play.textContent = 'Play';
    redraw();
  }
  function measure() {
    const tap = playing.sound.meter, samples = new Float32Array(tap.fftSize);
    tap.getFloatTimeDomainData(samples);
    needle.setAttribute('width', bar(10 * Math.log10(samples.reduce((s, x) => s + x * x, 1e-20) / samples.length)));
  }
  const bar = db => Math.max(0, Math.min(340, (db + 120) * 3.4));    // −120 dB … −20 dB of the loudspeaker's full scale

  function redraw() {
    const { gain: g, length: L, noise: n, bypass: b } = state, hidden = state.guess === null, [gained, hiss] = chain(g, L, n, b), [low, high] = edges(L, n, b, level, peak);
    const factor = Math.min(1e9, 10 ** (gained / 20)), share = clipped(sizes, factor), noisy = Math.min(1, 10 ** (hiss / 20));
    const heard = sizes.reduce((s, x) => s + Math.min(1, x * factor) ** 2, 0) / sizes.length, out = 20 * Math.log10(Math.max(1e-12, Math.min(1, Math.sqrt(heard + noisy ** 2)) * BOUND * state.volume));
    const measured = measuredHiss(state.seed, g, L, n, b, draws), most = 20 * Math.log10(Math.max(1e-12, BOUND * state.volume)), each = 20 * Math.log10(Math.max(g + b, 1e-12));
    drawLevels(hidden, measured, low, high);
    drawWave(hidden, factor, noisy);
    meter.replaceChildren(svg('text', { x: 10, y: 12 }, hidden ? 'loudspeaker: not yet' : `loudspeaker ${signed(out)} dB of full scale`), svg('rect', { x: 10, y: 18, width: 340, height: 9, fill: 'none', stroke: 'currentColor', 'stroke-width': 0.7 }), needle,
      svg('line', { x1: 10 + bar(most), x2: 10 + bar(most), y1: 14, y2: 31, stroke: 'currentColor', 'stroke-width': 1.6 }), svg('text', { x: Math.max(10, Math.min(350, 10 + bar(most))), y: 43, 'text-anchor': bar(most) > 170 ? 'end' : 'start' }, `never more than ${signed(most)}`));
    if (!playing || stillness()) needle.setAttribute('width', hidden ? 0 : bar(out));
    const setting = `${L} × ${each < -200 ? '−∞' : each.toFixed(2).replace('-', '−')} dB = ${signed(gained)} dB`, speaker = `Your loudspeaker gets ${signed(out)} dB of its full scale, at most ${signed(most)}.`;
    const verdict = share > 0 && low > high ? 'The hiss is too loud for any setting' : share > 0.02 ? `${Math.round(100 * share)} % of it is clipped` : share > 0 ? 'Its peaks begin to clip' : level + gained < hiss ? 'Nobody hears it' : 'It comes through';
    view.say(hidden ? `${setting}. Hiss of each ${signed(n)} dB, ${b ? 'a bypass around each' : 'no bypass'}, volume ${Math.round(100 * state.volume)} %. What comes out appears, and sounds, when you have committed to a number.`
      : `${verdict}: ${setting}, so the voice ${share > 0 ? 'wants ' : 'arrives at '}${signed(level + gained)} dB, the hiss ${signed(hiss)} (this draw ${signed(measured.at(-1))}). ${speaker}`);
    levels.root.setAttribute('aria-label', `Levels along ${L} amplifiers. ${view.sentence.textContent}`);
    wave.setAttribute('aria-label', hidden ? 'The voice before the chain' : `The voice before and after the chain. ${verdict}.`);
    meter.setAttribute('aria-label', hidden ? 'Level at the loudspeaker, not yet shown' : speaker);
    if (numbers.root.open) fill(hidden, measured);
  }

  function fill(hidden, measured, { gain: g, length: L, noise: n, bypass: b } = state) {
    numbers.fill(['amplifiers passed', 'voice', 'hiss', 'hiss in this draw'], hidden ? [] : [0, 1, 2, 5, 10, 20, 30, 40, 50].filter(l => l <= L).map(l => l === 0 ? ['0', signed(level), '−∞', '−∞']
      : [String(l), signed(level + chain(g, l, n, b)[0]), signed(chain(g, l, n, b)[1]), signed(measured[l - 1])]));
  }

  function drawLevels(hidden, measured, low, high) {
    const { gain: g, length: L, noise: n, bypass: b } = state, { X, Y, data } = levels, stages = Array.from({ length: L }, (_, i) => i + 1), step = 304 / 50;
    const outline = l => { const x = X(l - 1) + 0.5; return `M${x} 170l${step - 1} 5l${1 - step} 5z${b ? `M${x} 169q${step / 2} -9 ${step - 1} 0` : ''}`; };
    data.replaceChildren(svg('rect', { x: X(0), y: Y(40), width: X(50) - X(0), height: Y(0) - Y(40), fill: 'currentColor', opacity: 0.08 }), svg('text', { x: X(50) - 4, y: Y(40) + 14, 'text-anchor': 'end' }, 'clips'),
      svg('path', { d: stages.map(outline).join(''), fill: b ? 'none' : 'currentColor', stroke: 'currentColor', 'stroke-width': 0.7 }), svg('text', { x: X(0) + 2, y: 194 }, `${L} × ${gainText(g).replace('× ', '')}, hiss ${signed(n)} dB each`),
      ...(hidden ? [] : [path([[0, level], ...stages.map(l => [l, level + chain(g, l, n, b)[0]])], X, Y, { stroke: 'currentColor', 'stroke-width': 2 }),
        path(stages.map(l => [l, chain(g, l, n, b)[1]]), X, Y, { stroke: 'var(--accent)', 'stroke-width': 1.6, 'stroke-dasharray': '5 3' }),
        ...stages.filter(l => l === L || l % 4 === 1).map(l => svg('circle', { cx: X(l), cy: Y(measured[l - 1]), r: 2.2, fill: 'var(--accent)' })),
        svg('text', { x: X(1), y: Y(level) - 7 }, 'voice'), svg('text', { x: X(50) - 4, y: Y(40) + 30, 'text-anchor': 'end' }, low < high ? `room: ${thousandths(low)} to ${thousandths(high)}` : 'no room at all'),
        svg('text', { x: X(1), y: Y(n) + (n < -65 ? -8 : 17), style: 'fill: var(--accent)' }, 'hiss')]));
  }

  function drawWave(hidden, factor, noisy) {
    const clamp = v => Math.max(-1, Math.min(1, v)), at = c => 10 + (c * 340) / (COLUMNS - 1);
    const outline = (middle, size, extra) => `M${extremes.map(([, top], c) => `${at(c).toFixed(1)} ${(middle - size * clamp(top * extra[0] + extra[1])).toFixed(1)}`).join('L')}L${extremes.map(([bottom], c) => `${at(c).toFixed(1)} ${(middle - size * clamp(bottom * extra[0] - extra[1])).toFixed(1)}`).reverse().join('L')}Z`;
    wave.replaceChildren(svg('text', { x: 10, y: 12 }, 'in'), svg('path', { d: outline(36, 30, [1, 0]), fill: 'currentColor' }), svg('text', { x: 10, y: 74 }, hidden ? 'out: commit first' : 'out'),
      ...[80, 140].map(y => svg('line', { x1: 10, x2: 350, y1: y, y2: y, stroke: 'currentColor', 'stroke-width': 0.7, 'stroke-dasharray': '3 3' })),
      ...(hidden ? [] : [svg('path', { d: outline(110, 30, [factor, 2 * noisy]), fill: 'var(--accent)', opacity: 0.55 }), svg('path', { d: outline(110, 30, [factor, 0]), fill: 'currentColor' })]));
  }

  view.body.append(guess.root, wave, html('div', { class: 'buttons' }, play), meter, view.sentence, levels.root, html('div', { class: 'controls' }, [gain, length, noise, volume].map(s => s.root)), bypass.root,
    html('div', { class: 'buttons' }, random.root, reset), numbers.root);
  numbers.root.addEventListener('toggle', () => fill(state.guess === null, measuredHiss(state.seed, state.gain, state.length, state.noise, state.bypass, draws)));
  settle();
  const forget = whenHidden(view.root, () => { if (playing) stop(); });
  return () => { stop(); forget(); view.root.remove(); };
}

export default { render, graph, arithmetic: { chain, edges, measuredHiss, clipped } };
