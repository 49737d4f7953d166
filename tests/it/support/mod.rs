//! The harness: worlds, viewers, browsers, and waits that have names.
#![allow(dead_code, reason = "shared with benches/journey.rs, and neither uses all of it")]

pub mod chrome;
pub mod http;
pub mod process;
pub mod wait;
