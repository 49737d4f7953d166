//! `sessionforge doctor`: each thing that goes wrong in the first weeks is found, explained, and has a command that mends it.

mod service;
mod way;

use serde_json::{Value, json};

use super::support::process::{Ran, run, signal_pid};
use super::support::wait::poll;
use super::support::world::{Place, World};

/// `sessionforge doctor` of the world's agent.
async fn doctor(place: &Place, arguments: &[&str]) -> Ran {
    let data_dir = place.path("agent");
    run(place.command(&[&["doctor", "--data-dir", data_dir.to_str().unwrap()], arguments].concat())).await
}

/// The finding of this check.
async fn finding(place: &Place, check: &str) -> Value {
    let ran = doctor(place, &["--json"]).await;
    let shown: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let findings = shown["findings"].as_array().unwrap().clone();
    findings.into_iter().find(|it| it["check"] == check).unwrap_or_else(|| panic!("{check} in {}", ran.out))
}

/// It is in this state, and says and advises so.
#[track_caller]
fn assert_finding(finding: &Value, state: &str, words: &[&str]) {
    assert_eq!(finding["state"], state, "{finding}");
    for word in words {
        assert!(finding.to_string().contains(word), "{word:?} in {finding}");
    }
}

fn install_claude(place: &Place, folder: &str) {
    let folder = place.path(folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("claude"), "#!/bin/sh\n").unwrap();
}

async fn logged_in() -> World {
    let world = World::start().await;
    let (url, key) = (format!("http://{}", world.http.address), world.key().to_owned());
    let data_dir = world.place().path("agent");
    let arguments = ["auth", "login", "--server", &url, "--data-dir", data_dir.to_str().unwrap(), "--key", &key];
    let ran = run(world.place().command(&arguments)).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    world.bash().await;
    world
}

#[tokio::test]
async fn a_machine_that_is_well_is_told_so_and_nothing_secret_is_said() {
    let world = logged_in().await;
    install_claude(world.place(), "bin");
    let well = poll("the agent is connected", async || {
        let ran = doctor(world.place(), &[]).await;
        (ran.code == 0).then_some(ran)
    })
    .await;
    for word in
        ["claude", "/bin/claude", "answers in", "Ada, in Acme", "connected as mac_", "1 running", "/bin/bash, in"]
    {
        assert!(well.out.contains(word), "{word:?} in {}", well.out);
    }
    assert!(!well.out.contains(world.key()) && !well.out.contains('\x1b'), "{}", well.out);
    let json = doctor(world.place(), &["--json"]).await;
    assert!(!json.out.contains(world.key()), "{}", json.out);
    let shown: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(shown["environment"]["origin"], "login");
}

#[tokio::test]
async fn a_machine_where_nothing_was_done_yet_is_told_what_to_do_first() {
    let place = Place::new();
    let ran = doctor(&place, &[]).await;
    assert!(ran.code == 1 && ran.out.contains("sessionforge auth login") && ran.out.contains("do not work"), "{ran:?}");
    assert_finding(&finding(&place, "agent").await, "bad", &["offline", "sessionforge agent --data-dir"]);
}

