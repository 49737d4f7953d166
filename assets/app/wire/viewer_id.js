import { toHex } from './frame.js';

/**
 * Who types, per tab and session: 16 random bytes and the numbers given to input. Both survive a reload, so that input
 * typed before it is applied once. A duplicated tab copies the storage of one that still lives and must become somebody
 * else: what a tab holds is marked as held in its own storage, and given back when its page goes away.
 */

/** Numbers are reserved in blocks, so that not every key writes to storage. Gaps are allowed. */
const RESERVED = 64;

/** @typedef {{id: string, nextNumber: () => number, dispose: () => void}} Viewer */

/** @param {string} session @param {Storage} [storage] @returns {Viewer} */
export function viewerFor(session, storage = sessionStorage) {
  const key = `sessionforge.viewer.${session}`;
  const kept = /^([0-9a-f]{32}) (\d+) free$/.exec(storage.getItem(key) ?? '');
  const id = kept?.[1] ?? randomId();
  let number = Number(kept?.[2] ?? 0);
  let reserved = number;

  const keep = (/** @type {'held' | 'free'} */ how) => storage.setItem(key, `${id} ${reserved} ${how}`);
  const giveBack = () => {
    reserved = number;
    keep('free');
  };
  // A page that comes back from the browser's back-forward cache holds its viewer again.
  const hold = () => keep('held');

  hold();
  globalThis.addEventListener?.('pagehide', giveBack);
  globalThis.addEventListener?.('pageshow', hold);
  return {
    id,
    nextNumber() {
      number += 1;
      if (number > reserved) {
        reserved = number + RESERVED;
        hold();
      }
      return number;
    },
    dispose() {
      giveBack();
      globalThis.removeEventListener?.('pagehide', giveBack);
      globalThis.removeEventListener?.('pageshow', hold);
    },
  };
}

/** A viewer that only watches: a tile. @returns {Viewer} */
export function passingViewer() {
  let number = 0;
  return { id: randomId(), nextNumber: () => (number += 1), dispose() {} };
}

function randomId() {
  return toHex(crypto.getRandomValues(new Uint8Array(16)));
}
