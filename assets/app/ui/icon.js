import { ICONS } from '../../vendor/lucide/icons.mjs';
import { html } from '../html.js';
import { h } from '../../vendor/preact/preact.mjs';

/** @param {{name: string, size?: number}} props a drawing that says nothing: the words stand beside it or in a label */
export function Icon({ name, size = 16 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    ${(ICONS[name] ?? []).map(([shape, attributes]) => h(shape, attributes))}
  </svg>`;
}
