import { html, useEffect, useRef, useState } from '../html.js';
import { api, asProblem } from '../state/api.js';
import { ago, dateTime, now } from '../state/clock.js';
import { Button, Notice, Waiting } from '../ui/controls.js';
import { say } from '../ui/toast.js';

/** @typedef {import('../state/api.js').Delivery} Delivery */

/** Looked at anew this often while it is open, in milliseconds: what was sent is answered within ten seconds. */
const LOOK_EVERY = 2_000;
const SHOWN_MAX = 20;

/** What was sent to a webhook, or waits to be. @param {{hook: string, changed: () => void}} props */
export function Deliveries({ hook, changed }) {
  const [all, setAll] = useState(/** @type {Delivery[] | undefined} */ (undefined));
  const [problem, setProblem] = useState('');
  const known = useRef('');
  const show = (/** @type {Delivery[]} */ deliveries) => {
    setAll(deliveries);
    setProblem('');
    const states = JSON.stringify(deliveries.map((it) => [it.id, it.tries.length, it.delivered]));
    // What became of a message says how the webhook is.
    if (known.current !== '' && known.current !== states) changed();
    known.current = states;
  };
  const load = () => void api.deliveries(hook, SHOWN_MAX).then((it) => show(it.deliveries), (error) => setProblem(asProblem(error).message));
  useEffect(() => {
    load();
    const timer = setInterval(load, LOOK_EVERY);
    return () => clearInterval(timer);
  }, [hook]);
  const again = async (/** @type {string} */ id) => {
    try {
      await api.redeliver(hook, id);
      load();
    } catch (error) {
      say(`Not sent: ${asProblem(error).message}`);
    }
  };
  if (problem) return html`<div class="hook-log"><${Notice} title="The log could not be loaded">${problem}<//></div>`;
  if (!all) return html`<div class="hook-log"><${Waiting} words="Loading the log…" /></div>`;
  if (all.length === 0) return html`<div class="hook-log muted">Nothing was sent yet.</div>`;
  return html`<ul class="hook-log" aria-label="Log">${all.map((it) => html`<li key=${it.id}><details><summary><span class="delivery-state ${it.delivered ? 'delivered' : it.next_at ? '' : 'given-up'}">${stateOf(it)}</span>
      <span class="delivery-kind">${it.kind}</span><time class="muted" title=${dateTime(it.created_at)}>${ago(it.created_at, now.value)}</time></summary>
    <dl class="facts"><div><dt>webhook-id</dt><dd class="mono">${it.id}</dd></div>${it.tries.map((one, number) => html`<div><dt>Try ${number + 1}, ${dateTime(one.at)}</dt><dd>${one.error ?? `HTTP ${one.status}`} · ${one.took} ms</dd></div>`)}</dl>
    <pre class="delivery-body">${it.body}</pre></details>
    <${Button} onClick=${() => again(it.id)} aria-label="Send ${it.id} again">Send again<//></li>`)}</ul>`;
}

/** @param {Delivery} it */
function stateOf(it) {
  if (it.delivered) return 'Delivered';
  if (it.next_at === null) return 'Given up';
  if (it.tries.length === 0) return 'On its way';
  return `Again in ${Math.max(1, Math.round((it.next_at - now.value) / 60_000))} min`;
}
