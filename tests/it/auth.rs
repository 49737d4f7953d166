//! `sessionforge auth`: a key is asked about before it is stored, stored for its owner alone, and used by the agent.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::support::process::{Process, Ran, run};
use super::support::wait::poll;
use super::support::world::{PROGRAM, Place, World};

/// A machine's name that no format may stumble over.
const NAME: &str = "Ada's \"büro\" 🦀  $HOME\\";

/// `sessionforge auth …` with a data directory of its own in the world's place.
async fn auth(place: &Place, arguments: &[&str], key: Option<&str>) -> Ran {
    let data_dir = place.path("other");
    let mut command = place.command(&[&["auth", "--data-dir", data_dir.to_str().unwrap()], arguments].concat());
    command.envs(key.map(|key| ("SESSIONFORGE_API_KEY", key)));
    run(command).await
}

fn stored(place: &Place) -> Option<Value> {
    let json = std::fs::read(place.path("other/agent/credentials.json")).ok()?;
    Some(serde_json::from_slice(&json).unwrap())
}

async fn machine_named(world: &World, name: &str) -> Value {
    poll("the machine is connected under its name", async || {
        let machines = world.http.clone().get("/api/v1/machines").await.json();
        let mut machines = machines["machines"].as_array()?.clone().into_iter();
        machines.find(|machine| machine["online"] == true && machine["name"] == name)
    })
    .await
}

#[tokio::test]
async fn auth_login_says_who_and_where_and_the_agent_uses_what_was_stored() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let server = format!("http://{}/", world.http.address);
    let key = world.key().to_owned();
    let ran = auth(world.place(), &["login", "--key", &key, "--server", &server, "--name", NAME], None).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for word in
        ["Logged in", server.trim_end_matches('/'), "Ada", "Acme", NAME, "credentials.json", "sessionforge agent"]
    {
        assert!(ran.out.contains(word), "{word:?} in {ran:?}");
    }
    assert!(!ran.out.contains(&key) && !ran.err.contains(&key), "a secret must not be repeated");
    let file = world.place().path("other/agent/credentials.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");

    let data_dir = world.place().path("other");
    let agent = ["agent", "--data-dir", data_dir.to_str().unwrap()];
    let mut agent = Process::start("agent", world.place().command(&agent));
    agent.expect_line("connected to").await;
    machine_named(&world, NAME).await;
    let again = auth(world.place(), &["login"], Some(&key)).await;
    assert!(again.code == 0 && again.out.contains("restart it"), "the server is the stored one: {again:?}");
    assert_eq!(stored(world.place()).unwrap()["name"], NAME, "and so is the name");
}

#[tokio::test]
async fn a_key_may_come_by_standard_input_and_by_the_environment() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let (server, key) = (format!("http://{}", world.http.address), world.key().to_owned());
    let data_dir = world.place().path("other");
    let line = format!(
        "echo ' {key} ' | '{PROGRAM}' auth login --key - --server {server} --data-dir '{}'",
        data_dir.display()
    );
    let ran = run(world.place().command_of(Path::new("/bin/bash"), &["-c", &line])).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stored(world.place()).unwrap()["key"], key);
    let out = auth(world.place(), &["logout"], None).await;
    assert!(out.code == 0 && out.out.contains(&server) && stored(world.place()).is_none(), "{out:?}");
    let ran = auth(world.place(), &["login", "--server", &server], Some(&key)).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stored(world.place()).unwrap()["key"], key);
}

#[tokio::test]
async fn auth_logout_leaves_no_key_and_nothing_to_connect_with() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let server = format!("http://{}", world.http.address);
    let key = world.key().to_owned();
    auth(world.place(), &["login", "--server", &server, "--key", &key], None).await;
    let ran = auth(world.place(), &["logout"], None).await;
    assert!(ran.code == 0 && ran.out.contains("Logged out of") && ran.out.contains("revoked"), "{ran:?}");
    for entry in std::fs::read_dir(world.place().path("other/agent")).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        assert!(!text.contains(&key), "{}", entry.path().display());
    }
    let again = auth(world.place(), &["logout"], None).await;
    assert!(again.code == 0 && again.out.contains("Not logged in"), "{again:?}");
    let data_dir = world.place().path("other");
    let agent = run(world.place().command(&["agent", "--data-dir", data_dir.to_str().unwrap()])).await;
    assert!(agent.code == 2 && agent.err.contains("auth login"), "{agent:?}");
}

