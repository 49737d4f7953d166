//! What a command costs that only tells something.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::world::{Place, World};
use crate::table::{Table, ms, percentile};

/// Runs of each.
const RUNS: usize = 100;

/// Sessions that `status` asks.
const SESSIONS: usize = 3;

pub async fn run(table: &mut Table) {
    let place = Place::new();
    let mut floor = times(|| Command::new("/bin/true"));
    table.note("limit: a program that does nothing, p50 / p99", both(&mut floor));
    let mut version = times(|| place.command(&["--version"]));
    bar(table, "`sessionforge --version`, p50 / p99", &mut version, 10);
    let data_dir = place.path("agent");
    let mut alone = times(|| place.command(&["status", "--data-dir", data_dir.to_str().unwrap()]));
    bar(table, "`status` with no agent, p50 / p99", &mut alone, 30);
    let world = World::start().await;
    for _ in 0..SESSIONS {
        world.bash().await;
    }
    let data_dir = world.place().path("agent");
    let mut with = times(|| world.place().command(&["status", "--data-dir", data_dir.to_str().unwrap()]));
    bar(table, "`status` with an agent and three sessions, p50 / p99", &mut with, 50);
}

/// From the start of a process until its end was seen.
fn times(command: impl Fn() -> Command) -> Vec<Duration> {
    (0..RUNS)
        .map(|_| {
            let mut command = command();
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let began = Instant::now();
            command.status().unwrap();
            began.elapsed()
        })
        .collect()
}

fn both(times: &mut [Duration]) -> String {
    format!("{} / {}", ms(percentile(times, 0.5)), ms(percentile(times, 0.99)))
}

fn bar(table: &mut Table, what: &str, times: &mut [Duration], most: u64) {
    let kept = percentile(times, 0.99) <= Duration::from_millis(most);
    table.bar(what, both(times), &format!("≤ {most} ms"), kept);
}
