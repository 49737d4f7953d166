/**
 * Credit: how many payload bytes of output and snapshots this page has consumed on one channel.
 * Acknowledged at most once per 16 ms or 32 KiB, whichever comes first, so that echoes cost no frame of their own
 * and a flood never waits for the clock.
 */
export const ACK_EVERY_BYTES = 32 * 1024;
/** Milliseconds: one frame of a 60 Hz screen. */
export const ACK_EVERY = 16;

export class Credit {
  #consumed = 0;
  #acknowledged = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(consumed: number) => void} acknowledge sends the cumulative count */
  constructor(acknowledge) {
    this.acknowledge = acknowledge;
  }

  /** @param {number} bytes */
  consume(bytes) {
    this.#consumed += bytes;
    if (this.#consumed - this.#acknowledged >= ACK_EVERY_BYTES) this.flush();
    else if (this.#timer === undefined && this.#consumed > this.#acknowledged) {
      this.#timer = setTimeout(() => this.flush(), ACK_EVERY);
    }
  }

  flush() {
    this.stop();
    if (this.#consumed === this.#acknowledged) return;
    this.#acknowledged = this.#consumed;
    this.acknowledge(this.#consumed);
  }

  /** The channel is closed: nothing more to say. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
