import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ACK_EVERY, ACK_EVERY_BYTES, Credit } from '../../assets/app/wire/credit.js';

test('small consumption is acknowledged together, a little later', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  /** @type {number[]} */
  const told = [];
  const credit = new Credit((consumed) => told.push(consumed));
  credit.consume(10);
  credit.consume(5);
  assert.deepEqual(told, []);
  mock.timers.tick(ACK_EVERY);
  assert.deepEqual(told, [15]);
  mock.timers.tick(ACK_EVERY);
  assert.deepEqual(told, [15], 'nothing new, nothing said');
  mock.timers.reset();
});

test('a flood is acknowledged by bytes, without waiting for the clock, and the count never goes back', () => {
  /** @type {number[]} */
  const told = [];
  const credit = new Credit((consumed) => told.push(consumed));
  for (let at = 0; at < 10; at += 1) credit.consume(ACK_EVERY_BYTES);
  credit.stop();
  assert.deepEqual(told, Array.from({ length: 10 }, (_, at) => (at + 1) * ACK_EVERY_BYTES));
});

test('a closed channel says nothing more', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let said = 0;
  const credit = new Credit(() => { said += 1; });
  credit.consume(1);
  credit.stop();
  mock.timers.tick(1_000);
  assert.equal(said, 0);
  mock.timers.reset();
});
