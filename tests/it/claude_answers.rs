//! What the real Claude Code asks, and every way to answer it: questions, plans, "always", a refusal it reads; with hooks of the
//! person's own, and with the server down.

use std::fs;

use serde_json::json;

use super::support::claude::scene::{SIZE, Scene};
use super::support::local::Local;
use super::support::page::member;
use super::support::wait::poll;

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_shown_to_those_who_may_see_it_and_answered_in_the_terminal() {
    let Some(scene) = Scene::start(&[]).await else { return };
    let admin = member(&scene.world, "Bo", "admin").await;
    let seen =
        async || admin.clone().get(&format!("/api/v1/sessions/{}", scene.session)).await.ok().json()["needs"].clone();
    scene.prompt("ASK: Deploy now? END").await;
    let asked = scene.expect("needs_you").await["needs"].clone();
    assert_eq!((&asked["reason"], &asked["text"]), (&json!("question"), &json!("Deploy now?")), "{asked}");
    assert_eq!(asked["answerable"], false);
    assert_eq!(
        scene.answer(&json!({"need": asked["id"], "answer": "allow"})).await,
        400,
        "choices are in the terminal"
    );
    let kind = seen().await;
    assert_eq!(
        (&kind["reason"], &kind["text"], &kind["tool"]),
        (&json!("question"), &json!(""), &json!(null)),
        "{kind}"
    );
    let share = json!({"with": "organisation"});
    let path = format!("/api/v1/sessions/{}/sharing", scene.session);
    scene.world.http.clone().send("PUT", &path, Some(&share)).await.ok();
    assert_eq!(seen().await["text"], "Deploy now?", "what is shared is seen");

    scene.expect_dialog().await;
    scene.viewer.type_text("1").await;
    scene.viewer.expect_text("Result:").await;
    assert!(scene.expect("done").await["needs"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_approved_or_sent_back_with_words_from_elsewhere() {
    let Some(scene) = Scene::start(&["--permission-mode", "plan"]).await else { return };
    scene.prompt("PLAN: first look END").await;
    let asked = scene.expect("needs_you").await["needs"].clone();
    assert_eq!((&asked["reason"], &asked["tool"]), (&json!("plan"), &json!("ExitPlanMode")), "{asked}");
    let answerable = poll("leave is asked for too", async || {
        let needs = scene.info().await["needs"].clone();
        (needs["answerable"] == true).then_some(needs)
    })
    .await;
    assert_eq!(answerable["id"], asked["id"], "one need, told of twice");
    let deny = json!({"need": asked["id"], "answer": "deny", "message": "smaller steps please"});
    assert_eq!(scene.answer(&deny).await, 204);
    scene.viewer.expect_text("smaller steps please").await;
    scene.expect("done").await;

    scene.prompt("PLAN: second look END").await;
    let asked = poll("it asks again", async || {
        let needs = scene.info().await["needs"].clone();
        (needs["answerable"] == true).then_some(needs)
    })
    .await;
    assert_eq!(scene.answer(&json!({"need": asked["id"], "answer": "allow"})).await, 204);
    scene.expect("done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn always_lands_in_claude_codes_own_rules_and_it_does_not_ask_again() {
    let Some(scene) = Scene::start(&[]).await else { return };
    scene.told.begins().await;
    scene.prompt("RUN: touch first END").await;
    let asked = scene.expect("needs_you").await["needs"].clone();
    assert_eq!(asked["always"], true, "{asked}");
    assert_eq!(scene.answer(&json!({"need": asked["id"], "answer": "allow_always"})).await, 204);
    scene.told.follows(&["idle", "working", "needs_you:permission", "working", "done"]).await.unwrap();
    assert!(scene.made("first"));
    scene.prompt("RUN: touch first END").await;
    scene.told.follows(&["done", "idle", "working", "done"]).await.unwrap();
    scene.viewer.expect_text("Result:").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_read_by_claude_code_with_its_words() {
    let Some(scene) = Scene::start(&[]).await else { return };
    let asked = scene.ask("never").await;
    let deny = json!({"need": asked["id"], "answer": "deny", "message": "use the staging table"});
    assert_eq!(scene.answer(&deny).await, 204);
    // The stand-in repeats what Claude Code sent it as the tool's result.
    scene.viewer.expect_text("Result: use the staging table").await;
    scene.expect("done").await;
    assert!(!scene.made("never"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_model_needs_somebody_until_they_type() {
    let Some(scene) = Scene::start(&[]).await else { return };
    scene.prompt("FAIL").await;
    let asked = scene.expect("needs_you").await["needs"].clone();
    assert_eq!((&asked["reason"], &asked["answerable"]), (&json!("error"), &json!(false)), "{asked}");
    assert!(!asked["text"].as_str().unwrap().is_empty(), "{asked}");
    scene.viewer.type_text("x").await;
    scene.expect("idle").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_in_a_persons_own_files_run_beside_ours_and_the_files_stay_as_they_are() {
    let hook = |file: &str| json!([{"hooks": [{"type": "command", "command": format!("touch {file}")}]}]);
    let theirs = json!({"hooks": {"PermissionRequest": hook("own-request"), "Stop": hook("own-stop")}}).to_string();
    let project = json!({"hooks": {"UserPromptSubmit": hook("own-prompt")}}).to_string();
    let files = [("home/.claude/settings.json", theirs), ("home/project/.claude/settings.json", project)];
    let started = Scene::prepared(&[], |world| {
        for (path, text) in &files {
            let path = world.place().path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    });
    let Some(scene) = started.await else { return };
    let asked = scene.ask("made").await;
    assert_eq!(scene.answer(&json!({"need": asked["id"], "answer": "allow"})).await, 204);
    scene.expect("done").await;
    for own in ["own-prompt", "own-request", "own-stop"] {
        poll(&format!("{own} ran"), async || scene.made(own).then_some(())).await;
    }
    for (path, text) in &files {
        assert_eq!(&fs::read_to_string(scene.world.place().path(path)).unwrap(), text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_server_and_the_agent_down_claude_code_works_and_its_dialog_is_answered_at_the_machine() {
    let Some(mut scene) = Scene::start(&[]).await else { return };
    scene.told.begins().await;
    scene.world.kill_server();
    let (session, data_dir) = (scene.session.to_string(), scene.world.place().path("agent"));
    let attach = ["session", "attach", &session, "--data-dir", data_dir.to_str().unwrap()];
    let local = Local::start(&scene.world.place().command(&attach), SIZE.0, SIZE.1);
    local.expect("Claude Code is on the screen", |screen| screen.contains("Claude Code")).await;
    for (nth, made, agent_is_up) in [(1, "without-server", true), (2, "without-agent", false)] {
        if !agent_is_up {
            scene.world.kill_agent();
        }
        let order = format!("RUN: echo by-claude | tee {made} END");
        local.type_text(&order);
        local.expect("the prompt is typed", |screen| screen.contains(&order)).await;
        local.type_text("\r");
        local.expect("the dialog is there", |screen| screen.contains("❯ 1. ")).await;
        local.type_text("1");
        poll("it was run", async || scene.made(made).then_some(())).await;
        // What is typed before the answer has come belongs to the same turn.
        local.expect("the answer is there", |screen| screen.matches("Result: by-claude").count() == nth).await;
    }

    // What happened meanwhile is known when they are back: the PTY host was told all the time.
    scene.world.start_server().await;
    scene.world.start_agent().await;
    scene.expect("done").await;
}
