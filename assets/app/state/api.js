/** The REST API. Every failure is an {@link ApiProblem} with one sentence that can be shown as it is. */

export class ApiProblem extends Error {
  /** @param {number} status zero when no answer came @param {string} code @param {string} message @param {number} [retryAfter] seconds */
  constructor(status, code, message, retryAfter) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** An answer that takes longer is not coming, in milliseconds. Starting a session on a slow machine is the longest. */
const ANSWER_WITHIN = 30_000;

/**
 * @param {'GET' | 'POST' | 'DELETE'} method
 * @param {string} path below /api/v1
 * @param {object} [body]
 * @returns {Promise<any>} the answer's JSON, undefined when it has none
 */
async function call(method, path, body) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: body ? { 'content-type': 'application/json' } : {},
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
  } catch {
    throw new ApiProblem(0, 'unreachable', 'The server cannot be reached. Check that it runs and try again.');
  }
  const text = await response.text();
  const json = parsed(text);
  if (response.ok) return json;
  const retryAfter = Number(response.headers.get('retry-after')) || undefined;
  throw new ApiProblem(response.status, json?.code ?? 'internal', json?.message ?? `The server answered with status ${response.status}.`, retryAfter);
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
  /** @param {string} machine @param {Launch} launch @returns {Promise<SessionView>} */
  start: (machine, launch) => call('POST', `/machines/${machine}/sessions`, launch),
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
