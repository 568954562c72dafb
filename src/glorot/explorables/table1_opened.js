/* Table 1, opened: behind each cell its curves, seeds, learning rates and the paper's number. All numbers come from the record. */
const UNIT = 1e4;      // errors travel as whole ten-thousandths
const WORDS = { held: 'N errs less', reversed: 'N errs more', unresolved: 'these seeds cannot tell the two apart' };

/* Errors as fractions, from 16-bit numbers, low byte first. */
function unpack(bytes) {
  return Array.from({ length: bytes.length / 2 }, (_, i) => (bytes[2 * i] + 256 * bytes[2 * i + 1]) / UNIT);
}

/* The mean over rows at each place. */
const meanOf = rows => rows[0].map((_, t) => rows.reduce((sum, row) => sum + row[t], 0) / rows.length);

/* Where a row is lowest first: the update at which training would have stopped. */
const lowest = row => row.indexOf(Math.min(...row));

/* A range for errors in percent that holds all values; logarithmic where they span a decade or more. */
function span(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low > 0 && high / low > 10) return { domain: [low / 1.3, Math.min(100, high * 1.2)], log: true };
  const room = Math.max(1, 0.08 * (high - low));
  return { domain: [Math.max(0, low - room), Math.min(100, high + room)], log: false };
}

const stops = ({ domain: [low, high], log }) => (log ? [1, 2, 5, 10, 20, 50, 100].filter(t => t >= low && t <= high) : ticks({ low, high }, 6));
const percent = x => (100 * x).toFixed(x < 0.1 ? 2 : 1).replace('-', '−');
const counted = n => n.toLocaleString('en-US');
const chance = ({ p, level }) => (p < 0.001 ? 'p < 0.001' : `p = ${readable(Number(p.toPrecision(2)))}${p < level ? '' : `, not below ${level}`}`);

