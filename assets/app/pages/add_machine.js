import { html, useEffect, useRef, useState } from '../html.js';
import { account } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { machineList } from '../state/fleet.js';
import { Button, CopyLine, Notice } from '../ui/controls.js';
import { Icon } from '../ui/icon.js';

/** Systems, with the beginnings of the names of the release files for them. */
const SYSTEMS = [
  { id: 'linux', name: 'Linux', targets: ['linux-'] },
  { id: 'macos', name: 'macOS', targets: ['macos-'] },
  { id: 'windows', name: 'Windows', targets: ['windows-'] },
];

/** The system that this page is looked at on: mostly the kind of machine that is added. */
function ownSystem() {
  if (/windows/i.test(navigator.userAgent)) return 'windows';
  return /mac os|macintosh/i.test(navigator.userAgent) ? 'macos' : 'linux';
}

/** What to paste. A server that speaks plain HTTP to other machines must be believed on purpose.
 * @param {string} system @param {string} server @param {string} key */
function lineFor(system, server, key) {
  const plain = server.startsWith('http://') && !/^http:\/\/(localhost|127\.|\[::1\])/.test(server);
  return system === 'windows'
    ? `iwr -useb ${server}/agent/install.ps1 | iex; Install-SessionForge -ApiKey '${key}'${plain ? ' -InsecureHttp' : ''}`
    : `curl -fsSL ${server}/agent | sh -s -- --key ${key}${plain ? ' --insecure-http' : ''}`;
}

/** Which targets this server has a program for; `null` as long as that is not known.
 * @returns {string[] | null} */
function useTargets() {
  const [targets, setTargets] = useState(/** @type {string[] | null} */ (null));
  useEffect(() => {
    fetch('/downloads/manifest.json')
      .then((answer) => answer.json())
      .then((list) => setTargets(list.files.map((/** @type {{ target: string }} */ file) => file.target)))
      // Then the script on the machine says what is missing.
      .catch(() => {});
  }, []);
  return targets;
}

/** The line to paste on a machine, and a place that turns green when it appears. */
export function AddMachine() {
  const [key, setKey] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const before = useRef(new Set(machineList.value.filter((it) => it.online).map((it) => it.id)));
  const arrived = machineList.value.find((it) => it.online && !before.current.has(it.id));
  const server = account.value.kind === 'in' ? account.value.me.public_url || location.origin : location.origin;
  const [system, setSystem] = useState(ownSystem);
  const targets = useTargets();
  const missing = SYSTEMS.find((it) => it.id === system && targets && !it.targets.some((name) => targets.some((have) => have.startsWith(name))));
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
      <li class=${key && !arrived ? 'now' : arrived ? 'done' : ''}><h3>Run a line on the machine</h3>
        <p>It takes the program from this server, checks it, logs in and starts the agent with the machine. The agent connects outwards only; no port is opened, and Linux and macOS need no root.</p>
        ${key ? html`<div class="segments" role="group" aria-label="System">
            ${SYSTEMS.map((it) => html`<button key=${it.id} type="button" aria-pressed=${system === it.id} onClick=${() => setSystem(it.id)}>${it.name}</button>`)}</div>
          ${missing ? html`<${Notice} title="This server has no program for ${missing.name} yet">Its owner puts the release file for it into <code>releases/</code> in the server's data directory; nothing needs to be restarted.<//>`
            : html`<${CopyLine} text=${lineFor(system, server, key)} />
              <p class="muted">The program is there already? <code>sessionforge auth login --server ${server} --key -</code>, then <code>sessionforge service install</code>.</p>`}` : null}</li>
      <li class=${arrived ? 'done' : ''}><h3>It appears here</h3>
        <p role="status">${arrived ? html`<span class="step-done"><span class="presence online" aria-hidden="true"></span><span><a href="/machines/${arrived.id}">${arrived.name}</a> is connected.</span></span>`
          : key ? html`<span class="waiting"><span class="half-ring" aria-hidden="true"></span>Waiting for it…</span> <a href="/help/agents">What the line does</a> · <a href="/help/troubleshooting">It does not come</a>` : html`<span class="muted">By itself, as soon as it connects.</span>`}</p></li>
    </ol></div>`;
}
