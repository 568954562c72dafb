/* Drawing and controls shared by all explorables. Python puts this text in front of each module. */
const SVG_NS = 'http://www.w3.org/2000/svg';

/* One element of HTML: attributes, then children. Names that start with "on" become listeners. */
function html(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/* One element of SVG. */
function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG_NS, tag), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined));
  return node;
}

let serial = 0;
const unique = stem => `${stem}-${Date.now().toString(36)}-${serial++}`;

/* The generator `mulberry32`: uniform numbers in [0, 1) from a 32-bit seed; Python's twin is in randomness.py. */
function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/* Standard normal numbers by Box and Muller, one per two uniforms. */
function normals(seed) {
  const uniform = uniforms(seed);
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };
}

/* A number as a reader wants it: three digits, powers of ten where they are needed, a true minus. */
function readable(x) {
  if (!Number.isFinite(x)) return x > 0 ? '∞' : x < 0 ? '−∞' : 'not a number';
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
    const power = Math.floor(Math.log10(size)), lead = (x / 10 ** power).toPrecision(2);
    return `${lead}·10${superscript(power)}`.replace('-', '−');
  }
  const text = size >= 100 ? Math.round(x).toString() : Number(x.toPrecision(3)).toString();
  return text.replace('-', '−');
}

function superscript(n) {
  return [...String(n)].map(c => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[+c])).join('');
}

/* A scale from data to pixels; `log` for products over depth. Values outside are held at the edge. */
function scale([low, high], [from, to], log = false) {
  const f = log ? Math.log10 : x => x, a = f(low), b = f(high);
  const at = x => {
    const share = (f(log ? Math.max(x, 1e-300) : x) - a) / (b - a);
    return from + Math.min(1, Math.max(0, Number.isFinite(share) ? share : x > high ? 1 : 0)) * (to - from);
  };
  return Object.assign(at, { low, high, log, invert: p => {
    const value = a + ((p - from) / (to - from)) * (b - a);
    return log ? 10 ** value : value;
  } });
}

function ticks({ low, high, log }, count = 5) {
  if (log) {
    const [a, b] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const step = Math.max(1, Math.ceil((b - a) / count));
    return Array.from({ length: Math.floor((b - a) / step) + 1 }, (_, i) => 10 ** (a + i * step));
  }
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find(m => m * power >= raw) * power, first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

function tickLabel(x, log) {
  return log && (x < 0.01 || x > 999) ? `10${superscript(Math.round(Math.log10(x)))}` : readable(Number(x.toPrecision(6)));
}

/* A plot: an SVG as wide as its column whose inside is 360 by `height` units, with axes and their words. */
function plot({ height = 220, x, y, xLabel, yLabel, xTicks, yTicks, label }) {
  const width = 360, box = { left: 46, right: width - 10, top: 25, bottom: height - 38 };
  const X = scale(x.domain, [box.left, box.right], x.log), Y = scale(y.domain, [box.bottom, box.top], y.log);
  const grid = svg('g', { class: 'axis' });
  for (const t of yTicks ?? ticks(Y, 4)) {
    grid.append(svg('line', { x1: box.left, x2: box.right, y1: Y(t), y2: Y(t), class: 'grid' }),
      svg('text', { x: box.left - 6, y: Y(t) + 4, 'text-anchor': 'end' }, tickLabel(t, y.log)));
  }
  for (const t of xTicks ?? ticks(X, 6)) {
    const text = tickLabel(t, x.log), long = text.length > 3 && X(t) > box.right - 8;      // the last one must not stick out
    grid.append(svg('text', { x: long ? width : X(t), y: box.bottom + 15, 'text-anchor': long ? 'end' : 'middle' }, text));
  }
  grid.append(svg('text', { x: (box.left + box.right) / 2, y: height - 6, 'text-anchor': 'middle', class: 'label' }, xLabel),
    svg('text', { x: 4, y: 11, class: 'label' }, yLabel));
  const data = svg('g', { class: 'data' });
  const root = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label, class: 'picture' }, grid, data);
  return { root, data, X, Y, box };
}

/* The path through points of a plot. */
function path(points, X, Y, attributes = {}) {
  const d = points.map(([x, y], i) => `${i ? 'L' : 'M'}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`).join('');
  return svg('path', { d, fill: 'none', ...attributes });
}

/* A labelled slider with its value in words; `read(position)` turns the position into the value that `input` gets. */
function slider({ label, min, max, step = 1, value, read = v => v, show = readable, input }) {
  const id = unique('slider');
  const shown = html('output', { for: id, class: 'value' });
  const range = html('input', { id, type: 'range', min, max, step, value });
  const tell = () => {
    shown.textContent = show(read(+range.value));
    range.setAttribute('aria-valuetext', shown.textContent);
  };
  range.addEventListener('input', () => { tell(); input(read(+range.value)); });
  tell();
  return { root: html('div', { class: 'slider' }, html('label', { for: id }, label), range, shown),
    range, get value() { return read(+range.value); }, set(position) { range.value = position; tell(); } };
}

