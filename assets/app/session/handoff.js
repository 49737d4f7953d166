import { html, signal, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { isLive, nameOf } from '../state/fleet.js';
import { go } from '../state/route.js';
import { Button, Notice } from '../ui/controls.js';
import { Dialog } from '../ui/dialog.js';
import { say } from '../ui/toast.js';

/** Handing a session over and back: who may what, and the buttons and words for it. The server decides (docs/handoff.md). */

/** @typedef {import('../wire/messages.js').SessionView} SessionView */

/**
 * What the person at this page may do with a session's handoff now.
 * @param {SessionView} session
 * @returns {{manages: boolean, own: boolean, mine: boolean, adoptable: boolean}} `mine`: they have adopted it
 */
export function standing(session) {
  const person = me.value;
  const handoff = session.handoff;
  const own = person !== undefined && person.user.id === session.owner?.id;
  const types = person !== undefined && person.role !== 'viewer';
  return {
    own,
    manages: own ? types : person?.role === 'owner' || person?.role === 'admin',
    mine: person !== undefined && handoff?.adopted_by?.id === person.user.id,
    adoptable: types && !own && isLive(session) && handoff?.phase === 'shared' && (!handoff.to || handoff.to.id === person.user.id),
  };
}

/** @param {SessionView} session @returns {string} the badge; empty for one that is nobody's but its owner's */
export function handoffWord(session) {
  const by = session.handoff?.adopted_by;
  if (by) return by.id === me.value?.user.id ? 'Adopted by you' : `Adopted by ${by.name}`;
  return session.shared ? 'Shared' : '';
}

/** @param {{session: SessionView}} props */
export function SharedBadge({ session }) {
  const word = handoffWord(session);
  const { to, note } = session.handoff ?? {};
  const says = [to ? `For ${to.name}` : 'Every member may adopt it', note].filter(Boolean).join(': ');
  return word ? html`<span class="badge" data-testid="shared" title=${says}>${word}</span>` : null;
}

/** @param {() => Promise<unknown>} act @param {string} failed @param {string} [done] */
async function attempt(act, failed, done) {
  try {
    await act();
    if (done) say(done);
  } catch (error) {
    say(`${failed}: ${asProblem(error).message}`);
  }
}

/** @param {SessionView} session offered to the organisation, or taken back, also from who has adopted it */
export function toggleShared(session) {
  return session.shared
    ? attempt(() => api.share(session.id, false), 'Still shared', 'Not shared any more: whoever watched it was sent away, and the keyboard is its owner’s.')
    : attempt(() => api.share(session.id, true), 'Not shared', 'Shared: every member sees it and may adopt it, with the keyboard.');
}

/** Takes a session over, and goes there. @param {SessionView} session */
export function adopt(session) {
  return attempt(async () => {
    await api.adopt(session.id);
    go(`/sessions/${session.id}`);
  }, 'Not adopted');
}

const returning = signal(/** @type {SessionView | undefined} */ (undefined));

/** The buttons of a session's bar. @param {{session: SessionView}} props */
export function HandoffButtons({ session }) {
  const { manages, mine, adoptable } = standing(session);
  if (!isLive(session)) return null;
  if (mine) return html`<${Button} kind="primary" onClick=${() => { returning.value = session; }} title="The keyboard is ${session.owner.name}’s again">Give back…<//>`;
  return html`${adoptable ? html`<${Adopt} session=${session} />` : null}
    ${manages ? html`<${Button} aria-pressed=${session.shared} onClick=${() => void toggleShared(session)}
      title=${session.shared ? 'Take it back: the keyboard is its owner’s' : 'Offer it to every member of the organisation'}>${session.shared ? 'Stop Sharing' : 'Share'}<//>` : null}`;
}

/** @param {{session: SessionView}} props */
export function Adopt({ session }) {
  const { adoptable } = standing(session);
  const [busy, setBusy] = useState(false);
  const click = async () => {
    setBusy(true);
    await adopt(session);
    setBusy(false);
  };
  return adoptable ? html`<${Button} kind="primary" class="adopt" busy=${busy} onClick=${click} title="Take it over, with the keyboard; ${session.owner.name} watches">Adopt<//>` : null;
}

/** What the strip over a terminal says to who waits for whom. @param {{session: SessionView, nudged: boolean}} props */
export function HandoffStrip({ session, nudged }) {
  const { manages, mine } = standing(session);
  const handoff = session.handoff;
  if (!handoff) return null;
  const note = handoff.note ? html` <span class="strip-note">“${handoff.note}”</span>` : null;
  if (mine) {
    return html`<div class="strip strip-stays" role="status"><span><strong>You have ${handoff.by.name}’s session.</strong> ${handoff.gate ? 'A program waits for you to approve or refuse.' : 'Give it back when you are done.'}${note}</span></div>`;
  }
  if (handoff.phase === 'adopted' && manages) {
    return html`<div class="strip strip-stays ${nudged ? 'strip-nudge' : ''}" role="status"><span><strong>${handoff.adopted_by?.name} has the keyboard.</strong> You watch until it is given back.</span>
      <${Button} onClick=${() => void toggleShared(session)}>Take it back<//></div>`;
  }
  if (handoff.phase === 'shared' && standing(session).adoptable) {
    return html`<div class="strip strip-stays ${nudged ? 'strip-nudge' : ''}" role="status"><span><strong>${handoff.by.name} offers this session.</strong>${note}</span><${Adopt} session=${session} /></div>`;
  }
  return null;
}

/** The place where giving back is asked about. */
export function GivingBack() {
  return returning.value ? html`<${Form} key=${returning.value.id} session=${returning.value} />` : null;
}

/** @param {{session: SessionView}} props */
function Form({ session }) {
  const [note, setNote] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {string | undefined} */ (undefined));
  const gate = session.handoff?.gate === true;
  const close = () => { returning.value = undefined; };
  const give = async (/** @type {'approved' | 'refused' | undefined} */ verdict) => {
    setBusy(true);
    try {
      await api.giveBack(session.id, { ...(note.trim() && { note }), ...(verdict && { verdict }) });
      close();
      say(verdict === 'refused' ? 'Refused, and given back.' : verdict ? 'Approved, and given back.' : 'Given back.');
    } catch (error) {
      setProblem(asProblem(error).message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title="Give “${nameOf(session)}” back" onClose=${close} class="dialog-small">
    ${gate ? html`<p>A program waits for your decision${session.handoff?.note ? html`: <strong>${session.handoff.note}</strong>` : ''}</p>` : html`<p>${session.owner.name} has the keyboard again.</p>`}
    <div class="field"><label for="return-note">Note (optional)</label>
      <textarea id="return-note" rows="3" maxlength="2000" data-autofocus value=${note}
        onInput=${(/** @type {Event} */ event) => setNote(/** @type {HTMLTextAreaElement} */ (event.target).value)}></textarea></div>
    ${problem ? html`<${Notice} title="Not given back">${problem}<//>` : null}
    <footer class="dialog-foot">
      <${Button} onClick=${close}>Cancel<//>
      ${gate ? html`<${Button} kind="danger" busy=${busy} onClick=${() => give('refused')}>Refuse<//>
        <${Button} kind="primary" busy=${busy} onClick=${() => give('approved')}>Approve<//>` : html`<${Button} kind="primary" busy=${busy} onClick=${() => give(undefined)}>Give back<//>`}
    </footer>
  <//>`;
}
