import { html, useEffect, useRef, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { Notice, Waiting } from '../ui/controls.js';
import { say } from '../ui/toast.js';
import { ThisBrowser } from '../notify/this_browser.js';
import { QuietHours } from '../notify/quiet_hours.js';
import { KINDS } from '../notify/kinds.js';
import { SettingsTabs } from './settings_tabs.js';

/** @typedef {import('../state/api.js').Notifications} Wants */
/** @typedef {import('../state/api.js').Channel} Channel */

/** What the person is told when they do not look, and where. */
export function Notifications() {
  const [wants, setWants] = useState(/** @type {Wants | undefined} */ (undefined));
  const [problem, setProblem] = useState('');
  const load = () => void api.notifications().then((it) => { setWants(it); setProblem(''); }, (error) => setProblem(asProblem(error).message));
  useEffect(load, []);
  const saving = useRef({ newest: /** @type {Wants | undefined} */ (undefined), before: Promise.resolve() });
  /** Shown at once, saved one after the other, and taken back with the reason if it is refused. @param {Partial<Wants>} change */
  const set = (change) => {
    const known = saving.current.newest ?? wants;
    if (!known) return;
    const next = { ...known, ...change };
    saving.current.newest = next;
    setWants(next);
    saving.current.before = saving.current.before.then(async () => {
      // A later wish holds this one.
      if (saving.current.newest !== next) return;
      try {
        const { events, reach, quiet, with_text } = next;
        const saved = await api.setNotifications({ events, reach, quiet, with_text });
        if (saving.current.newest === next) setWants(saved);
      } catch (error) {
        say(`Not changed: ${asProblem(error).message}`);
        load();
      }
      if (saving.current.newest === next) saving.current.newest = undefined;
    });
  };
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>Notifications</h1></header>
    <p class="lead">What needs you is always listed on the page. Here you choose what else reaches you, and where. You are never told of the session you are looking at.</p>
    ${problem ? html`<${Notice} title="Your settings could not be loaded">${problem} <button type="button" class="link" onClick=${load}>Try again</button><//>` : null}
    ${!wants && !problem ? html`<${Waiting} words="Loading…" />` : null}
    ${wants ? html`<${ThisBrowser} wants=${wants} changed=${load} />
      <section><h2>What, and where</h2><${Matrix} wants=${wants} set=${set} /></section>
      <section><h2>Of whose sessions</h2>
        <div class="segments" role="group" aria-label="Of whose sessions">
          <button type="button" aria-pressed=${wants.reach === 'mine'} onClick=${() => set({ reach: 'mine' })}>Mine</button>
          <button type="button" aria-pressed=${wants.reach === 'all'} onClick=${() => set({ reach: 'all' })}>All that I see</button></div>
        <p class="field-hint reach-hint">${wants.reach === 'mine' ? 'Yours, those you have adopted, and what is offered to you.' : 'Also those of others that are shared with you, or that you see as an admin.'}</p></section>
      <section><h2>Quiet hours</h2><${QuietHours} quiet=${wants.quiet} set=${(/** @type {Wants['quiet']} */ quiet) => set({ quiet })} /></section>
      <section><h2>What it says</h2>
        <label class="check"><input type="checkbox" checked=${wants.with_text} onChange=${() => set({ with_text: !wants.with_text })} /> Show what a session asks: the command, the question</label>
        <p class="field-hint">It can be read on a locked screen then. Without it a notification names the session and the kind of request.</p></section>` : null}
  </main>`;
}

const CHANNELS = /** @type {const} */ ([['sound', 'Sound'], ['desktop', 'Desktop'], ['push', 'Push']]);

/** @param {{wants: Wants, set: (change: Partial<Wants>) => void}} props */
function Matrix({ wants, set }) {
  const manages = me.value?.role === 'owner' || me.value?.role === 'admin';
  const chosen = (/** @type {string} */ kind) => wants.events[kind] ?? wants.usual[kind] ?? [];
  const toggle = (/** @type {string} */ kind, /** @type {Channel} */ channel) => {
    const now = chosen(kind);
    set({ events: { ...wants.events, [kind]: now.includes(channel) ? now.filter((it) => it !== channel) : [...now, channel] } });
  };
  return html`<table class="matrix"><thead><tr><th scope="col">When</th>${CHANNELS.map(([, text]) => html`<th scope="col">${text}</th>`)}</tr></thead>
    <tbody>${KINDS.filter((it) => it.id !== 'webhook' || manages).map((it) => html`<tr key=${it.id}><th scope="row">${it.when}</th>
      ${CHANNELS.map(([channel, text]) => html`<td><label><input type="checkbox" aria-label="${text}: ${it.when}" checked=${chosen(it.id).includes(channel)} onChange=${() => toggle(it.id, channel)} /></label></td>`)}</tr>`)}</tbody></table>`;
}
