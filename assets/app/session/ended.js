import { html, useState } from '../html.js';
import { ago, dateTime, now } from '../state/clock.js';
import { holderOf, isResumable, machines, nameOf, successorOf } from '../state/fleet.js';
import { stateWord } from '../state/marks.js';
import { sentence } from '../shell/connection.js';
import { Button } from '../ui/controls.js';
import { resume, startAgain } from './actions.js';

/** @typedef {import('../wire/messages.js').SessionView} SessionView */

/** The strip over a session that has ended or was lost: what became of it, what is shown, what can be done. @param {{session: SessionView}} props */
export function Ended({ session }) {
  const online = machines.value.get(session.machine)?.online === true;
  const holder = holderOf(session);
  const successor = successorOf(session);
  const open = holder ?? successor;
  return html`<div class="strip strip-stays" role="status">
    <span class="strip-words"><strong>${session.state === 'lost' ? 'Lost.' : `${stateWord(session)}.`}</strong> ${fate(session)}
      ${open ? html` <a href="/sessions/${open.id}">${holder && holder !== successor ? 'Its conversation is open in' : 'Resumed in'} “${nameOf(open)}”</a>` : null}</span>
    <span class="strip-offers">
      ${open && holder ? html`<a class="button button-plain" href="/sessions/${open.id}">Go there</a>` : html`<${Resume} session=${session} kind=${successor ? 'plain' : 'primary'} />`}
      <${Button} disabled=${!online} onClick=${() => void startAgain(session)}>Start again<//>
    </span></div>`;
}

/** What became of it, and from when its screen is. @param {SessionView} session */
function fate({ state, ended_at: ended, last_screen_at: taken }) {
  const when = (/** @type {number} */ at) => html`<time title=${dateTime(at)}>${ago(at, now.value)}</time>`;
  if (state !== 'lost') return ended ? html`<time title=${dateTime(ended)}>${sentence(ago(ended, now.value))}</time>` : null;
  return html`The machine restarted, or the process that kept the session was killed. ${taken
    ? html`This is the last screen that is known, taken ${when(taken)}.` : 'No screen of it was kept.'}`;
}

/** The offer to go on with an ended session's conversation, where there is one. @param {{session: SessionView, kind?: 'primary' | 'plain'}} props */
export function Resume({ session, kind = 'plain' }) {
  const [busy, setBusy] = useState(false);
  if (!isResumable(session)) return null;
  const online = machines.value.get(session.machine)?.online === true;
  const act = async () => {
    setBusy(true);
    await resume(session);
    setBusy(false);
  };
  return html`<${Button} kind=${kind} class="resume" busy=${busy} disabled=${!online} title=${online ? 'A new session goes on with this conversation' : 'Its machine is offline'} onClick=${act}>Resume<//>`;
}
