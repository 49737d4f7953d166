//! A machine that slept: what was typed before it fell asleep and has waited since is not applied when it wakes up.

use std::time::Duration;

use super::support::process::signal_pid;
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::World;

/// More than the five seconds after which an agent believes that it slept.
const SLEEP: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_key_that_waited_for_a_sleeping_machine_is_never_applied_late() {
    let world = World::start().await;
    key_waits(&world, world.agent_pid()).await;
}

#[tokio::test]
async fn a_key_that_waited_for_a_sleeping_server_is_never_applied_late() {
    let world = World::start().await;
    key_waits(&world, world.server_pid()).await;
}

/// A signal stops a thread that runs on another processor only a moment later.
fn stands_still(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    threads.map(|thread| std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default()).all(|stat| {
        // proc(5): the state follows the name, which stands in parentheses.
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    })
}

/// Types a key while `sleeper` sleeps, leaves, and looks what became of it.
async fn key_waits(world: &World, sleeper: u32) {
    let session = world.start_session("bash", &["-c", "stty raw -echo; echo ready; exec cat"]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.expect_text("ready").await;

    signal_pid(sleeper, "STOP");
    poll("every thread stands still", async || stands_still(sleeper).then_some(())).await;
    viewer.type_text("y").await;
    // The key is on its way to the sleeper; nothing tells when it has arrived there, and the sleep is longer than that.
    tokio::time::sleep(SLEEP).await;
    drop(viewer); // Its tab is closed: nobody is left to send the key again.
    signal_pid(sleeper, "CONT");

    let viewer = world.viewer(session, Manners::default()).await;
    viewer.expect("the way is whole again", |seen| seen.live.then_some(())).await;
    viewer.type_text("now").await;
    viewer.expect_text("now").await;
    let screen = viewer.text();
    assert!(screen.contains("now") && !screen.contains("ynow"), "the late key was applied:\n{screen}");
}
