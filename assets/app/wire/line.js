/**
 * The line between one terminal on the page and one session: attaches, resumes where it was after every break, counts
 * offsets and credit, and keeps what is typed until it has arrived.
 */
import { Assembly } from './assembly.js';
import { Backoff } from './backoff.js';
import { elapsed } from './clock.js';
import { Credit } from './credit.js';
import { InputQueue } from './input_queue.js';

/** @typedef {import('./messages.js').ChannelMessage} ChannelMessage */
/** @typedef {import('./messages.js').Control} Control */
/** @typedef {import('./messages.js').Problem} Problem */
/** @typedef {import('./messages.js').Take} Take */
/** @typedef {import('./messages.js').Theme} Theme */
/** @typedef {import('./assembly.js').Snapshot} Snapshot */
/** @typedef {Extract<import('./frame.js').Frame, {kind: 'output' | 'snapshot' | 'input_ack'}>} ChannelFrame */

/**
 * `waiting`: this page has no connection. `attaching`: asked, not answered. `frozen`: the machine is not connected.
 * @typedef {'waiting' | 'attaching' | 'live' | 'frozen' | 'ended' | 'refused'} LineState
 */
/** Why typed bytes will never arrive. @typedef {'late' | 'not_controller' | 'ended' | 'too_long'} Dropped */

/**
 * What a line tells its terminal. `consumed` is to be called once the terminal has parsed the bytes.
 * @typedef {object} LineEvents
 * @property {(bytes: Uint8Array, offset: number, consumed: () => void) => void} output
 * @property {(repaint: Snapshot, consumed: () => void) => void} repaint
 * @property {(id: number, history: Snapshot | 'broken') => void} history
 * @property {(control: Control) => void} control
 * @property {(state: LineState, problem?: Problem) => void} state
 * @property {(bytes: number, why: Dropped) => void} dropped
 */

/** Problems that may pass by themselves. */
const PASSING = new Set(['machine_offline', 'too_many', 'internal']);
/** Least time before such a problem is tried again, in milliseconds. */
const PASSES_AFTER = 1_000;

