/* Coordinate check: how far each layer has moved after some updates, against the width, from a record of real runs. */
const STAYS = 0.25, NAMES = { standard: 'standard', ntk: 'NTK', mup: 'μP', sgd: 'SGD', adam: 'Adam' };
const FATES = ['It stays: every width learns at the same speed.', 'It drifts: a rate that is right at one width is wrong at another.', 'The blocks come to rest: wide networks hardly move.'];
const RANGE = [1e-4, 100], LOOKS = [['var(--depth-0)', 'circle'], ['var(--depth-3)', 'down'], ['var(--depth-5)', 'up'], ['var(--depth-7)', 'square']];

/* e of the best fit of n^e to changes by width, in logarithms. */
function exponent(widths, moved) {
  const x = widths.map(Math.log), y = moved.map(Math.log), mean = a => a.reduce((s, v) => s + v, 0) / a.length, mx = mean(x), my = mean(y);
  return x.reduce((s, v, i) => s + (v - mx) * (y[i] - my), 0) / x.reduce((s, v) => s + (v - mx) ** 2, 0);
}

/* What is predicted: from the narrowest network on, a power of the width. */
const line = (widths, first, e) => widths.map(n => first * (n / widths[0]) ** e);

/* What the layers do as the network grows wider: its place in FATES. */
const fate = (block, output) => (Math.max(block, output) > STAYS ? 1 : Math.min(block, output) < -STAYS ? 2 : 0);

const power = e => e.toFixed(2).replace('-', '−');
const marker = (x, y, [color, kind]) => kind === 'circle' ? svg('circle', { cx: x, cy: y, r: 3.6, fill: color }) : kind === 'square' ? svg('rect', { x: x - 3.2, y: y - 3.2, width: 6.4, height: 6.4, fill: color })
  : svg('path', { d: kind === 'up' ? `M${x} ${y - 4.4}l4 7h-8z` : `M${x} ${y + 4.4}l4 -7h-8z`, fill: color });

function render({ model, el }) {
  const widths = model.get('widths'), stages = model.get('stages'), change = model.get('change'), exponents = model.get('exponents');
  const first = { rule: 'standard', optimizer: 'adam', step: 1, revealed: false }, state = { ...first };
  const steps = change.adam.standard[0].length, seeds = change.adam.standard.length, block = stages.length - 2, output = stages.length - 1;
  const view = frame(el, { title: 'Coordinate check', task: `Residual networks of ${widths[0]} to ${readable(widths.at(-1))} units, trained on this book’s text. On the left all three parametrizations are the same network. How far has each layer moved?` });
  const picture = plot({ height: 270, x: { domain: [widths[0], widths.at(-1) * 5], log: true }, y: { domain: RANGE, log: true }, xTicks: [], xLabel: 'width', yLabel: 'root mean square change of a layer', label: 'Change of each layer against the width' });
  picture.root.append(svg('g', { class: 'axis' }, widths.filter((_, i) => i % 2 === 0).map(n => svg('text', { x: picture.X(n), y: picture.box.bottom + 15, 'text-anchor': 'middle' }, n))));
  const truth = exponent(widths, change.adam.standard[0][0][block]), grown = (widths.at(-1) / widths[0]) ** truth;
  const guess = commitment({ question: `Standard, Adam, one update: by which factor does the last block’s change grow from ${widths[0]} units to ${readable(widths.at(-1))}?`, judge: value => {
    state.revealed = true;
    redraw();
    return `${value > 0 && Math.abs(Math.log(value / grown)) < Math.log(1.6) ? 'Yes' : 'Not quite'}: about ${readable(Number(grown.toPrecision(2)))}. All weights of a unit move by the same step, so it moves as far as it has inputs.`;
  } });
  const rules = choice({ legend: 'Parametrization', options: Object.keys(change.adam).map(key => [key, NAMES[key]]), value: first.rule, change: key => { state.rule = key; redraw(); } });
  const optimizers = choice({ legend: 'Optimizer', options: Object.keys(change).map(key => [key, NAMES[key]]), value: first.optimizer, change: key => { state.optimizer = key; redraw(); } });
  const knob = slider({ label: 'Updates', min: 1, max: steps, value: 1, show: String, input: v => { state.step = v; redraw(); } });
  const random = draw({ seed: model.get('seed'), change: seed => { random.set(seed % seeds); redraw(); } });
  const reset = button('Reset', () => {
    Object.assign(state, first);
    rules.set(first.rule); optimizers.set(first.optimizer); knob.set(1); random.set(model.get('seed')); guess.clear();
    redraw();
  });
  const numbers = table('Root mean square change of each layer by width');
  let content = [[], []];

  function redraw() {
    const { rule, optimizer, step, revealed } = state, moved = change[optimizer][rule][random.seed][step - 1], predicted = exponents[optimizer][rule];
    const { X, Y, data } = picture, shown = revealed ? widths.length : 1, end = revealed ? widths.length - 1 : 0;
    const order = stages.map((_, k) => k).sort((a, b) => moved[b][end] - moved[a][end]), heights = [];
    for (const k of order) heights[k] = Math.max(Y(moved[k][end]), (heights[order[order.indexOf(k) - 1]] ?? -99) + 14);
    data.replaceChildren(...stages.flatMap((name, k) => {
      const at = moved[k].slice(0, shown), dashed = line(widths, moved[k][0], predicted[k]).map((v, i) => [widths[i], v]);
      return [revealed ? path(dashed, X, Y, { stroke: LOOKS[k][0], 'stroke-width': 1, 'stroke-dasharray': '5 3' }) : '',
        ...at.map((v, i) => marker(+X(widths[i]).toFixed(1), +Y(v).toFixed(1), LOOKS[k])),
        svg('text', { x: X(widths[end]) + 9, y: heights[k] + 4, style: `fill: ${LOOKS[k][0]}` }, name)];
    }));
    const e = moved.map(values => exponent(widths, values)), updates = `${step} update${step > 1 ? 's' : ''}`, who = `${NAMES[rule][0].toUpperCase()}${NAMES[rule].slice(1)}, ${NAMES[optimizer]}, ${updates}`;
    view.say(revealed ? `${who}: the last block moves like the width to the power ${power(e[block])} (after the first update ${power(predicted[block])} is predicted), the output like ${power(e[output])} (${power(predicted[output])}). ${FATES[fate(e[block], e[output])]}`
      : `${who}: at ${widths[0]} units the last block has moved by ${readable(moved[block][0])}. Commit to a number, then the other widths appear.`);
    picture.root.setAttribute('aria-label', `${view.sentence.textContent} Points are measured, dashed lines predicted for the first update.`);
    content = [['width', ...stages], widths.slice(0, shown).map((n, i) => [n, ...moved.map(values => values[i])])];
    if (numbers.root.open) numbers.fill(...content);
  }

  view.body.append(guess.root, html('div', { class: 'controls' }, rules.root, optimizers.root, knob.root), picture.root, view.sentence, html('div', { class: 'buttons' }, random.root, reset), numbers.root);
  numbers.root.addEventListener('toggle', () => numbers.fill(...content));
  redraw();
  return () => view.root.remove();
}

export default { render, arithmetic: { exponent, line, fate } };
