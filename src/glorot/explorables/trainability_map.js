/* Trainability map: weight scale against learning rate, every point a network that was trained. All numbers come from the record. */
const LOWEST = -2, HIGHEST = 3, PART = 0.9, SCALES = 6;
const STOPS = [[26, 32, 62], [49, 66, 120], [68, 117, 158], [104, 170, 164], [176, 213, 146], [250, 243, 160]];

const bytes = packed => Uint8Array.from(atob(packed), c => c.charCodeAt(0));
const lossOf = code => (code === 255 ? 1e300 : 10 ** (LOWEST + code / 254 * (HIGHEST - LOWEST)));
const curve = (codes, times, columns, rows, column, row) => Array.from({ length: times }, (_, t) => lossOf(codes[(t * columns + column) * rows + row]));

/* The highest row, from the best one on, up to which all networks of a column train; −1 where none does. */
function border(losses, chance) {
  if (Math.min(...losses) >= PART * chance) return -1;
  let row = losses.indexOf(Math.min(...losses));
  while (row + 1 < losses.length && losses[row + 1] < PART * chance) row++;
  return row;
}

/* Red, green, blue from dark (0) to bright (1). */
function shade(share) {
  const at = share * (STOPS.length - 1), low = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[low].map((c, k) => Math.floor(c + (at - low) * (STOPS[low + 1][k] - c) + 0.5));
}

const typeset = text => text.split('σ_w').flatMap((part, i) => (i ? ['σ', html('sub', { style: 'line-height: 0' }, 'w'), part] : [part]));
const spoken = text => text.replaceAll('σ_w', 'sigma w');
const bright = (loss, chance, best) => Math.min(1, Math.max(0, Math.log(chance / loss) / Math.log(chance / best)));
const shown = loss => (loss >= 1e300 ? 'no number' : readable(loss));

