import { copyText } from '../ui/copy.js';
import { isCopyOrPaste } from '../ui/shortcuts.js';

/**
 * Ctrl Shift C copies the selection. Ctrl Shift V is left to the browser, which pastes into the terminal.
 * @param {HTMLElement} area @param {{selection: () => string}} terminal @returns {() => void}
 */
export function installCopyKeys(area, terminal) {
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (!isCopyOrPaste(event) || event.code !== 'KeyC') return;
    event.preventDefault();
    const text = terminal.selection();
    if (text) void copyText(text);
  };
  area.addEventListener('keydown', keys);
  return () => area.removeEventListener('keydown', keys);
}
