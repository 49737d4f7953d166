/**
 * Programs may put text on the person's clipboard (OSC 52, write only). They may never read it.
 */

/** @typedef {import('../../vendor/xterm/xterm.mjs').Terminal} Terminal */

/** Text a program may copy, in bytes of base64. */
const COPY_BASE64_MAX = 1024 * 1024;

/**
 * @param {Terminal} term
 * @param {(text: string) => void} copy
 * @param {(why: string) => void} refused
 * @returns {() => void}
 */
export function installProgramCopy(term, copy, refused) {
  const owned = term.parser.registerOscHandler(52, (data) => {
    const base64 = data.slice(data.indexOf(';') + 1);
    if (base64 === '?' || base64 === '') return true;
    if (base64.length > COPY_BASE64_MAX) {
      refused('A program tried to copy more than 768 KB. Nothing was copied.');
      return true;
    }
    const text = fromBase64(base64);
    if (text !== undefined) copy(text);
    return true;
  });
  return () => owned.dispose();
}

/** @param {string} base64 @returns {string | undefined} */
export function fromBase64(base64) {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
}
