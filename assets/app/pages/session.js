import { html, useEffect, useRef, useState } from '../html.js';
import { connection } from '../state/account.js';
import { fleetKnown, isLive, sessions } from '../state/fleet.js';
import { look } from '../state/prefs.js';
import { rememberRecent } from '../state/prefs.js';
import { Bar } from '../session/bar.js';
import { Find } from '../session/find.js';
import { NeedCard } from '../session/need.js';
import { PhoneKeys } from '../session/phone_keys.js';
import { Strip } from '../session/strip.js';
import { rememberSize } from '../session/size.js';
import { coarse } from '../terminal/layout.js';
import { LINK_KEY } from '../terminal/links.js';
import { mountTerminal } from '../terminal/mount.js';
import { copyText } from '../ui/copy.js';
import { Waiting } from '../ui/controls.js';
import { belongsToPage, onShortcut } from '../ui/shortcuts.js';
import { say } from '../ui/toast.js';
import { installCopyKeys } from '../session/copy_keys.js';
import { NotFound } from './not_found.js';

/** @typedef {import('../terminal/mount.js').MountedTerminal} MountedTerminal */
/** @typedef {import('../terminal/mount.js').LineState} LineState */
/** @typedef {import('../terminal/mount.js').Control} Control */
/** @typedef {import('../terminal/layout.js').Sizing} Sizing */

/** One session and its terminal. @param {{id: string}} props */
export function Session({ id }) {
  const session = sessions.value.get(id);
  useEffect(() => { if (session) rememberRecent(`/sessions/${id}`); }, [id, session !== undefined]);
  if (session) return html`<${Opened} key=${id} session=${session} />`;
  if (fleetKnown.value) return html`<${NotFound} what="session" />`;
  return html`<main class="page"><${Waiting} words="Opening the session…" /></main>`;
}

/** Words for input that will never arrive. @type {Record<Exclude<import('../terminal/mount.js').Dropped, 'not_controller'>, string>} */
const DROPPED = {
  late: 'What you typed could not be delivered within 15 seconds and was dropped. Type it again when the terminal is live.',
  ended: 'What you typed was not delivered: the program has ended.',
  too_long: 'That is more than a terminal can take at once (4 MB). Nothing was pasted.',
};

/** @param {{session: import('../wire/messages.js').SessionView}} props */
function Opened({ session }) {
  const area = useRef(/** @type {HTMLDivElement | null} */ (null));
  const terminal = useRef(/** @type {MountedTerminal | undefined} */ (undefined));
  const [line, setLine] = useState(/** @type {{state: LineState, message?: string}} */ ({ state: 'waiting' }));
  const [control, setControl] = useState(/** @type {Control | undefined} */ (undefined));
  const [painted, setPainted] = useState(false);
  const [refused, setRefused] = useState(0);
  const [link, setLink] = useState(/** @type {string | undefined} */ (undefined));
  const [found, setFound] = useState({ index: -1, count: 0 });
  const [finding, setFinding] = useState(false);
  const [sizing, setSizing] = useState(/** @type {Sizing} */ (coarse() ? 'keep' : 'fit'));
  const wire = connection.value;

  useEffect(() => {
    if (!area.current || !wire) return undefined;
    const mounted = mountTerminal(area.current, {
      connection: wire, session, look: look.value, sizing, belongsToPage,
      on: {
        state: (state, problem) => setLine({ state, ...(problem && { message: problem.message }) }),
        control(next) {
          setControl(next);
          if (next.you) rememberSize(next);
        },
        painted: () => setPainted(true),
        refused: () => setRefused((count) => count + 1),
        dropped: (_bytes, why) => say(DROPPED[why]),
        async copy(text) {
          if (!(await copyText(text))) say('The program wants to copy text.', { label: 'Copy', run: () => void copyText(text) });
        },
        copyRefused: (why) => say(why),
        link: setLink,
        found: setFound,
      },
    });
    terminal.current = mounted;
    if (!coarse()) mounted.focus();
    const owned = [
      look.subscribe((next) => mounted.setLook(next)),
      onShortcut('find', () => setFinding(true)),
      onShortcut('leave', () => /** @type {HTMLElement | null} */ (document.querySelector('.rail-session[aria-current]') ?? document.querySelector('.bar a'))?.focus()),
      installCopyKeys(area.current, mounted),
    ];
    return () => {
      owned.forEach((dispose) => dispose());
      mounted.dispose();
      terminal.current = undefined;
    };
  }, [wire]);

  const focus = () => terminal.current?.focus();
  const take = () => { terminal.current?.takeControl(); focus(); };
  const size = (/** @type {Sizing} */ next) => {
    setSizing(next);
    terminal.current?.setSizing(next);
    // The size is the controller's: whoever wants it to be theirs takes the keyboard with it.
    if (next === 'fit' && control && !control.you && control.may_type !== false) terminal.current?.takeControl();
    focus();
  };
  const frozen = line.state === 'waiting' || line.state === 'frozen' || (line.state === 'attaching' && painted);
  return html`<main class="session">
    <${Bar} session=${session} control=${control} sizing=${sizing} setSizing=${size} take=${take} find=${() => setFinding(true)} />
    ${session.needs?.answerable ? html`<${NeedCard} key=${session.needs.id} session=${session} />` : null}
    <div class="stage ${frozen ? 'stage-frozen' : ''}" data-testid="stage" data-line=${line.state} data-control=${control ? String(control.you) : ''}>
      <div class="screen-area" ref=${area} onClick=${focus}></div>
      <${Strip} session=${session} line=${line} control=${control} refused=${refused} take=${take} painted=${painted} />
      ${finding ? html`<${Find} found=${found} find=${(/** @type {string} */ text, /** @type {'next' | 'previous'} */ way, /** @type {boolean} */ typing) => terminal.current?.find(text, way, typing)}
        close=${() => { setFinding(false); terminal.current?.endFind(); focus(); }} />` : null}
      ${link ? html`<div class="link-hint">${link}<span class="muted"> · ${LINK_KEY} click to open</span></div>` : null}
      ${painted || line.state === 'refused' || line.state === 'ended' ? null : html`<div class="stage-wait"><${Waiting} words="Opening the terminal…" /></div>`}
    </div>
    <${PhoneKeys} terminal=${terminal} disabled=${!control?.you || !isLive(session)} />
  </main>`;
}
