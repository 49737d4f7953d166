//! `sessionforge update`: another build takes the place of the one that runs, and sessions live through it; one that does not
//! come up is taken back.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::other_build::{OTHER_VERSION, install};
use super::support::process::{Ran, run};
use super::support::systemd::{UserSystemd, with};
use super::support::viewer::Manners;
use super::support::world::{Place, World};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// This build in a file of the place's own, where it may be replaced.
fn installed(place: &Place) -> PathBuf {
    let program = place.path("bin/sessionforge");
    install(&program, false);
    program
}

/// A file that says that it is a far newer version, and ends as soon as it is run as anything.
fn broken(place: &Place) -> PathBuf {
    let path = place.path("broken");
    std::fs::write(&path, "#!/bin/sh\n[ \"$1\" = version ] && echo 'sessionforge 9.9.9' && exit 0\nexit 7\n").unwrap();
    path
}

async fn update(place: &Place, program: &Path, from: &Path, options: &[&str]) -> Ran {
    let data_dir = place.path("agent");
    let from = ["update", "--data-dir", data_dir.to_str().unwrap(), "--from", from.to_str().unwrap()];
    run(with(place, place.command_of(program, &[&from[..], options].concat()))).await
}

async fn version(program: &Path) -> String {
    let mut command = Command::new(program);
    command.arg("version");
    run(command).await.out.trim().to_owned()
}

fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("bin")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A world whose agent is run by a service, from a file that may be replaced.
async fn served() -> Option<(World, UserSystemd, PathBuf)> {
    let mut world = World::start().await;
    world.terminate_agent().await;
    let systemd = UserSystemd::start(world.place()).await?;
    let program = installed(world.place());
    let data_dir = world.place().path("agent");
    let arguments = ["service", "install", "--data-dir", data_dir.to_str().unwrap()];
    let ran = run(with(world.place(), world.place().command_of(&program, &arguments))).await;
    assert!(ran.code == 0 && ran.out.contains("connected as"), "{ran:?}");
    Some((world, systemd, program))
}

/// Version of the agent that the service runs, if that one is connected.
async fn agent_version(place: &Place, program: &Path) -> Option<String> {
    let ran = run(with(place, place.command_of(program, &["service", "status", "--json"]))).await;
    let found: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (found["found"]["healthy"] == true).then(|| found["found"]["agent"]["build"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_service_is_brought_to_another_version_and_back_and_sessions_live_on() {
    let Some((world, _systemd, program)) = served().await else { return };
    let next = world.place().path("next");
    install(&next, true);
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("echo before-$((1+1))\r").await;
    viewer.expect_text("before-2").await;

    let check = ["update", "--check", "--json", "--data-dir"].map(str::to_owned);
    let data_dir = world.place().path("agent").display().to_string();
    let check: Vec<&str> = check.iter().map(String::as_str).chain([data_dir.as_str()]).collect();
    let checked = run(world.place().command_of(&program, &check)).await;
    let checked: serde_json::Value = serde_json::from_str(&checked.out).unwrap_or_else(|_| panic!("{checked:?}"));
    assert_eq!(
        (&checked["server_version"], &checked["update_available"]),
        (&VERSION.into(), &false.into()),
        "{checked}"
    );

    let ran = update(world.place(), &program, &next, &[]).await;
    assert!(ran.code == 0 && ran.out.contains(&format!("Updated from {VERSION} to {OTHER_VERSION}")), "{ran:?}");
    assert_eq!(agent_version(world.place(), &program).await.as_deref(), Some(OTHER_VERSION));
    assert_eq!(
        version(&program.with_extension("old")).await,
        format!("sessionforge {VERSION}"),
        "the one before is kept"
    );
    viewer.expect_attached().await;
    viewer.type_text("echo between-$((1+1))\r").await;
    viewer.expect_text("between-2").await;
    let again = update(world.place(), &program, &next, &[]).await;
    assert!(again.code == 0 && again.out.contains("already"), "{again:?}");

    let first = world.place().path("first");
    install(&first, false);
    let ran = update(world.place(), &program, &first, &[]).await;
    assert!(ran.code == 1 && ran.err.contains("older") && ran.err.contains("--allow-downgrade"), "{ran:?}");
    assert_eq!(agent_version(world.place(), &program).await.as_deref(), Some(OTHER_VERSION), "nothing was done");
    let ran = update(world.place(), &program, &first, &["--allow-downgrade"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(agent_version(world.place(), &program).await.as_deref(), Some(VERSION));
    viewer.expect_attached().await;
    viewer.type_text("echo after-$((1+1))\r").await;
    viewer.expect_text("after-2").await;
}

#[tokio::test]
async fn a_version_that_does_not_come_up_is_taken_back_and_the_one_before_runs() {
    let Some((world, _systemd, program)) = served().await else { return };
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    let ran = update(world.place(), &program, &broken(world.place()), &[]).await;
    assert!(ran.code == 1 && ran.err.contains("9.9.9 did not come up"), "{ran:?}");
    assert!(ran.err.contains(&format!("{VERSION} is back in its place, and runs")), "{ran:?}");
    assert_eq!(agent_version(world.place(), &program).await.as_deref(), Some(VERSION));
    assert_eq!(names(world.place()), ["sessionforge"], "nothing of it is left");
    viewer.expect_attached().await;
    viewer.type_text("echo after-$((1+1))\r").await;
    viewer.expect_text("after-2").await;
}

#[tokio::test]
async fn without_a_service_the_file_alone_is_replaced_and_only_by_this_program() {
    let place = Place::new();
    let program = installed(&place);
    let text = place.path("text");
    std::fs::write(&text, "hello").unwrap();
    let missing = place.path("missing");
    for (from, said) in [(&text, "no SessionForge for this system"), (&missing, "cannot be read")] {
        let ran = update(&place, &program, from, &[]).await;
        assert!(ran.code == 1 && ran.err.contains(said), "{ran:?}");
        assert_eq!(
            (names(&place), version(&program).await),
            (vec!["sessionforge".into()], format!("sessionforge {VERSION}"))
        );
    }
    let next = place.path("next");
    install(&next, true);
    let ran = update(&place, &program, &next, &[]).await;
    assert!(ran.code == 0 && ran.out.contains("Updated from"), "{ran:?}");
    assert_eq!(version(&program).await, format!("sessionforge {OTHER_VERSION}"));
    assert_eq!(names(&place), ["sessionforge", "sessionforge.old"]);
    let data_dir = place.path("agent").display().to_string();
    let ran = run(place.command_of(&program, &["update", "--check", "--data-dir", &data_dir])).await;
    assert!(ran.code == 1 && ran.err.contains("not logged in"), "{ran:?}");
}
