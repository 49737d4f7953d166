import { WebLinksAddon } from '../../vendor/xterm/addon-web-links.mjs';

/** @typedef {import('../../vendor/xterm/xterm.mjs').Terminal} Terminal */

const SCHEMES = new Set(['http:', 'https:', 'mailto:']);
const IS_MAC = /mac|iphone|ipad/i.test(navigator.userAgent);

/**
 * Addresses in the text and hyperlinks a program made (OSC 8). Opened with Ctrl or ⌘ and a click, or a tap, in a new tab
 * that knows nothing of this one; only web and mail addresses.
 * @param {Terminal} term
 * @param {(address: string | undefined) => void} hover shows where a link leads
 * @returns {() => void}
 */
export function installLinks(term, hover) {
  const open = (/** @type {MouseEvent} */ event, /** @type {string} */ address) => {
    const touched = event instanceof PointerEvent && event.pointerType === 'touch';
    if (!touched && !(IS_MAC ? event.metaKey : event.ctrlKey)) return;
    const scheme = URL.canParse(address) ? new URL(address).protocol : '';
    if (SCHEMES.has(scheme)) window.open(address, '_blank', 'noopener,noreferrer');
  };
  const over = (/** @type {MouseEvent} */ _event, /** @type {string} */ address) => hover(address);
  const out = () => hover(undefined);
  term.options.linkHandler = { activate: open, hover: over, leave: out, allowNonHttpProtocols: true };
  const addon = new WebLinksAddon(open, { hover: over, leave: out });
  term.loadAddon(addon);
  return () => addon.dispose();
}

/** The key that opens a link, as its keyboard shows it. */
export const LINK_KEY = IS_MAC ? '⌘' : 'Ctrl';
