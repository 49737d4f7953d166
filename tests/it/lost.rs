//! PTY hosts that die, the one process nothing survives: the session is lost and says so, and its last screen stays.

use std::time::Duration;

use serde_json::Value;
use sessionforge::base::id::SessionId;
use sessionforge::host::last_screen::{self, LastScreen};
use sessionforge::host::runtime_dir::{read_facts, screen_path, write_facts};

use super::support::process::{run, signal_pid};
use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::World;

/// A shell whose screen says `words`, a viewer of it, and the screen on disk that holds all the viewer saw.
async fn shell_saying(world: &World, words: &str) -> (SessionId, Viewer) {
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    // The quotes keep the echo of the command from being taken for its output.
    viewer.type_text(&format!("echo {}''{}\r", &words[..1], &words[1..])).await;
    viewer.expect_prompt_after(&format!("\n{words}")).await;
    expect_kept(world, session, &viewer).await;
    (session, viewer)
}

async fn expect_kept(world: &World, session: SessionId, viewer: &Viewer) {
    let offset = viewer.look(|seen| seen.offset);
    poll("the screen is on disk", async || kept(world, session).filter(|last| last.at.offset >= offset)).await;
}

fn run_dir(world: &World) -> std::path::PathBuf {
    world.place().path("agent/run")
}

fn kept(world: &World, session: SessionId) -> Option<LastScreen> {
    last_screen::read(&run_dir(world), session)
}

fn kill_host(world: &World, session: SessionId) {
    signal_pid(world.host_pid(session), "KILL");
}

async fn expect_state(world: &World, session: SessionId, state: &str) -> Value {
    let who = world.http.clone();
    poll(&format!("the server says {state}"), async || {
        let session = who.clone().get(&format!("/api/v1/sessions/{session}")).await.json();
        (session["state"] == state).then_some(session)
    })
    .await
}

/// A viewer who comes now sees `before` and is told that it is over.
async fn expect_last_screen(world: &World, session: SessionId, before: &str) -> Viewer {
    let late = world.viewer(session, Manners::default()).await;
    late.expect_screen("the last screen, as it was", |screen| screen == before).await;
    late.expect("it is over", |seen| seen.ended).await;
    late.look(|seen| assert_eq!(seen.violations, Vec::<String>::new()));
    late
}

#[tokio::test]
async fn a_session_whose_host_is_killed_is_lost_at_once_and_its_last_screen_stays() {
    let world = World::start().await;
    let (session, viewer) = shell_saying(&world, "last words").await;
    let (before, repaints) = viewer.look(|seen| (seen.screen.text(), seen.repaints));
    kill_host(&world, session);
    viewer.expect("whoever watches is told", |seen| seen.ended).await;
    viewer.look(|seen| assert_eq!((seen.screen.text(), seen.repaints), (before.clone(), repaints), "untouched"));

    let lost = expect_state(&world, session, "lost").await;
    let at = |name: &str| lost[name].as_u64().unwrap_or_else(|| panic!("no {name} in {lost}"));
    assert!(at("started_at") <= at("last_screen_at") && at("last_screen_at") <= at("ended_at"), "{lost}");
    assert_eq!((&lost["exit"], &lost["pid"]), (&Value::Null, &Value::Null), "how it ended nobody knows");

    let late = expect_last_screen(&world, session, &before).await;
    late.type_text("x").await;
    let outcome = late.expect("what is typed is refused", |seen| seen.input_acks.get(&1).copied()).await;
    assert_eq!(outcome, sessionforge::wire::frame::InputOutcome::Ended);
}

#[tokio::test]
async fn a_viewer_who_saw_more_than_the_disk_keeps_what_it_saw() {
    let world = World::start().await;
    let (session, viewer) = shell_saying(&world, "on disk").await;
    // Nothing more can be written in its place.
    std::fs::create_dir(run_dir(&world).join(format!("{session}.screen.new"))).unwrap();
    viewer.type_text("echo only se''en\r").await;
    viewer.expect_prompt_after("only seen").await;
    let before = viewer.text();
    kill_host(&world, session);
    viewer.expect("it is over", |seen| seen.ended).await;
    assert_eq!(viewer.text(), before);
    let beside = expect_last_screen(&world, session, &before).await;
    drop((viewer, beside));
    // With nobody left who remembers, it is the disk's.
    poll("nobody watches", async || (expect_state(&world, session, "lost").await["viewers"] == 0).then_some(())).await;
    let late = world.viewer(session, Manners::default()).await;
    late.expect_screen("what was written", |screen| screen.contains("on disk") && !screen.contains("seen")).await;
}

#[tokio::test]
async fn a_host_that_dies_while_the_agent_is_down_is_found_dead() {
    let mut world = World::start().await;
    let (session, viewer) = shell_saying(&world, "nobody looked").await;
    let before = viewer.text();
    world.kill_agent();
    kill_host(&world, session);
    world.start_agent().await;
    expect_state(&world, session, "lost").await;
    viewer.expect("whoever still watches is told", |seen| seen.ended).await;
    assert_eq!(viewer.text(), before);
    expect_last_screen(&world, session, &before).await;
}

