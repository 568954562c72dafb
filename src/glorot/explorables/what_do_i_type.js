/* What do I type? A layer's shape, its activation and a framework give variance, std, bound and code. */
const DRAWN = 200, TRUNCATED_STD = 0.87962566103423978, FIELD = 9, NO_BOUND = 1e300;
const WIDEST = { uniform: Math.sqrt(3), normal: Infinity, truncated_normal: 2 / TRUNCATED_STD };
const SIZES = [4, 16, 32, 64, 100, 128, 256, 512, 784, 1024, 2048, 4096];
const FAMILIES = { glorot: 'none, tanh, logistic', he: 'ReLU and its variants', lecun: 'SELU', default: 'I type nothing' };
const SHAPES = { normal: 'normal', uniform: 'uniform' };
const RANGE = [1e-3, 3];

/* Products that the layer sums forward and backward, as the book counts them. */
function bookFans(layer, inputs, outputs) {
  if (layer === 'state') return [outputs, outputs];
  const field = layer === 'conv' || layer === 'transposed' ? FIELD : 1;
  return [field * inputs, field * outputs];
}

/* The same as a framework counts them, which reads them off the shape of its array. */
function fans(framework, layer, inputs, outputs) {
  const [fanIn, fanOut] = bookFans(layer, inputs, outputs), reads = framework === 'torch' || framework === 'keras';
  if (reads && layer === 'transposed') return [fanOut, fanIn];
  return reads && (layer === 'recurrent' || layer === 'state') ? [fanIn, 4 * fanOut] : [fanIn, fanOut];
}

/* What a recipe draws: fans, variance, std, bound. */
function numbers(recipes, framework, layer, scheme, inputs, outputs) {
  const rule = recipes[`${framework} ${layer} ${scheme}`], [fanIn, fanOut] = fans(framework, layer, inputs, outputs);
  const over = { fan_in: fanIn, fan_out: fanOut, fan_avg: (fanIn + fanOut) / 2, units: outputs, fixed: 1 }[rule.mode];
  const variance = rule.scale / over, std = Math.sqrt(variance);
  return { fanIn, fanOut, variance, std, bound: rule.distribution === 'orthogonal' ? 1 : Math.min(NO_BOUND, WIDEST[rule.distribution] * std), distribution: rule.distribution };
}

const code = (recipes, framework, layer, scheme, inputs, outputs) =>
  recipes[`${framework} ${layer} ${scheme}`].code.replaceAll('{in}', inputs).replaceAll('{out}', outputs);

/* Weights of a distribution with this standard deviation. */
function drawn(distribution, std, seed) {
  const uniform = uniforms(seed), normal = normals(seed), found = [];
  while (found.length < DRAWN) {
    if (distribution === 'orthogonal') {                   // rows of unit length, each in a direction of its own
      const row = Array.from({ length: Math.round(std ** -2) }, normal), size = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
      found.push(...row.slice(0, DRAWN - found.length).map(x => x / size));
    } else if (distribution === 'uniform') found.push(Math.sqrt(3) * std * (2 * uniform() - 1));
    else {
      const x = normal();
      if (distribution === 'normal') found.push(std * x);
      else if (Math.abs(x) <= 2) found.push(std / TRUNCATED_STD * x);
    }
  }
  return found;
}

