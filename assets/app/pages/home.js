import { html, useEffect, useState } from '../html.js';
import { fleetKnown, isLive, machineList, needing, sessionList } from '../state/fleet.js';
import { asProblem } from '../state/api.js';
import { newSession, start } from '../session/new_session.js';
import { commonStarts } from '../session/starts.js';
import { Tile } from '../session/tile.js';
import { Button, Waiting } from '../ui/controls.js';
import { Icon } from '../ui/icon.js';
import { say } from '../ui/toast.js';
import { AddMachine } from './add_machine.js';

/** The fleet: every session with its last lines. */
export function Home() {
  const none = fleetKnown.value && machineList.value.length === 0;
  const [first, setFirst] = useState(false);
  // The first machine arrives in front of whoever added it: what they look at turns green, and does not vanish.
  useEffect(() => {
    if (none) setFirst(true);
  }, [none]);
  if (!fleetKnown.value) return html`<main class="page"><${Waiting} words="Loading your sessions…" /></main>`;
  const all = sessionList.value;
  const waiting = needing.value;
  const live = [...waiting, ...all.filter((it) => isLive(it) && !waiting.includes(it))];
  const ended = all.filter((it) => !isLive(it));
  if (none || (first && all.length === 0)) {
    return html`<main class="page"><h1>Connect your first machine</h1><${AddMachine} />${none ? null : html`<${NoSessions} />`}</main>`;
  }
  return html`<main class="page page-wide">
    <header class="page-head"><h1>Sessions</h1>
      <p class="muted">${waiting.length > 0 ? html`<strong class="needs-count">${waiting.length} ${waiting.length === 1 ? 'needs' : 'need'} you</strong> · ` : null}${summary(live.length)}</p>
      <${Button} kind="primary" onClick=${() => newSession()}><${Icon} name="plus" size=${14} />New session<//></header>
    ${all.length === 0 ? html`<${NoSessions} />` : null}
    ${live.length > 0 ? html`<div class="tiles">${live.map((it) => html`<${Tile} key=${it.id} session=${it} />`)}</div>` : null}
    ${ended.length > 0 ? html`<section><h2>Ended</h2><div class="tiles tiles-ended">${ended.map((it) => html`<${Tile} key=${it.id} session=${it} />`)}</div></section>` : null}
  </main>`;
}

/** @param {number} running */
function summary(running) {
  const online = machineList.value.filter((it) => it.online).length;
  const machines = machineList.value.length;
  return `${running} running · ${online} of ${machines} ${machines === 1 ? 'machine' : 'machines'} online`;
}

/** Nothing runs: the commonest starts. */
function NoSessions() {
  const machine = machineList.value.find((it) => it.online);
  if (!machine) {
    return html`<div class="empty"><h2>No session, and no machine online</h2>
      <p>Start the agent on a machine and it appears here by itself. <a href="/help/troubleshooting#a-machine-is-offline">It does not?</a></p><a class="button button-plain" href="/machines">Show machines</a></div>`;
  }
  const begin = async (/** @type {import('../session/starts.js').Start} */ it) => {
    try {
      await start(machine.id, { command: it.command, args: it.args });
    } catch (error) {
      say(`Not started: ${asProblem(error).message}`);
    }
  };
  return html`<div class="empty"><h2>Nothing runs yet</h2>
    <p>Start something on <a href="/machines/${machine.id}">${machine.name}</a>, in its home directory:</p>
    <div class="starts">${commonStarts(machine).map((it) => html`<button type="button" class="start" onClick=${() => begin(it)}><span>${it.label}</span><small>${it.detail}</small></button>`)}</div>
    <p><button type="button" class="link" onClick=${() => newSession(machine.id)}>Another program or directory…</button></p></div>`;
}
