//! The real Claude Code as a session: its screens, its questions, a reload in the middle of one, its conversations.
//!
//! It talks to the stand-in of [`super::support::messages_api`] and to nothing else.

use serde_json::json;
use sessionforge::base::id::SessionId;
use sessionforge::host::last_screen;

use super::support::chrome::Chrome;
use super::support::process::signal_pid;
use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::World;
use super::support::{claude, messages_api};

/// Wide enough for Claude Code's widest notices.
const SIZE: (u16, u16) = (110, 36);

/// A world in which `claude` is a program, and a session of it.
async fn claude_session() -> Option<(World, SessionId)> {
    let program = claude::installed().await?;
    let world = World::start().await;
    let (home, folder) = (world.place().path("home"), world.place().path("home/project"));
    std::fs::create_dir(&folder).unwrap();
    let api = messages_api::serve().await;
    claude::write_wrapper(&program, api, &world.place().path("bin"), &home, &folder);
    let launch = json!({"command": "claude", "args": [], "workdir": folder, "cols": SIZE.0, "rows": SIZE.1});
    let session = world.try_start_session(&launch).await.unwrap();
    Some((world, session))
}

/// Asks to go on with a session's conversation, as the page does.
async fn resume(world: &World, from: SessionId) -> Result<SessionId, serde_json::Value> {
    let size = json!({"cols": SIZE.0, "rows": SIZE.1});
    let answer = world.http.clone().post(&format!("/api/v1/sessions/{from}/resume"), &size).await;
    if answer.status == 201 { Ok(answer.json()["id"].as_str().unwrap().parse().unwrap()) } else { Err(answer.json()) }
}

async fn info(world: &World, session: SessionId) -> serde_json::Value {
    world.http.clone().get(&format!("/api/v1/sessions/{session}")).await.ok().json()
}

/// Types a prompt as a person does: the text, a look at it, Enter.
async fn prompt(viewer: &Viewer, text: &str) {
    viewer.type_text(text).await;
    viewer.expect_text(text).await;
    viewer.type_text("\r").await;
}

fn manners() -> Manners {
    Manners { cols: SIZE.0, rows: SIZE.1, ..Manners::default() }
}

#[tokio::test]
async fn claude_code_answers_asks_and_keeps_its_screen_over_a_reload() {
    let Some((world, session)) = claude_session().await else { return };
    let viewer = world.viewer(session, manners()).await;
    viewer.expect_text("Claude Code").await;
    prompt(&viewer, "hello there").await;
    viewer.expect_text(messages_api::GREETING).await;

    let made = world.place().path("home/project/made");
    prompt(&viewer, "RUN: echo made-by-claude | tee made END").await;
    viewer.expect_text("Do you want to proceed?").await;
    viewer.expect_text("1. Yes").await;
    assert!(!made.exists(), "it waits for the answer");

    // Another tab, now: the same screen, from a snapshot instead of the bytes since the start.
    let reloaded = world.viewer(session, manners()).await;
    reloaded.expect_same_screen(&viewer, "the reloaded tab has the same screen").await;
    reloaded.take_control(SIZE.0, SIZE.1).await;
    reloaded.expect("the reloaded tab has the keyboard", |seen| seen.control?.you.then_some(())).await;
    reloaded.type_text("1").await;
    for tab in [&reloaded, &viewer] {
        tab.expect_text("Result: made-by-claude").await;
    }
    assert_eq!(std::fs::read_to_string(made).unwrap(), "made-by-claude\n");

    // A long answer scrolls; both tabs agree to the last cell.
    prompt(&reloaded, "SAY: 120 END").await;
    for tab in [&reloaded, &viewer] {
        tab.expect_text("line 120 of 120").await;
    }
    viewer.expect_same_screen(&reloaded, "both tabs agree").await;
    viewer.look(|seen| assert_eq!(seen.violations, Vec::<String>::new()));
}

#[tokio::test]
async fn a_person_talks_to_claude_code_in_a_browser() {
    let Some(chrome) = Chrome::start().await else { return };
    let Some((world, session)) = claude_session().await else { return };
    let tab = super::support::page::open_session(&chrome, &world, session).await;
    tab.prefer_dark(true).await;
    tab.resize(super::support::tab::SIZES[2]).await;
    tab.expect_terminal_text("Claude Code").await;
    tab.type_text("hello there").await;
    tab.expect_terminal_text("hello there").await;
    tab.type_text("\n").await;
    tab.expect_terminal_text(messages_api::GREETING).await;
    tab.type_text("RUN: echo made-by-claude | tee made END").await;
    tab.expect_terminal_text("tee made END").await;
    tab.type_text("\n").await;
    // The last line of the dialog: before it is there the picture may still grow.
    tab.expect_terminal("the whole dialog", |screen| {
        screen.contains("Do you want to proceed?") && screen.contains("Esc to cancel")
    })
    .await;
    let before = tab.terminal_text().await;
    tab.screenshot("claude-code").await;
    tab.reload().await;
    tab.expect_terminal("the same screen after a reload", |screen| screen == before).await;
    tab.focus_terminal().await;
    tab.type_text("1").await;
    tab.expect_terminal_text("Result: made-by-claude").await;
}

