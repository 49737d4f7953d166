//! Accounts and the REST API against their bars: the check of a key, a sign-in, a revocation, and polling beside a thousand
//! agents.
//!
//! `cargo bench --bench api`, or `-- key`, `sign-in`, `revoke`, `get` for one of them. `--agents N`, `--rate N` and
//! `--seconds N` change the crowd and the polling. The server is the release binary with all its sockets; agents and pollers
//! are played in this process, beside it on the same machine. The check of a key is measured in this process.
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
#![allow(unreachable_pub, dead_code, reason = "nothing is outside of a bench, and what it shares is not all used")]

#[path = "api/get.rs"]
mod get;
#[path = "api/key.rs"]
mod key;
#[path = "api/poller.rs"]
mod poller;
#[path = "api/revoke.rs"]
mod revoke;
#[path = "api/sign_in.rs"]
mod sign_in;
#[path = "../tests/it/support/mod.rs"]
mod support;
#[path = "journey/table.rs"]
mod table;

use std::time::Duration;

use table::Table;

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Agents that are connected and idle.
    pub agents: usize,
    /// Requests a second.
    pub rate: usize,
    /// How long each address is polled.
    pub time: Duration,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, usual: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map_or(usual, |at| arguments[at + 1].parse().unwrap_or_else(|_| panic!("{name} wants a number")))
    };
    let measure = Measure {
        agents: number("--agents", 1000),
        rate: number("--rate", 2000),
        time: Duration::from_secs(number("--seconds", 10) as u64),
    };
    let parts = ["key", "sign-in", "revoke", "get"];
    let all = !parts.iter().any(|part| arguments.iter().any(|argument| argument == part));
    let run = |name: &str| all || arguments.iter().any(|argument| argument == name);
    // Each agent and each poller is a connection of this process too.
    sessionforge::server::open_files::raise_limit();
    let mut table = Table::default();
    table.note("load average at the start", load());
    if run("key") {
        key::measure(&mut table).await;
    }
    if run("sign-in") {
        sign_in::measure(&mut table).await;
    }
    if run("revoke") {
        revoke::measure(&mut table).await;
    }
    if run("get") {
        get::measure(measure, &mut table).await;
    }
    table.note("load average at the end", load());
    println!("\n{}", table.markdown());
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
