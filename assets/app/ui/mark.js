import { html } from '../html.js';
import { markOf, stateWord } from '../state/marks.js';

/** @typedef {import('../state/marks.js').MarkKind} MarkKind */

/** The shapes inside a 16×16 drawing, the same in the rail, in tiles and in the favicon. @type {Record<MarkKind, {d: string, fill?: boolean}>} */
export const SHAPES = {
  working: { d: 'M8 2.5a5.5 5.5 0 0 1 0 11' },
  needs: { d: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M8 6a2 2 0 1 0 0 4a2 2 0 1 0 0-4' },
  done: { d: 'M3.5 8.5l3 3l6-7' },
  idle: { d: 'M8 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8' },
  exited: { d: 'M4.5 4.5h7v7h-7z' },
  lost: { d: 'M4.5 4.5l7 7M11.5 4.5l-7 7' },
  offline: { d: 'M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9' },
};

/** @param {{session: import('../wire/messages.js').SessionView, silent?: boolean}} props `silent` where the word stands beside it */
export function Mark({ session, silent = false }) {
  const kind = markOf(session);
  return html`<svg class="mark mark-${kind}" width="16" height="16" viewBox="0 0 16 16"
    ...${silent ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': stateWord(session) }}>
    <path d=${SHAPES[kind].d} />
  </svg>`;
}

/** @param {{online: boolean}} props */
export function Presence({ online }) {
  return html`<span class="presence ${online ? 'online' : 'offline'}" role="img" aria-label=${online ? 'Online' : 'Offline'}></span>`;
}
