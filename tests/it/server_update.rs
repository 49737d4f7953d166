//! `sessionforge server update`: another version in the place of a server that runs, with sessions and viewers on it; and back
//! if it does not come up, with nothing lost that the old one had promised.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sessionforge::update::signature::SigningKey;
use sessionforge::update::target::Target;
use sha2::{Digest as _, Sha256};

use super::support::other_build::{OTHER_VERSION, install};
use super::support::process::{Ran, run};
use super::support::systemd::{UserSystemd, with};
use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::{PROGRAM, World};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Sessions of the drill, each with a viewer.
const SESSIONS: usize = 8;

fn release_name(version: &str) -> String {
    Target::own().expect("tests run where release files are made for").file_name(&version.parse().unwrap())
}

fn program(world: &World) -> PathBuf {
    world.place().path("bin/sessionforge")
}

/// A world whose server runs from a file that may be replaced.
async fn replaceable() -> World {
    let mut world = World::start().await;
    world.interrupt_server().await;
    let program = program(&world);
    install(&program, false);
    world.run_from(&program, Path::new(PROGRAM));
    world.start_server().await;
    world.expect_machine().await;
    world
}

async fn update(world: &World, options: &[&str]) -> Ran {
    let data_dir = world.place().path("server").display().to_string();
    let arguments = [&["server", "update", "--data-dir", &data_dir][..], options].concat();
    run(with(world.place(), world.place().command_of(&program(world), &arguments))).await
}

async fn checked(world: &World, options: &[&str]) -> Value {
    let ran = update(world, &[&["--check", "--json"], options].concat()).await;
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A program that says that it is 9.9.9, reads states like ours, and does this when it is to serve.
fn played(world: &World, serves: &str) -> PathBuf {
    let path = world.place().path("played");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = version ] && echo 'sessionforge 9.9.9' && exit 0\n\
         [ \"$2\" = backup ] && exec '{PROGRAM}' \"$@\"\n{serves}\n"
    );
    std::fs::write(&path, script).unwrap();
    path
}

async fn type_and_see(viewers: &[Viewer], word: &str) {
    for viewer in viewers {
        viewer.expect_attached().await;
        viewer.type_text(&format!("echo {word}-$((1+1))\r")).await;
    }
    for viewer in viewers {
        viewer.expect_text(&format!("{word}-2")).await;
    }
}

#[tokio::test]
async fn a_server_is_updated_under_live_sessions_and_viewers_and_nothing_is_lost() {
    let world = replaceable().await;
    let mut viewers = Vec::new();
    for _ in 0..SESSIONS {
        viewers.push(world.viewer(world.bash().await, Manners::default()).await);
    }
    type_and_see(&viewers, "before").await;
    assert_eq!(checked(&world, &[]).await["update_available"], false, "there is nothing");
    let releases = world.place().path("server/releases");
    std::fs::create_dir_all(&releases).unwrap();
    install(&releases.join(release_name(OTHER_VERSION)), true);
    let found = checked(&world, &[]).await;
    assert_eq!(
        (&found["server"], &found["available"], &found["update_available"]),
        (&json!(VERSION), &json!(OTHER_VERSION), &json!(true))
    );
    let pid = world.server_pid();
    let path = format!("/api/v1/machines/{}", world.machine());
    world.http.clone().send("PATCH", &path, Some(&json!({ "tags": ["just now"] }))).await.ok();

    let ran = update(&world, &[]).await;
    assert!(ran.code == 0 && ran.out.contains(&format!("Updated from {VERSION} to {OTHER_VERSION}")), "{ran:?}");
    assert!(ran.out.contains("started itself again"), "{ran:?}");
    assert_eq!(checked(&world, &[]).await["server"], OTHER_VERSION);
    assert_eq!(world.server_pid(), pid, "to whoever started it, it is the same process");
    type_and_see(&viewers, "after").await;
    let machine = world.http.clone().get(&path).await.ok().json();
    assert_eq!(machine["tags"], json!(["just now"]));
    let sessions = world.http.clone().get("/api/v1/sessions").await.ok().json();
    let live = sessions["sessions"].as_array().unwrap().iter().filter(|it| it["state"] == "running").count();
    assert_eq!(live, SESSIONS, "none is lost");
    let backups = names(&world.place().path("server/backups"));
    assert!(backups.len() == 1 && backups[0].ends_with(&format!("-from-{VERSION}.redb")), "{backups:?}");
    assert!(names(&world.place().path("bin")).contains(&"sessionforge.old".to_owned()));

    let again = update(&world, &[]).await;
    assert!(again.code == 0 && again.out.contains("already"), "{again:?}");
    let first = world.place().path("first");
    install(&first, false);
    let back = update(&world, &["--from", first.to_str().unwrap()]).await;
    assert!(back.code == 1 && back.err.contains("--allow-downgrade"), "never back unasked: {back:?}");
    let back = update(&world, &["--from", first.to_str().unwrap(), "--allow-downgrade"]).await;
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!(checked(&world, &[]).await["server"], VERSION);
    type_and_see(&viewers, "back").await;
}

