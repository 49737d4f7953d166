//! What a person sees in a terminal: colours or none, tables that fit, and a sign of life while they wait.

use std::process::Command;

use sessionforge::base::api_key;
use sessionforge::stream::screen::columns;

use super::support::local::Local;
use super::support::process::{Process, run, signal_pid};
use super::support::world::Place;

/// All that a command writes to a terminal of this width.
async fn written(command: &Command, cols: u16) -> String {
    // What is written last may be read after the command has ended; this comes after all of it.
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "\"$0\" \"$@\"; printf '<end>'"]).arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let local = Local::start(&shell, cols, 50);
    local.expect_text("<end>").await;
    let text = String::from_utf8(local.bytes()).unwrap();
    text.strip_suffix("<end>").unwrap().to_owned()
}

/// Without colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[tokio::test]
async fn colours_are_for_terminals_and_for_nobody_who_wants_none() {
    let place = Place::new();
    let coloured = written(&place.command(&["status"]), 80).await;
    assert!(coloured.contains("\x1b[31mnot running\x1b[0m"), "{coloured:?}");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut command = place.command(&["status"]);
        command.env(name, value);
        let text = written(&command, 80).await;
        assert!(!text.contains('\x1b') && text.contains("not running"), "{name}: {text:?}");
    }
    let mut empty = place.command(&["status"]);
    empty.env("NO_COLOR", "");
    assert!(written(&empty, 80).await.contains('\x1b'), "set to nothing it says nothing (no-color.org)");
    let piped = run(place.command(&["status"])).await;
    assert!(!piped.out.contains('\x1b') && !piped.err.contains('\x1b'), "{piped:?}");
    let error = written(&place.command(&["session", "stop", "nobody"]), 80).await;
    assert!(error.contains("\x1b[31merror:\x1b[0m") && error.contains("hint:"), "{error:?}");
}

#[tokio::test]
async fn tables_fit_from_forty_columns_on_and_nothing_is_cut_for_a_script() {
    let place = Place::new();
    let names = ["a name that is longer than any column has room for", "日本語の名前は幅が広い 🦀🦀🦀"];
    for name in names {
        let start = ["session", "start", "--name", name, "--", "sh", "-c", "exec cat # and a long command line"];
        assert_eq!(run(place.command(&start)).await.code, 0);
    }
    for cols in [40_u16, 60, 80, 120, 200] {
        for arguments in [&["session", "list"][..], &["config", "show"]] {
            let text = plain(&written(&place.command(arguments), cols).await);
            for line in text.lines() {
                assert!(columns(line) <= usize::from(cols), "{cols}: {line:?} of {text}");
            }
            let first = if arguments[0] == "session" { "ses_" } else { "keep_screens" };
            assert!(text.contains(first), "{cols}: {text}");
        }
    }
    let listed = run(place.command(&["session", "list"])).await.out;
    assert!(names.iter().all(|name| listed.contains(name)), "{listed}");
}

#[tokio::test]
async fn whoever_waits_longer_than_half_a_second_is_shown_for_what_and_the_line_goes_again() {
    let place = Place::new();
    // A server that takes connections and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", mute.local_addr().unwrap());
    let key = api_key::random();
    let mut command = place.command(&["auth", "login", "--server", &server]);
    command.env("SESSIONFORGE_API_KEY", key.expose());
    let mut local = Local::start(&command, 80, 24);
    local.expect_text(&format!("asking {server}")).await;
    drop(mute);
    local.expect_exit().await;
    local
        .expect("the wait is gone, the outcome is told", |screen| {
            !screen.contains("asking") && screen.contains("error:")
        })
        .await;

    // A program that does not end when it is asked to.
    let stubborn = [
        "session",
        "start",
        "--name",
        "stubborn",
        "--",
        "sh",
        "-c",
        "trap '' HUP TERM; echo on; while :; do read x; done",
    ];
    assert_eq!(run(place.command(&stubborn)).await.code, 0);
    let stopping = Local::start(&place.command(&["session", "stop", "stubborn"]), 80, 24);
    stopping
        .expect("it is said, or was done at once", |screen| screen.contains("to end") || screen.contains("has ended"))
        .await;
    let quiet = run(place.command(&["session", "list"])).await;
    assert!(quiet.err.is_empty(), "nothing of it goes into a pipe: {quiet:?}");
}

#[tokio::test]
async fn a_pipe_that_is_closed_and_ctrl_c_end_a_command_without_a_word() {
    let place = Place::new();
    let line = format!("'{}' help session | head -n 1; echo ${{PIPESTATUS[0]}}", super::support::world::PROGRAM);
    let ran = run(place.command_of("/bin/bash".as_ref(), &["-c", &line])).await;
    assert!(ran.err.is_empty() && !ran.out.contains("101"), "no panic: {ran:?}");
    std::fs::create_dir_all(place.path("home/.local/share/sessionforge/logs")).unwrap();
    std::fs::write(place.path("home/.local/share/sessionforge/logs/agent.log.2026-11-24"), "a line\n").unwrap();
    let mut follower = Process::start("logs", place.command(&["logs", "-f"]));
    follower.expect_line("a line").await;
    signal_pid(follower.pid(), "INT");
    follower.expect_exit().await;
    assert!(!follower.log().contains("panicked"), "{}", follower.log());
}
