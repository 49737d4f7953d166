//! A server's release files: listed, signed, sent; and an agent's machine that takes its next version from there, or refuses it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sessionforge::update::signature;
use sha2::{Digest as _, Sha256};

use super::support::other_build::{OTHER_VERSION, install};
use super::support::process::{Ran, run};
use super::support::server::TestServer;
use super::support::systemd::{UserSystemd, with};
use super::support::viewer::Manners;
use super::support::world::{Place, World};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What this build is for.
fn target() -> &'static str {
    sessionforge::update::target::Target::own().expect("tests run where release files are made for").name()
}

/// A release file of the other version, in the server's release directory.
fn release(world: &World) -> PathBuf {
    let directory = world.dir().join("server/releases");
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join(format!("sessionforge-{OTHER_VERSION}-{}", target()));
    install(&path, true);
    path
}

/// This build in a file of the world's own, logged in to its server.
async fn logged_in(world: &mut World) -> PathBuf {
    let program = world.place().path("bin/sessionforge");
    install(&program, false);
    let (server, key) = (format!("http://{}", world.http.address), world.make_key("update").await);
    let ran = sessionforge(world.place(), &program, &["auth", "login", "--server", &server, "--key", &key]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    program
}

async fn sessionforge(place: &Place, program: &Path, arguments: &[&str]) -> Ran {
    let data_dir = place.path("agent").display().to_string();
    let arguments = [arguments, &["--data-dir", &data_dir]].concat();
    run(with(place, place.command_of(program, &arguments))).await
}

async fn version(program: &Path) -> String {
    let mut command = Command::new(program);
    command.arg("version");
    run(command).await.out.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_signed_and_names_what_is_sent() {
    let server = TestServer::start().await;
    let mut http = server.http();
    let list = http.get("/downloads/manifest.json").await.ok();
    let key = http.get("/downloads/minisign.pub").await.ok().text();
    for name in ["manifest.json", "SHA256SUMS"] {
        let list = http.get(&format!("/downloads/{name}")).await.ok().text();
        let mark = http.get(&format!("/downloads/{name}.minisig")).await.ok().text();
        signature::check(&key, list.as_bytes(), &mark).unwrap();
        assert!(signature::check(&key, format!("{list} ").as_bytes(), &mark).is_err());
    }
    let list = list.json();
    let own =
        list["files"].as_array().unwrap().iter().find(|file| file["target"] == target()).expect("its own program");
    assert_eq!(own["version"], VERSION);
    for address in [target().to_owned(), own["name"].as_str().unwrap().to_owned()] {
        let sent = http.get(&format!("/downloads/{address}")).await.ok();
        assert_eq!(sent.body.len() as u64, own["size"].as_u64().unwrap());
        let sum: String = Sha256::digest(&sent.body).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(own["sha256"], sum.as_str());
        assert!(sent.header("content-disposition").unwrap().contains("attachment"));
    }
    for wrong in ["plan9", "sessionforge-9.9.9-linux-arm64", "..%2f..%2fstate.redb", "%2e%2e", "manifest.jso"] {
        let answer = http.get(&format!("/downloads/{wrong}")).await;
        assert_eq!(answer.status, 404, "{wrong}: {}", answer.text());
    }
}

/// Somebody who does not trust our own check of it.
#[tokio::test(flavor = "multi_thread")]
async fn minisign_itself_believes_the_list() {
    let server = TestServer::start().await;
    let (mut http, dir) = (server.http(), tempfile::tempdir().unwrap());
    for name in ["SHA256SUMS", "SHA256SUMS.minisig", "minisign.pub"] {
        std::fs::write(dir.path().join(name), &http.get(&format!("/downloads/{name}")).await.ok().body).unwrap();
    }
    let mut check = Command::new("minisign");
    check.args(["-V", "-m", "SHA256SUMS", "-p", "minisign.pub"]).current_dir(dir.path());
    let checked = check.output().expect("minisign is installed");
    assert!(checked.status.success(), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_the_same_after_a_restart() {
    let mut world = World::server_only().await;
    let before = world.http.get("/downloads/minisign.pub").await.ok().text();
    world.interrupt_server().await;
    world.start_server().await;
    assert_eq!(world.http.get("/downloads/minisign.pub").await.ok().text(), before);
}

#[tokio::test]
async fn update_takes_the_servers_next_version_and_sessions_live_on() {
    let mut world = World::start().await;
    world.terminate_agent().await;
    let Some(_systemd) = UserSystemd::start(world.place()).await else { return };
    let program = logged_in(&mut world).await;
    let ran = sessionforge(world.place(), &program, &["service", "install"]).await;
    assert!(ran.code == 0 && ran.out.contains("connected as"), "{ran:?}");
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("echo before-$((1+1))\r").await;
    viewer.expect_text("before-2").await;

    let nothing = sessionforge(world.place(), &program, &["update"]).await;
    assert!(nothing.code == 0 && nothing.out.contains("in its place already"), "{nothing:?}");
    release(&world);
    let checked = sessionforge(world.place(), &program, &["update", "--check", "--json"]).await;
    let checked: Value = serde_json::from_str(&checked.out).unwrap_or_else(|_| panic!("{checked:?}"));
    assert_eq!(
        (&checked["available"], &checked["update_available"]),
        (&json!(OTHER_VERSION), &json!(true)),
        "{checked}"
    );
    assert_eq!(checked["server_version"], VERSION);
    let checked = sessionforge(world.place(), &program, &["update", "--check"]).await;
    assert!(checked.out.contains(&format!("{OTHER_VERSION} is there")), "{checked:?}");

    let ran = sessionforge(world.place(), &program, &["update"]).await;
    assert!(ran.code == 0 && ran.out.contains(&format!("Updated from {VERSION} to {OTHER_VERSION}")), "{ran:?}");
    assert_eq!(version(&program).await, format!("sessionforge {OTHER_VERSION}"));
    viewer.expect_attached().await;
    viewer.type_text("echo after-$((1+1))\r").await;
    viewer.expect_text("after-2").await;
    assert!(!world.place().path("bin/sessionforge.part").exists(), "nothing of it is left");

    let back = sessionforge(world.place(), &program, &["update", "--version", VERSION]).await;
    assert!(back.code == 1 && back.err.contains("--allow-downgrade"), "never back unasked: {back:?}");
    let missing = sessionforge(world.place(), &program, &["update", "--version", "7.7.7"]).await;
    assert!(
        missing.code == 1 && missing.err.contains("has no 7.7.7") && missing.err.contains(OTHER_VERSION),
        "{missing:?}"
    );
}

#[tokio::test]
async fn what_is_not_as_the_server_signed_it_is_not_taken() {
    let mut world = World::start().await;
    let program = logged_in(&mut world).await;
    let file = release(&world);
    // The server has read it once, and has no reason to read it again: as if it were changed on the way.
    sessionforge(world.place(), &program, &["update", "--check"]).await;
    let changed = std::fs::metadata(&file).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    std::fs::File::options().append(true).open(&file).unwrap().set_modified(changed).unwrap();
    let refused = |ran: &Ran, why: &str| assert!(ran.code == 1 && ran.err.contains(why), "{ran:?}");
    refused(&sessionforge(world.place(), &program, &["update"]).await, "its checksum is another");

    // Another server answers under the same address, or somebody before it does.
    let credentials = world.place().path("agent/agent/credentials.json");
    let kept = std::fs::read_to_string(&credentials).unwrap();
    let mut other: Value = serde_json::from_str(&kept).unwrap();
    let stranger = signature::SigningKey::read(&signature::SigningKey::generate().unwrap()).unwrap();
    other["release_key"] = json!(stranger.public());
    std::fs::write(&credentials, other.to_string()).unwrap();
    let ran = sessionforge(world.place(), &program, &["update"]).await;
    refused(&ran, "is not believed");
    refused(&ran, "log in again");
    std::fs::write(&credentials, kept).unwrap();

    // Where nothing can be written.
    install(&file, true);
    std::fs::create_dir(world.place().path("bin/sessionforge.part")).unwrap();
    refused(&sessionforge(world.place(), &program, &["update"]).await, "cannot be written");
    std::fs::remove_dir(world.place().path("bin/sessionforge.part")).unwrap();
    world.interrupt_server().await;
    refused(&sessionforge(world.place(), &program, &["update"]).await, "cannot be reached");
    assert_eq!(version(&program).await, format!("sessionforge {VERSION}"), "through all of it");
    let left: Vec<_> =
        std::fs::read_dir(world.place().path("bin")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["sessionforge"]);
}
