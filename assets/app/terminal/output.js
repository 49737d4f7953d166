/**
 * Hop 1, upwards: bytes → screen. Little is handed to xterm.js at a time and the rest waits here, where a repaint can
 * still drop it: that is what makes Ctrl-C out of a flood immediate.
 */

/** @typedef {import('../../vendor/xterm/xterm.mjs').Terminal} Terminal */
/**
 * @typedef {{kind: 'bytes', bytes: Uint8Array, done: () => void}
 *   | {kind: 'paint', cols: number, rows: number, bytes: Uint8Array, done: () => void}} Job
 */

/** Bytes inside xterm.js and not parsed yet: about 5 ms of its work. */
const IN_FLIGHT_BYTES_MAX = 64 * 1024;
/** CAN ends whatever sequence is unfinished, RIS resets everything. */
const RESET = '\x18\x1bc';

export class Output {
  /** @type {Job[]} */
  #jobs = [];
  #inFlight = 0;
  #disposed = false;

  /** @param {Terminal} term */
  constructor(term) {
    this.term = term;
  }

  /** @param {Uint8Array} bytes @param {() => void} done called when they are parsed, or dropped for a newer screen */
  write(bytes, done) {
    this.#jobs.push({ kind: 'bytes', bytes, done });
    this.#next();
  }

  /**
   * Replaces the screen and all that waits for it. Reset, resize and the new content happen in one turn of the event
   * loop, so nothing in between is ever drawn. Nothing is written behind `bytes`: they may end inside a sequence that
   * the next output completes.
   * @param {{cols: number, rows: number, bytes: Uint8Array}} screen @param {() => void} done
   */
  paint(screen, done) {
    const dropped = this.#jobs;
    this.#jobs = [{ kind: 'paint', ...screen, done }];
    dropped.forEach((job) => job.done());
    this.#next();
  }

  dispose() {
    this.#disposed = true;
    this.#jobs = [];
  }

  #next() {
    while (!this.#disposed) {
      const job = this.#jobs[0];
      if (!job || this.#inFlight >= IN_FLIGHT_BYTES_MAX || (job.kind === 'paint' && this.#inFlight > 0)) return;
      this.#jobs.shift();
      const size = Math.max(1, job.bytes.length);
      this.#inFlight += job.kind === 'paint' ? IN_FLIGHT_BYTES_MAX : size;
      const parsed = () => {
        this.#inFlight -= job.kind === 'paint' ? IN_FLIGHT_BYTES_MAX : size;
        job.done();
        this.#next();
      };
      if (job.kind === 'bytes') this.term.write(job.bytes, parsed);
      else this.#paint(job, parsed);
    }
  }

  /** @param {Extract<Job, {kind: 'paint'}>} job @param {() => void} parsed */
  #paint({ cols, rows, bytes }, parsed) {
    this.term.write(RESET, () => {
      if (this.#disposed) return;
      if (this.term.cols !== cols || this.term.rows !== rows) this.term.resize(cols, rows);
      this.term.write(bytes, parsed);
    });
  }
}
