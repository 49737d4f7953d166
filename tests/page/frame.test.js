import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decode, encode, fromHex, FrameError, toHex } from '../../assets/app/wire/frame.js';

/** @type {{frames: Record<string, string>}} */
const vectors = JSON.parse(readFileSync(new URL('../vectors/wire.json', import.meta.url), 'utf8'));
const viewer = '000102030405060708090a0b0c0d0e0f';
const offset = 0x010203040506;

/** What the frozen bytes mean. @type {Record<string, Exclude<import('../../assets/app/wire/frame.js').Frame, {kind: 'unknown'}>>} */
const meanings = {
  hello: { kind: 'hello', json: bytes('{}') },
  control: { kind: 'control', json: bytes('{"kind":"detach","channel":1}') },
  output: { kind: 'output', channel: 5, offset, bytes: bytes('é\r\n') },
  repaint: { kind: 'snapshot', channel: 5, id: 0, at: { offset, epoch: 7, cols: 120, rows: 40 }, flags: { first: true, last: true, history: false }, bytes: bytes('\x1b[H') },
  history: { kind: 'snapshot', channel: 5, id: 9, at: { offset, epoch: 7, cols: 120, rows: 40 }, flags: { first: false, last: true, history: true }, bytes: bytes('') },
  ack: { kind: 'ack', channel: 5, consumed: 65536 },
  input: { kind: 'input', channel: 5, viewer, number: 258, bytes: bytes('\x03') },
  input_applied: { kind: 'input_ack', channel: 5, viewer, number: 258, outcome: 'applied' },
  input_not_controller: { kind: 'input_ack', channel: 5, viewer, number: 258, outcome: 'not_controller' },
  input_ended: { kind: 'input_ack', channel: 5, viewer, number: 258, outcome: 'ended' },
  ping: { kind: 'ping', number: 0x010203040506n },
  pong: { kind: 'pong', number: 0x010203040506n },
};

test('every frozen frame is known here, and no other', () => {
  assert.deepEqual(Object.keys(meanings).sort(), Object.keys(vectors.frames).sort());
});

for (const [name, hex] of Object.entries(vectors.frames)) {
  test(`the frozen bytes of ${name} are read and written`, () => {
    const meaning = meanings[name];
    assert.ok(meaning);
    assert.deepEqual(plain(decode(fromHex(hex))), plain(meaning));
    assert.equal(toHex(encode(meaning)), hex);
  });
}

test('a frame that ends too early is refused', () => {
  for (const [name, hex] of Object.entries(vectors.frames)) {
    if (name === 'hello' || name === 'control') continue;
    const fixed = { 0x10: 13, 0x11: 26, 0x20: 29 }[parseInt(hex.slice(0, 2), 16)] ?? hex.length / 2;
    assert.throws(() => decode(fromHex(hex).subarray(0, fixed - 1)), FrameError, name);
  }
  assert.throws(() => decode(new Uint8Array()), FrameError);
});

test('a frame longer than its kind allows is refused', () => {
  for (const [kind, fixed, max] of /** @type {const} */ ([[0x02, 1, 256 * 1024], [0x10, 13, 32 * 1024], [0x11, 26, 32 * 1024], [0x12, 13, 0], [0x20, 29, 8 * 1024], [0x30, 9, 0]])) {
    const longest = new Uint8Array(fixed + max);
    longest[0] = kind;
    assert.doesNotThrow(() => decode(longest), `kind ${kind}`);
    const longer = new Uint8Array(fixed + max + 1);
    longer[0] = kind;
    assert.throws(() => decode(longer), FrameError, `kind ${kind}`);
  }
});

test('a kind of a newer protocol is named, not refused', () => {
  assert.deepEqual(decode(Uint8Array.of(0x7f, 1, 2, 3)), { kind: 'unknown', byte: 0x7f });
});

test('random bytes are a frame or a FrameError, nothing else', () => {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  for (let round = 0; round < 20_000; round += 1) {
    const some = Uint8Array.from({ length: Math.floor(random() * 80) }, () => Math.floor(random() * 256));
    try {
      decode(some);
    } catch (error) {
      assert.ok(error instanceof FrameError, toHex(some));
    }
  }
});

/** @param {string} text */
function bytes(text) {
  return new TextEncoder().encode(text);
}

/** Payloads as hexadecimal, so that a view and a copy compare equal. @param {object} frame */
function plain(frame) {
  return Object.fromEntries(Object.entries(frame).map(([key, value]) => [key, value instanceof Uint8Array ? toHex(value) : value]));
}