#[tokio::test]
async fn a_claude_that_is_not_on_the_path_is_found_where_it_is() {
    let place = Place::new();
    let path = "PATH=/usr/bin:/bin\n";
    std::fs::write(place.path("home/.profile"), path).unwrap();
    std::fs::write(place.path("agent/agent.json"), r#"{"environment": "login"}"#).unwrap();
    install_claude(&place, "home/.nvm/versions/node/v22.1.0/bin");
    let found = finding(&place, "claude").await;
    if found["state"] == "good" {
        assert!(std::path::Path::new(found["what"].as_str().unwrap()).exists(), "one of this machine's: {found}");
        return;
    }
    assert_finding(&found, "bad", &["command not found", "v22.1.0/bin/claude", "~/.profile"]);
}

#[tokio::test]
async fn a_key_that_was_revoked_or_may_not_connect_is_told_with_the_way_to_a_new_one() {
    let mut world = logged_in().await;
    assert_finding(&finding(world.place(), "key").await, "good", &["Ada"]);
    let keys = world.http.get("/api/v1/keys").await.ok().json();
    let id = keys["keys"][0]["id"].as_str().unwrap().to_owned();
    world.http.delete(&format!("/api/v1/keys/{id}")).await.ok();
    world.agent_end().await;
    assert_finding(
        &finding(world.place(), "key").await,
        "bad",
        &["refuses the key", "revoked", "expired", "auth login --server"],
    );
    let wanted = json!({"name": "reader", "scopes": ["sessions:read"]});
    let reader = world.http.post("/api/v1/keys", &wanted).await.ok().json()["key"].as_str().unwrap().to_owned();
    let stored = json!({"server": format!("http://{}", world.http.address), "key": reader});
    std::fs::write(world.place().path("agent/agent/credentials.json"), stored.to_string()).unwrap();
    assert_finding(&finding(world.place(), "key").await, "bad", &["may not connect a machine", "agent"]);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_and_an_agent_that_waits_for_it_are_told() {
    let mut world = logged_in().await;
    world.kill_server();
    assert_finding(&finding(world.place(), "server").await, "bad", &["cannot be reached", "sessions go on", "curl -v"]);
    poll("the agent has noticed", async || (finding(world.place(), "agent").await["state"] == "bad").then_some(()))
        .await;
    assert_finding(&finding(world.place(), "agent").await, "bad", &["not connected", "tries again", "logs"]);
    world.kill_agent();
    assert_finding(&finding(world.place(), "agent").await, "bad", &["no agent is running"]);
}

#[tokio::test]
async fn a_session_that_hangs_and_one_that_lost_its_host_are_told_with_how_to_end_them() {
    let world = logged_in().await;
    let session = world.bash().await;
    signal_pid(world.host_pid(session), "STOP");
    let mute = finding(world.place(), "sessions").await;
    assert_finding(&mute, "bad", &["does not answer", "session stop --force", &session.to_string()]);
    signal_pid(world.host_pid(session), "CONT");
    let data_dir = world.place().path("other");
    let data_dir = data_dir.to_str().unwrap();
    let started = run(world.place().command(&["session", "--data-dir", data_dir, "start", "--command", "cat"])).await;
    assert_eq!(started.code, 0, "{started:?}");
    let hosts = sessionforge::host::runtime_dir::scan(&world.place().path("other/run")).unwrap();
    signal_pid(hosts[0].host_pid, "KILL");
    let lost = poll("it is gone", async || {
        let ran = run(world.place().command(&["doctor", "--json", "--data-dir", data_dir])).await;
        ran.out.contains("1 lost their PTY host").then_some(ran.out)
    })
    .await;
    assert!(lost.contains("session list --all"), "{lost}");
}

#[tokio::test]
async fn what_is_wrong_with_files_and_shells_is_told_by_its_name() {
    let place = Place::new();
    std::fs::write(place.path("agent/agent.json"), r#"{"alow": []}"#).unwrap();
    assert_finding(&finding(&place, "config").await, "bad", &["alow", "agent.json"]);
    std::fs::write(place.path("agent/agent.json"), r#"{"environment": "login"}"#).unwrap();
    std::fs::write(place.path("home/.profile"), "exit 1").unwrap();
    assert_finding(&finding(&place, "environment").await, "warning", &["ended before", "-l -i -c"]);
    std::fs::create_dir_all(place.path("agent/agent")).unwrap();
    std::fs::set_permissions(place.path("agent/agent"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_finding(&finding(&place, "data").await, "bad", &["can be read by others", "chmod 700"]);
    std::fs::write(place.path("agent/agent/credentials.json"), "{").unwrap();
    assert_finding(&finding(&place, "login").await, "bad", &["credentials.json", "auth login"]);
}
