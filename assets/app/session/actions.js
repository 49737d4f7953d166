import { api, asProblem, newKey } from '../state/api.js';
import { holderOf, isLive, machines, nameOf } from '../state/fleet.js';
import { go } from '../state/route.js';
import { ask } from '../ui/ask.js';
import { say } from '../ui/toast.js';
import { start } from './new_session.js';
import { likelySize } from './size.js';

/** What can be done with a session, each with the question it needs. */

/** @typedef {import('../wire/messages.js').SessionView} SessionView */

/** @param {SessionView} session @param {boolean} force */
export function askStop(session, force) {
  const program = nameOf(session);
  ask({
    title: force ? 'Kill the program?' : 'Stop the session?',
    text: force
      ? `“${program}” is killed at once and cannot save anything.`
      : `“${program}” is told to end, with every program it started. What it has not saved is lost; its last screen stays here.`,
    action: force ? 'Kill' : 'Stop',
    act: () => api.stop(session.id, force),
  });
}

/** @param {SessionView} session one that has ended */
export function askForget(session) {
  ask({
    title: 'Remove the session?',
    text: `“${nameOf(session)}” has ended. Its last screen and its output are deleted.`,
    action: 'Remove',
    async act() {
      await api.forgetSession(session.id);
      go('/');
    },
  });
}

/** @param {SessionView} session */
export async function startAgain({ machine, command, args = [], workdir, name }) {
  try {
    await start(machine, { command, args, workdir, ...(name && { name }) });
  } catch (error) {
    const problem = asProblem(error);
    say(`${problem.unknown ? 'Perhaps started' : 'Not started'}: ${problem.message}`);
  }
}

/** Goes on with the conversation of an ended session, in a new one. @param {SessionView} session */
export async function resume(session) {
  try {
    const { id } = await api.resume(session.id, likelySize(), newKey());
    go(`/sessions/${id}`);
  } catch (error) {
    const holder = holderOf(session);
    say(`Not resumed: ${asProblem(error).message}`, holder && { label: 'Go there', run: () => go(`/sessions/${holder.id}`) });
  }
}

/** @param {SessionView} session */
export function canStop(session) {
  return isLive(session) && machines.value.get(session.machine)?.online === true;
}
