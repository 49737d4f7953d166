import { html, signal, useState } from '../html.js';
import { asProblem } from '../state/api.js';
import { Button, Notice } from './controls.js';
import { Dialog } from './dialog.js';

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text     names what will be lost
 * @property {string} action   the verb on the button
 * @property {() => Promise<void>} act
 * @property {'danger' | 'primary'} [kind]  whether something is lost; it is unless said otherwise
 */

const question = signal(/** @type {Question | undefined} */ (undefined));

/** @param {Question} next asks before something is lost */
export function ask(next) {
  question.value = next;
}

/** The place where questions appear. */
export function Asking() {
  const asked = question.value;
  return asked ? html`<${Asked} key=${asked.title} ...${asked} />` : null;
}

/** @param {Question} props */
function Asked({ title, text, action, act, kind = 'danger' }) {
  const [problem, setProblem] = useState(/** @type {import('../state/api.js').ApiProblem | undefined} */ (undefined));
  const [busy, setBusy] = useState(false);
  const close = () => { question.value = undefined; };
  const go = async () => {
    setBusy(true);
    try {
      await act();
      close();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${close} class="dialog-small">
    <p>${text}</p>
    ${problem ? html`<${Notice} title=${problem.unknown ? 'Not confirmed' : 'Nothing was changed'}>${problem.message}<//>` : null}
    <footer class="dialog-foot">
      <${Button} onClick=${close} data-autofocus>Cancel<//>
      <${Button} kind=${kind} busy=${busy} onClick=${go}>${action}<//>
    </footer>
  <//>`;
}
