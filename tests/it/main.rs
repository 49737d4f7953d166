//! Tests of the whole product, from outside: the real binary, real terminals, a real browser, the real Claude Code.
//!
//! # Table of contents
//!
//! | file | proves |
//! |---|---|
//! | [`browser_setup`] | the first minutes: set-up link, account, sign-in, first machine, first session |
//! | [`browser_pages`] | every page and state, looked at: pictures of all of them in `target/screenshots` |
//! | [`browser_people`] | settings in Chromium: members, second factor, browsers, keys, organisations |
//! | [`browser_pictures`] | the pictures of README.md |
//! | [`browser_presence`] | who watches and types: colours, asking for the keyboard, a phone beside a desktop, a link |
//! | [`browser_help`] | Help: found, searched, followed, copied, also by whoever cannot sign in |
//! | [`browser_lost`] | a session that lost its host, on the page: its last screen, Resume |
//! | [`browser_terminal`] | a terminal in Chromium: typing, sizes, Unicode, floods, reloads, two tabs, full-screen programs |
//! | [`browser_line`] | the page's line broken in every way: never shown as live when it is not |
//! | [`claude_answers`] | the real Claude Code: every question it asks, every answer, with the server down too |
//! | [`claude_code`] | the real Claude Code: an answer, a permission prompt, a reload in the middle of it, a conversation resumed |
//! | [`claude_runs`] | the real Claude Code: what it is at, through whole scripted sessions |
//! | [`claude_state`] | the real Claude Code: what it is at, what it asks, answered from the page, the API and the terminal |
//! | [`relay`] | output to many: every byte to who keeps up, repaints to who does not, nobody held |
//! | [`crowd`] | a fleet of thousands at one viewer; nothing stays of who has gone |
//! | [`input`] | keys: once, in order, from the controller; Ctrl-C gets through |
//! | [`drill`] | everything goes wrong, by a seed: no session, no byte, no keystroke is lost or doubled |
//! | [`agent_away`] | the agent ends in every way in which it can; what happens while it or the server is away |
//! | [`restart`] | agent, server and `up` die and come back; sessions and viewers go on |
//! | [`lost`] | PTY hosts die, one or all: the session is lost, its last screen stays |
//! | [`machine_sleeps`] | what was typed before a machine slept is not applied after |
//! | [`notify`] | people are told: webhooks signed, retried and logged; push messages that only their browser reads; nobody at what they look at |
//! | [`permissions`] | who may do what: every address and every message, with every role, key and organisation |
//! | [`attach`] | a person's own terminal on a session: raw and given back, sizes, floods, whatever dies |
//! | [`handoff`] | sessions handed over: adopted, given and taken back, over every fault |
//! | [`handoff_commands`] | `sessionforge pause`, `resume` and `skill`; a gate over every restart |
//! | [`handoff_claude`] | the real Claude Code hands itself over in a browser, and waits for an approval |
//! | [`local_api`] | the agent's HTTP on the machine, and `sessionforge status` |
//! | [`service`] | the agent as a systemd service: installed, kept alive, changed, removed; sessions live through it |
//! | [`auth`] | `sessionforge auth`: a key that is asked about, stored, used and removed |
//! | [`login_environment`] | sessions have the environment of the login shell, which may be slow, loud or broken |
//! | [`way_out`] | a proxy and a company's own authority between machine and server |
//! | [`doctor`] | `sessionforge doctor` finds each thing that goes wrong, and says what mends it |
//! | [`machines`] | machines are there or not, within 15 s; how busy they are; what the organisation may do with them |
//! | [`init`] | `sessionforge init` in the shells that people have: put in once, typed, taken out |
//! | [`cli_reference`] | each line of the command line's reference, as a new user types it |
//! | [`cli_output`] | what each command says, plain and as JSON, and where it cannot work |
//! | [`human_output`] | colours, tables that fit, a sign of life |
//! | [`hostile_names`] | names of sessions, directories and machines that nobody would choose |
//! | [`maintenance`] | `config`, `logs`, `completions`, `man`, `version` |
//! | [`session_commands`] | `sessionforge session`, with and without agent and server |
//! | [`update`] | another build in the place of the one that runs, and back if it does not come up; sessions live through it |
//! | [`documentation`] | README.md and docs/: blocks of code run, links lead somewhere, quotations are what the program says; Caddy and nginx |
//! | [`update_failures`] | full disks, places that nobody may write to, two updates at once: one sentence, and the version before |
//! | [`update_from_page`] | agents updated from the page, one and all: progress, reasons, a rollout that stops at the first failure |
//! | [`downloads`] | a server's release files, signed; a machine takes its next version from there, or refuses it |
//! | [`release_files`] | what `packaging/release` makes is what servers look for; what breaks a promise is refused |
//! | [`install`] | the line that a person pastes on a new machine, and the one that takes it away |
//! | [`up`] | one command to a terminal; what stays when it is stopped |
//! | [`journey`] | a key and its echo pass the files of the map in order, and are in no log |
//! | [`api_document`] | the API is what its description says: Schemathesis, problem details, tags, limits |
//! | [`api_lists`] | lists in pages; what is asked for twice under one `Idempotency-Key` is made once |
//! | [`automation`] | a session by plain HTTP: start, type, read, wait, stop; events as they happen |
//! | [`audit_actions`] | every action there is goes into the audit log when it is done |
//! | [`audit_log`] | what is done is in the log: read, filtered, exported, kept as long as is set |
//! | [`bad_start`] | commands that cannot work: exit codes and sentences |
//! | [`bad_requests`] | requests that cannot be fulfilled: statuses, codes, sentences |
//! | [`bad_frames`] | frames that no friend would send: close codes, and nobody else harmed |
//! | [`commands`] | start, stop, forget: answered truthfully whoever dies meanwhile, and never done twice |
//! | [`disks`] | disks that take nothing: what was promised stays, and room heals |
//! | [`skew`] | conversations of every version with today's other side, and with words that nobody knows yet |
//! | [`compatibility`] | messages and PTY hosts of other versions are understood, or refused in one sentence |
//! | [`fidelity`] | the terminal model shows what xterm.js shows |
//! | [`harness`] | the harness itself: the browser types, the stand-in answers |
//! | [`host`] | PTY hosts: they outlive who started them; every byte, every key, once |
//! | [`hostile`] | peers no friend would be: bounded memory, and somebody beside them types on |
//! | [`http_accounts`] | set-up, signing in and out, passwords, throttling |
//! | [`http_addresses`] | addresses from which an organisation lets people and machines in, and nobody else |
//! | [`http_assets`] | the dashboard's files: policy, caching, compression |
//! | [`http_full_disk`] | what was promised stays, and room heals a server without a restart |
//! | [`http_keys`] | API keys: shown once, refused once revoked |
//! | [`http_members`] | people: invited, promoted, reset, deactivated; second factors; rotated keys |
//! | [`http_requests`] | what every request meets: origin, host, size, form |
//! | [`http_secrets`] | no secret and nothing typed in any log |
//! | [`http_sockets`] | who may hold a socket, and for how long |
//! | [`http_tls`] | https with certificates that are renewed under a running server |
//! | [`http_start`] | a server that cannot start says why and touches nothing |
//! | [`server_operation`] | configuration file, metrics, backup and restore, `--daemon`, the audit log's check |
//! | [`server_update`] | a server brought to another version under live sessions and viewers, and back with its state |
//! | [`simulation`] | the stream's state machines wired together on a virtual clock, hundreds of schedules by seed |
//! | [`tidy`] | the house rules: layers, file sizes, dependencies with reasons |
//!
//! All of it is one binary, because each further one would link the product again. Every test starts its own world
//! in a temporary directory on port 0, so they run side by side; a failure prints what every process said.
//!
//! Chromium, Claude Code, nginx, Caddy, systemd and the xterm.js oracle are needed by some. Where one is missing its tests say so loudly and
//! pass; `SESSIONFORGE_REQUIRE_BROWSER=1`, `SESSIONFORGE_REQUIRE_CLAUDE=1`, `SESSIONFORGE_REQUIRE_ORACLE=1`,
//! `SESSIONFORGE_REQUIRE_PROXIES=1` and `SESSIONFORGE_REQUIRE_SYSTEMD=1` make that a failure. `.ci/run` sets all of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, and says why on standard error"
)]
#![allow(unreachable_pub, reason = "nothing is outside of a test binary")]