/* A choice of one out of few, as radio buttons. Options are [key, text]. */
function choice({ legend, options, value, change, commits = false }) {
  const name = unique('choice');
  const buttons = options.map(([key, text]) => {
    const radio = html('input', { type: 'radio', name, value: key, checked: key === value, onchange: () => change(key) });
    return html('label', {}, radio, html('span', {}, text));
  });
  const root = html('fieldset', { class: 'choice', 'data-commits': commits }, html('legend', {}, legend), html('div', { class: 'options' }, buttons));
  return { root, set(key) { root.querySelectorAll('input').forEach(radio => { radio.checked = radio.value === key; }); } };
}

function button(text, click, attributes = {}) {
  return html('button', { type: 'button', onclick: click, ...attributes }, text);
}

/* What is random shows its seed and can be drawn anew. */
function draw({ seed, change }) {
  let current = seed;
  const shown = html('span', { class: 'seed' });
  const set = value => { current = value; shown.textContent = `seed ${value}`; };
  set(seed);
  return { root: html('div', { class: 'draw' }, button('New draw', () => { set(current + 1); change(current); }), shown),
    get seed() { return current; }, set };
}

/* The number that a reader typed, or null: "0,25", "1/4", "2e-3" and "−3" are numbers. */
function number(text) {
  const [above, below, ...more] = text.trim().replace(/,/g, '.').replace(/−/g, '-').split('/').map(part => part.trim());
  if (above === '' || below === '' || more.length) return null;
  const value = Number(above) / (below === undefined ? 1 : Number(below));
  return Number.isFinite(value) ? value : null;
}

/* The reader commits first: a number typed, then the truth beside it. `judge(value)` returns the sentence. */
function commitment({ question, unit = '', judge, commit = () => {} }) {
  const id = unique('commit');
  const field = html('input', { id, type: 'text', inputmode: 'decimal', autocomplete: 'off', size: 8 });
  const reply = html('output', { for: id, class: 'reply', 'aria-live': 'polite' });
  const answer = event => {
    event.preventDefault();
    const value = number(field.value);
    if (value === null) { reply.textContent = 'Type a number first: a guess will do.'; field.focus(); return; }
    reply.textContent = judge(value);
    commit(value);
  };
  const form = html('form', { class: 'commitment', onsubmit: answer, novalidate: true },
    html('label', { for: id }, question), html('span', { class: 'entry' }, field, unit ? html('span', {}, ` ${unit} `) : null, html('button', { type: 'submit' }, 'Commit')), reply);
  return { root: form, field, reply, clear() { field.value = ''; reply.textContent = ''; } };
}

/* The numbers behind a picture, folded away. */
function table(caption) {
  const body = html('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption });
  const root = html('details', {}, html('summary', {}, 'The numbers'), body);
  let latest = null;
  const paint = () => {
    const [header, rows] = latest;
    body.replaceChildren(html('table', {}, html('caption', {}, caption),
      html('thead', {}, html('tr', {}, header.map(text => html('th', { scope: 'col' }, text)))),
      html('tbody', {}, rows.map(row => html('tr', {}, row.map(cell => html('td', {}, typeof cell === 'number' ? readable(cell) : cell)))))));
  };
  root.addEventListener('toggle', () => { if (root.open && latest) paint(); });
  return { root, fill(header, rows) { latest = [header, rows]; if (root.open) paint(); } }; // nobody reads a closed table
}

/* The frame all explorables share: name, what to do, the parts, and one live sentence of conclusion. */
function frame(el, { title, task }) {
  const id = unique('explorable');
  const sentence = keepingHeight(html('output', { class: 'sentence', 'aria-live': 'polite' }));
  const body = html('div', { class: 'body' });
  const root = html('section', { class: 'explorable', 'aria-labelledby': id }, html('h4', { id }, title), html('p', { class: 'task' }, task), body);
  el.append(root);
  return { root, body, sentence, say(text) { if (sentence.textContent !== text) sentence.textContent = text; } };
}

const stillness = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/* Calls `step(milliseconds)` once a frame while the page is seen and `running`; start and stop are the caller's. */
function clock(step) {
  let handle = 0, last = 0;
  const frameOf = now => {
    handle = requestAnimationFrame(frameOf);
    step(Math.min(50, now - last));
    last = now;
  };
  return {
    get running() { return handle !== 0; },
    start() { if (!handle) { last = performance.now(); handle = requestAnimationFrame(frameOf); } },
    stop() { cancelAnimationFrame(handle); handle = 0; },
  };
}

/* Runs `hide` when the page is hidden or the element leaves the screen; returns what undoes it. */
function whenHidden(el, hide) {
  const onVisibility = () => { if (document.hidden) hide(); };
  document.addEventListener('visibilitychange', onVisibility);
  const seen = new IntersectionObserver(entries => { if (!entries.at(-1).isIntersecting) hide(); });
  seen.observe(el);
  return () => { document.removeEventListener('visibilitychange', onVisibility); seen.disconnect(); };
}

/* An element at least as tall as its tallest text so far: what stands below does not jump while a slider is dragged,
   and the browser need not paint the rest of the page again. At another width it starts afresh. */
function keepingHeight(node) {
  let width = 0;
  const observer = new ResizeObserver(([{ contentRect: size }]) => {
    if (!width || size.width === width) {
      width = size.width;
      node.style.minHeight = `${size.height}px`;
    } else requestAnimationFrame(() => {  // not here: an observer must not resize what it has just been told of
      width = 0;
      node.style.minHeight = '';
      observer.unobserve(node);
      observer.observe(node);
    });
  });
  observer.observe(node);
  return node;
}
