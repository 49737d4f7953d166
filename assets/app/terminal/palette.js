/** Colours of the terminal in both themes. The first three are also what the PTY host tells programs that ask. */

/** @typedef {import('../../vendor/xterm/xterm.mjs').ITheme} ITheme */

/** @type {ITheme & {foreground: string, background: string, cursor: string}} */
const dark = {
  foreground: '#dcdcd8', background: '#0e0f12', cursor: '#f26b3a', cursorAccent: '#0e0f12',
  selectionBackground: '#f26b3a47', selectionInactiveBackground: '#8a8a8a3d',
  black: '#25272d', red: '#ec6a5e', green: '#7fbf7b', yellow: '#dcb35c',
  blue: '#6ea3e6', magenta: '#c58fd8', cyan: '#5fbfc0', white: '#c9c9c4',
  brightBlack: '#6d7079', brightRed: '#ff8b7f', brightGreen: '#9ddb97', brightYellow: '#f0cd7f',
  brightBlue: '#93c0fb', brightMagenta: '#ddb0ec', brightCyan: '#86dcdb', brightWhite: '#f4f4f0',
  scrollbarSliderBackground: '#ffffff1f', scrollbarSliderHoverBackground: '#ffffff3d', scrollbarSliderActiveBackground: '#ffffff52',
  overviewRulerBorder: '#00000000',
};

/** @type {ITheme & {foreground: string, background: string, cursor: string}} */
const light = {
  foreground: '#26251f', background: '#faf9f7', cursor: '#c2461a', cursorAccent: '#faf9f7',
  selectionBackground: '#f26b3a3d', selectionInactiveBackground: '#0000001f',
  black: '#26251f', red: '#b3261e', green: '#2f6f31', yellow: '#7d5a00',
  blue: '#1f55a5', magenta: '#81388f', cyan: '#0c6770', white: '#6b6a63',
  brightBlack: '#77766e', brightRed: '#c8362c', brightGreen: '#3a7f3a', brightYellow: '#8a6508',
  brightBlue: '#2b66bd', brightMagenta: '#9447a3', brightCyan: '#147680', brightWhite: '#45443d',
  scrollbarSliderBackground: '#00000021', scrollbarSliderHoverBackground: '#00000040', scrollbarSliderActiveBackground: '#00000059',
  overviewRulerBorder: '#00000000',
};

/** @param {'dark' | 'light'} theme */
export function paletteOf(theme) {
  return theme === 'dark' ? dark : light;
}

/** @param {'dark' | 'light'} theme @returns {import('../wire/messages.js').Theme} */
export function toldTheme(theme) {
  const { foreground, background, cursor } = paletteOf(theme);
  return { foreground, background, cursor };
}
