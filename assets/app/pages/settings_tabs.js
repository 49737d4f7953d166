import { html } from '../html.js';
import { me } from '../state/account.js';
import { path } from '../state/route.js';

/** The pages of the settings that this person has. */
export function SettingsTabs() {
  const tab = (/** @type {string} */ href, /** @type {string} */ text) => html`<a href=${href} aria-current=${path.value === href ? 'page' : undefined}>${text}</a>`;
  const belongs = me.value && me.value.role !== 'viewer';
  const manages = me.value?.role === 'owner' || me.value?.role === 'admin';
  return html`<nav class="page-tabs" aria-label="Settings">${tab('/settings/account', 'Account')}${tab('/settings/notifications', 'Notifications')}${tab('/settings/security', 'Security')}
    ${belongs ? html`${tab('/settings/keys', 'API keys')}${tab('/settings/members', 'Members')}` : null}${tab('/settings/organisation', 'Organisation')}
    ${manages ? html`${tab('/settings/webhooks', 'Webhooks')}${tab('/settings/audit', 'Audit')}` : null}</nav>`;
}
