//! The real Claude Code hands itself over: `/sf-pause` to a member in another browser, and back; and waits for an approval.

use serde_json::json;
use sessionforge::base::id::SessionId;

use super::handoff::{adopt, give_back, join};
use super::support::chrome::Chrome;
use super::support::page::open_as;
use super::support::process::run;
use super::support::viewer::{Manners, Viewer};
use super::support::world::{PROGRAM, World};
use super::support::{claude, messages_api};

/// Wide enough for the link on one line.
const SIZE: (u16, u16) = (110, 36);

/// A world with the skills installed, a Claude Code in a session, and its owner's terminal on it.
async fn claude_session() -> Option<(World, SessionId, Viewer)> {
    let program = claude::installed().await?;
    let world = World::start().await;
    let (home, folder) = (world.place().path("home"), world.place().path("home/project"));
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(PROGRAM, world.place().path("bin/sessionforge")).unwrap();
    assert_eq!(run(world.place().command(&["skill", "install"])).await.code, 0);
    let api = messages_api::serve().await;
    claude::write_wrapper(&program, api, &world.place().path("bin"), &home, &folder);
    let launch = json!({"command": "claude", "args": [], "workdir": folder, "cols": SIZE.0, "rows": SIZE.1});
    let session = world.try_start_session(&launch).await.unwrap();
    let viewer = world.viewer(session, Manners { cols: SIZE.0, rows: SIZE.1, ..Manners::default() }).await;
    viewer.expect_text("Claude Code").await;
    Some((world, session, viewer))
}

async fn say(viewer: &Viewer, text: &str) {
    viewer.type_text(text).await;
    viewer.expect_text(text).await;
    viewer.type_text("\r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_pauses_a_teammate_adopts_types_and_gives_back_and_claude_reads_the_note() {
    let Some(chrome) = Chrome::start().await else { return };
    let Some((world, session, viewer)) = claude_session().await else { return };
    let bea = join(&world, "Bea", "member").await;
    let tab = open_as(&chrome, &world, &bea, "/?renderer=dom").await;
    tab.expect_text("Connect your first machine").await;

    say(&viewer, "/sf-pause").await;
    viewer.expect_text("Session paused. Share this link with your teammate:").await;
    viewer.expect_text(&format!("/sessions/{session}")).await;
    viewer.expect_text("Waiting for adoption... (run /sf-resume to cancel)").await;
    tab.expect_element("[data-testid=shared]").await;
    tab.expect_text("Shared").await;
    tab.portraits("handoff-shared").await;
    tab.click("button: Adopt").await;
    tab.expect_element("[data-testid=stage][data-control=true]").await;
    tab.portraits("handoff-adopted").await;
    viewer.expect("the owner watches", |seen| seen.control.filter(|control| !control.you)).await;
    tab.click(".xterm-screen").await;
    tab.type_text("SAY: 2 END").await;
    viewer.expect_text("SAY: 2 END").await;
    tab.type_text("\n").await;
    viewer.expect_text("line 2 of 2").await;

    tab.click("button: Give back…").await;
    tab.fill("field: Note (optional)", "looks right to me").await;
    tab.portraits("handoff-give-back").await;
    tab.click("button: Give back").await;
    viewer.expect("the owner has the keyboard again", |seen| seen.control?.you.then_some(())).await;
    say(&viewer, "/sf-resume").await;
    viewer.expect_text("Given back by Bea").await;
    viewer.expect_text("Note: looks right to me").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_waits_for_an_approval_and_reads_what_was_decided() {
    let Some((world, session, viewer)) = claude_session().await else { return };
    let bea = join(&world, "Bea", "member").await;
    for (verdict, note, said) in
        [("approved", "go ahead", "Go on."), ("refused", "not on a Friday", "Do not go on with it.")]
    {
        say(&viewer, &format!("/sf-pause ADD: --wait --note {verdict} END")).await;
        super::support::wait::poll("it can be adopted", async || {
            (adopt(&bea, session).await.status == 200).then_some(())
        })
        .await;
        give_back(&bea, session, json!({ "verdict": verdict, "note": note })).await.ok();
        viewer.expect_text(&format!("Note: {note}")).await;
        viewer.expect_text(said).await;
    }
    say(&viewer, "/sf-pause ADD: --wait --expires 1s END").await;
    viewer.expect_text("Expired: nobody adopted the session in time.").await;
}
