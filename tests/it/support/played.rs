//! Agents and PTY hosts that are only protocol: no process, no PTY, a few kilobytes each, so that a thousand of them fit
//! beside the server they talk to.

pub mod agent;
pub mod host;
