import { html, signal, useId, useRef, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem, newKey } from '../state/api.js';
import { fleetKnown, machineList, machines, mayStartOn, programsOf } from '../state/fleet.js';
import { prefs, setPrefs } from '../state/prefs.js';
import { go } from '../state/route.js';
import { Button, Field, Notice, Waiting } from '../ui/controls.js';
import { Dialog } from '../ui/dialog.js';
import { joinArgs, splitArgs } from './argv.js';
import { likelySize } from './size.js';
import { commonStarts } from './starts.js';

/** @typedef {import('../wire/messages.js').MachineView} MachineView */

const asked = signal(/** @type {{machine?: string} | undefined} */ (undefined));

/** Opens the dialog. @param {string} [machine] the one to start on */
export function newSession(machine) {
  asked.value = machine ? { machine } : {};
}

/**
 * Starts a session and opens it.
 * @param {string} machine
 * @param {{command: string, args: string[], workdir?: string, name?: string}} what
 * @param {string} [key]  the wish's, when it may have been fulfilled already
 */
export async function start(machine, { command, args, workdir, name }, key = newKey()) {
  const session = await api.start(machine, { command, args, ...likelySize(), ...(workdir && { workdir }), ...(name && { name }) }, key);
  go(`/sessions/${session.id}`);
}

export function NewSession() {
  return asked.value ? html`<${Form} machine=${asked.value.machine} />` : null;
}

/** @param {{machine?: string}} props */
function Form({ machine: wanted }) {
  const online = machineList.value.filter((it) => it.online && mayStartOn(it, me.value));
  const [choice, setChosen] = useState(wanted);
  // Machines may become known, come and go while the dialog is open.
  const chosen = choice ?? online[0]?.id;
  const machine = chosen ? machines.value.get(chosen) : undefined;
  const close = () => { asked.value = undefined; };
  return html`<${Dialog} title="New session" onClose=${close}>
    ${!fleetKnown.value ? html`<${Waiting} words="Loading your machines…" />` : null}
    ${fleetKnown.value && online.length === 0 ? html`<${Notice} kind="note" title="No machine is online">A session runs on a machine. <a href="/machines" onClick=${close}>Add one</a>, or start the agent on one you have.<//>` : null}
    ${machine && !machine.online ? html`<${Notice} title="${machine.name} is offline">Start its agent, or choose another machine.<//>` : null}
    ${online.length > 1 || (machine && !machine.online && online.length > 0) ? html`<${MachineChoice} machines=${online} chosen=${chosen} choose=${setChosen} />` : null}
    ${machine?.online ? html`<${What} key=${machine.id} machine=${machine} close=${close} alone=${online.length === 1} />` : null}
  <//>`;
}

/** @param {{machines: MachineView[], chosen: string | undefined, choose: (id: string) => void}} props */
function MachineChoice({ machines: online, chosen, choose }) {
  const id = useId();
  return html`<div class="field"><label for=${id}>Machine</label>
    <select id=${id} value=${chosen} onChange=${(/** @type {Event} */ event) => choose(/** @type {HTMLSelectElement} */ (event.target).value)}>
      ${online.map((it) => html`<option value=${it.id}>${it.name}</option>`)}
    </select></div>`;
}

/** @param {{machine: MachineView, close: () => void, alone: boolean}} props */
function What({ machine, close, alone }) {
  const last = prefs.value.lastStart[machine.id];
  const starts = commonStarts(machine);
  const [form, setForm] = useState({ command: last?.command ?? starts[0]?.command ?? '', args: last?.args ?? '', workdir: last?.workdir ?? '~', name: '' });
  const [problem, setProblem] = useState(/** @type {import('../state/api.js').ApiProblem | undefined} */ (undefined));
  const [busy, setBusy] = useState(false);
  /** Of a start that may have happened: asked for again unchanged, it is the same one. */
  const key = useRef(/** @type {string | undefined} */ (undefined));
  const split = splitArgs(form.args, { windows: machine.os === 'windows' });
  const change = (/** @type {Partial<typeof form>} */ part) => {
    setForm({ ...form, ...part });
    setProblem(undefined);
    key.current = undefined;
  };
  const set = (/** @type {keyof typeof form} */ field) => (/** @type {InputEvent} */ event) => {
    change({ [field]: /** @type {HTMLInputElement} */ (event.target).value });
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (split.problem || !form.command.trim()) return;
    setBusy(true);
    key.current ??= newKey();
    try {
      await start(machine.id, { command: form.command.trim(), args: split.args, workdir: form.workdir.trim(), name: form.name.trim() }, key.current);
      setPrefs({ lastStart: { ...prefs.value.lastStart, [machine.id]: { command: form.command.trim(), args: form.args, workdir: form.workdir.trim() } } });
      close();
    } catch (error) {
      const what = asProblem(error);
      if (!what.unknown) key.current = undefined;
      setProblem(what);
      setBusy(false);
    }
  };
  const of = (/** @type {string[]} */ ...codes) => (problem && codes.includes(problem.code) ? problem.message : undefined);
  const elsewhere = problem && !of('command_not_found', 'command_not_allowed', 'workdir_not_found');
  return html`<form onSubmit=${submit}>
    <div class="starts" role="group" aria-label="Common starts">
      ${starts.map((it) => html`<button type="button" class="start" aria-pressed=${form.command === it.command && form.args === joinArgs(it.args)}
          onClick=${() => change({ command: it.command, args: joinArgs(it.args) })}>
        <span>${it.label}</span><small>${it.detail}</small></button>`)}
    </div>
    <div class="field-row">
      <${Field} label="Command" data-autofocus list="commands-${machine.id}" required value=${form.command} onInput=${set('command')} class="mono" problem=${of('command_not_found', 'command_not_allowed')} />
      <${Field} label="Arguments" value=${form.args} onInput=${set('args')} class="mono" placeholder="none" problem=${split.problem} />
    </div>
    ${problem?.code === 'command_not_found' ? html`<p class="field-hint"><a href="/help/troubleshooting#command-not-found-claude" target="_blank">Why a program is not found</a></p>` : null}
    <datalist id="commands-${machine.id}">${programsOf(machine).map((it) => html`<option value=${it} />`)}</datalist>
    <${Argv} command=${form.command} args=${split.args} />
    <${Field} label="Working directory" value=${form.workdir} onInput=${set('workdir')} class="mono" placeholder="~" problem=${of('workdir_not_found')} />
    <${Field} label="Name" value=${form.name} onInput=${set('name')} placeholder="Optional" maxlength="80" />
    ${elsewhere ? html`<${Notice} title=${problem.unknown ? 'The session may have been started' : 'The session was not started'}>${problem.message}<//>` : null}
    <footer class="dialog-foot">
      <span class="muted">${alone ? html`on ${machine.name}` : ''}</span>
      <${Button} onClick=${close}>Cancel<//>
      <${Button} kind="primary" type="submit" busy=${busy}>${busy ? 'Starting…' : 'Start'}<//>
    </footer>
  </form>`;
}

/** What the program will get, argument by argument. @param {{command: string, args: string[]}} props */
function Argv({ command, args }) {
  if (args.length === 0) return null;
  return html`<p class="argv" aria-label="What will run"><span class="muted">Runs</span> <code>${command}</code>${args.map((arg) => html` <code>${arg === '' ? '(empty)' : arg}</code>`)}</p>`;
}
