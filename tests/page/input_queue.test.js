import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INPUT_BYTES_MAX, INPUT_KEPT_FOR } from '../../assets/app/wire/bounds.js';
import { INPUT_WAITING_BYTES_MAX, INPUT_WINDOW_BYTES, InputQueue } from '../../assets/app/wire/input_queue.js';

function queue() {
  /** @type {import('../../assets/app/wire/input_queue.js').Piece[]} */
  const sent = [];
  let number = 0;
  return { sent, queue: new InputQueue(() => (number += 1), (piece) => sent.push(piece)) };
}
const key = (/** @type {string} */ text) => new TextEncoder().encode(text);

test('keys are numbered from one and sent at once', () => {
  const { sent, queue: it } = queue();
  it.push(key('a'), 0);
  it.push(key('b'), 1);
  assert.deepEqual(sent.map((piece) => piece.number), [1, 2]);
});

test('after a break, what is not acknowledged goes again in order with the same numbers', () => {
  const { sent, queue: it } = queue();
  for (const letter of 'abcd') it.push(key(letter), 0);
  it.acknowledged(2, 0);
  sent.length = 0;
  it.sendAgain();
  assert.deepEqual(sent.map((piece) => piece.number), [3, 4]);
  it.acknowledged(4, 0);
  sent.length = 0;
  it.sendAgain();
  assert.deepEqual(sent, []);
  assert.equal(it.pending, 0);
});

test('what could not be delivered in time is dropped and counted, what is younger stays', () => {
  const { sent, queue: it } = queue();
  it.push(key('old'), 0);
  it.push(key('new'), 5_000);
  assert.equal(it.expire(INPUT_KEPT_FOR - 1), 0);
  assert.equal(it.expire(INPUT_KEPT_FOR), 3);
  sent.length = 0;
  it.sendAgain();
  assert.deepEqual(sent.map((piece) => piece.number), [2]);
});

// Typed, refused, control taken, typed again: the second key was called refused as well, and yet it was applied.
test('a refusal concerns what was sent up to it, and what was not sent yet', () => {
  const { sent, queue: it } = queue();
  it.push(key('no'), 0);
  it.push(key('yes'), 0);
  it.push(new Uint8Array(INPUT_WINDOW_BYTES), 0);
  const waiting = 2 + 3 + INPUT_WINDOW_BYTES - sent.reduce((sum, piece) => sum + piece.bytes.length, 0);
  assert.equal(it.refused(1), 2 + waiting);
  assert.equal(it.pending, sent.length - 1);
  it.acknowledged(sent.length, 0);
  assert.equal(it.pending, 0);
});

test('a paste is cut into frames, flows with the acknowledgements, and arrives whole', () => {
  const { sent, queue: it } = queue();
  const paste = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
  assert.ok(it.push(paste, 0));
  const outstanding = () => sent.slice(acknowledged).reduce((sum, piece) => sum + piece.bytes.length, 0);
  let acknowledged = 0;
  while (acknowledged < sent.length) {
    assert.ok(outstanding() <= INPUT_WINDOW_BYTES);
    acknowledged += 1;
    it.acknowledged(acknowledged, 1);
  }
  assert.ok(sent.every((piece) => piece.bytes.length <= INPUT_BYTES_MAX));
  assert.deepEqual(Buffer.concat(sent.map((piece) => piece.bytes)), Buffer.from(paste));
});

test('a late paste is dropped with all its pieces: half a paste is worse than none', () => {
  const { sent, queue: it } = queue();
  it.push(new Uint8Array(200_000), 0);
  it.push(key('x'), 14_000);
  assert.equal(it.expire(INPUT_KEPT_FOR), 200_000);
  assert.equal(sent.at(-1)?.bytes.length, 1);
  assert.equal(it.pending, 1);
});

test('more than a terminal can take is refused whole', () => {
  const { sent, queue: it } = queue();
  assert.equal(it.push(new Uint8Array(INPUT_WAITING_BYTES_MAX + 1), 0), false);
  assert.deepEqual(sent, []);
});

test('clearing tells how much was lost', () => {
  const { queue: it } = queue();
  it.push(key('abc'), 0);
  assert.equal(it.clear(), 3);
  assert.equal(it.pending, 0);
});
