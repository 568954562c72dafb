/* Race: the same deep net twice, trained in the page. Weights, biases and data come from Python. */
const BATCH = 32;

/* A net of tanh layers with a softmax on top; weights are flat rows of (fan_in, fan_out), as in the book. */
function network(sizes, weights) {
  const scratch = [0, 1].map(() => new Float64Array(Math.max(...sizes)));
  return { sizes, weights: weights.map(w => Float64Array.from(w)), biases: sizes.slice(1).map(n => new Float64Array(n)), scratch };
}

/* One step of gradient descent on the batch-mean negative log-likelihood. Returns the loss before the step and
   each layer's mean squared weight gradient. */
function step(net, points, labels, rate) {
  const { sizes, weights, biases } = net, B = labels.length, L = weights.length, acts = [points];
  for (let l = 0; l < L; l++) {
    const n = sizes[l], m = sizes[l + 1], out = new Float64Array(B * m), w = weights[l], h = acts[l];
    for (let e = 0; e < B; e++) {
      for (let j = 0; j < m; j++) out[e * m + j] = biases[l][j];
      for (let i = 0; i < n; i++) { const a = h[e * n + i]; for (let j = 0; j < m; j++) out[e * m + j] += a * w[i * m + j]; }
      if (l < L - 1) for (let j = 0; j < m; j++) out[e * m + j] = Math.tanh(out[e * m + j]);
    }
    acts.push(out);
  }
  const C = sizes[L];
  let delta = new Float64Array(B * C), loss = 0;
  for (let e = 0; e < B; e++) {
    const row = acts[L].subarray(e * C, (e + 1) * C), top = Math.max(...row), total = row.reduce((s, z) => s + Math.exp(z - top), 0);
    loss -= (row[labels[e]] - top - Math.log(total)) / B;
    for (let c = 0; c < C; c++) delta[e * C + c] = (Math.exp(row[c] - top) / total - (c === labels[e] ? 1 : 0)) / B;
  }
  const squares = new Array(L);
  for (let l = L - 1; l >= 0; l--) {
    const n = sizes[l], m = sizes[l + 1], w = weights[l], h = acts[l], gradient = new Float64Array(n * m), below = l ? new Float64Array(B * n) : null;
    for (let e = 0; e < B; e++) {
      for (let i = 0; i < n; i++) {
        const a = h[e * n + i];
        let sum = 0;
        for (let j = 0; j < m; j++) { const d = delta[e * m + j]; gradient[i * m + j] += a * d; sum += d * w[i * m + j]; }
        if (below) below[e * n + i] = sum * (1 - a * a);
      }
      for (let j = 0; j < m; j++) biases[l][j] -= rate * delta[e * m + j];
    }
    squares[l] = gradient.reduce((s, g) => s + g * g, 0) / gradient.length;
    for (let k = 0; k < w.length; k++) w[k] -= rate * gradient[k];
    delta = below;
  }
  return { loss, squares };
}

/* The two classes' log-odds at a point, for the picture. Thousands of points a frame, so that no arrays are made. */
function logOdds(net, x, y) {
  let [h, out] = net.scratch;
  h[0] = x; h[1] = y;
  for (let l = 0, L = net.weights.length; l < L; l++) {
    const n = net.sizes[l], m = net.sizes[l + 1], w = net.weights[l], b = net.biases[l];
    for (let j = 0; j < m; j++) out[j] = b[j];
    for (let i = 0; i < n; i++) { const a = h[i]; for (let j = 0; j < m; j++) out[j] += a * w[i * m + j]; }
    if (l < L - 1) for (let j = 0; j < m; j++) out[j] = Math.tanh(out[j]);
    [h, out] = [out, h];
  }
  return h[1] - h[0];
}

/* The losses of the first `count` steps: what the browser test compares with Python. */
function firstLosses(sizes, weights, points, labels, rate, count) {
  const net = network(sizes, weights), losses = [];
  for (let k = 0; k < count; k++) {
    const [p, y] = batchAt(points, labels, k);
    losses.push(step(net, p, y, rate).loss);
  }
  return losses;
}

/* Batches follow one another through the points, whose order Python has shuffled. */
function batchAt(points, labels, k) {
  const start = (k * BATCH) % labels.length;
  return [Float64Array.from(points.slice(2 * start, 2 * (start + BATCH))), labels.slice(start, start + BATCH)];
}

