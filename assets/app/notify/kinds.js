/** What people and webhooks are told of, in the order of how much it matters. @type {{id: string, when: string, session: boolean}[]} */
export const KINDS = [
  { id: 'permission', when: 'A session asks for permission', session: true },
  { id: 'question', when: 'A session has a question', session: true },
  { id: 'plan', when: 'A session has a plan to approve', session: true },
  { id: 'error', when: 'A session could not go on', session: true },
  { id: 'done', when: 'A session is done', session: true },
  { id: 'failed', when: 'A program ended with a failure', session: true },
  { id: 'notice', when: 'A program rings or notifies', session: true },
  { id: 'shared', when: 'A session is shared with me or everybody', session: true },
  { id: 'adopted', when: 'A session is adopted', session: true },
  { id: 'returned', when: 'A session is given or taken back', session: true },
  { id: 'offline', when: 'A machine is offline', session: false },
  { id: 'webhook', when: 'A webhook was switched off', session: false },
];
