/**
 * Keys of the page. None is one that a terminal could receive: with the focus in a terminal they need Ctrl and Shift with a
 * letter (which terminals cannot tell from Ctrl alone) or ⌘; plain ones work only where nothing is typed.
 */

/** @typedef {{id: string, keys: string, also?: string, what: string, matches: (event: KeyboardEvent, typing: boolean) => boolean}} Shortcut */

export const IS_MAC = /mac|iphone|ipad/i.test(navigator.userAgent);

/** @param {string} letter @returns {(event: KeyboardEvent) => boolean} */
const ctrlShift = (letter) => (event) => event.ctrlKey && event.shiftKey && !event.altKey && !event.metaKey && event.code === `Key${letter}`;
/** @param {string} letter @returns {(event: KeyboardEvent) => boolean} */
const command = (letter) => (event) => IS_MAC && event.metaKey && !event.ctrlKey && !event.altKey && !event.shiftKey && event.code === `Key${letter}`;
/** @param {string} key @returns {(event: KeyboardEvent, typing: boolean) => boolean} */
const plain = (key) => (event, typing) => !typing && event.key === key && !event.ctrlKey && !event.metaKey && !event.altKey;

/** @type {readonly Shortcut[]} */
export const SHORTCUTS = [
  {
    id: 'palette', keys: IS_MAC ? '⌘ K' : 'Ctrl Shift K', also: IS_MAC ? '' : 'Ctrl K outside a terminal', what: 'Go to a session, a machine or an action',
    matches: (event, typing) => ctrlShift('K')(event) || command('K')(event) || (!typing && event.ctrlKey && !event.shiftKey && !event.altKey && event.code === 'KeyK'),
  },
  { id: 'find', keys: IS_MAC ? '⌘ F' : 'Ctrl Shift F', what: 'Search in the terminal', matches: (event) => ctrlShift('F')(event) || command('F')(event) },
  { id: 'leave', keys: 'Ctrl Shift L', what: 'Leave the terminal for the list of sessions', matches: ctrlShift('L') },
  { id: 'new', keys: 'n', what: 'New session', matches: plain('n') },
  { id: 'keyboard', keys: '?', what: 'This list', matches: plain('?') },
];

/** Keys a terminal handles with the browser's help. */
export const TERMINAL_KEYS = [
  { keys: IS_MAC ? '⌘ C' : 'Ctrl Shift C', what: 'Copy what is selected' },
  { keys: IS_MAC ? '⌘ V' : 'Ctrl Shift V', what: 'Paste' },
  { keys: IS_MAC ? '⌘ click' : 'Ctrl click', what: 'Open a link' },
  { keys: IS_MAC ? '⌥ drag' : 'Shift drag', what: 'Select although the program uses the mouse' },
];

/** @type {Map<string, () => void>} */
const actions = new Map();

/** @param {string} id @param {() => void} run @returns {() => void} */
export function onShortcut(id, run) {
  actions.set(id, run);
  return () => { if (actions.get(id) === run) actions.delete(id); };
}

/** @param {KeyboardEvent} event @param {boolean} typing @returns {(() => void) | undefined} */
function actionOf(event, typing) {
  const shortcut = SHORTCUTS.find((it) => it.matches(event, typing));
  return shortcut && actions.get(shortcut.id);
}

/** Whether the page, not the terminal, is to act on a key pressed in a terminal. @param {KeyboardEvent} event */
export function belongsToPage(event) {
  return event.type === 'keydown' && (actionOf(event, true) !== undefined || isCopyOrPaste(event));
}

/** @param {KeyboardEvent} event */
export function isCopyOrPaste(event) {
  return ctrlShift('C')(event) || ctrlShift('V')(event);
}

export function installShortcuts() {
  document.addEventListener('keydown', (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const typing = target?.closest('input, textarea, select, [contenteditable]') !== null && target !== null;
    const act = document.querySelector('dialog[open]') ? undefined : actionOf(event, typing);
    if (!act) return;
    event.preventDefault();
    act();
  });
}
