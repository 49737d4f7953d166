import { computed, effect } from '../html.js';
import { connection, connectionState } from '../state/account.js';
import { route } from '../state/route.js';

/** Tells the server whether a person has this page before them, and with which session: of that one they are told nothing. */

const SESSION = /^ses_[a-z0-9]{12}$/;
/** Changes with every connection, and only then. */
const liveSince = computed(() => (connectionState.value.kind === 'live' ? connectionState.value.since : 0));

export function installLooking() {
  let told = '';
  const tell = () => {
    if (liveSince.value === 0) return;
    const at = route.value;
    const here = document.visibilityState === 'visible' && document.hasFocus();
    const session = at.page === 'session' && SESSION.test(at.id) ? { session: at.id } : {};
    const now = JSON.stringify([liveSince.value, here, session]);
    if (now === told) return;
    told = now;
    connection.value?.say({ kind: 'looking', here, ...session });
  };
  // The connection is live a moment after it says so.
  effect(() => { if (liveSince.value > 0 && route.value) queueMicrotask(tell); });
  addEventListener('focus', tell);
  addEventListener('blur', tell);
  document.addEventListener('visibilitychange', tell);
}
