/**
 * The scrollback comes after the screen: asked for when the line is idle or the person scrolls up, put together aside,
 * and swapped in with the output that came meanwhile.
 */
import { joined } from '../wire/assembly.js';

/** @typedef {import('../wire/assembly.js').Snapshot} Snapshot */

/** Silence after which the scrollback is asked for, in milliseconds. */
export const IDLE_AFTER = 400;
/** A program that never falls silent (a spinner) must not keep the scrollback away for longer, in milliseconds. */
export const ASK_AFTER = 3_000;
/** Output kept while the scrollback is on its way, in bytes. Beyond it the attempt is given up and made again later. */
export const KEPT_BYTES_MAX = 512 * 1024;
/** Time for all pieces to come, in milliseconds. */
export const ARRIVES_WITHIN = 10_000;

export class History {
  /** @type {'missing' | 'asked' | 'here'} */
  #stage = 'missing';
  #id = 0;
  #epoch = -1;
  #reached = 0;
  /** @type {{offset: number, bytes: Uint8Array}[]} */
  #kept = [];
  #keptBytes = 0;
  /** Complete, but ahead of the output that has come so far. @type {Snapshot | undefined} */
  #ahead;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #idle;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #late;

  /**
   * @param {object} to
   * @param {() => number} to.ask   asks the session; the id of the answer, 0 when it cannot be asked
   * @param {() => boolean} to.mayDisturb  false while the person has something selected: it would be lost
   * @param {(screen: {cols: number, rows: number, bytes: Uint8Array}) => void} to.swapIn
   */
  constructor(to) {
    this.to = to;
  }

  get missing() {
    return this.#stage !== 'here';
  }

  /** The screen was painted anew and has no scrollback. @param {Snapshot['at']} at */
  repainted(at) {
    this.#epoch = at.epoch;
    this.#reached = at.offset;
    this.#giveUp();
    this.#late = setTimeout(() => this.want(), ASK_AFTER);
    this.#waitForSilence();
  }

  /** @param {number} offset @param {Uint8Array} bytes */
  output(offset, bytes) {
    this.#reached = offset + bytes.length;
    if (this.#stage === 'missing') this.#waitForSilence();
    if (this.#stage !== 'asked') return;
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > KEPT_BYTES_MAX) return this.#againLater();
    this.#kept.push({ offset, bytes });
    if (this.#ahead && this.#reached >= this.#ahead.at.offset) this.#swapIn(this.#ahead);
  }

  /** The person scrolls up, or the line is idle. */
  want() {
    if (this.#stage !== 'missing' || !this.to.mayDisturb()) return;
    const id = this.to.ask();
    if (id === 0) return;
    clearTimeout(this.#idle);
    clearTimeout(this.#late);
    this.#stage = 'asked';
    this.#id = id;
    this.#late = setTimeout(() => this.#againLater(), ARRIVES_WITHIN);
  }

  /** @param {number} id @param {Snapshot | 'broken'} history */
  arrived(id, history) {
    if (this.#stage !== 'asked' || id !== this.#id) return;
    if (history === 'broken' || history.at.epoch !== this.#epoch || !this.to.mayDisturb()) this.#againLater();
    else if (history.at.offset > this.#reached) this.#ahead = history;
    else this.#swapIn(history);
  }

  /** The line broke: what was asked for will not come. */
  interrupted() {
    if (this.#stage === 'asked') this.#giveUp();
  }

  /** The line is whole again. */
  resumed() {
    if (this.#stage === 'missing') this.#waitForSilence();
  }

  dispose() {
    this.#giveUp();
  }

  /** @param {Snapshot} history */
  #swapIn({ at, bytes }) {
    const after = this.#kept
      .filter((kept) => kept.offset + kept.bytes.length > at.offset)
      .map((kept) => kept.bytes.subarray(Math.max(0, at.offset - kept.offset)));
    this.#giveUp();
    this.#stage = 'here';
    this.to.swapIn({ cols: at.cols, rows: at.rows, bytes: joined([bytes, ...after]) });
  }

  #againLater() {
    this.#giveUp();
    this.#waitForSilence();
  }

  #giveUp() {
    clearTimeout(this.#idle);
    clearTimeout(this.#late);
    this.#stage = 'missing';
    this.#kept = [];
    this.#keptBytes = 0;
    this.#ahead = undefined;
  }

  #waitForSilence() {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.want(), IDLE_AFTER);
  }
}
