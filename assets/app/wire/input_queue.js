import { INPUT_BYTES_MAX, INPUT_KEPT_FOR } from './bounds.js';

/** Sent and not acknowledged, in bytes: enough for a line of any length, little enough for a program that reads slowly. */
export const INPUT_WINDOW_BYTES = 64 * 1024;
/** One paste and what waits behind it, in bytes. More is refused: a terminal is the wrong way for a file. */
export const INPUT_WAITING_BYTES_MAX = 4 * 1024 * 1024;

/**
 * @typedef {object} Piece
 * @property {number} number
 * @property {number} group   pieces of one paste share it
 * @property {Uint8Array} bytes
 * @property {number} at      when it could first be sent, in milliseconds
 */

/**
 * Numbered input: kept until it is acknowledged, sent again after a reconnect, dropped visibly after 15 seconds.
 * Pure: time and sending are handed in.
 */
export class InputQueue {
  /** Sent, or to be sent when the line is live. @type {Piece[]} */
  #window = [];
  #windowBytes = 0;
  /** Waits for room in the window. @type {{group: number, bytes: Uint8Array}[]} */
  #backlog = [];
  #backlogBytes = 0;
  #group = 0;

  /**
   * @param {() => number} nextNumber one more than any number of this viewer before
   * @param {(piece: Piece) => void} send is called for each piece when it may go
   */
  constructor(nextNumber, send) {
    this.nextNumber = nextNumber;
    this.send = send;
  }

  /** Pieces without an acknowledgement. */
  get pending() {
    return this.#window.length + this.#backlog.length;
  }

  /**
   * @param {Uint8Array} bytes @param {number} now
   * @returns {boolean} false when it is too long to be kept
   */
  push(bytes, now) {
    if (this.#backlogBytes + bytes.length > INPUT_WAITING_BYTES_MAX) return false;
    this.#group += 1;
    for (let at = 0; at < bytes.length; at += INPUT_BYTES_MAX) {
      const piece = bytes.subarray(at, at + INPUT_BYTES_MAX);
      this.#backlog.push({ group: this.#group, bytes: piece });
      this.#backlogBytes += piece.length;
    }
    this.#fill(now);
    return true;
  }

  /** All up to `number` has met its fate. @param {number} number @param {number} now */
  acknowledged(number, now) {
    while (this.#window.length > 0 && /** @type {Piece} */ (this.#window[0]).number <= number) {
      this.#windowBytes -= /** @type {Piece} */ (this.#window.shift()).bytes.length;
    }
    this.#fill(now);
  }

  /**
   * The input up to `number` was refused. What was sent after it has a fate of its own, which is still to be told; what
   * was never sent is dropped too.
   * @param {number} number
   * @returns {number} bytes dropped
   */
  refused(number) {
    const before = this.#windowBytes + this.#backlogBytes;
    this.#window = this.#window.filter((piece) => piece.number > number);
    this.#windowBytes = this.#window.reduce((sum, piece) => sum + piece.bytes.length, 0);
    this.#backlog = [];
    this.#backlogBytes = 0;
    return before - this.#windowBytes;
  }

  /** The line is live again: what is not acknowledged goes once more, in order, with the same numbers. */
  sendAgain() {
    this.#window.forEach((piece) => this.send(piece));
  }

  /**
   * Drops what waited too long, with the rest of the same paste.
   * @param {number} now
   * @returns {number} bytes dropped
   */
  expire(now) {
    const late = new Set(this.#window.filter((piece) => now - piece.at >= INPUT_KEPT_FOR).map((piece) => piece.group));
    if (late.size === 0) return 0;
    return this.#drop((group) => late.has(group), now);
  }

  /** Drops everything: the program has ended. @returns {number} bytes dropped */
  clear() {
    return this.#drop(() => true, 0);
  }

  /** @param {(group: number) => boolean} which @param {number} now */
  #drop(which, now) {
    const before = this.#windowBytes + this.#backlogBytes;
    this.#window = this.#window.filter((piece) => !which(piece.group));
    this.#backlog = this.#backlog.filter((piece) => !which(piece.group));
    this.#windowBytes = this.#window.reduce((sum, piece) => sum + piece.bytes.length, 0);
    this.#backlogBytes = this.#backlog.reduce((sum, piece) => sum + piece.bytes.length, 0);
    const dropped = before - this.#windowBytes - this.#backlogBytes;
    this.#fill(now);
    return dropped;
  }

  /** @param {number} now */
  #fill(now) {
    for (;;) {
      const next = this.#backlog[0];
      if (!next || (this.#windowBytes > 0 && this.#windowBytes + next.bytes.length > INPUT_WINDOW_BYTES)) return;
      this.#backlog.shift();
      this.#backlogBytes -= next.bytes.length;
      this.#windowBytes += next.bytes.length;
      const piece = { ...next, number: this.nextNumber(), at: now };
      this.#window.push(piece);
      this.send(piece);
    }
  }
}
