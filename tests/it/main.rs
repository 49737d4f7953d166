//! Tests of the whole product, from outside: the real binary, real terminals, a real browser, the real Claude Code.
//!
//! # Table of contents
//!
//! | file | proves |
//! |---|---|
//! | [`harness`] | the harness itself: the browser types, the stand-in answers |
//! | [`host`] | PTY hosts: they outlive who started them; every byte, every key, once |
//! | [`tidy`] | the house rules: layers, file sizes, dependencies with reasons |
//!
//! All of it is one binary, because each further one would link the product again. Every test starts its own world
//! in a temporary directory on port 0, so they run side by side; a failure prints what every process said.
//!
//! Chromium, Claude Code and the xterm.js oracle are needed by some. Where one is missing its tests say so loudly and
//! pass; `SESSIONFORGE_REQUIRE_BROWSER=1`, `SESSIONFORGE_REQUIRE_CLAUDE=1` and `SESSIONFORGE_REQUIRE_ORACLE=1` make
//! that a failure. `.ci/run` sets all three.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    clippy::format_push_string,
    reason = "a test fails by panicking, and says why on standard error"
)]
#![allow(unreachable_pub, reason = "nothing is outside of a test binary")]

mod harness;
mod host;
mod support;
mod tidy;
