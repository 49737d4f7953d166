//! Programs started in a way that cannot work: one clear sentence, the right exit code, and nothing is lost.

use super::support::process::{Process, Ran, run};
use super::support::world::{Place, World};

/// Exit codes that scripts and service managers may depend on.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const REFUSED: i32 = 3;
const IN_USE: i32 = 4;

/// Runs the program in `place`, with `{DIR}` in the arguments standing for its directory.
async fn sessionforge(place: &Place, arguments: &[&str], key: Option<&str>) -> Ran {
    let dir = place.path("");
    let arguments: Vec<String> =
        arguments.iter().map(|argument| argument.replace("{DIR}/", dir.to_str().unwrap())).collect();
    let mut command = place.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    if let Some(key) = key {
        command.env("SESSIONFORGE_API_KEY", key);
    }
    run(command).await
}

/// One `error:` line, no backtrace, and the words a person needs.
#[track_caller]
fn assert_says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert_eq!(ran.err.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{ran:?}");
    assert!(!ran.err.contains("panicked") && !ran.err.contains("stack backtrace"), "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is missing in: {}", ran.err);
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let world = World::server_only().await;
    let address = world.http.address.to_string();
    let ran = sessionforge(world.place(), &["server", "--listen", &address, "--data-dir", "{DIR}/other"], None).await;
    assert_says(&ran, IN_USE, &[address.rsplit(':').next().unwrap(), "in use", "--listen"]);
}

#[tokio::test]
async fn a_second_server_on_one_data_directory_is_refused() {
    let mut world = World::server_only().await;
    let arguments = ["server", "--listen", "127.0.0.1:0", "--data-dir", "{DIR}/server"];
    let ran = sessionforge(world.place(), &arguments, None).await;
    assert_says(&ran, IN_USE, &["already uses this data directory", "--data-dir"]);
    world.http.get("/healthz").await.ok();
}

#[tokio::test]
async fn a_second_agent_on_one_data_directory_is_refused() {
    let world = World::start().await;
    let url = format!("http://{}", world.http.address);
    let arguments = ["agent", "--server", &url, "--data-dir", "{DIR}/agent"];
    let ran = sessionforge(world.place(), &arguments, Some("sf_live_x")).await;
    assert_says(&ran, IN_USE, &["--data-dir"]);
}

#[tokio::test]
async fn a_damaged_database_is_named_and_left_alone() {
    let place = Place::new();
    let file = place.path("server/state.redb");
    let garbage = vec![0xa5; 64 * 1024];
    std::fs::write(&file, &garbage).unwrap();
    let arguments = ["server", "--listen", "127.0.0.1:0", "--data-dir", "{DIR}/server"];
    let ran = sessionforge(&place, &arguments, None).await;
    assert_says(&ran, FAILED, &["state.redb", "damaged", "backup"]);
    assert_eq!(std::fs::read(&file).unwrap(), garbage, "what could be rescued is still there");
}

#[tokio::test]
async fn a_database_of_a_newer_build_is_not_touched() {
    let mut world = World::server_only().await;
    world.interrupt_server().await;
    let file = world.place().path("server/state.redb");
    {
        let database = redb::Database::open(&file).unwrap();
        let write = database.begin_write().unwrap();
        let meta = redb::TableDefinition::<&str, &[u8]>::new("meta");
        write.open_table(meta).unwrap().insert("schema", b"4711".as_slice()).unwrap();
        write.commit().unwrap();
    }
    let before = std::fs::read(&file).unwrap();
    let arguments = ["server", "--listen", "127.0.0.1:0", "--data-dir", "{DIR}/server"];
    let ran = sessionforge(world.place(), &arguments, None).await;
    assert_says(&ran, FAILED, &["newer SessionForge", "4711", "update this program"]);
    assert!(std::fs::read(&file).unwrap() == before, "not a byte was changed");
}

