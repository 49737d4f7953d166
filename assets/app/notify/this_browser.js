import { html, useState } from '../html.js';
import { api, asProblem } from '../state/api.js';
import { dateTime } from '../state/clock.js';
import { Button, Notice } from '../ui/controls.js';
import { say } from '../ui/toast.js';
import { playTone } from './tone.js';
import { askPermission, canPush, permission, showNotice, subscribe, unsubscribe } from './worker.js';

/** @typedef {import('../state/api.js').Notifications} Wants */

/** Why nothing can be shown here, and what to do. @type {Record<Exclude<import('./worker.js').Permission, 'ready' | 'ask'>, [string, string]>} */
const WHY_NOT = {
  insecure: ['Not over plain HTTP', 'Browsers allow notifications only over https:// or on this machine itself. Open the server by https://, or as localhost; sounds work anyway.'],
  denied: ['This browser blocks notifications from this server', 'Allow them in its settings for this site (the icon beside the address), then come back here.'],
  'home-screen': ['Add this page to the home screen first', 'On an iPhone or iPad: Share, then “Add to Home Screen”. Open it from there and come back to this page.'],
  unsupported: ['This browser has no notifications', 'Use another one, or a webhook.'],
};

/** @param {{wants: Wants, changed: () => void}} props */
export function ThisBrowser({ wants, changed }) {
  const [busy, setBusy] = useState('');
  const mine = wants.pushes.find((it) => it.current);
  const others = wants.pushes.filter((it) => !it.current);
  const state = permission.value;
  const act = (/** @type {string} */ name, /** @type {() => Promise<void>} */ run) => async () => {
    setBusy(name);
    try {
      await run();
    } catch (error) {
      say(`${error instanceof DOMException ? `The browser refused: ${error.message}` : asProblem(error).message}`);
    }
    setBusy('');
  };
  const allow = act('allow', askPermission);
  const heard = act('sound', async () => { if (!(await playTone())) say('This browser plays nothing now: is the tab muted?'); });
  const shown = act('desktop', () => showNotice({ tag: 'test', at: Date.now(), kind: 'notice', title: 'SessionForge', body: 'Desktop notifications work in this browser', path: '/settings/notifications' }));
  const push = act('push', async () => {
    await subscribe(wants.push_key);
    changed();
  });
  const stop = act('push', async () => {
    if (mine) await api.unsubscribe(mine.id);
    await unsubscribe();
    changed();
  });
  const test = act('push-test', async () => {
    if (mine) await api.testPush(mine.id);
    say('The push service has it: it appears within seconds.');
  });
  const why = state === 'ready' || state === 'ask' ? undefined : WHY_NOT[state];
  return html`<section class="section-first"><h2>This browser</h2>
    ${why ? html`<${Notice} kind="note" title=${why[0]}>${why[1]}<//>` : null}
    <ul class="rows ways">
      <li class="row"><span class="row-main"><strong>Sound</strong><span class="muted">Two short notes, while a page is open</span></span>
        <${Button} busy=${busy === 'sound'} onClick=${heard} aria-label="Test the sound">Test<//></li>
      <li class="row"><span class="row-main"><strong>Desktop</strong><span class="muted">${state === 'ready' ? 'Allowed: shown while a page is open' : state === 'ask' ? 'Not allowed yet' : 'Not possible here'}</span></span>
        ${state === 'ask' ? html`<${Button} kind="primary" busy=${busy === 'allow'} onClick=${allow}>Allow<//>` : null}
        ${state === 'ready' ? html`<${Button} busy=${busy === 'desktop'} onClick=${shown} aria-label="Test desktop notifications">Test<//>` : null}</li>
      <li class="row"><span class="row-main"><strong>Push</strong><span class="muted">${mine ? 'On: also while no page is open' : 'Also while no page is open'}</span></span>
        ${mine ? html`<${Button} busy=${busy === 'push-test'} onClick=${test} aria-label="Test push messages">Test<//><${Button} busy=${busy === 'push'} onClick=${stop} aria-label="Switch push messages off">Off<//>`
          : html`<${Button} busy=${busy === 'push'} disabled=${state !== 'ready' || !canPush()} onClick=${push} aria-label="Switch push messages on">Switch on<//>`}</li>
    </ul>
    ${others.length > 0 ? html`<p class="field-hint">Push messages also go to:</p><ul class="rows ways">${others.map((it) => html`<li key=${it.id} class="row"><span class="row-main"><span>${it.user_agent ?? 'A browser'}</span><span class="muted">Since ${dateTime(it.created_at)}</span></span>
      <${Button} onClick=${act(it.id, async () => { await api.unsubscribe(it.id); changed(); })}>Off<//></li>`)}</ul>` : null}
  </section>`;
}
