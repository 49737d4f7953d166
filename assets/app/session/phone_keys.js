import { html, useRef, useState } from '../html.js';
import { IconButton } from '../ui/controls.js';
import { Icon } from '../ui/icon.js';
import { say } from '../ui/toast.js';

/** @typedef {import('../terminal/mount.js').MountedTerminal} MountedTerminal */

/** What a soft keyboard lacks. Arrows are CSI or SS3, as the program asked. */
const KEYS = [
  { label: 'Esc', send: '\x1b' }, { label: 'Tab', send: '\t' }, { label: 'Ctrl', modifier: 'ctrl' }, { label: 'Alt', modifier: 'alt' },
  { label: '←', name: 'Left', arrow: 'D' }, { label: '↓', name: 'Down', arrow: 'B' }, { label: '↑', name: 'Up', arrow: 'A' }, { label: '→', name: 'Right', arrow: 'C' },
  { label: '⇧Tab', name: 'Shift Tab', send: '\x1b[Z' },
  { label: '^C', name: 'Control C', send: '\x03' }, { label: '/', send: '/' }, { label: '|', send: '|' }, { label: '-', send: '-' }, { label: '~', send: '~' },
];

/**
 * A phone's key bar and a field for whole sentences: dictation, autocorrection and input methods work in it.
 * @param {{terminal: {current: MountedTerminal | undefined}, disabled: boolean}} props
 */
export function PhoneKeys({ terminal, disabled }) {
  const [text, setText] = useState('');
  const [held, setHeld] = useState(/** @type {'ctrl' | 'alt' | undefined} */ (undefined));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const send = (/** @type {string} */ keys) => {
    terminal.current?.type(modified(keys, held));
    setHeld(undefined);
  };
  const press = (/** @type {typeof KEYS[number]} */ key) => {
    if (key.modifier === 'ctrl' || key.modifier === 'alt') return setHeld(held === key.modifier ? undefined : key.modifier);
    if (key.arrow) return send(`${terminal.current?.applicationCursor() ? '\x1bO' : '\x1b['}${key.arrow}`);
    return send(key.send ?? '');
  };
  const paste = async () => {
    try {
      terminal.current?.paste(await navigator.clipboard.readText());
    } catch {
      say('The browser does not let the page read the clipboard. Paste into the text field instead.');
      field.current?.focus();
    }
  };
  const compose = () => {
    if (text) terminal.current?.paste(text);
    terminal.current?.type('\r');
    setText('');
  };
  const typed = (/** @type {InputEvent} */ event) => {
    const next = /** @type {HTMLTextAreaElement} */ (event.target).value;
    // With Ctrl or Alt held, the next letter goes to the program at once.
    if (held && next.length === text.length + 1 && event.data) {
      send(event.data);
      if (field.current) field.current.value = text;
      return;
    }
    setText(next);
  };
  return html`<div class="phone-keys" aria-label="Keys" role="group">
    <div class="key-row">${KEYS.map((key) => html`<button type="button" disabled=${disabled} aria-label=${key.name ?? key.label} aria-pressed=${key.modifier ? held === key.modifier : undefined}
        onPointerDown=${(/** @type {Event} */ event) => event.preventDefault()} onClick=${() => press(key)}>${key.label}</button>`)}
      <button type="button" disabled=${disabled} aria-label="Paste" onClick=${paste}><${Icon} name="clipboard-paste" /></button></div>
    <div class="compose"><textarea ref=${field} rows="1" disabled=${disabled} enterkeyhint="send" aria-label="Text to send" placeholder=${held ? `${held === 'ctrl' ? 'Ctrl' : 'Alt'} + next letter` : 'Write, then send'} value=${text} onInput=${typed}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); compose(); } }}></textarea>
      <${IconButton} icon="send" label="Send with Enter" class="compose-send" disabled=${disabled} onClick=${compose} /></div>
  </div>`;
}

/** @param {string} keys @param {'ctrl' | 'alt' | undefined} held @returns {string} */
export function modified(keys, held) {
  if (held === 'alt') return `\x1b${keys}`;
  if (held !== 'ctrl') return keys;
  const code = keys.toUpperCase().charCodeAt(0);
  if (keys.length === 1 && code >= 0x40 && code <= 0x5f) return String.fromCharCode(code & 0x1f);
  // Ctrl and an arrow, in the form terminals agreed on.
  const arrow = /^\x1b[O[]([ABCD])$/.exec(keys)?.[1];
  return arrow ? `\x1b[1;5${arrow}` : keys;
}
