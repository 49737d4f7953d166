import { html, useEffect, useRef, useState } from '../html.js';
import { connection, connectionState } from '../state/account.js';
import { ago, now } from '../state/clock.js';
import { machines } from '../state/fleet.js';
import { connectionWords, sentence } from '../shell/connection.js';
import { Button } from '../ui/controls.js';
import { Ended } from './ended.js';
import { HandoffStrip } from './handoff.js';
import { AskStrip, askForKeyboard, mayAsk, whoTypes } from './presence.js';

/** "Reconnected" is shown for this long, in milliseconds. */
const GOOD_NEWS_FOR = 2_500;
/** The offer to take control stays this long after a key that went nowhere, in milliseconds. */
const NUDGE_FOR = 8_000;

/**
 * The strip over a terminal, only when there is something to say. What passes lies over the first line, so that nothing
 * jumps; what stays has room of its own, so that nothing is hidden.
 * @param {object} props
 * @param {import('../wire/messages.js').SessionView} props.session
 * @param {{state: import('../wire/line.js').LineState, message?: string}} props.line
 * @param {import('../wire/messages.js').Control | undefined} props.control
 * @param {number} props.refused  how often somebody typed without control
 * @param {boolean} props.painted
 * @param {() => void} props.take
 */
export function Strip({ session, line, control, refused, painted, take }) {
  const machine = machines.value.get(session.machine);
  const back = useComeback(line.state, painted);
  const nudged = useNudge(refused);
  const connectionNow = connectionState.value;
  const notLive = connectionNow.kind === 'waiting' || connectionNow.kind === 'connecting';

  if (line.state === 'refused') {
    return html`<div class="strip strip-bad" role="alert"><span><strong>Not opened.</strong> ${line.message}</span><a class="button button-plain" href="/">All sessions</a></div>`;
  }
  if (connectionNow.kind === 'gone') {
    return html`<div class="strip strip-bad" role="alert"><span><strong>Not live.</strong> ${sentence(connectionNow.reason)} The program goes on.</span>
      <${Button} onClick=${() => location.reload()}>Reload<//></div>`;
  }
  if (line.state === 'waiting' && notLive && painted) {
    return html`<div class="strip" role="status"><span class="half-ring" aria-hidden="true"></span>
      <span><strong>Frozen.</strong> ${connectionNow.kind === 'waiting' ? sentence(connectionNow.reason) : ''} The program goes on; keys are kept for 15 s.</span>
      <span class="strip-quiet" aria-hidden="true">${connectionWords(connectionNow, now.value)}</span>
      <${Button} onClick=${() => connection.value?.tryNow()}>Try now<//></div>`;
  }
  if (line.state === 'frozen') {
    return html`<div class="strip strip-stays" role="status"><span><strong>Frozen.</strong> ${machine && !machine.online
      ? html`${machine.name} is offline, last seen ${ago(machine.last_seen, now.value)}. This is its last screen; it goes on by itself when the machine is back. Keys are kept for 15 s. <a href="/help/troubleshooting#a-machine-is-offline">What to look at</a>`
      : line.message ?? 'The way to the program is broken. It goes on by itself when it is mended.'}</span></div>`;
  }
  if (session.state === 'exited' || session.state === 'lost' || line.state === 'ended') {
    return html`<${Ended} session=${session} />`;
  }
  if (back) return html`<div class="strip strip-good" role="status"><strong>Reconnected.</strong></div>`;
  if (line.state === 'live') {
    const asks = AskStrip({ session });
    if (asks) return asks;
  }
  if (session.handoff && line.state === 'live') {
    const handed = HandoffStrip({ session, nudged });
    if (handed) return handed;
  }
  if (nudged && control && control.may_type === false && line.state === 'live') {
    return html`<div class="strip strip-nudge" key="looking-${refused}" role="status"><span><strong>Not typed: you may watch this session, not type.</strong> ${session.handoff?.adopted_by ? `${session.handoff.adopted_by.name} has adopted it.` : `${session.owner?.name ?? 'Its owner'} has to share it with you first.`}</span>
      ${mayAsk(session) ? html`<${Button} kind="primary" onClick=${() => void askForKeyboard(session)}>Ask for the keyboard<//>` : null}</div>`;
  }
  if (nudged && control && !control.you && line.state === 'live') {
    return html`<div class="strip strip-nudge" key="watching-${refused}" role="status">
      <span><strong>Not typed: you are watching.</strong> ${whoTypes(control)}</span>
      <${Button} kind="primary" onClick=${take}>Take control<//></div>`;
  }
  return null;
}

/** @param {number} refused @returns {boolean} whether somebody has just typed in vain */
function useNudge(refused) {
  const [nudged, setNudged] = useState(false);
  useEffect(() => {
    if (refused === 0) return undefined;
    setNudged(true);
    const timer = setTimeout(() => setNudged(false), NUDGE_FOR);
    return () => clearTimeout(timer);
  }, [refused]);
  return nudged;
}

/** @param {import('../wire/line.js').LineState} state @param {boolean} painted @returns {boolean} whether the line has just come back */
function useComeback(state, painted) {
  const broken = useRef(false);
  const [back, setBack] = useState(false);
  useEffect(() => {
    if (painted && (state === 'waiting' || state === 'frozen')) broken.current = true;
    if (state !== 'live' || !broken.current) return undefined;
    broken.current = false;
    setBack(true);
    const timer = setTimeout(() => setBack(false), GOOD_NEWS_FOR);
    return () => {
      clearTimeout(timer);
      setBack(false);
    };
  }, [state, painted]);
  return back;
}