export class Line {
  #channel = 0;
  #credit = new Credit(() => {});
  #repaint = new Assembly();
  #history = new Assembly();
  #backoff = new Backoff();
  /** @type {{offset: number, epoch: number} | undefined} */
  #reached;
  #nextHistory = 1;
  /** @type {LineState} */
  #state = 'waiting';
  #queue;
  #sweep;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /**
   * @param {object} with_
   * @param {import('./socket.js').Connection} with_.connection
   * @param {string} with_.session
   * @param {import('./viewer_id.js').Viewer} with_.viewer
   * @param {Take} with_.take
   * @param {() => {cols: number, rows: number}} with_.size
   * @param {() => Theme} with_.theme
   * @param {LineEvents} with_.to
   */
  constructor({ connection, session, viewer, take, size, theme, to }) {
    this.connection = connection;
    this.session = session;
    this.viewer = viewer;
    this.take = take;
    this.size = size;
    this.theme = theme;
    this.to = to;
    this.#queue = new InputQueue(viewer.nextNumber, ({ number, bytes }) => {
      if (this.#state === 'live') connection.send({ kind: 'input', channel: this.#channel, viewer: viewer.id, number, bytes });
    });
    this.#sweep = setInterval(() => this.#dropLate(), 1_000);
    connection.add(this);
  }

  dispose() {
    clearInterval(this.#sweep);
    clearTimeout(this.#retry);
    this.#credit.stop();
    this.connection.remove(this);
    this.viewer.dispose();
  }

  /** @param {Uint8Array} bytes typed; kept until they have arrived or 15 seconds have passed */
  type(bytes) {
    if (this.#state === 'ended' || this.#state === 'refused') return this.#dropped(bytes.length, 'ended');
    if (!this.#queue.push(bytes, elapsed())) this.#dropped(bytes.length, 'too_long');
  }

  /** @returns {boolean} whether it could be asked for */
  takeControl() {
    if (this.#state !== 'live') return false;
    this.connection.say({ kind: 'take_control', channel: this.#channel, ...this.size() });
    return true;
  }

  /** @param {number} cols @param {number} rows */
  resize(cols, rows) {
    if (this.#state === 'live') this.connection.say({ kind: 'resize', channel: this.#channel, cols, rows });
  }

  themeChanged() {
    if (this.#state === 'live') this.connection.say({ kind: 'theme', channel: this.#channel, theme: this.theme() });
  }

  /** @returns {number} the id its pieces will have; 0 when it cannot be asked for now */
  askHistory() {
    if (this.#state !== 'live' && this.#state !== 'ended') return 0;
    const id = this.#nextHistory++;
    this.#history.clear();
    this.connection.say({ kind: 'history', channel: this.#channel, id });
    return id;
  }

  /** Called by the connection: it is live, and has no channels yet. */
  connected() {
    if (this.#state !== 'refused') this.#attach();
  }

  /** Called by the connection. */
  disconnected() {
    this.#credit.stop();
    clearTimeout(this.#retry);
    if (this.#state !== 'refused') this.#enter('waiting');
  }

  /** @param {ChannelMessage} message */
  message(message) {
    if (message.channel !== this.#channel) return;
    switch (message.kind) {
      case 'attached':
      case 'live':
        this.#backoff.reset();
        this.#enter(message.live ? 'live' : 'frozen');
        if (message.live) {
          // First, since timers of a tab that was in the background may be a minute late.
          this.#dropLate();
          this.#queue.sendAgain();
        }
        return;
      case 'control':
        this.to.control(message);
        return;
      case 'end':
        this.#enter('ended');
        this.#dropped(this.#queue.clear(), 'ended');
        return;
      case 'detached':
        this.#channel = 0;
        if (PASSING.has(message.problem.code)) {
          this.#enter('frozen', message.problem);
          this.#retry = setTimeout(() => this.#attach(), Math.max(PASSES_AFTER, this.#backoff.next()));
        } else {
          this.#enter(message.problem.code === 'session_ended' ? 'ended' : 'refused', message.problem);
        }
    }
  }

  /** @param {ChannelFrame} frame */
  frame(frame) {
    if (frame.channel !== this.#channel) return;
    if (frame.kind === 'output') this.#output(frame);
    else if (frame.kind === 'snapshot') this.#snapshot(frame);
    else if (frame.outcome === 'applied') this.#queue.acknowledged(frame.number, elapsed());
    else this.#dropped(this.#queue.refused(frame.number), frame.outcome);
  }

  /** @param {Extract<ChannelFrame, {kind: 'output'}>} frame */
  #output({ offset, bytes }) {
    if (!this.#reached || this.#repaint.open || offset !== this.#reached.offset) return this.#attachAnew();
    this.#reached.offset += bytes.length;
    const credit = this.#credit;
    this.to.output(bytes, offset, () => credit.consume(bytes.length));
  }

  /** @param {Extract<ChannelFrame, {kind: 'snapshot'}>} frame */
  #snapshot(frame) {
    const credit = this.#credit;
    const consumed = () => credit.consume(frame.bytes.length);
    if (frame.id !== 0) {
      consumed();
      const history = this.#history.add(frame);
      if (history !== 'more') this.to.history(frame.id, history);
      return;
    }
    const repaint = this.#repaint.add(frame);
    if (repaint === 'more') return consumed(); // or a window smaller than the snapshot would never let its end come
    if (repaint === 'broken') return this.#attachAnew();
    this.#reached = { offset: repaint.at.offset, epoch: repaint.at.epoch };
    this.to.repaint(repaint, consumed);
  }

  /** Bytes are missing or doubled: from where the terminal is, on a new channel. A little later, so that two that cannot agree do not spin. */
  #attachAnew() {
    this.connection.closeChannel(this.#channel);
    this.#channel = 0;
    this.#enter('attaching');
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#attach(), this.#backoff.next());
  }

  #attach() {
    clearTimeout(this.#retry);
    if (!this.connection.live) return;
    this.connection.closeChannel(this.#channel);
    const channel = this.connection.openChannel(this);
    this.#channel = channel;
    this.#credit.stop();
    this.#credit = new Credit((consumed) => {
      if (this.#channel === channel) this.connection.send({ kind: 'ack', channel, consumed });
    });
    this.#repaint.clear();
    this.#history.clear();
    this.#enter('attaching');
    this.connection.say({
      kind: 'attach',
      channel,
      session: this.session,
      viewer: this.viewer.id,
      from: this.#reached ? { offset: { ...this.#reached } } : 'snapshot',
      take: this.take,
      ...this.size(),
      theme: this.theme(),
    });
  }

  #dropLate() {
    this.#dropped(this.#queue.expire(elapsed()), 'late');
  }

  /** @param {number} bytes @param {Dropped} why */
  #dropped(bytes, why) {
    if (bytes > 0) this.to.dropped(bytes, why);
  }

  /** @param {LineState} state @param {Problem} [problem] */
  #enter(state, problem) {
    this.#state = state;
    this.to.state(state, problem);
  }
}
