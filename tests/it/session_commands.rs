//! `sessionforge session …`, as typed on the machine itself: with no server, with no agent, and beside both.

use super::support::process::{Ran, run};
use super::support::wait::poll;
use super::support::world::{Place, World};

/// Runs `sessionforge session` on the data directory that this place's agent has or would have.
async fn session(place: &Place, arguments: &[&str]) -> Ran {
    let data_dir = place.path("agent");
    run(place.command(&[&["session", "--data-dir", data_dir.to_str().unwrap()], arguments].concat())).await
}

#[tokio::test]
async fn a_session_is_started_shown_and_stopped_without_agent_or_server() {
    let place = Place::new();
    let nothing = session(&place, &["list"]).await;
    assert!(nothing.code == 0 && nothing.out.contains("No sessions"), "{nothing:?}");

    let started = session(&place, &["start", "--command", "bash", "--name", "tests", "--", "--norc", "-i"]).await;
    assert_eq!(started.code, 0, "{started:?}");
    let id = started.out.trim();
    let listed = session(&place, &["list"]).await;
    let line = listed.out.lines().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{id} in {listed:?}"));
    assert!(line.contains("running") && line.contains("tests") && line.contains("bash --norc -i"), "{line}");
    assert!(!listed.out.contains('\x1b'), "no colours into a pipe: {listed:?}");

    let stopped = session(&place, &["stop", "--force", id]).await;
    assert!(stopped.code == 0 && stopped.out.contains("has ended"), "{stopped:?}");
    let listed = session(&place, &["list"]).await;
    assert!(
        !listed.out.contains(id) && listed.out.contains("1 has ended") && listed.out.contains("--all"),
        "{listed:?}"
    );
    let listed = session(&place, &["list", "--all"]).await;
    assert!(listed.out.contains(id) && listed.out.contains("exited SIGKILL"), "{listed:?}");
}