/* Every network one pixel, by its final loss: a picture that SVG can hold. */
function paint(grid, chance, best) {
  const columns = grid.sigmas.length, rows = grid.rates.length, canvas = html('canvas', { width: columns, height: rows });
  const context = canvas.getContext('2d'), image = context.createImageData(columns, rows);
  const lasts = grid.sigmas.map((_, c) => grid.last(c));
  for (let c = 0; c < columns; c++) for (let r = 0; r < rows; r++) {
    image.data.set([...shade(bright(lasts[c][r], chance, best)), 255], 4 * ((rows - 1 - r) * columns + c));
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

function render({ model, el }) {
  const updates = model.get('updates'), chance = model.get('chance'), depth = model.get('depth'), asked = model.get('asked');
  const grids = Object.fromEntries(model.get('grids').map(raw => {
    const codes = bytes(raw.losses), columns = raw.sigmas.length, rows = raw.rates.length;
    const of = (c, r) => curve(codes, updates.length, columns, rows, c, r);
    const last = c => Array.from({ length: rows }, (_, r) => lossOf(codes[((updates.length - 1) * columns + c) * rows + r]));
    return [raw.name, { ...raw, of, last }];
  }));
  const pictures = {}, whole = grids.map, all = whole.sigmas.length * whole.rates.length, counted = n => n.toLocaleString('en-US');
  const first = { name: 'map', column: asked, row: Math.floor(whole.rates.length / 2), revealed: false }, state = { ...first };
  const view = frame(el, { title: 'Trainability map', task: typeset(`${counted(all)} tanh nets of ${depth} hidden layers of ${model.get('width')} units, each trained for ${updates.at(-1)} updates. Across: the scale σ_w of its first weights. Up: its learning rate. Bright: a low loss at the end.`) });
  const maps = Object.fromEntries(Object.values(grids).map(grid => [grid.name, mapOf(grid)]));
  const truth = border(whole.last(asked), chance), edge = whole.rates[truth] ?? 0;
  const guess = commitment({ question: html('span', {}, ...typeset(`At σ_w = ${readable(Number(whole.sigmas[asked].toPrecision(3)))}: up to which learning rate do these nets train?`)), judge: value => {
    state.revealed = true;
    redraw();
    return `${value > edge / 2 && value < edge * 2 ? 'Yes, within a factor of 2' : 'Not quite'}: the border lies at ${readable(edge)}. At the next rate up the loss no longer ends below ${PART} of chance, ${readable(chance)}.`;
  } });
  const part = choice({ legend: 'Show', options: [['map', 'the whole map'], ['zoom', 'a part of its border']], value: 'map', change: key => show(key) });
  const across = slider({ label: html('span', {}, ...typeset('σ_w')), min: 0, max: whole.sigmas.length - 1, value: first.column, read: c => c, show: c => readable(Number(grids[state.name].sigmas[c].toPrecision(3))), input: c => { state.column = c; redraw(); } });
  const up = slider({ label: 'learning rate', min: 0, max: whole.rates.length - 1, value: first.row, read: r => r, show: r => readable(Number(grids[state.name].rates[r].toPrecision(2))), input: r => { state.row = r; redraw(); } });
  const curves = plot({ height: 200, x: { domain: [0, updates.at(-1)] }, y: { domain: [0.3, 100], log: true }, xLabel: 'update', yLabel: 'loss; dashed: chance', label: 'Loss curve' });
  const spectrum = plot({ height: 200, x: { domain: [1, model.get('width')] }, y: { domain: [1e-6, 1e4], log: true }, xLabel: 'rank', yLabel: 'singular values of the Jacobian', label: 'Singular values' });
  const random = draw({ seed: model.get('seed'), change: seed => { pick(seed); redraw(); } });
  const reset = button('Reset', () => {
    Object.assign(state, first);
    guess.clear(); part.set('map'); random.set(model.get('seed'));
    show('map', first);
  });
  const numbers = table('The chosen network: its loss, and the singular values of its Jacobian before training');

  /* A map with its axes, the depth scale's ends, and a mark for the chosen network; a finger or pointer chooses too. */
  function mapOf(grid) {
    const half = (grid.sigmas[1] - grid.sigmas[0]) / 2, ratio = Math.sqrt(grid.rates[1] / grid.rates[0]);
    const made = plot({ height: 330, x: { domain: [grid.sigmas[0] - half, grid.sigmas.at(-1) + half] }, y: { domain: [grid.rates[0] / ratio, grid.rates.at(-1) * ratio], log: true }, yTicks: [0.001, 0.01, 0.1, 0.2, 0.5, 1].filter(t => t > grid.rates[0] / ratio && t < grid.rates.at(-1)), xLabel: 'scale of the first weights', yLabel: 'learning rate', label: 'Trainability map' });
    const { box } = made, mark = svg('g', {}), inside = grid.scales.map(s => SCALES * s >= depth);
    const ends = inside.flatMap((now, c) => (c && now !== inside[c - 1] ? [(grid.sigmas[c] + grid.sigmas[c - 1]) / 2] : []));
    const image = svg('image', { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top, preserveAspectRatio: 'none', style: 'image-rendering: pixelated' });
    const lines = ends.flatMap(s => [['#fff', null], ['#a3341f', '5 4']].map(([stroke, dash]) => svg('line', { x1: made.X(s), x2: made.X(s), y1: box.top, y2: box.bottom, stroke, 'stroke-width': 2, 'stroke-dasharray': dash })));
    const hidden = svg('text', { x: (box.left + box.right) / 2, y: box.top + 40, 'text-anchor': 'middle' }, 'after your guess');
    const within = [...(inside[0] ? [grid.sigmas[0]] : []), ...ends, ...(inside.at(-1) ? [grid.sigmas.at(-1)] : [])];     // where the depth scale is enough
    const named = within.length === 2 ? [svg('text', { x: made.X((within[0] + within[1]) / 2), y: box.top + 14, 'text-anchor': 'middle', style: 'fill: #fff; font-size: 12px' }, `${SCALES} ξ ≥ ${depth}`)] : [];
    const truths = svg('g', {}, image, ...lines, ...named);
    made.data.append(hidden, truths, mark);
    const choose = event => {
      if (!state.revealed || (event.type === 'pointermove' && !event.buttons)) return;
      const size = made.root.getBoundingClientRect(), x = (event.clientX - size.left) * 360 / size.width, y = (event.clientY - size.top) * 330 / size.height;
      const share = (value, low, high, count) => Math.min(count - 1, Math.max(0, Math.floor((value - low) / (high - low) * count)));
      state.column = share(x, box.left, box.right, grid.sigmas.length);
      state.row = share(y, box.bottom, box.top, grid.rates.length);
      across.set(state.column); up.set(state.row);
      redraw();
    };
    made.root.addEventListener('pointerdown', choose);
    made.root.addEventListener('pointermove', choose);
    return { ...made, mark, truths, hidden, image };
  }

  function show(name, at = null) {
    const { sigmas, rates } = grids[name];
    Object.assign(state, { name }, at ?? { column: sigmas.length >> 1, row: rates.length >> 1 });
    across.range.max = sigmas.length - 1; up.range.max = rates.length - 1;
    across.set(state.column); up.set(state.row);
    redraw();
  }

  function pick(seed) {
    const uniform = uniforms(seed), { sigmas, rates } = grids[state.name];
    Object.assign(state, { column: Math.floor(uniform() * sigmas.length), row: Math.floor(uniform() * rates.length) });
    across.set(state.column); up.set(state.row);
  }

  function redraw() {
    const { name, column, row, revealed } = state, grid = grids[name], losses = grid.of(column, row), end = losses.at(-1), values = grid.singular[column];
    const sigma = readable(Number(grid.sigmas[column].toPrecision(3))), rate = readable(Number(grid.rates[row].toPrecision(2))), scaleOf = grid.scales[column];
    drawCurve(losses);
    drawSpectrum(values);
    const xi = scaleOf >= 1e300 ? 'infinite: any depth is within it' : `${readable(scaleOf)} layers; ${SCALES} of them are ${readable(SCALES * scaleOf)}, ${SCALES * scaleOf >= depth ? 'enough for' : 'short of'} its ${depth}`;
    const fate = end < PART * chance ? 'it trains' : end > 1.1 * chance ? 'it ends above chance' : 'it stays at chance';
    const text = revealed ? `σ_w = ${sigma}, learning rate ${rate}: after ${updates.at(-1)} updates the loss is ${shown(end)}, where chance is ${readable(chance)}: ${fate}. The depth scale is ${xi}. The largest singular value is ${readable(values[0])}; ${values.filter(s => s > 0.1).length} of ${values.length} exceed 0.1.`
      : `σ_w = ${sigma}, learning rate ${rate}: the first loss is ${shown(losses[0])}. Commit to a border, then the map appears.`;
    view.sentence.replaceChildren(...typeset(text));
    const label = revealed ? spoken(`Final loss over σ_w from ${readable(grid.sigmas[0])} to ${readable(grid.sigmas.at(-1))} and learning rate from ${readable(grid.rates[0])} to ${readable(grid.rates.at(-1))}; dashed lines: where ${SCALES} depth scales are ${depth} layers. ${text}`) : 'The map appears when you have committed to a border.';
    for (const [key, map] of Object.entries(maps)) drawMap(grids[key], map, key === name, label);
    if (numbers.root.open) fill();
  }

  function fill() {
    const { name, column, row, revealed } = state, losses = grids[name].of(column, row), values = grids[name].singular[column];
    numbers.fill(['update', 'loss', 'rank', 'singular value'], Array.from({ length: Math.max(revealed ? updates.length : 1, values.length) }, (_, k) => [
      ...(k < (revealed ? updates.length : 1) ? [updates[k], shown(losses[k])] : ['', '']), ...(k < values.length ? [k + 1, values[k]] : ['', ''])]));
  }

  function drawMap(grid, map, now, label) {
    map.root.style.display = now ? 'block' : 'none';
    map.root.setAttribute('aria-label', label);
    const x = now && map.X(grid.sigmas[state.column]), y = now && map.Y(grid.rates[state.row]), lines = now ? [['#fff', 3.4], ['#000', 1.4]] : [];
    if (!state.revealed) map.image.removeAttribute('href');
    else if (!map.image.hasAttribute('href')) map.image.setAttribute('href', pictures[grid.name] ??= paint(grid, chance, model.get('best')));
    map.truths.style.display = state.revealed ? 'inline' : 'none';
    map.hidden.style.display = state.revealed ? 'none' : 'inline';
    map.mark.replaceChildren(...lines.map(([stroke, width]) => svg('circle', { cx: x.toFixed(1), cy: y.toFixed(1), r: 6, fill: 'none', stroke, 'stroke-width': width })));
  }

  function drawCurve(losses) {
    const { X, Y, data } = curves, seen = state.revealed ? losses.map((loss, t) => [updates[t], loss]) : [[0, losses[0]]];
    data.replaceChildren(svg('line', { x1: X(0), x2: X(updates.at(-1)), y1: Y(chance), y2: Y(chance), stroke: 'var(--muted)', 'stroke-dasharray': '4 3' }), path(seen, X, Y, { stroke: 'currentColor', 'stroke-width': 2 }),
      ...seen.map(([t, loss]) => svg('circle', { cx: X(t).toFixed(1), cy: Y(loss).toFixed(1), r: 2.6, fill: 'currentColor' })));
    curves.root.setAttribute('aria-label', `Loss by update, the mean since the point before: from ${shown(losses[0])}${state.revealed ? ` to ${shown(losses.at(-1))}` : ''}.`);
  }

  function drawSpectrum(values) {
    const { X, Y, data } = spectrum;
    data.replaceChildren(svg('line', { x1: X(1), x2: X(values.length), y1: Y(1), y2: Y(1), stroke: 'var(--muted)' }), ...values.map((s, k) => svg('circle', { cx: X(k + 1).toFixed(1), cy: Y(s).toFixed(1), r: 2.4, fill: 'var(--accent)' })));
    spectrum.root.setAttribute('aria-label', `Singular values of the Jacobian of a net of ${depth} layers at this weight scale, before training: the largest is ${readable(values[0])}, and ${values.filter(s => s > 0.1).length} of ${values.length} exceed 0.1.`);
  }

  view.body.append(guess.root, part.root, ...Object.values(maps).map(map => map.root), html('div', { class: 'controls' }, across.root, up.root), view.sentence,
    html('div', { class: 'buttons' }, random.root, reset), html('div', { class: 'pair' }, curves.root, spectrum.root), numbers.root);
  numbers.root.addEventListener('toggle', fill);
  redraw();
  return () => view.root.remove();
}

export default { render, arithmetic: { lossOf, border, shade, curve: (packed, ...rest) => curve(bytes(packed), ...rest) } };
