import { effect, signal, useEffect } from '../html.js';
import { api } from './api.js';
import { machines } from './fleet.js';

/** Which agents could run something newer, and how the last rollout went. */

/** @typedef {import('../wire/messages.js').MachineView} MachineView */
/** @typedef {{machine: string, version: string, allowed: boolean}} Available */
/** @typedef {{machine: string, to: string, state: 'waiting' | 'asked' | 'done' | 'failed' | 'left_out', why?: string, since: number}} Step */
/** @typedef {{by: {id: string, name: string}, began_at: number, ended_at?: number, stopped?: string, steps: Step[]}} Rollout */
/** @typedef {{available: Available[], rollout?: Rollout}} Updates */

/** While a rollout runs it is looked at this often, in milliseconds; else only now and then, for files that are put on the server. */
const LOOK_EVERY_RUNNING = 2_000;
const LOOK_EVERY = 60_000;
/** How long a success is worth a word, in milliseconds. */
const DONE_SHOWN_FOR = 10 * 60_000;

export const updates = signal(/** @type {Updates | undefined} */ (undefined));

/** Asks the server. What it does not say changes nothing: the page has the machines all the same. */
export async function lookAtUpdates() {
  try {
    updates.value = await api.updates();
  } catch {
    // A key without a scope, a server that is away: there is a line for that already.
  }
}

/** Keeps {@link updates} true while a page that shows them is open. */
export function useUpdates() {
  useEffect(() => {
    let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
    let gone = false;
    const look = async () => {
      clearTimeout(timer);
      await lookAtUpdates();
      if (!gone) timer = setTimeout(look, isRunning(updates.value?.rollout) ? LOOK_EVERY_RUNNING : LOOK_EVERY);
    };
    let seen = '';
    // Also when a machine appears, goes, or runs another version.
    const stop = effect(() => {
      const now = [...machines.value.values()].map((it) => `${it.id}${it.build}${it.online}`).join();
      if (now !== seen) {
        seen = now;
        void look();
      }
    });
    return () => { gone = true; stop(); clearTimeout(timer); };
  }, []);
}

/** @param {Rollout | undefined} rollout */
export function isRunning(rollout) {
  return Boolean(rollout && rollout.ended_at === undefined);
}

/** @param {string} machine @param {Updates | undefined} known @returns {Available | undefined} */
export function availableFor(machine, known) {
  return known?.available.find((it) => it.machine === machine);
}

/** Why the page cannot have a machine updated; nothing if it can. @param {MachineView} machine @returns {string | undefined} */
export function byHand(machine) {
  switch (machine.update_way) {
    case 'page': return undefined;
    case 'off': return 'Its owner has it updated on the machine only.';
    case 'root': return 'Only root may replace it there.';
    case 'package': return 'It came with a package, and is updated by the package manager there.';
    case 'hand': return 'No service runs its agent, so it is updated there, and started again.';
    default: return 'Its version is too old to be asked from here, so this once it is updated there.';
  }
}

/** What to type on a machine that the page cannot have updated. @param {MachineView} machine */
export function lineFor(machine) {
  return machine.update_way === 'package' ? undefined : `${machine.update_way === 'root' ? 'sudo ' : ''}sessionforge update`;
}

/**
 * What there is to say of a machine's version, if anything.
 * @param {MachineView} machine @param {Available | undefined} available @param {number} now milliseconds since 1970
 * @returns {{kind: 'available' | 'under_way' | 'failed' | 'done', words: string, to: string, percent?: number, why?: string} | undefined}
 */
export function updateOf(machine, available, now) {
  const { update } = machine;
  if (update && machine.build !== update.to && update.phase === 'failed' && (!available || available.version === update.to)) {
    return { kind: 'failed', words: `Update to ${update.to} failed`, to: update.to, why: update.why };
  }
  if (update && !['done', 'failed'].includes(update.phase)) {
    const steps = /** @type {Record<string, string>} */ ({ downloading: `downloaded ${update.percent}\u00a0%`, checking: 'checking it', restarting: 'starting it' });
    return { kind: 'under_way', words: `Updating to ${update.to}: ${steps[update.phase] ?? 'under way'}`, to: update.to, percent: update.phase === 'downloading' ? update.percent : undefined };
  }
  if (available) return { kind: 'available', words: `${available.version} is available`, to: available.version };
  if (update?.phase === 'done' && machine.build === update.to && now - update.began_at < DONE_SHOWN_FOR) {
    return { kind: 'done', words: `Updated to ${update.to}`, to: update.to };
  }
  return undefined;
}

/** How a rollout goes, in one sentence. @param {Rollout} rollout */
export function rolloutWords(rollout) {
  const count = (/** @type {Step['state']} */ state) => rollout.steps.filter((it) => it.state === state).length;
  const all = rollout.steps.length;
  const [done, failed, out, asked] = [count('done'), count('failed'), count('left_out'), count('asked')];
  const parts = [`${done} of ${all} updated`];
  if (asked > 0) parts.push(`${asked} under way`);
  if (failed > 0) parts.push(`${failed} failed`);
  if (out > 0) parts.push(`${out} left out`);
  return parts.join(', ');
}
