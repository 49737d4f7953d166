import { signal } from '../html.js';

/** Now, for everything that shows a time; moves every second while somebody looks. */
export const now = signal(Date.now());

setInterval(() => { if (document.visibilityState === 'visible') now.value = Date.now(); }, 1_000);
document.addEventListener('visibilitychange', () => { now.value = Date.now(); });

/** @param {number} since milliseconds since 1970 @param {number} at @returns {string} like `now`, `4 min`, `3 h`, `2 d` */
export function span(since, at) {
  const seconds = Math.max(0, Math.floor((at - since) / 1_000));
  if (seconds < 60) return 'now';
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** @param {number} since @param {number} at @returns {string} like `just now`, `4 min ago` */
export function ago(since, at) {
  const text = span(since, at);
  return text === 'now' ? 'just now' : `${text} ago`;
}

/** @param {number} at @returns {string} day and time in the person's own manner */
export function dateTime(at) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
}
