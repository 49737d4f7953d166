//! The crowd stays for a while, and everything in it comes and goes: does anything grow?

use std::time::Duration;

use tokio::time::Instant;

use super::Measure;
use super::crowd::Crowd;
use super::support::process::{cpu_time, open_files, private_bytes, threads};
use super::support::world::World;
use super::table::{Table, median, mib, ms, percentile};

/// Time between two looks at the server.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Time between two events of each kind: agents reconnect, sessions are replaced, titles change, viewers reconnect.
const EVENT_EVERY: Duration = Duration::from_millis(200);

/// Lines a second that fill every log that is watched (2 MiB) within a minute, with lines of 61 bytes.
const FILLING_LINES: usize = 1_000;

/// Viewers that come for a short while, at a time.
const VISITORS: usize = 20;

/// Times that everybody goes and comes again.
const ROUNDS: usize = 2;

/// The server, at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    memory: u64,
    files: usize,
    threads: usize,
}

impl Look {
    fn at(pid: u32) -> Self {
        Self { memory: private_bytes(pid), files: open_files(pid), threads: threads(pid) }
    }

    fn told(self) -> String {
        format!("{}, {} files, {} threads", mib(self.memory), self.files, self.threads)
    }
}

/// Measures.
pub async fn measure(measure: Measure, table: &mut Table) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let pid = world.server_pid();
    table.note("server, nobody there", Look::at(pid).told());
    let began = Instant::now();
    let mut crowd = Crowd::arrive(&mut world, measure).await;
    let took = began.elapsed().as_secs_f64();
    let what = format!("{} agents register, then {} viewers attach", measure.agents, measure.viewers);
    table.note(&what, format!("{took:.2} s"));
    // A minute in which everything that has a bound comes to it: the hubs' logs, the allocator's and the runtime's pools.
    crowd.pace(FILLING_LINES).await;
    hold(&mut crowd, pid, Duration::from_mins(1)).await;
    crowd.pace(1).await;
    crowd.board.with(|found| found.echoes.clear());
    let cpu = cpu_time(pid);
    let looks = hold(&mut crowd, pid, measure.time).await;
    let cpu = cpu_time(pid).saturating_sub(cpu).as_secs_f64() / measure.time.as_secs_f64();
    crowd.settle().await;
    tell(&looks, table);
    let (mut echoes, typed, connections) =
        crowd.board.with(|found| (found.echoes.clone(), found.typed, found.connections));
    table.note(
        "echo, p50 / p99",
        format!("{} / {}", ms(percentile(&mut echoes, 0.5)), ms(percentile(&mut echoes, 0.99))),
    );
    table.note("echo, longest", ms(percentile(&mut echoes, 1.0)));
    table.bar("keys lost, doubled or out of order", format!("0 of {typed}"), "0", true);
    table.note("viewers that stayed were connected, times", connections.to_string());
    table.note("server's processor time", format!("{:.0} % of one core", 100.0 * cpu));

    // Everybody goes and comes again: nothing of the first time may stay.
    let mut empty = Vec::new();
    for _ in 0..ROUNDS {
        crowd.go().await;
        empty.push(left(pid).await);
        crowd.come_back(measure).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    crowd.go().await;
    empty.push(left(pid).await);
    for (round, look) in empty.iter().enumerate() {
        table.note(&format!("everybody has gone, time {}", round + 1), look.told());
    }
    let (first, last) = (empty[0], empty[ROUNDS]);
    let leaked = last.files.saturating_sub(first.files);
    table.bar("files more after everybody came and went again", leaked.to_string(), "0", leaked == 0);
    let grown = last.memory as f64 / first.memory as f64 - 1.0;
    table.bar("memory more", format!("{:+.1} %", 100.0 * grown), "≤ 5 %", grown <= 0.05);
}

/// Holds the crowd for `time` while everything in it comes and goes.
async fn hold(crowd: &mut Crowd, pid: u32, time: Duration) -> Vec<Look> {
    let mut random = Random(0x5eed);
    let (mut looks, mut visitors) = (Vec::new(), std::collections::VecDeque::new());
    let (mut look, mut event) = (tokio::time::interval(LOOK_EVERY), tokio::time::interval(EVENT_EVERY));
    let end = Instant::now() + time;
    let mut number = 0u64;
    while Instant::now() < end {
        tokio::select! {
            _ = look.tick() => looks.push(Look::at(pid)),
            _ = event.tick() => {
                number += 1;
                let agents = crowd.agents.len();
                crowd.agents[random.below(agents)].cut().await;
                let agent = &crowd.agents[random.below(agents)];
                let newest = agent.look(|seen| *seen.sessions.last().unwrap());
                agent.replace(newest).await;
                for _ in 0..5 {
                    let agent = &crowd.agents[random.below(agents)];
                    let session = agent.look(|seen| seen.sessions[1]);
                    agent.retitle(session, format!("a new title, the {number}th")).await;
                }
                if number.is_multiple_of(3) {
                    crowd.viewers[random.below(crowd.viewers.len())].cut();
                }
                // Some look at a session that ends under their eyes.
                let agent = &crowd.agents[random.below(agents)];
                let session = agent.look(|seen| seen.sessions[random.below(seen.sessions.len())]);
                visitors.push_back(crowd.visitor(session));
                if visitors.len() > VISITORS {
                    visitors.pop_front();
                }
            }
        }
    }
    looks
}

/// What the server holds once it has noticed that everybody has gone.
async fn left(pid: u32) -> Look {
    // Good-byes take a second, the blocking pool's threads ten seconds more.
    tokio::time::sleep(Duration::from_secs(13)).await;
    Look::at(pid)
}

fn tell(looks: &[Look], table: &mut Table) {
    let of = |looks: &[Look], what: fn(&Look) -> f64| median(looks.iter().map(what).collect());
    let (first, last) = looks.split_at(looks.len() / 2);
    let memory: fn(&Look) -> f64 = |look| look.memory as f64;
    let (before, after) = (of(first, memory), of(last, memory));
    let change = after / before - 1.0;
    table.bar(
        "server's private memory, median of the last half over the first",
        format!("{} over {}: {:+.2} %", mib(after as u64), mib(before as u64), 100.0 * change),
        "within 5 %",
        change.abs() <= 0.05,
    );
    for (what, count) in
        [("files", (|look| look.files as f64) as fn(&Look) -> f64), ("threads", |look| look.threads as f64)]
    {
        let most = looks.iter().map(count).fold(0.0, f64::max);
        table.note(
            &format!("server's {what}, median of the first half, of the last, most"),
            format!("{:.0}, {:.0}, {most:.0}", of(first, count), of(last, count)),
        );
    }
}

/// Any sequence will do, if it is the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
