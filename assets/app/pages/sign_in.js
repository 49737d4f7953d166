import { html, useEffect, useState } from '../html.js';
import { account, enter } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { now } from '../state/clock.js';
import { go, path } from '../state/route.js';
import { Button, Field, Notice, Waiting } from '../ui/controls.js';
import { Gate } from './gate.js';

/** @typedef {import('../state/api.js').ApiProblem} ApiProblem */

/** Signing in by password; the page that was asked for follows. */
export function SignIn() {
  const [form, setForm] = useState({ email: '', password: '', code: '' });
  const [asksCode, setAsksCode] = useState(false);
  const [problem, setProblem] = useState(/** @type {ApiProblem | undefined} */ (undefined));
  const [until, setUntil] = useState(0);
  const [busy, setBusy] = useState(false);
  const wait = Math.max(0, Math.ceil((until - now.value) / 1_000));
  const set = (/** @type {'email' | 'password' | 'code'} */ key) => (/** @type {InputEvent} */ event) => setForm({ ...form, [key]: /** @type {HTMLInputElement} */ (event.target).value });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await api.signIn(form.email.trim(), form.password, form.code.trim());
      if (path.value.startsWith('/sign-in') || path.value.startsWith('/setup')) go('/', { replace: true });
      await enter();
    } catch (error) {
      const it = asProblem(error);
      // The first time it is a question, not a problem.
      setProblem(it.code === 'second_factor_needed' && !asksCode ? undefined : it);
      if (it.code === 'second_factor_needed') setAsksCode(true);
      if (it.status === 429) setUntil(Date.now() + 1_000 * (it.retryAfter ?? 30));
      setBusy(false);
    }
  };
  const expired = account.value.kind === 'out' && account.value.expired;
  return html`<${Gate} title="Sign in">
    ${expired && !problem ? html`<${Notice} kind="note" title="You were signed out">Your sessions go on. Sign in to see them again.<//>` : null}
    <form onSubmit=${submit}>
      <${Field} label="E-mail" type="email" name="email" autocomplete="username" required autofocus value=${form.email} onInput=${set('email')} />
      <${Field} label="Password" type="password" name="password" autocomplete="current-password" required value=${form.password} onInput=${set('password')} />
      ${asksCode ? html`<${Field} label="Code of your authenticator app" name="code" autocomplete="one-time-code" required autofocus value=${form.code} onInput=${set('code')} hint="Lost the app? A recovery code works here too, once." />` : null}
      ${problem ? html`<${Notice} title=${problem.status === 429 ? 'Too many tries' : problem.status === 0 ? 'No answer' : 'Not signed in'}>${problem.message}<//>` : null}
      <${Button} kind="primary" type="submit" busy=${busy} disabled=${wait > 0} class="wide">${wait > 0 ? `Try again in ${wait} s` : busy ? 'Signing in…' : 'Sign in'}<//>
    </form>
    <p class="gate-foot">On the server’s own machine, <code>sessionforge up</code> prints a link that signs you in. <a href="/help/troubleshooting#authentication-failed">Help</a></p>
  <//>`;
}

/** Signing in by a link that works once. @param {{token: string}} props */
export function SignInByLink({ token }) {
  const [problem, setProblem] = useState(/** @type {ApiProblem | undefined} */ (undefined));
  const use = async () => {
    setProblem(undefined);
    try {
      await api.signInByLink(token);
      go('/', { replace: true });
      await enter();
    } catch (error) {
      setProblem(asProblem(error));
      account.value = { kind: 'out', expired: false };
    }
  };
  useEffect(() => void use(), [token]);
  return html`<${Gate} title=${problem ? 'The link did not work' : 'Signing in'}>
    ${problem ? html`<${Notice} title=${problem.status === 0 ? 'No answer' : 'A link works once, and for a short time'}>${problem.message}<//>
      <div class="gate-actions">${problem.status === 0 ? html`<${Button} kind="primary" onClick=${use}>Try again<//>` : null}
      <a class="button button-plain" href="/sign-in">Sign in with a password</a></div>` : html`<${Waiting} words="Signing in…" />`}
  <//>`;
}