#[tokio::test]
async fn a_name_cannot_drive_the_terminal_that_lists_it() {
    let place = Place::new();
    let started = session(&place, &["start", "--command", "bash", "--name", "a\x1b]0;owned\x07\nb"]).await;
    assert_eq!(started.code, 0, "{started:?}");
    let listed = session(&place, &["list"]).await;
    assert!(listed.out.contains("owned") && !listed.out.contains('\x1b') && !listed.out.contains('\x07'), "{listed:?}");
    assert_eq!(listed.out.lines().count(), 2, "a heading and one line: {listed:?}");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_what_to_do() {
    let place = Place::new();
    for (arguments, code, word) in [
        (&["start", "--command", "no-such-program"][..], 127, "PATH"),
        (&["start", "--command", "bash", "--workdir", "/no/such/directory"], 1, "/no/such/directory"),
        (&["stop", "ses_000000000000"], 1, "session list"),
        (&["stop", "everything"], 1, "session list"),
    ] {
        let ran = session(&place, arguments).await;
        assert!(ran.code == code && ran.err.contains(word), "{arguments:?}: {ran:?}");
    }
}

#[tokio::test]
async fn a_session_started_on_the_machine_is_on_the_page_too() {
    let world = World::start().await;
    let started = session(world.place(), &["start", "--command", "bash"]).await;
    let id = started.out.trim().to_owned();
    let who = world.http.clone();
    poll("the page knows it", async || {
        (who.clone().get(&format!("/api/v1/sessions/{id}")).await.json()["state"] == "running").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_script_reads_the_list_as_json() {
    let place = Place::new();
    let none = session(&place, &["list", "--json"]).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&none.out).unwrap(), serde_json::json!({"sessions": []}));
    let name = "quo\"te 🦀\n";
    let started = session(&place, &["start", "--name", name, "--command", "bash", "--", "--norc"]).await;
    let listed = session(&place, &["ls", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    let info = &listed["sessions"][0];
    assert_eq!((info["id"].as_str(), info["name"].as_str()), (Some(started.out.trim()), Some(name)));
    assert_eq!((&info["state"], &info["args"]), (&"running".into(), &serde_json::json!(["--norc"])));
}

#[tokio::test]
async fn a_program_gets_its_arguments_untouched_in_the_callers_directory() {
    let place = Place::new();
    let hostile = place.path("home/two words 'quoted' 🦀");
    std::fs::create_dir(&hostile).unwrap();
    let show = "pwd; for word; do printf '<%s>' \"$word\"; done; sleep 1000";
    let words = ["--resume", "a b", "", "$HOME", "*", "--", "-x"];
    let arguments =
        [&["start", "--workdir", "two words 'quoted' 🦀", "--", "sh", "-c", show, "sh"][..], &words].concat();
    let started = session(&place, &arguments).await;
    assert_eq!(started.code, 0, "{started:?}");
    let id = started.out.trim();
    poll("the words are shown as they were", async || {
        let screen = session(&place, &["screen", id]).await;
        let text = screen.out.replace('\n', "");
        (text.contains("home/two words 'quoted' 🦀") && text.ends_with("<--resume><a b><><$HOME><*><--><-x>"))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_session_is_typed_into_and_read_without_a_terminal() {
    let place = Place::new();
    let started = session(&place, &["start", "--name", "tests", "--command", "bash", "--", "--noprofile"]).await;
    let id = started.out.trim().to_owned();
    let sent = session(&place, &["send", "--enter", "tests", "echo", "typed-$((40+2))"]).await;
    assert_eq!(sent.code, 0, "{sent:?}");
    poll("what was typed was run", async || {
        let screen = session(&place, &["screen", &id[4..8]]).await;
        assert_eq!(screen.code, 0, "{screen:?}");
        screen.out.lines().any(|line| line == "typed-42").then_some(())
    })
    .await;
    let json = session(&place, &["screen", "--json", "tests"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["cols"], &json["rows"]), (&80.into(), &24.into()), "typing changed no size");
    let stopped = session(&place, &["stop", "--force", "tests"]).await;
    assert_eq!(stopped.code, 0, "{stopped:?}");
    let sent = session(&place, &["send", "tests", "x"]).await;
    assert!(sent.code == 1 && sent.err.contains("has ended"), "{sent:?}");
    let screen = session(&place, &["screen", "tests"]).await;
    assert!(screen.out.contains("typed-42"), "what it showed last stays readable: {screen:?}");
}

#[tokio::test]
async fn what_may_be_several_sessions_is_asked_back() {
    let place = Place::new();
    for _ in 0..2 {
        let started = session(&place, &["start", "--name", "twin", "--command", "bash"]).await;
        assert_eq!(started.code, 0, "{started:?}");
    }
    let ran = session(&place, &["stop", "twin"]).await;
    assert!(ran.code == 2 && ran.err.contains("2 sessions") && ran.err.matches("ses_").count() == 2, "{ran:?}");
}

#[tokio::test]
async fn the_help_says_what_it_said_when_it_was_read_last() {
    let place = Place::new();
    let mut help = String::new();
    for command in [
        &["session"][..],
        &["session", "list"],
        &["session", "start"],
        &["session", "attach"],
        &["session", "send"],
        &["session", "screen"],
        &["session", "stop"],
        &["run"],
        &["auth"],
        &["auth", "login"],
        &["auth", "logout"],
        &["status"],
        &["doctor"],
        &["logs"],
        &["config"],
        &["completions"],
        &["man"],
        &["pause"],
        &["resume"],
        &["skill"],
        &["init"],
    ] {
        let ran = run(place.command(&[&["help"], command].concat())).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        help += &format!("$ sessionforge help {}\n{}\n", command.join(" "), ran.out);
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help.txt");
    if std::env::var_os("SESSIONFORGE_BLESS").is_some() {
        std::fs::write(&file, &help).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap();
    assert_eq!(help, expected, "read it, then run this test with SESSIONFORGE_BLESS=1");
}
