/** Hop 1, downwards: what is typed, pasted or clicked → bytes. */

/** @typedef {import('../../vendor/xterm/xterm.mjs').Terminal} Terminal */

/** Reports of mouse and focus: a program asked for them, nobody typed them. */
const REPORT = /^\x1b\[(?:<[\d;]+[Mm]|M|[IO]$)/;

/**
 * @param {Terminal} term
 * @param {(bytes: Uint8Array, typed: boolean) => void} send `typed` is false for reports of mouse and focus
 * @returns {() => void}
 */
export function installKeys(term, send) {
  const utf8 = new TextEncoder();
  const owned = [
    term.onData((text) => send(utf8.encode(text), !REPORT.test(text))),
    // Old mouse reports: each character is one byte, not a code point.
    term.onBinary((text) => send(Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff), false)),
  ];
  return () => owned.forEach((it) => it.dispose());
}
