/** The REST API. Every failure is an {@link ApiProblem} with one sentence that can be shown as it is. */
import { Backoff } from '../wire/backoff.js';
import { toHex } from '../wire/frame.js';

export class ApiProblem extends Error {
  /** @param {number} status zero when no answer came @param {string} code @param {string} message @param {number} [retryAfter] seconds */
  constructor(status, code, message, retryAfter) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Whether what was asked for may have been done all the same. */
  get unknown() {
    return this.code === 'outcome_unknown' || this.code === 'unanswered';
  }
}

/** An answer that takes longer is not coming, in milliseconds. Starting a session on a slow machine is the longest. */
const ANSWER_WITHIN = 30_000;
/** A start without an answer is asked for again, as the same start, for this long, in milliseconds. */
const ASKED_AGAIN_FOR = 30_000;

/**
 * @param {'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'} method
 * @param {string} path below /api/v1
 * @param {object} [body]
 * @param {string} [once]  which request this is, for a server that must carry out its repeats once
 * @returns {Promise<any>} the answer's JSON, undefined when it has none
 */
async function call(method, path, body, once) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...(once && { 'idempotency-key': once }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
  } catch {
    throw noAnswer(method);
  }
  const text = await response.text().catch(() => { throw noAnswer(method); });
  const json = parsed(text);
  if (response.ok) return json;
  const retryAfter = Number(response.headers.get('retry-after')) || undefined;
  throw new ApiProblem(response.status, json?.code ?? 'internal', json?.detail ?? `The server answered with status ${response.status}.`, retryAfter);
}

/** @param {string} method */
function noAnswer(method) {
  return method === 'GET'
    ? new ApiProblem(0, 'unreachable', 'The server cannot be reached. Check that it runs and try again.')
    : new ApiProblem(0, 'unanswered', 'The server was asked and has not answered: it may have been done or not. What is true shows here when the page is live again.');
}

