//! `sessionforge session …`, as typed on the machine itself: with no server, with no agent, and beside both.

use super::support::process::{Ran, run};
use super::support::wait::poll;
use super::support::world::{Place, World};

/// Runs `sessionforge session` on the data directory that this place's agent has or would have.
async fn session(place: &Place, arguments: &[&str]) -> Ran {
    let data_dir = place.path("agent");
    run(place.command(&[&["session", "--data-dir", data_dir.to_str().unwrap()], arguments].concat())).await
}

#[tokio::test]
async fn a_session_is_started_shown_and_stopped_without_agent_or_server() {
    let place = Place::new();
    let nothing = session(&place, &["list"]).await;
    assert!(nothing.code == 0 && nothing.out.contains("No sessions"), "{nothing:?}");

    let started = session(&place, &["start", "--command", "bash", "--name", "tests", "--", "--norc", "-i"]).await;
    assert_eq!(started.code, 0, "{started:?}");
    let id = started.out.trim();
    let listed = session(&place, &["list"]).await;
    let line = listed.out.lines().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{id} in {listed:?}"));
    assert!(line.contains("running") && line.contains("tests") && line.contains("bash --norc -i"), "{line}");
    assert!(!listed.out.contains('\x1b'), "no colours into a pipe: {listed:?}");

    let stopped = session(&place, &["stop", "--force", id]).await;
    assert!(stopped.code == 0 && stopped.out.contains("has ended"), "{stopped:?}");
    let listed = session(&place, &["list"]).await;
    assert!(listed.out.contains("exited"), "{listed:?}");
}

#[tokio::test]
async fn a_name_cannot_drive_the_terminal_that_lists_it() {
    let place = Place::new();
    let started = session(&place, &["start", "--command", "bash", "--name", "a\x1b]0;owned\x07\nb"]).await;
    assert_eq!(started.code, 0, "{started:?}");
    let listed = session(&place, &["list"]).await;
    assert!(listed.out.contains("owned") && !listed.out.contains('\x1b') && !listed.out.contains('\x07'), "{listed:?}");
    assert_eq!(listed.out.lines().count(), 2, "a heading and one line: {listed:?}");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_what_to_do() {
    let place = Place::new();
    for (arguments, code, word) in [
        (&["start", "--command", "no-such-program"][..], 1, "PATH"),
        (&["start", "--command", "bash", "--workdir", "/no/such/directory"], 1, "/no/such/directory"),
        (&["stop", "ses_000000000000"], 1, "session list"),
        (&["stop", "everything"], 1, "session list"),
    ] {
        let ran = session(&place, arguments).await;
        assert!(ran.code == code && ran.err.contains(word), "{arguments:?}: {ran:?}");
    }
}

#[tokio::test]
async fn a_session_started_on_the_machine_is_on_the_page_too() {
    let world = World::start().await;
    let started = session(world.place(), &["start", "--command", "bash"]).await;
    let id = started.out.trim().to_owned();
    let who = world.http.clone();
    poll("the page knows it", async || {
        (who.clone().get(&format!("/api/v1/sessions/{id}")).await.json()["state"] == "running").then_some(())
    })
    .await;
}
