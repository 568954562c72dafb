/* Formulas of x that a reader types: parsed here, never run as code. Then their averages
   over a Gaussian. Python puts this text in front of the modules that need it. */
const LONGEST = 200, REACH = 9;     // characters; standard deviations that averages take in

/* Every compiled formula is a function of x that returns its value and leaves its derivative here: a dual number without the pair. */
let slope = 0;

class Misprint extends Error {}     // its message is meant for the reader

/* The error function at multiples of 1/256, by its series, and its slope there; between them, cubics. */
const ERF = Array.from({ length: 6 * 256 + 1 }, (_, i) => {
  const x = i / 256, rate = 2 / Math.sqrt(Math.PI) * Math.exp(-x * x);
  let term = x, sum = x;
  for (let k = 1; term > 1e-17 * sum; k++) sum += term *= 2 * x * x / (2 * k + 1);
  return [rate * sum, rate / 256];
});

function erf(x) {
  const place = Math.abs(x) * 256, i = Math.floor(place), t = place - i;
  if (!(i < 6 * 256)) return Number.isNaN(x) ? x : Math.sign(x);
  const [a, da] = ERF[i], [b, db] = ERF[i + 1];
  return Math.sign(x) * (a + t * (da + t * (3 * (b - a) - 2 * da - db + t * (2 * (a - b) + da + db))));
}

const logistic = v => { const small = Math.exp(-Math.abs(v)); return (v < 0 ? small : 1) / (1 + small); };

/* Functions of one argument: value, and derivative from argument v and value y. */
const FUNCTIONS = { exp: [Math.exp, (v, y) => y], log: [Math.log, v => 1 / v], sqrt: [Math.sqrt, (v, y) => 0.5 / y], abs: [Math.abs, Math.sign],
  tanh: [Math.tanh, (v, y) => 1 - y * y], sin: [Math.sin, Math.cos], cos: [Math.cos, v => -Math.sin(v)], erf: [erf, v => 2 / Math.sqrt(Math.PI) * Math.exp(-v * v)],
  sigmoid: [logistic, (v, y) => y * (1 - y)], relu: [v => Math.max(0, v), v => (v > 0 ? 1 : 0)] };
/* Operations on two: values a, b with derivatives da, db; the derivative is left in `slope`. */
const OPERATIONS = { '+': (a, da, b, db) => { slope = da + db; return a + b; }, '-': (a, da, b, db) => { slope = da - db; return a - b; },
  '*': (a, da, b, db) => { slope = da * b + a * db; return a * b; }, '/': (a, da, b, db) => { const y = a / b; slope = (da - y * db) / b; return y; },
  '^': (a, da, b, db) => { const y = a ** b; slope = (da && b ? b * a ** (b - 1) * da : 0) + (db ? y * Math.log(a) * db : 0); return y; },
  max: (a, da, b, db) => { slope = a > b ? da : db; return Math.max(a, b); }, min: (a, da, b, db) => { slope = a < b ? da : db; return Math.min(a, b); } };
const CONSTANTS = { pi: Math.PI, π: Math.PI, e: Math.E };
const NAMES = `x, pi, e, ${Object.keys(FUNCTIONS).join(', ')}, max, min`;

const constant = value => Object.assign(() => { slope = 0; return value; }, { fixed: true });
const variable = x => { slope = 1; return x; };
const folded = (f, ...parts) => (parts.every(part => part.fixed) ? constant(f(0)) : f);     // what does not depend on x is computed once
function applied([value, rate], f) {
  return folded(x => { const v = f(x), dv = slope, y = value(v); slope = dv ? rate(v, y) * dv : 0; return y; }, f);
}
function combined(name, f, g) {
  const operate = OPERATIONS[name];
  return folded(x => { const a = f(x), da = slope, b = g(x); return operate(a, da, b, slope); }, f, g);
}

/* The words of a formula with their positions, counted from 1 as a reader counts. */
function words(text) {
  const pattern = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)|([a-zπ]+)|([-+*/^(),])|(\S))/gy, found = [];
  for (let hit; (hit = pattern.exec(text));) {
    const word = hit[1] ?? hit[2] ?? hit[3] ?? hit[4], at = pattern.lastIndex - word.length + 1;
    if (hit[4]) throw new Misprint(`Position ${at}: “${word}” means nothing here.`);
    found.push({ word, at, number: hit[1] !== undefined, name: hit[2] !== undefined });
  }
  return found;
}

