/* A circle through fifty layers: a seeded random net bends it, beside what the correlation map predicts. */
const WIDTH = 32, DEPTH = 50, POINTS = 24, QUARTER = 6, BIAS = { tanh: 0.3, relu: 0 }, SHOWN = [0, 3, 8, 15, 30, 50];
const NOISE = 2 * WIDTH + (DEPTH - 1) * WIDTH * WIDTH + DEPTH * WIDTH, FATES = ['collapses', 'survives', 'crumples'];
const drawn = seed => Float64Array.from({ length: NOISE }, normals(seed));

/* Pre-activations of a layer, two points and four units at a time: eight sums that stay in registers. */
function layer(h, fan, noise, start, step, bias) {
  const z = new Float64Array(POINTS * WIDTH), biases = start + fan * WIDTH;
  for (let p = 0; p < POINTS; p += 2) {
    const P = p * fan, Q = P + fan;
    for (let j = 0; j < WIDTH; j += 4) {
      let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, k = 0;
      for (let i = 0, w = start + j; i < fan; i++, w += WIDTH) {
        const x = h[P + i], y = h[Q + i], r = noise[w], s = noise[w + 1], t = noise[w + 2], u = noise[w + 3];
        a += x * r; b += x * s; c += x * t; d += x * u; e += y * r; f += y * s; g += y * t; k += y * u;
      }
      const at = p * WIDTH + j, next = at + WIDTH, r = bias * noise[biases + j], s = bias * noise[biases + j + 1], t = bias * noise[biases + j + 2], u = bias * noise[biases + j + 3];
      z[at] = step * a + r; z[at + 1] = step * b + s; z[at + 2] = step * c + t; z[at + 3] = step * d + u;
      z[next] = step * e + r; z[next + 1] = step * f + s; z[next + 2] = step * g + t; z[next + 3] = step * k + u;
    }
  }
  return z;
}

function activate(kind, z) {
  const h = new Float64Array(z.length);
  if (kind === 'tanh') for (let k = 0; k < z.length; k++) h[k] = 1 - 2 / (Math.exp(2 * z[k]) + 1);   // Math.tanh takes twice as long
  else for (let k = 0; k < z.length; k++) h[k] = z[k] > 0 ? z[k] : 0;
  return h;
}

/* The circle in layers 1 to `depth`: pre-activations (POINTS × WIDTH) of each. */
function run(kind, sigma, noise, depth = DEPTH) {
  const found = [];
  let h = new Float64Array(2 * POINTS), start = 0, fan = 2;
  for (let p = 0; p < POINTS; p++) { h[2 * p] = Math.cos(2 * Math.PI * p / POINTS); h[2 * p + 1] = Math.sin(2 * Math.PI * p / POINTS); }
  for (let l = 0; l < depth; l++) {
    found.push(layer(h, fan, noise, start, l ? sigma / Math.sqrt(WIDTH) : sigma, BIAS[kind]));
    h = activate(kind, found[l]);
    start += (fan + 1) * WIDTH;
    fan = WIDTH;
  }
  return found;
}

/* Mean cosines of a layer: between points a quarter turn apart, and 15° apart. */
function correlations(z) {
  const roots = new Float64Array(POINTS);
  for (let p = 0; p < POINTS; p++) {
    let squares = 0;
    for (let j = p * WIDTH; j < (p + 1) * WIDTH; j++) squares += z[j] * z[j];
    roots[p] = Math.sqrt(squares);
  }
  let far = 0, near = 0;
  for (let p = 0; p < POINTS; p++) {
    const q = (p + QUARTER) % POINTS, n = (p + 1) % POINTS;
    let a = 0, b = 0;
    for (let j = 0, at = p * WIDTH, to = q * WIDTH, by = n * WIDTH; j < WIDTH; j++) { a += z[at + j] * z[to + j]; b += z[at + j] * z[by + j]; }
    far += a / (roots[p] * roots[q]);
    near += b / (roots[p] * roots[n]);
  }
  return [far / POINTS, near / POINTS];
}

/* The circle in a layer's first two units, in units of the layer's root mean square. */
function ring(z) {
  let squares = 0;
  for (const value of z) squares += value * value;
  const rms = Math.sqrt(squares / z.length);
  return Array.from({ length: POINTS }, (_, p) => [z[p * WIDTH] / rms, z[p * WIDTH + 1] / rms]);
}

const CIRCLE = Array.from({ length: POINTS }, (_, p) => [Math.cos, Math.sin].map(f => Math.SQRT2 * f(2 * Math.PI * p / POINTS)));