mod agent_away;
mod api_document;
mod api_lists;
mod attach;
mod audit_actions;
mod audit_log;
mod auth;
mod automation;
mod bad_frames;
mod bad_requests;
mod bad_start;
mod browser_help;
mod browser_line;
mod browser_lost;
mod browser_pages;
mod browser_people;
mod browser_pictures;
mod browser_presence;
mod browser_setup;
mod browser_terminal;
mod claude_answers;
mod claude_code;
mod claude_runs;
mod claude_state;
mod cli_output;
mod cli_reference;
mod commands;
mod compatibility;
mod crowd;
mod disks;
mod doctor;
mod documentation;
mod downloads;
mod drill;
mod fidelity;
mod handoff;
mod handoff_claude;
mod handoff_commands;
mod harness;
mod host;
mod hostile;
mod hostile_names;
mod http_accounts;
mod http_addresses;
mod http_assets;
mod http_full_disk;
mod http_keys;
mod http_members;
mod http_requests;
mod http_secrets;
mod http_sockets;
mod http_start;
mod http_tls;
mod human_output;
mod init;
mod input;
mod install;
mod journey;
mod local_api;
mod login_environment;
mod lost;
mod machine_sleeps;
mod machines;
mod maintenance;
mod notify;
mod permissions;
mod relay;
mod release_files;
mod restart;
mod server_operation;
mod server_update;
mod service;
mod session_commands;
mod simulation;
mod skew;
mod support;
mod tidy;
mod up;
mod update;
mod update_failures;
mod update_from_page;
mod way_out;
