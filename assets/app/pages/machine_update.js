import { html, useState } from '../html.js';
import { api, asProblem } from '../state/api.js';
import { ago, now } from '../state/clock.js';
import { machines } from '../state/fleet.js';
import { availableFor, byHand, isRunning, lineFor, lookAtUpdates, rolloutWords, updateOf, updates, useUpdates } from '../state/updates.js';
import { ask } from '../ui/ask.js';
import { Button, CopyLine, Notice } from '../ui/controls.js';
import { say } from '../ui/toast.js';

/** @typedef {import('../wire/messages.js').MachineView} MachineView */

/** How long a rollout that went well is worth a line, in milliseconds; one that did not is until the next. */
const SHOWN_FOR = 10 * 60_000;

/** @param {MachineView} machine has its agent updated, and says why if that does not begin */
async function update(machine) {
  try {
    await api.updateMachine(machine.id);
  } catch (error) {
    say(`Not updated: ${asProblem(error).message}`);
  }
}

/** How full something is. @param {{percent: number | undefined, label: string}} props without a number: it is not known how long */
function Progress({ percent, label }) {
  return html`<div class="progress" role="progressbar" aria-label=${label} aria-valuenow=${percent} aria-valuemin="0" aria-valuemax="100"><div style=${{ width: `${percent ?? 100}%` }} class=${percent === undefined ? 'progress-unknown' : ''}></div></div>`;
}

/** What a list says of a machine's version, below its name. @param {{machine: MachineView}} props */
export function UpdateWord({ machine }) {
  const word = updateOf(machine, availableFor(machine.id, updates.value), now.value);
  if (!word) return null;
  return html`<span class="row-update row-update-${word.kind}" title=${word.why}>${word.words}${word.why ? `: ${word.why}` : ''}</span>`;
}

/** The button beside a machine in a list. @param {{machine: MachineView}} props */
export function UpdateButton({ machine }) {
  const available = availableFor(machine.id, updates.value);
  const word = updateOf(machine, available, now.value);
  if (isRunning(updates.value?.rollout)) return null;
  if (!available?.allowed || !machine.online || byHand(machine) || word?.kind === 'under_way') return null;
  return html`<${Button} class="row-button" aria-label="Update ${machine.name}" onClick=${() => update(machine)}>${word?.kind === 'failed' ? 'Try again' : 'Update'}<//>`;
}

/** What a machine's own page says of its version. @param {{machine: MachineView}} props */
export function MachineUpdate({ machine }) {
  useUpdates();
  const available = availableFor(machine.id, updates.value);
  const word = updateOf(machine, available, now.value);
  if (!word) return null;
  const there = byHand(machine);
  const runs = `It runs ${machine.build}.`;
  const button = available?.allowed && machine.online && !there ? html`<${Button} kind=${word.kind === 'failed' ? 'plain' : 'primary'} onClick=${() => update(machine)}>${word.kind === 'failed' ? 'Try again' : `Update to ${word.to}`}<//>` : null;
  if (word.kind === 'failed') {
    return html`<${Notice} title=${word.words}><p>${sentence(word.why)}</p>${button}<//>`;
  }
  if (word.kind === 'under_way') {
    return html`<div class="notice notice-note" role="status"><strong>${word.words}</strong><${Progress} percent=${word.percent} label="Update of ${machine.name}" /><div class="muted">Sessions on it go on.</div></div>`;
  }
  if (word.kind === 'done') return html`<${Notice} kind="note" title=${word.words} />`;
  const line = lineFor(machine);
  return html`<section class="panel update-panel section-first"><div><h2>${word.words}</h2><p class="muted">${runs} ${there ?? (machine.online ? 'Sessions on it go on.' : 'It is updated from here when it is connected.')}</p></div>
    ${button}${there && line ? html`<${CopyLine} text=${line} />` : null}</section>`;
}

/** All machines that could run something newer, above their list. */
export function UpdateAll() {
  useUpdates();
  const known = updates.value;
  const [busy, setBusy] = useState(false);
  if (!known) return null;
  const { rollout } = known;
  const ready = known.available.filter((it) => {
    const machine = machines.value.get(it.machine);
    return it.allowed && machine?.online && !byHand(machine);
  });
  const stop = async () => {
    setBusy(true);
    try {
      updates.value = await api.stopUpdates();
    } catch (error) {
      say(`Not stopped: ${asProblem(error).message}`);
    }
    setBusy(false);
  };
  if (rollout && isRunning(rollout)) {
    const over = rollout.steps.filter((it) => it.state !== 'waiting' && it.state !== 'asked').length;
    return html`<section class="panel section-first" role="status"><div class="update-head"><h2>Updating machines</h2><span class="muted">${rolloutWords(rollout)}</span>${rollout.stopped ? null : html`<${Button} busy=${busy} onClick=${stop}>Stop<//>`}</div>
      <${Progress} percent=${Math.round((100 * over) / Math.max(1, rollout.steps.length))} label="Machines updated" />
      <p class="muted">${rollout.stopped ? `${ended(rollout.stopped)} Those under way go on.` : 'One first, then four at a time. The first that fails ends it.'}</p></section>`;
  }
  const wrong = rollout?.steps.find((it) => it.state === 'failed');
  const fresh = rollout?.ended_at && now.value - rollout.ended_at < SHOWN_FOR;
  return html`${rollout && (wrong || fresh) && (wrong ? isStill(wrong) : true) ? html`<${Notice} kind=${wrong ? 'problem' : 'note'} title=${rolloutWords(rollout)}>
      ${wrong ? html`<p>${nameOfMachine(wrong.machine)}: ${ended(wrong.why || 'it did not say why')}</p>` : null}${rollout.stopped ? html`<p>${ended(rollout.stopped)}</p>` : null}
      <p class="muted">Begun by ${rollout.by.name} ${ago(rollout.began_at, now.value)}.</p><//>` : null}
    ${ready.length > 1 ? html`<section class="panel update-panel section-first"><div><h2>${ready.length} machines could run a newer version</h2><p class="muted">Sessions on them go on.</p></div>
      <${Button} onClick=${() => askAll(ready.length)}>Update all<//></section>` : null}`;
}

/** Whether a machine that failed still runs what it ran. @param {import('../state/updates.js').Step} step */
function isStill(step) {
  return machines.value.get(step.machine)?.build !== step.to;
}

/** @param {number} count */
function askAll(count) {
  ask({
    title: `Update ${count} machines?`,
    text: 'One goes first, then four at a time. A machine whose new version does not come up puts the old one back by itself, and no further one is asked. Sessions go on through all of it.',
    action: 'Update all',
    kind: 'primary',
    async act() {
      updates.value = await api.updateAll();
      void lookAtUpdates();
    },
  });
}

/** @param {string} id */
function nameOfMachine(id) {
  return machines.value.get(id)?.name ?? 'A machine';
}

/** @param {string | undefined} text a reason as a sentence of its own */
function sentence(text) {
  const words = text || 'it did not say why';
  return ended(words.charAt(0).toUpperCase() + words.slice(1));
}

/** @param {string} words which may begin with a name, that is written as it is */
function ended(words) {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}
