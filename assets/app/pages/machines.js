import { html, useEffect, useState } from '../html.js';
import { ago, now } from '../state/clock.js';
import { fleetKnown, isLive, machineList, sessionsOf } from '../state/fleet.js';
import { loadOf } from '../state/load.js';
import { Button, Waiting } from '../ui/controls.js';
import { Icon } from '../ui/icon.js';
import { Presence } from '../ui/mark.js';
import { AddMachine } from './add_machine.js';
import { UpdateAll, UpdateButton, UpdateWord } from './machine_update.js';

/** All machines, and how to add one. */
export function Machines() {
  const none = fleetKnown.value && machineList.value.length === 0;
  const [adding, setAdding] = useState(false);
  // The first one arrives in front of whoever added it, and does not take the panel away.
  useEffect(() => {
    if (none) setAdding(true);
  }, [none]);
  if (!fleetKnown.value) return html`<main class="page"><${Waiting} words="Loading your machines…" /></main>`;
  return html`<main class="page">
    <header class="page-head"><h1>${none ? 'Connect your first machine' : 'Machines'}</h1>
      ${none || adding ? null : html`<${Button} kind="primary" onClick=${() => setAdding(true)}><${Icon} name="plus" size=${14} />Add a machine<//>`}</header>
    ${none || adding ? html`<section class="panel">${adding && !none ? html`<h2>Add a machine</h2>` : null}<${AddMachine} /></section>` : null}
    ${none ? null : html`<${UpdateAll} />`}
    ${none ? null : html`<ul class="rows">${machineList.value.map((it) => {
      const running = sessionsOf(it.id).filter(isLive).length;
      return html`<li class="row-offers" key=${it.id}><a class="row" href="/machines/${it.id}">
        <${Presence} online=${it.online} /><span class="row-main"><strong>${it.name}</strong><span class="muted">${[it.os_version || it.os, it.arch, it.build].filter(Boolean).join(' · ')}</span><${UpdateWord} machine=${it} /></span>
        <${Load} machine=${it} /><span class="muted">${it.online ? `${running} running` : `Offline, seen ${ago(it.last_seen, now.value)}`}</span><${Icon} name="chevron-right" /></a><${UpdateButton} machine=${it} /></li>`;
    })}</ul>`}
  </main>`;
}

/** How busy a machine is. Where there is no room for it, its own page has it. @param {{machine: import('../wire/messages.js').MachineView}} props */
function Load({ machine }) {
  const parts = loadOf(machine);
  if (parts.length === 0) return null;
  return html`<span class="muted row-load">${parts.map(([what, full, words]) => html`<span key=${what} title="${what}: ${words}">${what} <span class="number">${full}</span></span>`)}</span>`;
}
