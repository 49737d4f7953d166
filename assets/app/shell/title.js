import { effect } from '../html.js';
import { connectionState } from '../state/account.js';
import { machines, nameOf, needing, sessions } from '../state/fleet.js';
import { markOf, stateWord } from '../state/marks.js';
import { route } from '../state/route.js';
import { SHAPES } from '../ui/mark.js';

/** The tab's title and its icon say the state of what is open. */

/** @type {Record<import('../state/marks.js').MarkKind | 'none', string>} */
const COLOURS = { working: '#4d8fd6', needs: '#f26b3a', done: '#4f9a52', idle: '#8a8a8a', exited: '#8a8a8a', lost: '#d64b3f', offline: '#8a8a8a', none: '#f26b3a' };
const PAGES = { home: 'Sessions', machines: 'Machines', machine: 'Machine', keys: 'API keys', security: 'Security', members: 'Members', organisation: 'Organisation', audit: 'Audit log', notifications: 'Notifications', webhooks: 'Webhooks', invitation: 'Invitation', 'reset-password': 'New password', account: 'Account', more: 'More', help: 'Help', setup: 'Set-up', 'sign-in': 'Sign in', unknown: 'Not found', session: 'Session' };

export function installTitle() {
  const icon = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel="icon"]'));
  const plain = icon?.href ?? '';
  let shown = '';
  effect(() => {
    const at = route.value;
    const session = at.page === 'session' ? sessions.value.get(at.id) : undefined;
    const stale = connectionState.value.kind === 'waiting' ? '(offline) ' : needing.value.length > 0 ? `(${needing.value.length}) ` : '';
    if (session) document.title = `${stale}${session.title || nameOf(session)} – ${machines.value.get(session.machine)?.name ?? 'SessionForge'} (${stateWord(session)})`;
    else document.title = `${stale}${at.page === 'machine' ? machines.value.get(at.id)?.name ?? 'Machine' : PAGES[at.page]} – SessionForge`;
    const kind = session ? markOf(session) : undefined;
    const href = kind ? drawing(kind) : needing.value.length > 0 ? drawing('needs') : plain;
    if (icon && href !== shown) icon.href = href;
    shown = href;
  });
}

/** @param {import('../state/marks.js').MarkKind} kind */
function drawing(kind) {
  const dashes = kind === 'offline' ? ' stroke-dasharray="2.5 2"' : '';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="${SHAPES[kind].d}" fill="none" stroke="${COLOURS[kind]}" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"${dashes}/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
