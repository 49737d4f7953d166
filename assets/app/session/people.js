/** How people look where there is little room: a colour and their letters. */

/** Colours of people in style/tokens.css: `--who-0` and so on. */
export const COLOURS = 8;

/** @param {string} id of a person @returns {number} their colour: the same on every page and on every day */
export function colourOf(id) {
  let sum = 0;
  for (const character of id) sum = (Math.imul(sum, 31) + character.charCodeAt(0)) >>> 0;
  return sum % COLOURS;
}

/** @param {string} name @returns {string} one or two letters */
export function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? '')][0] ?? '');
  return letters.join('').toUpperCase() || '?';
}
