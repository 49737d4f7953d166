import { SNAPSHOT_BYTES_MAX } from './bounds.js';

/** @typedef {import('./frame.js').SnapshotAt} SnapshotAt */
/** @typedef {{at: SnapshotAt, bytes: Uint8Array}} Snapshot */

/** Puts the pieces of one snapshot together. */
export class Assembly {
  /** @type {SnapshotAt | undefined} */
  #at;
  /** @type {Uint8Array[]} */
  #pieces = [];
  #bytes = 0;

  /** Whether a first piece has come and the last has not. */
  get open() {
    return this.#at !== undefined;
  }

  /**
   * @param {{at: SnapshotAt, flags: {first: boolean, last: boolean}, bytes: Uint8Array}} piece
   * @returns {Snapshot | 'more' | 'broken'}
   */
  add({ at, flags, bytes }) {
    if (flags.first) {
      this.clear();
      this.#at = at;
    }
    if (!this.#at || this.#bytes + bytes.length > SNAPSHOT_BYTES_MAX) {
      this.clear();
      return 'broken';
    }
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    if (!flags.last) return 'more';
    const whole = { at: this.#at, bytes: joined(this.#pieces) };
    this.clear();
    return whole;
  }

  clear() {
    this.#at = undefined;
    this.#pieces = [];
    this.#bytes = 0;
  }
}

/** @param {Uint8Array[]} pieces */
export function joined(pieces) {
  if (pieces.length === 1) return /** @type {Uint8Array} */ (pieces[0]);
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
