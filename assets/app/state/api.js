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
 * @param {'GET' | 'POST' | 'DELETE'} method
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
  throw new ApiProblem(response.status, json?.code ?? 'internal', json?.message ?? `The server answered with status ${response.status}.`, retryAfter);
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
/** @typedef {{user: {id: string, name: string, email: string | null, has_password?: boolean}, organisation: {id: string, name: string}, role: string, build: string, public_url: string}} Me */
/** @typedef {{id: string, name: string, prefix: string, created_at: number, last_used_at: number | null}} ApiKey */

export const api = {
  /** @returns {Promise<Me>} */
  me: () => call('GET', '/me'),
  /** @returns {Promise<{needed: boolean}>} */
  setupStatus: () => call('GET', '/setup/status'),
  /** @param {{token: string, email: string, name: string, password: string, organisation: string}} owner */
  setup: (owner) => call('POST', '/setup', owner),
  /** @param {string} email @param {string} password */
  signIn: (email, password) => call('POST', '/sign-in', { email, password }),
  /** @param {string} token */
  signInByLink: (token) => call('POST', '/sign-in/link', { token }),
  signOut: () => call('POST', '/sign-out'),
  /** @param {{current?: string, new: string}} change */
  setPassword: (change) => call('POST', '/me/password', change),
  /** @returns {Promise<{keys: ApiKey[]}>} */
  keys: () => call('GET', '/keys'),
  /** @param {string} name @returns {Promise<ApiKey & {key: string}>} */
  createKey: (name) => call('POST', '/keys', { name }),
  /** @param {string} id */
  revokeKey: (id) => call('DELETE', `/keys/${id}`),
  /** @param {string} machine @param {Launch} launch @param {string} key of {@link newKey}: the same for the same wish @returns {Promise<SessionView>} */
  start: (machine, launch, key) => untilAnswered(() => call('POST', `/machines/${machine}/sessions`, launch, key)),
  /** @param {string} session @param {boolean} force */
  stop: (session, force) => call('POST', `/sessions/${session}/stop`, { force }),
  /** @param {string} session */
  forgetSession: (session) => call('DELETE', `/sessions/${session}`),
  /** @param {string} machine */
  removeMachine: (machine) => call('DELETE', `/machines/${machine}`),
};

/** @param {unknown} error @returns {ApiProblem} */
export function asProblem(error) {
  if (error instanceof ApiProblem) return error;
  console.error(error);
  return new ApiProblem(0, 'internal', 'Something went wrong on this page. Reload it and try again.');
}
