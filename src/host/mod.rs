//! The PTY host: the small process that owns one session's PTY and its screen, and outlives the agent.
//!
//! The agent (or a local command) starts one by [`launch::start`] and talks to it by [`client::HostClient`] over a
//! local socket; a later agent finds those that run by [`runtime_dir::scan`]. The process itself is [`run`], behind
//! the hidden subcommand `host`: `process` detaches it and opens the PTY, `session` is hop 7, one `connection` serves
//! each peer, the terminal `model` works on a thread of its own, and the `keeper` leaves the last screen on disk for when
//! all of it is gone ([`last_screen`]).
//!
//! On Windows only the starting and speaking side is there: the process that serves a named pipe is still to come, so
//! sessions cannot be started on it yet.

pub mod client;
pub mod conversation;
pub mod environment;
pub mod framed;
pub mod last_screen;
pub mod launch;
pub mod program;
pub mod runtime_dir;
pub mod spec;

#[cfg(unix)]
mod claim;
#[cfg(unix)]
mod connection;
#[cfg(unix)]
mod input_queue;
#[cfg(unix)]
mod keeper;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod model;
#[cfg(unix)]
mod process;
#[cfg(unix)]
pub mod screen_text;
mod session;
#[cfg(unix)]
mod socket;

#[cfg(unix)]
pub use process::run;