#[tokio::test]
async fn a_conversation_goes_on_after_its_host_was_killed_and_after_it_exited() {
    let Some((world, first)) = claude_session().await else { return };
    let viewer = world.viewer(first, manners()).await;
    viewer.expect_text("Claude Code").await;
    prompt(&viewer, "hello there").await;
    viewer.expect_text(messages_api::GREETING).await;
    let conversation = info(&world, first).await["conversation"].clone();
    assert!(conversation.is_string(), "it is known from the start");
    let refused = resume(&world, first).await.unwrap_err();
    assert!(refused["detail"].as_str().unwrap().contains("still runs"), "{refused}");

    // What is on the screen is on the disk, to the last byte.
    let run_dir = world.place().path("agent/run");
    poll("the screen is kept", async || {
        let offset = viewer.look(|seen| seen.offset);
        last_screen::read(&run_dir, first).filter(|last| last.at.offset == offset)
    })
    .await;
    claude::expect_written(&world.place().path("home"), messages_api::GREETING).await;
    let before = viewer.text();
    signal_pid(world.host_pid(first), "KILL");
    viewer.expect("it is over", |seen| seen.ended).await;
    poll("it is lost", async || (info(&world, first).await["state"] == "lost").then_some(())).await;
    let late = world.viewer(first, manners()).await;
    late.expect_screen("its last screen stays", |screen| screen == before).await;

    let second = resume(&world, first).await.unwrap();
    let told = info(&world, second).await;
    assert_eq!((&told["resumed_from"], &told["conversation"]), (&json!(first.to_string()), &conversation), "{told}");
    let old = info(&world, first).await;
    assert_eq!((&told["workdir"], &told["name"]), (&old["workdir"], &old["name"]));
    let viewer = world.viewer(second, manners()).await;
    viewer.expect_text("hello there").await;
    viewer.expect_text(messages_api::GREETING).await;
    prompt(&viewer, "SAY: 3 END").await;
    viewer.expect_text("line 3 of 3").await;

    let refused = resume(&world, first).await.unwrap_err();
    assert_eq!(refused["code"], "conflict", "two terminals would write one transcript: {refused}");
    assert!(refused["detail"].as_str().unwrap().contains(&second.to_string()), "and it says where: {refused}");

    let by_hand = json!({"command": "claude", "args": ["--resume", conversation], "cols": SIZE.0, "rows": SIZE.1});
    let (_, refused) = world.try_start_session(&by_hand).await.unwrap_err();
    assert!(refused["detail"].as_str().unwrap().contains(&second.to_string()), "also by its own option: {refused}");

    // Left in order, it goes on as well, with all of it.
    viewer.type_text("/exit").await;
    viewer.expect_text("/exit").await;
    viewer.type_text("\r").await;
    viewer.expect("it has ended", |seen| seen.ended).await;
    assert_eq!(info(&world, second).await["conversation"], conversation);
    let third = resume(&world, second).await.unwrap();
    let viewer = world.viewer(third, manners()).await;
    viewer.expect_text("line 3 of 3").await;
}

#[tokio::test]
async fn a_conversation_that_was_cleared_goes_on_where_it_was_left() {
    let Some((world, first)) = claude_session().await else { return };
    let viewer = world.viewer(first, manners()).await;
    viewer.expect_text("Claude Code").await;
    prompt(&viewer, "hello there").await;
    viewer.expect_text(messages_api::GREETING).await;
    let began = info(&world, first).await["conversation"].clone();
    viewer.type_text("/clear").await;
    viewer.expect_text("/clear").await;
    viewer.type_text("\r").await;
    viewer.expect_screen("it is cleared", |screen| !screen.contains(messages_api::GREETING)).await;
    prompt(&viewer, "SAY: 2 END").await;
    viewer.expect_text("line 2 of 2").await;
    viewer.type_text("/exit").await;
    viewer.expect_text("/exit").await;
    viewer.type_text("\r").await;
    viewer.expect("it has ended", |seen| seen.ended).await;
    let ended = poll("which conversation it was turned out", async || {
        let conversation = info(&world, first).await["conversation"].clone();
        (conversation != began).then_some(conversation)
    })
    .await;
    assert!(ended.is_string(), "{ended}");
    let second = resume(&world, first).await.unwrap();
    let viewer = world.viewer(second, manners()).await;
    viewer
        .expect_screen("what came after, and not what came before", |screen| {
            screen.contains("line 2 of 2") && !screen.contains(messages_api::GREETING)
        })
        .await;
}
