/* Scrub the escape: a slider through recorded training. All numbers come from the record; nothing is trained here. */
const BEST_SLOPE = 0.25, FIRST = 0.5;     // update 0 stands at the left edge of a logarithmic axis

/* Half-precision numbers, as NumPy's float16 writes them. */
function halves(bytes) {
  return Array.from({ length: bytes.length / 2 }, (_, i) => {
    const bits = bytes[2 * i] | (bytes[2 * i + 1] << 8), exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
    return bits >> 15 ? -size : size;
  });
}

/* E[σ′] as a share of its largest value. With h = σ(z) the slope is h − h², whose mean follows from mean and std of h. */
function slopeLeft(mean, std) {
  return (mean - mean ** 2 - std ** 2) / BEST_SLOPE;
}

/* The place of the update that lies nearest in log time. */
function nearest(updates, wanted) {
  const far = u => Math.abs(Math.log(Math.max(u, FIRST) / Math.max(wanted, FIRST)));
  return updates.reduce((best, u, i) => (far(u) < far(updates[best]) ? i : best), 0);
}

const counted = n => n.toLocaleString('en-US');
const percent = x => `${readable(Number((100 * x).toPrecision(2)))} %`;
const span = ([low, high]) => (low === high ? counted(low) : `${counted(low)} to ${counted(high)}`);
const depthColor = (l, layers) => `var(--depth-${Math.round((l * 7) / Math.max(1, layers - 1))})`;

/* Moves labels apart vertically: no two closer than `gap`. */
function apart(places, gap) {
  const order = places.map((y, i) => [y, i]).sort((a, b) => a[0] - b[0]), result = [...places];
  order.forEach(([, i], k) => { if (k) result[i] = Math.max(result[i], result[order[k - 1][1]] + gap); });
  return result;
}

