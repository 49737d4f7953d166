import { html, useState } from '../html.js';
import { enter } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { go } from '../state/route.js';
import { Button, Field, Notice } from '../ui/controls.js';
import { PASSWORD_MIN } from './account.js';
import { Gate } from './gate.js';

/** The first person makes the organisation and becomes its owner. @param {{token: string}} props */
export function Setup({ token }) {
  const [form, setForm] = useState({ organisation: '', name: '', email: '', password: '' });
  const [problem, setProblem] = useState(/** @type {import('../state/api.js').ApiProblem | undefined} */ (undefined));
  const [busy, setBusy] = useState(false);
  const set = (/** @type {keyof typeof form} */ key) => (/** @type {InputEvent} */ event) => setForm({ ...form, [key]: /** @type {HTMLInputElement} */ (event.target).value });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await api.setup({ token, ...form });
      go('/', { replace: true });
      await enter();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  if (!token) return html`<${SetupNeeded} />`;
  return html`<${Gate} title="Set up SessionForge" lead="You become the owner of this server. Everything stays on it.">
    <form onSubmit=${submit}>
      <${Field} label="Organisation" name="organisation" required autofocus maxlength="80" placeholder="Your team’s name" value=${form.organisation} onInput=${set('organisation')} />
      <${Field} label="Your name" name="name" autocomplete="name" required maxlength="80" value=${form.name} onInput=${set('name')} />
      <${Field} label="E-mail" name="email" type="email" autocomplete="username" required value=${form.email} onInput=${set('email')} hint="To sign in with. Nothing is sent to it." />
      <${Field} label="Password" name="password" type="password" autocomplete="new-password" required minlength=${PASSWORD_MIN} hint="At least ${PASSWORD_MIN} characters." value=${form.password} onInput=${set('password')} />
      ${problem ? html`<${Notice} title=${problem.code === 'link_invalid' ? 'The set-up link does not work any more' : 'Nothing was set up'}>${problem.message}<//>` : null}
      <${Button} kind="primary" type="submit" busy=${busy} class="wide">${busy ? 'Setting up…' : 'Create the owner’s account'}<//>
    </form>
  <//>`;
}

/** No account yet and no link: where the link is. */
export function SetupNeeded() {
  return html`<${Gate} title="Not set up yet" lead="This server has no owner. Only somebody with access to its machine can become one.">
    <p>The server printed a set-up link when it started. Open that link; it begins with</p>
    <p><code>${location.origin}/setup#</code></p>
    <p class="muted">Lost it? Start the server again and it prints a new one.</p>
  <//>`;
}
