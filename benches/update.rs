//! A machine's agent from its first line to its next version, as its people feel it: the release binary, run by a real
//! `systemd --user`.
//!
//! `cargo bench --bench update` prints a table of what was measured beside the bar it is held to; `-- install` and `-- agent`
//! run one part each. It takes root, to start a service manager of its own, and says so where that cannot be had. Nothing
//! here fails on a figure; a session that is lost stops it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::format_push_string,
    reason = "a bench prints, and stops at the first thing that does not work"
)]
#![allow(unreachable_pub, dead_code, reason = "nothing is outside of a bench, and it shares files with another one")]

#[path = "update/agent.rs"]
mod agent;
#[path = "update/install.rs"]
mod install;
#[path = "../tests/it/support/mod.rs"]
mod support;
#[path = "journey/table.rs"]
mod table;

use std::time::Duration;

use table::{Table, ms, percentile};

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let mut table = Table::default();
    if run("install") {
        install::run(&mut table).await;
    }
    if run("agent") {
        agent::run(&mut table).await;
    }
    println!("\n{}", table.markdown());
}

/// Writes down the middle one and the worst of `times`; all of them are to be within `bar`.
fn all_within(table: &mut Table, what: &str, times: &mut [Duration], bar: Duration) {
    let (p50, worst) = (percentile(times, 0.5), percentile(times, 1.0));
    let what = format!("{what}, p50 / worst of {}", times.len());
    table.bar(&what, format!("{} / {}", ms(p50), ms(worst)), &format!("≤ {} s", bar.as_secs()), worst <= bar);
}
