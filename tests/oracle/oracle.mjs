// Holds snapshots against xterm.js. Reads one JSON object a line, answers one a line, in order.
//
//   { cols, rows, scrollback, raw, cut, snapshot }   bytes in base64
//   → { at, end }   what differs at the cut, and after the rest of `raw` went to both terminals
//   { widths: true } → { widths }   columns of each code point, one digit each
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { compare } from './compare.mjs';

// Installed elsewhere, so that the source tree stays clean.
const require = createRequire(`${process.env.ORACLE_MODULES}/`);
const { Terminal } = require('@xterm/headless');
const { Unicode11Addon } = require('@xterm/addon-unicode11');

function open({ cols, rows, scrollback }) {
  const terminal = new Terminal({ cols, rows, scrollback, allowProposedApi: true, logLevel: 'off' });
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = '11';
  return terminal;
}

const write = (terminal, bytes) => terminal._core._inputHandler.parse(bytes);

function run(request) {
  if (request.widths) {
    const { unicodeService } = open({ cols: 2, rows: 1, scrollback: 0 })._core;
    let widths = '';
    for (let ch = 0xa0; ch <= 0x10ffff; ch++) widths += unicodeService.wcwidth(ch);
    return { widths };
  }
  const [raw, snapshot] = [request.raw, request.snapshot].map((text) => Buffer.from(text, 'base64'));
  const [live, rebuilt] = [open(request), open(request)];
  try {
    write(live, raw.subarray(0, request.cut));
    if (request.resize) live.resize(...request.resize);
  } catch (error) {
    return { at: [], end: [], skipped: `xterm.js: ${error.message}` };
  }
  write(rebuilt, snapshot);
  const at = compare(live, rebuilt);
  if (process.env.ORACLE_DUMP) for (const t of [live, rebuilt]) { const b=t._core.buffer; if(t===live)console.error(JSON.stringify(raw.subarray(Math.max(0,request.cut-60),request.cut).toString()),'|||',JSON.stringify(raw.subarray(request.cut,request.cut+200).toString())); for (let y=0;y<b.lines.length;y++) console.error(y, b.lines.get(y).isWrapped?'W':' ', JSON.stringify(b.lines.get(y).translateToString())); if(t===rebuilt) console.error(JSON.stringify(snapshot.toString()));}
  try {
    write(live, raw.subarray(request.cut));
  } catch (error) {
    return { at, end: [], skipped: `xterm.js: ${error.message}` };
  }
  write(rebuilt, raw.subarray(request.cut));
  const end = compare(live, rebuilt);
  live.dispose();
  rebuilt.dispose();
  return { at, end };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = run(JSON.parse(line));
  } catch (error) {
    answer = { at: [`failed: ${error.stack}`], end: [] };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
