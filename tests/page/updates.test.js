import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byHand, lineFor, rolloutWords, updateOf } from '../../assets/app/state/updates.js';

/** @typedef {import('../../assets/app/wire/messages.js').MachineView} MachineView */

const machine = (/** @type {object} */ more) => /** @type {MachineView} */ (/** @type {unknown} */ ({ id: 'mac_1', name: 'bench', build: '0.1.0', online: true, update_way: 'page', ...more }));
const update = (/** @type {object} */ more) => ({ to: '0.2.0', phase: 'downloading', percent: 0, began_at: 1_000, ...more });
const available = { machine: 'mac_1', version: '0.2.0', allowed: true };
const words = (/** @type {object} */ more, /** @type {typeof available | undefined} */ offer = undefined, now = 2_000) => updateOf(machine(more), offer, now)?.words;

test('a machine says what there is to say of its version, and else nothing', () => {
  assert.equal(words({}), undefined);
  assert.equal(words({}, available), '0.2.0 is available');
  assert.equal(words({ update: update({ percent: 40 }) }, available), 'Updating to 0.2.0: downloaded 40\u00a0%');
  assert.equal(words({ update: update({ phase: 'restarting' }), online: false }, available), 'Updating to 0.2.0: starting it');
  assert.equal(words({ update: update({ phase: 'rehearsing' }) }, available), 'Updating to 0.2.0: under way');
  assert.equal(words({ build: '0.2.0', update: update({ phase: 'done' }) }), 'Updated to 0.2.0');
  assert.equal(words({ build: '0.2.0', update: update({ phase: 'done' }) }, undefined, 10 ** 9), undefined, 'old news');
});

test('a failure is shown with its reason until something else is true', () => {
  const failed = { update: update({ phase: 'failed', why: 'it did not come up' }) };
  assert.deepEqual(updateOf(machine(failed), available, 0), { kind: 'failed', words: 'Update to 0.2.0 failed', to: '0.2.0', why: 'it did not come up' });
  assert.equal(words({ ...failed, build: '0.2.0' }), undefined, 'it was updated by hand since');
  assert.equal(words(failed, { ...available, version: '0.3.0' }), '0.3.0 is available');
});

test('what the page cannot do it says how to do', () => {
  assert.equal(byHand(machine({})), undefined);
  for (const way of ['off', 'root', 'package', 'hand', undefined, 'by_pigeon']) assert.ok(byHand(machine({ update_way: way })), way);
  assert.equal(lineFor(machine({ update_way: 'root' })), 'sudo sessionforge update');
  assert.equal(lineFor(machine({ update_way: 'package' })), undefined);
});

test('a rollout is one sentence', () => {
  const step = (/** @type {any} */ state) => ({ machine: 'mac_1', to: '0.2.0', state, since: 0 });
  const rollout = { by: { id: 'usr_1', name: 'Ada' }, began_at: 0, steps: ['done', 'asked', 'failed', 'left_out', 'waiting'].map(step) };
  assert.equal(rolloutWords(rollout), '1 of 5 updated, 1 under way, 1 failed, 1 left out');
});
