// Holds snapshots against xterm.js. Reads one JSON object a line, answers one a line, in order.
//
//   { cols, rows, scrollback, raw, cut, snapshot }   bytes in base64
//   → { at, end }   what differs at the cut, and after the rest of `raw` went to both terminals
//   with `visible: true`: the snapshot has no scrollback, and only the screens are compared, at the cut
//   with `resize: [cols, rows]`: both are given that size at the cut, and the snapshot is of it
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
  const [before, after] = [raw.subarray(0, request.cut), raw.subarray(request.cut)];
  let at = [];
  let end = [];
  try {
    write(live, before);
    if (request.resize) [live, rebuilt].forEach((terminal) => terminal.resize(...request.resize));
    write(rebuilt, snapshot);
    at = compare(live, rebuilt, request.visible);
    // Without the scrollback, what scrolls later is counted differently.
    if (request.visible || request.resize) return { at, end };
    write(live, after);
    write(rebuilt, after);
    end = compare(live, rebuilt);
  } catch (error) {
    // Some sequences make xterm.js itself throw (ED 1 on the last row of an empty scrollback).
    return { at, end, skipped: error.message };
  } finally {
    live.dispose();
    rebuilt.dispose();
  }
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
