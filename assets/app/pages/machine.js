import { html, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { ago, dateTime, now, span } from '../state/clock.js';
import { fleetKnown, isLive, machines, mayRunAny, mayStartOn, nameOf, sessionsOf, shortPath } from '../state/fleet.js';
import { loadOf, size } from '../state/load.js';
import { stateWord } from '../state/marks.js';
import { go } from '../state/route.js';
import { Resume } from '../session/ended.js';
import { newSession } from '../session/new_session.js';
import { ask } from '../ui/ask.js';
import { Button, Field, Notice, Waiting } from '../ui/controls.js';
import { Dialog } from '../ui/dialog.js';
import { Icon } from '../ui/icon.js';
import { Mark, Presence } from '../ui/mark.js';
import { Menu } from '../ui/menu.js';
import { MachineUpdate } from './machine_update.js';
import { NotFound } from './not_found.js';

/** @typedef {import('../wire/messages.js').MachineView} MachineView */

/** One machine: what it is and what runs on it. @param {{id: string}} props */
export function Machine({ id }) {
  const machine = machines.value.get(id);
  const [editing, setEditing] = useState(false);
  if (!fleetKnown.value) return html`<main class="page"><${Waiting} words="Loading the machine…" /></main>`;
  if (!machine) return html`<${NotFound} what="machine" />`;
  const mine = sessionsOf(id);
  const starts = mayStartOn(machine, me.value);
  return html`<main class="page">
    <header class="page-head"><${Presence} online=${machine.online} /><h1>${machine.name}</h1>
      <p class="muted">${machine.online ? 'Online' : `Offline, seen ${ago(machine.last_seen, now.value)}`}</p>
      <${Button} kind="primary" disabled=${!machine.online || !starts} title=${starts ? undefined : `Programs here run as ${machine.owner?.name}: only they start them`} onClick=${() => newSession(id)}><${Icon} name="plus" size=${14} />New session<//>
      <${Menu} label="More" items=${[{ label: 'Name, tags, sharing…', icon: 'settings', run: () => setEditing(true) }, { label: 'Remove the machine…', icon: 'trash-2', danger: true, run: () => askRemove(machine, mine.filter(isLive).length) }]} />
    </header>
    ${machine.online ? null : html`<${Notice} kind="note" title="Its agent is not connected">Sessions on it go on and are here again when it is back. If it does not come back by itself, start the agent on it: <code>sessionforge agent</code>. <a href="/help/troubleshooting#a-machine-is-offline">What to look at</a><//>`}
    ${editing ? html`<${Edit} machine=${machine} close=${() => setEditing(false)} />` : null}
    <${MachineUpdate} machine=${machine} />
    <${Facts} machine=${machine} />
    <section><h2>Sessions</h2>
      ${mine.length === 0 ? html`<p class="muted">None yet.</p>` : html`<ul class="rows">${mine.map((it) => html`<li class="row-offers" key=${it.id}><a class="row" href="/sessions/${it.id}">
        <${Mark} session=${it} silent /><span class="row-main"><strong>${nameOf(it)}</strong><span class="muted mono">${shortPath(it.workdir, machine.home)}</span></span>
        <span class="muted">${stateWord(it)} · <time>${span(it.ended_at ?? it.started_at, now.value)}</time></span><${Icon} name="chevron-right" /></a><${Resume} session=${it} /></li>`)}</ul>`}
    </section>
  </main>`;
}

/** @param {{machine: MachineView}} props */
function Facts({ machine }) {
  const facts = [
    ['System', machine.os_version || machine.os],
    ['Architecture', machine.arch],
    ['Host name', machine.hostname],
    ...(machine.hardware?.cpus ? [['Processor', `${machine.hardware.processor || machine.arch}, ${machine.hardware.cpus} threads`], ...(machine.load ? [] : [['Memory', size(machine.hardware.memory_bytes)]])] : []),
    ...(machine.hardware?.disk_bytes && !machine.load ? [['Disk', `${size(machine.hardware.disk_free_bytes)} free of ${size(machine.hardware.disk_bytes)}`]] : []),
    ...loadOf(machine).map(([what, , words]) => [`${what} now`, words]),
    ...(machine.terminal ? [['Terminal', machine.terminal === 'conpty' ? 'ConPTY' : 'PTY']] : []),
    ['Agent', machine.build],
    ['Whose', machine.owner?.name ?? ''],
    ...(machine.sharing && machine.sharing !== 'nobody' ? [['Shared', machine.sharing === 'start' ? 'Members may start sessions' : 'The organisation may see it']] : []),
    ...(machine.tags?.length ? [['Tags', machine.tags.join(', ')]] : []),
    ['May run', mayRunAny(machine) ? 'any program' : (machine.allow ?? []).join(', ') || 'nothing'],
    ...(machine.online ? [] : [['Last seen', dateTime(machine.last_seen)]]),
  ];
  return html`<dl class="facts">${facts.map(([what, value]) => html`<div><dt>${what}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {MachineView} machine @param {number} running */
function askRemove(machine, running) {
  const programs = running === 1 ? 'One program runs' : `${running} programs run`;
  ask({
    title: `Remove ${machine.name}?`,
    text: `${running > 0 ? `${programs} on it and will go on without this page. ` : ''}It disappears from here and its agent is turned away. To have it back, start its agent with a key again.`,
    action: 'Remove',
    async act() {
      await api.removeMachine(machine.id);
      go('/machines');
    },
  });
}

/** @param {{machine: MachineView, close: () => void}} props */
function Edit({ machine, close }) {
  const [name, setName] = useState(machine.name);
  const [tags, setTags] = useState((machine.tags ?? []).join(', '));
  const [sharing, setSharing] = useState(machine.sharing ?? 'nobody');
  const [problem, setProblem] = useState('');
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await api.editMachine(machine.id, { name: name.trim(), ...(sharing !== (machine.sharing ?? 'nobody') && { sharing }), tags: tags.split(',').map((it) => it.trim()).filter(Boolean) });
      close();
    } catch (error) {
      setProblem(asProblem(error).message);
    }
  };
  const typed = (/** @type {(text: string) => void} */ set) => (/** @type {InputEvent} */ event) => { set(/** @type {HTMLInputElement} */ (event.target).value); setProblem(''); };
  return html`<${Dialog} title="Name, tags, sharing" onClose=${close} class="dialog-small"><form onSubmit=${submit}>
    <${Field} label="Name" maxlength="80" value=${name} onInput=${typed(setName)} hint="Empty: what its agent says." data-autofocus />
    <${Field} label="Tags" value=${tags} onInput=${typed(setTags)} hint="Separated by commas." problem=${problem || undefined} />
    <div class="field"><label for="machine-sharing">The organisation may</label><select id="machine-sharing" value=${sharing} aria-describedby="machine-sharing-says" onChange=${(/** @type {Event} */ event) => setSharing(/** @type {'nobody' | 'see' | 'start'} */ (/** @type {HTMLSelectElement} */ (event.target).value))}>
      <option value="nobody">not see it</option><option value="see">see it, and watch its sessions</option><option value="start">also start sessions on it</option></select>
      <p id="machine-sharing-says" class="field-hint">${sharing === 'start' ? `Every member can then run programs here as ${machine.owner?.name}'s account.` : 'Its owner and the admins see it in any case.'}</p></div>
    <footer class="dialog-foot"><${Button} onClick=${close}>Cancel<//><${Button} kind="primary" type="submit">Save<//></footer></form><//>`;
}
