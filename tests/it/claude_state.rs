//! What the real Claude Code is at, and what it asks: told by its hooks, answered from the page, the API and the terminal.

use serde_json::json;

use super::support::chrome::Chrome;
use super::support::claude::scene::Scene;
use super::support::page;
use super::support::wait::poll;

#[tokio::test]
async fn claude_code_needs_you_and_is_answered_by_the_api_and_by_the_terminal() {
    let Some(scene) = Scene::start(&[]).await else { return };
    scene.prompt("hello there").await;
    let done = scene.expect("done").await;
    assert_eq!(done["branch"], "topic");

    let asked = scene.ask("first").await;
    let stale = json!({"need": 99, "answer": "allow"});
    assert_eq!(scene.answer(&stale).await, 409);
    assert_eq!(scene.answer(&json!({"need": asked["id"], "answer": "allow"})).await, 204);
    scene.viewer.expect_text("Result: by-claude").await;
    assert!(scene.expect("done").await["needs"].is_null());
    assert!(scene.made("first"));
    assert_eq!(scene.answer(&json!({"need": asked["id"], "answer": "allow"})).await, 409, "once");
    poll("the answer is in the audit log, with its name", async || {
        let log = scene.world.http.clone().get("/api/v1/audit?action=session.answer").await.ok().json();
        let entry = log["entries"][0].clone();
        (entry["facts"]["answer"] == "allow" && entry["who"]["name"].is_string()).then_some(())
    })
    .await;

    // The dialog in the terminal is as good.
    scene.ask("second").await;
    scene.viewer.expect_text("Do you want to proceed?").await;
    scene.viewer.type_text("1").await;
    scene.expect("done").await;
    assert!(scene.made("second"));

    let asked = scene.ask("third").await;
    let deny = json!({"need": asked["id"], "answer": "deny", "message": "ask Mia first"});
    assert_eq!(scene.answer(&deny).await, 204);
    scene.viewer.expect_text("ask Mia first").await;
    scene.expect("done").await;
    assert!(!scene.made("third"));
}

#[tokio::test]
async fn a_dialog_left_by_escape_needs_nobody_any_more() {
    let Some(scene) = Scene::start(&[]).await else { return };
    let asked = scene.ask("never").await;
    scene.viewer.expect_text("Do you want to proceed?").await;
    scene.viewer.type_text("\x1b").await;
    let idle = scene.expect("idle").await;
    assert!(idle["needs"].is_null());
    assert_eq!(scene.answer(&json!({"need": asked["id"], "answer": "allow"})).await, 409);
    assert!(!scene.made("never"));
}

#[tokio::test]
async fn a_persons_own_hooks_and_settings_still_work() {
    let settings =
        json!({"hooks": {"UserPromptSubmit": [{"hooks": [{"type": "command", "command": "touch own-hook"}]}]}});
    let Some(scene) = Scene::start(&["--settings", &settings.to_string()]).await else { return };
    scene.prompt("hello there").await;
    scene.expect("done").await;
    poll("their own hook ran", async || scene.made("own-hook").then_some(())).await;
}

#[tokio::test]
async fn a_person_allows_what_claude_code_asks_in_the_browser() {
    let Some(chrome) = Chrome::start().await else { return };
    let Some(scene) = Scene::start(&[]).await else { return };
    let tab = page::open(&chrome, &scene.world, "/").await;
    scene.ask("allowed").await;
    tab.expect_element(".rail-needs .rail-badge").await;
    tab.expect("the title counts it", "document.title.startsWith('(1)')").await;
    tab.expect(
        "the command is there to be read",
        "document.querySelector('.need-text')?.textContent.includes('tee allowed') === true",
    )
    .await;
    tab.portraits("needs-you").await;
    tab.picture_for_readme("needs-you").await;
    tab.click(".need-answers .button-primary").await;
    scene.viewer.expect_text("Result: by-claude").await;
    tab.expect(
        "nothing is needed any more",
        "document.querySelector('.need') === null && !document.title.startsWith('(')",
    )
    .await;
    assert!(scene.made("allowed"));
}
