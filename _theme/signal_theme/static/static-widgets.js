/* Mounts anywidget views from the Jupyter state that a page carries: no kernel, no ipywidgets, no network.

   A page holds one <script type="…widget-state+json"> and, where a view stands, one <script
   type="…widget-view+json">. A module of an anywidget needs little of its model: get, set, on, off, save_changes,
   send. That little is here. A view that throws fails alone, with a sentence, and leaves its still picture. */
(() => {
  const TYPE = 'application/vnd.jupyter.widget-';
  const scripts = kind => [...document.querySelectorAll(`script[type="${TYPE}${kind}+json"]`)];
  const states = {}, models = new Map();
  const rest = { signal: new AbortController().signal, experimental: { invoke: () => Promise.reject(new Error('there is no kernel behind this page')) } };

  const view = text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
  const same = (a, b) => Object.is(a, b) || (!ArrayBuffer.isView(a) && !ArrayBuffer.isView(b) && JSON.stringify(a) === JSON.stringify(b));

  class Model {
    constructor(id, state) { Object.assign(this, { model_id: id, state, listeners: [] }); }
    get(name) { return this.state[name]; }
    set(name, value) {
      const wanted = typeof name === 'string' ? { [name]: value } : name;
      const changed = Object.keys(wanted).filter(key => !same(this.state[key], wanted[key]));
      changed.forEach(key => { this.state[key] = wanted[key]; });
      changed.forEach(key => this.emit(`change:${key}`, wanted[key]));
      if (changed.length) this.emit('change');
    }
    emit(event, ...values) { this.listeners.filter(([name]) => name === event).forEach(([, call]) => call(this, ...values)); }
    on(events, call) { events.split(/\s+/).forEach(event => this.listeners.push([event, call])); }
    off(events, call) {
      this.listeners = this.listeners.filter(([name, known]) =>
        !((!events || events.split(/\s+/).includes(name)) && (!call || call === known)));
    }
    save_changes() {}
    send() {}
  }

  async function load(source) {       // a fresh module for each model, as anywidget does
    const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    try {
      const module = await import(address);
      return module.default ?? module;
    } finally { URL.revokeObjectURL(address); }
  }

  async function make(id) {
    const { state, buffers = [] } = states[id];
    for (const { path, data } of buffers) path.slice(0, -1).reduce((at, key) => at[key], state)[path.at(-1)] = view(data);
    const model = new Model(id, state), loaded = await load(state._esm);
    const widget = typeof loaded === 'function' ? await loaded() : loaded;
    if (state._css && !document.getElementById(state._anywidget_id))
      document.head.append(Object.assign(document.createElement('style'), { id: state._anywidget_id, textContent: state._css }));
    await widget.initialize?.({ model, ...rest });
    return { model, widget };
  }

  const shared = id => {              // two views of one model share it, and one initialize
    if (!models.has(id)) models.set(id, make(id));
    return models.get(id);
  };

  async function mount(script) {
    const el = document.createElement('div');
    el.className = 'jupyter-widgets anywidget-static';
    script.before(el);
    try {
      const id = JSON.parse(script.textContent).model_id;
      const layout = states[states[id].state.layout?.replace('IPY_MODEL_', '')]?.state ?? {};
      for (const [name, value] of Object.entries(layout))
        if (value !== null && !name.startsWith('_')) el.style.setProperty(name.replaceAll('_', '-'), value);
      const { model, widget } = await shared(id);
      await widget.render({ model, el, ...rest });
      el.parentElement.classList.add('mounted');
    } catch (error) {
      console.error('[static-widgets]', error);
      el.removeAttribute('style');
      el.replaceChildren(Object.assign(document.createElement('p'), {
        className: 'explorable-failed', textContent: 'This interactive figure could not start in your browser; its still picture stands here instead.' }));
    }
  }

  function run() {
    scripts('state').forEach(script => Object.assign(states, JSON.parse(script.textContent).state));
    scripts('view').forEach(mount);
  }

  // 'interactive' follows parsing at once; waiting for deferred scripts would make the reader wait for MathJax.
  if (document.readyState === 'loading') document.addEventListener('readystatechange', run, { once: true });
  else run();
})();
