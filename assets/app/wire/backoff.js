import { RECONNECT_DELAY_MAX, RECONNECT_DELAY_MIN } from './bounds.js';

/** A connection that lasted this long was a good one: the next try starts from the smallest delay again. */
const HEALTHY_AFTER = 5_000;

/** Full jitter between zero and a bound that doubles with every try: a thousand pages do not come back in step. */
export class Backoff {
  #tries = 0;

  /** @param {() => number} [random] zero to one */
  constructor(random = Math.random) {
    this.random = random;
  }

  /** @returns {number} milliseconds to wait before the next try */
  next() {
    const bound = Math.min(RECONNECT_DELAY_MAX, RECONNECT_DELAY_MIN * 2 ** Math.min(this.#tries, 16));
    this.#tries += 1;
    return Math.round(this.random() * bound);
  }

  /** @param {number} lasted how long the connection that just broke was live, in milliseconds */
  broken(lasted) {
    if (lasted >= HEALTHY_AFTER) this.#tries = 0;
  }

  /** Something outside says that now is a good time: the network is back, the person asks. */
  reset() {
    this.#tries = 0;
  }
}
