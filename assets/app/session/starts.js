import { programsOf } from '../state/fleet.js';

/** The commonest starts on a machine. */

/** @typedef {{label: string, detail: string, command: string, args: string[]}} Start */

/** @param {import('../wire/messages.js').MachineView} machine @returns {Start[]} at most three */
export function commonStarts(machine) {
  const programs = programsOf(machine);
  const { os } = machine;
  const shell = (os === 'windows' ? ['powershell', 'cmd'] : os === 'macos' ? ['zsh', 'bash', 'sh'] : ['bash', 'zsh', 'sh']).find((it) => programs.includes(it));
  /** @type {Start[]} */
  const starts = [];
  if (programs.includes('claude')) {
    starts.push(
      { label: 'Claude Code', detail: 'A new conversation', command: 'claude', args: [] },
      { label: 'Go on with Claude', detail: 'The last conversation of the directory', command: 'claude', args: ['--continue'] },
    );
  }
  if (shell) starts.push({ label: 'Shell', detail: shell, command: shell, args: [] });
  for (const other of programs) {
    if (starts.length >= 3) break;
    if (!starts.some((it) => it.command === other)) starts.push({ label: other, detail: 'Program', command: other, args: [] });
  }
  return starts.slice(0, 3);
}
