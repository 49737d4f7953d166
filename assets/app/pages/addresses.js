import { html, useEffect, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { ask } from '../ui/ask.js';
import { Button } from '../ui/controls.js';
import { say } from '../ui/toast.js';

/** @typedef {import('../state/api.js').Addresses} AllowedAddresses */

/** From where the organisation lets people, keys and machines in. */
export function Addresses() {
  const [text, setText] = useState('');
  const [yours, setYours] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const organisation = me.value?.organisation.id;
  const show = (/** @type {AllowedAddresses} */ set) => { setText(set.allowed.join('\n')); setYours(set.yours); setProblem(''); };
  useEffect(() => void api.addresses().then(show, (error) => setProblem(asProblem(error).message)), [organisation]);
  const set = async (/** @type {string[]} */ allowed, /** @type {boolean} */ lockMeOut) => {
    show(await api.setAddresses(allowed, lockMeOut));
    say(allowed.length === 0 ? 'People and machines come in from anywhere now.' : 'People and machines come in from these addresses alone now.');
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const allowed = text.split(/[\s,]+/).filter(Boolean);
    setBusy(true);
    try {
      await set(allowed, false);
    } catch (error) {
      const told = asProblem(error);
      if (told.code === 'conflict') {
        ask({ title: 'Lock yourself out?', text: `You are at ${yours}, which is not in this list. Nobody is let in from there any more, you included: this page ends.`, action: 'Lock me out', act: () => set(allowed, true) });
      } else setProblem(told.message);
    }
    setBusy(false);
  };
  return html`<section><h2>Addresses</h2>
    <p class="muted">People, keys and machines are let in from these addresses and networks alone; what is connected from elsewhere ends at once. Empty lets everybody in.</p>
    <form class="addresses" onSubmit=${submit}>
      <div class="field"><label for="addresses">Allowed addresses, one a line</label>
        <textarea id="addresses" class="mono" rows="4" spellcheck="false" placeholder=${'203.0.113.7\n10.0.0.0/8\n2001:db8::/32'} value=${text} aria-describedby="addresses-note" aria-invalid=${problem ? 'true' : undefined}
          onInput=${(/** @type {InputEvent} */ event) => { setText(/** @type {HTMLTextAreaElement} */ (event.target).value); setProblem(''); }}></textarea>
        <p id="addresses-note" class=${problem ? 'field-problem' : 'field-hint'}>${problem || (yours ? `You are at ${yours}.` : ' ')}</p></div>
      <${Button} type="submit" busy=${busy}>Set the addresses<//></form></section>`;
}
