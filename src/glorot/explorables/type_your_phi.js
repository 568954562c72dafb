/* Type your own φ(x): its gain, its variance map and what a chain of layers makes of it, beside nets sampled in the page. */
const WIDTH = 200, DEPTH = 30, NETS = 4, LARGEST = 1e12, ROUNDING = 1e-12;

/* Where q ← σ_w² E[φ(√q u)²] goes from 1: a fixed point, 0, or infinity. */
function fixedPoint({ phi, up, down }, sigma2) {
  const excess = ([q, m]) => { const e = sigma2 * m / q - 1; return Number.isNaN(e) ? Infinity : e; }, start = excess(up[0]);
  if (Math.abs(start) < ROUNDING) return 1;
  const way = start > 0 ? up : down;
  for (let i = 1; i < way.length; i++) {
    const there = excess(way[i]);
    if (start < 0 && Math.abs(there) < ROUNDING) return 0;
    if (Math.sign(there) === Math.sign(start)) continue;
    return crossing(q => excess([q, moment(phi, q)]), way[i - 1][0], way[i][0]);
  }
  return start > 0 ? Infinity : 0;
}

/* Where f changes its sign between a and b: false position with halving, which needs few calls of a costly f. */
function crossing(f, a, b) {
  let [fa, fb] = [f(a), f(b)];
  for (let turn = 0; turn < 60 && Math.abs(b - a) > 1e-13 * Math.abs(b); turn++) {
    const c = Number.isFinite(fa) && Number.isFinite(fb) ? (a * fb - b * fa) / (fb - fa) : (a + b) / 2, fc = f(c);
    if (Math.abs(fc) < ROUNDING) return c;
    if (Math.sign(fc) === Math.sign(fb)) fa /= 2; else [a, fa] = [b, fb];
    [b, fb] = [c, fc];
  }
  return b;
}

const chi = ({ phi }, sigma2, star) => sigma2 * moment(phi, Math.min(LARGEST, Math.max(1e-30, star)), true);
const depthScale = factor => { const rate = Math.abs(Math.log(factor)); return rate < 1e-9 ? Infinity : 1 / rate; };

/* How steep the variance map is at a point: below 1 the point attracts, above it repels. */
const steepness = ({ phi }, sigma2, q) => sigma2 * (moment(phi, q * 1.0001) - moment(phi, q / 1.0001)) / (q * (1.0001 - 1 / 1.0001));

/* Predicted variance of layers 1 to DEPTH, from 1. */
function predicted({ phi }, sigma2) {
  const values = [1];
  while (values.length < DEPTH) values.push(sigma2 * moment(phi, values.at(-1)));
  return values;
}

const drawn = seed => { const normal = normals(seed); return Float64Array.from({ length: NETS * DEPTH * WIDTH }, normal); };

/* E[z²] of one random net. Given a layer's h, the next z are independent normals of variance σ_w² mean(h²): no matrix is needed. */
function sampled({ phi }, sigma2, noise, net = 0) {
  let q = 1;
  return Array.from({ length: DEPTH }, (_, l) => {
    const s = Math.sqrt(q);
    let squares = 0, received = 0;
    for (let i = 0; i < WIDTH; i++) { const z = s * noise[(net * DEPTH + l) * WIDTH + i], h = phi(z); squares += z * z; received += h * h; }
    q = sigma2 * received / WIDTH;
    return squares / WIDTH;
  });
}

const typeset = text => text.split('σ_w²').flatMap((part, i) => (i ? ['σ', html('sub', { style: 'line-height: 0' }, 'w'), '²', part] : [part]));
const spoken = text => text.replaceAll('σ_w²', 'sigma w squared');
const HINT = `Numbers, + - * / ^, parentheses, ${NAMES}.`;
const MAP = [1e-2, 1e2], LAYERS = [1e-4, 1e4], SHAPE = { x: [-4, 4], y: [-2, 4] };

/* A line through points, interrupted where it is outside the picture. */
function pieces(points, { X, Y }, attributes) {
  const runs = [[]];
  for (const [x, y] of points) {
    if (x >= X.low && x <= X.high && y >= Y.low && y <= Y.high) runs.at(-1).push([x, y]);
    else if (runs.at(-1).length) runs.push([]);
  }
  return runs.filter(run => run.length > 1).map(run => path(run, X, Y, attributes));
}

/* What becomes of variance and gradient, in words. */
function fate(one, sigma2, star) {
  const factor = chi(one, sigma2, star), depth = depthScale(factor);
  const steep = steepness(one, sigma2, Math.min(LARGEST, Math.max(1 / LARGEST, star)));
  const all = Math.abs(steep - 1) < 1e-6 && Math.abs(sigma2 * moment(one.phi, 4) / 4 - 1) < 1e-9;
  const variance = star === Infinity ? 'the variance grows without bound' : star === 0 ? 'the variance dies out' : all ? 'every variance is kept'
    : steep > 1 + 1e-6 ? `q* = ${readable(star)} is a fixed point that repels, and what misses it runs away` : `the variance settles at q* = ${readable(star)}`;
  const gradient = Number.isNaN(factor) ? 'the slope of φ is no number somewhere, and so is χ' : factor === 0 ? 'χ = 0 lets no gradient pass'
    : depth === Infinity ? 'χ = 1, so that gradients keep their size at any depth' : `χ = ${readable(factor)}, so that gradients ${factor > 1 ? 'grow' : 'shrink'} e-fold every ${readable(depth)} layers (the depth scale)`;
  return `${variance}; ${gradient}`;
}