/* Recursive descent. Powers bind tightest and to the right, then signs: −x^2 is −(x^2), 2^3^2 is 2^9. */
function compile(formula) {
  if (formula.length > LONGEST) throw new Misprint(`That formula has ${formula.length} characters; ${LONGEST} are the most that is read here.`);
  const list = words(formula.toLowerCase().replaceAll('−', '-').replace(/[×·]/g, '*'));
  let next = 0;
  const here = () => list[next] ?? { word: '', at: formula.length + 1 };
  const met = word => here().word === word && Boolean(++next);
  const stop = wanted => { throw new Misprint(here().word ? `Position ${here().at}: ${wanted}, found “${here().word}”.` : `The formula ends at position ${formula.length}: ${wanted}.`); };
  const need = word => { if (!met(word)) stop(`expected “${word}”`); };
  const chain = (part, ...signs) => () => {
    let f = part();
    for (let sign; (sign = signs.find(met));) f = combined(sign, f, part());
    return f;
  };
  const signed = () => (met('-') ? combined('-', constant(0), signed()) : met('+') ? signed() : power());
  const power = () => { const f = atom(); return met('^') ? combined('^', f, signed()) : f; };
  const sum = chain(chain(signed, '*', '/'), '+', '-');
  function atom() {
    const { word, number, name, at } = here();
    if (number) { next++; return constant(Number(word)); }
    if (met('(')) { const f = sum(); need(')'); return f; }
    if (!name) stop('expected a number, x or a function');
    next++;
    if (word === 'x') return variable;
    if (Object.hasOwn(CONSTANTS, word)) return constant(CONSTANTS[word]);
    const pair = word === 'max' || word === 'min';
    if (!pair && !Object.hasOwn(FUNCTIONS, word)) throw new Misprint(`Position ${at}: “${word}” is not known here. Known are ${NAMES}.`);
    need('(');
    let f = sum();
    if (pair) { need(','); f = combined(word, f, sum()); } else f = applied(FUNCTIONS[word], f);
    need(')');
    return f;
  }
  if (!list.length) throw new Misprint('Type a formula of x, such as max(0, x).');
  const f = sum();
  if (next < list.length) stop('expected an operator such as * or +');
  return f;
}

const density = u => Math.exp(-u * u / 2) / Math.sqrt(2 * Math.PI);

/* Nodes and weights for averages over a standard normal: on each side of 0, where kinks are, u = ln(1 + e^8t)/8 with
   even steps of t. That is even in u far from 0 and as fine as one wants near it. */
const RULE = (() => {
  const u = [], w = [], step = 0.05;
  for (let t = -4; t < REACH; t += step) {
    const grown = Math.exp(8 * t), node = Math.log1p(grown) / 8, weight = step * grown / (1 + grown) * density(node);
    u.push(node, -node);
    w.push(weight, weight);
  }
  return { u: Float64Array.from(u), w: Float64Array.from(w) };
})();

/* E[φ(√q u)²], or E[φ′(√q u)²]. */
function moment(phi, q, ofSlope = false) {
  const s = Math.sqrt(q), { u, w } = RULE;
  let sum = 0;
  for (let i = 0; i < u.length; i++) { const y = phi(s * u[i]), v = ofSlope ? slope : y; sum += w[i] * v * v; }
  return sum;
}

/* A formula made ready: φ, the gain² that keeps a variance of 1, and its moments on a grid up and down from 1. Refuses, in a sentence, what has no average. */
function study(formula) {
  const phi = compile(formula), step = 0.005;
  let check = 0, bad = null;
  for (let k = 0; k < 2 * REACH / step; k++) {
    const u = (k % 2 ? -1 : 1) * step * (Math.floor(k / 2) + 0.5), y = phi(u);
    if (bad === null && !Number.isFinite(y)) bad = u;
    check += step * y * y * density(u);
  }
  if (bad !== null) throw new Misprint(`φ(x) is no finite number at x = ${readable(Number(bad.toPrecision(2)))}: a signal needs a value everywhere between −${REACH} and ${REACH}.`);
  const one = moment(phi, 1);
  if (!Number.isFinite(one) || Math.abs(check - one) > 0.02 * one) throw new Misprint('The average E[φ²] does not settle: φ grows too fast, or jumps about too wildly, to have one here.');
  if (one < 1e-200) throw new Misprint('φ is 0 everywhere, or as good as: no gain brings back what is lost.');
  const walk = sign => Array.from({ length: 73 }, (_, k) => { const q = 10 ** (sign * k / 8); return [q, moment(phi, q)]; });
  return { phi, gain2: 1 / one, up: walk(1), down: walk(-1) };
}
