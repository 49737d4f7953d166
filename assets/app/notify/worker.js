import { signal } from '../html.js';
import { api } from '../state/api.js';
import { go } from '../state/route.js';

/** What this browser can do about notifications, and the service worker that does it. */

/** @typedef {'ready' | 'ask' | 'denied' | 'insecure' | 'home-screen' | 'unsupported'} Permission */

const worker = () => (isSecureContext ? navigator.serviceWorker : undefined);

/** @returns {Permission} */
function look() {
  if (!isSecureContext) return 'insecure';
  if (!('serviceWorker' in navigator) || typeof Notification === 'undefined') return isApplePhone() ? 'home-screen' : 'unsupported';
  return Notification.permission === 'granted' ? 'ready' : Notification.permission === 'denied' ? 'denied' : 'ask';
}

/** iPhones and iPads have notifications for what is on the home screen alone. An iPad says that it is a Mac. */
function isApplePhone() {
  return /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.userAgent.includes('Macintosh') && navigator.maxTouchPoints > 1);
}

/** Whether notifications can be shown here, and if not, why. */
export const permission = signal(look());
/** Whether this browser has a subscription to push messages at all. */
export const canPush = () => permission.value !== 'insecure' && 'PushManager' in globalThis;

/** @type {Promise<ServiceWorkerRegistration | undefined> | undefined} */
let registered;

/** Once somebody is signed in. */
export function installWorker() {
  registered ??= worker()?.register('/sw.js').catch((error) => { console.error('no service worker', error); return undefined; });
  worker()?.addEventListener('message', ({ data }) => {
    if (typeof data?.go === 'string' && data.go.startsWith('/')) go(data.go);
  });
  // Whoever changes it in the browser's own settings sees it here when they come back.
  addEventListener('focus', () => { permission.value = look(); });
}

/** Asks the browser; from a click only. */
export async function askPermission() {
  await Notification.requestPermission();
  permission.value = look();
}

/** @param {import('../wire/messages.js').Notice} notice */
export async function showNotice(notice) {
  if (look() === 'ready') await tell({ show: notice });
}

/** @param {string} tag */
export async function closeNotice(tag) {
  if (look() === 'ready') await tell({ over: tag });
}

/** @param {unknown} message */
async function tell(message) {
  installWorkerOnce();
  const registration = await registered;
  // The first time it is installed while this waits.
  const active = registration?.active ?? (registration && (await navigator.serviceWorker.ready).active);
  active?.postMessage(message);
}

function installWorkerOnce() {
  if (!registered) installWorker();
}

/** @param {string} key of the server @returns {Promise<string>} the subscription's id */
export async function subscribe(key) {
  installWorkerOnce();
  if (!(await registered)) throw new Error('This browser did not take the service worker.');
  const { pushManager } = await navigator.serviceWorker.ready;
  const before = await pushManager.getSubscription();
  // One of another server key, of before a restored backup, gets nothing.
  if (before && !sameKey(before, key)) await before.unsubscribe();
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  return (await api.subscribe(subscription.toJSON())).id;
}

/** @param {PushSubscription} subscription @param {string} key */
function sameKey({ options }, key) {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') === key;
}

/** This browser forgets its subscription; the server is told apart. */
export async function unsubscribe() {
  const registration = await registered;
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}
