import { html, useState } from '../html.js';
import { enter, me, refresh } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { go } from '../state/route.js';
import { ask } from '../ui/ask.js';
import { Button, Field } from '../ui/controls.js';
import { say } from '../ui/toast.js';
import { Addresses } from './addresses.js';
import { SettingsTabs } from './settings_tabs.js';

/** The organisation: its name, others, and leaving it. */
export function Organisation() {
  const mine = me.value;
  if (!mine) return null;
  const manages = mine.role === 'owner' || mine.role === 'admin';
  const leave = () => ask({
    title: `Leave ${mine.organisation.name}?`,
    text: 'Your keys here are revoked and your machines disconnected. Their sessions go on. To come back you need an invitation.',
    action: 'Leave',
    async act() {
      await api.leaveOrganisation();
      go('/');
      await enter();
    },
  });
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>Organisation</h1></header>
    ${manages ? html`<${Named} label="Name" action="Rename" value=${mine.organisation.name} act=${async (/** @type {string} */ name) => { await api.renameOrganisation(name); await refresh(); say(`It is called ${name} now.`); return name; }} />`
      : html`<dl class="facts"><div><dt>Name</dt><dd>${mine.organisation.name}</dd></div></dl>`}
    ${manages ? html`<${Addresses} />` : null}
    ${mine.role === 'owner' ? html`<section><h2>Another organisation</h2><p class="muted">With members, machines and sessions of its own. You own it, and switch between yours at the top left.</p>
      <${Named} label="Name of a new one" action="Create" value="" act=${async (/** @type {string} */ name) => { await api.foundOrganisation(name); go('/'); await enter(); return ''; }} /></section>` : null}
    <section><h2>Leave</h2><p class="muted">${mine.role === 'owner' ? 'An organisation needs an owner: hand it over to somebody first, under Members.' : 'You belong here until you leave or are removed.'}</p>
      <${Button} kind="danger" onClick=${leave}>Leave ${mine.organisation.name}…<//></section>
  </main>`;
}

/** @param {{label: string, action: string, value: string, act: (name: string) => Promise<string>}} props */
function Named({ label, action, value, act }) {
  const [name, setName] = useState(value);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      setName(await act(name.trim()));
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  return html`<form class="inline-form" onSubmit=${submit}>
    <${Field} label=${label} required maxlength="80" value=${name} problem=${problem || undefined} onInput=${(/** @type {InputEvent} */ event) => { setName(/** @type {HTMLInputElement} */ (event.target).value); setProblem(''); }} />
    <${Button} type="submit" busy=${busy}>${action}<//></form>`;
}
