import { html } from '../html.js';
import { connection, connectionState } from '../state/account.js';
import { now } from '../state/clock.js';
import { RECONNECT_DELAY_MAX } from '../wire/bounds.js';

/** @typedef {import('../wire/socket.js').ConnectionState} ConnectionState */

/** @param {ConnectionState} state @param {number} at @returns {string} what is known of the connection, in a few words */
export function connectionWords(state, at) {
  switch (state.kind) {
    case 'live': return 'Live';
    case 'connecting': return 'Connecting…';
    case 'waiting': {
      // Whatever is done to the computer's clock, a try is never further away than this.
      const seconds = Math.min(RECONNECT_DELAY_MAX / 1_000, Math.max(0, Math.ceil((state.until - at) / 1_000)));
      return seconds > 0 ? `Next try in ${seconds} s` : 'Connecting…';
    }
    case 'signed-out': return 'Signed out';
    case 'gone': return 'Disconnected';
  }
}

/** The foot of the rail: whether what the page shows is live. */
export function ConnectionState() {
  const state = connectionState.value;
  const trip = state.kind === 'live' && state.roundTrip !== null ? `${state.roundTrip < 10 ? state.roundTrip.toFixed(1) : Math.round(state.roundTrip)} ms` : '';
  return html`<div class="connection" data-testid="connection" data-state=${state.kind}>
    <span class="presence ${state.kind === 'live' ? 'online' : 'offline'}" aria-hidden="true"></span>
    <span aria-hidden="true">${connectionWords(state, now.value)}</span>
    <span class="off-screen" role="status">${state.kind === 'live' ? 'Live' : state.kind === 'connecting' ? '' : 'Not live'}</span>
    <span class="connection-trip" title="Round trip to the server">${trip}</span>
  </div>`;
}

/** A strip across pages without a terminal: what they show is not live. */
export function OfflineStrip() {
  const state = connectionState.value;
  if (state.kind !== 'waiting' && state.kind !== 'gone') return null;
  return html`<div class="strip strip-page" role="status">
    <span><strong>Not live.</strong> ${sentence(state.reason)} What you see may have changed since.</span>
    ${state.kind === 'gone'
      ? html`<button type="button" class="button button-plain" onClick=${() => location.reload()}>Reload</button>`
      : html`<span class="strip-quiet" aria-hidden="true">${connectionWords(state, now.value)}</span>
        <button type="button" class="button button-plain" onClick=${() => connection.value?.tryNow()}>Try now</button>`}
  </div>`;
}

/** @param {string} clause @returns {string} */
export function sentence(clause) {
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
}