#[tokio::test]
async fn a_version_that_cannot_read_the_state_changes_nothing() {
    let world = replaceable().await;
    let path = world.place().path("blind");
    let script = "#!/bin/sh\n[ \"$1\" = version ] && echo 'sessionforge 9.9.9' && exit 0\necho 'this state is strange' >&2\nexit 1\n";
    std::fs::write(&path, script).unwrap();
    let before = names(&world.place().path("bin"));
    let ran = update(&world, &["--from", path.to_str().unwrap()]).await;
    assert!(
        ran.code == 1 && ran.err.contains("this state is strange") && ran.err.contains("nothing was changed"),
        "{ran:?}"
    );
    assert_eq!(names(&world.place().path("bin")), before);
    assert!(!world.place().path("server/rehearsal").exists());
    assert_eq!(checked(&world, &[]).await["server"], VERSION, "it runs as before");
    let text = world.place().path("text");
    std::fs::write(&text, "hello").unwrap();
    let ran = update(&world, &["--from", text.to_str().unwrap()]).await;
    assert!(ran.code == 1 && ran.err.contains("no SessionForge for this system"), "{ran:?}");
}

/// The server as a service that is started again whenever it ends, as the documentation has it.
async fn as_a_service(world: &mut World) -> Option<UserSystemd> {
    world.interrupt_server().await;
    let systemd = UserSystemd::start(world.place()).await?;
    let units = world.place().path("home/.config/systemd/user");
    std::fs::create_dir_all(&units).unwrap();
    let (program, address) = (program(world), world.http.address);
    let data_dir = world.place().path("server");
    let unit = format!(
        "[Service]\nExecStart={} server --listen {address} --data-dir {}\nRestart=always\nRestartSec=1\n",
        program.display(),
        data_dir.display()
    );
    std::fs::write(units.join("sessionforge-server.service"), unit).unwrap();
    for words in [&["daemon-reload"][..], &["start", "sessionforge-server"]] {
        let arguments = [&["--user"], words].concat();
        let ran = run(with(world.place(), world.place().command_of(Path::new("systemctl"), &arguments))).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    poll("the service answers", async || {
        let mut command = Command::new(&program);
        command.args(["server", "update", "--check", "--json", "--data-dir"]).arg(&data_dir);
        let found: Value = serde_json::from_str(&run(command).await.out).ok()?;
        found["server"].is_string().then_some(())
    })
    .await;
    Some(systemd)
}

#[tokio::test]
async fn a_version_that_ends_as_soon_as_it_serves_is_taken_back_and_the_old_state_with_it() {
    let mut world = replaceable().await;
    let viewers = vec![world.viewer(world.bash().await, Manners::default()).await];
    type_and_see(&viewers, "before").await;
    let Some(_systemd) = as_a_service(&mut world).await else { return };
    type_and_see(&viewers, "served").await;
    let path = format!("/api/v1/machines/{}", world.machine());
    world.http.clone().send("PATCH", &path, Some(&json!({ "tags": ["just now"] }))).await.ok();
    let releases = world.place().path("server/releases");
    std::fs::create_dir_all(&releases).unwrap();

    // It gives the state a form that the old version cannot read, and ends.
    let newer = world.place().path("newer.redb");
    let data_dir = world.place().path("server").display().to_string();
    let ran = run(world.place().command(&["server", "backup", newer.to_str().unwrap(), "--data-dir", &data_dir])).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    {
        let database = redb::Database::open(&newer).unwrap();
        let writing = database.begin_write().unwrap();
        let meta = redb::TableDefinition::<&str, &[u8]>::new("meta");
        writing.open_table(meta).unwrap().insert("schema", &b"99"[..]).unwrap();
        writing.commit().unwrap();
    }
    let serves = format!("cp '{}' '{data_dir}/state.redb'\nexit 7", newer.display());
    let ran = update(&world, &["--from", played(&world, &serves).to_str().unwrap()]).await;
    assert!(ran.code == 1 && ran.err.contains("9.9.9 did not come up"), "{ran:?}");
    assert!(ran.err.contains(&format!("{VERSION} is back in its place, and runs")), "{ran:?}");
    assert_eq!(checked(&world, &[]).await["server"], VERSION);
    type_and_see(&viewers, "after").await;
    let machine = world.http.clone().get(&path).await.ok().json();
    assert_eq!(machine["tags"], json!(["just now"]), "what the old version had promised is there");
    let kept = names(&world.place().path("server"));
    assert!(
        kept.iter().any(|name| name.starts_with("state.redb.before-restore-")),
        "the other's state is kept: {kept:?}"
    );
}

#[tokio::test]
async fn a_server_that_nobody_starts_again_is_said_to_be_down_with_the_old_version_in_its_place() {
    let world = replaceable().await;
    let ran = update(&world, &["--from", played(&world, "exit 7").to_str().unwrap()]).await;
    assert!(ran.code == 1 && ran.err.contains("9.9.9 did not come up"), "{ran:?}");
    assert!(ran.err.contains("start it by hand") && ran.err.contains("backups"), "{ran:?}");
    let mut command = Command::new(program(&world));
    command.arg("version");
    assert_eq!(run(command).await.out.trim(), format!("sessionforge {VERSION}"));
}

#[tokio::test]
async fn a_server_that_stands_still_is_replaced_and_not_started() {
    let mut world = replaceable().await;
    world.interrupt_server().await;
    let next = world.place().path("next");
    install(&next, true);
    let ran = update(&world, &["--from", next.to_str().unwrap()]).await;
    assert!(ran.code == 0 && ran.out.contains("Updated from") && !ran.out.contains("Server"), "{ran:?}");
    world.start_server().await;
    assert_eq!(checked(&world, &[]).await["server"], OTHER_VERSION);
}

fn key() -> SigningKey {
    SigningKey::read(&SigningKey::generate().unwrap()).unwrap()
}

fn configure(world: &World, lines: &str) {
    std::fs::write(world.place().path("server/server.toml"), lines).unwrap();
}

#[tokio::test]
async fn what_is_not_as_it_was_signed_is_not_taken() {
    let world = replaceable().await;
    let directory = world.place().path("files");
    std::fs::create_dir(&directory).unwrap();
    let (file, list) = (directory.join(release_name(OTHER_VERSION)), directory.join("SHA256SUMS"));
    install(&file, true);
    let take = async || update(&world, &["--from", directory.to_str().unwrap()]).await;
    let refused = |ran: &Ran, why: &str| {
        assert!(ran.code == 1 && ran.err.contains(why) && ran.err.contains("nothing was changed"), "{ran:?}");
    };
    std::fs::write(&list, format!("{}  {}\n", "0".repeat(64), release_name(OTHER_VERSION))).unwrap();
    refused(&take().await, "its checksum is another");
    std::fs::write(&list, format!("{}  another\n", "0".repeat(64))).unwrap();
    refused(&take().await, "does not list");

    let (ours, stranger) = (key(), key());
    configure(&world, &format!("update-key = \"{}\"\n", ours.public().lines().nth(1).unwrap()));
    std::fs::remove_file(&list).unwrap();
    refused(&take().await, "update-key is set");
    let sum: String = Sha256::digest(std::fs::read(&file).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("{sum}  {}\n", release_name(OTHER_VERSION));
    std::fs::write(&list, &text).unwrap();
    refused(&take().await, "minisig cannot be read");
    std::fs::write(directory.join("SHA256SUMS.minisig"), stranger.sign(text.as_bytes(), "0.1.9")).unwrap();
    refused(&take().await, "is not believed");
    assert_eq!(checked(&world, &[]).await["server"], VERSION, "through all of it");
    std::fs::write(directory.join("SHA256SUMS.minisig"), ours.sign(text.as_bytes(), "0.1.9")).unwrap();
    let ran = take().await;
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[tokio::test]
async fn an_administrator_may_name_an_address_and_its_key_and_nothing_else_is_asked() {
    let upstream = World::server_only().await;
    let releases = upstream.place().path("server/releases");
    std::fs::create_dir_all(&releases).unwrap();
    install(&releases.join(release_name(OTHER_VERSION)), true);
    let public = upstream.http.clone().get("/downloads/minisign.pub").await.ok().text();
    let public = public.lines().nth(1).unwrap().to_owned();
    let world = replaceable().await;
    let url = format!("http://{}", upstream.http.address);
    configure(&world, &format!("update-url = \"{url}\"\n"));
    let ran = update(&world, &["--check"]).await;
    assert!(ran.code == 2 && ran.err.contains("update-key"), "an address alone is not trusted: {ran:?}");
    let other = key().public();
    configure(&world, &format!("update-url = \"{url}\"\nupdate-key = \"{}\"\n", other.lines().nth(1).unwrap()));
    let ran = update(&world, &[]).await;
    assert!(ran.code == 1 && ran.err.contains("is not believed") && ran.err.contains("nothing was changed"), "{ran:?}");
    configure(&world, &format!("update-url = \"{url}\"\nupdate-key = \"{public}\"\n"));
    assert_eq!(checked(&world, &[]).await["available"], OTHER_VERSION);
    let ran = update(&world, &[]).await;
    assert!(ran.code == 0 && ran.out.contains("Updated from"), "{ran:?}");
    assert_eq!(checked(&world, &[]).await["server"], OTHER_VERSION);
}
