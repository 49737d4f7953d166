//! How much output passes: to one viewer, to a hundred, and what it costs.

use std::path::Path;
use std::time::{Duration, Instant};

use sessionforge::base::id::SessionId;
use sessionforge::wire::message::Take;

use super::probe::{Line, Probe};
use super::support::process::cpu_time;
use super::support::world::World;
use super::table::{Table, mb_s, median};
use super::{SHELL, per_second};

/// Runs per figure; the median counts.
const RUNS: usize = 3;

/// Output to one viewer, against a bare PTY read in the same minute.
pub async fn one_viewer(world: &World, material: &Path, bytes: u64, pty_rate: f64, table: &mut Table) {
    let session = world.start_session(SHELL.0, SHELL.1).await;
    let mut viewer = Probe::attach(&world.http, session, Take::Always, Line::default()).await;
    viewer.run("stty cols 120 rows 40", "ready").await;
    let pids = pids(world, session);
    let (mut rates, mut cpu, mut delivered) = (Vec::new(), [const { Vec::new() }; 3], Vec::new());
    for _ in 0..RUNS {
        let before = pids.map(cpu_time);
        let output = viewer.output;
        let took = viewer.run(&format!("cat {}", material.display()), "end-of-run").await;
        rates.push(per_second(bytes, took));
        delivered.push((viewer.output - output) as f64 / bytes as f64);
        for (all, (pid, before)) in cpu.iter_mut().zip(pids.iter().zip(before)) {
            let gib = bytes as f64 / (1u64 << 30) as f64;
            all.push((cpu_time(*pid).saturating_sub(before)).as_secs_f64() / gib);
        }
    }
    let rate = median(rates);
    let bar = format!("≥ 0.6 × bare PTY read = {}", mb_s(0.6 * pty_rate));
    table.bar("output to one viewer", mb_s(rate), &bar, rate >= 0.6 * pty_rate);
    table.note("of it delivered byte for byte, the rest as repaints", format!("{:.0} %", 100.0 * median(delivered)));
    let [server, agent, host] = cpu.map(median);
    let sum = server + agent + host;
    let parts = format!("{sum:.1} s (server {server:.1}, agent {agent:.1}, host with model {host:.1})");
    table.bar("processor seconds per GiB", parts, "≤ sshx: 51 s", sum <= 51.0);
}

/// One session, a hundred viewers.
pub async fn fan_out(world: &World, material: &Path, table: &mut Table) {
    const VIEWERS: usize = 100;
    let session = world.start_session(SHELL.0, SHELL.1).await;
    let mut typist = Probe::attach(&world.http, session, Take::Always, Line::default()).await;
    let mut watchers = Vec::new();
    for _ in 1..VIEWERS {
        watchers.push(Probe::attach(&world.http, session, Take::Never, Line::default()).await);
    }
    let started = Instant::now();
    let watching: Vec<_> = watchers
        .into_iter()
        .map(|mut watcher| {
            tokio::spawn(async move {
                watcher.until("end-of-fan").await;
                watcher
            })
        })
        .collect();
    typist.run(&format!("cat {}", material.display()), "end-of-fan").await;
    let mut repaints = typist.repaints - 1;
    let mut received = typist.output + typist.painted;
    let mut lost = 0;
    for watcher in watching {
        match watcher.await {
            Ok(watcher) => {
                repaints += watcher.repaints - 1;
                received += watcher.output + watcher.painted;
            }
            Err(_) => lost += 1,
        }
    }
    let took = started.elapsed();
    let told = format!("{:.2} s, {} in sum, {repaints} repaints", took.as_secs_f64(), mb_s(per_second(received, took)));
    table.note("100 viewers of one session, until the last has the end", told);
    table.bar("of them cut off", lost.to_string(), "0", lost == 0);
}

/// The only viewer has stopped reading while a lot is printed.
pub async fn only_viewer_stalled(world: &World, material: &Path, times: u64, bytes: u64, table: &mut Table) {
    let session = world.start_session(SHELL.0, SHELL.1).await;
    let mut viewer = Probe::attach(&world.http, session, Take::Always, Line::default()).await;
    let pids = pids(world, session);
    let memory = || pids.map(super::support::process::private_bytes);
    let mark = world.dir().join("printed");
    let before = memory();
    let started = Instant::now();
    let command =
        format!("for i in $(seq {times}); do cat {}; done; echo done > {}\r", material.display(), mark.display());
    viewer.type_text(&command).await;
    let mut most = before;
    while !mark.exists() && started.elapsed() < Duration::from_mins(3) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for (most, now) in most.iter_mut().zip(memory()) {
            *most = (*most).max(now);
        }
    }
    let took = started.elapsed();
    let rate = per_second(times * bytes, took);
    table.bar(
        "printed while the only viewer is stalled",
        format!("{:.2} GiB at {}", (times * bytes) as f64 / (1u64 << 30) as f64, mb_s(rate)),
        "the program is not held",
        mark.exists(),
    );
    let grown: Vec<String> = ["server", "agent", "host"]
        .iter()
        .zip(most.iter().zip(before))
        .map(|(name, (most, before))| format!("{name} +{}", super::table::mib(most.saturating_sub(before))))
        .collect();
    table.note("grown meanwhile at most", grown.join(", "));
}

/// Process ids of server, agent and the session's host.
pub fn pids(world: &World, session: SessionId) -> [u32; 3] {
    [world.server_pid(), world.agent_pid(), world.host_pid(session)]
}
