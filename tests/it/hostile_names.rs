//! Names that nobody chooses and somebody has: of sessions, working directories and machines. They are kept as they are,
//! found again, and never obeyed by a terminal.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use serde_json::Value;

use super::support::local::Local;
use super::support::process::{Ran, run};
use super::support::wait::poll;
use super::support::world::{Place, World};

const NAMES: [&str; 10] = [
    "two  words ",
    "it's \"quoted\" `id` $(reboot) \\",
    "two\nlines\r\tand tabs",
    "🦀 日本語 e\u{301}",
    "-rf",
    "--json",
    "../../etc/passwd",
    "\x1b]0;owned\x07\x1b[2J\u{9b}31m\x7f",
    "right\u{202e}tfel",
    "ses_",
];

/// Nothing in it that a terminal would obey, or show in another order.
#[track_caller]
fn assert_harmless(ran: &Ran) {
    let all = format!("{}{}", ran.out, ran.err);
    let harms = |c: char| c.is_control() && c != '\n' && c != '\t' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!all.contains(harms), "{all:?}");
}

/// A heading, the session, and how many others have ended: no name makes a line of its own.
#[track_caller]
fn assert_one_line(listed: &str, id: &str) {
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("ID") && lines[1].starts_with(id) && lines.len() <= 3, "{listed:?}");
}

async fn sessionforge(place: &Place, arguments: &[&str]) -> Ran {
    let ran = run(place.command(arguments)).await;
    assert_harmless(&ran);
    ran
}

async fn done(place: &Place, arguments: &[&str]) -> String {
    let ran = sessionforge(place, arguments).await;
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    ran.out
}

#[tokio::test]
async fn sessions_are_called_anything_and_found_by_it() {
    let place = Place::new();
    let long = "läng".repeat(40);
    for name in NAMES.into_iter().chain([long.as_str()]) {
        let named = format!("--name={name}");
        let id = done(&place, &["session", "start", "--command", "cat", &named]).await.trim().to_owned();
        let json: Value = serde_json::from_str(&done(&place, &["session", "list", "--json"]).await).unwrap();
        let sessions = json["sessions"].as_array().unwrap().clone();
        let found = sessions.iter().find(|session| session["id"] == *id).unwrap();
        assert_eq!(found["name"], name, "to a script it is what it was");
        let listed = done(&place, &["session", "list"]).await;
        assert_one_line(&listed, &id);
        let status = sessionforge(&place, &["status"]).await;
        assert!(status.code == 1 && status.out.contains(&id), "no agent, and the session all the same: {status:?}");
        done(&place, &["session", "send", "--", name, "typed"]).await;
        poll("it is typed", async || {
            done(&place, &["session", "screen", "--", name]).await.contains("typed").then_some(())
        })
        .await;
        let mut local = Local::start(&place.command(&["session", "attach", "--", name]), 80, 24);
        local.expect_text("typed").await;
        local.type_text("\x1d");
        assert_eq!(local.expect_exit().await, 0, "{name:?}");
        local.expect_text(&id).await;
        assert!(!local.bytes().windows(8).any(|seen| seen == b"\x1b]0;owne"), "{name:?}");
        let stopped = done(&place, &["session", "stop", "--force", "--", name]).await;
        assert!(stopped.contains(&id), "{name:?}: {stopped}");
    }
    let too_long = sessionforge(&place, &["session", "start", "--name", &"x".repeat(100_000)]).await;
    assert!(too_long.code == 1 && too_long.err.contains("longer than"), "{too_long:?}");
}

