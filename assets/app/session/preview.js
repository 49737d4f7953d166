import { Unicode11Addon } from '../../vendor/xterm/addon-unicode11.mjs';
import { Terminal } from '../../vendor/xterm/xterm.mjs';
import { Output } from '../terminal/output.js';
import { installSilence } from '../terminal/silence.js';
import { toldTheme } from '../terminal/palette.js';
import { Line } from '../wire/line.js';
import { passingViewer } from '../wire/viewer_id.js';

/** A tile is drawn anew at most this often, in milliseconds: enough to see that something moves. */
const DRAW_EVERY = 500;

/** A run of text in one colour. @typedef {{text: string, colour: string, bold: boolean, dim: boolean}} Run */

/**
 * Watches a session without a screen: parses its output and hands out the last lines as text.
 * @param {object} with_
 * @param {import('../wire/socket.js').Connection} with_.connection
 * @param {{id: string, cols: number, rows: number}} with_.session
 * @param {number} with_.lines
 * @param {(lines: Run[][]) => void} with_.draw
 * @returns {() => void} dispose
 */
export function watch({ connection, session, lines, draw }) {
  const term = new Terminal({ allowProposedApi: true, cols: session.cols, rows: session.rows, scrollback: 0 });
  term.loadAddon(new Unicode11Addon());
  term.unicode.activeVersion = '11';
  const silence = installSilence(term);
  const output = new Output(term);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let due;
  let drawnAt = 0;
  const drawSoon = () => {
    due ??= setTimeout(() => {
      due = undefined;
      drawnAt = performance.now();
      draw(lastLines(term, lines));
    }, Math.max(0, drawnAt + DRAW_EVERY - performance.now()));
  };
  const line = new Line({
    connection,
    session: session.id,
    viewer: passingViewer(),
    take: 'never',
    size: () => ({ cols: term.cols, rows: term.rows }),
    theme: () => toldTheme('dark'),
    to: {
      output(bytes, _offset, consumed) {
        output.write(bytes, () => { consumed(); drawSoon(); });
      },
      repaint({ at, bytes }, consumed) {
        output.paint({ cols: at.cols, rows: at.rows, bytes }, () => { consumed(); drawSoon(); });
      },
      history() {}, control() {}, state() {}, dropped() {},
    },
  });
  return () => {
    clearTimeout(due);
    line.dispose();
    output.dispose();
    silence();
    term.dispose();
  };
}

/** @param {Terminal} term @param {number} count @returns {Run[][]} the last lines with something on them */
function lastLines(term, count) {
  const buffer = term.buffer.active;
  let end = buffer.baseY + term.rows;
  while (end > buffer.baseY && !buffer.getLine(end - 1)?.translateToString(true)) end -= 1;
  const from = Math.max(buffer.baseY, end - count);
  return Array.from({ length: end - from }, (_, at) => runsOf(term, from + at));
}

/** @param {Terminal} term @param {number} y @returns {Run[]} */
function runsOf(term, y) {
  /** @type {Run[]} */
  const runs = [];
  const line = term.buffer.active.getLine(y);
  const cell = term.buffer.active.getNullCell();
  const width = line?.translateToString(true).length ?? 0;
  for (let x = 0; x < Math.min(width + 2, term.cols); x += 1) {
    if (!line?.getCell(x, cell) || cell.getWidth() === 0) continue;
    const colour = cell.isInverse() ? 'inverse' : cell.isFgPalette() && cell.getFgColor() < 16 ? `ansi-${cell.getFgColor()}` : cell.isFgRGB() || cell.isFgPalette() ? 'other' : '';
    const style = { colour, bold: cell.isBold() !== 0, dim: cell.isDim() !== 0 };
    const text = cell.isInvisible() ? ' ' : cell.getChars() || ' ';
    const last = runs.at(-1);
    if (last && last.colour === style.colour && last.bold === style.bold && last.dim === style.dim) last.text += text;
    else runs.push({ text, ...style });
  }
  return runs;
}