/** @returns {string} names one request and its repeats */
export function newKey() {
  return toHex(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * Asks again while no answer comes: safe for what happens once under its key, however often it is asked for.
 * @param {() => Promise<any>} ask
 */
async function untilAnswered(ask) {
  const backoff = new Backoff();
  const until = performance.now() + ASKED_AGAIN_FOR;
  let unanswered = false;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const problem = asProblem(error);
      unanswered ||= problem.code === 'unanswered';
      // A server that was restarted knows of the start, but not what became of it before its machine is back, too.
      const passes = problem.code === 'unanswered' || problem.status === 502 || problem.status === 503 || (unanswered && problem.unknown);
      if (!passes || performance.now() > until) throw problem;
      await new Promise((resolve) => { setTimeout(resolve, 100 + backoff.next()); });
    }
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @typedef {import('../wire/messages.js').SessionView} SessionView */
/** @typedef {import('../wire/messages.js').Launch} Launch */
/** @typedef {{user: {id: string, name: string, email: string | null, has_password?: boolean}, organisation: {id: string, name: string}, role: string, organisations: {id: string, name: string, role: string}[], second_factor: {on: boolean, recovery_codes_left: number}, build: string, public_url: string}} Me */
/** @typedef {{id: string, name: string, prefix: string, scopes: string[], created_by: string, created_at: number, expires_at: number | null, last_used_at: number | null, last_used_from: string | null}} ApiKey */
/** @typedef {{id: string, name: string, email: string | null, role: string, since: number, deactivated_at: number | null, second_factor: boolean}} Member */
/** @typedef {{id: string, role: string, email: string | null, created_by: string, created_at: number, expires_at: number}} Invitation */
/** @typedef {{organisation: string, invited_by: string, role: string, email: string | null, expires_at: number}} OpenedInvitation */
/** @typedef {{id: string, current: boolean, created_at: number, last_seen: number, address: string | null, user_agent: string | null}} Browser */
/** @typedef {{allowed: string[], yours: string}} Addresses */
/** @typedef {'sound' | 'desktop' | 'push'} Channel */
/** @typedef {{events: Record<string, Channel[]>, reach: 'mine' | 'all', quiet: {from: string, to: string, zone: string} | null, with_text: boolean}} Preferences */
/** @typedef {Preferences & {usual: Record<string, Channel[]>, push_key: string, pushes: {id: string, current: boolean, created_at: number, user_agent: string | null}[]}} Notifications */
/** @typedef {{id: string, name: string, url: string, shape: 'plain' | 'slack' | 'discord' | 'ntfy', events: string[], with_text: boolean, created_at: number, failing_since: number | null, off_since: number | null}} Webhook */
/** @typedef {{id: string, kind: string, body: string, created_at: number, tries: {at: number, status?: number, error?: string, took: number}[], next_at: number | null, delivered: boolean}} Delivery */
/** @typedef {{name: string, url: string, shape: string, events: string[], with_text: boolean}} WebhookWanted */
/** @typedef {{action?: string, user?: string, outcome?: string, since?: number, until?: number, cursor?: number}} AuditFilter */
/** @typedef {{seq: number, at: number, action: string, outcome: string, who: {user?: string, name?: string, key?: string, machine?: string, server?: boolean}, on?: string, from?: string, facts?: Record<string, string>}} AuditEntry */

export const api = {
  /** @returns {Promise<Me>} */
  me: () => call('GET', '/me'),
  /** @returns {Promise<{needed: boolean}>} */
  setupStatus: () => call('GET', '/setup/status'),
  /** @param {{token: string, email: string, name: string, password: string, organisation: string}} owner */
  setup: (owner) => call('POST', '/setup', owner),
  /** @param {string} email @param {string} password @param {string} [code] of the second factor */
  signIn: (email, password, code) => call('POST', '/sign-in', { email, password, ...(code && { code }) }),
  /** @param {string} token */
  signInByLink: (token) => call('POST', '/sign-in/link', { token }),
  signOut: () => call('POST', '/sign-out'),
  /** @param {{current?: string, new: string}} change */
  setPassword: (change) => call('POST', '/me/password', change),
  /** @returns {Promise<{keys: ApiKey[]}>} */
  keys: () => call('GET', '/keys'),
  /** @param {{name: string, scopes?: string[], expires_at?: number}} key @returns {Promise<ApiKey & {key: string}>} */
  createKey: (key) => call('POST', '/keys', key),
  /** @param {string} id @returns {Promise<ApiKey & {key: string}>} */
  rotateKey: (id) => call('POST', `/keys/${id}/rotate`, {}),
  /** @param {string} id */
  revokeKey: (id) => call('DELETE', `/keys/${id}`),
  /** @param {string} machine @param {Launch} launch @param {string} key of {@link newKey}: the same for the same wish @returns {Promise<SessionView>} */
  start: (machine, launch, key) => untilAnswered(() => call('POST', `/machines/${machine}/sessions`, launch, key)),
  /** @param {string} session @param {{cols: number, rows: number}} size @param {string} key as for a start @returns {Promise<SessionView>} */
  resume: (session, size, key) => untilAnswered(() => call('POST', `/sessions/${session}/resume`, size, key)),
  /** @param {string} session @param {boolean} force */
  stop: (session, force) => call('POST', `/sessions/${session}/stop`, { force }),
  /** @param {string} session @param {number} need @param {'allow' | 'allow_always' | 'deny'} answer @param {string} message  for a refusal */
  answer: (session, need, answer, message) => call('POST', `/sessions/${session}/answer`, { need, answer, ...(answer === 'deny' && { message }) }),
  /** @param {string} session */
  forgetSession: (session) => call('DELETE', `/sessions/${session}`),
  /** @param {string} session @param {boolean} shared @returns {Promise<SessionView>} */
  share: (session, shared) => call('PUT', `/sessions/${session}/sharing`, { with: shared ? 'organisation' : 'private' }),
  /** Offers it to one member alone. @param {string} session @param {string} to @returns {Promise<SessionView>} */
  offer: (session, to) => call('PUT', `/sessions/${session}/sharing`, { with: 'organisation', to }),
  /** Asks whoever has the keyboard for it. @param {string} session @param {boolean} withdraw @returns {Promise<void>} */
  askControl: (session, withdraw) => call('POST', `/sessions/${session}/ask`, { withdraw }),
  /** @param {string} session @param {string} to who asked @param {boolean} grant @returns {Promise<SessionView | null>} */
  answerAsk: (session, to, grant) => call('POST', `/sessions/${session}/ask/answer`, { to, grant }),
  /** @param {string} session @returns {Promise<SessionView>} */
  adopt: (session) => call('POST', `/sessions/${session}/adopt`, {}),
  /** @param {string} session @param {{note?: string, verdict?: 'approved' | 'refused'}} said */
  giveBack: (session, said) => call('POST', `/sessions/${session}/return`, said),
  /** @param {string} machine @param {{name?: string, tags?: string[], sharing?: 'nobody' | 'see' | 'start'}} edit */
  editMachine: (machine, edit) => call('PATCH', `/machines/${machine}`, edit),
  /** @returns {Promise<{browsers: Browser[]}>} */
  browsers: () => call('GET', '/me/browsers'),
  /** @param {string} id */
  endBrowser: (id) => call('DELETE', `/me/browsers/${id}`),
  /** @param {string} password @returns {Promise<{secret: string, uri: string, qr: {size: number, path: string}}>} */
  beginSecondFactor: (password) => call('POST', '/me/second-factor', { password }),
  /** @param {string} code @returns {Promise<{recovery_codes: string[]}>} */
  confirmSecondFactor: (code) => call('POST', '/me/second-factor/confirm', { code }),
  /** @param {string} password */
  removeSecondFactor: (password) => call('POST', '/me/second-factor/remove', { password }),
  /** @param {string} organisation @returns {Promise<Me>} */
  switchOrganisation: (organisation) => call('POST', '/me/organisation', { organisation }),
  leaveOrganisation: () => call('POST', '/me/leave', {}),
  /** @param {string} name */
  renameOrganisation: (name) => call('PATCH', '/organisation', { name }),
  /** @returns {Promise<Addresses>} */
  addresses: () => call('GET', '/organisation/addresses'),
  /** @param {string[]} allowed @param {boolean} lockMeOut @returns {Promise<Addresses>} */
  setAddresses: (allowed, lockMeOut) => call('PUT', '/organisation/addresses', { allowed, lock_me_out: lockMeOut }),
  /** @param {AuditFilter} filter @returns {Promise<{entries: AuditEntry[], next?: number}>} */
  audit: (filter) => call('GET', `/audit?${new URLSearchParams(Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])))}`),
  /** @returns {Promise<{keep_days: number}>} */
  auditSettings: () => call('GET', '/audit/settings'),
  /** @param {number} days @returns {Promise<{keep_days: number}>} */
  setAuditSettings: (days) => call('PUT', '/audit/settings', { keep_days: days }),
  /** @param {string} name @returns {Promise<Me>} */
  foundOrganisation: (name) => call('POST', '/organisations', { name }),
  /** @param {string} to */
  handOver: (to) => call('POST', '/organisation/owner', { to }),
  /** @returns {Promise<{members: Member[]}>} */
  members: () => call('GET', '/members'),
  /** @param {string} id @param {string} role */
  setRole: (id, role) => call('PATCH', `/members/${id}`, { role }),
  /** @param {string} id */
  deactivate: (id) => call('POST', `/members/${id}/deactivate`, {}),
  /** @param {string} id */
  reactivate: (id) => call('POST', `/members/${id}/reactivate`, {}),
  /** @param {string} id */
  removeMember: (id) => call('DELETE', `/members/${id}`),
  /** @param {string} id @returns {Promise<{url: string, expires_at: number}>} */
  resetLink: (id) => call('POST', `/members/${id}/reset-link`, {}),
  /** @returns {Promise<{invitations: Invitation[]}>} */
  invitations: () => call('GET', '/invitations'),
  /** @param {{role: string, email?: string}} invite @returns {Promise<Invitation & {url: string}>} */
  invite: (invite) => call('POST', '/invitations', invite),
  /** @param {string} id */
  revokeInvitation: (id) => call('DELETE', `/invitations/${id}`),
  /** @param {string} token @returns {Promise<OpenedInvitation>} */
  lookAtInvitation: (token) => call('POST', '/invitations/look', { token }),
  /** @param {{token: string, name: string, email: string, password: string}} joining */
  acceptInvitation: (joining) => call('POST', '/invitations/accept', joining),
  /** @param {string} token */
  acceptAsMe: (token) => call('POST', '/me/invitations', { token }),
  /** @param {string} token @returns {Promise<{name: string, email: string | null}>} */
  lookAtReset: (token) => call('POST', '/reset-password/look', { token }),
  /** @param {string} token @param {string} password */
  resetPassword: (token, password) => call('POST', '/reset-password', { token, password }),
  /** @returns {Promise<Notifications>} */
  notifications: () => call('GET', '/me/notifications'),
  /** @param {Preferences} wants @returns {Promise<Notifications>} */
  setNotifications: (wants) => call('PUT', '/me/notifications', wants),
  /** @param {PushSubscriptionJSON} subscription @returns {Promise<{id: string}>} */
  subscribe: (subscription) => call('POST', '/me/pushes', subscription),
  /** @param {string} id */
  unsubscribe: (id) => call('DELETE', `/me/pushes/${id}`),
  /** @param {string} id */
  testPush: (id) => call('POST', `/me/pushes/${id}/test`, {}),
  /** @returns {Promise<{webhooks: Webhook[]}>} */
  webhooks: () => call('GET', '/webhooks'),
  /** @param {WebhookWanted} wanted @returns {Promise<Webhook & {secret: string}>} */
  createWebhook: (wanted) => call('POST', '/webhooks', wanted),
  /** @param {string} id @param {Partial<WebhookWanted> & {on?: boolean}} change @returns {Promise<Webhook>} */
  changeWebhook: (id, change) => call('PATCH', `/webhooks/${id}`, change),
  /** @param {string} id */
  removeWebhook: (id) => call('DELETE', `/webhooks/${id}`),
  /** @param {string} id @returns {Promise<Webhook & {secret: string}>} */
  renewWebhookSecret: (id) => call('POST', `/webhooks/${id}/secret`, {}),
  /** @param {string} id @returns {Promise<Delivery>} */
  testWebhook: (id) => call('POST', `/webhooks/${id}/test`, {}),
  /** @param {string} id @param {number} limit @returns {Promise<{deliveries: Delivery[]}>} */
  deliveries: (id, limit) => call('GET', `/webhooks/${id}/deliveries?limit=${limit}`),
  /** @param {string} id @param {string} delivery @returns {Promise<Delivery>} */
  redeliver: (id, delivery) => call('POST', `/webhooks/${id}/redeliver`, { delivery }),
  /** @returns {Promise<import('./updates.js').Updates>} */
  updates: () => call('GET', '/updates'),
  /** @returns {Promise<import('./updates.js').Updates>} */
  updateAll: () => call('POST', '/updates'),
  /** @returns {Promise<import('./updates.js').Updates>} */
  stopUpdates: () => call('DELETE', '/updates'),
  /** @param {string} machine @returns {Promise<import('../wire/messages.js').MachineView>} */
  updateMachine: (machine) => call('POST', `/machines/${machine}/update`, {}),
  /** @param {string} machine */
  removeMachine: (machine) => call('DELETE', `/machines/${machine}`),
};

/** @param {unknown} error @returns {ApiProblem} */
export function asProblem(error) {
  if (error instanceof ApiProblem) return error;
  console.error(error);
  return new ApiProblem(0, 'internal', 'Something went wrong on this page. Reload it and try again.');
}
