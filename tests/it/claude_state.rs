//! What the real Claude Code is at, and what it asks: told by its hooks, answered from the page, the API and the terminal.

use std::fs;

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;

use super::support::chrome::Chrome;
use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::World;
use super::support::{claude, messages_api, page};

/// Wide enough for Claude Code's widest notices.
const SIZE: (u16, u16) = (110, 36);

struct Scene {
    world: World,
    session: SessionId,
    viewer: Viewer,
}

impl Scene {
    /// Claude Code at its first prompt, with `args`.
    async fn start(args: &[&str]) -> Option<Self> {
        let program = claude::installed().await?;
        let world = World::start().await;
        let (home, folder) = (world.place().path("home"), world.place().path("home/project"));
        fs::create_dir_all(folder.join(".git")).unwrap();
        fs::write(folder.join(".git/HEAD"), "ref: refs/heads/topic\n").unwrap();
        let api = messages_api::serve().await;
        claude::write_wrapper(&program, api, &world.place().path("bin"), &home, &folder);
        let launch = json!({"command": "claude", "args": args, "workdir": folder, "cols": SIZE.0, "rows": SIZE.1});
        let session = world.try_start_session(&launch).await.unwrap();
        let viewer = world.viewer(session, Manners { cols: SIZE.0, rows: SIZE.1, ..Manners::default() }).await;
        viewer.expect_text("Claude Code").await;
        Some(Self { world, session, viewer })
    }

    async fn info(&self) -> Value {
        self.world.http.clone().get(&format!("/api/v1/sessions/{}", self.session)).await.ok().json()
    }

    /// Waits until it is at this, and says what is known then.
    async fn expect(&self, activity: &str) -> Value {
        poll(&format!("it is {activity}"), async || Some(self.info().await).filter(|info| info["activity"] == activity))
            .await
    }

    /// Types a prompt as a person does: the text, a look at it, Enter.
    async fn prompt(&self, text: &str) {
        self.viewer.type_text(text).await;
        self.viewer.expect_text(text).await;
        self.viewer.type_text("\r").await;
    }

    /// Has it ask for leave to make the file `made`.
    async fn ask(&self, made: &str) -> Value {
        self.prompt(&format!("RUN: echo by-claude | tee {made} END")).await;
        let asked = self.expect("needs_you").await["needs"].clone();
        assert_eq!((&asked["reason"], &asked["tool"]), (&json!("permission"), &json!("Bash")), "{asked}");
        assert_eq!(asked["text"], format!("echo by-claude | tee {made}"));
        assert_eq!(asked["answerable"], true);
        asked
    }

    async fn answer(&self, body: &Value) -> u16 {
        self.world.http.clone().post(&format!("/api/v1/sessions/{}/answer", self.session), body).await.status
    }

    fn made(&self, name: &str) -> bool {
        self.world.place().path("home/project").join(name).exists()
    }
}

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
    tab.click(".need-answers .button-primary").await;
    scene.viewer.expect_text("Result: by-claude").await;
    tab.expect(
        "nothing is needed any more",
        "document.querySelector('.need') === null && !document.title.startsWith('(')",
    )
    .await;
    assert!(scene.made("allowed"));
}
