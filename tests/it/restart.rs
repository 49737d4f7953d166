//! What dies and comes back: agent, server, both. Sessions live on, viewers go on where they were.

use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::World;

/// A shell with something on its screen that only it knows.
async fn busy_shell(world: &World) -> Viewer {
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("secret=kept; echo up a''nd running\r").await;
    viewer.expect_prompt_after("up and running").await;
    viewer
}

/// The same shell, the same screen, and the line goes on without a repaint.
async fn expect_unharmed(viewer: &Viewer, before: &str, repaints: u32) {
    viewer.expect("the way is whole again", |seen| seen.live.then_some(())).await;
    viewer.expect_screen("the same screen", |screen| screen == before).await;
    viewer.type_text("echo still-$secret\r").await;
    viewer.expect_text("still-kept").await;
    viewer.look(|seen| {
        assert_eq!(seen.violations, Vec::<String>::new());
        assert_eq!(seen.repaints, repaints, "it resumed from its offset");
    });
}

#[tokio::test]
async fn a_session_survives_the_agent_killed_and_is_found_again() {
    let mut world = World::start().await;
    let viewer = busy_shell(&world).await;
    let (before, repaints) = viewer.look(|seen| (seen.screen.text(), seen.repaints));
    world.kill_agent();
    viewer.expect("the viewer is told that the way is broken", |seen| (!seen.live).then_some(())).await;
    world.start_agent().await;
    expect_unharmed(&viewer, &before, repaints).await;
}

#[tokio::test]
async fn a_session_survives_the_server_killed_and_its_viewer_goes_on_at_its_offset() {
    let mut world = World::start().await;
    let viewer = busy_shell(&world).await;
    let (before, repaints) = viewer.look(|seen| (seen.screen.text(), seen.repaints));
    world.kill_server();
    viewer.expect("the line breaks", |seen| (!seen.closed.is_empty()).then_some(())).await;
    world.start_server().await;
    viewer.expect("it is back, signed in as before", |seen| seen.attached.then_some(())).await;
    expect_unharmed(&viewer, &before, repaints).await;
}

#[tokio::test]
async fn what_a_program_prints_while_everything_is_down_is_not_lost() {
    let mut world = World::start().await;
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners { screen: false, ..Manners::default() }).await;
    let go = world.dir().join("go");
    let command = format!(
        "until [ -e '{}' ]; do sleep 0.05; done; seq 1 5000; echo the e''nd; touch '{}'\r",
        go.display(),
        world.dir().join("done").display()
    );
    viewer.type_text(&command).await;
    viewer.expect("the command is there", |seen| seen.input_acks.get(&1).copied()).await;
    world.kill_server();
    world.kill_agent();
    std::fs::write(&go, "").unwrap();
    let done = world.dir().join("done");
    poll("the program has printed", async || done.exists().then_some(())).await;
    world.start_server().await;
    world.start_agent().await;
    let tail =
        |seen: &super::support::viewer::Seen| String::from_utf8_lossy(&seen.tail).contains("the end").then_some(());
    viewer.expect("all of it arrives", tail).await;
    viewer.look(|seen| {
        let text = String::from_utf8_lossy(&seen.tail).into_owned();
        assert!(text.contains("\r\n4999\r\n5000\r\n"), "in order");
        assert_eq!((seen.repaints, seen.violations.len()), (1, 0), "byte for byte: {:?}", seen.violations);
    });
}

#[tokio::test]
async fn a_server_stopped_by_ctrl_c_says_goodbye_with_the_code_for_coming_back() {
    let mut world = World::start().await;
    let viewer = busy_shell(&world).await;
    world.interrupt_server().await;
    let closed = viewer.expect("the viewer is told", |seen| seen.closed.first().cloned()).await;
    assert_eq!(closed.code, Some(4000), "{closed:?}");
}
