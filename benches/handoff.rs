//! A handoff and a request for leave, measured from outside: the real release binaries, and the page in Chromium.
//!
//! `cargo bench --bench handoff` prints each figure beside its bar, and fails on none. It takes a minute and wants the machine
//! for itself. `cargo bench --bench handoff -- hook adopt` runs the parts whose names hold one of the words: `hook`, `pause`,
//! `adopt`, `needs`.
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
#![allow(unreachable_pub, reason = "nothing is outside of a bench")]

#[path = "handoff/hook.rs"]
mod hook;
#[path = "handoff/people.rs"]
mod people;
#[allow(dead_code, reason = "the journey's, and all of it is used there")]
#[path = "journey/probe.rs"]
mod probe;
#[path = "../tests/it/support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the journey's, and all of it is used there")]
#[path = "journey/table.rs"]
mod table;

use std::time::Duration;

use table::{Table, ms, percentile};

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let mut table = Table::default();
    if run("hook") {
        hook::cost(&mut table).await;
    }
    if let Some(scene) = people::Scene::start().await {
        if run("pause") {
            scene.pause(&mut table).await;
        }
        if run("adopt") {
            scene.adopt(&mut table).await;
        }
        if run("needs") {
            scene.needs(&mut table).await;
        }
    }
    println!("\n{}", table.markdown());
}

/// Writes down p50 and the slowest of `times`; all of them are to be within `bar`.
fn all_within(table: &mut Table, what: &str, times: &mut [Duration], bar: Duration) {
    let (p50, most) = (percentile(times, 0.5), percentile(times, 1.0));
    let measured = format!("{} / {}", ms(p50), ms(most));
    let what = format!("{what}, p50 / slowest of {}", times.len());
    table.bar(&what, measured, &format!("≤ {} ms", bar.as_millis()), most <= bar);
}