#[tokio::test]
async fn an_open_door_needs_to_be_asked_for() {
    let place = Place::new();
    let arguments = ["server", "--listen", "0.0.0.0:0", "--data-dir", "{DIR}/server"];
    let ran = sessionforge(&place, &arguments, None).await;
    assert_says(&ran, USAGE, &["--insecure-http", "--trusted-proxy"]);
}

#[tokio::test]
async fn an_agent_with_a_wrong_key_ends_and_says_what_to_do() {
    let world = World::start().await;
    let url = format!("http://{}", world.http.address);
    let arguments = ["agent", "--server", &url, "--data-dir", "{DIR}/other"];
    for wrong in ["sf_live_00000000000000000000000000000000", "hunter2"] {
        let ran = sessionforge(world.place(), &arguments, Some(wrong)).await;
        assert_says(&ran, REFUSED, &["key"]);
        assert!(!ran.err.contains(wrong), "a secret must not be repeated: {}", ran.err);
    }
}

#[tokio::test]
async fn an_agent_without_a_server_or_key_is_told_how_to_give_one() {
    let place = Place::new();
    let ran = sessionforge(&place, &["agent", "--data-dir", "{DIR}/other"], None).await;
    assert_says(&ran, USAGE, &["--server"]);
    let arguments = ["agent", "--data-dir", "{DIR}/other", "--server", "http://127.0.0.1:1"];
    let ran = sessionforge(&place, &arguments, None).await;
    assert_says(&ran, USAGE, &["SESSIONFORGE_API_KEY", "--key-file"]);
}

#[tokio::test]
async fn an_agent_does_not_send_its_key_in_the_clear() {
    let place = Place::new();
    let arguments = ["agent", "--data-dir", "{DIR}/other", "--server", "http://sf.example.org"];
    let ran = sessionforge(&place, &arguments, Some("sf_live_x")).await;
    assert_says(&ran, USAGE, &["https://", "--insecure-http"]);
}

#[tokio::test]
async fn a_revoked_key_ends_the_agent_and_no_session() {
    let mut world = World::start().await;
    let session = world.bash().await;
    let keys = world.http.get("/api/v1/keys").await.ok().json();
    let id = keys["keys"][0]["id"].as_str().expect("one key").to_owned();
    world.http.delete(&format!("/api/v1/keys/{id}")).await.ok();
    let (status, log) = world.agent_end().await;
    assert_eq!(status.code(), Some(REFUSED), "{log}");
    assert!(log.contains("error: ") && log.contains("key"), "{log}");
    // Its sessions go on: with a new key they are there again.
    world.key_for_agent().await;
    world.start_agent().await;
    let viewer = world.viewer(session, super::support::viewer::Manners::default()).await;
    viewer.type_text("echo still-he''re\r").await;
    viewer.expect_text("still-here").await;
}

#[tokio::test]
async fn words_that_are_no_command_are_answered_with_the_usage() {
    let place = Place::new();
    for arguments in [&["fly"][..], &["server", "--lisen", "x"], &["server", "--listen", "nowhere"], &[]] {
        let ran = sessionforge(&place, arguments, None).await;
        assert_eq!(ran.code, USAGE, "{arguments:?}: {ran:?}");
        assert!(ran.err.to_lowercase().contains("usage") || ran.err.contains("--help"), "{arguments:?}: {ran:?}");
    }
}

#[tokio::test]
async fn an_agent_waits_for_a_server_that_is_not_there_yet() {
    let mut world = World::server_only().await;
    world.set_up().await;
    world.kill_server();
    let url = format!("http://{}", world.http.address);
    let data_dir = world.place().path("agent");
    let mut command = world.place().command(&["agent", "--server", &url, "--data-dir", data_dir.to_str().unwrap()]);
    command.env("SESSIONFORGE_API_KEY", world.key());
    let mut agent = Process::start("agent", command);
    agent.expect_line("cannot be reached").await;
    world.start_server().await;
    agent.expect_line("connected to").await;
}
