/**
 * Time that has passed for a person, in milliseconds: it never goes back, whatever is done to the computer's clock, and
 * it goes on while the computer sleeps, where the browser's own steady clock may stand still. A clock that is set
 * forward looks like a sleep.
 */
export class Elapsed {
  #wall;
  #steady;
  #sum = 0;

  /** @param {{wall: () => number, steady: () => number}} [clocks] */
  constructor(clocks = { wall: Date.now, steady: () => performance.now() }) {
    this.clocks = clocks;
    this.#wall = clocks.wall();
    this.#steady = clocks.steady();
  }

  now() {
    const wall = this.clocks.wall();
    const steady = this.clocks.steady();
    this.#sum += Math.max(0, wall - this.#wall, steady - this.#steady);
    this.#wall = wall;
    this.#steady = steady;
    return this.#sum;
  }
}

const page = new Elapsed();

/** Since this page was loaded. */
export const elapsed = () => page.now();