function render({ model, el }) {
  const layers = model.get('layers'), seeds = model.get('seeds'), variants = model.get('variants'), asked = model.get('asked');
  const rowsPerNet = 2 * layers + 4, raw = model.get('series');
  const numbers = halves(new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength));
  let offset = 0;
  const runs = model.get('runs').map(run => {
    const T = run.updates.length, start = offset;
    offset += T * rowsPerNet * seeds.length;
    const row = (s, r) => numbers.slice(start + (s * rowsPerNet + r) * T, start + (s * rowsPerNet + r + 1) * T);
    return { ...run, nets: seeds.map((_, s) => Array.from({ length: rowsPerNet }, (_, r) => row(s, r))) };
  });
  const rates = [...new Set(runs.map(run => run.rate))].sort((a, b) => b - a), longest = Math.max(...runs.map(run => run.updates.at(-1)));
  const state = { variant: variants[0][0], rate: asked.known, place: 0, guess: null };
  const runOf = (variant, rate) => runs.find(run => run.variant === variant && run.rate === rate);
  const current = () => runOf(state.variant, state.rate), seedPlace = () => Math.max(0, seeds.indexOf(random.seed)), net = () => current().nets[seedPlace()];

  const view = frame(el, { title: 'Scrub the escape', task: model.get('task') });
  const time = { domain: [FIRST, longest], log: true };
  const history = plot({ height: 240, x: time, y: { domain: [0, 1] }, yTicks: [0, 0.25, 0.5, 0.75, 1], xLabel: 'updates', yLabel: 'activation of layers 1 to ' + layers + ', and error (dashed)', label: 'History' });
  const moment = plot({ height: 200, x: { domain: [0.5, layers + 0.5] }, y: { domain: [0, 1.12] }, yTicks: [0, 0.5, 1], xTicks: Array.from({ length: layers }, (_, l) => l + 1), xLabel: 'hidden layer', yLabel: 'activation now; on top, the share of slope left', label: 'Now' });
  const voices = plot({ height: 200, x: time, y: { domain: [1e-5, 1e2], log: true }, xLabel: 'updates', yLabel: 'norm of what is said in the logits', label: 'Voices' });
  const picked = { history: svg('g'), voices: svg('g') }, cursor = { history: svg('g'), voices: svg('g') };
  const words = { history: svg('g'), voices: svg('g') };       // above the veil that lies over the future
  history.data.append(picked.history, cursor.history, words.history);
  voices.data.append(picked.voices, cursor.voices, words.voices);
  history.root.style.cursor = 'ew-resize';

  const known = asked.known_range ? `escaped after ${span(asked.known_range)} updates` : 'did not escape';
  const guess = commitment({ question: `At learning rate ${asked.known} the nets ${known}. After how many do they at rate ${asked.rate}?`, unit: 'updates', judge: value => {
    if (!asked.range) return `None of the ${asked.networks} did, in ${counted(runOf('plain', asked.rate).updates.at(-1))} updates.`;
    const [low, high] = asked.range, near = value > low / 1.5 && value < high * 1.5;
    const products = asked.known_range ? ` Rate times updates is ${span(asked.known_range.map(u => Math.round(u * asked.known)))} there and ${span(asked.range.map(u => Math.round(u * asked.rate)))} here: a smaller step, a longer wait.` : '';
    return `${near ? 'Yes' : 'Not quite'}: after ${span(asked.range)}.${products}`;
  }, commit: value => { state.guess = value; lock(false); choose({ variant: 'plain', rate: asked.rate }, value); } });
  const rate = choice({ legend: 'Learning rate', options: rates.map(r => [String(r), String(r)]), value: String(state.rate), change: key => choose({ rate: +key }) });
  const variant = choice({ legend: 'Output bias', options: variants, value: state.variant, change: key => choose({ variant: key }) });
  const scrub = slider({ label: 'Update', min: 0, max: current().updates.length - 1, value: 0, show: p => counted(current().updates[p]), input: p => { state.place = p; drawMoment(); } });
  const random = draw({ seed: seeds[0], change: seed => { random.set(seeds.includes(seed) ? seed : seeds[0]); drawRun(); } });
  const reset = button('Reset', () => { state.guess = null; guess.clear(); random.set(seeds[0]); lock(true); choose({ variant: variants[0][0], rate: asked.known }, 0); });
  const sheet = table('This moment, and when the nets escaped');
  const lock = closed => { rate.root.disabled = closed; variant.root.disabled = closed; };

  /* Another run, at the update nearest to where the reader was. Not every variant was run at every rate: the last choice counts. */
  function choose(wanted, update = current().updates[state.place]) {
    const next = { variant: state.variant, rate: state.rate, ...wanted };
    if (!runOf(next.variant, next.rate)) {
      if (wanted.rate !== undefined) next.variant = variants[0][0];
      else next.rate = runs.filter(run => run.variant === next.variant).map(run => run.rate).sort((a, b) => Math.abs(Math.log(a / next.rate)) - Math.abs(Math.log(b / next.rate)))[0];
    }
    Object.assign(state, next);
    rate.set(String(state.rate));
    variant.set(state.variant);
    state.place = nearest(current().updates, update);
    scrub.range.max = current().updates.length - 1;
    scrub.set(state.place);
    drawRun();
  }

  const at = u => Math.max(u, FIRST), line = (values, picture, attributes) => path(current().updates.map((u, i) => [at(u), values[i]]), picture.X, picture.Y, attributes);

  const word = (text, x, y, color, anchor) => svg('text', { x, y, 'text-anchor': anchor, style: `fill: ${color}; paint-order: stroke; stroke: var(--ground); stroke-width: 3px` }, text);

  function band(mean, std, color) {
    const { X, Y } = history, edge = sign => current().updates.map((u, i) => `${X(at(u)).toFixed(1)} ${Y(mean[i] + sign * std[i]).toFixed(1)}`);
    return svg('path', { d: `M${edge(1).join('L')}L${edge(-1).reverse().join('L')}Z`, fill: color, opacity: 0.13 });
  }

  function drawRun() {
    const rows = net(), { X, Y, box } = history, lowest = rows[layers - 1].indexOf(Math.min(...rows[layers - 1])), x = X(at(current().updates[lowest]));
    const marks = apart(Array.from({ length: layers }, (_, l) => Y(rows[l][lowest]) - 5), 13), escape = current().escapes[seedPlace()];
    const flag = (update, text, color, y, dash) => update === null ? [] : [svg('line', { x1: X(at(update)), x2: X(at(update)), y1: box.top, y2: box.bottom, stroke: color, 'stroke-dasharray': dash }),
      word(text, X(at(update)) + (X(at(update)) > 180 ? -4 : 4), y, color, X(at(update)) > 180 ? 'end' : 'start')];
    picked.history.replaceChildren(
      ...Array.from({ length: layers }, (_, l) => band(rows[l], rows[layers + l], depthColor(l, layers))),
      ...Array.from({ length: layers }, (_, l) => line(rows[l], history, { stroke: depthColor(l, layers), 'stroke-width': 1.8 })),
      line(rows[2 * layers], history, { stroke: 'currentColor', 'stroke-width': 1.6, 'stroke-dasharray': '5 3' }));
    words.history.replaceChildren(...marks.map((y, l) => word(String(l + 1), x, y, depthColor(l, layers), 'middle')),
      ...flag(escape, `escape at ${counted(escape ?? 0)}`, 'currentColor', Y(0.42), '2 3'), ...flag(state.guess, 'your guess', 'var(--accent)', Y(0.34), null));
    const spoken = [['output bias', 'var(--accent)', null, 1], ['features: same for all images', 'currentColor', '6 4', -1], ['features: what tells images apart', 'currentColor', '1.5 3', -1]];
    const early = current().updates.map((u, i) => i).filter(i => current().updates[i] > 2 && current().updates[i] < 600);
    picked.voices.replaceChildren(...spoken.map(([, color, dash], k) => line(rows[2 * layers + 1 + k], voices, { stroke: color, 'stroke-width': 1.8, 'stroke-dasharray': dash })));
    words.voices.replaceChildren(...spoken.map(([text, color, , below], k) => {
      const heights = early.map(i => voices.Y(rows[2 * layers + 1 + k][i])), y = below > 0 ? Math.max(...heights) + 15 : Math.min(...heights) - 6;
      return word(text, voices.X(2), y < voices.box.bottom ? y : voices.box.bottom - 5, color, 'start');
    }));
    drawMoment();
  }

  function drawMoment() {
    const rows = net(), i = state.place, u = current().updates[i], mean = l => rows[l][i], std = l => rows[layers + l][i], { X, Y, box } = moment;
    for (const [name, picture, values] of [['history', history, [2 * layers]], ['voices', voices, [2 * layers + 1, 2 * layers + 2, 2 * layers + 3]]]) {
      const x = picture.X(at(u)), { top, bottom, right } = picture.box;
      cursor[name].replaceChildren(svg('rect', { x, y: top, width: right - x, height: bottom - top, fill: 'var(--ground)', opacity: 0.55 }),
        svg('line', { x1: x, x2: x, y1: top, y2: bottom, stroke: 'var(--accent)', 'stroke-width': 1.5 }),
        ...values.map(r => svg('circle', { cx: x, cy: picture.Y(rows[r][i]), r: 3.2, fill: 'currentColor' })));
    }
    moment.data.replaceChildren(...Array.from({ length: layers }, (_, l) => [
      svg('line', { x1: X(l + 1), x2: X(l + 1), y1: Y(Math.max(0, mean(l) - std(l))), y2: Y(Math.min(1, mean(l) + std(l))), stroke: depthColor(l, layers), 'stroke-width': 9, opacity: 0.35 }),
      svg('circle', { cx: X(l + 1), cy: Y(mean(l)), r: 5, fill: depthColor(l, layers) }),
      svg('text', { x: X(l + 1), y: box.top + 12, 'text-anchor': 'middle' }, percent(slopeLeft(mean(l), std(l))))]).flat());
    say(rows, i, u, mean, std);
  }

  function say(rows, i, u, mean, std) {
    const run = current(), s = seedPlace(), escape = run.escapes[s], fall = run.falls[s], top = layers - 1;
    const [bias, constant, difference] = [1, 2, 3].map(k => rows[2 * layers + k][i]), error = rows[2 * layers][i], loudest = Math.max(bias, constant, difference);
    const phase = escape !== null && u >= escape ? 'it has escaped' : fall === null || u < fall ? 'the top layer has not fallen yet' : 'the top layer has fallen and the net stands still';
    const voice = loudest === difference ? 'what tells the images apart' : loudest === bias ? 'its bias' : 'what all images have in common';
    const frozen = variants.find(([key]) => key === state.variant)[1];
    view.say(`Rate ${state.rate}, bias ${frozen}, update ${counted(u)}: ${phase}${escape === null ? ` (no escape in its ${counted(run.updates.at(-1))} updates)` : ''}. Error ${(100 * error).toFixed(1)} %; the top layer’s mean is ${readable(mean(top))} and keeps ${percent(slopeLeft(mean(top), std(top)))} of the best slope. Loudest in the output: ${voice}.`);
    history.root.setAttribute('aria-label', `Activation of ${layers} layers and error over the updates. ${view.sentence.textContent}`);
    moment.root.setAttribute('aria-label', `Mean activation by layer at update ${counted(u)}: ${Array.from({ length: layers }, (_, l) => readable(mean(l))).join(', ')}.`);
    voices.root.setAttribute('aria-label', `Norms in the logits at update ${counted(u)}: output bias ${readable(bias)}, the features’ common part ${readable(constant)}, what tells images apart ${readable(difference)}.`);
    sheet.fill(['quantity', `update ${counted(u)}`], [
      ...Array.from({ length: layers }, (_, l) => [`layer ${l + 1}: mean ± std; slope left`, `${readable(mean(l))} ± ${readable(std(l))}; ${percent(slopeLeft(mean(l), std(l)))}`]),
      ['validation error', `${(100 * error).toFixed(1)} %`], ['norm of the output bias', bias], ['norm of the features’ common part', constant], ['norm of what tells images apart', difference],
      ...runs.filter(one => one.variant === state.variant).map(one => [`escape at rate ${one.rate}, by seed`, state.guess === null && one.rate !== asked.known ? 'after your guess' : one.escapes.map(e => (e === null ? `none in ${counted(one.updates.at(-1))}` : counted(e))).join('; ')])]);
  }

  const follow = event => {
    const box = history.root.getBoundingClientRect();
    scrub.set(nearest(current().updates, history.X.invert(((event.clientX - box.left) / box.width) * 360)));
    state.place = +scrub.range.value;
    drawMoment();
  };
  history.root.addEventListener('pointerdown', event => { history.root.setPointerCapture(event.pointerId); state.dragging = true; follow(event); });
  history.root.addEventListener('pointermove', event => { if (state.dragging) follow(event); });
  for (const name of ['pointerup', 'pointercancel']) history.root.addEventListener(name, () => { state.dragging = false; });

  view.body.append(guess.root, scrub.root, history.root, view.sentence, html('div', { class: 'pair' }, moment.root, voices.root), rate.root, variant.root, html('div', { class: 'buttons' }, random.root, reset), sheet.root);
  lock(true);
  drawRun();
  return () => view.root.remove();
}

export default { render, arithmetic: { halves, slopeLeft, nearest } };
