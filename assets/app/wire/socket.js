/**
 * Hop 2: the one connection of this page. It carries the fleet's state and every terminal's bytes, comes back for ever,
 * and never says that it is live when it is not.
 */
import { Backoff } from './backoff.js';
import { HELLO_WITHIN, PING_EVERY, PROTOCOL, SILENCE_MAX } from './bounds.js';
import { elapsed } from './clock.js';
import { CHANGED, closeReason, thenAfter } from './close.js';
import { decode, encode } from './frame.js';

/**
 * @typedef {{kind: 'connecting'}
 *   | {kind: 'live', since: number, roundTrip: number | null}
 *   | {kind: 'waiting', until: number, reason: string}
 *   | {kind: 'signed-out'}
 *   | {kind: 'gone', reason: string}} ConnectionState
 */
/** @typedef {import('./messages.js').FleetMessage} FleetMessage */
/** @typedef {import('./messages.js').NoticeMessage} NoticeMessage */
/** @typedef {import('./messages.js').FromViewer} FromViewer */
/** @typedef {Exclude<import('./frame.js').Frame, {kind: 'unknown'}>} Frame */
/** @typedef {import('./line.js').Line} Line */

/** A timer that fires this much later than asked means that the computer slept or the tab was frozen, in milliseconds. */
const CLOCK_GAP = 5_000;
/** A peer that was silent for this long before a wake-up is not asked any more: it says something every five seconds. */
const SLEPT_AFTER = PING_EVERY + CLOCK_GAP;
/** Time a peer has to show that it still lives after a sleep or a change of network, in milliseconds. */
const PROBE_WITHIN = 3_000;
const TICK = 1_000;

export class Connection {
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {ConnectionState} */
  #state = { kind: 'connecting' };
  /** By the channel it has on this connection. @type {Map<number, Line>} */
  #channels = new Map();
  /** @type {Set<Line>} */
  #lines = new Set();
  /** Never used twice, so also unused on any new connection. */
  #nextChannel = 1;
  #backoff = new Backoff();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** In milliseconds of `elapsed`. */
  #connectedAt = 0;
  #openedAt = 0;
  #heardAt = 0;
  #probedAt = 0;
  #tickedAt = 0;
  /** In milliseconds of `performance.now`, which is finer. */
  #pingedAt = 0;
  #pingNumber = 0n;
  #json = new TextEncoder();
  #text = new TextDecoder();
  /** @type {(() => void)[]} */
  #owned = [];

  /**
   * @param {object} to
   * @param {string} to.url  ws: or wss:
   * @param {string} to.build
   * @param {(state: ConnectionState) => void} to.onState
   * @param {(message: FleetMessage) => void} to.onFleet
   * @param {(message: NoticeMessage) => void} to.onNotice  something to show the person, or to take back
   * @param {(build: string) => void} to.onBuild   the server's, at every connection
   * @param {() => void} to.onChanged  what one may see has changed: whoever hears this asks who they are anew
   * @param {() => Promise<boolean>} to.isSignedIn  asked when a connection is refused without a word
   */
  constructor(to) {
    this.to = to;
  }

  get live() {
    return this.#state.kind === 'live';
  }

  start() {
    const wake = () => this.#wake();
    const seen = () => document.visibilityState === 'visible' && this.#wake();
    // A page in the back-forward cache must not keep a connection, or the browser throws it away.
    const hidden = (/** @type {PageTransitionEvent} */ event) => event.persisted && this.#rest();
    const owns = (/** @type {EventTarget | undefined} */ target, /** @type {string} */ name, /** @type {(event: any) => void} */ heard) => {
      target?.addEventListener(name, heard);
      return () => target?.removeEventListener(name, heard);
    };
    const timer = setInterval(() => this.#tick(), TICK);
    this.#tickedAt = elapsed();
    this.#owned = [
      owns(globalThis, 'online', wake),
      owns(globalThis, 'pageshow', wake),
      owns(globalThis, 'pagehide', hidden),
      owns(document, 'visibilitychange', seen),
      owns(document, 'resume', wake),
      // Another network: where the browser tells (Chromium), the old address is gone and nobody says so.
      owns(/** @type {{connection?: EventTarget}} */ (navigator).connection, 'change', wake),
      () => clearInterval(timer),
    ];
    this.#connect();
  }

