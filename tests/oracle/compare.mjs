// What differs between two xterm.js terminals, as a list of names: empty if nothing does.
//
// Beside the public interface this looks into private parts of xterm.js 6.0.0 (`_core`), because what a
// terminal does with the next byte depends on them: margins, tab stops, saved cursor, character sets.

/** A colour or flag word without the differences that show nothing. */
const color = (word) => {
  const kind = word & 0x3000000;
  if (kind === 0) return 0;
  return kind === 0x3000000 ? word & 0x3ffffff : kind | (word & 0xff);
};

/** Tells character sets apart by a few of their characters. */
const letters = (set) => ['q', '#', '[', '~'].map((ch) => set?.[ch] ?? ch).join('');

/** A link that xterm.js forgot, because the line on which it began is gone. Such cells show none. */
const GONE = 'gone';

/** How a cell looks, flags and colours with the link and underline under it. */
function look(line, x, links) {
  const bg = line.getBg(x);
  const fg = line.getFg(x);
  const extended = bg & 0x10000000 ? line._extendedAttrs[x] : undefined;
  const link = extended?.urlId ? (links(extended.urlId)?.uri ?? GONE) : '';
  // 0x10000000 says that there is an extended attribute, which is compared itself.
  const underline = extended ? (extended._ext >>> 26) & 7 : 0;
  const style = underline || (fg & 0x10000000 ? 1 : 0);
  return [
    color(fg), (fg >>> 26) & ~4, color(bg), (bg >>> 26) & ~4, style, style ? color(extended?.underlineColor ?? 0) : 0, link,
  ].join();
}

function compareBuffers(a, b, name, links, found, visible) {
  if (!visible && a.lines.length !== b.lines.length) found.add(`${name}length`);
  if (!visible && a.ybase !== b.ybase) found.add(`${name}ybase`);
  const rows = Math.min(a.lines.length, b.lines.length);
  for (let y = 1; y <= rows; y++) {
    const [left, right] = [a.lines.get(a.lines.length - y), b.lines.get(b.lines.length - y)];
    const where = y > a.lines.length - a.ybase ? `${name}history ` : name;
    // Nothing before the first line could have flowed into it.
    if (left.isWrapped !== right.isWrapped && y < rows) found.add(`${where}wrap`);
    for (let x = 0; x < a._cols; x++) {
      if (left.getWidth(x) !== right.getWidth(x)) {
        found.add(`${where}width`);
        if (process.env.ORACLE_VERBOSE) console.error(where, 'width', y, x, [left, right].map((it) => [it.getWidth(x), it.getString(x), it.translateToString()]));
      }
      else if ((left.getString(x) || ' ') !== (right.getString(x) || ' ')) found.add(`${where}text`);
      else if (!left.hasContent(x) !== !right.hasContent(x)) found.add(`~${where}null`);
      const looks = [look(left, x, links[0]), look(right, x, links[1])];
      if (looks[0] !== looks[1] && !looks.some((it) => it.endsWith(GONE))) {
        const blank = (left.getString(x) || ' ') === ' ' && (right.getString(x) || ' ') === ' ';
        found.add(`${where}look${blank ? ' of blank' : ''}`);
        if (process.env.ORACLE_VERBOSE) console.error(where, y, x, left.getString(x), looks[0], right.getString(x), looks[1]);
      }
    }
  }
}

/** @returns {string[]} names of what differs; those with `~` cannot be seen. `visible`: of the screen only. */
export function compare(a, b, visible = false) {
  const found = new Set();
  const [left, right] = [a._core, b._core];
  const links = [left, right].map((core) => (id) => core._oscLinkService.getLinkData(id));
  const same = (name, of) => {
    const [x, y] = [of(left, a), of(right, b)];
    if (x !== y) {
      found.add(name);
      if (process.env.ORACLE_VERBOSE) console.error(name, x, y);
    }
  };
  same('screen', (core) => core.buffer === core.buffers.alt);
  if (found.size) return [...found];
  compareBuffers(left.buffer, right.buffer, '', links, found, visible);
  if (left.buffer === left.buffers.alt) compareBuffers(left.buffers.normal, right.buffers.normal, 'main ', links, found, visible);
  const buffers = left.buffer === left.buffers.alt ? [['', 'buffer'], ['main ', 'normal']] : [['', 'buffer']];
  for (const [name, key] of buffers) {
    const of = (read) => (core) => read(key === 'buffer' ? core.buffer : core.buffers.normal, core);
    if (key === 'buffer') same('cursor', of((it) => `${it.x},${it.y}`));
    same(`${name}region`, of((it) => `${it.scrollTop},${it.scrollBottom}`));
    same(`${name}tabs`, of((it, core) => Object.keys(it.tabs).filter((x) => it.tabs[x] && +x < core.cols).join()));
    same(`${name}saved cursor`, of((it, core) => {
      const y = Math.min(Math.max(it.savedY - it.ybase, 0), core.rows - 1);
      return [Math.min(it.savedX ?? 0, core.cols - 1), y].join();
    }));
    same(`${name}saved pen`, of((it) => {
      const { fg, bg } = it.savedCurAttrData;
      return [color(fg), fg >>> 26, color(bg), (bg >>> 26) & ~4].join();
    }));
    same(`${name}saved charset`, of((it) => letters(it.savedCharset)));
  }
  for (const mode of Object.keys(a.modes)) same(`mode ${mode}`, (_, terminal) => terminal.modes[mode]);
  same('cursor hidden', (core) => core.coreService.isCursorHidden);
  same('newline', (core) => core.optionsService.options.convertEol);
  same('blink', (core) => core.optionsService.options.cursorBlink);
  same('cursor style', ({ coreService: { decPrivateModes: it } }) => `${it.cursorStyle},${it.cursorBlink}`);
  same('mouse encoding', (core) => core.coreMouseService.activeEncoding);
  same('title', (core) => core._inputHandler._windowTitle);
  same('pen', ({ _inputHandler: { _curAttrData: pen } }) => {
    const { underlineStyle, underlineColor, urlId } = pen.extended;
    return [color(pen.fg), pen.fg >>> 26, color(pen.bg), pen.bg >>> 26, urlId ? '' : underlineStyle, color(underlineColor), !urlId].join();
  });
  same('charsets', ({ _charsetService: it }) => [it.glevel, ...[0, 1, 2, 3].map((at) => letters(it._charsets[at]))].join());
  same('charset', ({ _charsetService: it }) => letters(it.charset));
  same('parser', ({ _inputHandler: { _parser: it } }) => it.currentState);
  same('~printed', ({ _inputHandler: { _parser: it } }) => it.precedingJoinState >> 1);
  return [...found];
}
