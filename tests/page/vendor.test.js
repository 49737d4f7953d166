import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const vendor = new URL('../../assets/vendor/', import.meta.url);
const rows = [...readFileSync(new URL('VENDOR.md', vendor), 'utf8').matchAll(/^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$/gm)];

test('every vendored file is the one that VENDOR.md names', () => {
  for (const [, path, hash] of rows) {
    assert.equal(createHash('sha256').update(readFileSync(new URL(String(path), vendor))).digest('hex'), hash, path);
  }
});

test('VENDOR.md names every vendored file', () => {
  const files = readdirSync(vendor, { recursive: true, encoding: 'utf8' }).map((it) => it.replaceAll('\\', '/')).filter((it) => /\.(mjs|css)$/.test(it));
  assert.deepEqual(rows.map(([, path]) => path).sort(), files.sort());
});
