import { html, useEffect, useRef, useState } from '../html.js';
import { IconButton } from '../ui/controls.js';

/**
 * The search field over a terminal.
 * @param {object} props
 * @param {{index: number, count: number}} props.found
 * @param {(text: string, way: 'next' | 'previous', typing: boolean) => void} props.find
 * @param {() => void} props.close
 */
export function Find({ found, find, close }) {
  const [text, setText] = useState('');
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => input.current?.focus(), []);
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && !event.isComposing) find(text, event.shiftKey ? 'next' : 'previous', false);
    else return;
    event.preventDefault();
  };
  const typed = (/** @type {InputEvent} */ event) => {
    const next = /** @type {HTMLInputElement} */ (event.target).value;
    setText(next);
    find(next, 'previous', true);
  };
  const count = text === '' ? '' : found.count === 0 ? 'None' : found.index < 0 ? `${found.count}+` : `${found.index + 1} of ${found.count}`;
  return html`<div class="find" role="search">
    <input ref=${input} type="text" aria-label="Search in the terminal" placeholder="Search" spellcheck=${false} value=${text} onInput=${typed} onKeyDown=${keys} />
    <span class="find-count" role="status">${count}</span>
    <${IconButton} icon="chevron-left" class="turn-up" label="Match above" tip="Match above (Enter)" onClick=${() => find(text, 'previous', false)} />
    <${IconButton} icon="chevron-right" class="turn-down" label="Match below" tip="Match below (Shift Enter)" onClick=${() => find(text, 'next', false)} />
    <${IconButton} icon="x" label="Close the search" onClick=${close} />
  </div>`;
}