function render({ model, el }) {
  const datasets = model.get('datasets'), models = model.get('models'), seeds = model.get('seeds'), pairs = model.get('pairs'), raw = model.get('series');
  const numbers = unpack(new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength));
  let offset = 0;
  const cells = model.get('cells').map(cell => {
    const updates = model.get('clocks')[cell.clock], block = () => seeds.map(() => numbers.slice(offset, offset += updates.length));
    return { ...cell, updates, test: block(), validation: block() };
  });
  const asked = pairs[0], first = { dataset: datasets[0][0], model: asked.ours, shown: 'test' }, state = { ...first, guesses: {} };
  const find = (dataset, name) => cells.find(cell => cell.dataset === dataset && cell.model === name);
  const nameOf = (list, key) => list.find(one => one[0] === key)[1];
  const pairOf = (dataset, name) => pairs.find(pair => pair.dataset === dataset && (pair.ours === name || pair.other === name));
  const known = dataset => dataset in state.guesses;

  const view = frame(el, { title: 'Table 1, opened', task: `${model.get('nets')}, ${seeds.length} seeds each. Answer for a data set, then open its cells.` });
  const words = pair => [[pair.other, nameOf(models, pair.other)], [pair.ours, nameOf(models, pair.ours)], ['unresolved', 'too close to call']];
  const guess = choice({ legend: '', options: words(asked), value: null, commits: true, change: key => { state.guesses[state.dataset] = key; redraw(); } });
  const reply = html('output', { class: 'reply', 'aria-live': 'polite' }), legend = guess.root.querySelector('legend');
  const curves = html('div'), rates = html('div'), grid = table1();
  const shown = choice({ legend: 'Curves of', options: [['test', 'test error'], ['validation', 'validation error']], value: state.shown, change: key => { state.shown = key; redraw(); } });
  const random = draw({ seed: seeds[0], change: seed => { random.set(seeds.includes(seed) ? seed : seeds[0]); redraw(); } });
  const reset = button('Reset', () => { Object.assign(state, first, { guesses: {} }); shown.set(first.shown); random.set(seeds[0]); redraw(); });
  const sheet = table('The chosen cell: its seeds, and the rates that were tried');

  /* The table itself: one radio button in each cell, reached by the arrow keys in all four directions. */
  function table1() {
    const name = unique('cell'), width = datasets.length;
    const box = (dataset, kind) => {
      const ours = html('span'), input = html('input', { type: 'radio', name, value: `${dataset}/${kind}`, onchange: () => { Object.assign(state, { dataset, model: kind }); redraw(); } });
      return { dataset, kind, ours, input, node: html('td', {}, html('label', {}, input, ours, html('small', {}, find(dataset, kind).paper?.toFixed(2) ?? '–'))) };
    };
    const rows = models.map(([kind]) => datasets.map(([dataset]) => box(dataset, kind))), boxes = rows.flat();
    const root = html('fieldset', { class: 'choice', onkeydown: event => {
      const step = { ArrowUp: -width, ArrowDown: width, ArrowLeft: -1, ArrowRight: 1 }[event.key], at = boxes.findIndex(one => one.input === event.target);
      if (!step || at < 0) return;
      event.preventDefault();
      const next = boxes[at + step];
      if (next) { next.input.focus(); next.input.click(); }
    } }, html('legend', {}, 'Test error in %: our mean, and below it the paper’s'), html('table', { class: 'cells' },
      html('thead', {}, html('tr', {}, html('td'), datasets.map(([, text]) => html('th', { scope: 'col' }, text)))),
      html('tbody', {}, models.map(([, text], i) => html('tr', {}, html('th', { scope: 'row' }, text), rows[i].map(one => one.node))))));
    return { root, fill() {
      for (const { dataset, kind, ours, input } of boxes) {
        const cell = find(dataset, kind), value = known(dataset) ? percent(cell.mean) : '?';
        ours.textContent = value;
        input.checked = dataset === state.dataset && kind === state.model;
        input.setAttribute('aria-label', `${nameOf(models, kind)} on ${nameOf(datasets, dataset)}: ours ${known(dataset) ? value : 'after your answer'}, the paper’s ${cell.paper ?? 'not given'}`);
      }
    } };
  }

  const text = (x, y, words, anchor = 'start') => svg('text', { x, y, 'text-anchor': anchor, style: 'paint-order: stroke; stroke: var(--ground); stroke-width: 3px' }, words);
  const colorOf = name => `var(--${models.find(one => one[0] === name)[2]})`;
  const hundred = rows => rows.map(x => 100 * x);

  function level({ Y, box }, value, words, dash, above) {
    const y = Y(value);
    return [svg('line', { x1: box.left, x2: box.right, y1: y, y2: y, stroke: 'currentColor', 'stroke-dasharray': dash }), text(box.right, y + (above && y > box.top + 14 ? -5 : 14), words, 'end')];
  }

  function drawCurves(cell, partner) {
    const open = known(cell.dataset), [, , guessing] = datasets.find(one => one[0] === cell.dataset), own = cells.filter(one => one.dataset === cell.dataset);
    const values = own.flatMap(one => [...(open ? one[state.shown].flat().map(x => 100 * x) : []), ...(one.paper ? [one.paper] : [])]), y = span([...values, 100 * guessing]);
    const end = Math.max(cell.updates.at(-1), partner?.updates.at(-1) ?? 0), unit = end < 1e4 ? 1 : 1e3;
    const picture = plot({ height: 270, x: { domain: [0, end / unit] }, y, yTicks: stops(y),
      xLabel: unit > 1 ? 'updates, thousands' : 'updates', yLabel: `${state.shown} error in %: thin, the seeds; circles, where they stop`, label: view.sentence.textContent });
    const { X, Y, data } = picture, line = (one, row, attributes) => path(one.updates.map((u, t) => [u / unit, 100 * row[t]]), X, Y, attributes), bold = seeds.indexOf(random.seed);
    data.append(...level(picture, 100 * guessing, 'always one answer', '1.5 3', true), ...(cell.paper ? level(picture, cell.paper, `the paper: ${cell.paper.toFixed(2)}`, '7 4', false) : []));
    if (open) {
      const rows = cell[state.shown], mean = meanOf(rows), other = partner && meanOf(partner[state.shown]), color = colorOf(cell.model);
      const last = Math.max(1, Math.floor(0.9 * mean.length)), apart = mean.slice(0, last).map((m, t) => (t && other ? Math.abs(Y(100 * m) - Y(100 * other[t])) : 0));
      const at = other ? apart.lastIndexOf(Math.max(...apart)) : last >> 1, below = !other || mean[at] <= other[at];      // where there is room for names
      const word = (one, row, under) => text(X(one.updates[at] / unit), Y(100 * row[at]) + (under ? 18 : -9), nameOf(models, one.model), 'middle');
      data.append(...rows.map((row, s) => line(cell, row, { stroke: color, 'stroke-width': s === bold ? 1.6 : 0.8, opacity: s === bold ? 1 : 0.6 })),
        ...(other ? [line(partner, other, { stroke: colorOf(partner.model), 'stroke-width': 1.6, 'stroke-dasharray': '5 3' }), word(partner, other, !below)] : []),
        line(cell, mean, { stroke: color, 'stroke-width': 3 }), word(cell, mean, below),
        ...rows.map((row, s) => [row, s]).sort(([, a], [, b]) => (a === bold) - (b === bold)).map(([row, s]) => {
          const t = lowest(cell.validation[s]);
          return svg('circle', { cx: X(cell.updates[t] / unit), cy: Y(100 * row[t]), r: s === bold ? 5.5 : 3.5, stroke: color, 'stroke-width': 1.5, fill: s === bold ? color : 'var(--ground)' });
        }));
    }
    curves.replaceChildren(picture.root);
  }

  /* The rates stand side by side, at equal distances: a ladder has no even steps. */
  function drawRates(cell) {
    const open = known(cell.dataset), tried = cell.rates, y = span(hundred(tried.map(([, error]) => error))), color = colorOf(cell.model);
    const picture = plot({ height: 190, x: { domain: [-0.5, tried.length - 0.5] }, y: open ? y : { domain: [0, 100] }, xTicks: [], yTicks: open ? stops(y) : undefined,
      xLabel: 'learning rate', yLabel: 'lowest validation error in %, one more seed', label: open ? `Lowest validation error by rate: ${tried.map(([rate, error]) => `${rate}: ${percent(error)} %`).join(', ')}; chosen: ${cell.rate}.` : 'The rates appear after your answer.' });
    const { X, Y, data, box } = picture, points = tried.map(([, error], i) => [i, 100 * error]), chosen = tried.findIndex(([rate]) => rate === cell.rate);
    if (!open) data.append(text(X((tried.length - 1) / 2), Y(50), 'after your answer', 'middle'));
    else data.append(...tried.map(([rate], i) => svg('text', { x: X(i), y: box.bottom + 15, 'text-anchor': 'middle' }, String(rate))), path(points, X, Y, { stroke: color, 'stroke-width': 1.2 }),
      ...points.map(([i, error]) => svg('circle', { cx: X(i), cy: Y(error), r: i === chosen ? 6 : 3.5, fill: i === chosen ? 'var(--accent)' : color })), text(X(chosen), Y(points[chosen][1]) - 11, 'chosen', 'middle'));
    rates.replaceChildren(picture.root);
  }

  function say(cell, pair) {
    const where = nameOf(datasets, cell.dataset), paper = cell.paper ? ` (the paper: ${cell.paper.toFixed(2)} %)` : '', [validation, test, stop] = cell.runs[seeds.indexOf(random.seed)];
    if (!known(cell.dataset)) return `${nameOf(models, cell.model)} on ${where}${paper}: ours appears when you have answered above.`;
    const against = pair ? ` ${nameOf(models, pair.ours)} against ${nameOf(models, pair.other)}: ${percent(Math.abs(pair.difference))} ± ${percent(pair.standard_error)} points ${pair.difference < 0 ? 'lower' : 'higher'}, ${chance(pair)}; ${WORDS[pair.word]}.` : '';
    return `${nameOf(models, cell.model)} on ${where}, at rate ${cell.rate} of ${cell.rates.length} tried: ${percent(cell.mean)} ± ${percent(cell.standard_error)} %${paper}. Seed ${random.seed} (bold) stops at update ${counted(stop)} with ${state.shown === 'test' ? `${percent(test)} %` : `${percent(validation)} % on validation images`}.${against}`;
  }

  function redraw() {
    const cell = find(state.dataset, state.model), pair = pairOf(state.dataset, state.model), question = pairOf(state.dataset, asked.ours), open = known(state.dataset), picked = state.guesses[state.dataset];
    const partner = pair && find(state.dataset, pair.ours === cell.model ? pair.other : pair.ours), paper = key => find(state.dataset, key).paper;
    legend.textContent = `${nameOf(datasets, state.dataset)}: ${paper(question.other) ? `the paper has ${nameOf(models, question.other)} at ${paper(question.other).toFixed(2)} % and ${nameOf(models, question.ours)} at ${paper(question.ours).toFixed(2)} %. ` : ''}Which ends lower here?`;
    guess.set(picked ?? null);
    const better = question.difference < 0 ? question.ours : question.other, truth = question.word === 'unresolved' ? 'unresolved' : better;
    reply.textContent = !open ? '' : picked === truth ? `Yes: ${WORDS[question.word]} (${chance(question)}).`
      : `${picked === better ? `On average, yes, but ${WORDS[question.word]}` : `Not so: ${WORDS[question.word]}`} (${chance(question)}).`;
    view.say(say(cell, pair));
    grid.fill();
    drawCurves(cell, partner);
    drawRates(cell);
    const rows = cell.runs.map(([validation, test, stop, final], s) => [`seed ${seeds[s]}${seeds[s] === random.seed ? ', bold' : ''}`, counted(stop), percent(validation), percent(test), percent(final)]);
    shown.root.disabled = !open;
    sheet.fill(['', 'stopped', 'valid. %', 'test %', 'at the end %'], !open ? [['after your answer', '', '', '', '']]
      : [...rows, ...cell.rates.map(([rate, error]) => [`rate ${rate}${rate === cell.rate ? ', chosen' : ''}`, '', percent(error), '', ''])]);
  }

  view.body.append(guess.root, reply, grid.root, view.sentence, curves, shown.root, rates, html('div', { class: 'buttons' }, random.root, reset), sheet.root);
  redraw();
  return () => view.root.remove();
}

export default { render, arithmetic: { unpack, meanOf, lowest, span: values => span(values).domain } };
