import { html, signal } from '../html.js';
import { IconButton, Button } from './controls.js';

/** @typedef {{id: number, text: string, action?: {label: string, run: () => void}}} Toast */

/** A toast stays this long, in milliseconds; one that offers something longer. */
const SHOWN_FOR = 6_000;
const OFFERED_FOR = 15_000;
const TOASTS_MAX = 3;

const toasts = signal(/** @type {Toast[]} */ ([]));
let next = 1;

/** Says something that needs no answer. @param {string} text @param {Toast['action']} [action] */
export function say(text, action) {
  const toast = { id: next++, text, ...(action && { action }) };
  toasts.value = [...toasts.value.filter((it) => it.text !== text), toast].slice(-TOASTS_MAX);
  setTimeout(() => dismiss(toast.id), action ? OFFERED_FOR : SHOWN_FOR);
}

/** @param {number} id */
function dismiss(id) {
  toasts.value = toasts.value.filter((it) => it.id !== id);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(({ id, text, action }) => html`<div class="toast" key=${id}>
      <span>${text}</span>
      ${action ? html`<${Button} kind="quiet" onClick=${() => { action.run(); dismiss(id); }}>${action.label}<//>` : null}
      <${IconButton} icon="x" label="Dismiss" onClick=${() => dismiss(id)} />
    </div>`)}
  </div>`;
}
