import { html, useState } from '../html.js';
import { Button } from '../ui/controls.js';

/** @typedef {{from: string, to: string, zone: string}} Quiet */

/** Where this browser is. */
const here = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
/** Its own list lacks what is not a place. */
const zones = () => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((it) => it !== 'UTC')];

/** @param {{quiet: Quiet | null | undefined, set: (quiet: Quiet | null) => void}} props */
export function QuietHours({ quiet, set }) {
  const [draft, setDraft] = useState(quiet ?? { from: '22:00', to: '07:00', zone: here() });
  const changed = quiet && (draft.from !== quiet.from || draft.to !== quiet.to || draft.zone !== quiet.zone);
  const field = (/** @type {keyof Quiet} */ name) => (/** @type {Event} */ event) => setDraft({ ...draft, [name]: /** @type {HTMLInputElement} */ (event.target).value });
  const listed = zones();
  return html`<label class="check"><input type="checkbox" checked=${Boolean(quiet)} onChange=${() => set(quiet ? null : draft)} /> Leave me alone every day for some hours</label>
    ${quiet ? html`<form class="quiet-hours" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); set(draft); }}>
      <div class="field"><label for="quiet-from">From</label><input id="quiet-from" type="time" required value=${draft.from} onInput=${field('from')} /></div>
      <div class="field"><label for="quiet-to">To</label><input id="quiet-to" type="time" required value=${draft.to} onInput=${field('to')} /></div>
      <div class="field quiet-zone"><label for="quiet-zone">By the clock of</label><select id="quiet-zone" value=${draft.zone} onChange=${field('zone')}>
        ${(listed.includes(draft.zone) ? listed : [draft.zone, ...listed]).map((zone) => html`<option value=${zone}>${zone.replaceAll('_', ' ')}</option>`)}</select></div>
      ${changed ? html`<${Button} type="submit">Set<//>` : null}</form>` : null}
    <p class="field-hint">No sound, no desktop notification and no push message then; the list on the page goes on.</p>`;
}
