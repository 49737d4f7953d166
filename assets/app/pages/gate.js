import { html } from '../html.js';

/** @param {{title: string, lead?: string, children?: import('../../vendor/preact/preact.mjs').ComponentChildren}} props the frame of pages before signing in */
export function Gate({ title, lead, children }) {
  return html`<main class="gate"><div class="gate-card">
    <p class="gate-brand"><svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true"><path d="M8 9l7 7-7 7" /><path class="ember" d="M17 23h8" /></svg>SessionForge</p>
    <h1>${title}</h1>${lead ? html`<p class="lead">${lead}</p>` : null}
    ${children}
  </div></main>`;
}
