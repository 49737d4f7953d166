//! Many, old, and idle: attaching to a long history, a thousand viewers at once, and what everything weighs.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sessionforge::wire::message::Take;

use super::SHELL;
use super::probe::{Line, Probe};
use super::support::process::private_bytes;
use super::support::world::World;
use super::table::{Table, median, mib, ms};

const MIB: u64 = 1 << 20;

/// A viewer attaches to a session with 10 MiB of output behind it.
pub async fn attach(world: &World, material: &Path, table: &mut Table) {
    let session = world.start_session(SHELL.0, SHELL.1).await;
    let mut typist = Probe::attach(&world.http, session, Take::Always, Line::default()).await;
    typist.run(&format!("head -c {} {} | sed '$d'", 10 * MIB, material.display()), "end-of-history").await;
    let (mut times, mut bytes) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let started = Instant::now();
        let mut viewer = Probe::attach(&world.http, session, Take::Never, Line::default()).await;
        // The first screen may be a page of output old; that page comes right behind it.
        viewer.until("end-of-history").await;
        times.push(started.elapsed().as_secs_f64());
        bytes.push(viewer.painted as f64);
        assert!(viewer.shows("end-of-history"), "the first screen is the newest");
    }
    let time = Duration::from_secs_f64(median(times));
    table.bar("attach behind 10 MiB: first screen", ms(time), "≤ 30 ms", time <= Duration::from_millis(30));
    let bytes = median(bytes);
    table.bar("sent for it", format!("{:.1} kB", bytes / 1e3), "≤ 100 kB", bytes <= 100e3);
}

/// A thousand viewers of one session connect at once.
pub async fn thousand(world: &World, table: &mut Table) {
    const VIEWERS: usize = 1000;
    let session = world.start_session(SHELL.0, SHELL.1).await;
    let started = Instant::now();
    let connecting: Vec<_> = (0..VIEWERS)
        .map(|_| {
            let who = world.http.clone();
            tokio::spawn(async move { Probe::attach(&who, session, Take::Never, Line::default()).await })
        })
        .collect();
    let mut attached = Vec::with_capacity(VIEWERS);
    for viewer in connecting {
        attached.extend(viewer.await.ok());
    }
    let took = started.elapsed();
    table.bar(
        "1,000 viewers connect at once",
        format!("{} attached in {:.2} s", attached.len(), took.as_secs_f64()),
        "all within 2 s",
        attached.len() == VIEWERS && took <= Duration::from_secs(2),
    );
    // Those that were let in must stay in.
    let checks: Vec<_> = attached
        .into_iter()
        .map(|mut viewer| {
            tokio::spawn(async move {
                tokio::time::timeout(Duration::from_secs(2), async { while viewer.turn().await.is_ok() {} })
                    .await
                    .is_err()
            })
        })
        .collect();
    let mut cut = 0;
    for check in checks {
        cut += usize::from(!check.await.unwrap_or(false));
    }
    table.bar("cut off in the two seconds after", cut.to_string(), "0", cut == 0);
}

/// What each process weighs.
pub async fn memory(world: &World, table: &mut Table) {
    const SESSIONS: u64 = 10;
    let (server, agent) = (private_bytes(world.server_pid()), private_bytes(world.agent_pid()));
    let mut hosts = Vec::new();
    for _ in 0..SESSIONS {
        hosts.push(world.start_session("sh", &[]).await);
    }
    let idle = median(hosts.iter().map(|session| private_bytes(world.host_pid(*session)) as f64).collect()) as u64;
    table.bar("memory of an idle PTY host", mib(idle), "≤ 6 MiB", idle <= 6 * MIB);
    let session = world.start_session(SHELL.0, SHELL.1).await;
    let mut viewer = Probe::attach(&world.http, session, Take::Always, Line::default()).await;
    let line = "printf '%0119d\\n' $i";
    viewer.run(&format!("for i in $(seq 6000); do {line}; done"), "end-of-lines").await;
    drop(viewer);
    let full = private_bytes(world.host_pid(session));
    table.bar("with 5,000 lines of 120 behind it", mib(full), "≤ 20 MiB", full <= 20 * MIB);
    let bar = 15 * MIB + (SESSIONS + 1) * MIB / 10;
    let now = private_bytes(world.agent_pid());
    table.bar(
        "memory of the agent",
        format!("{} ({} before)", mib(now), mib(agent)),
        &format!("≤ {}", mib(bar)),
        now <= bar,
    );
    let bar = 25 * MIB + 32 * 1024 + (SESSIONS + 1) * 16 * 1024;
    let now = private_bytes(world.server_pid());
    let told = format!("{} ({} before)", mib(now), mib(server));
    table.bar("memory of the server", told, &format!("≤ {}", mib(bar)), now <= bar);
    for session in hosts {
        world.stop_session(session).await;
    }
}

/// From `exec` to the first byte of an answer.
pub async fn start(table: &mut Table) {
    let mut times = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        let mut world = World::server_only().await;
        world.http.get("/").await;
        times.push(started.elapsed().as_secs_f64());
    }
    let time = Duration::from_secs_f64(median(times));
    table.bar("server start to first byte served", ms(time), "≤ 100 ms", time <= Duration::from_millis(100));
}

/// Size of the file that is shipped.
pub fn binary(table: &mut Table) {
    let path = env!("CARGO_BIN_EXE_sessionforge");
    let bytes = std::fs::metadata(path).map_or(0, |data| data.len());
    table.bar("size of the binary", mib(bytes), "≤ 20 MiB", bytes > 0 && bytes <= 20 * MIB);
    let version = Command::new(path).arg("--version").output();
    assert!(version.is_ok_and(|output| output.status.success()), "the binary runs");
}
