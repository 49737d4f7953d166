import { html, useEffect, useState } from '../html.js';
import { me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { dateTime } from '../state/clock.js';
import { ask } from '../ui/ask.js';
import { Button, CopyLine, Field, Notice, Waiting } from '../ui/controls.js';
import { Menu } from '../ui/menu.js';
import { say } from '../ui/toast.js';
import { ROLES, mayGive } from '../state/roles.js';
import { SettingsTabs } from './settings_tabs.js';

/** @typedef {import('../state/api.js').Member} Member */
/** @typedef {import('../state/api.js').Invitation} Invitation */

/** Who belongs to the organisation, and who is invited. */
export function Members() {
  const mine = me.value;
  const [members, setMembers] = useState(/** @type {Member[] | undefined} */ (undefined));
  const [invitations, setInvitations] = useState(/** @type {Invitation[]} */ ([]));
  const [problem, setProblem] = useState('');
  const [link, setLink] = useState(/** @type {{title: string, text: string, url: string} | undefined} */ (undefined));
  const manages = mine?.role === 'owner' || mine?.role === 'admin';
  const load = async () => {
    try {
      const [all, open] = await Promise.all([api.members(), manages ? api.invitations() : { invitations: [] }]);
      setMembers(all.members);
      setInvitations(open.invitations);
      setProblem('');
    } catch (error) {
      setProblem(asProblem(error).message);
    }
  };
  useEffect(() => void load(), [mine?.organisation.id]);
  if (!mine) return null;
  return html`<main class="page">
    <${SettingsTabs} />
    <header class="page-head"><h1>Members</h1></header>
    ${link ? html`<section class="panel panel-accent"><h2>${link.title}</h2><p>${link.text}</p><${CopyLine} text=${link.url} label="Copy link" />
      <p><${Button} onClick=${() => setLink(undefined)}>Done<//></p></section>` : null}
    ${problem ? html`<${Notice} title="The members could not be loaded">${problem} <button type="button" class="link" onClick=${load}>Try again</button><//>` : null}
    ${!members && !problem ? html`<${Waiting} words="Loading members…" />` : null}
    ${members ? html`<ul class="rows">${members.map((it) => html`<${MemberRow} key=${it.id} item=${it} mine=${mine} changed=${load} link=${setLink} />`)}</ul>` : null}
    ${members && manages ? html`<section><h2>Invite somebody</h2>
      <p class="muted">An invitation is a link that works once. Send it yourself; nothing is sent from here.</p>
      <${Invite} role=${mine.role} made=${(/** @type {Invitation & {url: string}} */ made) => { setLink({ title: 'The invitation is ready', text: `Copy it now: it is not shown again. It makes somebody a ${made.role}, once, until ${dateTime(made.expires_at)}.`, url: made.url }); void load(); }} />
      ${invitations.length > 0 ? html`<h3>Open invitations</h3><ul class="rows">${invitations.map((it) => html`<${InvitationRow} key=${it.id} item=${it} changed=${load} />`)}</ul>` : null}
    </section>` : null}
  </main>`;
}

/** @param {{item: Member, mine: import('../state/api.js').Me, changed: () => Promise<void>, link: (link: {title: string, text: string, url: string}) => void}} props */
function MemberRow({ item, mine, changed, link }) {
  const self = item.id === mine.user.id;
  const manages = (mine.role === 'owner' || mine.role === 'admin') && mayGive(mine.role, item.role);
  const act = async (/** @type {() => Promise<unknown>} */ what, /** @type {string} */ done) => {
    try {
      await what();
      say(done);
    } catch (error) {
      say(`Nothing was changed: ${asProblem(error).message}`);
    }
    await changed();
  };
  const reset = async () => {
    try {
      const made = await api.resetLink(item.id);
      link({ title: `${item.name} can choose a new password`, text: `Give them this link: it works once, until ${dateTime(made.expires_at)}. It signs them out everywhere.`, url: made.url });
    } catch (error) {
      say(`No link was made: ${asProblem(error).message}`);
    }
  };
  const ends = 'Their browsers are signed out, their keys are revoked and their machines disconnected, at once. Their sessions go on.';
  const deactivated = item.deactivated_at !== null;
  const items = [
    ...(deactivated ? [{ label: 'Let back in', icon: 'check', run: () => void act(() => api.reactivate(item.id), `${item.name} may sign in again.`) }]
      : [{ label: 'Link to reset the password', icon: 'key-round', run: () => void reset() }]),
    ...(mine.role === 'owner' && !self && !deactivated ? [{ label: 'Hand the organisation over…', icon: 'user', run: () => ask({
      title: `Make ${item.name} the owner?`, text: `${item.name} can then do everything here, also to you. You become an admin.`, action: 'Hand over',
      async act() { await api.handOver(item.id); await changed(); } }) }] : []),
    /** @type {const} */ ('line'),
    ...(deactivated ? [] : [{ label: 'Deactivate…', icon: 'circle-stop', danger: true, run: () => ask({ title: `Deactivate ${item.name}?`, text: `${ends} You can let them back in.`, action: 'Deactivate', async act() { await api.deactivate(item.id); await changed(); } }) }]),
    { label: 'Remove…', icon: 'trash-2', danger: true, run: () => ask({ title: `Remove ${item.name}?`, text: `${ends} To come back they need an invitation.`, action: 'Remove', async act() { await api.removeMember(item.id); await changed(); } }) },
  ];
  return html`<li class="row row-member ${deactivated ? 'row-off' : ''}">
    <span class="row-main"><strong>${item.name}${self ? html` <span class="muted">(you)</span>` : null}</strong><span class="muted">${item.email ?? 'no e-mail'}${item.second_factor ? ' · second factor' : ''}</span></span>
    ${deactivated ? html`<span class="muted">deactivated</span>`
      : manages && !self ? html`<select class="select-small" aria-label="Role of ${item.name}" value=${item.role}
          onChange=${(/** @type {Event} */ event) => { const role = /** @type {HTMLSelectElement} */ (event.target).value; void act(() => api.setRole(item.id, role), `${item.name} has the role ${role} now.`); }}>
          ${ROLES.filter((role) => mayGive(mine.role, role.id)).map((role) => html`<option value=${role.id}>${role.name}</option>`)}</select>`
        : html`<span class="muted">${item.role}</span>`}
    ${manages && !self ? html`<${Menu} label="More about ${item.name}" items=${items} />` : html`<span class="menu-space"></span>`}
  </li>`;
}

/** @param {{role: string, made: (made: Invitation & {url: string}) => void}} props */
function Invite({ role: mine, made }) {
  const [role, setRole] = useState('member');
  const [email, setEmail] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      made(await api.invite({ role, ...(email.trim() && { email: email.trim() }) }));
      setEmail('');
      setProblem('');
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  const says = ROLES.find((it) => it.id === role)?.says;
  return html`<form class="inline-form" onSubmit=${submit}>
    <div class="field field-short"><label for="invite-role">Role</label><select id="invite-role" value=${role} aria-describedby="invite-says" onChange=${(/** @type {Event} */ event) => setRole(/** @type {HTMLSelectElement} */ (event.target).value)}>
      ${ROLES.filter((it) => mayGive(mine, it.id)).map((it) => html`<option value=${it.id}>${it.name}</option>`)}</select><p id="invite-says" class="field-hint">${says}</p></div>
    <${Field} label="Only for this e-mail address" type="email" placeholder="Anybody with the link" value=${email} problem=${problem || undefined}
      onInput=${(/** @type {InputEvent} */ event) => { setEmail(/** @type {HTMLInputElement} */ (event.target).value); setProblem(''); }} />
    <${Button} kind="primary" type="submit" busy=${busy}>Make the link<//>
  </form>`;
}

/** @param {{item: Invitation, changed: () => Promise<void>}} props */
function InvitationRow({ item, changed }) {
  const revoke = () => ask({
    title: 'Take the invitation back?', text: 'Its link does not work any more.', action: 'Take back',
    async act() { await api.revokeInvitation(item.id); await changed(); },
  });
  return html`<li class="row"><span class="row-main"><strong>${item.email ?? 'Anybody with the link'}</strong><span class="muted">as ${item.role}, by ${item.created_by}, until ${dateTime(item.expires_at)}</span></span>
    <${Button} kind="danger" onClick=${revoke}>Take back<//></li>`;
}
