//! Sessions that nobody at a terminal starts have the environment of the person's login shell, and never wait for ever.

use std::path::Path;

use serde_json::{Value, json};

use super::local_api::{bearer, found, request};
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::World;

/// Puts a `claude` where only a shell that has read the person's files finds it, as npm and nvm do.
fn install_claude(place: &Path) {
    let folder = place.join("home/.nvm/bin");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("sf-claude");
    std::fs::write(&program, "#!/bin/sh\necho \"claude of $NVM_DIR, $ODD\"\nexec cat\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

async fn environment(world: &World, method: &str) -> Value {
    let (address, token) = found(world.place());
    let authorization = bearer(&token);
    let (code, facts) =
        request(address, &format!("{method} /v1/environment"), &[("authorization", &authorization)], "").await;
    assert_eq!(code, 200, "{facts}");
    facts
}

/// A world whose person has these files.
async fn world_with(files: &[(&str, &str)]) -> World {
    let mut world = World::server_only().await;
    world.set_up().await;
    for (name, text) in files {
        std::fs::write(world.place().path("home").join(name), text).unwrap();
    }
    world.start_agent().await;
    world
}

#[tokio::test]
async fn a_claude_that_only_the_login_shell_finds_is_started_from_the_page() {
    let profile = "echo Welcome back; . ~/.bashrc";
    let rc = "echo loading nvm; export NVM_DIR=~/.nvm ODD=$'two\\nlines = 1'; PATH=$NVM_DIR/bin:$PATH";
    let world = world_with(&[(".bash_profile", profile), (".bashrc", rc)]).await;
    install_claude(world.dir());
    let session = world.start_session("sf-claude", &[]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.expect_text("/.nvm, two").await;
    viewer.expect_text("lines = 1").await;
    let facts = environment(&world, "GET").await;
    assert_eq!(
        (&facts["origin"], &facts["shell"], &facts["problem"]),
        (&json!("login"), &json!("/bin/bash"), &Value::Null)
    );
    assert!(facts["path"].as_str().unwrap().contains("/.nvm/bin:"), "{facts}");
    let set: Vec<_> = facts["set"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(set.contains(&"NVM_DIR") && set.contains(&"PATH") && !set.contains(&"SHLVL"), "{facts}");
    assert!(!facts.to_string().contains("two"), "values may be secrets: {facts}");
    assert!(!world.logs().1.contains("two"), "{}", world.logs().1);
}

#[tokio::test]
async fn a_program_that_was_installed_since_is_found_without_a_restart() {
    let world = world_with(&[]).await;
    let missing = world.try_start_session(&json!({"command": "sf-claude", "cols": 80, "rows": 24})).await.unwrap_err();
    assert_eq!(missing.1["code"], "command_not_found");
    install_claude(world.dir());
    std::fs::write(world.place().path("home/.profile"), "PATH=~/.nvm/bin:$PATH\n").unwrap();
    let session = world.start_session("sf-claude", &[]).await;
    world.viewer(session, Manners::default()).await.expect_text("claude of").await;
    std::fs::write(world.place().path("home/.profile"), "export NEWS=1\n").unwrap();
    assert!(!environment(&world, "GET").await["set"].to_string().contains("NEWS"), "asked once");
    assert!(environment(&world, "POST").await["set"].to_string().contains("NEWS"), "and when it is asked for");
}

#[tokio::test]
async fn a_shell_that_hangs_holds_up_one_start_for_a_while_and_leaves_nothing() {
    let world = world_with(&[(".profile", "echo hello; sleep 86399")]).await;
    let session = world.start_session("cat", &[]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("typed\r").await;
    viewer.expect_text("typed").await;
    let facts = environment(&world, "GET").await;
    assert!(facts["problem"].as_str().is_some_and(|cause| cause.contains("not ready within")), "{facts}");
    poll("what the shell waited for has ended", async || (!is_running("86399")).then_some(())).await;
}

#[tokio::test]
async fn a_shell_that_ends_or_is_not_there_leaves_the_agents_own_environment() {
    let world = world_with(&[(".profile", "echo no; exit 3")]).await;
    world.start_session("cat", &[]).await;
    let facts = environment(&world, "GET").await;
    assert!(facts["problem"].as_str().is_some_and(|cause| cause.contains("ended before")), "{facts}");
    assert_eq!(facts["set"], json!([]));
}

#[tokio::test]
async fn who_wants_the_agents_own_environment_gets_it() {
    let mut world = World::server_only().await;
    world.set_up().await;
    std::fs::write(world.place().path("home/.profile"), "touch ~/was-read").unwrap();
    let config = r#"{"allow": ["*"], "environment": "agent"}"#;
    std::fs::write(world.place().path("agent/agent.json"), config).unwrap();
    world.start_agent().await;
    world.start_session("cat", &[]).await;
    assert_eq!(environment(&world, "POST").await["origin"], "agent");
    assert!(!world.place().path("home/was-read").exists());
}

/// Whether any process has `argument`, which nobody else uses.
fn is_running(argument: &str) -> bool {
    let commands = std::fs::read_dir("/proc").unwrap().flatten();
    let has = |text: Vec<u8>| text.split(|byte| *byte == 0).any(|word| word == argument.as_bytes());
    commands.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok()).any(has)
}
