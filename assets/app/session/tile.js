import { html, useEffect, useRef, useState } from '../html.js';
import { connection } from '../state/account.js';
import { now, span } from '../state/clock.js';
import { isLive, machines, nameOf, shortPath } from '../state/fleet.js';
import { stateWord } from '../state/marks.js';
import { Mark } from '../ui/mark.js';
import { Resume } from './ended.js';
import { Adopt, SharedBadge } from './handoff.js';
import { NeedCard } from './need.js';
import { watch } from './preview.js';

/** @typedef {import('../wire/messages.js').SessionView} SessionView */

const LINES = 9;

/** One session at a glance: what it is, how it is, its last lines. @param {{session: SessionView}} props */
export function Tile({ session }) {
  const machine = machines.value.get(session.machine);
  return html`<article class="tile ${session.needs ? 'tile-needs' : ''}" data-state=${session.state}>
    <header>
      <${Mark} session=${session} silent />
      <a class="tile-name" href="/sessions/${session.id}">${nameOf(session)}</a>
      <${SharedBadge} session=${session} />
      <span class="tile-state">${stateWord(session)}</span>
      <${Adopt} session=${session} />
      <${Resume} session=${session} />
    </header>
    ${session.needs ? html`<${NeedCard} session=${session} />` : html`<${LastLines} session=${session} />`}
    <footer><span>${machine?.name ?? 'Unknown machine'}</span><span class="tile-path">${shortPath(session.workdir, machine?.home)}</span>
      <time>${span(session.ended_at ?? session.started_at, now.value)}</time></footer>
  </article>`;
}

/** Real terminal text, while it can be seen. @param {{session: SessionView}} props */
function LastLines({ session }) {
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [lines, setLines] = useState(/** @type {import('./preview.js').Run[][] | undefined} */ (undefined));
  const [seen, setSeen] = useState(false);
  const wire = connection.value;
  const watchable = isLive(session);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setSeen(entry?.isIntersecting === true && document.visibilityState === 'visible'), { rootMargin: '100px' });
    const shown = () => setSeen(document.visibilityState === 'visible' && element.current !== null && inView(element.current));
    if (element.current) observer.observe(element.current);
    document.addEventListener('visibilitychange', shown);
    return () => {
      observer.disconnect();
      document.removeEventListener('visibilitychange', shown);
    };
  }, []);
  useEffect(() => {
    if (!seen || !wire || !watchable) return undefined;
    return watch({ connection: wire, session, lines: LINES, draw: setLines });
  }, [seen, wire, watchable, session.id]);
  return html`<div class="tile-lines" ref=${element} aria-hidden="true">
    ${lines ? lines.map((runs) => html`<div>${runs.map((run) => html`<span class="${run.colour} ${run.bold ? 'bold' : ''} ${run.dim ? 'dim' : ''}">${run.text}</span>`)}${runs.length === 0 ? ' ' : ''}</div>`)
      : html`<div class="tile-command">${[session.command, ...(session.args ?? [])].join(' ')}</div>`}
  </div>`;
}

/** @param {Element} element */
function inView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}
