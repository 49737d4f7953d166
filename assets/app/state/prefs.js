import { computed, effect, signal } from '../html.js';

/** What a person chose on this device. Kept in the browser, never on the server. */

/** @typedef {'system' | 'light' | 'dark'} ThemeChoice */
/**
 * @typedef {object} Prefs
 * @property {ThemeChoice} theme
 * @property {number} fontSize         of the terminal, in pixels
 * @property {string} fontFamily       of the terminal; empty for the system's monospace
 * @property {boolean} screenReader
 * @property {Record<string, boolean>} folded   machines whose sessions are hidden in the rail
 * @property {string[]} recent         paths opened lately, newest first
 * @property {Record<string, {command: string, args: string, workdir: string}>} lastStart  by machine
 */

/** @type {Prefs} */
const DEFAULTS = { theme: 'system', fontSize: 13, fontFamily: '', screenReader: false, folded: {}, recent: [], lastStart: {} };
const KEY = 'sessionforge.prefs';
const RECENT_MAX = 12;

export const prefs = signal(load());

/** @param {Partial<Prefs>} change */
export function setPrefs(change) {
  prefs.value = { ...prefs.value, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs.value));
  } catch {
    // A browser that keeps nothing: the choice holds for this page.
  }
}

/** @param {string} path */
export function rememberRecent(path) {
  setPrefs({ recent: [path, ...prefs.value.recent.filter((it) => it !== path)].slice(0, RECENT_MAX) });
}

/** @returns {Prefs} */
function load() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return { ...DEFAULTS };
  }
}

const systemDark = matchMedia('(prefers-color-scheme: dark)');
const systemTheme = signal(systemDark.matches ? 'dark' : 'light');
systemDark.addEventListener('change', () => { systemTheme.value = systemDark.matches ? 'dark' : 'light'; });

/** The theme in force. */
export const theme = computed(() => /** @type {'dark' | 'light'} */ (prefs.value.theme === 'system' ? systemTheme.value : prefs.value.theme));

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});

const MONOSPACE = 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

/** How terminals look. */
export const look = computed(() => ({
  theme: theme.value,
  fontSize: prefs.value.fontSize,
  fontFamily: prefs.value.fontFamily ? `${prefs.value.fontFamily}, ${MONOSPACE}` : MONOSPACE,
  screenReader: prefs.value.screenReader,
}));
