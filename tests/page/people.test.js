import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { COLOURS, colourOf, initials } from '../../assets/app/session/people.js';

const tokens = readFileSync(new URL('../../assets/style/tokens.css', import.meta.url), 'utf8');

/** @param {string} name @returns {[string, string]} light and dark */
function token(name) {
  const found = new RegExp(`${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(tokens);
  assert.ok(found, name);
  return [/** @type {string} */ (found[1]), /** @type {string} */ (found[2])];
}

/** @param {string} hex relative luminance, as WCAG has it */
function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * /** @type {number} */ (r) + 0.7152 * /** @type {number} */ (g) + 0.0722 * /** @type {number} */ (b);
}

/** @param {string} one @param {string} other */
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (/** @type {number} */ (high) + 0.05) / (/** @type {number} */ (low) + 0.05);
}

test('the colours of people are readable on both grounds, light and dark', () => {
  for (let at = 0; at < COLOURS; at += 1) {
    for (const theme of [0, 1]) {
      const ratio = contrast(/** @type {string} */ (token(`--who-${at}`)[theme]), /** @type {string} */ (token('--ground')[theme]));
      assert.ok(ratio >= 4.5, `--who-${at}, ${theme ? 'dark' : 'light'}: ${ratio.toFixed(2)}`);
    }
  }
  assert.ok(!tokens.includes(`--who-${COLOURS}:`));
});

test('a person has the same colour always, and people differ', () => {
  assert.equal(colourOf('usr_abc'), colourOf('usr_abc'));
  const used = new Set(Array.from({ length: 100 }, (_, at) => colourOf(`usr_${at}`)));
  assert.equal(used.size, COLOURS);
  assert.deepEqual(['Bea', 'Ada Lovelace', ' ', 'Émile de la Tour'].map(initials), ['B', 'AL', '?', 'ÉT']);
});
