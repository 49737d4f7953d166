import { html, useEffect, useState } from '../html.js';
import { api, asProblem } from '../state/api.js';
import { ago, dateTime, now } from '../state/clock.js';
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
  useEffect(() => void load(), []);
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>API keys</h1></header>
    <p class="lead">Agents sign in with a key, and scripts may call the REST API with one. Revoking a key disconnects everything that uses it, at once.</p>
    <${NewKey} made=${(/** @type {ApiKey & {key: string}} */ key) => { setMade(key); void load(); }} />
    ${made ? html`<section class="panel panel-accent"><h2>“${made.name}” is ready</h2><p>Copy it now: it is not shown again.</p><${CopyLine} text=${made.key} label="Copy key" />
      <p><${Button} onClick=${() => setMade(undefined)}>Done<//></p></section>` : null}
    ${problem ? html`<${Notice} title="The keys could not be loaded">${problem} <button type="button" class="link" onClick=${load}>Try again</button><//>` : null}
    ${!keys && !problem ? html`<${Waiting} words="Loading keys…" />` : null}
    ${keys?.length === 0 ? html`<div class="empty"><h2>No keys yet</h2><p>A machine needs one to connect. Make one above, or let <a href="/machines">Add a machine</a> do it for you.</p></div>` : null}
    ${keys && keys.length > 0 ? html`<ul class="rows">${keys.map((it) => html`<${KeyRow} key=${it.id} item=${it} gone=${() => { setKeys(keys.filter((key) => key.id !== it.id)); if (made?.name === it.name) setMade(undefined); }} />`)}</ul>` : null}
  </main>`;
}

/** @param {{item: ApiKey, gone: () => void}} props */
function KeyRow({ item, gone }) {
  const revoke = () => ask({
    title: `Revoke “${item.name}”?`,
    text: 'Machines and scripts that use it are disconnected at once and cannot come back with it. Their sessions go on.',
    action: 'Revoke',
    async act() {
      await api.revokeKey(item.id);
      gone();
    },
  });
  return html`<li class="row row-key"><span class="row-main"><strong>${item.name}</strong><span class="muted"><code>${item.prefix}…</code> made ${dateTime(item.created_at)}</span></span>
    <span class="muted">${item.last_used_at ? `Used ${ago(item.last_used_at, now.value)}` : 'Never used'}</span>
    <${Button} kind="danger" onClick=${revoke} aria-label="Revoke ${item.name}">Revoke<//></li>`;
}

/** @param {{made: (key: ApiKey & {key: string}) => void}} props */
function NewKey({ made }) {
  const [name, setName] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!name.trim()) return setProblem('A key needs a name, so that you know it when you revoke it.');
    setBusy(true);
    try {
      made(await api.createKey(name.trim()));
      setName('');
      setProblem('');
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
    return undefined;
  };
  return html`<form class="inline-form" onSubmit=${submit}>
    <${Field} label="Name of a new key" placeholder="Build server" maxlength="80" value=${name} problem=${problem || undefined}
      onInput=${(/** @type {InputEvent} */ event) => { setName(/** @type {HTMLInputElement} */ (event.target).value); setProblem(''); }} />
    <${Button} kind="primary" type="submit" busy=${busy}>New key<//>
  </form>`;
}
