//! What it costs that a PTY host leaves its last screen on disk, beside hosts that do not.

use std::path::Path;
use std::time::{Duration, Instant};

use sessionforge::wire::message::Take;

use super::latency::echo_viewer;
use super::probe::{Line, Probe};
use super::support::process::cpu_time;
use super::support::world::World;
use super::table::{Table, mb_s, median, ms, percentile};
use super::{SHELL, per_second};

/// Runs of each kind, in turn, so that both have the same machine; the median counts.
const RUNS: usize = 7;

/// Keys of a run, and the pause between two.
const KEYS: usize = 200;
const EVERY: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Seen {
    rates: Vec<f64>,
    host: Vec<f64>,
    echoes: Vec<Duration>,
}

/// A flood, then a typist, with last screens and without.
pub async fn cost(material: &Path, bytes: u64, table: &mut Table) {
    let kept = World::start().await;
    let mut without = World::start().await;
    without.terminate_agent().await;
    std::fs::write(without.dir().join("agent/agent.json"), r#"{"allow": ["*"], "keep_screens": false}"#).unwrap();
    without.start_agent().await;
    without.expect_machine().await;
    let mut seen = [Seen::default(), Seen::default()];
    for _ in 0..RUNS {
        for (world, seen) in [&kept, &without].into_iter().zip(&mut seen) {
            run(world, material, bytes, seen).await;
        }
    }
    for (what, mut seen) in ["with last screens", "without them"].into_iter().zip(seen) {
        let host = median(seen.host);
        table.note(&format!("output to one viewer, {what}"), mb_s(median(seen.rates)));
        table.note(&format!("processor seconds of the PTY host per GiB, {what}"), format!("{host:.2} s"));
        let (p50, p99) = (percentile(&mut seen.echoes, 0.5), percentile(&mut seen.echoes, 0.99));
        table.note(&format!("echo, {what}, p50 / p99"), format!("{} / {}", ms(p50), ms(p99)));
    }
}

async fn run(world: &World, material: &Path, bytes: u64, seen: &mut Seen) {
    let session = world.start_session(SHELL.0, SHELL.1).await;
    let mut viewer = Probe::attach(&world.http, session, Take::Always, Line::default()).await;
    viewer.run("stty cols 120 rows 40", "ready").await;
    let host = world.host_pid(session);
    let (cpu, started) = (cpu_time(host), Instant::now());
    viewer.run(&format!("cat {}", material.display()), "end-of-run").await;
    seen.rates.push(per_second(bytes, started.elapsed()));
    let gib = bytes as f64 / (1u64 << 30) as f64;
    seen.host.push(cpu_time(host).saturating_sub(cpu).as_secs_f64() / gib);
    world.stop_session(session).await;
    seen.echoes.extend(echo_viewer(world).await.echoes(KEYS, EVERY).await);
}
