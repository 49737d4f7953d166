import { computed, signal } from '../html.js';

/** Where the page is. Every page has an address; following a link inside does not load anything anew. */

const here = signal({ path: location.pathname, hash: location.hash });

/**
 * @typedef {{page: 'home'} | {page: 'session', id: string} | {page: 'machine', id: string} | {page: 'machines'} | {page: 'more'} | {page: 'help', name: string, anchor: string}
 *   | {page: 'keys'} | {page: 'account'} | {page: 'security'} | {page: 'members'} | {page: 'organisation'} | {page: 'audit'} | {page: 'notifications'} | {page: 'webhooks'} | {page: 'invitation', token: string} | {page: 'reset-password', token: string} | {page: 'setup', token: string} | {page: 'sign-in', token: string} | {page: 'unknown'}} Route
 */

export const route = computed(() => read(here.value.path, here.value.hash));
export const path = computed(() => here.value.path);

/** @param {string} pathname @param {string} hash @returns {Route} */
export function read(pathname, hash) {
  const [first = '', second = ''] = pathname.split('/').filter(Boolean);
  switch (first) {
    case '': return { page: 'home' };
    case 'sessions': return second ? { page: 'session', id: second } : { page: 'home' };
    case 'machines': return second ? { page: 'machine', id: second } : { page: 'machines' };
    case 'settings': return second === 'keys' || second === 'account' || second === 'security' || second === 'members' || second === 'organisation' || second === 'audit' || second === 'notifications' || second === 'webhooks' ? { page: second } : { page: 'more' };
    case 'help': return { page: 'help', name: second, anchor: hash.slice(1) };
    case 'setup': return { page: 'setup', token: hash.slice(1) };
    case 'invitation': return { page: 'invitation', token: hash.slice(1) };
    case 'reset-password': return { page: 'reset-password', token: hash.slice(1) };
    case 'sign-in': return { page: 'sign-in', token: hash.slice(1) };
    default: return { page: 'unknown' };
  }
}

/** @param {string} to a path of this page @param {{replace?: boolean}} [how] */
export function go(to, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  arrived();
}

function arrived() {
  here.value = { path: location.pathname, hash: location.hash };
}

export function installRouter() {
  addEventListener('popstate', arrived);
  addEventListener('hashchange', arrived);
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a[href^="/"]') : null;
    if (!link || link.getAttribute('target')) return;
    event.preventDefault();
    go(link.getAttribute('href') ?? '/');
  });
}
