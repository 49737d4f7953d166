//! How it feels: from a key to its echo, from Ctrl-C to the prompt.

use std::path::Path;
use std::time::{Duration, Instant};

use sessionforge::wire::message::Take;

use super::SHELL;
use super::probe::{Line, Probe};
use super::support::world::World;
use super::table::{Table, median, ms, percentile};

/// Echo samples per situation, and the pause between two: a fast typist.
const SAMPLES: usize = 500;
const EVERY: Duration = Duration::from_millis(20);

/// A viewer of a program that sends back what it gets.
pub async fn echo_viewer(world: &World) -> Probe {
    let session = world.start_session("sh", &["-c", "stty raw -echo; echo ready; exec cat"]).await;
    let mut viewer = Probe::attach(&world.http, session, Take::Always, Line::default()).await;
    viewer.until("ready").await;
    viewer.read_for(Duration::from_millis(100)).await;
    viewer
}

/// Echo with nothing else going on.
pub async fn idle(world: &World, table: &mut Table) -> Duration {
    let mut times = echo_viewer(world).await.echoes(SAMPLES, EVERY).await;
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    table.bar("echo, idle, p50", ms(p50), "≤ 0.9 ms", p50 <= Duration::from_micros(900));
    table.note("echo, idle, p99", ms(p99));
    p99
}

/// Echo while another session of the same machine prints as fast as it can to a viewer who reads it all.
pub async fn beside_a_flood(world: &World, material: &Path, table: &mut Table) {
    let flooding = world.start_session(SHELL.0, SHELL.1).await;
    let mut flood = Probe::attach(&world.http, flooding, Take::Always, Line::default()).await;
    flood.type_text(&format!("while :; do cat {}; done\r", material.display())).await;
    let reader = tokio::spawn(async move { while flood.turn().await.is_ok() {} });
    let mut times = echo_viewer(world).await.echoes(SAMPLES, EVERY).await;
    reader.abort();
    world.stop_session(flooding).await;
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    table.note("echo beside a flood, p50", ms(p50));
    table.bar("echo beside a flood, p99", ms(p99), "≤ sshx: 5.1 ms", p99 <= Duration::from_micros(5100));
}

/// Echo beside another viewer of the same session who has stopped reading.
pub async fn beside_a_stalled_viewer(world: &World, idle_p99: Duration, table: &mut Table) {
    let session = world.start_session("sh", &["-c", "stty raw -echo; seq 200000; echo ready; exec cat"]).await;
    let mut viewer = Probe::attach(&world.http, session, Take::Always, Line::default()).await;
    let stalled = Probe::attach(&world.http, session, Take::Never, Line::default()).await;
    viewer.until("ready").await;
    let mut times = viewer.echoes(SAMPLES, EVERY).await;
    drop(stalled);
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    table.note("echo beside a stalled viewer, p50", ms(p50));
    let kept = p99 <= idle_p99 * 2;
    table.bar("echo beside a stalled viewer, p99", ms(p99), &format!("as idle: {}", ms(idle_p99)), kept);
}

/// From Ctrl-C to the prompt while `yes` floods.
pub async fn ctrl_c(world: &World, line: Line, what: &str, bar: Duration, table: &mut Table) {
    const RUNS: usize = 5;
    let session = world.start_session(SHELL.0, SHELL.1).await;
    let mut times = Vec::new();
    for run in 0..RUNS {
        let mut viewer = Probe::attach(&world.http, session, Take::Always, line).await;
        let prompt = format!("prompt-{run}>");
        viewer.type_text(&format!("PS1='prom''pt-{run}>'\r")).await;
        viewer.until(&prompt).await;
        viewer.forget();
        viewer.type_text("yes\r").await;
        viewer.read_for(Duration::from_secs(2)).await;
        viewer.forget();
        let started = Instant::now();
        viewer.type_text("\x03").await;
        viewer.until(&prompt).await;
        times.push(started.elapsed().as_secs_f64());
    }
    let time = Duration::from_secs_f64(median(times));
    table.bar(what, ms(time), &format!("≤ {}", ms(bar)), time <= bar);
}