function render({ model, el }) {
  const recipes = model.get('recipes'), names = model.get('names');
  const home = { framework: 'torch', layer: 'dense', shape: 'normal', family: 'he', inputs: 784, outputs: 100, guess: null };
  const state = { ...home };
  const view = frame(el, { title: 'What do I type?', task: 'Your layer, your activation, your framework: the line of code, and what it draws.' });
  const picture = plot({ height: 190, x: { domain: RANGE, log: true }, y: { domain: [0, 1] }, yTicks: [], xLabel: 'size of a weight',
    yLabel: 'standard deviation, bound, and drawn weights', label: 'Size of the weights' });
  const guess = commitment({ question: 'He, normal, in front of a ReLU: 784 inputs, 100 outputs. What is the standard deviation of a weight?', judge: value => {
    state.guess = value;
    redraw();
    const truth = Math.sqrt(2 / home.inputs), near = value > 0 && Math.abs(Math.log(value / truth)) < Math.log(1.1);
    const mixed = Math.abs(value / truth ** 2 - 1) < 0.1 ? ' What you typed is the variance.' : Math.abs(value / truth / Math.sqrt(3) - 1) < 0.05 ? ' What you typed is the bound of the uniform one.' : '';
    return `${near ? 'Yes' : 'Not quite'}: √(2/784) = ${readable(truth)}.${mixed}`;
  } });
  const set = (key, value) => { state[key] = value; redraw(); };
  const entries = found => Object.entries(found);
  const choices = {
    framework: choice({ legend: 'Framework', options: entries(names.frameworks), value: home.framework, change: v => set('framework', v) }),
    layer: choice({ legend: 'Layer (convolutions are 3×3)', options: entries(names.layers), value: home.layer, change: v => set('layer', v) }),
    shape: choice({ legend: 'Distribution', options: entries(SHAPES), value: home.shape, change: v => set('shape', v) }),
    family: choice({ legend: 'What comes after the layer?', options: entries(FAMILIES), value: home.family, change: v => set('family', v) }),
  };
  const size = (label, key) => slider({ label, min: 0, max: SIZES.length - 1, value: SIZES.indexOf(home[key]), read: p => SIZES[p], show: String, input: v => set(key, v) });
  const sliders = { inputs: size('Inputs, or channels in', 'inputs'), outputs: size('Outputs, channels out, or units', 'outputs') };
  const random = draw({ seed: model.get('seed'), change: () => redraw() });
  const listing = html('code', {}), line = html('pre', { style: 'white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; color: inherit; background: transparent; min-height: 4.6em' }, listing);
  const rows = table('This layer in the four frameworks');
  const reset = button('Reset', () => {
    Object.assign(state, home);
    Object.entries(choices).forEach(([key, one]) => one.set(home[key]));
    Object.entries(sliders).forEach(([key, one]) => one.set(SIZES.indexOf(home[key])));
    random.set(model.get('seed'));
    guess.clear();
    redraw();
  });

  const scheme = () => (state.family === 'default' ? 'default' : `${state.family}_${state.shape}`);
  const here = framework => [recipes, framework, state.layer, scheme(), state.inputs, state.outputs];
  const exists = framework => `${framework} ${state.layer} ${scheme()}` in recipes;

  function redraw() {
    const name = names.frameworks[state.framework], what = `${names.schemes[scheme()]}: ${names.layers[state.layer]}, ${state.inputs} → ${state.outputs}, in ${name}`;
    const seen = state.guess !== null && exists(state.framework);
    listing.textContent = state.guess === null ? 'The code stands here when you have committed to a number.' : seen ? code(...here(state.framework)) : 'There is nothing to type.';
    const one = seen ? numbers(...here(state.framework)) : null, weights = seen ? drawn(one.distribution, one.std, random.seed) : [];
    paint(one, weights, name);
    view.say(state.guess === null ? `${what}. Its numbers appear when you have committed to one.` : !seen ? `${what}: JAX draws arrays and has no layers, so there is no default.` : `${what}: ${told(one, weights)}`);
    picture.root.setAttribute('aria-label', view.sentence.textContent);
    rows.fill(['framework', 'fans', 'variance', 'std', 'bound'], (state.guess === null ? [] : Object.keys(names.frameworks).filter(exists)).map(key => {
      const it = numbers(...here(key));
      return [names.frameworks[key], `${it.fanIn}, ${it.fanOut}`, it.variance, it.std, it.bound < NO_BOUND ? it.bound : 'none'];
    }));
  }

  function told(one, weights) {
    const [fanIn, fanOut] = bookFans(state.layer, state.inputs, state.outputs), spread = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0) / DRAWN);
    const misread = one.fanIn !== fanIn || one.fanOut !== fanOut ? ` It counts the fans ${one.fanIn} and ${one.fanOut}, the book ${fanIn} and ${fanOut}.` : '';
    return `${one.distribution === 'orthogonal' ? 'an orthogonal matrix, ' : ''}variance ${readable(one.variance)}, standard deviation ${readable(one.std)}, ${one.bound < NO_BOUND ? `bound ${readable(one.bound)}` : 'no bound'}; ${DRAWN} drawn weights have ${readable(spread)}.${misread}`;
  }

  function paint(one, weights, name) {
    const { X, Y, data } = picture, mark = (value, y, text, color) => [svg('line', { x1: X(value), x2: X(value), y1: Y(y - 0.055), y2: Y(y + 0.055), stroke: color, 'stroke-width': 2.4 }),
      svg('text', { x: X(value), y: Y(y + 0.075), 'text-anchor': value > 0.5 ? 'end' : 'middle', style: `fill: ${color}` }, text)];
    data.replaceChildren(svg('text', { x: X(RANGE[0]), y: Y(0.97) }, `${name}: ${names.layers[state.layer]}, ${state.inputs} → ${state.outputs}`),
      svg('text', { x: X(RANGE[0]), y: Y(0.87) }, FAMILIES[state.family]),
      ...(one === null ? [] : [
        ...mark(one.std, 0.43, `std ${readable(one.std)}`, 'currentColor'),
        ...(one.bound < NO_BOUND ? mark(one.bound, 0.2, `bound ${readable(one.bound)}`, 'var(--accent)') : []),
        svg('path', { d: weights.map(w => `M${X(Math.abs(w)).toFixed(1)} ${Y(0.0)}v-9`).join(''), stroke: 'currentColor', 'stroke-width': 0.8, opacity: 0.6, fill: 'none' })]),
      ...(state.guess > 0 ? mark(state.guess, 0.66, 'your guess', 'var(--muted)') : []));
  }

  view.body.append(guess.root, choices.framework.root, choices.layer.root, html('div', { class: 'controls' }, sliders.inputs.root, sliders.outputs.root),
    choices.shape.root, choices.family.root, line, picture.root, view.sentence, html('div', { class: 'buttons' }, random.root, reset), rows.root);
  redraw();
  return () => view.root.remove();
}

const plain = one => { const [bookIn, bookOut] = bookFans(one.layer, one.inputs, one.outputs); return [one.fanIn, one.fanOut, bookIn, bookOut, one.variance, one.std, one.bound]; };
export default { render, arithmetic: {
  numbers: (recipes, framework, layer, scheme, inputs, outputs) => plain({ ...numbers(recipes, framework, layer, scheme, inputs, outputs), layer, inputs, outputs }),
  letters: (...call) => [...code(...call)].map(c => c.codePointAt(0)), drawn } };
