//! SessionForge: every terminal session of every machine in any browser.
//!
//! # The map
//!
//! A keystroke passes these files downwards, a byte of output upwards:
//!
//! | hop | file | key ↓ | byte ↑ |
//! |---|---|---|---|
//! | 1 | `assets/app/terminal/` | onData → bytes | `term.write`, acknowledge in its callback |
//! | 2 | `assets/app/wire/socket.js` | number, send, keep until acknowledged | decode; resume from offset |
//! | 3 | `src/server/viewer_socket.rs` | authenticate, decode | spend credit, encode |
//! | 4 | `src/server/relay/session_hub.rs` | may this viewer type? | fan out; slow viewer → repaint |
//! | 5 | `src/server/agent_socket.rs` | to the machine that has the session | check offset |
//! | 6 | `src/agent/uplink.rs` | decode, route | prioritise, encode, resume |
//! | 7 | `src/host/session.rs` | input gate → write | output log + terminal model |
//! | 8 | `src/pty/unix.rs`, `windows.rs` | write | read |
//!
//! # The layers
//!
//! Imports run one way: `base ← wire, stream, pty, store, service, update ← host ← agent; server ← cli ← main`.
//! `agent` and `server` never import each other. `tests/it/tidy.rs` holds this against the code.

pub mod agent;
pub mod base;
pub mod cli;
pub mod host;
pub mod pty;
pub mod server;
pub mod service;
pub mod store;
pub mod stream;
pub mod update;
pub mod wire;
