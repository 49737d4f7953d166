import { html } from '../html.js';
import { path } from '../state/route.js';

/** The pages of the settings. */
export function SettingsTabs() {
  const tab = (/** @type {string} */ href, /** @type {string} */ text) => html`<a href=${href} aria-current=${path.value === href ? 'page' : undefined}>${text}</a>`;
  return html`<nav class="page-tabs" aria-label="Settings">${tab('/settings/account', 'Account')}${tab('/settings/keys', 'API keys')}</nav>`;
}
