import { html, useEffect, useState } from '../html.js';
import { api, asProblem } from '../state/api.js';
import { KINDS } from '../notify/kinds.js';
import { ago, dateTime, now } from '../state/clock.js';
import { ask } from '../ui/ask.js';
import { Button, CopyLine, Field, Notice, Waiting } from '../ui/controls.js';
import { say } from '../ui/toast.js';
import { Deliveries } from '../notify/deliveries.js';
import { SettingsTabs } from './settings_tabs.js';

/** @typedef {import('../state/api.js').Webhook} Hook */

/** Receivers by what their address wants to look like. */
const SHAPES = /** @type {const} */ ([
  ['plain', 'A program', 'https://example.org/hook'], ['slack', 'Slack', 'https://hooks.slack.com/services/…'],
  ['discord', 'Discord', 'https://discord.com/api/webhooks/…'], ['ntfy', 'ntfy', 'https://ntfy.sh/a-topic-nobody-guesses'],
]);
const USUAL = ['permission', 'question', 'plan', 'error', 'failed', 'shared'];

/** Where the organisation's news is sent. */
export function Webhooks() {
  const [hooks, setHooks] = useState(/** @type {Hook[] | undefined} */ (undefined));
  const [problem, setProblem] = useState('');
  const [secret, setSecret] = useState(/** @type {{name: string, secret: string} | undefined} */ (undefined));
  const load = () => void api.webhooks().then((it) => { setHooks(it.webhooks); setProblem(''); }, (error) => setProblem(asProblem(error).message));
  useEffect(load, []);
  const made = (/** @type {Hook & {secret: string}} */ hook) => { setSecret(hook); load(); };
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>Webhooks</h1></header>
    <p class="lead">What happens in this organisation’s sessions, sent to a chat or a program. Also of sessions that are private: their name, their machine and what they wait for.</p>
    ${secret ? html`<section class="panel panel-accent"><h2>The secret of “${secret.name}”</h2><p>Messages are signed with it, so that their receiver knows whom they come from. Copy it now: it is not shown again.</p>
      <${CopyLine} text=${secret.secret} label="Copy secret" /><p><${Button} onClick=${() => setSecret(undefined)}>Done<//></p></section>` : null}
    ${problem ? html`<${Notice} title="The webhooks could not be loaded">${problem} <button type="button" class="link" onClick=${load}>Try again</button><//>` : null}
    ${!hooks && !problem ? html`<${Waiting} words="Loading webhooks…" />` : null}
    ${hooks && hooks.length > 0 ? html`<ul class="rows">${hooks.map((it) => html`<${HookRow} key=${it.id} hook=${it} changed=${load} renewed=${made} />`)}</ul>` : null}
    ${hooks ? html`<section><h2>New webhook</h2><${HookForm} save=${async (/** @type {any} */ wanted) => made(await api.createWebhook(wanted))} action="Make webhook" /></section>` : null}
  </main>`;
}

/** @param {{hook: Hook, changed: () => void, renewed: (hook: Hook & {secret: string}) => void}} props */
function HookRow({ hook, changed, renewed }) {
  const [open, setOpen] = useState(/** @type {'' | 'log' | 'edit'} */ (''));
  const act = (/** @type {() => Promise<unknown>} */ run, /** @type {string} */ done) => async () => {
    try {
      await run();
      say(done);
      changed();
    } catch (error) {
      say(`Not done: ${asProblem(error).message}`);
    }
  };
  const test = act(async () => { await api.testWebhook(hook.id); setOpen('log'); }, 'A test is on its way: the log shows what becomes of it.');
  const on = act(() => api.changeWebhook(hook.id, { on: hook.off_since !== null }), hook.off_since ? 'It is on.' : 'It is off: nothing is sent.');
  const renew = () => ask({ title: `A new secret for “${hook.name}”?`, text: 'From now on messages are signed with it, and a receiver that checks them refuses them until it has it.', action: 'New secret',
    async act() { renewed(await api.renewWebhookSecret(hook.id)); } });
  const remove = () => ask({ title: `Remove “${hook.name}”?`, text: 'Nothing is sent there any more. What waits to be sent, and its log, are removed.', action: 'Remove', async act() { await api.removeWebhook(hook.id); changed(); } });
  const host = (() => { try { return new URL(hook.url).host; } catch { return hook.url; } })();
  const state = hook.off_since ? `Off since ${dateTime(hook.off_since)}` : hook.failing_since ? `Failing since ${ago(hook.failing_since, now.value)}` : 'On';
  const toggle = (/** @type {'log' | 'edit'} */ which) => setOpen(open === which ? '' : which);
  return html`<li><div class="row row-hook ${hook.off_since ? 'row-off' : ''}"><span class="row-main"><strong>${hook.name}</strong>
      <span class="muted">${SHAPES.find(([id]) => id === hook.shape)?.[1]} · ${host}</span><span class=${hook.failing_since || hook.off_since ? 'field-problem' : 'muted'}>${state}</span></span>
    <span class="hook-actions"><${Button} disabled=${hook.off_since !== null} onClick=${test} aria-label="Test ${hook.name}">Test<//>
      <${Button} onClick=${() => toggle('log')} aria-expanded=${open === 'log'} aria-label="Log of ${hook.name}">Log<//>
      <${Button} onClick=${() => toggle('edit')} aria-expanded=${open === 'edit'} aria-label="Change ${hook.name}">Change<//></span></div>
    ${open === 'log' ? html`<${Deliveries} hook=${hook.id} changed=${changed} />` : null}
    ${open === 'edit' ? html`<div class="hook-edit"><${HookForm} hook=${hook} action="Save" save=${async (/** @type {any} */ wanted) => { await api.changeWebhook(hook.id, wanted); setOpen(''); changed(); }} />
      <p class="hook-more"><${Button} onClick=${on}>${hook.off_since ? 'Switch on' : 'Switch off'}<//><${Button} onClick=${renew}>New secret<//><${Button} kind="danger" onClick=${remove}>Remove<//></p></div>` : null}</li>`;
}

/** @param {{hook?: Hook, action: string, save: (wanted: {name: string, url: string, shape: string, events: string[], with_text: boolean}) => Promise<void>}} props */
function HookForm({ hook, action, save }) {
  const empty = { name: '', url: '', shape: 'plain', events: USUAL, with_text: false };
  const [form, setForm] = useState(hook ? { name: hook.name, url: hook.url, shape: /** @type {string} */ (hook.shape), events: hook.events, with_text: hook.with_text } : empty);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const set = (/** @type {Partial<typeof form>} */ change) => { setForm({ ...form, ...change }); setProblem(''); };
  const text = (/** @type {'name' | 'url'} */ key) => (/** @type {InputEvent} */ event) => set({ [key]: /** @type {HTMLInputElement} */ (event.target).value });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await save({ ...form, name: form.name.trim(), url: form.url.trim() });
      if (!hook) setForm(empty);
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  const toggle = (/** @type {string} */ id) => set({ events: form.events.includes(id) ? form.events.filter((it) => it !== id) : [...form.events, id] });
  const label = hook ? `of ${hook.name}` : 'of a new webhook';
  return html`<form class="hook-form" onSubmit=${submit}>
    <div class="segments" role="group" aria-label="Receiver">${SHAPES.map(([id, says]) => html`<button type="button" aria-pressed=${form.shape === id} onClick=${() => set({ shape: id })}>${says}</button>`)}</div>
    <div class="field-row"><${Field} label="Name" required maxlength="80" placeholder="Team chat" value=${form.name} onInput=${text('name')} />
      <${Field} label="Address" required type="url" placeholder=${SHAPES.find(([id]) => id === form.shape)?.[2]} value=${form.url} onInput=${text('url')} problem=${problem || undefined} /></div>
    <fieldset class="scopes"><legend>Sends when</legend>${KINDS.map((it) => html`<label class="check"><input type="checkbox" checked=${form.events.includes(it.id)} onChange=${() => toggle(it.id)} aria-label="${it.when}, ${label}" /> <span>${it.when.replace('with me or everybody', 'with others')}</span></label>`)}</fieldset>
    <label class="check"><input type="checkbox" checked=${form.with_text} onChange=${() => set({ with_text: !form.with_text })} /> Say what a session asks: the command, the question</label>
    <p><${Button} kind="primary" type="submit" busy=${busy} disabled=${form.events.length === 0}>${action}<//></p>
  </form>`;
}
