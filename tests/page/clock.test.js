import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Elapsed } from '../../assets/app/wire/clock.js';

function clocks() {
  const at = { wall: 1_000_000, steady: 0 };
  return { at, elapsed: new Elapsed({ wall: () => at.wall, steady: () => at.steady }) };
}

test('time passes by whichever clock says that more of it has', () => {
  const { at, elapsed } = clocks();
  at.wall += 100;
  at.steady += 100;
  assert.equal(elapsed.now(), 100);
  at.wall += 3_600_000; // the computer slept: its steady clock may have stood still
  assert.equal(elapsed.now(), 3_600_100);
});

test('a clock that is set back costs nothing: time never goes back, nor stands still until the clock has caught up', () => {
  const { at, elapsed } = clocks();
  at.wall -= 3_600_000;
  at.steady += 1_000;
  assert.equal(elapsed.now(), 1_000);
  at.wall += 15_000;
  at.steady += 15_000;
  assert.equal(elapsed.now(), 16_000);
});
