//! What travels between browser, server, agent and PTY host. Pure: bytes in, values out, no I/O.
//!
//! `docs/protocol.md` describes it; `tests/vectors/wire.json` freezes it, and the page's tests read the same file.

pub mod attention;
pub mod build;
pub mod close;
pub mod conversation;
pub mod frame;
pub mod handoff;
pub mod hello;
pub mod load;
pub mod message;
pub mod notice;
pub mod passing;
pub mod session;
pub mod updating;
pub mod view;

pub use frame::{Frame, FrameError};
