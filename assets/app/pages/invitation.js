import { html, useEffect, useState } from '../html.js';
import { account, enter } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { go } from '../state/route.js';
import { Button, Field, Notice, Waiting } from '../ui/controls.js';
import { PASSWORD_MIN } from './account.js';
import { Gate } from './gate.js';

/** @typedef {import('../state/api.js').ApiProblem} ApiProblem */

/** Somebody opens an invitation: with an account of theirs, or to make one. @param {{token: string}} props */
export function Invitation({ token }) {
  const [opened, setOpened] = useState(/** @type {import('../state/api.js').OpenedInvitation | undefined} */ (undefined));
  const [form, setForm] = useState({ name: '', email: '', password: '' });
  const [problem, setProblem] = useState(/** @type {ApiProblem | undefined} */ (undefined));
  const [busy, setBusy] = useState(false);
  const who = account.value.kind === 'in' ? account.value.me : undefined;
  useEffect(() => {
    // Who is there, if anybody: they may join with the account they have.
    void enter();
    api.lookAtInvitation(token).then((it) => { setOpened(it); setForm((form) => ({ ...form, email: it.email ?? '' })); }, (error) => setProblem(asProblem(error)));
  }, [token]);
  const set = (/** @type {keyof typeof form} */ key) => (/** @type {InputEvent} */ event) => setForm({ ...form, [key]: /** @type {HTMLInputElement} */ (event.target).value });
  const join = (/** @type {() => Promise<unknown>} */ how) => async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await how();
      go('/', { replace: true });
      await enter();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  if (!opened) {
    return problem ? html`<${Gate} title="The invitation does not work"><${Notice} title=${problem.status === 0 ? 'No answer' : 'It works once, and until its day'}>${problem.message}<//>
      <a class="button button-plain" href="/">Go to the page</a><//>` : html`<${Gate} title="Opening the invitation"><${Waiting} words="Loading…" /><//>`;
  }
  const lead = `${opened.invited_by} invites you as ${opened.role}.`;
  const trouble = problem ? html`<${Notice} title="You have not joined">${problem.message}<//>` : null;
  if (who) {
    return html`<${Gate} title="Join ${opened.organisation}" lead=${lead}>${trouble}
      <form onSubmit=${join(() => api.acceptAsMe(token))}><p>You are signed in as <strong>${who.user.name}</strong>${who.user.email ? ` (${who.user.email})` : ''}.</p>
        <${Button} kind="primary" type="submit" busy=${busy} class="wide">Join as ${who.user.name}<//></form>
      <p class="gate-foot">Somebody else? Sign out first, then open the link again.</p><//>`;
  }
  return html`<${Gate} title="Join ${opened.organisation}" lead=${lead}>
    <form onSubmit=${join(() => api.acceptInvitation({ token, ...form }))}>
      <${Field} label="Your name" autocomplete="name" required autofocus maxlength="80" value=${form.name} onInput=${set('name')} />
      <${Field} label="E-mail" type="email" autocomplete="username" required readonly=${opened.email !== null} value=${form.email} onInput=${set('email')} hint=${opened.email ? 'The invitation is for this address.' : 'To sign in with. Nothing is sent to it.'} />
      <${Field} label="Password" type="password" autocomplete="new-password" required minlength=${PASSWORD_MIN} hint="At least ${PASSWORD_MIN} characters." value=${form.password} onInput=${set('password')} />
      ${trouble}
      <${Button} kind="primary" type="submit" busy=${busy} class="wide">${busy ? 'Joining…' : 'Make the account and join'}<//>
    </form>
    <p class="gate-foot">You have an account here? <a href="/sign-in">Sign in</a>, then open the link again.</p>
  <//>`;
}