#[tokio::test]
async fn logging_in_to_another_server_keeps_nothing_of_the_old_one() {
    let (mut one, mut two) = (World::server_only().await, World::server_only().await);
    one.set_up().await;
    two.set_up().await;
    let server = |world: &World| format!("http://{}", world.http.address);
    let arguments = ["login", "--server", &server(&one), "--key", one.key(), "--name", NAME, "--insecure-http"];
    assert_eq!(auth(one.place(), &arguments, None).await.code, 0);
    let ran = auth(one.place(), &["login", "--server", &server(&two), "--key", two.key()], None).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let release_key = two.http.get("/downloads/minisign.pub").await.ok().text();
    let expected =
        json!({"server": server(&two), "key": two.key(), "insecure_http": false, "release_key": release_key});
    assert_eq!(stored(one.place()).unwrap(), expected);
}

#[tokio::test]
async fn a_key_or_server_that_is_not_good_is_told_and_not_stored() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let (server, key) = (format!("http://{}", world.http.address), world.key().to_owned());
    let reader = json!({"name": "reader", "scopes": ["sessions:read"]});
    let reader = world.http.post("/api/v1/keys", &reader).await.ok().json()["key"].as_str().unwrap().to_owned();
    let revoked = world.make_key("revoked").await;
    let keys = world.http.get("/api/v1/keys").await.ok().json();
    let id = keys["keys"].as_array().unwrap().iter().find(|key| key["name"] == "revoked").unwrap()["id"].clone();
    world.http.delete(&format!("/api/v1/keys/{}", id.as_str().unwrap())).await.ok();
    let other = something_else().await;
    let nobody = "http://127.0.0.1:1".to_owned();
    let slip = key.replace("sf_live_", "sf_live_x");
    for (server, key, code, words) in [
        (&server, &slip, 2, &["typing error", "40 characters"][..]),
        (&server, &String::new(), 2, &["not an API key"]),
        (&server, &revoked, 3, &["refuses the key", "revoked", "expired", "API keys"]),
        (&server, &reader, 3, &["may not connect a machine", "agent"]),
        (&nobody, &key, 1, &["127.0.0.1:1", "cannot be reached"]),
        (&other, &key, 1, &["is not a SessionForge server"]),
        (&"http://sf.example.org".to_owned(), &key, 2, &["--insecure-http", "https://"]),
        (&"sf.example.org".to_owned(), &key, 2, &["is not a server address"]),
    ] {
        let ran = auth(world.place(), &["login", "--server", server, "--key", key], None).await;
        assert_eq!(ran.code, code, "{ran:?}");
        assert_eq!(ran.err.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{ran:?}");
        for word in words {
            assert!(ran.err.contains(word), "{word:?} is missing in: {}", ran.err);
        }
        assert!(key.is_empty() || !ran.err.contains(key.as_str()), "a secret must not be repeated: {}", ran.err);
    }
    for (arguments, word) in [
        (&["login", "--server", server.as_str()][..], "SESSIONFORGE_API_KEY"),
        (&["login", "--key", key.as_str()], "--server"),
        (&["login", "--server", server.as_str(), "--key", key.as_str(), "--name", "a\nb"], "cannot be shown"),
    ] {
        let ran = auth(world.place(), arguments, None).await;
        assert!(ran.code == 2 && ran.err.contains(word), "{arguments:?}: {ran:?}");
    }
    assert_eq!(stored(world.place()), None);
}

/// A web server that is none of ours.
async fn something_else() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}
