import { html } from '../html.js';
import { account } from '../state/account.js';
import { ConnectionState } from '../shell/connection.js';
import { openKeyboard } from '../shell/keyboard.js';
import { openPalette } from '../shell/palette.js';
import { Switcher } from '../shell/switcher.js';
import { Icon } from '../ui/icon.js';

/** What else there is, on a phone. */
export function More() {
  const me = account.value.kind === 'in' ? account.value.me : undefined;
  const row = (/** @type {string} */ icon, /** @type {string} */ text) => html`<${Icon} name=${icon} /><span class="row-main"><strong>${text}</strong></span><${Icon} name="chevron-right" />`;
  return html`<main class="page"><header class="page-head"><h1>${me?.organisation.name}</h1><${Switcher} /></header>
    <ul class="rows">
      <li><button type="button" class="row" onClick=${openPalette}>${row('search', 'Go to…')}</button></li>
      <li><a class="row" href="/settings/account">${row('user', 'Account and appearance')}</a></li>
      <li><a class="row" href="/settings/security">${row('key-round', 'Security')}</a></li>
      ${me && me.role !== 'viewer' ? html`<li><a class="row" href="/settings/keys">${row('key-round', 'API keys')}</a></li>
      <li><a class="row" href="/settings/members">${row('user', 'Members')}</a></li>` : null}
      <li><a class="row" href="/settings/organisation">${row('settings', 'Organisation')}</a></li>
      ${me?.role === 'owner' || me?.role === 'admin' ? html`<li><a class="row" href="/settings/audit">${row('keyboard', 'Audit log')}</a></li>` : null}
      <li><a class="row" href="/help">${row('circle-help', 'Help')}</a></li>
      <li><button type="button" class="row" onClick=${openKeyboard}>${row('keyboard', 'Keyboard')}</button></li>
    </ul><${ConnectionState} /></main>`;
}
