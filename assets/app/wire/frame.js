/**
 * Frames: one byte of kind, fixed fields in network byte order, the payload to the frame's end.
 * docs/protocol.md has the table; tests/vectors/wire.json freezes it for this file and for src/wire/frame.rs.
 */
import { CONTROL_BYTES_MAX, FRAME_PAYLOAD_BYTES_MAX, INPUT_BYTES_MAX } from './bounds.js';

/** @typedef {{offset: number, epoch: number, cols: number, rows: number}} SnapshotAt */
/** @typedef {{first: boolean, last: boolean, history: boolean}} SnapshotFlags */
/** @typedef {'applied' | 'not_controller' | 'ended'} InputOutcome */
/**
 * @typedef {{kind: 'hello', json: Uint8Array}
 *   | {kind: 'control', json: Uint8Array}
 *   | {kind: 'output', channel: number, offset: number, bytes: Uint8Array}
 *   | {kind: 'snapshot', channel: number, id: number, at: SnapshotAt, flags: SnapshotFlags, bytes: Uint8Array}
 *   | {kind: 'ack', channel: number, consumed: number}
 *   | {kind: 'input', channel: number, viewer: string, number: number, bytes: Uint8Array}
 *   | {kind: 'input_ack', channel: number, viewer: string, number: number, outcome: InputOutcome}
 *   | {kind: 'ping', number: bigint}
 *   | {kind: 'pong', number: bigint}
 *   | {kind: 'unknown', byte: number}} Frame
 */

const HELLO = 0x01;
const CONTROL = 0x02;
const OUTPUT = 0x10;
const SNAPSHOT = 0x11;
const ACK = 0x12;
const INPUT = 0x20;
const INPUT_ACK = 0x21;
const PING = 0x30;
const PONG = 0x31;

/** Fixed bytes and largest payload by kind. @type {ReadonlyMap<number, readonly [number, number]>} */
const SHAPES = new Map([
  [HELLO, [1, CONTROL_BYTES_MAX]],
  [CONTROL, [1, CONTROL_BYTES_MAX]],
  [OUTPUT, [13, FRAME_PAYLOAD_BYTES_MAX]],
  [SNAPSHOT, [26, FRAME_PAYLOAD_BYTES_MAX]],
  [ACK, [13, 0]],
  [INPUT, [29, INPUT_BYTES_MAX]],
  [INPUT_ACK, [30, 0]],
  [PING, [9, 0]],
  [PONG, [9, 0]],
]);

const OUTCOMES = /** @type {const} */ (['applied', 'not_controller', 'ended']);

/** Bytes that are not a frame: the connection is of no use any more. */
export class FrameError extends Error {}

/**
 * Reads one whole message. The payload shares the message's memory.
 * @param {ArrayBuffer | Uint8Array} message
 * @returns {Frame}
 * @throws {FrameError} when it is too short or too long for its kind
 */
