import { html, signal, useEffect, useMemo, useRef, useState } from '../html.js';
import { leave } from '../state/account.js';
import { api } from '../state/api.js';
import { machineList, machines, nameOf, sessionList } from '../state/fleet.js';
import { help, loadHelp } from '../state/help.js';
import { prefs, setPrefs } from '../state/prefs.js';
import { go, path } from '../state/route.js';
import { newSession } from '../session/new_session.js';
import { Dialog } from '../ui/dialog.js';
import { Icon } from '../ui/icon.js';
import { Mark, Presence } from '../ui/mark.js';
import { fuzzy } from './fuzzy.js';
import { openKeyboard } from './keyboard.js';

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} text      what is searched and shown
 * @property {string} detail
 * @property {import('../../vendor/preact/preact.mjs').VNode} mark
 * @property {() => void} run
 */

const open = signal(false);
/** Entries shown; a person who needs more types another letter. */
const SHOWN_MAX = 50;

export function openPalette() {
  open.value = true;
}

/** Everything, by name. */
export function Palette() {
  return open.value ? html`<${Opened} />` : null;
}

/** @returns {Entry[]} */
function everything() {
  const to = (/** @type {string} */ path) => () => go(path);
  const icon = (/** @type {string} */ name) => html`<${Icon} name=${name} size=${14} />`;
  /** @type {Entry[]} */
  const entries = [
    ...sessionList.value.map((it) => ({ id: `/sessions/${it.id}`, text: nameOf(it), detail: `${machines.value.get(it.machine)?.name ?? ''}${it.title ? ` · ${it.title}` : ''}`, mark: html`<${Mark} session=${it} />`, run: to(`/sessions/${it.id}`) })),
    ...machineList.value.map((it) => ({ id: `/machines/${it.id}`, text: it.name, detail: `Machine · ${it.os_version || it.os}`, mark: html`<${Presence} online=${it.online} />`, run: to(`/machines/${it.id}`) })),
    { id: 'new', text: 'New session', detail: 'Start a program on a machine', mark: icon('plus'), run: () => newSession() },
    { id: '/', text: 'All sessions', detail: 'Page', mark: icon('layout-grid'), run: to('/') },
    { id: '/machines', text: 'Machines', detail: 'Page · add a machine', mark: icon('server'), run: to('/machines') },
    { id: '/settings/keys', text: 'API keys', detail: 'Settings', mark: icon('key-round'), run: to('/settings/keys') },
    { id: '/settings/members', text: 'Members and invitations', detail: 'Settings', mark: icon('user'), run: to('/settings/members') },
    { id: '/settings/security', text: 'Security: second factor, browsers', detail: 'Settings', mark: icon('key-round'), run: to('/settings/security') },
    { id: '/settings/organisation', text: 'Organisation', detail: 'Settings', mark: icon('settings'), run: to('/settings/organisation') },
    { id: '/settings/audit', text: 'Audit log', detail: 'Settings', mark: icon('settings'), run: to('/settings/audit') },
    { id: '/settings/account', text: 'Account and appearance', detail: 'Settings', mark: icon('settings'), run: to('/settings/account') },
    ...(/** @type {const} */ (['system', 'light', 'dark'])).map((theme) => ({ id: `theme-${theme}`, text: `Theme: ${theme === 'system' ? 'as the system' : theme}`, detail: 'Appearance', mark: icon('settings'), run: () => setPrefs({ theme }) })),
    { id: '/help', text: 'Help', detail: 'Page', mark: icon('circle-help'), run: to('/help') },
    ...help.value.pages.map((it) => ({ id: `/help/${it.name}`, text: it.title, detail: 'Help', mark: icon('circle-help'), run: to(`/help/${it.name}`) })),
    { id: 'keyboard', text: 'Keyboard shortcuts', detail: 'Help', mark: icon('keyboard'), run: openKeyboard },
    { id: 'out', text: 'Sign out', detail: 'Account', mark: icon('log-out'), run: () => void api.signOut().then(() => leave()) },
  ];
  const recent = new Map(prefs.value.recent.map((path, at) => [path, at]));
  // Where one is already is the last place one wants to go.
  const rank = (/** @type {Entry} */ it) => (it.id === path.value ? Infinity : recent.get(it.id) ?? Number.MAX_SAFE_INTEGER);
  return entries.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}

function Opened() {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef(/** @type {HTMLUListElement | null} */ (null));
  useEffect(() => void loadHelp(), []);
  const all = useMemo(everything, [sessionList.value, machineList.value, help.value]);
  const found = fuzzy(text, all, (it) => `${it.text} ${it.detail}`).slice(0, SHOWN_MAX);
  const chosen = Math.min(at, found.length - 1);
  const close = () => { open.value = false; };
  const run = (/** @type {Entry | undefined} */ entry) => {
    if (!entry) return;
    close();
    // After the dialog has given the focus back: what opens next may take it.
    setTimeout(entry.run);
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown') setAt(Math.min(chosen + 1, found.length - 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0));
    else if (event.key === 'Enter') run(found[chosen]);
    else return;
    event.preventDefault();
    requestAnimationFrame(() => list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }));
  };
  return html`<${Dialog} title="Go to" bare onClose=${close} class="palette">
    <div class="palette-field"><${Icon} name="search" />
      <input data-autofocus type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-label="Session, machine or action"
        aria-activedescendant=${found[chosen] ? `palette-${chosen}` : undefined} placeholder="Session, machine or action" autocomplete="off" spellcheck=${false}
        value=${text} onInput=${(/** @type {InputEvent} */ event) => { setText(/** @type {HTMLInputElement} */ (event.target).value); setAt(0); }} onKeyDown=${keys} /></div>
    ${found.length === 0 ? html`<p class="palette-none">Nothing is called “${text}”.</p>` : null}
    <ul id="palette-list" role="listbox" aria-label="Results" ref=${list}>
      ${found.map((entry, index) => html`<li key=${entry.id} id="palette-${index}" role="option" aria-selected=${index === chosen}
          onMouseMove=${() => setAt(index)} onClick=${() => run(entry)}>
        <span class="palette-mark">${entry.mark}</span><span class="palette-text">${entry.text}</span><span class="palette-detail">${entry.detail}</span></li>`)}
    </ul>
  <//>`;
}
