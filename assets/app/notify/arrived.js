import { closeNotice, showNotice } from './worker.js';
import { playTone } from './tone.js';

/** The server has something to show beside what the fleet says. It decided for whom and where; this page does it. */

/** @param {import('../wire/messages.js').NoticeMessage} message */
export function noticeArrived(message) {
  if (message.kind === 'notice_over') return void closeNotice(message.tag);
  if (message.sound) void playTone();
  if (message.desktop) void showNotice(message.notice);
  return undefined;
}
