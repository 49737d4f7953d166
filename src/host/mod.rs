//! The PTY host: the small process that owns one session's PTY and its screen, and outlives the agent.
//!
//! The agent (or a local command) starts one by [`launch::start`] and talks to it by [`client::HostClient`] over a
//! local socket; a later agent finds those that run by [`runtime_dir::scan`]. The process itself is [`run`], behind
//! the hidden subcommand `host`: `process` detaches it and opens the PTY, `session` is hop 7, one `connection` serves
//! each peer, the terminal `model` works on a thread of its own, and the `keeper` leaves the last screen on disk for when
//! all of it is gone ([`last_screen`]).

mod attention;
pub mod claude_settings;
pub mod client;
pub mod conversation;
pub mod environment;
pub mod framed;
pub mod hook;
pub mod last_screen;
pub mod launch;
pub mod program;
pub mod runtime_dir;
pub mod spec;
pub mod tier;

mod claim;
mod connection;
mod input_queue;
mod keeper;
mod log;
mod model;
mod process;
pub mod screen_text;
mod session;
mod socket;

pub use process::run;
