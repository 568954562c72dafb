/* Bend the line: a net of one hidden layer of ReLU units, whose hinges the reader places. */
const TARGETS = { sine: x => Math.sin(x), square: x => (x / Math.PI) ** 2, step: x => Math.tanh(4 * x) };
const NAMES = [['sine', 'sin x'], ['square', '(x/π)²'], ['step', 'tanh 4x']];
const SPAN = Math.PI, POINTS = 161, MOST = 12, RIDGE = 1e-9, SHOWN = 3;       // hinges whose error is told before the reader's guess
const grid = Array.from({ length: POINTS }, (_, i) => -SPAN + (2 * SPAN * i) / (POINTS - 1));

/* The best output weights for hinges at these places, by least squares with a trace of ridge, and the fit on the grid. */
function fit(hinges, target) {
  const features = x => [1, x / SPAN, ...hinges.map(t => Math.max(0, x - t))], n = hinges.length + 2;
  const A = Array.from({ length: n }, (_, i) => Array.from({ length: n + 1 }, (_, j) => (i === j ? RIDGE : 0)));
  const rows = grid.map(features);
  rows.forEach((row, k) => {
    const y = TARGETS[target](grid[k]);
    for (let i = 0; i < n; i++) { for (let j = 0; j < n; j++) A[i][j] += (row[i] * row[j]) / POINTS; A[i][n] += (row[i] * y) / POINTS; }
  });
  for (let i = 0; i < n; i++) {       // Gauss with pivots: the matrix is small and positive definite
    let pivot = i;
    for (let r = i + 1; r < n; r++) if (Math.abs(A[r][i]) > Math.abs(A[pivot][i])) pivot = r;
    [A[i], A[pivot]] = [A[pivot], A[i]];
    for (let r = i + 1; r < n; r++) { const f = A[r][i] / A[i][i]; for (let c = i; c <= n; c++) A[r][c] -= f * A[i][c]; }
  }
  const weights = new Array(n).fill(0);
  for (let i = n - 1; i >= 0; i--) weights[i] = (A[i][n] - weights.reduce((s, w, j) => (j > i ? s + A[i][j] * w : s), 0)) / A[i][i];
  return rows.map(row => row.reduce((s, v, i) => s + v * weights[i], 0));
}

/* Root mean squared error of the values of a fit, and of the best fit. */
const missed = (values, target) => Math.sqrt(values.reduce((s, v, k) => s + (v - TARGETS[target](grid[k])) ** 2, 0) / POINTS);
const error = (hinges, target) => missed(fit(hinges, target), target);

const even = k => Array.from({ length: k }, (_, i) => -SPAN + (2 * SPAN * (i + 1)) / (k + 1));

/* Hinges where a seed throws them, as random first weights do. */
function thrown(k, seed) {
  const uniform = uniforms(seed);
  return Array.from({ length: k }, () => (2 * uniform() - 1) * SPAN).sort((a, b) => a - b);
}

