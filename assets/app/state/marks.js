import { isLive, machines } from './fleet.js';

/** A session's state, as a shape, a colour and a word. */

/** @typedef {import('../wire/messages.js').SessionView} SessionView */
/** @typedef {'working' | 'needs' | 'done' | 'idle' | 'exited' | 'lost' | 'offline'} MarkKind */

/** @param {SessionView} session @returns {MarkKind} */
export function markOf(session) {
  if (session.state === 'lost') return 'lost';
  if (session.state === 'exited') return 'exited';
  if (isLive(session) && machines.value.get(session.machine)?.online === false) return 'offline';
  if (session.activity === 'needs_you') return 'needs';
  if (session.activity === 'done') return 'done';
  return session.state === 'starting' || session.activity === 'working' ? 'working' : 'idle';
}

/** @param {SessionView} session @returns {string} */
export function stateWord(session) {
  switch (markOf(session)) {
    case 'working': return session.state === 'starting' ? 'Starting' : 'Working';
    case 'needs': return 'Needs you';
    case 'done': return 'Done';
    case 'idle': return 'Idle';
    case 'offline': return 'Machine offline';
    case 'lost': return 'Lost';
    case 'exited': return exitWord(session);
  }
}

/** @param {SessionView} session */
function exitWord({ exit }) {
  if (exit?.signal) return `Ended by ${exit.signal}`;
  return exit?.code === undefined ? 'Ended' : `Exited with ${exit.code}`;
}