  stop() {
    this.#owned.forEach((dispose) => dispose());
    this.#owned = [];
    clearTimeout(this.#retry);
    this.#leave();
  }

  /** The person asks for a try now. */
  tryNow() {
    if (this.#state.kind === 'live' || this.#state.kind === 'gone' || this.#state.kind === 'signed-out') return;
    this.#backoff.reset();
    this.#connect();
  }

  /** @param {Line} line is told when the connection is live, now and after every break */
  add(line) {
    this.#lines.add(line);
    if (this.live) line.connected();
  }

  /** @param {Line} line */
  remove(line) {
    this.#lines.delete(line);
    for (const [channel, holder] of this.#channels) if (holder === line) this.closeChannel(channel);
  }

  /** @param {Line} line @returns {number} a channel of this connection that brings frames to `line` */
  openChannel(line) {
    const channel = this.#nextChannel++;
    this.#channels.set(channel, line);
    return channel;
  }

  /** @param {number} channel */
  closeChannel(channel) {
    if (this.#channels.delete(channel)) this.say({ kind: 'detach', channel });
  }

  /** @param {FromViewer} message */
  say(message) {
    this.send({ kind: 'control', json: this.#json.encode(JSON.stringify(message)) });
  }

  /** @param {Frame} frame is lost when the connection is not live: whoever cares keeps it */
  send(frame) {
    if (this.live) this.#socket?.send(encode(frame));
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#leave();
    this.#enter({ kind: 'connecting' });
    this.#connectedAt = elapsed();
    const socket = new WebSocket(this.to.url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    const late = setTimeout(() => this.#broken(socket, 4001), HELLO_WITHIN);
    socket.onopen = () => socket.send(encode({ kind: 'hello', json: this.#json.encode(JSON.stringify({ protocol: PROTOCOL, build: this.to.build, role: 'viewer', capabilities: [] })) }));
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      clearTimeout(late);
      this.#heardAt = elapsed();
      try {
        this.#received(socket, decode(data));
      } catch (error) {
        console.error('a frame could not be used', error);
        this.#broken(socket, 4002);
      }
    };
    socket.onclose = ({ code }) => {
      clearTimeout(late);
      this.#broken(socket, code);
    };
  }

  /** @param {WebSocket} socket @param {import('./frame.js').Frame} frame */
  #received(socket, frame) {
    switch (frame.kind) {
      case 'hello': {
        const hello = JSON.parse(this.#text.decode(frame.json));
        if (hello.protocol?.[0] !== PROTOCOL[0]) return this.#broken(socket, 4426);
        this.to.onBuild(String(hello.build ?? ''));
        this.#openedAt = elapsed();
        this.#enter({ kind: 'live', since: Date.now(), roundTrip: null });
        this.#ping();
        this.#lines.forEach((line) => line.connected());
        return;
      }
      case 'control': {
        const message = JSON.parse(this.#text.decode(frame.json));
        if (typeof message.channel === 'number') this.#channels.get(message.channel)?.message(message);
        else if (message.kind === 'notice' || message.kind === 'notice_over') this.to.onNotice(message);
        else this.to.onFleet(message);
        return;
      }
      case 'output':
      case 'snapshot':
      case 'input_ack':
        this.#channels.get(frame.channel)?.frame(frame);
        return;
      case 'ping':
        this.send({ kind: 'pong', number: frame.number });
        return;
      case 'pong':
        if (frame.number === this.#pingNumber && this.#state.kind === 'live') {
          this.#enter({ ...this.#state, roundTrip: performance.now() - this.#pingedAt });
        }
    }
  }

  #ping() {
    this.#pingedAt = performance.now();
    this.#pingNumber += 1n;
    this.send({ kind: 'ping', number: this.#pingNumber });
  }

  #tick() {
    const now = elapsed();
    const gap = now - this.#tickedAt - TICK;
    this.#tickedAt = now;
    if (gap > CLOCK_GAP) return this.#wake();
    const socket = this.#socket;
    if (!this.live || !socket) return;
    const [since, within] = this.#probedAt > this.#heardAt ? [this.#probedAt, PROBE_WITHIN] : [this.#heardAt, SILENCE_MAX];
    if (now - since > within) return this.#broken(socket, 4001);
    if (performance.now() - this.#pingedAt >= PING_EVERY) this.#ping();
  }

  /** The computer woke up, the network changed or the tab is looked at again: find out at once what still works. */
  #wake() {
    const now = elapsed();
    this.#tickedAt = now;
    const socket = this.#socket;
    if (this.live && socket) {
      if (now - this.#heardAt > SLEPT_AFTER) {
        this.#backoff.reset();
        this.#broken(socket, 4001);
      } else if (this.#probedAt <= this.#heardAt) {
        this.#probedAt = now;
        this.#ping();
      }
    } else if (this.#state.kind === 'waiting') {
      this.tryNow();
    } else if (this.#state.kind === 'connecting' && now - this.#connectedAt > PROBE_WITHIN) {
      this.#connect();
    }
  }

  /** The page is put away; it connects when it is shown again. */
  #rest() {
    this.#leave();
    clearTimeout(this.#retry);
    if (this.#state.kind !== 'gone' && this.#state.kind !== 'signed-out') {
      this.#enter({ kind: 'waiting', until: Date.now(), reason: 'this page was put away' });
    }
  }

  /** @param {WebSocket} socket @param {number} code */
  async #broken(socket, code) {
    if (this.#socket !== socket) return;
    const lasted = this.live ? elapsed() - this.#openedAt : 0;
    const wasOpen = this.live;
    this.#leave();
    if (code === CHANGED) this.to.onChanged();
    const then = thenAfter(code);
    if (then === 'gone') return this.#enter({ kind: 'gone', reason: closeReason(code) });
    if (then === 'sign-in') return this.#enter({ kind: 'signed-out' });
    this.#backoff.broken(lasted);
    const delay = this.#backoff.next();
    this.#enter({ kind: 'waiting', until: Date.now() + delay, reason: closeReason(code) });
    this.#retry = setTimeout(() => this.#connect(), delay);
    // A refused upgrade carries no code a page can read: the browser says 1006 for it as for a dead server.
    if (!wasOpen && !(await this.to.isSignedIn()) && this.#state.kind === 'waiting') {
      clearTimeout(this.#retry);
      this.#enter({ kind: 'signed-out' });
    }
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#channels.clear();
    if (this.live) {
      this.#state = { kind: 'connecting' };
      this.#lines.forEach((line) => line.disconnected());
    }
  }

  /** @param {ConnectionState} state */
  #enter(state) {
    this.#state = state;
    this.to.onState(state);
  }
}
