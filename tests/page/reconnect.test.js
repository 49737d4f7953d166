import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../../assets/app/wire/backoff.js';
import { RECONNECT_DELAY_MAX, RECONNECT_DELAY_MIN } from '../../assets/app/wire/bounds.js';
import { thenAfter } from '../../assets/app/wire/close.js';

test('delays double from the smallest to the largest bound and stay there for ever', () => {
  const longest = new Backoff(() => 1);
  const delays = Array.from({ length: 100 }, () => longest.next());
  assert.equal(delays[0], RECONNECT_DELAY_MIN);
  assert.equal(delays[1], 2 * RECONNECT_DELAY_MIN);
  assert.ok(delays.slice(8).every((delay) => delay === RECONNECT_DELAY_MAX));
});

test('the jitter is full: a delay may be anything down to zero', () => {
  assert.equal(new Backoff(() => 0).next(), 0);
  const half = new Backoff(() => 0.5);
  half.next();
  assert.equal(half.next(), RECONNECT_DELAY_MIN);
});

test('a connection that held begins again at the smallest delay, one that fell at once does not', () => {
  const backoff = new Backoff(() => 1);
  for (let tries = 0; tries < 5; tries += 1) backoff.next();
  backoff.broken(100);
  assert.ok(backoff.next() > RECONNECT_DELAY_MIN);
  backoff.broken(60_000);
  assert.equal(backoff.next(), RECONNECT_DELAY_MIN);
});

test('close codes say what to do', () => {
  for (const code of [1000, 1001, 1006, 1011, 4000, 4001, 4002, 4003, 4004, 4999]) assert.equal(thenAfter(code), 'retry', String(code));
  assert.equal(thenAfter(4401), 'sign-in');
  for (const code of [4403, 4404, 4426]) assert.equal(thenAfter(code), 'gone', String(code));
});
