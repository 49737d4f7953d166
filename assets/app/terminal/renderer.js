import { WebglAddon } from '../../vendor/xterm/addon-webgl.mjs';

/** @typedef {import('../../vendor/xterm/xterm.mjs').Terminal} Terminal */

/**
 * Draws on the graphics card where there is one, and as elements where there is none or it went away.
 * `?renderer=dom` in the address chooses elements: a reader, a test or a broken driver may want them.
 * @param {Terminal} term an opened one
 * @returns {() => void}
 */
export function installRenderer(term) {
  if (new URLSearchParams(location.search).get('renderer') === 'dom') return () => {};
  /** @type {WebglAddon | undefined} */
  let webgl;
  const drop = () => {
    webgl?.dispose();
    webgl = undefined;
  };
  try {
    webgl = new WebglAddon();
    webgl.onContextLoss(drop);
    term.loadAddon(webgl);
  } catch {
    // No WebGL 2 here: xterm.js goes on with elements.
    drop();
  }
  return drop;
}
