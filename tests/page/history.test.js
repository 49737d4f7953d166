import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ARRIVES_WITHIN, History, IDLE_AFTER, KEPT_BYTES_MAX } from '../../assets/app/terminal/history.js';

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
const at = (/** @type {number} */ offset, epoch = 1) => ({ offset, epoch, cols: 80, rows: 24 });

function begin() {
  mock.timers.enable({ apis: ['setTimeout'] });
  const world = { asked: 0, selected: false, swapped: /** @type {string[]} */ ([]) };
  const history = new History({
    ask: () => (world.asked += 1),
    mayDisturb: () => !world.selected,
    swapIn: (screen) => world.swapped.push(new TextDecoder().decode(screen.bytes)),
  });
  history.repainted(at(100));
  return { world, history, end: () => { history.dispose(); mock.timers.reset(); } };
}

test('the scrollback is asked for once the line is idle, and swapped in with what came meanwhile', () => {
  const { world, history, end } = begin();
  mock.timers.tick(IDLE_AFTER - 1);
  history.output(100, bytes('abc'));
  mock.timers.tick(IDLE_AFTER - 1);
  assert.equal(world.asked, 0, 'output puts it off');
  mock.timers.tick(1);
  assert.equal(world.asked, 1);
  history.output(103, bytes('def'));
  history.output(106, bytes('ghi'));
  history.arrived(1, { at: at(105), bytes: bytes('[history up to e]') });
  assert.deepEqual(world.swapped, ['[history up to e]fghi']);
  assert.equal(history.missing, false);
  end();
});

test('scrollback that is ahead of the output waits for it', () => {
  const { world, history, end } = begin();
  history.want();
  history.arrived(1, { at: at(104), bytes: bytes('[H]') });
  assert.deepEqual(world.swapped, []);
  history.output(100, bytes('abcdef'));
  assert.deepEqual(world.swapped, ['[H]ef']);
  end();
});

test('a repaint on the way makes the answer worthless; it is asked for again', () => {
  const { world, history, end } = begin();
  history.want();
  history.repainted(at(500, 2));
  history.arrived(1, { at: at(120, 1), bytes: bytes('[old]') });
  assert.deepEqual(world.swapped, []);
  mock.timers.tick(IDLE_AFTER);
  assert.equal(world.asked, 2);
  history.arrived(2, { at: at(500, 2), bytes: bytes('[new]') });
  assert.deepEqual(world.swapped, ['[new]']);
  end();
});

test('a flood gives the attempt up instead of keeping it all', () => {
  const { world, history, end } = begin();
  history.want();
  history.output(100, new Uint8Array(KEPT_BYTES_MAX + 1));
  history.arrived(1, { at: at(100), bytes: bytes('[H]') });
  assert.deepEqual(world.swapped, []);
  mock.timers.tick(IDLE_AFTER);
  assert.equal(world.asked, 2, 'made again when it is quiet');
  end();
});

test('a selection is not disturbed', () => {
  const { world, history, end } = begin();
  history.want();
  world.selected = true;
  history.arrived(1, { at: at(100), bytes: bytes('[H]') });
  assert.deepEqual(world.swapped, []);
  world.selected = false;
  mock.timers.tick(IDLE_AFTER);
  assert.equal(world.asked, 2);
  end();
});

test('an answer that never comes is asked for again', () => {
  const { world, history, end } = begin();
  history.want();
  mock.timers.tick(ARRIVES_WITHIN);
  mock.timers.tick(IDLE_AFTER);
  assert.equal(world.asked, 2);
  end();
});
