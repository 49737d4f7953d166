import { html, useEffect, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { ago, dateTime, now } from '../state/clock.js';
import { SCOPES } from '../state/roles.js';
import { ask } from '../ui/ask.js';
import { Button, CopyLine, Field, Notice, Waiting } from '../ui/controls.js';
import { SettingsTabs } from './settings_tabs.js';

/** @typedef {import('../state/api.js').ApiKey} ApiKey */

/** API keys: made here, shown once, revoked here. */
export function Keys() {
  const [keys, setKeys] = useState(/** @type {ApiKey[] | undefined} */ (undefined));
  const [problem, setProblem] = useState('');
  const [made, setMade] = useState(/** @type {{name: string, key: string} | undefined} */ (undefined));
  const load = async () => {
    try {
      setKeys((await api.keys()).keys);
      setProblem('');
    } catch (error) {
      setProblem(asProblem(error).message);
    }
  };
  const show = (/** @type {ApiKey & {key: string}} */ key) => { setMade(key); void load(); };
  useEffect(() => void load(), []);
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>API keys</h1></header>
    <p class="lead">Agents sign in with a key, and scripts may call the REST API with one. Revoking a key disconnects everything that uses it, at once.</p>
    ${made ? html`<section class="panel panel-accent"><h2>“${made.name}” is ready</h2><p>Copy it now: it is not shown again.</p><${CopyLine} text=${made.key} label="Copy key" />
      <p><${Button} onClick=${() => setMade(undefined)}>Done<//></p></section>` : null}
    <${NewKey} made=${show} />
    ${problem ? html`<${Notice} title="The keys could not be loaded">${problem} <button type="button" class="link" onClick=${load}>Try again</button><//>` : null}
    ${!keys && !problem ? html`<${Waiting} words="Loading keys…" />` : null}
    ${keys?.length === 0 ? html`<div class="empty"><h2>No keys yet</h2><p>A machine needs one to connect. Make one above, or let <a href="/machines">Add a machine</a> do it for you.</p></div>` : null}
    ${keys && keys.length > 0 ? html`<ul class="rows">${keys.map((it) => html`<${KeyRow} key=${it.id} item=${it} made=${show} gone=${() => { setKeys(keys.filter((key) => key.id !== it.id)); if (made?.name === it.name) setMade(undefined); }} />`)}</ul>` : null}
  </main>`;
}

/** @param {{item: ApiKey, gone: () => void, made: (key: ApiKey & {key: string}) => void}} props */
function KeyRow({ item, gone, made }) {
  const rotate = () => ask({
    title: `Replace “${item.name}”?`,
    text: 'A new key takes its place. The old one works for another hour, so that you can put the new one where it is needed; then whatever still uses it is disconnected.',
    action: 'Replace',
    async act() { made(await api.rotateKey(item.id)); },
  });
  const revoke = () => ask({
    title: `Revoke “${item.name}”?`,
    text: 'Machines and scripts that use it are disconnected at once and cannot come back with it. Their sessions go on.',
    action: 'Revoke',
    async act() {
      await api.revokeKey(item.id);
      gone();
    },
  });
  const expired = item.expires_at !== null && item.expires_at <= now.value;
  return html`<li class="row row-key ${expired ? 'row-off' : ''}"><span class="row-main"><strong>${item.name}</strong><span class="muted"><code>${item.prefix}…</code> ${item.scopes.join(', ')}</span>
      <span class="muted">Made ${dateTime(item.created_at)}${item.expires_at ? `, ${expired ? 'expired' : 'expires'} ${dateTime(item.expires_at)}` : ''}</span></span>
    <span class="muted">${item.last_used_at ? `Used ${ago(item.last_used_at, now.value)}${item.last_used_from ? ` from ${item.last_used_from}` : ''}` : 'Never used'}</span>
    ${item.created_by === me.value?.user.id && !expired ? html`<${Button} onClick=${rotate} aria-label="Replace ${item.name}">Replace<//>` : null}
    <${Button} kind="danger" onClick=${revoke} aria-label="Revoke ${item.name}">Revoke<//></li>`;
}

/** Ends that are offered, in days. */
const ENDS = [[0, 'Never'], [7, 'In a week'], [30, 'In 30 days'], [90, 'In 90 days'], [365, 'In a year']];
const DAY = 86_400_000;

/** @param {{made: (key: ApiKey & {key: string}) => void}} props */
function NewKey({ made }) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState(['agent']);
  const [days, setDays] = useState(0);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!name.trim()) return setProblem('A key needs a name, so that you know it when you revoke it.');
    setBusy(true);
    try {
      made(await api.createKey({ name: name.trim(), scopes, ...(days > 0 && { expires_at: Date.now() + days * DAY }) }));
      setName('');
      setProblem('');
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
    return undefined;
  };
  const toggle = (/** @type {string} */ id) => setScopes(scopes.includes(id) ? scopes.filter((it) => it !== id) : [...scopes, id]);
  return html`<form class="new-key" onSubmit=${submit}>
    <div class="field-row"><${Field} label="Name of a new key" placeholder="Build server" maxlength="80" value=${name} problem=${problem || undefined}
      onInput=${(/** @type {InputEvent} */ event) => { setName(/** @type {HTMLInputElement} */ (event.target).value); setProblem(''); }} />
      <div class="field"><label for="key-end">Expires</label><select id="key-end" value=${String(days)} onChange=${(/** @type {Event} */ event) => setDays(Number(/** @type {HTMLSelectElement} */ (event.target).value))}>${ENDS.map(([value, text]) => html`<option value=${String(value)}>${text}</option>`)}</select></div></div>
    <fieldset class="scopes"><legend>May be used to</legend>${SCOPES.map((it) => html`<label class="check"><input type="checkbox" checked=${scopes.includes(it.id)} onChange=${() => toggle(it.id)} /> <span>${it.says} <code>${it.id}</code></span></label>`)}</fieldset>
    <${Button} kind="primary" type="submit" busy=${busy} disabled=${scopes.length === 0}>New key<//>
  </form>`;
}
