import { html, useEffect } from '../html.js';
import { account, connectionState, enter, leave, serverBuild } from '../state/account.js';
import { api } from '../state/api.js';
import { route } from '../state/route.js';
import { Account } from '../pages/account.js';
import { Audit } from '../pages/audit.js';
import { Gate } from '../pages/gate.js';
import { Help } from '../pages/help.js';
import { Home } from '../pages/home.js';
import { Invitation } from '../pages/invitation.js';
import { Keys } from '../pages/keys.js';
import { Machine } from '../pages/machine.js';
import { Machines } from '../pages/machines.js';
import { Members } from '../pages/members.js';
import { More } from '../pages/more.js';
import { NotFound } from '../pages/not_found.js';
import { Notifications } from '../pages/notifications.js';
import { Organisation } from '../pages/organisation.js';
import { ResetPassword } from '../pages/reset_password.js';
import { Security } from '../pages/security.js';
import { Session } from '../pages/session.js';
import { Setup, SetupNeeded } from '../pages/setup.js';
import { SignIn, SignInByLink } from '../pages/sign_in.js';
import { Webhooks } from '../pages/webhooks.js';
import { newSession, NewSession } from '../session/new_session.js';
import { Asking } from '../ui/ask.js';
import { GivingBack } from '../session/handoff.js';
import { Button, Notice, Waiting } from '../ui/controls.js';
import { onShortcut } from '../ui/shortcuts.js';
import { Toasts } from '../ui/toast.js';
import { OfflineStrip } from './connection.js';
import { Keyboard, openKeyboard } from './keyboard.js';
import { openPalette, Palette } from './palette.js';
import { Sidebar } from './sidebar.js';
import { Tabs } from './tabs.js';

/** Which frame the page has: before signing in, or after. */
export function App() {
  const at = route.value;
  const who = account.value;
  if (at.page === 'invitation') return html`<${Invitation} token=${at.token} />`;
  if (at.page === 'reset-password') return html`<${ResetPassword} token=${at.token} />`;
  if (at.page === 'setup') return html`<${Setup} token=${at.token} />`;
  if (at.page === 'sign-in' && at.token) return html`<${SignInByLink} token=${at.token} />`;
  // Whoever cannot come in may need it most.
  if (at.page === 'help' && who.kind !== 'in' && who.kind !== 'loading') return html`<div class="help-alone"><${Help} name=${at.name} away /></div>`;
  switch (who.kind) {
    case 'loading': return html`<div class="gate"><${Waiting} words="Loading…" /></div>`;
    case 'unreachable': return who.problem.code === 'address_not_allowed' ? html`<${NotFromHere} message=${who.problem.message} />` : html`<${Unreachable} message=${who.problem.message} />`;
    case 'setup': return html`<${SetupNeeded} />`;
    case 'out': return html`<${SignIn} />`;
    case 'in': return html`<${Signed} />`;
  }
}

function Signed() {
  const at = route.value;
  useEffect(() => {
    const owned = [onShortcut('palette', openPalette), onShortcut('keyboard', openKeyboard), onShortcut('new', () => newSession())];
    return () => owned.forEach((dispose) => dispose());
  }, []);
  return html`<div class="shell ${at.page === 'session' ? 'shell-session' : ''}" data-live=${connectionState.value.kind === 'live'}>
    <a class="skip" href="#content">Skip to the content</a>
    <${Sidebar} />
    <div class="content" id="content" tabindex="-1">
      ${at.page === 'session' ? null : html`<${OfflineStrip} />`}
      <${Page} />
    </div>
    <${Updated} />
    ${at.page === 'session' ? null : html`<${Tabs} />`}
    <${NewSession} /><${Palette} /><${Keyboard} /><${Asking} /><${GivingBack} /><${Toasts} />
  </div>`;
}

function Page() {
  const at = route.value;
  switch (at.page) {
    case 'home': case 'sign-in': case 'setup': case 'invitation': case 'reset-password': return html`<${Home} />`;
    case 'session': return html`<${Session} key=${at.id} id=${at.id} />`;
    case 'machine': return html`<${Machine} key=${at.id} id=${at.id} />`;
    case 'machines': return html`<${Machines} />`;
    case 'keys': return html`<${Keys} />`;
    case 'account': return html`<${Account} />`;
    case 'security': return html`<${Security} />`;
    case 'members': return html`<${Members} />`;
    case 'organisation': return html`<${Organisation} />`;
    case 'audit': return html`<${Audit} />`;
    case 'notifications': return html`<${Notifications} />`;
    case 'webhooks': return html`<${Webhooks} />`;
    case 'more': return html`<${More} />`;
    case 'help': return html`<${Help} name=${at.name} />`;
    case 'unknown': return html`<${NotFound} />`;
  }
}

/** The server was updated while this page was open. */
function Updated() {
  const mine = account.value.kind === 'in' ? account.value.me.build : '';
  if (!serverBuild.value || serverBuild.value === mine) return null;
  return html`<div class="toast updated" role="status"><span>The server was updated to ${serverBuild.value}. Reload to use this page’s new version; sessions go on.</span>
    <${Button} onClick=${() => location.reload()}>Reload<//></div>`;
}

/** @param {{message: string}} props */
function Unreachable({ message }) {
  useEffect(() => {
    const timer = setInterval(() => void enter(), 5_000);
    return () => clearInterval(timer);
  }, []);
  return html`<${Gate} title="The server does not answer">
    <${Notice} title="Nothing is lost">${message} Sessions go on without this page. It tries again every 5 seconds.<//>
    <p><${Button} onClick=${() => void enter()}>Try now<//></p><//>`;
}

/** The organisation lets nobody in from this address. @param {{message: string}} props */
function NotFromHere({ message }) {
  return html`<${Gate} title="Not from here">
    <${Notice} title="You stay signed in">${message}<//>
    <p class="gate-actions"><${Button} onClick=${() => void enter()}>Try again<//><${Button} onClick=${() => void api.signOut().finally(() => leave())}>Sign out<//></p><//>`;
}
