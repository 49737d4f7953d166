/** The page starts here: find out who is there, draw, and keep the address, the keys and the title in step. */
import { html, render } from './html.js';
import { App } from './shell/app.js';
import { installTitle } from './shell/title.js';
import { noticeArrived } from './notify/arrived.js';
import { installLooking } from './notify/looking.js';
import { installWorker } from './notify/worker.js';
import { enter, onNotice } from './state/account.js';
import { installRouter, route } from './state/route.js';
import { installShortcuts } from './ui/shortcuts.js';
import { installViewport } from './ui/viewport.js';

installRouter();
installShortcuts();
installTitle();
installViewport();
installLooking();
installWorker();
onNotice.run = noticeArrived;
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
// A page opened by a one-time link signs in first and asks then.
if (!('token' in route.value && route.value.token)) void enter();
