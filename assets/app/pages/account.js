import { html, useState } from '../html.js';
import { account, leave } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { prefs, setPrefs } from '../state/prefs.js';
import { Button, Field, Notice } from '../ui/controls.js';
import { say } from '../ui/toast.js';
import { SettingsTabs } from './settings_tabs.js';

/** The shortest password the server takes, in characters. */
export const PASSWORD_MIN = 10;
const FONT_SIZES = [11, 12, 13, 14, 15, 16, 18, 20];

/** The person, their password, how things look. */
export function Account() {
  const me = account.value.kind === 'in' ? account.value.me : undefined;
  if (!me) return null;
  const signOut = async () => {
    try {
      await api.signOut();
      leave();
    } catch (error) {
      say(`Still signed in: ${asProblem(error).message}`);
    }
  };
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>Account</h1></header>
    <dl class="facts"><div><dt>Name</dt><dd>${me.user.name}</dd></div><div><dt>E-mail</dt><dd>${me.user.email ?? 'none'}</dd></div>
      <div><dt>Organisation</dt><dd>${me.organisation.name}</dd></div><div><dt>Role</dt><dd>${me.role}</dd></div><div><dt>Server</dt><dd>${me.build}</dd></div></dl>
    <section><h2>Appearance</h2><${Appearance} /></section>
    <section><h2>Password</h2><${Password} has=${me.user.has_password !== false} /></section>
    <section><h2>This device</h2><p class="muted">Sessions go on when you sign out.</p><${Button} onClick=${signOut}>Sign out<//></section>
  </main>`;
}

function Appearance() {
  const { theme, fontSize, screenReader } = prefs.value;
  const themes = /** @type {const} */ ([['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']]);
  return html`<div class="form">
    <div class="field"><span class="field-label" id="theme">Theme</span><div class="segments" role="group" aria-labelledby="theme">
      ${themes.map(([value, text]) => html`<button type="button" aria-pressed=${theme === value} onClick=${() => setPrefs({ theme: value })}>${text}</button>`)}</div></div>
    <div class="field"><label for="font-size">Terminal text</label>
      <select id="font-size" value=${String(fontSize)} onChange=${(/** @type {Event} */ event) => setPrefs({ fontSize: Number(/** @type {HTMLSelectElement} */ (event.target).value) })}>
        ${FONT_SIZES.map((size) => html`<option value=${String(size)}>${size} px</option>`)}</select></div>
    <${Field} label="Terminal font" placeholder="The system's monospace" value=${prefs.value.fontFamily} hint="A font installed on this device."
      onChange=${(/** @type {Event} */ event) => setPrefs({ fontFamily: /** @type {HTMLInputElement} */ (event.target).value.trim() })} />
    <label class="check"><input type="checkbox" checked=${screenReader} onChange=${() => setPrefs({ screenReader: !screenReader })} /> Read terminals to a screen reader</label>
  </div>`;
}

/** @param {{has: boolean}} props */
function Password({ has }) {
  const [form, setForm] = useState({ current: '', next: '' });
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const set = (/** @type {'current' | 'next'} */ key) => (/** @type {InputEvent} */ event) => {
    setForm({ ...form, [key]: /** @type {HTMLInputElement} */ (event.target).value });
    setProblem('');
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await api.setPassword({ ...(has && { current: form.current }), new: form.next });
      setForm({ current: '', next: '' });
      say(has ? 'Your password was changed.' : 'Your password was set.');
      if (account.value.kind === 'in') account.value = { kind: 'in', me: { ...account.value.me, user: { ...account.value.me.user, has_password: true } } };
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  return html`<form class="form" onSubmit=${submit}>
    ${has ? html`<${Field} label="Current password" type="password" autocomplete="current-password" required value=${form.current} onInput=${set('current')} />`
      : html`<p class="muted">You came in by a link. With a password you can also sign in on other devices.</p>`}
    <${Field} label="New password" type="password" autocomplete="new-password" required minlength=${PASSWORD_MIN} hint="At least ${PASSWORD_MIN} characters." value=${form.next} onInput=${set('next')} />
    ${problem ? html`<${Notice} title="The password is as it was">${problem}<//>` : null}
    <${Button} type="submit" busy=${busy}>${has ? 'Change password' : 'Set password'}<//>
  </form>`;
}
