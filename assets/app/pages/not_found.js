import { html } from '../html.js';

/** @param {{what?: string}} props */
export function NotFound({ what = 'page' }) {
  return html`<main class="page"><div class="empty"><h1>No such ${what}</h1>
    <p>${what === 'page' ? 'The address leads nowhere.' : `The ${what} was removed, or belongs to an organisation you are not in.`}</p>
    <a class="button button-plain" href="/">Show all sessions</a></div></main>`;
}
