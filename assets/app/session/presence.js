import { html } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { isLive } from '../state/fleet.js';
import { Button } from '../ui/controls.js';
import { Icon } from '../ui/icon.js';
import { say } from '../ui/toast.js';
import { standing } from './handoff.js';
import { colourOf, initials } from './people.js';

/** Who watches a session, who types, and asking for the keyboard. The server decides (docs/handoff.md). */

/** @typedef {import('../wire/messages.js').SessionView} SessionView */
/** @typedef {import('../wire/messages.js').Person} Person */
/** @typedef {import('../wire/messages.js').Control} Control */

/** People shown in the bar; the rest are counted. */
const SHOWN_MAX = 4;

/**
 * Everybody at a session but oneself: a full disc types, a ring watches.
 * @param {{session: SessionView, control: Control | undefined}} props
 */
export function Presence({ session, control }) {
  const mine = me.value?.user.id;
  const types = (/** @type {Person} */ person) => control?.who?.id === person.id && !control.you;
  const others = (session.watching ?? []).filter((person) => person.id !== mine).sort((one, other) => Number(types(other)) - Number(types(one)));
  const viewers = control?.viewers ?? session.viewers;
  if (!isLive(session) || (others.length === 0 && viewers < 2)) return null;
  const says = others.map((person) => `${person.name} ${types(person) ? 'has the keyboard' : 'watches'}`).join(', ');
  if (others.length === 0) {
    return html`<span class="bar-fact" title="${viewers} screens of yours show this session"><${Icon} name="eye" size=${14} />${viewers}</span>`;
  }
  return html`<span class="watchers" data-testid="presence" title=${says} role="img" aria-label=${says}>
    ${others.slice(0, SHOWN_MAX).map((person) => html`<span key=${person.id} class="who ${types(person) ? 'who-types' : ''}" style="--who: var(--who-${colourOf(person.id)})" data-person=${person.name}>${initials(person.name)}</span>`)}
    ${others.length > SHOWN_MAX ? html`<span class="bar-fact">+${others.length - SHOWN_MAX}</span>` : null}
    <span class="bar-names">${others.map((person) => person.name).join(', ')}</span>
  </span>`;
}

/** @param {Control} control @returns {string} who has the keyboard, as a sentence, to somebody who has not */
export function whoTypes(control) {
  if (!control.present) return 'Nobody has the keyboard.';
  if (!control.who) return 'A terminal on the machine has the keyboard.';
  return control.who.id === me.value?.user.id ? 'Another window of yours has the keyboard.' : `${control.who.name} has the keyboard.`;
}

/** @param {SessionView} session @returns {boolean} whether the person here has asked, and waits */
function waits(session) {
  return session.asking?.some((ask) => ask.id === me.value?.user.id) ?? false;
}

/** @param {SessionView} session @returns {boolean} whether the person here may ask whoever has the keyboard for it */
export function mayAsk(session) {
  const person = me.value;
  const { own, mine, adoptable } = standing(session);
  if (!person || person.role === 'viewer' || !isLive(session) || mine || adoptable || waits(session)) return false;
  return own ? session.handoff?.phase === 'adopted' : session.shared || person.role !== 'member';
}

/** @param {() => Promise<unknown>} act @param {string} failed */
async function attempt(act, failed) {
  try {
    await act();
  } catch (error) {
    say(`${failed}: ${asProblem(error).message}`);
  }
}

/** @param {SessionView} session */
export function askForKeyboard(session) {
  return attempt(() => api.askControl(session.id, false), 'Not asked');
}

/** Offers a session to one person alone. @param {SessionView} session @param {Person} person */
export function offerTo(session, person) {
  return attempt(async () => {
    await api.offer(session.id, person.id);
    say(`Offered to ${person.name}, and to nobody else.`);
  }, 'Not offered');
}

/** Those whom a session's owner may offer it to with one click: whoever watches. @param {SessionView} session @returns {Person[]} */
export function offerable(session) {
  const { own, manages } = standing(session);
  if (!own || !manages || !isLive(session) || session.handoff?.phase === 'adopted') return [];
  return (session.watching ?? []).filter((person) => person.id !== session.owner.id);
}

/** What the strip says of asking, to whoever asks and to whoever is asked. @param {{session: SessionView}} props */
export function AskStrip({ session }) {
  const { own, mine } = standing(session);
  const holds = mine || (own && session.handoff?.phase !== 'adopted');
  const [first, ...more] = session.asking ?? [];
  if (holds && first) {
    const answer = (/** @type {boolean} */ grant) => attempt(() => api.answerAsk(session.id, first.id, grant), 'Not answered');
    return html`<div class="strip strip-stays strip-asks" key="ask-${first.id}" role="status" data-testid="asked"><span class="who" style="--who: var(--who-${colourOf(first.id)})" aria-hidden="true">${initials(first.name)}</span>
      <span><strong>${first.name} asks for the keyboard.</strong>${more.length > 0 ? ` ${more.length} more after that.` : ''}</span>
      <span class="strip-offers"><${Button} onClick=${() => answer(false)}>Not now<//><${Button} kind="primary" onClick=${() => answer(true)} title=${own ? `${first.name} has the session until it is given back` : 'The session is theirs instead of yours'}>Give it<//></span></div>`;
  }
  if (waits(session)) {
    const holder = session.handoff?.adopted_by ?? session.owner;
    return html`<div class="strip strip-stays" role="status" data-testid="asks"><span><strong>You have asked ${holder.name} for the keyboard.</strong> The question stands for a minute.</span>
      <${Button} onClick=${() => void attempt(() => api.askControl(session.id, true), 'Not withdrawn')}>Withdraw<//></div>`;
  }
  return null;
}