/* What becomes of the circle: its place in FATES, from the correlations far and near in the last layer. */
const fate = (far, near) => (far > 0.95 ? 0 : near < 0.9 ? 2 : 1);
const typeset = text => text.split('σ_w').flatMap((part, i) => (i ? ['σ', html('sub', { style: 'line-height: 0' }, 'w'), part] : [part]));
const spoken = text => text.replaceAll('σ_w', 'sigma w');
const digits = c => (Math.abs(c) < 0.005 ? 0 : c).toFixed(2).replace('-', '−');

function render({ model, el }) {
  const sigmas = model.get('sigmas'), paths = model.get('paths'), asked = sigmas.indexOf(2.5), first = { kind: 'tanh', place: asked, revealed: false };
  const state = { ...first }, NAMES = { tanh: 'tanh', relu: 'ReLU' };
  let noise = drawn(model.get('seed'));
  const view = frame(el, { title: 'A circle through fifty layers', task: typeset(`${POINTS} inputs on a circle go through a random net of ${DEPTH} layers of ${WIDTH} units: tanh with biases of standard deviation 0.3, or ReLU without biases. You set σ_w: weights have the standard deviation σ_w/√${WIDTH}.`) });
  const rings = svg('svg', { viewBox: '0 0 360 256', role: 'img', class: 'picture' });
  const lines = plot({ height: 230, x: { domain: [1, DEPTH] }, y: { domain: [-0.25, 1] }, xTicks: [1, 10, 20, 30, 40, 50], yTicks: [0, 0.5, 1], xLabel: 'layer', yLabel: 'correlation: dots are the net, lines predict', label: 'Correlation by layer' });
  const places = SHOWN.map((shown, k) => {                  // what moves is two paths each; the frames stay
    const outline = svg('path', { stroke: 'currentColor', 'stroke-width': 1.3, 'stroke-linejoin': 'round', fill: 'none' }), marks = svg('path', { fill: 'var(--accent)', 'fill-opacity': 0.35, stroke: 'var(--accent)' });
    rings.append(svg('g', { transform: `translate(${(k % 3) * 122 + 6} ${Math.floor(k / 3) * 128 + 18})` }, svg('text', { x: 0, y: -5 }, shown ? `layer ${shown}` : 'inputs'),
      svg('rect', { width: 104, height: 104, fill: 'none', stroke: 'var(--rule)' }), outline, marks));
    return { outline, marks };
  });
  const dots = [3.6, 2.2].map(width => svg('path', { stroke: 'currentColor', 'stroke-width': width, 'stroke-linecap': 'round', fill: 'none' }));
  const predicted = ['6 3', null].map(dash => svg('path', { stroke: 'var(--accent)', 'stroke-width': 1.6, 'stroke-dasharray': dash, fill: 'none' }));
  lines.data.append(...dots, ...predicted);
  const truth = fate(...[1, 2].map(k => paths.tanh[asked][k].at(-1)));
  const reply = html('output', { class: 'reply', 'aria-live': 'polite' });
  const guess = choice({ legend: '', options: [['0', 'it collapses to a point'], ['1', 'it survives'], ['2', 'it crumples']], value: null, commits: true, change: key => {
    state.revealed = true;
    reply.textContent = `${+key === truth ? 'Yes' : 'No'}: it ${FATES[truth]}. Points 15° apart start with the correlation ${digits(paths.tanh[asked][2][0])} and end with ${digits(paths.tanh[asked][2].at(-1))}.`;
    redraw();
  } });
  guess.root.querySelector('legend').append(...typeset('tanh at σ_w = 2.5: what becomes of the circle in fifty layers?'));
  const knob = slider({ label: html('span', {}, ...typeset('σ_w')), min: 0, max: sigmas.length - 1, value: asked, read: k => sigmas[k], show: s => s.toFixed(1), input: s => { state.place = sigmas.indexOf(s); redraw(); } });
  const kinds = choice({ legend: 'Activation', options: [['tanh', 'tanh'], ['relu', 'ReLU']], value: 'tanh', change: key => { state.kind = key; redraw(); } });
  const random = draw({ seed: model.get('seed'), change: seed => { noise = drawn(seed); redraw(); } });
  const reset = button('Reset', () => {
    Object.assign(state, first);
    guess.set(null); reply.textContent = ''; knob.set(asked); kinds.set('tanh'); random.set(model.get('seed'));
    noise = drawn(random.seed);
    redraw();
  });
  const numbers = table('Correlation of inputs by layer: a quarter turn apart and 15° apart');
  let seen = [];

  function redraw() {
    const { kind, place, revealed } = state, sigma = sigmas[place], [q, far, near] = paths[kind][place];
    const layers = run(kind, sigma, noise), measured = layers.map(correlations), [endFar, endNear] = measured.at(-1);
    drawRings(layers);
    drawLines(measured, far, near);
    const growth = q.at(-1) / q[0], size = growth > 100 || growth < 0.01 ? ` E[z²] ${growth > 1 ? 'grows' : 'falls'} ${readable(Math.max(growth, 1 / growth))}-fold on the way.` : '';
    const [came, foretold] = [fate(endFar, endNear), fate(far.at(-1), near.at(-1))].map(k => FATES[k]), theory = came === foretold ? '' : `, where theory says that it ${foretold}`;
    view.sentence.replaceChildren(...typeset(revealed ? `${NAMES[kind]} at σ_w = ${sigma.toFixed(1)}: the circle ${came}${theory}. In layer ${DEPTH}, a quarter turn apart has correlation ${digits(endFar)} (predicted ${digits(far.at(-1))}), 15° apart ${digits(endNear)} (${digits(near.at(-1))}).${size}`
      : `${NAMES[kind]} at σ_w = ${sigma.toFixed(1)}: in layer 1, a quarter turn apart has correlation ${digits(measured[0][0])}. Commit to a fate, then the other layers appear.`));
    seen = measured;
    if (numbers.root.open) fill();
  }

  function fill() {
    const { revealed, kind, place } = state, [, far, near] = paths[kind][place];
    numbers.fill(['layer', 'quarter turn: net', ...(revealed ? ['predicted'] : []), '15°: net', ...(revealed ? ['predicted'] : [])],
      seen.slice(0, revealed ? DEPTH : 1).map(([a, b], l) => [l + 1, a, ...(revealed ? [far[l]] : []), b, ...(revealed ? [near[l]] : [])]));
  }

  function drawRings(layers) {
    SHOWN.forEach((shown, k) => {
      const { outline, marks } = places[k], seen = shown === 0 || state.revealed;
      if (!seen) { outline.setAttribute('d', ''); marks.setAttribute('d', ''); return; }
      const points = shown ? ring(layers[shown - 1]) : CIRCLE, at = points.map(([x, y]) => `${(52 + x * 104 / 6).toFixed(1)} ${(52 - y * 104 / 6).toFixed(1)}`);
      outline.setAttribute('d', `M${at.join('L')}Z`);
      marks.setAttribute('d', [0, 1, 2, 3].map(q => `M${at[q * QUARTER]}m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0`).join(''));
    });
    rings.setAttribute('aria-label', state.revealed ? `The circle of inputs, then in two units of layers ${SHOWN.slice(1).join(', ')}, scaled to the size of the layer's signal; four marks lie a quarter turn apart.` : 'The circle of inputs; layers appear when you have committed.');
  }

  function drawLines(measured, far, near) {
    const { X, Y } = lines, seen = measured.slice(0, state.revealed ? DEPTH : 1);
    [0, 1].forEach(k => dots[k].setAttribute('d', seen.map((m, l) => `M${X(l + 1).toFixed(1)} ${Y(m[k]).toFixed(1)}h0`).join('')));
    [far, near].forEach((line, k) => predicted[k].setAttribute('d', state.revealed ? `M${line.map((c, l) => `${X(l + 1).toFixed(1)} ${Y(c).toFixed(1)}`).join('L')}` : ''));
    lines.root.setAttribute('aria-label', state.revealed ? `Correlation by layer, predicted as lines and in the net as dots: a quarter turn apart (dashed, large dots) it goes from ${digits(far[0])} to ${digits(far.at(-1))}, 15° apart (solid, small dots) from ${digits(near[0])} to ${digits(near.at(-1))}.`
      : 'Correlation by layer; it appears when you have committed.');
  }

  view.body.append(guess.root, reply, html('div', { class: 'controls' }, knob.root, kinds.root), html('div', { class: 'pair' }, rings, html('div', {}, lines.root, html('div', { class: 'task' }, 'Large dots, dashed: a quarter turn apart. Small dots, solid: 15° apart.'))),
    view.sentence, html('div', { class: 'buttons' }, random.root, reset), numbers.root);
  numbers.root.addEventListener('toggle', fill);
  redraw();
  return () => view.root.remove();
}

const ended = (kind, sigma, seed, depth) => run(kind, sigma, drawn(seed), depth);
export default { render, arithmetic: { fate, correlations: (...all) => ended(...all).map(correlations), ring: (...all) => ring(ended(...all).at(-1)) } };
