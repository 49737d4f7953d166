/** What the page must know of roles; the server decides all the same (docs/roles.md). Each may do less than the one before. */
export const ROLES = [
  { id: 'owner', name: 'Owner', says: 'Does everything, also hands the organisation over.' },
  { id: 'admin', name: 'Admin', says: 'Sees all machines and sessions, manages members.' },
  { id: 'member', name: 'Member', says: 'Has machines and sessions, and adopts shared ones.' },
  { id: 'viewer', name: 'Viewer', says: 'Watches what is shared, and never types.' },
];

/** @param {string} mine @param {string} other whether somebody of one role has a say over another */
export function mayGive(mine, other) {
  const at = (/** @type {string} */ role) => ROLES.findIndex((it) => it.id === role);
  return at(mine) <= at(other);
}

/** What a key may be used for. */
export const SCOPES = [
  { id: 'agent', says: 'Connect a machine' },
  { id: 'sessions:read', says: 'See sessions and their screens' },
  { id: 'sessions:write', says: 'Start sessions, type, share, stop' },
  { id: 'machines:read', says: 'See machines' },
  { id: 'machines:write', says: 'Rename, tag, update and remove machines' },
  { id: 'admin', says: 'Members, invitations, keys, audit log' },
];
