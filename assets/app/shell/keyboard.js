import { html, signal } from '../html.js';
import { Dialog } from '../ui/dialog.js';
import { SHORTCUTS, TERMINAL_KEYS } from '../ui/shortcuts.js';

const open = signal(false);

export function openKeyboard() {
  open.value = true;
}

/** Every key of the page, in one list. */
export function Keyboard() {
  if (!open.value) return null;
  const close = () => { open.value = false; };
  return html`<${Dialog} title="Keyboard" onClose=${close} class="dialog-small">
    <h3>Anywhere</h3>
    <dl class="keys">${SHORTCUTS.map((it) => html`<dt><kbd>${it.keys}</kbd></dt><dd>${it.what}${it.also ? html`<span class="muted"> · ${it.also}</span>` : null}</dd>`)}</dl>
    <h3>In a terminal</h3>
    <dl class="keys">${TERMINAL_KEYS.map((it) => html`<dt><kbd>${it.keys}</kbd></dt><dd>${it.what}</dd>`)}</dl>
    <p class="muted">Every other key goes to the program. Everything else: <a href="/help" onClick=${close}>Help</a>.</p>
  <//>`;
}
