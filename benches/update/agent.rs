//! `sessionforge update` on a machine with live sessions, each of which somebody watches.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sessionforge::base::id::SessionId;

use crate::support::other_build::install;
use crate::support::process::run as run_command;
use crate::support::systemd::{UserSystemd, with};
use crate::support::viewer::{Manners, Viewer};
use crate::support::world::World;
use crate::table::{Table, ms, percentile};

/// Sessions, each with a viewer.
const SESSIONS: usize = 50;

/// Updates, to the other build and back in turns.
const UPDATES: usize = 6;

/// The promise.
const BAR: Duration = Duration::from_secs(2);

/// What a page waits at most before its first try to come back.
const FIRST_TRY_WITHIN: Duration = Duration::from_millis(250);

/// A program that prints a line ten times a second, and starts none of its own to do so.
const TICKS: &str = "n=0; while :; do n=$((n+1)); echo tick $n; read -rt 0.1; done";

/// Between an update and the next: each meets an agent that has settled.
const SETTLED: Duration = Duration::from_secs(3);

pub async fn run(table: &mut Table) {
    let mut world = World::start().await;
    world.terminate_agent().await;
    let Some(_systemd) = UserSystemd::start(world.place()).await else { return };
    let program = world.place().path("bin/sessionforge");
    install(&program, false);
    let data_dir = world.place().path("agent").display().to_string();
    command(&world, &program, &["service", "install", "--data-dir", &data_dir]).await;
    world.expect_machine().await;

    let mut viewers = Vec::new();
    for _ in 0..SESSIONS {
        let session = world.start_session("bash", &["-c", TICKS]).await;
        let manners = Manners { screen: false, reconnect_delay: FIRST_TRY_WITHIN, ..Manners::default() };
        viewers.push(world.viewer(session, manners).await);
    }
    let before = hosts(&world);
    assert_eq!(before.len(), SESSIONS);

    let (mut gaps, mut updates) = (Vec::new(), Vec::new());
    for round in 0..UPDATES {
        tokio::time::sleep(SETTLED).await;
        let next = world.place().path("next");
        install(&next, round % 2 == 0);
        let over = AtomicBool::new(false);
        let update = async {
            let began = Instant::now();
            let from = next.display().to_string();
            let arguments = ["update", "--data-dir", &data_dir, "--from", &from, "--allow-downgrade"];
            command(&world, &program, &arguments).await;
            updates.push(began.elapsed());
            over.store(true, Ordering::Relaxed);
        };
        let (longest, ()) = tokio::join!(longest_gaps(&viewers, &over), update);
        gaps.extend(longest);
        assert_eq!(hosts(&world), before, "every session is there, in the process it was in");
    }
    for viewer in &viewers {
        let seen = viewer.look(|seen| (seen.ended, seen.detached.clone(), seen.violations.clone()));
        assert_eq!(seen, (None, None, Vec::new()), "its program lives, and no byte is missing or doubled");
    }
    let lost = SESSIONS - hosts(&world).len();
    table.bar(&format!("sessions lost by {UPDATES} updates, of {SESSIONS}"), lost.to_string(), "0", lost == 0);
    let what = format!("update with {SESSIONS} live sessions: the longest that a viewer saw nothing new");
    crate::all_within(table, &what, &mut gaps, BAR);
    let (p50, worst) = (percentile(&mut updates, 0.5), percentile(&mut updates, 1.0));
    table.note("the whole command, p50 / worst", format!("{} / {}", ms(p50), ms(worst)));
}

/// For each viewer the longest time without output, from now until output has come after it is `over`. Some 100 ms of it
/// are the program's.
async fn longest_gaps(viewers: &[Viewer], over: &AtomicBool) -> Vec<Duration> {
    let longest = viewers.iter().map(|viewer| async move {
        let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
        loop {
            let was_over = over.load(Ordering::Relaxed);
            let had = viewer.look(|seen| seen.offset);
            viewer.expect("output goes on", |seen| (seen.offset > had).then_some(())).await;
            longest = longest.max(last.elapsed());
            last = Instant::now();
            if was_over {
                return longest;
            }
        }
    });
    futures_util::future::join_all(longest).await
}

/// The sessions of the machine, and the processes that own them.
fn hosts(world: &World) -> BTreeMap<SessionId, u32> {
    world.place().hosts().into_iter().map(|facts| (facts.info.id, facts.host_pid)).collect()
}

async fn command(world: &World, program: &Path, arguments: &[&str]) {
    let ran = run_command(with(world.place(), world.place().command_of(program, arguments))).await;
    assert_eq!(ran.code, 0, "{ran:?}");
}
