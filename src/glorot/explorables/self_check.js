/* Self-check: questions with feedback that explains; nothing is stored or sent. */

/* Whether a typed number meets the answer within a relative tolerance; a comma or a typographic minus will do. */
function meets(text, answer, tolerance) {
  const value = number(text);
  return value !== null && Math.abs(value - answer) <= tolerance * Math.max(Math.abs(answer), 1e-300);
}

function render({ model, el }) {
  const questions = model.get('questions'), right = new Set();
  const view = frame(el, { title: `${['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six'][questions.length] ?? questions.length} question${questions.length === 1 ? '' : 's'}`, task: 'Answer, then read why.' });
  const report = () => view.say(right.size === questions.length ? 'All answered rightly.' : `${right.size} of ${questions.length} answered rightly so far.`);

  function ask(question, i) {
    const reply = html('output', { class: 'reply', 'aria-live': 'polite' });
    const tell = (good, text) => {
      reply.textContent = `${good ? 'Right. ' : 'Not so. '}${text}`;
      if (good) right.add(i); else right.delete(i);
      report();
    };
    if (question.kind === 'number') {
      const id = unique('answer'), field = html('input', { id, type: 'text', inputmode: 'decimal', autocomplete: 'off', size: 8 });
      return html('form', { class: 'question', novalidate: true, onsubmit: event => {
        event.preventDefault();
        if (number(field.value) === null) { reply.textContent = 'Type a number, such as 0.25 or 1/4.'; field.focus(); return; }
        const good = meets(field.value, question.answer, question.tolerance);
        tell(good, good ? question.why : question.hint);
      } }, html('label', { for: id }, `${i + 1}. ${question.prompt}`),
      html('span', { class: 'entry' }, field, question.unit ? html('span', {}, question.unit) : null, html('button', { type: 'submit' }, 'Check')), reply);
    }
    const name = unique('question');
    const options = question.options.map((option, k) => html('label', {}, html('input', { type: 'radio', name, value: k }), html('span', {}, option.text)));
    return html('form', { class: 'question', onsubmit: event => {
      event.preventDefault();
      const chosen = event.currentTarget.querySelector('input:checked');
      if (!chosen) { reply.textContent = 'Choose an answer first.'; return; }
      const option = question.options[+chosen.value];
      tell(option.right, option.why);
    } }, html('fieldset', { class: 'choice' }, html('legend', {}, `${i + 1}. ${question.prompt}`), html('div', { class: 'options column' }, options)),
    html('span', { class: 'entry' }, html('button', { type: 'submit' }, 'Check')), reply);
  }

  view.body.append(...questions.map(ask), view.sentence,
    html('div', { class: 'buttons' }, button('Reset', () => {
      right.clear();
      view.body.querySelectorAll('form').forEach(form => form.reset());
      view.body.querySelectorAll('.reply').forEach(reply => { reply.textContent = ''; });
      report();
    })));
  report();
  return () => view.root.remove();
}

export default { render, arithmetic: { meets: (text, answer, tolerance) => Number(meets(text, answer, tolerance)) } };
