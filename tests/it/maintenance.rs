//! `config`, `logs`, `completions`, `man`, `version`: what keeps the program company.

use std::io::Write as _;

use serde_json::Value;

use super::support::process::{Process, Ran, run};
use super::support::world::{PROGRAM, Place};

async fn sessionforge(place: &Place, arguments: &[&str]) -> Ran {
    let mut command = place.command(arguments);
    command.env("SESSIONFORGE_DATA_DIR", place.path("agent"));
    run(command).await
}

#[tokio::test]
async fn settings_are_shown_with_their_origin_changed_and_taken_back() {
    let place = Place::new();
    let shown = sessionforge(&place, &["config", "show", "--json"]).await;
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let setting = |name: &str| {
        let mut settings = shown.as_array().unwrap().iter();
        settings.find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("{name} in {shown}"))
    };
    assert_eq!((&setting("name")["value"], &setting("name")["origin"]), (&"workbench".into(), &"agent.json".into()));
    assert_eq!(setting("keep_screens")["origin"], "default");
    assert_eq!(setting("data_dir")["origin"], "SESSIONFORGE_DATA_DIR");
    assert_eq!(setting("server")["origin"], "not set");

    let strange = "it's \"a\" 🦀 machine";
    for (name, value) in
        [("name", strange), ("allow", "claude, bash"), ("keep_screens", "false"), ("detach_key", "ctrl-q")]
    {
        let ran = sessionforge(&place, &["config", "set", name, value]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    assert_eq!(sessionforge(&place, &["config", "get", "name"]).await.out.trim_end(), strange);
    assert_eq!(sessionforge(&place, &["config", "get", "allow"]).await.out.trim_end(), "claude,bash");
    let file: Value = serde_json::from_slice(&std::fs::read(place.path("agent/agent.json")).unwrap()).unwrap();
    assert_eq!(
        file,
        serde_json::json!({"name": strange, "allow": ["claude", "bash"], "keep_screens": false, "detach_key": "ctrl-q"})
    );
    assert_eq!(sessionforge(&place, &["config", "unset", "keep_screens"]).await.code, 0);
    assert_eq!(sessionforge(&place, &["config", "get", "keep_screens"]).await.out.trim_end(), "true");
    let path = sessionforge(&place, &["config", "path"]).await.out;
    assert_eq!(path.trim_end(), place.path("agent/agent.json").to_str().unwrap());
}

#[tokio::test]
async fn what_no_agent_would_take_is_not_set() {
    let place = Place::new();
    let before = std::fs::read(place.path("agent/agent.json")).unwrap();
    for (arguments, code, word) in [
        (&["config", "set", "alow", "x"][..], 2, "allow"),
        (&["config", "set", "keep_screens", "maybe"], 2, "true or false"),
        (&["config", "set", "environment", "mine"], 2, "login"),
        (&["config", "set", "detach_key", "nothing"], 2, "ctrl-q"),
        (&["config", "set", "server", "https://x"], 2, "auth login"),
        (&["config", "get", "nothing"], 2, "there are"),
    ] {
        let ran = sessionforge(&place, arguments).await;
        assert!(ran.code == code && ran.err.contains(word), "{arguments:?}: {ran:?}");
    }
    assert_eq!(std::fs::read(place.path("agent/agent.json")).unwrap(), before);
    std::fs::write(place.path("agent/agent.json"), "{").unwrap();
    let ran = sessionforge(&place, &["config", "set", "name", "x"]).await;
    assert!(ran.code == 1 && ran.err.contains("not a valid configuration"), "{ran:?}");
    assert_eq!(std::fs::read(place.path("agent/agent.json")).unwrap(), b"{", "it is not overwritten");
}

#[tokio::test]
async fn logs_show_the_end_and_follow_into_the_next_day() {
    let place = Place::new();
    let none = sessionforge(&place, &["logs"]).await;
    assert!(none.code == 1 && none.err.contains("there is no log"), "{none:?}");
    let logs = place.path("agent/logs");
    std::fs::create_dir(&logs).unwrap();
    let lines: String = (0..100).map(|at| format!("line {at}\x1b[31m\n")).collect();
    std::fs::write(logs.join("agent.log.2026-11-23"), lines).unwrap();
    let end = sessionforge(&place, &["logs", "--lines", "2"]).await;
    assert_eq!(end.out, "line 98\u{fffd}[31m\nline 99\u{fffd}[31m\n", "nothing in it drives a terminal");
    let mut command = place.command(&["logs", "-f", "-n", "1"]);
    command.env("SESSIONFORGE_DATA_DIR", place.path("agent"));
    let mut follower = Process::start("logs", command);
    follower.expect_line("line 99").await;
    let mut log = std::fs::File::options().append(true).open(logs.join("agent.log.2026-11-23")).unwrap();
    log.write_all(b"half a ").unwrap();
    log.write_all(b"line\n").unwrap();
    follower.expect_line("half a line").await;
    std::fs::write(logs.join("agent.log.2026-11-24"), "a new day\n").unwrap();
    follower.expect_line("a new day").await;
}

#[tokio::test]
async fn each_shell_gets_completions_that_it_can_read() {
    let place = Place::new();
    for (shell, check) in
        [("bash", "bash -n"), ("zsh", "zsh -n"), ("fish", "fish --no-execute"), ("powershell", "true")]
    {
        let ran = sessionforge(&place, &["completions", shell]).await;
        assert!(ran.code == 0 && ran.out.contains("attach") && ran.out.contains("doctor"), "{shell}");
        let program = check.split(' ').next().unwrap();
        let line = format!(
            "command -v {program} > /dev/null || exit 0; '{PROGRAM}' completions {shell} > completions && {check} completions"
        );
        let read = run(place.command_of(std::path::Path::new("/bin/bash"), &["-c", &line])).await;
        assert_eq!(read.code, 0, "{shell}: {read:?}");
    }
    let words = "complete -p sessionforge > /dev/null && COMP_WORDS=(sessionforge sess) COMP_CWORD=1 && \
                 _sessionforge sessionforge sess sessionforge && echo ${COMPREPLY[*]}";
    let line = format!("source <('{PROGRAM}' completions bash) && {words}");
    let completed = run(place.command_of(std::path::Path::new("/bin/bash"), &["-c", &line])).await;
    assert_eq!(completed.out.trim(), "session", "{completed:?}");
    let none = sessionforge(&place, &["completions", "tcsh"]).await;
    assert!(none.code == 2 && none.err.contains("bash"), "{none:?}");
}

#[tokio::test]
async fn every_command_has_a_man_page() {
    let place = Place::new();
    let directory = place.path("man");
    let ran = sessionforge(&place, &["man", "--directory", directory.to_str().unwrap()]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for page in
        ["sessionforge", "sessionforge-auth-login", "sessionforge-session-attach", "sessionforge-service-install"]
    {
        let text = std::fs::read_to_string(directory.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    let main = sessionforge(&place, &["man"]).await;
    assert!(main.out.contains(".TH sessionforge 1") && main.out.contains("doctor"), "{main:?}");
}

#[tokio::test]
async fn the_version_is_the_same_by_every_way_of_asking() {
    let place = Place::new();
    let version = format!("sessionforge {}", env!("CARGO_PKG_VERSION"));
    for arguments in [&["--version"][..], &["-V"], &["version"]] {
        let ran = sessionforge(&place, arguments).await;
        assert!(ran.code == 0 && ran.out.trim_end() == version, "{arguments:?}: {ran:?}");
    }
}
