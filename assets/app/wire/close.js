/** What to do after a close, whether the server's or a proxy's (src/wire/close.rs). */

/** @typedef {'retry' | 'sign-in' | 'gone'} Then */

/** The person's role or organisation changed. */
export const CHANGED = 4005;

/** @param {number} code @returns {Then} */
export function thenAfter(code) {
  if (code === 4401) return 'sign-in';
  if (code === 4403 || code === 4404 || code === 4426) return 'gone';
  return 'retry';
}

/** @param {number} code one clause for the person, to follow "Connection lost:" */
export function closeReason(code) {
  switch (code) {
    case 4000: return 'the server is restarting';
    case 4001: return 'no sign of life from the server';
    case 4002: return 'the server did not understand this page';
    case 4003: return 'too many connections; waiting';
    case 4006: return 'the server stood still for a while';
    case CHANGED: return 'what you may see has changed';
    case 4403: return 'this account may not connect any more';
    case 4426: return 'the server was updated; reload the page';
    default: return 'the server cannot be reached';
  }
}
