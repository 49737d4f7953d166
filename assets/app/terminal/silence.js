/**
 * This terminal answers no questions. The PTY host does, always and alone: two answers to one question would land in the
 * program's input as typed text.
 */

/** @typedef {import('../../vendor/xterm/xterm.mjs').Terminal} Terminal */

/** Control sequences that ask: device attributes, status, modes, version, kitty keyboard flags, terminal parameters. */
const ASKING_CSI = [
  { final: 'c' },
  { prefix: '>', final: 'c' },
  { prefix: '=', final: 'c' },
  { final: 'n' },
  { prefix: '?', final: 'n' },
  { intermediates: '$', final: 'p' },
  { prefix: '?', intermediates: '$', final: 'p' },
  { prefix: '>', final: 'q' },
  { prefix: '?', final: 'u' },
  { final: 'x' },
];
/** Window operations that report something; the others (title stack) may pass. */
const REPORTING_WINDOW_OPS = new Set([11, 13, 14, 15, 16, 18, 19, 20, 21]);
/** Palette, foreground, background, cursor: `?` asks, anything else sets. */
const COLOUR_OSC = [4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

/** @param {Terminal} term @returns {() => void} */
export function installSilence({ parser }) {
  const owned = [
    ...ASKING_CSI.map((id) => parser.registerCsiHandler(id, () => true)),
    parser.registerCsiHandler({ final: 't' }, ([op]) => typeof op === 'number' && REPORTING_WINDOW_OPS.has(op)),
    ...COLOUR_OSC.map((code) => parser.registerOscHandler(code, (data) => data.split(';').includes('?'))),
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, () => true),
    parser.registerDcsHandler({ intermediates: '+', final: 'q' }, () => true),
  ];
  return () => owned.forEach((it) => it.dispose());
}
