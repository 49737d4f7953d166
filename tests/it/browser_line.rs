//! The page's line to the server, broken in every way that a browser and a network know. Never shown as live when it is
//! not; nothing typed into a dead line is applied late.

use std::time::Duration;

use serde_json::json;
use sessionforge::base::id::SessionId;

use super::support::chrome::Chrome;
use super::support::page::{open_session, url};
use super::support::process::signal_pid;
use super::support::tab::Tab;
use super::support::wait::poll;
use super::support::world::World;

/// A terminal that is live is bright; one that is not is grey and half as strong.
const DIMMED: &str = "getComputedStyle(document.querySelector('.screen-area')).opacity < 0.6";

async fn expect_live(tab: &Tab) {
    tab.expect_element("[data-testid=stage][data-line=live]").await;
    tab.expect("it is bright again", &format!("!({DIMMED})")).await;
}

/// Waits until the server counts so many viewers of the session.
async fn expect_viewers(world: &World, session: SessionId, viewers: u32) {
    poll(&format!("the server counts {viewers} viewers"), async || {
        let session = world.http.clone().get(&format!("/api/v1/sessions/{session}")).await.json();
        (session["viewers"] == viewers).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_says_nothing_any_more_freezes_the_page_and_keys_typed_into_it_are_dropped_for_good() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let session = world.bash().await;
    let tab = open_session(&chrome, &world, session).await;
    tab.expect_terminal("a prompt", |screen| screen.ends_with('$')).await;
    signal_pid(world.server_pid(), "STOP"); // The line stands, and nothing comes over it.
    tab.type_text("echo la''te\n").await;
    tab.expect_text("Frozen.").await;
    tab.expect("the terminal is dimmed", DIMMED).await;
    tab.expect(
        "it says when it tries again",
        "/Next try in|Connecting/.test(document.querySelector('.strip').innerText)",
    )
    .await;
    tab.portraits("line-server-silent").await;
    tab.expect_text("What you typed could not be delivered within 15 seconds and was dropped.").await;
    tab.portraits("line-keys-dropped").await;
    signal_pid(world.server_pid(), "CONT");
    expect_live(&tab).await;
    tab.type_text("echo in ti''me\n").await;
    tab.expect_terminal("the late line was never typed", |screen| {
        screen.ends_with("in time\n$") && !screen.contains("late")
    })
    .await;
}

#[tokio::test]
async fn a_tab_that_the_browser_froze_goes_on_where_it_was() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let session = world.bash().await;
    let tab = open_session(&chrome, &world, session).await;
    let go = world.dir().join("go");
    tab.type_text(&format!("until [ -e {} ]; do sleep 0.1; done; echo meanwh''ile\n", go.display())).await;
    expect_viewers(&world, session, 1).await;
    tab.call("Page.setWebLifecycleState", json!({"state": "frozen"})).await;
    // It answers nothing any more, and the server lets go of it.
    expect_viewers(&world, session, 0).await;
    std::fs::write(&go, "").unwrap();
    tab.call("Page.setWebLifecycleState", json!({"state": "active"})).await;
    expect_live(&tab).await;
    // A headless browser draws a thawed tab only when it is asked for a picture.
    let expect_drawn = async |end: &str| {
        poll(&format!("the terminal ends with {end:?}"), async || {
            tab.screenshot("line-thawed").await;
            tab.terminal_text().await.ends_with(end).then_some(())
        })
        .await;
    };
    expect_drawn("\nmeanwhile\n$").await;
    tab.type_text("echo and o''n\n").await;
    expect_drawn("\nand on\n$").await;
}

#[tokio::test]
async fn a_page_that_was_left_and_come_back_to_is_live_again() {
    let Some(chrome) = Chrome::start().await else { return };
    let world = World::start().await;
    let session = world.bash().await;
    let tab = open_session(&chrome, &world, session).await;
    tab.type_text("echo bef''ore\n").await;
    tab.expect_terminal_text("\nbefore\n").await;
    tab.navigate(&url(&world, "/healthz")).await;
    expect_viewers(&world, session, 0).await;
    tab.evaluate("history.back()").await;
    expect_live(&tab).await;
    tab.focus_terminal().await;
    tab.type_text("echo aft''er\n").await;
    tab.expect_terminal("the same session goes on", |screen| {
        screen.contains("\nbefore\n") && screen.ends_with("\nafter\n$")
    })
    .await;
}

#[tokio::test]
async fn a_page_without_network_comes_back_the_moment_the_network_does() {
    let Some(chrome) = Chrome::start().await else { return };
    let mut world = World::start().await;
    let session = world.bash().await;
    let tab = open_session(&chrome, &world, session).await;
    tab.expect_terminal("a prompt", |screen| screen.ends_with('$')).await;
    tab.offline(true).await;
    world.kill_server(); // What the browser has open it keeps; what is cut has to be cut.
    tab.expect_text("Frozen.").await;
    world.start_server().await;
    // Tries fail while there is no network, further and further apart; it must not wait for the next of them.
    poll("it has failed often", async || {
        let text = tab.evaluate("document.querySelector('.strip')?.innerText ?? ''").await;
        let seconds = text.as_str()?.split("Next try in ").nth(1)?.split(' ').next()?.parse::<u32>().ok()?;
        (seconds > 3).then_some(())
    })
    .await;
    tab.portraits("line-no-network").await;
    tab.offline(false).await;
    let live = "document.querySelector('[data-testid=stage]').dataset.line === 'live'";
    let back = super::support::wait::poll_within(Duration::from_secs(30), async || {
        (tab.evaluate(live).await == true).then_some(())
    });
    back.await.expect("it is live again");
}
