import { computed, signal } from '../html.js';
import { Connection } from '../wire/socket.js';
import { api, ApiProblem, asProblem } from './api.js';
import { fleetChanged, forgetFleet } from './fleet.js';

/** Who is signed in, and the one connection that follows from it. */

/** @typedef {import('./api.js').Me} Me */
/** @typedef {import('../wire/socket.js').ConnectionState} ConnectionState */

/**
 * @type {import('../../vendor/preact/signals.mjs').Signal<
 *   {kind: 'loading'} | {kind: 'unreachable', problem: ApiProblem} | {kind: 'setup'} | {kind: 'out', expired: boolean} | {kind: 'in', me: Me}>}
 */
export const account = signal({ kind: 'loading' });
export const connectionState = signal(/** @type {ConnectionState} */ ({ kind: 'connecting' }));
/** The server's version, as it last said; this page may be of an older one. */
export const serverBuild = signal('');
/** @type {import('../../vendor/preact/signals.mjs').Signal<Connection | undefined>} */
export const connection = signal(undefined);

/** Whoever is signed in. */
export const me = computed(() => (account.value.kind === 'in' ? account.value.me : undefined));

/** Who shows what the server has to show; set once at the start. */
export const onNotice = { run: (/** @type {import('../wire/messages.js').NoticeMessage} */ _message) => {} };

/** Finds out who is there. Called at the start, after signing in and after a failure. */
export async function enter() {
  try {
    const found = await api.me();
    // What was seen in another organisation is not shown in this one.
    if (me.value?.organisation.id !== found.organisation.id) forgetFleet();
    account.value = { kind: 'in', me: found };
    connect(found);
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status !== 401) account.value = { kind: 'unreachable', problem };
    else account.value = (await setupNeeded()) ? { kind: 'setup' } : { kind: 'out', expired: false };
  }
}

/** The same person, after something about them changed. */
export async function refresh() {
  account.value = { kind: 'in', me: await api.me() };
}

/** The person leaves, or the server says that they have. @param {{expired?: boolean}} [how] */
export function leave({ expired = false } = {}) {
  connection.value?.stop();
  connection.value = undefined;
  forgetFleet();
  account.value = { kind: 'out', expired };
}

async function setupNeeded() {
  try {
    return (await api.setupStatus()).needed;
  } catch {
    return false;
  }
}

/** @param {Me} me */
function connect(me) {
  connection.value?.stop();
  const next = new Connection({
    url: `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/api/v1/viewer`,
    build: me.build,
    onState(state) {
      connectionState.value = state;
      if (state.kind === 'signed-out') leave({ expired: true });
    },
    onFleet: fleetChanged,
    onNotice: (message) => onNotice.run(message),
    onBuild: (build) => { serverBuild.value = build; },
    onChanged: () => void enter().then(() => { if (account.value.kind !== 'in') connection.value?.stop(); }),
    async isSignedIn() {
      try {
        await api.me();
        return true;
      } catch (error) {
        const problem = asProblem(error);
        if (problem.code === 'address_not_allowed') {
          next.stop();
          account.value = { kind: 'unreachable', problem };
        }
        return problem.status !== 401;
      }
    },
  });
  connection.value = next;
  next.start();
}
