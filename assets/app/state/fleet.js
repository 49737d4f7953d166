import { batch, computed, signal } from '../html.js';

/** Machines and sessions as the server last told them. */

/** @typedef {import('../wire/messages.js').FleetMessage} FleetMessage */
/** @typedef {import('../wire/messages.js').MachineView} MachineView */
/** @typedef {import('../wire/messages.js').SessionView} SessionView */

/** Whether anything was told yet. */
export const fleetKnown = signal(false);
export const machines = signal(/** @type {ReadonlyMap<string, MachineView>} */ (new Map()));
export const sessions = signal(/** @type {ReadonlyMap<string, SessionView>} */ (new Map()));

/** @param {FleetMessage} message */
export function fleetChanged(message) {
  switch (message.kind) {
    case 'fleet':
      batch(() => {
        machines.value = new Map(message.machines.map((it) => [it.id, it]));
        sessions.value = new Map(message.sessions.map((it) => [it.id, it]));
        fleetKnown.value = true;
      });
      return;
    case 'machine': machines.value = new Map(machines.value).set(message.machine.id, message.machine); return;
    case 'machine_gone': machines.value = without(machines.value, message.id); return;
    case 'session': sessions.value = new Map(sessions.value).set(message.session.id, message.session); return;
    case 'session_gone': sessions.value = without(sessions.value, message.id);
  }
}

export function forgetFleet() {
  batch(() => {
    machines.value = new Map();
    sessions.value = new Map();
    fleetKnown.value = false;
  });
}

/** @template T @param {ReadonlyMap<string, T>} map @param {string} key @returns {ReadonlyMap<string, T>} */
function without(map, key) {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

/** Online first, then by name. */
export const machineList = computed(() => [...machines.value.values()].sort((a, b) => Number(b.online) - Number(a.online) || a.name.localeCompare(b.name)));

/** Live first, newest first: a session keeps its place while it works. */
export const sessionList = computed(() => [...sessions.value.values()].sort((a, b) => Number(isLive(b)) - Number(isLive(a)) || b.started_at - a.started_at));

/** Those that wait for somebody, the longest first. */
export const needing = computed(() => sessionList.value.filter((it) => isLive(it) && it.needs && machines.value.get(it.machine)?.online !== false).sort((a, b) => (a.needs?.since ?? 0) - (b.needs?.since ?? 0)));

/** @param {MachineView} machine @param {{user: {id: string}, role: string} | undefined} mine whether this person may start sessions on it */
export function mayStartOn(machine, mine) {
  return machine.owner?.id === mine?.user.id || (machine.sharing === 'start' && mine?.role !== 'viewer');
}

/** @param {string} machine */
export function sessionsOf(machine) {
  return sessionList.value.filter((it) => it.machine === machine);
}

/** @param {SessionView} session whether its program still runs */
export function isLive(session) {
  return session.state === 'starting' || session.state === 'running';
}

/** @param {SessionView} session what to call it */
export function nameOf(session) {
  return session.name || [baseName(session.command), ...argsShown(session)].join(' ');
}

/** @param {SessionView} session its arguments without the one that only says which conversation it goes on with */
function argsShown({ args = [], conversation }) {
  const at = args.findIndex((it, index) => it === '--resume' && args[index + 1] === conversation);
  return conversation && at >= 0 ? args.toSpliced(at, 2) : args;
}

/** @param {SessionView} session an ended one @returns {SessionView | undefined} the live one that has its conversation */
export function holderOf(session) {
  if (!session.conversation) return undefined;
  return sessionList.value.find((it) => it.machine === session.machine && it.conversation === session.conversation && it.id !== session.id && isLive(it));
}

/** @param {SessionView} session @returns {SessionView | undefined} the newest that went on with its conversation */
export function successorOf(session) {
  return sessionList.value.find((it) => it.resumed_from === session.id);
}

/** @param {SessionView} session whether there is a conversation to go on with, and nobody goes on with it now */
export function isResumable(session) {
  return !isLive(session) && session.conversation !== undefined && !holderOf(session);
}

/** @param {string} path @param {string} [home] with the home directory as `~` */
export function shortPath(path, home) {
  return home && (path === home || path.startsWith(`${home}/`)) ? `~${path.slice(home.length)}` : path;
}

/** @param {string} path */
function baseName(path) {
  return path.split(/[\\/]/).pop() || path;
}

/** What the agent's list of allowed programs says when it allows them all. */
const ANY_PROGRAM = '*';

/** @param {MachineView} machine whether its owner lets any program run */
export function mayRunAny({ allow = [] }) {
  return allow.includes(ANY_PROGRAM);
}

/** @param {MachineView} machine @returns {string[]} programs to suggest for it */
export function programsOf(machine) {
  const named = (machine.allow ?? []).filter((it) => it !== ANY_PROGRAM);
  const usual = machine.os === 'windows' ? ['claude', 'powershell', 'cmd'] : ['claude', 'bash', 'zsh', 'sh'];
  return mayRunAny(machine) ? [...new Set([...named, ...usual])] : named;
}
