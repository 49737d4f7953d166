/**
 * Control messages and views, as in src/wire/message.rs, src/wire/view.rs and src/wire/session.rs. Types only.
 */

/** @typedef {{foreground: string, background: string, cursor: string}} Theme */
/** @typedef {{code: string, message: string}} Problem */
/** @typedef {{id: string, name: string}} Person */
/** @typedef {'starting' | 'running' | 'exited' | 'lost'} SessionState */
/** @typedef {{code?: number, signal?: string}} Exit */

/**
 * What a session wants of a person.
 * @typedef {object} Need
 * @property {number} id
 * @property {'permission' | 'question' | 'plan' | 'error' | 'notice'} reason
 * @property {string} [tool]
 * @property {string} text
 * @property {number} since  milliseconds since 1970
 * @property {boolean} answerable  from here
 * @property {boolean} always  may be an answer
 */

/**
 * @typedef {object} SessionView
 * @property {string} id
 * @property {string} machine
 * @property {string} [name]
 * @property {string} command
 * @property {string[]} [args]
 * @property {string} workdir
 * @property {string} [title]
 * @property {SessionState} state
 * @property {'working' | 'needs_you' | 'done' | 'idle'} [activity]
 * @property {Need} [needs]  what it wants of a person now
 * @property {Exit} [exit]
 * @property {number} [pid]
 * @property {number} cols
 * @property {number} rows
 * @property {number} started_at  milliseconds since 1970
 * @property {number} [ended_at]
 * @property {number} [last_screen_at]  when the last screen was taken, of a session whose host is gone
 * @property {string} [conversation]  of Claude Code
 * @property {string} [model]  of Claude Code
 * @property {string} [branch]  that Claude Code works on
 * @property {string} [resumed_from]  the session whose conversation goes on here
 * @property {number} viewers
 * @property {Person} owner
 * @property {boolean} shared  with the organisation
 * @property {Handoff} [handoff]  while it is shared or adopted
 * @property {Person[]} [watching]  who watches or types now
 * @property {(Person & {until: number})[]} [asking]  who asks for the keyboard, until when in milliseconds since 1970
 */

/**
 * @typedef {object} Handoff
 * @property {number} number
 * @property {'shared' | 'adopted'} phase
 * @property {Person} by  who offers it
 * @property {number} at  milliseconds since 1970
 * @property {string} [note]
 * @property {Person} [to]  who alone may adopt it
 * @property {number} [expires_at]  milliseconds since 1970
 * @property {boolean} gate  whether a program waits for it to be approved or refused
 * @property {Person} [adopted_by]
 * @property {number} [adopted_at]  milliseconds since 1970
 */

/**
 * @typedef {object} MachineView
 * @property {string} id
 * @property {string} name
 * @property {string} hostname
 * @property {string} os
 * @property {string} [os_version]
 * @property {string} arch
 * @property {string} build
 * @property {string[]} [allow]
 * @property {string} [home]
 * @property {{processor: string, cpus: number, memory_bytes: number, disk_bytes: number, disk_free_bytes: number}} [hardware]
 * @property {{cpu_percent: number, memory_used_bytes: number, disk_free_bytes: number}} [load]
 * @property {string} [terminal]
 * @property {string} [target]  the release file for it
 * @property {'page' | 'off' | 'root' | 'package' | 'hand' | 'unsaid'} [update_way]  how its agent gets another version
 * @property {{to: string, phase: 'downloading' | 'checking' | 'restarting' | 'done' | 'failed' | 'unknown', percent: number, why?: string, began_at: number}} [update]  how the last update that was asked for goes
 * @property {boolean} online
 * @property {number} last_seen  milliseconds since 1970
 * @property {Person} owner
 * @property {string[]} [tags]
 * @property {'nobody' | 'see' | 'start'} [sharing]  what the organisation may do with it
 */

/** @typedef {{command: string, args: string[], workdir?: string, name?: string, cols: number, rows: number}} Launch */

/** @typedef {'snapshot' | {offset: {offset: number, epoch: number}}} From */
/** @typedef {'never' | 'if_free' | 'always'} Take */

/**
 * @typedef {{kind: 'attach', channel: number, session: string, viewer: string, from: From, take: Take, cols: number, rows: number, theme?: Theme}
 *   | {kind: 'detach', channel: number}
 *   | {kind: 'take_control', channel: number, cols: number, rows: number}
 *   | {kind: 'resize', channel: number, cols: number, rows: number}
 *   | {kind: 'theme', channel: number, theme: Theme}
 *   | {kind: 'history', channel: number, id: number}
 *   | {kind: 'looking', here: boolean, session?: string}} FromViewer
 */

/** @typedef {{you: boolean, present: boolean, who?: Person, may_type?: boolean, viewers: number, cols: number, rows: number}} Control */

/**
 * @typedef {{kind: 'fleet', machines: MachineView[], sessions: SessionView[]}
 *   | {kind: 'machine', machine: MachineView}
 *   | {kind: 'machine_gone', id: string}
 *   | {kind: 'session', session: SessionView}
 *   | {kind: 'session_gone', id: string}} FleetMessage
 */

/** @typedef {{tag: string, at: number, kind: string, title: string, body: string, path: string}} Notice */
/** @typedef {{kind: 'notice', notice: Notice, sound: boolean, desktop: boolean} | {kind: 'notice_over', tag: string}} NoticeMessage */

/**
 * @typedef {{kind: 'attached', channel: number, live: boolean}
 *   | {kind: 'detached', channel: number, problem: Problem}
 *   | {kind: 'live', channel: number, live: boolean}
 *   | ({kind: 'control', channel: number} & Control)
 *   | {kind: 'end', channel: number, offset: number}} ChannelMessage
 */

export {};
