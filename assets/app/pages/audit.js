import { html, useEffect, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { dateTime } from '../state/clock.js';
import { Button, Field, Notice, Waiting } from '../ui/controls.js';
import { say } from '../ui/toast.js';
import { SettingsTabs } from './settings_tabs.js';

/** @typedef {import('../state/api.js').AuditEntry} AuditEntry */
/** @typedef {import('../state/api.js').AuditFilter} AuditFilter */

/** Kinds of actions, as the filter offers them: the part of an action's name before the dot. */
const KINDS = [['', 'Everything'], ['account', 'Accounts and sign-ins'], ['member', 'Members'], ['key', 'API keys'], ['machine', 'Machines'], ['session', 'Sessions'],
  ['setting', 'Settings'], ['access', 'What was not allowed'], ['organisation', 'Addresses turned away'], ['audit', 'The log itself']];

/** What the actions are called; one of a newer server has its own name. @type {Record<string, string>} */
const WORDS = {
  'account.set_up': 'set the server up', 'account.sign_in': 'signed in', 'account.sign_out': 'signed out', 'account.password_change': 'changed a password',
  'account.second_factor': 'changed a second factor', 'account.browser_revoke': 'signed a browser out', 'member.invite': 'invited', 'member.join': 'joined', 'member.role': 'changed a role',
  'member.remove': 'removed a member', 'key.make': 'made a key', 'key.rotate': 'replaced a key', 'key.revoke': 'revoked a key',
  'machine.register': 'connected a new machine', 'machine.change': 'renamed or tagged a machine', 'machine.remove': 'removed a machine', 'machine.update': 'had a machine updated', 'session.start': 'started a session',
  'session.stop': 'stopped a session', 'session.forget': 'removed a session', 'session.attach': 'watched a session', 'session.take_control': 'took the keyboard',
  'session.input': 'typed by a script', 'session.share': 'shared a session', 'session.adopt': 'adopted a session', 'session.return': 'gave a session back', 'setting.change': 'changed a setting',
  'audit.export': 'exported this log', 'audit.trim': 'removed old entries',
};

/** The same of what was refused. @type {Record<string, string>} */
const REFUSED = {
  'account.sign_in': 'could not sign in', 'key.use': 'came with a key that is not good', 'organisation.enter': 'came from an address that is not allowed',
  'access.try': 'asked for what they may not', 'session.adopt': 'was too late to adopt a session',
  'machine.register': 'could not connect a machine', 'audit.refusals': 'was refused more often than is named here',
};

/** The audit log: read, filtered, exported, and how long it is kept. */
export function Audit() {
  const [filter, setFilter] = useState(/** @type {AuditFilter} */ ({}));
  const [entries, setEntries] = useState(/** @type {AuditEntry[] | undefined} */ (undefined));
  const [next, setNext] = useState(/** @type {number | undefined} */ (undefined));
  const [people, setPeople] = useState(/** @type {{id: string, name: string}[]} */ ([]));
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const organisation = me.value?.organisation.id;
  const load = async (/** @type {number | undefined} */ cursor) => {
    setBusy(true);
    try {
      const page = await api.audit({ ...filter, ...(cursor && { cursor }) });
      setEntries((before) => [...(cursor && before ? before : []), ...page.entries]);
      setNext(page.next);
      setProblem('');
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  useEffect(() => void load(undefined), [filter, organisation]);
  useEffect(() => void api.members().then((all) => setPeople(all.members), () => setPeople([])), [organisation]);
  const choose = (/** @type {keyof AuditFilter} */ name) => (/** @type {Event} */ event) => {
    const { value } = /** @type {HTMLSelectElement} */ (event.target);
    setEntries(undefined);
    setFilter({ ...filter, [name]: value || undefined });
  };
  const day = (/** @type {keyof AuditFilter} */ name, /** @type {number} */ days) => (/** @type {Event} */ event) => {
    const at = /** @type {HTMLInputElement} */ (event.target).valueAsDate;
    setEntries(undefined);
    setFilter({ ...filter, [name]: at ? new Date(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + days).getTime() : undefined });
  };
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>Audit log</h1></header>
    <p class="lead">Who did what, to what, from where and when. Entries are never changed, and each proves the one before it.</p>
    <form class="audit-filter" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <${Choice} id="audit-action" label="What" options=${KINDS} value=${filter.action ?? ''} change=${choose('action')} />
      <${Choice} id="audit-user" label="Who" options=${[['', 'Everybody'], ...people.map((it) => [it.id, it.name])]} value=${filter.user ?? ''} change=${choose('user')} />
      <${Choice} id="audit-outcome" label="Outcome" options=${[['', 'Any'], ['done', 'Done'], ['refused', 'Refused']]} value=${filter.outcome ?? ''} change=${choose('outcome')} />
      <${Field} label="From" type="date" onChange=${day('since', 0)} />
      <${Field} label="To" type="date" onChange=${day('until', 1)} />
    </form>
    ${problem ? html`<${Notice} title="The log could not be loaded">${problem} <button type="button" class="link" onClick=${() => load(undefined)}>Try again</button><//>` : null}
    ${!entries && !problem ? html`<${Waiting} words="Loading the log…" />` : null}
    ${entries?.length === 0 ? html`<div class="empty"><h2>Nothing fits</h2><p>${next === undefined ? 'There is no such entry in the log.' : 'None of the newest entries. Older ones may.'}</p></div>` : null}
    ${entries && entries.length > 0 ? html`<ul class="rows audit">${entries.map((it) => html`<${EntryRow} key=${it.seq} entry=${it} />`)}</ul>` : null}
    ${next === undefined ? null : html`<p class="audit-more"><${Button} busy=${busy} onClick=${() => load(next)}>Older entries<//></p>`}
    <section><h2>Export</h2>
      <p class="muted">The whole log, oldest first. In JSON lines each line is an entry byte for byte as it is stored, so that its chain can be checked.</p>
      <p class="gate-actions"><a class="button button-plain" href="/api/v1/audit/export?format=csv" target="_self" download>Export CSV</a>
        <a class="button button-plain" href="/api/v1/audit/export?format=jsonl" target="_self" download>Export JSON lines</a></p></section>
    <${Retention} />
  </main>`;
}

/** @param {{id: string, label: string, options: string[][], value: string, change: (event: Event) => void}} props */
function Choice({ id, label, options, value, change }) {
  return html`<div class="field"><label for=${id}>${label}</label><select id=${id} value=${value} onChange=${change}>${options.map(([it, text]) => html`<option value=${it}>${text}</option>`)}</select></div>`;
}

/** @param {{entry: AuditEntry}} props */
function EntryRow({ entry }) {
  const { who } = entry;
  const name = who.name ?? (who.server ? 'The server' : who.machine ?? 'Somebody');
  const facts = Object.entries(entry.facts ?? {}).map(([fact, value]) => `${fact}: ${value}`);
  return html`<li class="row"><span class="row-main"><strong>${name} ${entry.outcome === 'refused' ? html`<span class="audit-refused">${REFUSED[entry.action] ?? `was refused: ${entry.action}`}</span>` : WORDS[entry.action] ?? entry.action}</strong>
      <span class="muted" title=${[entry.on, ...facts].filter(Boolean).join(' · ')}>${entry.on ? html`<code>${entry.on}</code> ` : null}${facts.join(' · ')}</span></span>
    <span class="muted audit-when"><time datetime=${new Date(entry.at).toISOString()}>${dateTime(entry.at)}</time>${entry.from ? html`<span>from ${entry.from}</span>` : null}</span></li>`;
}

/** How long entries are kept. */
function Retention() {
  const [days, setDays] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const organisation = me.value?.organisation.id;
  useEffect(() => void api.auditSettings().then((set) => setDays(String(set.keep_days)), (error) => setProblem(asProblem(error).message)), [organisation]);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const set = await api.setAuditSettings(Number(days));
      setDays(String(set.keep_days));
      say(`Entries are kept for ${set.keep_days} days now.`);
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  return html`<section><h2>How long it is kept</h2><p class="muted">Older entries are removed each day, and an entry says so. 30 to 3,650 days.</p>
    <form class="inline-form" onSubmit=${submit}>
      <${Field} label="Days" type="number" min="30" max="3650" required value=${days} problem=${problem || undefined} onInput=${(/** @type {InputEvent} */ event) => { setDays(/** @type {HTMLInputElement} */ (event.target).value); setProblem(''); }} />
      <${Button} type="submit" busy=${busy}>Keep that long<//></form></section>`;
}
