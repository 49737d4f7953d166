import { html } from '../html.js';
import { needing } from '../state/fleet.js';
import { path } from '../state/route.js';
import { Icon } from '../ui/icon.js';

const TABS = [
  { href: '/', icon: 'layout-grid', label: 'Sessions', holds: (/** @type {string} */ at) => at === '/' || at.startsWith('/sessions') },
  { href: '/machines', icon: 'server', label: 'Machines', holds: (/** @type {string} */ at) => at.startsWith('/machines') },
  { href: '/settings', icon: 'ellipsis', label: 'More', holds: (/** @type {string} */ at) => at.startsWith('/settings') || at.startsWith('/help') },
];

/** The ways of a phone, under the thumb. */
export function Tabs() {
  return html`<nav class="tabs" aria-label="Main">
    ${TABS.map(({ href, icon, label, holds }) => html`<a href=${href} aria-current=${holds(path.value) ? 'page' : undefined}><${Icon} name=${icon} size=${20} /><span>${label}</span>${href === '/' && needing.value.length > 0 ? html`<span class="rail-badge" aria-label="${needing.value.length} need you">${needing.value.length}</span>` : null}</a>`)}
  </nav>`;
}
