//! The journey of a key and of a byte, measured from outside: the real release binaries on loopback.
//!
//! `cargo bench --bench journey` prints a table of what was measured beside the bar it is held to. It takes about five
//! minutes and wants the machine for itself. Nothing here fails on a figure: figures depend on the machine, and the
//! limits of the machine stand in the same table. `cargo bench --bench journey -- echo attach` runs what is named.
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

#[path = "journey/latency.rs"]
mod latency;
#[path = "journey/limits.rs"]
mod limits;
#[path = "journey/material.rs"]
mod material;
#[path = "journey/probe.rs"]
mod probe;
#[path = "journey/recovery.rs"]
mod recovery;
#[path = "journey/scale.rs"]
mod scale;
#[path = "journey/screens.rs"]
mod screens;
#[path = "journey/speed.rs"]
mod speed;
#[path = "../tests/it/support/mod.rs"]
mod support;
#[path = "journey/table.rs"]
mod table;

use std::time::Duration;

use probe::Line;
use support::world::World;
use table::{Table, mb_s, ms, percentile};

/// The shell of every measurement: nothing but a prompt, no line editor.
const SHELL: (&str, &[&str]) = ("bash", &["--norc", "--noprofile", "--noediting"]);

/// Output of one throughput run, in bytes: long enough that the start does not count.
const MATERIAL_BYTES: u64 = 64 << 20;

/// 1 Mbit/s, in bytes a second.
const SLOW_LINE: u64 = 125_000;

fn per_second(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / took.as_secs_f64()
}

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let mut table = Table::default();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("material");
    material::write(&file, MATERIAL_BYTES).unwrap();
    let bytes = std::fs::metadata(&file).unwrap().len();
    let small = dir.path().join("small");
    material::write(&small, MATERIAL_BYTES / 8).unwrap();

    let pty_rate = limits::pty_read(&file).unwrap();
    if run("limits") {
        table.note("limit: bare PTY read", mb_s(pty_rate));
        let mut times = limits::pty_echo(500, Duration::from_millis(5)).unwrap();
        table.note("limit: bare PTY echo, p50 / p99", both(&mut times));
        let (rate, mut times) = limits::websocket(256 << 20, 500, Duration::from_millis(5)).await;
        table.note("limit: loopback WebSocket", mb_s(rate));
        table.note("limit: loopback WebSocket round trip, p50 / p99", both(&mut times));
    }
    if run("start") {
        scale::start(&mut table).await;
        scale::binary(&mut table);
    }
    let world = World::start().await;
    if run("memory") {
        scale::memory(&world, &mut table).await;
    }
    if run("throughput") {
        speed::one_viewer(&world, &file, bytes, pty_rate, &mut table).await;
    }
    if run("echo") {
        let idle_p99 = latency::idle(&world, &mut table).await;
        latency::beside_a_flood(&world, &file, &mut table).await;
        latency::beside_a_stalled_viewer(&world, idle_p99, &mut table).await;
    }
    if run("ctrl-c") {
        let (fast, slow) = (Line::default(), Line { bytes_per_second: Some(SLOW_LINE) });
        let what = "Ctrl-C to prompt under `yes`, fast viewer";
        latency::ctrl_c(&world, fast, what, Duration::from_millis(10), &mut table).await;
        let what = "Ctrl-C to prompt under `yes`, 1 Mbit/s viewer";
        latency::ctrl_c(&world, slow, what, Duration::from_millis(500), &mut table).await;
    }
    if run("attach") {
        scale::attach(&world, &file, &mut table).await;
    }
    if run("fan-out") {
        speed::fan_out(&world, &small, &mut table).await;
    }
    if run("thousand") {
        scale::thousand(&world, &mut table).await;
    }
    if run("stalled") {
        speed::only_viewer_stalled(&world, &file, 16, bytes, &mut table).await;
    }
    if run("screens") {
        screens::cost(&file, bytes, &mut table).await;
    }
    if run("restart") {
        recovery::agent(&mut table).await;
        recovery::server(&mut table).await;
    }
    println!("\n{}", table.markdown());
}

fn both(times: &mut [Duration]) -> String {
    format!("{} / {}", ms(percentile(times, 0.5)), ms(percentile(times, 0.99)))
}
