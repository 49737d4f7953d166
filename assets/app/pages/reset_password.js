import { html, useEffect, useState } from '../html.js';
import { enter } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { Button, Field, Notice, Waiting } from '../ui/controls.js';
import { PASSWORD_MIN } from './account.js';
import { Gate } from './gate.js';

/** A new password by a link that works once. @param {{token: string}} props */
export function ResetPassword({ token }) {
  const [whose, setWhose] = useState(/** @type {{name: string, email: string | null} | undefined} */ (undefined));
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  useEffect(() => {
    // So that the sign-in page behind this one knows that nobody is there.
    void enter();
    api.lookAtReset(token).then(setWhose, (error) => setProblem(asProblem(error).message));
  }, [token]);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await api.resetPassword(token, password);
      setDone(true);
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  if (done) {
    return html`<${Gate} title="Your password is new" lead="Every browser of yours was signed out, this one too. Your sessions go on.">
      <a class="button button-primary wide" href="/sign-in">Sign in</a><//>`;
  }
  if (!whose) {
    return html`<${Gate} title=${problem ? 'The link does not work' : 'Opening the link'}>${problem ? html`<${Notice} title="It works once, and for a day">${problem}<//>
      <a class="button button-plain" href="/sign-in">Sign in with a password</a>` : html`<${Waiting} words="Loading…" />`}<//>`;
  }
  return html`<${Gate} title="Choose a new password" lead="For ${whose.name}${whose.email ? `, ${whose.email}` : ''}.">
    <form onSubmit=${submit}>
      <input type="text" autocomplete="username" value=${whose.email ?? whose.name} hidden />
      <${Field} label="New password" type="password" autocomplete="new-password" required autofocus minlength=${PASSWORD_MIN} hint="At least ${PASSWORD_MIN} characters." value=${password} onInput=${(/** @type {InputEvent} */ event) => setPassword(/** @type {HTMLInputElement} */ (event.target).value)} />
      ${problem ? html`<${Notice} title="The password is as it was">${problem}<//>` : null}
      <${Button} kind="primary" type="submit" busy=${busy} class="wide">Set the password<//>
    </form><//>`;
}
