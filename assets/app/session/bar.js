import { html } from '../html.js';
import { isLive, isResumable, machines, nameOf, sessions } from '../state/fleet.js';
import { stateWord } from '../state/marks.js';
import { Button, IconButton } from '../ui/controls.js';
import { copyText } from '../ui/copy.js';
import { Icon } from '../ui/icon.js';
import { Mark } from '../ui/mark.js';
import { Menu } from '../ui/menu.js';
import { say } from '../ui/toast.js';
import { askForget, askStop, canStop, resume, startAgain } from './actions.js';
import { HandoffButtons, SharedBadge, standing, toggleShared } from './handoff.js';
import { Presence, askForKeyboard, mayAsk, offerTo, offerable } from './presence.js';

/**
 * The 44 pixels above a terminal: what it is, how it is, who watches, who types.
 * @param {object} props
 * @param {import('../wire/messages.js').SessionView} props.session
 * @param {import('../wire/messages.js').Control | undefined} props.control
 * @param {import('../terminal/layout.js').Sizing} props.sizing
 * @param {(sizing: import('../terminal/layout.js').Sizing) => void} props.setSizing
 * @param {() => void} props.take
 * @param {() => void} props.find
 */
export function Bar({ session, control, sizing, setSizing, take, find }) {
  const machine = machines.value.get(session.machine);
  const live = isLive(session);
  const origin = session.resumed_from ? sessions.value.get(session.resumed_from) : undefined;
  const viewers = control?.viewers ?? session.viewers;
  const { manages } = standing(session);
  /** @type {import('../ui/menu.js').Item[]} */
  const items = [
    { label: 'Fit to this window', checked: sizing === 'fit', run: () => setSizing('fit') },
    { label: 'Keep the session’s size', checked: sizing === 'keep', run: () => setSizing('keep') },
    'line',
    { label: 'Search…', icon: 'search', run: find },
    { label: 'Copy the address', icon: 'copy', run: () => void copyText(location.href).then((done) => say(done ? 'The address is on the clipboard.' : 'The browser does not let the page copy.')) },
    'line',
    ...offerable(session).map((person) => ({ label: `Offer to ${person.name}`, run: () => void offerTo(session, person) })),
    ...(mayAsk(session) && manages ? [{ label: 'Ask for the keyboard', run: () => void askForKeyboard(session) }] : []),
    ...(manages && live ? [{ label: 'Share with the organisation', checked: session.shared, run: () => void toggleShared(session) }, /** @type {const} */ ('line')] : []),
    ...(live ? [
      { label: 'Stop…', icon: 'circle-stop', danger: true, disabled: !canStop(session), run: () => askStop(session, false) },
      { label: 'Kill…', icon: 'x', danger: true, disabled: !canStop(session), run: () => askStop(session, true) },
    ] : [
      ...(isResumable(session) ? [{ label: 'Resume', icon: 'plus', disabled: machine?.online !== true, run: () => void resume(session) }] : []),
      { label: 'Start again', icon: 'plus', disabled: machine?.online !== true, run: () => void startAgain(session) },
      { label: 'Remove…', icon: 'trash-2', danger: true, run: () => askForget(session) },
    ]),
  ];
  return html`<header class="bar">
    <a class="bar-back icon-button" href="/" aria-label="All sessions"><${Icon} name="chevron-left" size=${20} /></a>
    <${Mark} session=${session} silent />
    <h1 class="bar-name"><a href="/machines/${session.machine}">${machine?.name ?? 'Unknown machine'}</a><span aria-hidden="true">/</span><span class="bar-session">${nameOf(session)}</span></h1>
    ${session.title ? html`<span class="bar-title" title=${session.title}>${session.title}</span>` : null}
    ${origin ? html`<a class="bar-origin" href="/sessions/${origin.id}" title="Goes on with the conversation of “${nameOf(origin)}”">Resumed</a>` : null}
    ${session.branch ? html`<span class="bar-title" title="Branch${session.model ? ` · ${session.model}` : ''}">${session.branch}</span>` : null}
    <span class="bar-space"></span>
    <span class="bar-state">${live && control && !control.you ? 'Watching' : stateWord(session)}</span>
    <${SharedBadge} session=${session} />
    <${Presence} session=${session} control=${control} />
    ${live && control && control.may_type !== false && (viewers > 1 || !control.you) ? (control.you ? html`<span class="bar-fact bar-you" title="You have the keyboard"><${Icon} name="keyboard" size=${14} /></span>`
      : html`<${Button} onClick=${take} title="Type here; whoever types now will watch">Take control<//>`) : null}
    ${mayAsk(session) && !manages ? html`<${Button} onClick=${() => void askForKeyboard(session)} title="${session.handoff?.adopted_by?.name ?? session.owner.name} is asked, and decides">Ask for the keyboard<//>` : null}
    <${HandoffButtons} session=${session} />
    <span class="bar-find"><${IconButton} icon="search" label="Search in the terminal" onClick=${find} /></span>
    <${Menu} label="More" items=${items} />
  </header>`;
}
