//! A session that lost its host, on the page: its last screen, and the way on with its conversation.

use serde_json::json;

use super::browser_pages::look;
use super::support::chrome::Chrome;
use super::support::page::{open_session, url};
use super::support::process::signal_pid;
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::World;
use super::support::{claude, messages_api};

#[tokio::test]
async fn a_lost_conversation_is_resumed_by_a_click() {
    let Some(chrome) = Chrome::start().await else { return };
    let Some(program) = claude::installed().await else { return };
    let world = World::start().await;
    let (home, folder) = (world.place().path("home"), world.place().path("home/project"));
    std::fs::create_dir(&folder).unwrap();
    let api = messages_api::serve().await;
    claude::write_wrapper(&program, api, &world.place().path("bin"), &home, &folder);
    let launch = json!({"command": "claude", "workdir": folder, "name": "Fix the login", "cols": 110, "rows": 36});
    let session = world.try_start_session(&launch).await.unwrap();
    let plain = world.start_session("sh", &["-c", "exit 3"]).await;

    let tab = open_session(&chrome, &world, session).await;
    tab.expect_terminal_text("Claude Code").await;
    tab.type_text("hello there").await;
    tab.expect_terminal_text("hello there").await;
    tab.type_text("\n").await;
    tab.expect_terminal_text(messages_api::GREETING).await;
    // A second screen tells when there is nothing more to come, and that it is on disk.
    let beside = world.viewer(session, Manners::default()).await;
    poll("the screen is kept", async || {
        let offset = beside.look(|seen| seen.offset);
        let last = sessionforge::host::last_screen::read(&world.place().path("agent/run"), session)?;
        (last.at.offset == offset).then_some(())
    })
    .await;
    claude::expect_written(&home, messages_api::GREETING).await;
    let before = tab.terminal_text().await;
    signal_pid(world.host_pid(session), "KILL");
    tab.expect_text("Lost.").await;
    tab.expect_text("the last screen that is known").await;
    tab.expect_element("[data-testid=stage][data-line=ended]").await;
    assert_eq!(tab.terminal_text().await, before, "the terminal is as it was");
    tab.reload().await;
    tab.expect_terminal("the same from disk", |screen| screen == before).await;
    look(&tab, "session-lost").await;

    tab.navigate(&url(&world, "/")).await;
    tab.expect_element("button: Resume").await;
    assert_eq!(
        tab.evaluate("document.querySelectorAll('.resume').length").await,
        1,
        "not where there is nothing to resume"
    );
    look(&tab, "home-lost").await;
    tab.navigate(&url(&world, &format!("/machines/{}", world.machine()))).await;
    tab.expect_element("button: Resume").await;
    look(&tab, "machine-lost").await;

    tab.navigate(&url(&world, &format!("/sessions/{session}?renderer=dom"))).await;
    tab.click("button: Resume").await;
    tab.expect("a new session is open", &format!("!location.pathname.endsWith('{session}')")).await;
    let resumed = tab.evaluate("location.pathname").await.as_str().unwrap().to_owned();
    tab.navigate(&url(&world, &format!("{resumed}?renderer=dom"))).await;
    tab.expect_terminal_text(messages_api::GREETING).await;
    tab.expect_element("a[title^='Goes on with the conversation']").await;
    look(&tab, "session-resumed").await;

    // The old one leads there, and offers no second terminal on one conversation.
    tab.click("button: Resumed").await;
    tab.expect_text("Resumed in").await;
    tab.expect("no second time", "!document.querySelector('.strip .resume')").await;
    look(&tab, "session-lost-and-resumed").await;
    tab.click("button: Go there").await;
    tab.expect("back in the live one", &format!("location.pathname === '{resumed}'")).await;
    tab.navigate(&url(&world, &format!("/sessions/{plain}"))).await;
    tab.expect_text("Start again").await;
    tab.expect("a shell has no conversation", "!document.querySelector('.resume')").await;
    assert_eq!(chrome.take_complaints(), Vec::<String>::new());
}