#[tokio::test]
async fn after_a_reboot_every_session_is_lost_with_a_screen_of_its_own() {
    let mut world = World::start().await;
    let mut sessions = Vec::new();
    for words in ["first one", "second one", "third one"] {
        let (session, viewer) = shell_saying(&world, words).await;
        sessions.push((session, viewer.text()));
    }
    world.kill_agent();
    world.kill_server();
    for (session, _) in &sessions {
        kill_host(&world, *session);
        let mut facts = read_facts(&run_dir(&world), *session).unwrap();
        assert!(facts.socket.exists(), "what a reboot leaves: a socket that nobody listens on");
        // And a process of that number, which is another one.
        facts.host_pid = std::process::id();
        write_facts(&run_dir(&world), &facts).unwrap();
    }
    world.start_server().await;
    world.start_agent().await;
    for (session, before) in &sessions {
        expect_state(&world, *session, "lost").await;
        expect_last_screen(&world, *session, before).await;
    }
    let data_dir = world.place().path("agent");
    let listed =
        run(world.place().command(&["session", "--data-dir", data_dir.to_str().unwrap(), "list", "--all"])).await;
    assert_eq!(listed.out.matches("lost").count(), 3, "{listed:?}");

    // It does not pass for running again, and goes when it is removed, with all it left.
    let (session, _) = sessions[0];
    world.http.clone().delete(&format!("/api/v1/sessions/{session}")).await.ok();
    let left = std::fs::read_dir(run_dir(&world)).unwrap().flatten();
    let left: Vec<_> =
        left.filter(|entry| entry.file_name().to_string_lossy().contains(&session.to_string())).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn an_ended_session_keeps_its_screen_and_scrollback_without_its_host() {
    let world = World::start().await;
    let session = world.start_session("bash", &["-c", "seq 300; echo the end; exit 7"]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.expect("it ends", |seen| seen.ended).await;
    viewer.expect_text("the end").await;
    let before = viewer.text();
    poll("all of it is on disk", async || kept(&world, session)?.history).await;
    drop(viewer);
    kill_host(&world, session);
    let who = world.http.clone();
    poll("its host is known to be gone", async || {
        who.clone().get(&format!("/api/v1/sessions/{session}")).await.json()["last_screen_at"].as_u64()
    })
    .await;
    assert_eq!(expect_state(&world, session, "exited").await["exit"]["code"], 7);
    let late = expect_last_screen(&world, session, &before).await;
    let (_, history) = late.history(1).await;
    let history = String::from_utf8(history).unwrap();
    assert!(history.contains("\r\n1\r\n2\r\n") || history.contains("1\r\n2\r\n3"), "from the first line on");
}

#[tokio::test]
async fn a_screen_on_disk_that_cannot_be_trusted_is_not_shown_and_the_session_is_there() {
    let mut world = World::start().await;
    let (foreign, _viewer) = shell_saying(&world, "of another").await;
    let others = std::fs::read(screen_path(&run_dir(&world), foreign)).unwrap();
    let wrong = [("torn", others[..others.len() / 2].to_vec()), ("huge", vec![b'x'; 8 << 20]), ("foreign", others)];
    let mut sessions = Vec::new();
    for (what, bytes) in wrong {
        sessions.push((shell_saying(&world, what).await.0, what, bytes));
    }
    world.kill_agent();
    for (session, _, bytes) in &sessions {
        kill_host(&world, *session);
        std::fs::write(screen_path(&run_dir(&world), *session), bytes).unwrap();
    }
    world.start_agent().await;
    for (session, what, _) in &sessions {
        expect_state(&world, *session, "lost").await;
        let late = Viewer::open(&world.http, *session, Manners::default());
        late.expect("it is over", |seen| seen.ended).await;
        late.look(|seen| assert_eq!((seen.repaints, seen.output_bytes), (0, 0), "{what}"));
    }
}

#[tokio::test]
async fn a_machine_whose_owner_keeps_no_screens_has_none() {
    let mut world = World::start().await;
    world.kill_agent();
    std::fs::write(world.place().path("agent/agent.json"), r#"{"allow": ["*"], "keep_screens": false}"#).unwrap();
    world.start_agent().await;
    let session = world.start_session("bash", &["-c", "echo secret; exit 0"]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.expect("it ends", |seen| seen.ended).await;
    world.http.clone().delete(&format!("/api/v1/sessions/{session}")).await.ok();
    // A running one, past the time in which it would have been written.
    let running = world.bash().await;
    let viewer = world.viewer(running, Manners::default()).await;
    viewer.type_text("echo secr''et\r").await;
    viewer.expect_prompt_after("secret").await;
    tokio::time::sleep(Duration::from_millis(600)).await; // nothing tells that something is not done
    kill_host(&world, running);
    expect_state(&world, running, "lost").await;
    let files = std::fs::read_dir(run_dir(&world)).unwrap().flatten();
    let files: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    assert!(files.iter().all(|name| !name.contains("screen")), "{files:?}");
}
