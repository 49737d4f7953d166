/**
 * The service worker: shows what this server says, also while none of its pages is open, and opens the right page at a
 * click. It keeps no files and answers no requests.
 */

/** @typedef {{tag: string, at: number, kind: string, title: string, body: string, path: string}} Notice */

const worker = /** @type {any} */ (globalThis);

worker.addEventListener('install', () => worker.skipWaiting());
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('push', (/** @type {any} */ event) => event.waitUntil(said(read(event.data))));
// Of an open page: it has no better way to show something of the system's.
worker.addEventListener('message', (/** @type {any} */ event) => event.waitUntil(said(event.data)));
worker.addEventListener('notificationclick', (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path));
});
worker.addEventListener('pushsubscriptionchange', (/** @type {any} */ event) => event.waitUntil(renew(event)));

/** @param {{json(): unknown} | null} data */
function read(data) {
  try {
    return data?.json();
  } catch {
    return undefined;
  }
}

/** @param {any} message of the server: what to show, or which tag is over */
async function said(message) {
  if (typeof message?.over === 'string') {
    for (const shown of await worker.registration.getNotifications({ tag: message.over })) shown.close();
    return;
  }
  /** @type {Notice} */
  const notice = message?.show ?? { tag: 'unknown', at: 0, kind: 'notice', title: 'SessionForge', body: 'Something happened', path: '/' };
  // What came by a page and by push calls once.
  const again = (await worker.registration.getNotifications({ tag: notice.tag })).some((/** @type {any} */ it) => notice.at > 0 && it.data?.at === notice.at);
  await worker.registration.showNotification(notice.title, { body: notice.body, tag: notice.tag, renotify: !again, silent: again, data: { path: notice.path, at: notice.at } });
}

/** @param {unknown} path a page of this server; anything else is none */
async function open(path) {
  const to = typeof path === 'string' && /^\/(?![/\\])/.test(path) ? path : '/';
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = pages.find((/** @type {any} */ it) => new URL(it.url).pathname === to) ?? pages[0];
  if (!page) return worker.clients.openWindow(to);
  page.postMessage({ go: to });
  return page.focus();
}

/** The browser gave this subscription another address. @param {any} event */
async function renew(event) {
  const subscription = event.newSubscription ?? (event.oldSubscription && (await worker.registration.pushManager.subscribe(event.oldSubscription.options)));
  if (!subscription) return;
  await fetch('/api/v1/me/pushes', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(subscription) });
}
