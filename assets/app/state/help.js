/** The pages of Help. The server brings them all in one file, when somebody first wants one; the browser keeps it with the page. */
import { signal } from '../html.js';

/**
 * @typedef {{name: string, group: string, title: string, about: string, html: string}} HelpPage
 * @typedef {object} Section  a part of a page under one heading
 * @property {HelpPage} page
 * @property {string} heading
 * @property {string} anchor  empty for the page's beginning
 * @property {boolean} sub     whether it is a part of a part
 * @property {string} text    with single blanks
 * @typedef {{section: Section, before: string, hit: string, after: string}} Found
 */

/** @type {import('../../vendor/preact/signals.mjs').Signal<{pages: readonly HelpPage[], problem: boolean}>} */
export const help = signal({ pages: /** @type {readonly HelpPage[]} */ ([]), problem: false });

/** Before the ids of headings; see build/help.rs. */
export const ID_PREFIX = 'doc-';
/** More than these are better found with another word. */
const FOUND_MAX = 30;
/** Characters of text before and after what was found. */
const AROUND = [48, 112];

let asked = false;

/** Brings the pages, once. */
export async function loadHelp() {
  if (asked) return;
  asked = true;
  try {
    const answer = await fetch(new URL('../../help.json', import.meta.url));
    if (!answer.ok) throw new Error(String(answer.status));
    help.value = { pages: await answer.json(), problem: false };
  } catch {
    // The next look tries again.
    asked = false;
    help.value = { ...help.value, problem: true };
  }
}

/** @param {readonly HelpPage[]} pages @returns {[string, HelpPage[]][]} in the order of the list */
export function groups(pages) {
  /** @type {Map<string, HelpPage[]>} */
  const found = new Map();
  for (const page of pages) found.set(page.group, [...(found.get(page.group) ?? []), page]);
  return [...found];
}

/** @param {HelpPage} page @returns {Section[]} */
export function sectionsOf(page) {
  const body = new DOMParser().parseFromString(page.html, 'text/html').body;
  for (const it of body.querySelectorAll('.help-anchor, button')) it.remove();
  for (const it of body.querySelectorAll('td, th, li, p, pre')) it.append(' ');
  /** @type {Section[]} */
  const sections = [];
  for (const element of body.children) {
    const words = (element.textContent ?? '').replace(/\s+/g, ' ').trim();
    if (/^H[1-6]$/.test(element.tagName)) {
      sections.push({ page, heading: words, anchor: element.tagName === 'H1' ? '' : element.id.slice(ID_PREFIX.length), sub: element.tagName > 'H2', text: '' });
    } else {
      const last = sections.at(-1);
      if (last) last.text += `${last.text ? ' ' : ''}${words}`;
    }
  }
  return sections;
}

/**
 * Sections that hold every word, those first that hold them in their heading.
 * @param {readonly Section[]} sections @param {string} text @returns {Found[]}
 */
export function search(sections, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const first = words[0];
  if (!first) return [];
  return sections
    .map((section, order) => {
      const heading = `${section.page.title} ${section.heading}`.toLowerCase();
      const all = `${heading} ${section.text.toLowerCase()}`;
      const score = words.every((word) => all.includes(word)) ? 1 + words.filter((word) => heading.includes(word)).length : 0;
      return { section, order, score };
    })
    .filter((it) => it.score > 0)
    .sort((a, b) => b.score - a.score || a.order - b.order)
    .slice(0, FOUND_MAX)
    .map(({ section }) => ({ section, ...around(section.text, words) }));
}

/** @param {string} text @param {string[]} words */
function around(text, words) {
  const lower = text.toLowerCase();
  const word = words.find((it) => lower.includes(it));
  const [back = 0, ahead = 0] = AROUND;
  if (!word) return { before: upTo(text, back + ahead), hit: '', after: '' };
  const at = lower.indexOf(word);
  const start = at <= back ? 0 : text.indexOf(' ', at - back) + 1;
  return { before: `${start > 0 ? '… ' : ''}${text.slice(Math.min(start, at), at)}`, hit: text.slice(at, at + word.length), after: upTo(text.slice(at + word.length), ahead) };
}

/** Whole words only. @param {string} text @param {number} length */
function upTo(text, length) {
  return text.length <= length ? text : `${text.slice(0, text.lastIndexOf(' ', length))} …`;
}
