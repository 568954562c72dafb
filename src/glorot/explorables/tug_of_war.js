/* Tug of war: one variance per layer, two products that pull at it. */
const RULES = { fan_in: (n, m) => 1 / n, fan_avg: (n, m) => 2 / (n + m), fan_out: (n, m) => 1 / m };
const PRESETS = { Taper: [784, 512, 256, 128, 64, 10], Widen: [10, 64, 128, 256, 512, 784], Square: [256, 256, 256, 256, 256, 256], Hourglass: [512, 128, 16, 16, 128, 512] };
const RANGE = [1e-4, 1e4];
const WIDTHS = [4, 8, 10, 16, 32, 64, 128, 256, 512, 784, 1024];
const nearest = n => WIDTHS.reduce((best, w, i) => (Math.abs(Math.log(w / n)) < Math.abs(Math.log(WIDTHS[best] / n)) ? i : best), 0);

/* Forward: variance after layers 0…L, from 1. Backward: at layers 0…L, from 1 at the end. */
function products(widths, rule) {
  const variance = widths.slice(1).map((m, i) => RULES[rule](widths[i], m));
  const forward = [1], backward = [1];
  variance.forEach((v, i) => forward.push(forward[i] * widths[i] * v));
  for (let i = variance.length - 1; i >= 0; i--) backward.unshift(backward[0] * widths[i + 1] * variance[i]);
  return [forward, backward];
}

/* One random linear net, one vector each way. Given the vector, the next one's entries are independent
   normals, so a chi-square per layer stands for the whole matrix. */
function sampled(widths, rule, seed) {
  const normal = normals(seed), variance = widths.slice(1).map((m, i) => RULES[rule](widths[i], m));
  const meanSquare = n => Array.from({ length: n }, () => normal() ** 2).reduce((a, b) => a + b) / n;
  const forward = [1], backward = [1];
  variance.forEach((v, i) => forward.push(forward[i] * widths[i] * v * meanSquare(widths[i + 1])));
  for (let i = variance.length - 1; i >= 0; i--) backward.unshift(backward[0] * widths[i + 1] * variance[i] * meanSquare(widths[i]));
  return [forward, backward];
}

const times = x => `×${readable(x)}`;

function render({ model, el }) {
  const start = model.get('widths'), state = { widths: [...start], rule: 'fan_in', revealed: false };
  const view = frame(el, { title: 'Tug of war', task: 'Six layers, one variance per matrix. Set the widths, choose whose side to take, and watch what is left at either end.' });
  const picture = plot({ height: 250, x: { domain: [0, start.length - 1] }, y: { domain: RANGE, log: true }, xTicks: start.map((_, i) => i),
    xLabel: 'layer', yLabel: 'variance, in units of where it started', label: 'Forward and backward variance by layer' });
  const guess = commitment({ question: 'Taper under fan_in: by what factor does the gradient’s variance change on its way back to the input?', judge: value => {
    const truth = products(start, 'fan_in')[1][0];
    const near = value > 0 && Math.abs(Math.log(value / truth)) < Math.log(1.5);
    reveal();
    return `${near ? 'Yes' : 'Not quite'}: it is ${times(truth)}. Everything between cancels; ${start.at(-1)}/${start[0]} is left.`;
  } });
  const sliders = start.map((n, i) => slider({ label: `Width of layer ${i}`, min: 0, max: WIDTHS.length - 1, value: nearest(n), read: p => WIDTHS[p],
    show: String, input: v => { state.widths[i] = v; redraw(); } }));
  const side = choice({ legend: 'Whose side?', options: Object.keys(RULES).map(key => [key, `${key}`]), value: state.rule, change: key => { state.rule = key; redraw(); } });
  const random = draw({ seed: model.get('seed'), change: () => redraw() });
  const numbers = table('Variance by layer, relative to where the signal started');
  const setWidths = widths => { state.widths = [...widths]; sliders.forEach((s, i) => s.set(nearest(widths[i]))); redraw(); };
  const reset = button('Reset', () => { state.rule = 'fan_in'; side.set('fan_in'); random.set(model.get('seed')); state.revealed = false; guess.clear(); setWidths(start); });
  const presets = Object.entries(PRESETS).map(([name, widths]) => button(name, () => setWidths(widths)));
  const reveal = () => { state.revealed = true; redraw(); };

  function redraw() {
    const { widths, rule } = state, [forward, backward] = products(widths, rule), [f, b] = sampled(widths, rule, random.seed);
    const { X, Y, data } = picture, points = values => values.map((v, i) => [i, v]);
    const hidden = !state.revealed, up = hidden || forward[1] * forward[2] >= backward[1] * backward[2];       // the higher line has its name above it
    const name = (line, above, text, style) => svg('text', { x: X(1.5), y: above ? Math.min(Y(line[1]), Y(line[2])) - 9 : Math.max(Y(line[1]), Y(line[2])) + 20, 'text-anchor': 'middle', style }, text);
    data.replaceChildren(
      svg('line', { x1: X(0), x2: X(widths.length - 1), y1: Y(1), y2: Y(1), stroke: 'currentColor', 'stroke-width': 0.8 }),
      path(points(forward), X, Y, { stroke: 'currentColor', 'stroke-width': 1.8 }),
      hidden ? '' : path(points(backward), X, Y, { stroke: 'var(--accent)', 'stroke-width': 1.8, 'stroke-dasharray': '6 4' }),
      ...f.map((v, i) => svg('circle', { cx: X(i), cy: Y(v), r: 3.2, fill: 'currentColor' })),
      ...(hidden ? [] : b.map((v, i) => svg('rect', { x: X(i) - 3, y: Y(v) - 3, width: 6, height: 6, fill: 'var(--accent)' }))),
      name(forward, up, 'forward →'), hidden ? '' : name(backward, !up, '← backward', 'fill: var(--accent)'));
    const verdict = Math.abs(Math.log(forward.at(-1))) < 0.05 && Math.abs(Math.log(backward[0])) < 0.05 ? 'Both sides are content.'
      : rule === 'fan_avg' ? 'Both sides pay a part.' : 'One side is content, the other pays the whole bill.';
    const net = widths.join('–');
    view.say(hidden ? `${net} under ${rule}: the forward variance ends at ${times(forward.at(-1))}. The gradient’s line appears when you have committed to a number.`
      : `${net} under ${rule}: the signal arrives at ${times(forward.at(-1))} of its variance and the gradient at ${times(backward[0])}. ${verdict}`);
    picture.root.setAttribute('aria-label', view.sentence.textContent);
    numbers.fill(['layer', 'width', 'forward', ...(hidden ? [] : ['backward'])], widths.map((n, i) => [i, n, forward[i], ...(hidden ? [] : [backward[i]])]));
  }

  view.body.append(guess.root, picture.root, view.sentence, side.root, html('div', { class: 'buttons' }, presets), html('div', { class: 'controls' }, sliders.map(s => s.root)),
    html('div', { class: 'buttons' }, random.root, reset), numbers.root);
  redraw();
  return () => view.root.remove();
}

export default { render, arithmetic: { products, sampled } };