function render({ model, el }) {
  const presets = model.get('presets'), [[, , first]] = presets, home = study(first), state = { one: home, formula: first, sigma2: 1, pin: null, revealed: false };
  let noise = drawn(model.get('seed'));
  const view = frame(el, { title: 'Type your own φ(x)', task: typeset(`Any activation goes through ${DEPTH} layers of ${WIDTH} units without biases. You set σ_w²: fan_in times the variance of a weight.`) });
  const layers = plot({ height: 230, x: { domain: [1, DEPTH] }, y: { domain: LAYERS, log: true }, xTicks: [1, 5, 10, 15, 20, 25, 30], xLabel: 'layer', yLabel: `E[z²]: dots are ${NETS} random nets, the line predicts`, label: 'Variance by layer' });
  const shape = plot({ height: 220, x: { domain: SHAPE.x }, y: { domain: SHAPE.y }, xTicks: [-4, -2, 0, 2, 4], yTicks: [-2, 0, 2, 4], xLabel: 'x', yLabel: 'φ(x), and its slope φ′(x) dashed', label: 'The activation' });
  const map = plot({ height: 220, x: { domain: MAP, log: true }, y: { domain: MAP, log: true }, xLabel: 'variance of one layer, q', yLabel: 'variance of the next', label: 'Variance map' });
  const guess = commitment({ question: typeset('ReLU, max(0, x): which σ_w² keeps the variance from layer to layer?'), judge: value => {
    state.revealed = true; redraw();
    return `${Math.abs(value / home.gain2 - 1) < 0.05 ? 'Yes' : 'Not quite'}: ${readable(home.gain2)}. ReLU passes on ${readable(1 / home.gain2)} of E[z²], and gain² = 1/E[φ²] makes up for it: the factor in He’s variance.`;
  } });
  const id = unique('formula'), problem = html('output', { for: id, class: 'reply', 'aria-live': 'polite' }, HINT);
  const field = html('input', { id, type: 'text', value: first, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', style: 'flex: 1 1 12rem; max-width: 100%', oninput: () => type(field.value) });
  const preset = choice({ legend: 'Presets', options: presets.map(([key, name]) => [key, name]), value: presets[0][0], change: key => { field.value = presets.find(p => p[0] === key)[2]; type(field.value); } });
  const knob = slider({ label: typeset('σ_w² = fan_in · Var W'), min: -200, max: 200, value: 0, read: p => (p === state.pin?.place ? state.pin.value : Number((10 ** (p / 100)).toPrecision(3))), input: value => { state.sigma2 = value; redraw(); } });
  const critical = button('', () => set(state.one.gain2));
  critical.append(...typeset('Set σ_w² to gain²'));
  const random = draw({ seed: model.get('seed'), change: seed => { noise = drawn(seed); redraw(); } });
  const reset = button('Reset', () => { random.set(model.get('seed')); noise = drawn(random.seed); state.revealed = false; guess.clear(); field.value = first; set(1); type(first); });
  const numbers = table(`E[z²] by layer: predicted, and in ${NETS} nets`);

  function set(sigma2) {
    const place = Math.min(200, Math.max(-200, Math.round(100 * Math.log10(sigma2))));
    Object.assign(state, { sigma2, pin: { place, value: sigma2 } });
    knob.set(place);
    redraw();
  }

  function type(formula) {
    try { state.one = study(formula); } catch (error) {
      if (!(error instanceof Misprint)) throw error;
      problem.textContent = `${error.message} The pictures still show ${named()}.`;
      field.setAttribute('aria-invalid', 'true');
      return;
    }
    state.formula = formula;
    problem.textContent = HINT;
    field.removeAttribute('aria-invalid');
    preset.set(presets.find(p => p[2] === formula)?.[0] ?? '');
    drawShape(state.one.phi);
    redraw();
  }

  const named = () => presets.find(p => p[2] === state.formula)?.[1] ?? `φ(x) = ${state.formula.length > 36 ? `${state.formula.slice(0, 34)}…` : state.formula.trim()}`;

  function redraw() {
    const { one, sigma2, revealed } = state, line = revealed ? predicted(one, sigma2) : [], nets = Array.from({ length: NETS }, (_, k) => sampled(one, sigma2, noise, k));
    const mean = nets[0].map((_, l) => nets.reduce((s, net) => s + net[l], 0) / NETS), lost = line.findIndex(Number.isNaN);
    const star = fixedPoint(one, sigma2), comes = lost < 0 ? fate(one, sigma2, star) : `the signal is lost: from layer ${lost + 1} on, φ is no number`;
    drawLayers(line, nets);
    drawMap(one, sigma2, line, star);
    const text = revealed ? `${named()} has gain² = ${readable(one.gain2)}. At σ_w² = ${readable(sigma2)}, ${comes}.`
      : `${named()} at σ_w² = ${readable(sigma2)}: after ${DEPTH} layers the nets have E[z²] = ${readable(mean.at(-1))}, from 1. Commit to a number, then the prediction appears.`;
    view.sentence.replaceChildren(...typeset(text));
    layers.root.setAttribute('aria-label', spoken(text));
    map.root.setAttribute('aria-label', revealed ? spoken(`Variance map of ${named()} with the path from q = 1: ${comes}.`) : 'The variance map appears when you have committed to a number.');
    critical.disabled = knob.range.disabled = !revealed;
    numbers.fill(['layer', ...(revealed ? ['predicted'] : []), 'mean', 'lowest', 'highest'],
      mean.map((m, l) => [l + 1, ...(revealed ? [line[l]] : []), m, Math.min(...nets.map(net => net[l])), Math.max(...nets.map(net => net[l]))]));
  }

  function drawShape(phi) {
    const xs = Array.from({ length: 161 }, (_, i) => SHAPE.x[0] + (i + 0.5) * 8 / 161), rows = xs.map(x => [phi(x), slope]);
    shape.data.replaceChildren(...pieces(xs.map((x, i) => [x, rows[i][0]]), shape, { stroke: 'currentColor', 'stroke-width': 2 }),
      ...pieces(xs.map((x, i) => [x, rows[i][1]]), shape, { stroke: 'var(--accent)', 'stroke-width': 1.6, 'stroke-dasharray': '5 3' }));
    shape.root.setAttribute('aria-label', `${named()} and its slope for x from −4 to 4.`);
  }

  function drawLayers(line, nets) {
    const { X, Y, data } = layers, seen = y => y >= LAYERS[0] && y <= LAYERS[1];
    const dots = nets.flatMap(net => net.map((y, l) => (seen(y) ? `M${X(l + 1).toFixed(1)} ${Y(y).toFixed(1)}h0` : ''))).join('');
    data.replaceChildren(svg('line', { x1: X(1), x2: X(DEPTH), y1: Y(1), y2: Y(1), stroke: 'var(--rule)' }),
      svg('path', { d: dots || 'M0 0', stroke: 'currentColor', 'stroke-width': 3.4, 'stroke-linecap': 'round', opacity: 0.5, fill: 'none' }),
      ...pieces(line.map((y, l) => [l + 1, y]), layers, { stroke: 'var(--accent)', 'stroke-width': 1.6 }));
  }

  function drawMap(one, sigma2, line, star) {
    const { X, Y, data } = map, all = [...one.down].reverse().concat(one.up.slice(1));
    const web = line.flatMap((q, l) => (l ? [[line[l - 1], q], [q, q]] : [[q, q]]));
    data.replaceChildren(path([[MAP[0], MAP[0]], [MAP[1], MAP[1]]], X, Y, { stroke: 'var(--muted)', 'stroke-width': 0.8 }),
      ...(state.revealed ? pieces(all.map(([q, m]) => [q, sigma2 * m]), map, { stroke: 'currentColor', 'stroke-width': 2 }) : [svg('text', { x: X(1), y: Y(0.05), 'text-anchor': 'middle' }, 'after your guess')]),
      ...pieces(web, map, { stroke: 'var(--accent)', 'stroke-width': 1.2 }),
      ...(state.revealed && star > MAP[0] && star < MAP[1] ? [svg('circle', { cx: X(star), cy: Y(star), r: 4.5, fill: 'var(--accent)' })] : []));
  }

  view.body.append(guess.root, html('div', { class: 'entry' }, html('label', { for: id }, 'φ(x) ='), field), problem, preset.root, knob.root, layers.root, view.sentence,
    html('div', { class: 'buttons' }, critical, random.root, reset), html('div', { class: 'pair' }, shape.root, map.root), numbers.root);
  drawShape(home.phi);
  redraw();
  return () => view.root.remove();
}

/* For the tests: formulas instead of what `study` makes of them, sentences instead of errors, a large number for infinity. */
const told = call => { try { return call(); } catch (error) { if (error instanceof Misprint) return error.message; throw error; } };
function atRest(one, sigma2) {
  const star = fixedPoint(one, sigma2), factor = chi(one, sigma2, star);
  return [star, factor, depthScale(factor)].map(x => Math.min(x, 1e300));
}
export default { render, arithmetic: { atRest: (formula, sigma2) => atRest(study(formula), sigma2), gain2: formula => told(() => study(formula).gain2),
  values: (formula, xs) => told(() => { const f = compile(formula); return xs.map(x => [f(x), slope]); }), moment: (formula, ...more) => moment(compile(formula), ...more),
  steepness: (formula, ...more) => steepness(study(formula), ...more), predicted: (formula, sigma2) => predicted(study(formula), sigma2),
  sampled: (formula, sigma2, seed, net) => sampled(study(formula), sigma2, drawn(seed), net) } };
