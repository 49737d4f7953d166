import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const assets = new URL('../../assets/', import.meta.url);
const page = readFileSync(new URL('index.html', assets), 'utf8');

/** Every module that `app/main.js` needs, nearest first. */
function needed() {
  const order = ['app/main.js'];
  for (const module of order) {
    const text = readFileSync(new URL(module, assets), 'utf8');
    for (const [, ours, vendored] of text.matchAll(/^(?:import|export)\b[^'"]*?from\s*'(\.[^']+)'|\bfrom"(\.\/[^"]+\.mjs)"/gm)) {
      const from = ours ?? vendored ?? '';
      const path = new URL(from, new URL(module, assets)).href.slice(assets.href.length);
      if (!order.includes(path)) order.push(path);
    }
  }
  return order;
}

test('the page names every module it needs, so that none is found only after another was read', () => {
  const wanted = needed().slice(1).sort();
  const named = [...page.matchAll(/<link rel="modulepreload" href="\{\{assets\}\}\/([^"]+)">/g)].map(([, path]) => path ?? '').sort();
  const lines = wanted.map((path) => `  <link rel="modulepreload" href="{{assets}}/${path}">`).join('\n');
  assert.deepEqual(named, wanted, `assets/index.html should hold\n${lines}`);
});

test('every module under app/ is used', () => {
  const all = readdirSync(new URL('app/', assets), { recursive: true, encoding: 'utf8' }).filter((it) => it.endsWith('.js')).map((it) => `app/${it.replaceAll('\\', '/')}`);
  const used = new Set(needed());
  // Types only: nothing imports it when the page runs.
  assert.deepEqual(all.filter((it) => !used.has(it)), ['app/wire/messages.js']);
});

test('nothing in the page is inline, and nothing comes from elsewhere', () => {
  assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)/);
  assert.doesNotMatch(page, /\bon\w+=|style=|<style/);
  for (const [, address] of page.matchAll(/(?:src|href)="([^"]+)"/g)) assert.match(address ?? '', /^\{\{assets\}\}\//);
});
