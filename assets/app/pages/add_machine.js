import { html, useRef, useState } from '../html.js';
import { account } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { machineList } from '../state/fleet.js';
import { Button, CopyLine, Notice } from '../ui/controls.js';
import { Icon } from '../ui/icon.js';

/** The line to paste on a machine, and a place that turns green when it appears. */
export function AddMachine() {
  const [key, setKey] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const before = useRef(new Set(machineList.value.filter((it) => it.online).map((it) => it.id)));
  const arrived = machineList.value.find((it) => it.online && !before.current.has(it.id));
  const server = account.value.kind === 'in' ? account.value.me.public_url || location.origin : location.origin;
  const [windows, setWindows] = useState(/windows/i.test(navigator.userAgent));
  const line = windows
    ? `$env:SESSIONFORGE_API_KEY="${key}"; sessionforge agent --server ${server}`
    : `SESSIONFORGE_API_KEY=${key} sessionforge agent --server ${server}`;
  const create = async () => {
    setBusy(true);
    setProblem('');
    try {
      setKey((await api.createKey({ name: `Machine added ${new Date().toISOString().slice(0, 10)}` })).key);
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  return html`<div class="add-machine">
    <ol class="steps">
      <li class=${key ? 'done' : 'now'}><h3>Make a key for it</h3>
        <p>A machine signs in with an API key. It is shown once, here.</p>
        ${key ? html`<p class="step-done"><${Icon} name="check" size=${14} /><span>Made. It is listed under <a href="/settings/keys">API keys</a>, where it can be revoked.</span></p>`
          : html`<${Button} kind="primary" busy=${busy} onClick=${create}>${busy ? 'Making…' : 'Make a key'}<//>`}
        ${problem ? html`<${Notice} title="No key was made">${problem}<//>` : null}</li>
      <li class=${key && !arrived ? 'now' : arrived ? 'done' : ''}><h3>Start the agent on the machine</h3>
        <p>Put the <code>sessionforge</code> program on it and run this line. It connects outwards only; no port is opened.</p>
        ${key ? html`<div class="segments" role="group" aria-label="System">
            <button type="button" aria-pressed=${!windows} onClick=${() => setWindows(false)}>Linux, macOS</button>
            <button type="button" aria-pressed=${windows} onClick=${() => setWindows(true)}>Windows</button></div>
          <${CopyLine} text=${line} />` : null}</li>
      <li class=${arrived ? 'done' : ''}><h3>It appears here</h3>
        <p role="status">${arrived ? html`<span class="step-done"><span class="presence online" aria-hidden="true"></span><span><a href="/machines/${arrived.id}">${arrived.name}</a> is connected.</span></span>`
          : key ? html`<span class="waiting"><span class="half-ring" aria-hidden="true"></span>Waiting for it…</span>` : html`<span class="muted">By itself, as soon as it connects.</span>`}</p></li>
    </ol></div>`;
}
