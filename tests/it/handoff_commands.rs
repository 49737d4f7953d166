//! `sessionforge pause`, `resume` and `skill`: a gate that is approved, refused, expired or taken back, over every restart.

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;

use super::handoff::{adopt, give_back, handoff, join};
use super::support::process::{Ran, run};
use super::support::wait::poll;
use super::support::world::World;

/// The program with arguments, for the agent of this world.
async fn sessionforge(world: &World, arguments: &[&str]) -> Ran {
    let data_dir = world.place().path("agent");
    let place = ["--data-dir", data_dir.to_str().unwrap()];
    run(world.place().command(&[&arguments[..1], &place[..], &arguments[1..]].concat())).await
}

/// Begins to wait at a gate, and goes on once it is open to others.
async fn gate(world: &World, session: SessionId, more: &[&str]) -> tokio::task::JoinHandle<Ran> {
    let (data_dir, id) = (world.place().path("agent"), session.to_string());
    let arguments = [&["pause", "--data-dir", data_dir.to_str().unwrap(), "--wait", id.as_str()][..], more].concat();
    let waiting = tokio::spawn(run(world.place().command(&arguments)));
    reached(world, session, "shared").await;
    waiting
}

async fn reached(world: &World, session: SessionId, phase: &str) {
    poll(&format!("the handoff is {phase}"), async || {
        let path = format!("/api/v1/sessions/{session}/handoff");
        let told: Value = world.http.clone().post(&path, &json!({})).await.json();
        (told["phase"] == phase).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_ends_with_what_a_person_decided_also_over_a_killed_server_and_agent() {
    let mut world = World::start().await;
    let (bea, session) = (join(&world, "Bea", "member").await, world.bash().await);
    let waiting = gate(&world, session, &["--note", "drop the table?"]).await;
    let seen = bea.clone().get(&format!("/api/v1/sessions/{session}")).await.ok().json();
    assert_eq!((&seen["handoff"]["note"], &seen["handoff"]["gate"]), (&json!("drop the table?"), &json!(true)));
    adopt(&bea, session).await.ok();
    give_back(&bea, session, json!({ "verdict": "approved", "note": "but make a backup" })).await.ok();
    let ran = waiting.await.unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    let said: Vec<&str> = ran.out.lines().collect();
    assert_eq!(said[0], "Session paused. Share this link with your teammate:");
    assert_eq!(said[1], format!("http://{}/sessions/{session}", world.http.address));
    assert_eq!(said[2], "Waiting for adoption... (run /sf-resume to cancel)");
    assert!(said.iter().any(|line| line.starts_with("Approved by Bea, who had the session for ")), "{ran:?}");
    assert_eq!(said[said.len() - 2..], ["Note: but make a backup", "Go on."]);

    let waiting = gate(&world, session, &[]).await;
    adopt(&bea, session).await.ok();
    world.kill_server();
    world.kill_agent();
    world.start_server().await;
    world.start_agent().await;
    give_back(&bea, session, json!({ "verdict": "refused", "note": "not on a Friday" })).await.ok();
    let ran = waiting.await.unwrap();
    assert_eq!(ran.code, 10, "{ran:?}");
    assert!(ran.out.ends_with("Note: not on a Friday\nDo not go on with it.\n"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_nobody_passes_expires_or_is_taken_back() {
    let world = World::start().await;
    let (bea, session) = (join(&world, "Bea", "member").await, world.bash().await);
    let id = session.to_string();
    let expired = sessionforge(&world, &["pause", "--wait", "--expires", "1s", &id]).await;
    assert_eq!(expired.code, 11, "{expired:?}");
    assert!(expired.out.contains("Expired: nobody adopted the session in time."), "{expired:?}");

    let waiting = gate(&world, session, &[]).await;
    let resumed = sessionforge(&world, &["resume", &id]).await;
    assert_eq!((resumed.code, resumed.out.as_str()), (0, "Session resumed. Nobody had adopted it.\n"), "{resumed:?}");
    let taken_back = waiting.await.unwrap();
    assert_eq!(taken_back.code, 12, "{taken_back:?}");

    let waiting = gate(&world, session, &["--to", "bea@example.org"]).await;
    adopt(&bea, session).await.ok();
    world.stop_session(session).await;
    let ended = waiting.await.unwrap();
    assert_eq!(ended.code, 14, "{ended:?}");
    assert_eq!(handoff(&world, session).await["to"]["name"], "Bea");
    let nobody = sessionforge(&world, &["pause", "--to", "nobody", &world.bash().await.to_string()]).await;
    assert_eq!(nobody.code, 1);
    assert!(nobody.err.contains("there is no member \"nobody\""), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_of_a_session_it_is_that_session_and_what_the_adopter_says_is_read_afterwards() {
    let world = World::start().await;
    let bea = join(&world, "Bea", "member").await;
    let program = super::support::world::PROGRAM;
    let session =
        world.start_session("sh", &["-c", &format!("{program} pause; read line; {program} resume; cat")]).await;
    let viewer = world.viewer(session, super::support::viewer::Manners::default()).await;
    viewer.expect_text("Waiting for adoption... (run /sf-resume to cancel)").await;
    viewer.expect_text(&format!("/sessions/{session}")).await;
    adopt(&bea, session).await.ok();
    give_back(&bea, session, json!({ "note": "looks good" })).await.ok();
    viewer.expect("the owner has the keyboard again", |seen| seen.control?.you.then_some(())).await;
    viewer.type_text("\r").await;
    viewer.expect_text("Given back by Bea").await;
    viewer.expect_text("Note: looks good").await;
    let outside = run(world.place().command(&["pause"])).await;
    assert_eq!(outside.code, 2, "{outside:?}");
}

#[tokio::test]
async fn the_skills_are_installed_brought_up_to_date_and_removed_but_an_edited_one_is_kept() {
    let place = super::support::world::Place::new();
    let file = place.path("home/.claude/skills/sf-pause/SKILL.md");
    let installed = run(place.command(&["skill", "install"])).await;
    assert_eq!(installed.code, 0, "{installed:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("---\nname: sf-pause\n"), "{text}");
    assert!(run(place.command(&["skill", "install"])).await.out.contains("/sf-pause is up to date"));
    std::fs::write(&file, format!("{text}\nmy own words\n")).unwrap();
    let kept = run(place.command(&["skill", "install"])).await;
    assert_eq!(kept.code, 1, "{kept:?}");
    let removed = run(place.command(&["skill", "uninstall"])).await;
    assert!(removed.out.contains("/sf-resume is removed") && removed.err.contains("left as it is"), "{removed:?}");
    assert!(file.exists());
    assert_eq!(run(place.command(&["skill", "uninstall", "--force"])).await.code, 0);
    assert!(!file.exists());
}
