//! A crowd at the real server: a thousand agents with five sessions each, two hundred viewers that type.
//!
//! `cargo bench --bench soak` runs both parts, in about a quarter of an hour. `-- soak` holds the crowd for ten minutes
//! while everything comes and goes, and looks whether anything grows. `-- restart` kills the server again and again, and
//! takes the time until viewers echo again. `--minutes N`, `--agents N`, `--viewers N` and `--runs N` change the measure.
//!
//! The server is the release binary; agents and viewers are played in this process, beside it on the same machine. Keys
//! that are lost, doubled or out of order end it with an error, figures never do.
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

#[path = "soak/crowd.rs"]
mod crowd;
#[path = "soak/hold.rs"]
mod hold;
#[path = "soak/restart.rs"]
mod restart;
#[path = "../tests/it/support/mod.rs"]
mod support;
#[path = "journey/table.rs"]
mod table;
#[path = "soak/viewer.rs"]
mod viewer;

use std::time::Duration;

use table::Table;

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Agents, with five sessions each.
    pub agents: usize,
    /// Viewers, four of five typing.
    pub viewers: usize,
    /// How long the crowd is held.
    pub time: Duration,
    /// Restarts.
    pub runs: usize,
}

impl Measure {
    fn of(arguments: &[String]) -> Self {
        let number = |name: &str, usual: usize| {
            let at = arguments.iter().position(|argument| argument == name);
            at.map_or(usual, |at| arguments[at + 1].parse().unwrap_or_else(|_| panic!("{name} wants a number")))
        };
        Self {
            agents: number("--agents", 1000),
            viewers: number("--viewers", 200),
            time: Duration::from_mins(number("--minutes", 10) as u64),
            runs: number("--runs", 7),
        }
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measure = Measure::of(&arguments);
    let run = |name: &str| {
        let all = !["soak", "restart"].iter().any(|part| arguments.iter().any(|argument| argument == part));
        all || arguments.iter().any(|argument| argument == name)
    };
    // Each of them is a connection of this process too.
    sessionforge::server::open_files::raise_limit();
    let mut table = Table::default();
    table.note("load average at the start", load());
    if run("restart") {
        restart::measure(measure, &mut table).await;
    }
    if run("soak") {
        hold::measure(measure, &mut table).await;
    }
    table.note("load average at the end", load());
    println!("\n{}", table.markdown());
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
