import { html, useEffect, useState } from '../html.js';
import { me, refresh } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { ago, dateTime, now } from '../state/clock.js';
import { Button, CopyLine, Field, Notice, Waiting } from '../ui/controls.js';
import { say } from '../ui/toast.js';
import { SettingsTabs } from './settings_tabs.js';

/** @typedef {import('../state/api.js').Browser} Browser */
/** @typedef {{secret: string, qr: {size: number, path: string}}} Begun */

/** The second factor, and where one is signed in. */
export function Security() {
  const mine = me.value;
  if (!mine) return null;
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>Security</h1></header>
    <section class="section-first"><h2>Second factor</h2><${SecondFactor} mine=${mine} /></section>
    <section><h2>Where you are signed in</h2><${Browsers} /></section>
  </main>`;
}

/** @param {{mine: import('../state/api.js').Me}} props */
function SecondFactor({ mine }) {
  const { on, recovery_codes_left: left } = mine.second_factor;
  const [step, setStep] = useState(/** @type {'none' | 'password' | 'app' | 'codes'} */ ('none'));
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [begun, setBegun] = useState(/** @type {Begun | undefined} */ (undefined));
  const [codes, setCodes] = useState(/** @type {string[]} */ ([]));
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const attempt = (/** @type {() => Promise<void>} */ what) => async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await what();
      setProblem('');
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  const typed = (/** @type {(text: string) => void} */ set) => (/** @type {InputEvent} */ event) => { set(/** @type {HTMLInputElement} */ (event.target).value); setProblem(''); };
  const begin = attempt(async () => { setBegun(await api.beginSecondFactor(password)); setPassword(''); setStep('app'); });
  const remove = attempt(async () => { await api.removeSecondFactor(password); setPassword(''); setStep('none'); await refresh(); say('Signing in needs your password alone again.'); });
  const confirm = attempt(async () => { setCodes((await api.confirmSecondFactor(code)).recovery_codes); setCode(''); setStep('codes'); await refresh(); });

  if (step === 'codes') {
    return html`<div class="panel panel-accent"><h3>Keep these recovery codes</h3>
      <p>Each signs you in once, for the day the app is lost. They are not shown again: print them, or put them where your passwords are.</p>
      <ul class="recovery">${codes.map((it) => html`<li><code>${it}</code></li>`)}</ul>
      <${CopyLine} text=${codes.join(' ')} label="Copy all" />
      <${Button} kind="primary" onClick=${() => { setCodes([]); setStep('none'); }}>I have kept them<//></div>`;
  }
  if (step === 'app' && begun) {
    return html`<form class="panel second-factor" onSubmit=${confirm}>
      <svg class="qr" viewBox="0 0 ${begun.qr.size} ${begun.qr.size}" role="img" aria-label="QR code for the authenticator app"><rect width=${begun.qr.size} height=${begun.qr.size} fill="#fff" /><path d=${begun.qr.path} fill="#000" /></svg>
      <div><p>Scan this with an authenticator app, or type the secret into it:</p><${CopyLine} text=${begun.secret} label="Copy" />
        <${Field} label="Code the app shows" inputmode="numeric" autocomplete="one-time-code" maxlength="7" required value=${code} problem=${problem || undefined} onInput=${typed(setCode)} />
        <div class="gate-actions"><${Button} kind="primary" type="submit" busy=${busy}>Switch it on<//><${Button} onClick=${() => { setStep('none'); setBegun(undefined); }}>Cancel<//></div></div>
    </form>`;
  }
  if (step === 'password') {
    return html`<form class="form" onSubmit=${on ? remove : begin}>
      <${Field} label="Your password" type="password" autocomplete="current-password" required value=${password} problem=${problem || undefined} onInput=${typed(setPassword)} />
      <div class="gate-actions"><${Button} kind=${on ? 'danger' : 'primary'} type="submit" busy=${busy}>${on ? 'Switch it off' : 'Continue'}<//><${Button} onClick=${() => { setStep('none'); setPassword(''); setProblem(''); }}>Cancel<//></div>
    </form>`;
  }
  if (on) {
    return html`<p>On. Signing in asks for a code of your authenticator app. <span class="muted">${left === 0 ? 'No recovery code is left.' : `${left} recovery ${left === 1 ? 'code is' : 'codes are'} left.`}</span></p>
      ${left < 3 ? html`<${Notice} kind="note" title="Few recovery codes are left">Switch it off and on again to get ten new ones.<//>` : null}
      <${Button} kind="danger" onClick=${() => setStep('password')}>Switch it off…<//>`;
  }
  return html`<p class="muted">With one, a stolen password alone opens nothing: signing in also asks for a code of an authenticator app.</p>
    ${mine.user.has_password === false ? html`<p>Set a password first, under <a href="/settings/account">Account</a>.</p>`
      : html`<${Button} onClick=${() => setStep('password')}>Set one up…<//>`}`;
}

function Browsers() {
  const [browsers, setBrowsers] = useState(/** @type {Browser[] | undefined} */ (undefined));
  const [problem, setProblem] = useState('');
  const load = async () => {
    try {
      setBrowsers((await api.browsers()).browsers);
      setProblem('');
    } catch (error) {
      setProblem(asProblem(error).message);
    }
  };
  useEffect(() => void load(), []);
  const end = async (/** @type {Browser} */ it) => {
    try {
      await api.endBrowser(it.id);
      say('That browser is signed out.');
    } catch (error) {
      say(`It is still signed in: ${asProblem(error).message}`);
    }
    await load();
  };
  if (problem) return html`<${Notice} title="The list could not be loaded">${problem} <button type="button" class="link" onClick=${load}>Try again</button><//>`;
  if (!browsers) return html`<${Waiting} words="Loading…" />`;
  return html`<ul class="rows">${browsers.map((it) => html`<li class="row" key=${it.id}>
    <span class="row-main"><strong>${browserName(it.user_agent)}${it.current ? html` <span class="muted">(this one)</span>` : null}</strong>
      <span class="muted">${it.address ?? 'address unknown'} · signed in ${dateTime(it.created_at)} · ${it.current ? 'here now' : `seen ${ago(it.last_seen, now.value)}`}</span></span>
    ${it.current ? null : html`<${Button} kind="danger" onClick=${() => void end(it)} aria-label="Sign out ${browserName(it.user_agent)}">Sign out<//>`}</li>`)}</ul>`;
}

/** @param {string | null} agent what a browser says of itself @returns {string} as people call it */
export function browserName(agent) {
  if (!agent) return 'A browser';
  const name = /\bEdg\//.test(agent) ? 'Edge' : /\bFirefox\//.test(agent) ? 'Firefox' : /Chrome\//.test(agent) ? 'Chrome' : /\bSafari\//.test(agent) ? 'Safari' : 'A browser';
  const system = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Windows/.test(agent) ? 'Windows' : /Mac OS X/.test(agent) ? 'macOS' : /Linux|X11/.test(agent) ? 'Linux' : '';
  return system ? `${name} on ${system}` : name;
}
