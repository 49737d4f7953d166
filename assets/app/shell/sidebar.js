import { html } from '../html.js';
import { account } from '../state/account.js';
import { now, span } from '../state/clock.js';
import { fleetKnown, machineList, nameOf, needing, sessionsOf } from '../state/fleet.js';
import { stateWord } from '../state/marks.js';
import { prefs, setPrefs } from '../state/prefs.js';
import { path } from '../state/route.js';
import { needWords } from '../session/need.js';
import { newSession } from '../session/new_session.js';
import { IconButton } from '../ui/controls.js';
import { Icon } from '../ui/icon.js';
import { Mark, Presence } from '../ui/mark.js';
import { IS_MAC } from '../ui/shortcuts.js';
import { ConnectionState } from './connection.js';
import { openPalette } from './palette.js';
import { Switcher } from './switcher.js';

/** The left rail: where everything is, and how it is. */
export function Sidebar() {
  const who = account.value.kind === 'in' ? account.value.me : undefined;
  return html`<nav class="rail" aria-label="Machines and sessions">
    <div class="rail-head"><a class="rail-name" href="/" title=${who?.organisation.name}>${who?.organisation.name}</a><${Switcher} />
      <${IconButton} icon="plus" label="New session" tip="New session (n)" onClick=${() => newSession()} /></div>
    <button type="button" class="rail-search" onClick=${openPalette}><${Icon} name="search" size=${14} /><span>Go to…</span><kbd>${IS_MAC ? '⌘K' : 'Ctrl K'}</kbd></button>
    <div class="rail-scroll">
      <${RailLink} href="/" icon="layout-grid">All sessions<//>
      ${needing.value.length > 0 ? html`<section class="rail-group rail-needs" aria-label="Needs you"><h2>Needs you<span class="rail-badge">${needing.value.length}</span></h2>
        <ul>${needing.value.map((session) => html`<${SessionLink} key=${session.id} session=${session} words=${session.needs && needWords(session.needs)} />`)}</ul></section>` : null}
      ${machineList.value.map((machine) => html`<${MachineGroup} key=${machine.id} machine=${machine} />`)}
      ${fleetKnown.value ? html`<${RailLink} href="/machines" icon="plus" quiet>Add a machine<//>` : null}
    </div>
    <div class="rail-foot">
      <${ConnectionState} />
      <div class="rail-person">
        <a class="rail-link" href="/settings/account" aria-current=${path.value.startsWith('/settings') ? 'page' : undefined}>
          <${Icon} name="settings" size=${14} /><span>${who?.user.name || 'Settings'}</span></a>
        <a class="rail-link" href="/help" aria-label="Help" title="Help" aria-current=${path.value.startsWith('/help') ? 'page' : undefined}><${Icon} name="circle-help" size=${14} /></a>
      </div>
    </div>
  </nav>`;
}

/** @param {{machine: import('../wire/messages.js').MachineView}} props */
function MachineGroup({ machine }) {
  const mine = sessionsOf(machine.id);
  const folded = prefs.value.folded[machine.id] ?? false;
  const href = `/machines/${machine.id}`;
  const fold = () => setPrefs({ folded: { ...prefs.value.folded, [machine.id]: !folded } });
  return html`<section class="rail-group">
    <div class="rail-machine" aria-current=${path.value === href ? 'page' : undefined}>
      <button type="button" class="rail-fold ${folded ? 'folded' : ''}" aria-expanded=${!folded} aria-label="Sessions of ${machine.name}" onClick=${fold}><${Icon} name="chevron-down" size=${12} /></button>
      <a href=${href}><span class="rail-label">${machine.name}</span></a>
      ${folded && mine.length > 0 ? html`<span class="rail-count">${mine.length}</span>` : null}
      <${Presence} online=${machine.online} />
    </div>
    ${folded ? null : html`<ul>${mine.map((session) => html`<${SessionLink} key=${session.id} session=${session} />`)}</ul>`}
  </section>`;
}

/** @param {{session: import('../wire/messages.js').SessionView, words?: string}} props */
function SessionLink({ session, words }) {
  const href = `/sessions/${session.id}`;
  return html`<li><a class="rail-session" href=${href} aria-current=${path.value === href ? 'page' : undefined}
      title="${nameOf(session)} · ${stateWord(session)}">
    <${Mark} session=${session} /><span class="rail-label">${nameOf(session)}${words ? html`<small>${words}</small>` : null}</span>
    <time class="rail-time">${span((words && session.needs?.since) || (session.ended_at ?? session.started_at), now.value)}</time></a></li>`;
}

/** @param {{href: string, icon: string, quiet?: boolean, children?: import('../../vendor/preact/preact.mjs').ComponentChildren}} props */
function RailLink({ href, icon, quiet = false, children }) {
  return html`<a class="rail-link ${quiet ? 'quiet' : ''}" href=${href} aria-current=${path.value === href ? 'page' : undefined}><${Icon} name=${icon} size=${14} /><span>${children}</span></a>`;
}
