import { html, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { machines } from '../state/fleet.js';
import { Button } from '../ui/controls.js';
import { say } from '../ui/toast.js';
import { standing } from './handoff.js';

/** @typedef {import('../wire/messages.js').SessionView} SessionView */
/** @typedef {import('../wire/messages.js').Need} Need */
/** @typedef {'allow' | 'allow_always' | 'deny'} Answer */

/** @type {Record<Need['reason'], string>} */
const ASKS = { permission: 'wants to run', question: 'asks', plan: 'has a plan', error: 'could not go on', notice: 'calls you' };

/** @param {Need} need in one line */
export function needWords({ reason, tool, text }) {
  const what = reason === 'permission' ? tool ?? 'A tool' : '';
  return `${what ? `${what} ${ASKS[reason]}` : ASKS[reason].replace(/^./, (it) => it.toUpperCase())}${text ? `: ${text.split('\n', 1)[0]}` : ''}`;
}

/**
 * What a session wants of a person, and the answers that need no terminal. Whoever answers first wins: the dialog in the
 * terminal stays as it is.
 * @param {{session: SessionView}} props
 */
export function NeedCard({ session }) {
  const need = session.needs;
  const [denying, setDenying] = useState(false);
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState('');
  if (!need) return null;
  const answer = async (/** @type {Answer} */ how) => {
    setBusy(true);
    try {
      await api.answer(session.id, need.id, how, message);
      setDenying(false);
    } catch (error) {
      say(`Not answered: ${asProblem(error).message}`);
    }
    setBusy(false);
  };
  return html`<div class="need" role="status">
    <p class="need-what"><strong>${need.reason === 'permission' ? need.tool ?? 'A tool' : 'Claude'} ${ASKS[need.reason]}</strong></p>
    ${need.text ? html`<pre class="need-text" tabindex="0">${need.text}</pre>` : null}
    ${mayAnswer(session) ? html`<div class="need-answers">
      ${denying ? html`<form onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); void answer('deny'); }}>
          <input aria-label="What to do instead" placeholder="What to do instead (optional)" maxlength="500" value=${message} onInput=${(/** @type {InputEvent} */ event) => setMessage(/** @type {HTMLInputElement} */ (event.target).value)} />
          <${Button} kind="danger" type="submit" busy=${busy}>Deny<//><${Button} kind="quiet" onClick=${() => setDenying(false)}>Cancel<//></form>`
        : html`<${Button} kind="primary" busy=${busy} onClick=${() => answer('allow')}>Allow once<//>
          ${need.always ? html`<${Button} busy=${busy} onClick=${() => answer('allow_always')}>Always allow<//>` : null}
          <${Button} busy=${busy} onClick=${() => setDenying(true)}>Deny…<//>`}
    </div>` : null}
  </div>`;
}

/** @param {SessionView} session */
function mayAnswer(session) {
  const { own, mine } = standing(session);
  const types = (session.handoff?.phase === 'adopted' ? mine : own) && me.value?.role !== 'viewer';
  return session.needs?.answerable === true && types && machines.value.get(session.machine)?.online === true;
}