function render({ model, el }) {
  const state = { hinges: [], target: 'sine', chosen: 0, tries: new Map(), revealed: false };
  const view = frame(el, { title: 'Bend the line', task: 'Each ReLU unit puts one hinge into a straight line. Add hinges, drag them along the axis, and follow the curve. The output weights are always the best ones.' });
  const picture = plot({ height: 240, x: { domain: [-SPAN, SPAN] }, y: { domain: [-1.4, 1.4] }, xTicks: [-3, -2, -1, 0, 1, 2, 3], xLabel: 'input, x', yLabel: 'output', label: 'The function and the fit' });
  const errors = plot({ height: 190, x: { domain: [1, MOST + 1], log: true }, y: { domain: [1e-3, 1], log: true }, xTicks: [1, 2, 3, 5, 9, 13], xLabel: 'straight pieces, hinges + 1', yLabel: 'error (root mean square)', label: 'Error against pieces' });
  const guess = commitment({ question: 'With twice the pieces, well placed, the error falls by what factor?', judge: value => {
    const truth = error(even(3), 'sine') / error(even(7), 'sine');
    state.revealed = true; redraw();
    return `${Math.abs(value / truth - 1) < 0.3 ? 'Yes' : 'Not quite'}: evenly placed, from 4 pieces to 8 it falls by ${readable(truth)}; the law is 4, since a straight piece misses a curve by the square of its length.`;
  } });
  const random = draw({ seed: model.get('seed'), change: seed => place(thrown(state.hinges.length || 5, seed)) });
  const which = choice({ legend: 'Function', options: NAMES, value: state.target, change: key => { state.target = key; state.tries.clear(); redraw(); } });
  const count = slider({ label: 'Hinges, evenly placed', min: 0, max: MOST, value: 0, input: k => place(even(k)) });
  const mover = slider({ label: 'Selected hinge, position', min: -SPAN, max: SPAN, step: 0.02, value: 0, show: v => (state.hinges.length ? readable(Number(v.toFixed(2))) : 'none yet'), input: v => { state.hinges[state.chosen] = v; redraw(); } });
  const next = button('Select next hinge', () => { state.chosen = (state.chosen + 1) % state.hinges.length; mover.set(state.hinges[state.chosen]); redraw(); });
  const reset = button('Reset', () => { state.target = 'sine'; which.set('sine'); state.tries.clear(); state.revealed = false; guess.clear(); random.set(model.get('seed')); place([]); });
  const numbers = table('Best error so far by number of hinges'), handles = svg('g');

  const laws = Object.fromEntries(NAMES.map(([key]) => [key, error(even(5), key) * 36]));
  const wanted = Object.fromEntries(NAMES.map(([key]) => [key, path(grid.map(x => [x, TARGETS[key](x)]), picture.X, picture.Y, { stroke: 'currentColor', 'stroke-width': 1, 'stroke-dasharray': '2 3' })]));

  function place(hinges) { state.hinges = hinges; state.chosen = 0; count.set(hinges.length); mover.set(hinges[0] ?? 0); redraw(); }

  picture.root.addEventListener('pointerdown', event => {
    const x = positionOf(event), near = state.hinges.map((t, i) => [Math.abs(t - x), i]).sort((a, b) => a[0] - b[0])[0];
    if (near && near[0] < 0.45) { state.chosen = near[1]; picture.root.setPointerCapture(event.pointerId); state.dragging = true; redraw(); }
  });
  picture.root.addEventListener('pointermove', event => {
    if (!state.dragging) return;
    state.hinges[state.chosen] = Math.min(SPAN, Math.max(-SPAN, positionOf(event)));
    mover.set(state.hinges[state.chosen]);
    redraw();
  });
  for (const name of ['pointerup', 'pointercancel']) picture.root.addEventListener(name, () => { state.dragging = false; });
  const positionOf = event => {
    const box = picture.root.getBoundingClientRect();
    return picture.X.invert(((event.clientX - box.left) / box.width) * 360);
  };

  function redraw() {
    const { hinges, target } = state, values = fit(hinges, target), { X, Y, box } = picture, k = hinges.length;
    mover.range.disabled = next.disabled = k === 0;
    const rms = missed(values, target), open = n => state.revealed || n <= SHOWN;
    state.tries.set(k, Math.min(rms, state.tries.get(k) ?? Infinity));
    handles.replaceChildren(...hinges.flatMap((t, i) => [
      svg('line', { x1: X(t), x2: X(t), y1: box.top, y2: box.bottom, stroke: 'var(--rule)' }),
      svg('circle', { cx: X(t), cy: box.bottom, r: i === state.chosen ? 7 : 5, fill: i === state.chosen ? 'var(--accent)' : 'currentColor' })]));
    picture.data.replaceChildren(wanted[target], handles, path(grid.map((x, i) => [x, values[i]]), X, Y, { stroke: 'var(--accent)', 'stroke-width': 2.2 }));
    const tried = [...state.tries].filter(([n]) => open(n)).sort((a, b) => a[0] - b[0]), law = laws[target];
    errors.data.replaceChildren(
      state.revealed ? path([[1, law], [MOST + 1, law / (MOST + 1) ** 2]], errors.X, errors.Y, { stroke: 'currentColor', 'stroke-width': 1 }) : '',
      state.revealed ? svg('text', { x: errors.X(MOST + 1), y: errors.Y(law / (MOST + 1) ** 2) + 20, 'text-anchor': 'end' }, 'one over pieces squared') : '',
      ...tried.map(([n, e]) => svg('circle', { cx: errors.X(n + 1), cy: errors.Y(e), r: n === k ? 5 : 3.2, fill: n === k ? 'var(--accent)' : 'currentColor' })));
    view.say(k === 0 ? `Without a hinge the net is a line, and the best line misses by ${readable(rms)}. No number of linear layers does better.`
      : `${k} ${k === 1 ? 'hinge' : 'hinges'}, the selected one at ${readable(Number(hinges[state.chosen].toFixed(2)))}: ${open(k) ? `the error is ${readable(rms)}, and the best so far with as many is ${readable(state.tries.get(k))}` : `errors of more than ${SHOWN + 1} pieces appear when you have committed to a number`}.`);
    picture.root.setAttribute('aria-label', view.sentence.textContent);
    errors.root.setAttribute('aria-label', `Error against pieces: ${tried.map(([n, e]) => `${n} hinges ${readable(e)}`).join(', ')}.`);
    numbers.fill(['hinges', 'best error'], tried);
  }

  view.body.append(picture.root, view.sentence, html('div', { class: 'controls' }, count.root, mover.root), html('div', { class: 'buttons' }, next, random.root, reset), which.root, guess.root, errors.root, numbers.root);
  redraw();
  return () => view.root.remove();
}

export default { render, arithmetic: { fit, error, thrown } };
