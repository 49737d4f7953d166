//! The harness: worlds, viewers, browsers, and waits that have names.
#![allow(dead_code, reason = "shared with benches/journey.rs, and neither uses all of it")]

pub mod chrome;
pub mod claude;
pub mod http;
pub mod local;
pub mod messages_api;
pub mod other_build;
pub mod page;
pub mod played;
pub mod process;
pub mod proxy;
pub mod random;
pub mod screen;
pub mod server;
pub mod socket;
pub mod systemd;
pub mod tab;
pub mod viewer;
pub mod wait;
pub mod world;