export function decode(message) {
  const all = message instanceof Uint8Array ? message : new Uint8Array(message);
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  const byte = all[0];
  if (byte === undefined) throw new FrameError('an empty frame');
  const shape = SHAPES.get(byte);
  if (!shape) {
    if (all.length > 1 + CONTROL_BYTES_MAX + 63) throw new FrameError('a frame of an unknown kind is too long');
    return { kind: 'unknown', byte };
  }
  const [fixed, payloadMax] = shape;
  if (all.length < fixed) throw new FrameError(`the frame of kind ${byte} ends too early`);
  if (all.length > fixed + payloadMax) throw new FrameError(`the frame of kind ${byte} is too long`);
  const payload = all.subarray(fixed);
  switch (byte) {
    case HELLO: return { kind: 'hello', json: payload };
    case CONTROL: return { kind: 'control', json: payload };
    case OUTPUT: return { kind: 'output', channel: view.getUint32(1), offset: getCount(view, 5), bytes: payload };
    case SNAPSHOT: {
      const flags = view.getUint8(25);
      return {
        kind: 'snapshot',
        channel: view.getUint32(1),
        id: view.getUint32(5),
        at: { offset: getCount(view, 9), epoch: view.getUint32(17), cols: view.getUint16(21), rows: view.getUint16(23) },
        flags: { first: (flags & 1) !== 0, last: (flags & 2) !== 0, history: (flags & 4) !== 0 },
        bytes: payload,
      };
    }
    case ACK: return { kind: 'ack', channel: view.getUint32(1), consumed: getCount(view, 5) };
    case INPUT: return { kind: 'input', channel: view.getUint32(1), viewer: toHex(all.subarray(5, 21)), number: getCount(view, 21), bytes: payload };
    case INPUT_ACK: return {
      kind: 'input_ack',
      channel: view.getUint32(1),
      viewer: toHex(all.subarray(5, 21)),
      number: getCount(view, 21),
      // An outcome this build does not know counts as not applied.
      outcome: OUTCOMES[view.getUint8(29)] ?? 'not_controller',
    };
    case PING: return { kind: 'ping', number: view.getBigUint64(1) };
    default: return { kind: 'pong', number: view.getBigUint64(1) };
  }
}

/**
 * @param {Exclude<Frame, {kind: 'unknown'}>} frame
 * @returns {Uint8Array<ArrayBuffer>} one message
 */
export function encode(frame) {
  switch (frame.kind) {
    case 'hello': return withPayload(HELLO, 1, frame.json).all;
    case 'control': return withPayload(CONTROL, 1, frame.json).all;
    case 'output': {
      const { all, view } = withPayload(OUTPUT, 13, frame.bytes);
      view.setUint32(1, frame.channel);
      view.setBigUint64(5, BigInt(frame.offset));
      return all;
    }
    case 'snapshot': {
      const { all, view } = withPayload(SNAPSHOT, 26, frame.bytes);
      view.setUint32(1, frame.channel);
      view.setUint32(5, frame.id);
      view.setBigUint64(9, BigInt(frame.at.offset));
      view.setUint32(17, frame.at.epoch);
      view.setUint16(21, frame.at.cols);
      view.setUint16(23, frame.at.rows);
      view.setUint8(25, Number(frame.flags.first) | (Number(frame.flags.last) << 1) | (Number(frame.flags.history) << 2));
      return all;
    }
    case 'ack': {
      const { all, view } = withPayload(ACK, 13);
      view.setUint32(1, frame.channel);
      view.setBigUint64(5, BigInt(frame.consumed));
      return all;
    }
    case 'input': {
      const { all, view } = withPayload(INPUT, 29, frame.bytes);
      view.setUint32(1, frame.channel);
      all.set(fromHex(frame.viewer), 5);
      view.setBigUint64(21, BigInt(frame.number));
      return all;
    }
    case 'input_ack': {
      const { all, view } = withPayload(INPUT_ACK, 30);
      view.setUint32(1, frame.channel);
      all.set(fromHex(frame.viewer), 5);
      view.setBigUint64(21, BigInt(frame.number));
      view.setUint8(29, OUTCOMES.indexOf(frame.outcome));
      return all;
    }
    case 'ping':
    case 'pong': {
      const { all, view } = withPayload(frame.kind === 'ping' ? PING : PONG, 9);
      view.setBigUint64(1, frame.number);
      return all;
    }
  }
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {string} hex */
export function fromHex(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/**
 * Offsets are 64 bits on the wire; a double holds 53 of them, eight petabytes of output.
 * @param {DataView} view @param {number} at
 */
function getCount(view, at) {
  return Number(view.getBigUint64(at));
}

/** @param {number} kind @param {number} fixed @param {Uint8Array} [payload] */
function withPayload(kind, fixed, payload) {
  const all = new Uint8Array(fixed + (payload?.length ?? 0));
  all[0] = kind;
  if (payload) all.set(payload, fixed);
  return { all, view: new DataView(all.buffer) };
}