const floats = view => new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

function render({ model, el }) {
  const sizes = model.get('sizes'), rate = model.get('rate'), limit = model.get('steps'), names = model.get('schemes'), L = sizes.length - 1;
  const labels = model.get('labels'), points = floats(model.get('points')), base = floats(model.get('base')), stds = model.get('stds');
  const perNet = sizes.slice(1).reduce((s, m, l) => s + m * sizes[l], 0), draws = base.length / perNet, from = ['heuristic', 'glorot'];
  const view = frame(el, { title: 'Race', task: `Two spirals, the same net of ${L} weight matrices twice, the same rate. Only the scale of the first weights differs. Both really train, here, now.` });
  const lanes = from.map((key, i) => lane(i, key));
  const lossPicture = plot({ height: 190, x: { domain: [0, limit] }, y: { domain: [0, 1] }, xLabel: 'updates', yLabel: 'loss (moving average), L', label: 'Loss of both nets' });
  const gradientPicture = plot({ height: 190, x: { domain: [1, L] }, y: { domain: [1e-9, 1], log: true }, xTicks: Array.from({ length: L }, (_, l) => l + 1), xLabel: 'weight matrix', yLabel: 'mean squared weight gradient', label: 'Weight gradients by layer' });
  const guess = choice({ legend: 'Before the start: which net separates the spirals first?', options: [['0', 'left'], ['1', 'right'], ['2', 'neither']], value: null, commits: true, change: key => { state.guess = +key; start.disabled = false; report(); } });
  const start = button('Start', () => { if (timer.running) pause(); else go(); }, { disabled: true });
  const random = draw({ seed: model.get('seed'), change: () => restart() });
  const reset = button('Reset', () => { lanes.forEach((one, i) => { one.key = from[i]; one.picker.set(from[i]); }); random.set(model.get('seed')); ask(); restart(); });
  const numbers = table('Mean squared weight gradient by layer, and the loss'), state = { updates: 0, guess: null };
  let frames = 0;
  const timer = clock(milliseconds => tick(milliseconds));

  function lane(index, key) {
    const canvas = html('canvas', { width: 40, height: 40, class: 'field', 'aria-hidden': 'true' });
    const dots = svg('svg', { viewBox: '-1.1 -1.1 2.2 2.2', class: 'dots', role: 'img', 'aria-label': `${index ? 'Right' : 'Left'} net: its two regions and the spirals` },
      labels.map((c, i) => c ? svg('circle', { cx: points[2 * i], cy: -points[2 * i + 1], r: 0.022, fill: 'var(--heuristic)' })
        : svg('rect', { x: points[2 * i] - 0.02, y: -points[2 * i + 1] - 0.02, width: 0.04, height: 0.04, fill: 'var(--glorot)' })));
    const one = { key, history: [], canvas, done: null };
    one.picker = choice({ legend: index ? 'Right (dashed)' : 'Left (solid)', options: names, value: key, change: chosen => { one.key = chosen; ask(); restart(); } });
    one.root = html('div', { class: 'lane' }, html('div', { class: 'arena' }, canvas, dots), one.picker.root);
    return one;
  }

  function ask() { guess.set(null); state.guess = null; start.disabled = true; }       // another race, another prediction

  function weightsOf(key) {
    let offset = (((random.seed - 1) % draws) + draws) % draws * perNet;
    return sizes.slice(1).map((m, l) => {
      const slice = base.slice(offset, offset + m * sizes[l]);
      offset += m * sizes[l];
      return key === 'equal' ? slice.fill(stds.equal[l]) : slice.map(v => v * stds[key][l]);
    });
  }

  function restart() {
    halt();
    state.updates = 0;
    lanes.forEach(one => { one.net = network(sizes, weightsOf(one.key)); one.history = []; one.done = null; one.squares = null; one.mean = null; });
    const [p, y] = batchAt(points, labels, 0);
    lanes.forEach(one => { const first = step(network(sizes, weightsOf(one.key)), p, y, 0); one.squares = first.squares; one.mean = first.loss; one.history.push([0, first.loss]); });
    show();
  }

  function go() { if (state.updates >= limit) restart(); start.textContent = 'Pause'; timer.start(); }
  function halt() { timer.stop(); start.textContent = 'Start'; }
  function pause() { halt(); show(); }

  function tick() {
    const until = performance.now() + 7;
    do {
      const [p, y] = batchAt(points, labels, state.updates++);
      for (const one of lanes) {
        const { loss, squares } = step(one.net, p, y, rate);
        one.mean += 0.02 * (Math.min(loss, 9) - one.mean);
        one.squares = squares;
        if (state.updates % 25 === 0) one.history.push([state.updates, one.mean]);
        if (one.done === null && one.mean < 0.15) one.done = state.updates;
      }
    } while (performance.now() < until && state.updates < limit);
    if (!stillness()) show(); else if (++frames % 60 === 0) report();       // whoever wants little motion sees the pictures when it rests
    if (state.updates >= limit) pause();
  }

  function show() {
    const dash = ['', '6 4'], ink = ['currentColor', 'var(--accent)'];
    lossPicture.data.replaceChildren(...lanes.map((one, i) => path(one.history, lossPicture.X, lossPicture.Y, { stroke: ink[i], 'stroke-width': 1.8, 'stroke-dasharray': dash[i] })));
    gradientPicture.data.replaceChildren(...lanes.map((one, i) => path(one.squares.map((s, l) => [l + 1, s]), gradientPicture.X, gradientPicture.Y, { stroke: ink[i], 'stroke-width': 1.8, 'stroke-dasharray': dash[i] })));
    const colors = ['--glorot', '--heuristic'].map(name => getComputedStyle(view.root).getPropertyValue(name).trim());
    for (const one of timer.running ? [lanes[frames++ % 2]] : lanes) paint(one, colors);       // in turns: a frame has 16 ms
    if (!timer.running || frames % 20 === 0) report();                                      // a sentence that can be read
  }

  function paint(one, colors) {
    const context = one.canvas.getContext('2d'), n = one.canvas.width;
    context.clearRect(0, 0, n, n);
    for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) {
      const odds = logOdds(one.net, ((c + 0.5) / n) * 2.2 - 1.1, 1.1 - ((r + 0.5) / n) * 2.2);
      context.globalAlpha = 0.32 * Math.min(1, Math.abs(odds) / 3);
      context.fillStyle = colors[odds > 0 ? 1 : 0];
      context.fillRect(c, r, 1, 1);
    }
  }

  function report() {
    const label = one => names.find(([key]) => key === one.key)[1], [left, right] = lanes;
    const result = one => (one.done === null ? `is at loss ${readable(one.mean)}` : `separated the spirals after ${one.done} updates`);
    const first = left.done === null && right.done === null ? 2 : right.done === null || (left.done !== null && left.done <= right.done) ? 0 : 1;
    const over = first !== 2 || state.updates >= limit;
    const judged = over && state.guess !== null ? (first === state.guess ? ' You called it.' : ' You had guessed otherwise.') : '';
    view.say(state.updates === 0 ? `Before the first update the ${label(left)} net’s first layer has a squared gradient of ${readable(left.squares[0])}, the ${label(right)} net’s ${readable(right.squares[0])}.${state.guess === null ? ' Commit to a winner to start.' : ''}`
      : `After ${state.updates} updates: left (${label(left)}) ${result(left)}, right (${label(right)}) ${result(right)}.${judged}`);
    lossPicture.root.setAttribute('aria-label', `Loss of both nets. ${view.sentence.textContent}`);
    gradientPicture.root.setAttribute('aria-label', `Weight gradients by layer, left from ${readable(left.squares[0])} to ${readable(left.squares.at(-1))}, right from ${readable(right.squares[0])} to ${readable(right.squares.at(-1))}.`);
    numbers.fill(['layer', `left: ${label(left)}`, `right: ${label(right)}`], [...left.squares.map((s, l) => [l + 1, s, right.squares[l]]), ['loss', left.mean, right.mean]]);
  }

  view.body.append(html('div', { class: 'lanes' }, lanes.map(one => one.root)), guess.root, html('div', { class: 'buttons' }, start, random.root, reset), view.sentence, html('div', { class: 'pair' }, lossPicture.root, gradientPicture.root), numbers.root);
  restart();
  const forget = whenHidden(view.root, pause);
  return () => { timer.stop(); forget(); view.root.remove(); };
}

export default { render, arithmetic: { firstLosses } };
