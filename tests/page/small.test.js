import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinArgs, splitArgs } from '../../assets/app/session/argv.js';
import { fuzzy } from '../../assets/app/shell/fuzzy.js';
import { fromBase64 } from '../../assets/app/terminal/clipboard.js';
import { Assembly } from '../../assets/app/wire/assembly.js';
import { viewerFor } from '../../assets/app/wire/viewer_id.js';

test('arguments are cut as a shell cuts them, and nothing is expanded', () => {
  for (const [line, args] of /** @type {const} */ ([
    ['', []], ['  ', []], ['a b', ['a', 'b']], [`'a b' "c d"`, ['a b', 'c d']], ['a\\ b', ['a b']], [`""`, ['']],
    [`"say \\"hi\\""`, ['say "hi"']], [`'\\n'`, ['\\n']], ['$HOME *.c `x`', ['$HOME', '*.c', '`x`']], [`--name="two words"`, ['--name=two words']],
    ['"C:\\dir"', ['C:\\dir']], ['日本 "é è"', ['日本', 'é è']],
  ])) assert.deepEqual(splitArgs(line), { args }, line);
});

test('on Windows a backslash is part of a path', () => {
  assert.deepEqual(splitArgs('C:\\src\\app "C:\\Program Files\\x" \\"q\\"', { windows: true }), { args: ['C:\\src\\app', 'C:\\Program Files\\x', '"q"'] });
});

test('an open quote is named', () => {
  assert.match(splitArgs('a "b').problem ?? '', /double quote/);
  assert.match(splitArgs(`a 'b`).problem ?? '', /single quote/);
  assert.match(splitArgs('a \\').problem ?? '', /backslash/);
});

test('arguments written as a line are cut into the same arguments', () => {
  for (const args of [['a', 'b c', ''], [`it's`, '"x"', '\\', '$HOME'], ['--continue']]) assert.deepEqual(splitArgs(joinArgs(args)).args, args);
});

test('the palette finds letters in order, whole words first', () => {
  const all = ['API keys', 'All sessions', 'Keyboard shortcuts', 'forge-01'];
  assert.deepEqual(fuzzy('key', all, (it) => it), ['Keyboard shortcuts', 'API keys']);
  assert.deepEqual(fuzzy('f01', all, (it) => it), ['forge-01']);
  assert.deepEqual(fuzzy('zzz', all, (it) => it), []);
  assert.deepEqual(fuzzy('', all, (it) => it), all);
});

test('text a program copies is UTF-8 in base64, or nothing', () => {
  assert.equal(fromBase64('w6kg5pel'), 'é 日');
  assert.equal(fromBase64('***'), undefined);
});

test('pieces become a snapshot; one that begins in the middle does not', () => {
  const piece = { at: { offset: 1, epoch: 2, cols: 3, rows: 4 }, bytes: Uint8Array.of(1, 2) };
  const it = new Assembly();
  assert.equal(it.add({ ...piece, flags: { first: false, last: true } }), 'broken');
  assert.equal(it.add({ ...piece, flags: { first: true, last: false } }), 'more');
  assert.deepEqual(it.add({ ...piece, flags: { first: false, last: true } }), { at: piece.at, bytes: Uint8Array.of(1, 2, 1, 2) });
  assert.equal(it.open, false);
});

/** @param {Map<string, string>} kept @returns {Storage} */
function storage(kept) {
  return /** @type {Storage} */ (/** @type {unknown} */ ({ getItem: (/** @type {string} */ key) => kept.get(key) ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value) }));
}

test('a reloaded tab is the same viewer and never gives a number twice', () => {
  const kept = new Map();
  const before = viewerFor('ses_a', storage(kept));
  const last = Array.from({ length: 100 }, () => before.nextNumber()).at(-1);
  before.dispose();
  const after = viewerFor('ses_a', storage(kept));
  assert.equal(after.id, before.id);
  assert.equal(after.nextNumber(), Number(last) + 1);
});

test('a duplicated tab is another viewer', () => {
  const kept = new Map();
  const first = viewerFor('ses_a', storage(kept));
  const copy = viewerFor('ses_a', storage(new Map(kept)));
  assert.notEqual(copy.id, first.id);
});

test('one tab is another viewer to each session', () => {
  const kept = new Map();
  assert.notEqual(viewerFor('ses_a', storage(kept)).id, viewerFor('ses_b', storage(kept)).id);
});