#[tokio::test]
async fn sessions_work_in_directories_of_any_name() {
    let place = Place::new();
    for name in NAMES {
        let directory = place.path("home").join(name.replace('/', "|"));
        std::fs::create_dir(&directory).unwrap();
        let shown = directory.to_str().unwrap().to_owned();
        let relative = format!("--workdir=./{}", name.replace('/', "|"));
        let script = "printf '%s' \"$PWD\" > ../told; exec cat";
        let id = done(&place, &["session", "start", &relative, "--", "sh", "-c", script]).await.trim().to_owned();
        let told = poll("the program is there", async || {
            std::fs::read_to_string(place.path("home/told")).ok().filter(|told| !told.is_empty())
        })
        .await;
        assert_eq!(told, shown);
        std::fs::remove_file(place.path("home/told")).unwrap();
        let json: Value = serde_json::from_str(&done(&place, &["session", "list", "--json"]).await).unwrap();
        assert_eq!(json["sessions"][0]["workdir"], shown);
        assert_one_line(&done(&place, &["session", "list"]).await, &id);
        done(&place, &["session", "stop", "--force", &id]).await;
        let gone = sessionforge(&place, &["session", "start", &format!("{relative}-gone"), "--", "cat"]).await;
        assert!(gone.code == 1 && gone.err.lines().count() <= 2, "{gone:?}");
    }
    let deep = (0..30).fold(place.path("home"), |path, _| path.join("a-rather-long-name-of-a-directory"));
    std::fs::create_dir_all(&deep).unwrap();
    done(&place, &["session", "start", "--workdir", deep.to_str().unwrap(), "--", "cat"]).await;
    assert!(done(&place, &["session", "list"]).await.contains("a-rather-long-name-of-a-directory"));
}

#[tokio::test]
async fn what_is_not_utf_8_is_refused_in_a_sentence_and_nothing_is_started() {
    let place = Place::new();
    let name = OsStr::from_bytes(b"caf\xe9 \x1b[31m");
    let directory = place.path("home").join(PathBuf::from(name));
    std::fs::create_dir(&directory).unwrap();
    let mut inside = place.command(&["session", "start", "--command", "cat"]);
    inside.current_dir(&directory);
    let ran = run(inside).await;
    assert_harmless(&ran);
    assert!(ran.code == 2 && ran.err.contains("not UTF-8"), "{ran:?}");
    for option in ["--workdir", "--name", "--command"] {
        let mut command = place.command(&["session", "start", option]);
        command.arg(name);
        let ran = run(command).await;
        assert_harmless(&ran);
        assert!(ran.code == 2 && ran.err.contains("UTF-8"), "{option}: {ran:?}");
    }
    // A data directory may be called anything.
    let mut elsewhere = place.command(&["session", "list", "--data-dir"]);
    elsewhere.arg(&directory);
    let ran = run(elsewhere).await;
    assert_harmless(&ran);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(done(&place, &["session", "list"]).await.contains("No sessions"));
}

#[tokio::test]
async fn what_is_asked_for_by_a_hostile_name_is_repeated_without_harm() {
    let place = Place::new();
    for name in NAMES.into_iter().filter(|name| *name != "ses_") {
        for command in [&["session", "stop", "--"][..], &["session", "screen", "--"], &["session", "send", "--"]] {
            let ran = sessionforge(&place, &[command, &[name]].concat()).await;
            assert!(ran.code == 1 && ran.err.contains("there is no session"), "{name:?}: {ran:?}");
        }
        for command in [&["session"][..], &["config", "get", "--"], &["completions", "--"], &["service", "--tier"]] {
            let ran = sessionforge(&place, &[command, &[name]].concat()).await;
            assert!(ran.code == 2 || name == "-rf" || name == "--json", "{command:?} {name:?}: {ran:?}");
        }
        let ran = sessionforge(&place, &["session", "start", "--command", name]).await;
        assert!(ran.code != 0, "{ran:?}");
        let ran = sessionforge(&place, &["auth", "login", "--key", name, "--server", name]).await;
        assert_eq!(ran.code, 2, "{ran:?}");
    }
}

#[tokio::test]
async fn a_machine_is_called_what_its_person_calls_it() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let server = format!("http://{}", world.http.address);
    let key = world.key().to_owned();
    for name in NAMES {
        let named = format!("--name={name}");
        let ran = sessionforge(world.place(), &["auth", "login", "--server", &server, "--key", &key, &named]).await;
        if name.contains(char::is_control) {
            assert!(ran.code == 2 && ran.err.contains("cannot be shown"), "{name:?}: {ran:?}");
        } else {
            let shown = name.replace('\u{202e}', "\u{fffd}");
            assert!(ran.code == 0 && ran.out.contains(&shown), "{name:?}: {ran:?}");
        }
    }
}
