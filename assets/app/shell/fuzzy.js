/**
 * Finds what has the letters of `text` in order. Letters that stand together or begin a word count more; among equals the
 * given order stays.
 * @template T
 * @param {string} text @param {readonly T[]} all @param {(it: T) => string} nameOf
 * @returns {T[]}
 */
export function fuzzy(text, all, nameOf) {
  const wanted = text.toLowerCase().replace(/\s+/g, '');
  if (wanted === '') return [...all];
  return all
    .map((it, order) => ({ it, order, score: scoreOf(wanted, nameOf(it).toLowerCase()) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.order - b.order)
    .map(({ it }) => it);
}

/** @param {string} wanted @param {string} name @returns {number} zero when a letter is missing */
function scoreOf(wanted, name) {
  const straight = name.indexOf(wanted);
  if (straight >= 0) return 1_000 - straight + (isWordStart(name, straight) ? 500 : 0);
  let score = 1;
  let at = -1;
  for (const letter of wanted) {
    const found = name.indexOf(letter, at + 1);
    if (found < 0) return 0;
    score += found === at + 1 ? 5 : isWordStart(name, found) ? 4 : 0;
    at = found;
  }
  return score;
}

/** @param {string} name @param {number} at */
function isWordStart(name, at) {
  return at === 0 || /[^a-z0-9]/.test(name.charAt(at - 1));
}
