/* Amplifier becomes matrix: one knob, then n wires and n × n random weights. The measured gains come from Python. */
const MOST_WIRES = 16, LAYERS = 50;

/* What a layer of n units does to an amplitude, weights of the given standard deviation, or all of them equal to it. */
const gain = (n, std, signs) => (signs === 'equal' ? std * n : std * Math.sqrt(n));

/* What `layers` such layers add up to, in decibels. */
const decibels = (g, layers) => 20 * layers * Math.log10(g);

/* Standard deviation of one random matrix's gain on a vector, in units of σ√n: that of a chi variable over √n. */
function spread(n) {
  let ratio = n % 2 ? 1 / Math.sqrt(Math.PI) : Math.sqrt(Math.PI) / 2;       // Γ((m + 1)/2) / Γ(m/2), m = 1 or 2
  for (let m = n % 2 ? 1 : 2; m < n; m += 2) ratio *= (m + 1) / m;
  return Math.sqrt(1 - (2 / n) * ratio ** 2);
}

const signed = db => `${db > 0 ? '+' : ''}${Math.abs(db) < 9.95 ? db.toFixed(1) : Math.round(db)}`.replace('-', '−').replace(/^\+?−?0\.0$/, '0');

function render({ model, el }) {
  const widths = model.get('widths'), perWidth = model.get('draws'), seeds = model.get('seeds'), start = model.get('start'), raw = model.get('gains');
  const gains = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength)), state = { ...start, guess: null };
  const view = frame(el, { title: 'Amplifier becomes matrix', task: 'One wire through one knob is an amplifier. Let each of n outputs add up n wires, each through a knob of its own, and find the setting that passes a voice on as loud as it came.' });
  const sketch = svg('svg', { viewBox: '0 0 360 130', role: 'img', class: 'picture', 'aria-label': 'The wires of one output' });
  const picture = plot({ height: 236, x: { domain: [1, 512], log: true }, y: { domain: [0.01, 1000], log: true }, xTicks: [1, 4, 16, 64, 256], yTicks: [0.01, 0.1, 1, 10, 100, 1000], xLabel: 'wires, n', yLabel: 'gain of the layer', label: 'Gain against the number of wires' });
  const guess = commitment({ question: 'Every weight is drawn at random, mean 0 and standard deviation 0.5. One wire has a gain of about 0.5. What is the gain of a layer of 256 wires?', judge: value => {
    Object.assign(state, { guess: value, power: 8, std: 0.5, signs: 'random' });
    settle();
    return Math.abs(value - 8) < 0.8 ? 'Yes: 8. Random signs cancel all but the root of 256.'
      : Math.abs(value - 128) < 13 ? 'It is 8. They would add up to 128 if all had the same sign; try it below.'
        : Math.abs(value - 0.5) < 0.05 ? 'It is 8: the signs do not cancel everything, √256 is left over.' : 'It is 8: 0.5 times the root of 256.';
  } });
  const wires = slider({ label: 'Wires, n', min: 0, max: widths.length - 1, value: start.power, read: p => p, show: p => String(widths[p]), input: p => { state.power = p; redraw(); } });
  const std = slider({ label: 'Standard deviation, σ', min: -7, max: 1, step: 0.25, value: Math.log2(start.std), read: p => 2 ** p, input: v => { state.std = v; redraw(); } });
  const signs = choice({ legend: 'The weights of a layer', options: [['random', 'random, mean 0'], ['equal', 'all equal to σ']], value: start.signs, change: key => { state.signs = key; redraw(); } });
  const random = draw({ seed: model.get('seed'), change: () => redraw() });
  const reset = button('Reset', () => { Object.assign(state, start, { guess: null }); guess.clear(); random.set(model.get('seed')); settle(); });
  const numbers = table('Gain of a layer by its number of wires');

  function settle() { wires.set(state.power); std.set(Math.log2(state.std)); signs.set(state.signs); redraw(); }

  /* The measured gains of one width; equal weights have no spread. */
  function measured(power) {
    if (state.signs === 'equal') return [gain(widths[power], state.std, 'equal')];
    const set = ((random.seed - 1) % seeds + seeds) % seeds, from = (set * widths.length + power) * perWidth;
    return Array.from(gains.subarray(from, from + perWidth), g => g * state.std);
  }

  function redraw() {
    const n = widths[state.power], hidden = state.guess === null, g = gain(n, state.std, state.signs), here = measured(state.power), equal = state.signs === 'equal';
    drawWires(n);
    drawGains(hidden, n, g);
    const shown = equal ? `exactly ${readable(g)}` : `${readable(Math.min(...here))} to ${readable(Math.max(...here))} in ${here.length} random matrices`;
    const wanted = readable(equal ? 1 / n : 1 / Math.sqrt(n)), layers = decibels(g, LAYERS);
    const verdict = Math.abs(layers) < 0.5 ? 'the voice passes.' : layers < 0 ? `the voice is gone; σ = ${wanted} would pass it.` : `the voice is clipped; σ = ${wanted} would pass it.`;
    view.say(hidden ? `${n === 1 ? 'One wire: an amplifier' : `${n} wires to each of ${n} outputs`}, ${equal ? 'all weights equal to' : 'weights of standard deviation'} ${readable(state.std)}. Its gain appears when you have committed to a number.`
      : `${n === 1 ? 'One wire' : `${n} wires`}: σ${equal ? ' · n' : '√n'} = ${readable(g)}, measured ${shown}. Fifty such layers: ${signed(layers)} dB, ${verdict}`);
    picture.root.setAttribute('aria-label', `Gain against the number of wires. ${view.sentence.textContent}`);
    sketch.setAttribute('aria-label', `${n} wires, each through its own knob, added up in one output.`);
    if (numbers.root.open) fill(hidden, equal);
  }

  function fill(hidden = state.guess === null, equal = state.signs === 'equal') {
    numbers.fill(['wires', equal ? 'σ · n' : 'σ√n', 'lowest', 'highest', 'predicted spread'], hidden ? [] : widths.map((m, power) => {
      const values = measured(power);
      return [m, gain(m, state.std, state.signs), Math.min(...values), Math.max(...values), equal ? '0 %' : `± ${Math.round(100 * spread(m))} %`];
    }));
  }

  /* Left the wires, each knob as wide as its weight, dashed where it is negative; right the output that adds them. */
  function drawWires(n) {
    const shown = Math.min(n, MOST_WIRES), normal = normals(1000 * random.seed + state.power), out = [264, 62], parts = [];
    for (let i = 0; i < shown; i++) {
      const y = shown === 1 ? 62 : 12 + (i * 100) / (shown - 1), w = state.signs === 'equal' ? 1 : normal();
      const width = Math.min(7, 0.5 + 5 * state.std * Math.abs(w) * (shown > 8 ? 0.6 : 1));
      parts.push(svg('circle', { cx: 20, cy: y, r: shown > 12 ? 1.6 : 3, fill: 'currentColor' }),
        svg('line', { x1: 26, y1: y, x2: out[0] - 16, y2: out[1] + (y - out[1]) * 0.12, stroke: w < 0 ? 'var(--accent)' : 'currentColor', 'stroke-width': width.toFixed(2), 'stroke-dasharray': w < 0 ? '5 3' : null }));
    }
    const triangle = svg('path', { d: `M${out[0] - 14} 46v32l30 -16z`, fill: 'var(--ground)', stroke: 'currentColor', 'stroke-width': 1.4 });
    sketch.replaceChildren(...parts, triangle, svg('line', { x1: out[0] + 16, x2: 340, y1: 62, y2: 62, stroke: 'currentColor', 'stroke-width': 2 }),
      svg('text', { x: 350, y: 96, 'text-anchor': 'end' }, n === 1 ? 'one amplifier' : 'one of'), svg('text', { x: 350, y: 112, 'text-anchor': 'end' }, n === 1 ? '' : `${n} outputs`),
      svg('text', { x: 8, y: 128 }, n > shown ? `${shown} of ${n} wires, σ = ${readable(state.std)}` : `${n} wire${n > 1 ? 's' : ''}, σ = ${readable(state.std)}`));
  }

  function drawGains(hidden, n, g) {
    const { X, Y, data } = picture, inside = y => y >= 0.01 && y <= 1000;
    const dots = (points, attributes) => svg('path', { d: points.filter(([, y]) => inside(y)).map(([x, y]) => `M${X(x).toFixed(1)} ${Y(y).toFixed(1)}h0`).join(''), 'stroke-linecap': 'round', ...attributes });
    const line = widths.map(m => [m, gain(m, state.std, state.signs)]), [low, high] = [line[0], line.at(-1)].map(([, y]) => Math.abs(Math.log10(y)));
    const unity = low > high ? { x: X(1) + 8, y: Y(1) - 5 } : { x: X(512), y: Y(1) + 15, 'text-anchor': 'end' };   // where the line is far from it
    data.replaceChildren(svg('line', { x1: X(1), x2: X(512), y1: Y(1), y2: Y(1), stroke: 'currentColor', 'stroke-width': 0.8, 'stroke-dasharray': '2 3' }), svg('line', { x1: X(n), x2: X(n), y1: Y(0.01), y2: Y(1000), stroke: 'var(--accent)', 'stroke-width': 1 }), svg('circle', { cx: X(1), cy: Y(state.std), r: 3.2, fill: 'currentColor' }), svg('text', unity, 'as loud as it came'),
      ...(hidden ? [] : [path(line.filter(([, y]) => inside(y)), X, Y, { stroke: 'currentColor', 'stroke-width': 1 }),
        dots(widths.flatMap((m, power) => (m === n ? [] : measured(power).map(y => [m, y]))), { stroke: 'currentColor', 'stroke-width': 4.4, 'stroke-opacity': 0.55 }),
        dots(measured(state.power).map(y => [n, y]), { stroke: 'var(--accent)', 'stroke-width': 6 }),
        svg('text', { x: X(n) + (n > 60 ? -6 : 6), y: 34, 'text-anchor': n > 60 ? 'end' : 'start', style: 'fill: var(--accent)' }, `gain ${readable(g)}`)]));
  }

  view.body.append(guess.root, sketch, view.sentence, picture.root, html('div', { class: 'controls' }, [wires, std].map(s => s.root)), signs.root, html('div', { class: 'buttons' }, random.root, reset), numbers.root);
  numbers.root.addEventListener('toggle', () => fill());
  settle();
  return () => view.root.remove();
}

export default { render, arithmetic: { gain, decibels, spread } };
