//! The real Claude Code as a session: its screens, its questions, and a reload in the middle of one.
//!
//! It talks to the stand-in of [`super::support::messages_api`] and to nothing else.

use serde_json::json;
use sessionforge::base::id::SessionId;

use super::support::chrome::Chrome;
use super::support::viewer::{Manners, Viewer};
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
