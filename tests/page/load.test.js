import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadOf, percent, size } from '../../assets/app/state/load.js';

const GIB = 2 ** 30;
const hardware = { processor: 'x', cpus: 8, memory_bytes: 16 * GIB, disk_bytes: 100 * GIB, disk_free_bytes: 50 * GIB };
const load = { cpu_percent: 12, memory_used_bytes: 4 * GIB, disk_free_bytes: 40 * GIB };
const machine = /** @type {import('../../assets/app/wire/messages.js').MachineView} */ (/** @type {unknown} */ ({ online: true, hardware, load }));

test('a machine says how busy it is, shortly and in full', () => {
  assert.deepEqual(loadOf(machine), [
    ['CPU', '12 %', '12 % of 8 threads'],
    ['Memory', '25 %', '4.0 GiB of 16 GiB in use'],
    ['Disk', '60 %', '40 GiB free of 100 GiB'],
  ]);
});

test('a machine that is away, or of an older agent, says nothing', () => {
  assert.deepEqual(loadOf({ ...machine, online: false }), []);
  assert.deepEqual(loadOf({ ...machine, load: undefined }), []);
  assert.deepEqual(loadOf({ ...machine, hardware: undefined }), [['CPU', '12 %', '12 %']]);
});

test('nothing is full before it is, and nothing is divided by nothing', () => {
  assert.equal(percent(999, 1000), 99);
  assert.equal(percent(1000, 1000), 100);
  assert.equal(percent(1, 0), 0);
  assert.equal(size(512 * 2 ** 20), '512 MiB');
});
