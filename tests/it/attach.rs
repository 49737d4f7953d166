//! `sessionforge session attach`: a person's own terminal on a session, driven through a real PTY.

mod broken;
mod leaving;
mod run;
mod watching;

use std::process::Command;

use sessionforge::host::runtime_dir::Facts;

use super::support::local::Local;
use super::support::process::{Ran, run};
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::{Place, World};

/// The program with arguments on the data directory that this place's agent has or would have.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let data_dir = place.path("agent");
    place.command(&[&["session", "--data-dir", data_dir.to_str().unwrap()], arguments].concat())
}

async fn session(place: &Place, arguments: &[&str]) -> Ran {
    run(command(place, arguments)).await
}

/// Starts a session, with no agent and no server.
async fn start(place: &Place, program: &str, arguments: &[&str]) -> String {
    let started = session(place, &[&["start", "--command", program, "--"], arguments].concat()).await;
    assert_eq!(started.code, 0, "{started:?}");
    started.out.trim().to_owned()
}

/// A shell with a plain prompt.
async fn bash(place: &Place) -> String {
    start(place, "bash", &["--noprofile"]).await
}

/// A terminal of 80×24 on a session.
fn attach(place: &Place, arguments: &[&str]) -> Local {
    Local::start(&command(place, &[&["attach"], arguments].concat()), 80, 24)
}

fn facts(place: &Place, id: &str) -> Facts {
    place.hosts().into_iter().find(|facts| facts.info.id.to_string() == id).expect("it is known")
}

/// Ctrl-].
const DETACH: &str = "\x1d";

#[tokio::test]
async fn what_is_typed_reaches_the_program_and_what_it_prints_is_seen() {
    let place = Place::new();
    let id = bash(&place).await;
    let local = attach(&place, &[&id]);
    local.expect_text("$").await;
    local.type_text("echo seen-$((40+2)) $(tput cols 2>/dev/null || stty size)\r");
    local.expect_text("seen-42").await;
    assert!(!local.is_restored(), "raw while attached");
}

#[tokio::test]
async fn the_program_has_the_terminals_size_and_follows_it() {
    let place = Place::new();
    let id = bash(&place).await;
    let local = Local::start(&command(&place, &["attach", &id]), 101, 31);
    local.expect_text("$").await;
    local.type_text("stty size\r");
    local.expect_text("31 101").await;
    local.resize(67, 19);
    poll("the session has the new size", async || {
        let listed = session(&place, &["list"]).await;
        assert_eq!(listed.code, 0);
        local.type_text("stty size\r");
        local.text().contains("19 67").then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_begins_with_what_the_session_shows_and_keeps_what_the_person_had() {
    let place = Place::new();
    let id = bash(&place).await;
    let first = attach(&place, &[&id]);
    first.expect_text("$").await;
    first.type_text("echo ol''der\r");
    first.expect_text("older").await;
    drop(first);
    let shell = format!("echo before-attach; exec {}", shell_words(&command(&place, &["attach", &id])));
    let mut wrapped = place.command(&[]);
    let program = std::mem::replace(&mut wrapped, Command::new("sh"));
    wrapped.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped.current_dir(place.path("home")).arg("-c").arg(&shell);
    let second = Local::start(&wrapped, 80, 24);
    second
        .expect("the session's screen and nothing else", |screen| {
            screen.contains("older") && !screen.contains("before-attach")
        })
        .await;
    assert!(second.look(|screen| screen.scrollback_lines() > 0), "what was there can be scrolled back to");
}

/// A command as a line for a shell.
fn shell_words(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn a_question_of_the_program_is_answered_once() {
    let place = Place::new();
    // Asks for the cursor and the device, then counts what comes until nothing comes for a while.
    let script = "stty raw -echo; printf 'ask\\033[6n\\033[c\\033]11;?\\007'; \
                  got=$(dd bs=1 count=200 2>/dev/null | tr '\\033' E); printf 'got[%s]' \"$got\"; sleep 1000";
    let id = start(&place, "sh", &["-c", script]).await;
    let local = attach(&place, &[&id]);
    local.expect_text("ask").await;
    local.type_text(&"x".repeat(200));
    local.expect_text("got[").await;
    local.expect("all of it", |screen| screen.contains(']') && screen.contains("xxx")).await;
    let text = local.text().replace('\n', "");
    let answers = text.split("got[").nth(1).unwrap();
    assert_eq!(answers.matches("E[?1;2c").count(), 1, "{answers}");
    assert_eq!(answers.matches('R').count(), 1, "{answers}");
    assert_eq!(answers.matches("rgb:").count(), 1, "{answers}");
}

#[tokio::test]
async fn a_browser_and_a_terminal_on_one_session_show_the_same() {
    let world = World::start().await;
    let id = world.bash().await;
    let local = attach(world.place(), &["--take", &id.to_string()]);
    local.expect_text("$").await;
    let viewer = world.viewer(id, Manners::default()).await;
    let text = "printf '\\033[31m\\303\\251\\344\\275\\240\\033[0m %s\\n' one two; seq 40\r";
    local.type_text(text);
    viewer.expect_prompt_after("40").await;
    local.expect("the same screen", |screen| screen == viewer.text()).await;
    // The other way round: the browser takes the keyboard, the terminal watches.
    viewer.take_control(80, 24).await;
    viewer.type_text("clear; echo from the brow''ser\r").await;
    viewer.expect_prompt_after("from the browser").await;
    local.expect("the same rows", |screen| screen.starts_with("from the browser\n$")).await;
}

#[tokio::test]
async fn hostile_names_are_addressed_and_shown_without_harm() {
    let place = Place::new();
    for name in ["two words", "quo\"te's", "$(reboot)", "emoji 🦀", "-flag", "a\x1b]0;owned\x07b\nc"] {
        let started =
            session(&place, &["start", "--command", "bash", &format!("--name={name}"), "--", "--noprofile"]).await;
        assert_eq!(started.code, 0, "{started:?}");
        let mut local = attach(&place, &["--", name]);
        local.expect_text("$").await;
        local.type_text(DETACH);
        assert_eq!(local.expect_exit().await, 0, "{name:?}");
        local.expect_text(started.out.trim()).await;
        assert!(!String::from_utf8_lossy(&local.bytes()).contains("\x1b]0;owned"), "{name:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_attached_is_said_on_a_terminal_that_works() {
    let place = Place::new();
    let ran = session(&place, &["attach", "ses_000000000000"]).await;
    assert!(ran.code == 2 && ran.err.contains("not a terminal") && ran.err.contains("session screen"), "{ran:?}");
    for (asked, word) in [("ses_000000000000", "session list"), ("nobody", "nobody")] {
        let mut local = attach(&place, &[asked]);
        assert_eq!(local.expect_exit().await, 1);
        local.expect_text(word).await;
        assert!(local.is_restored());
    }
    let id = bash(&place).await;
    let mut itself = command(&place, &["attach", &id]);
    itself.env("SESSIONFORGE_SESSION", &id);
    let mut local = Local::start(&itself, 80, 24);
    assert_eq!(local.expect_exit().await, 2, "a picture of itself would go on for ever");
    local.expect_text("another terminal").await;
}

#[tokio::test]
async fn it_works_inside_tmux() {
    if Command::new("tmux").arg("-V").output().is_err() {
        eprintln!("SKIPPED: tmux is not installed");
        return;
    }
    let place = Place::new();
    let id = bash(&place).await;
    let socket = place.path("tmux.sock");
    let tmux = |arguments: &[&str]| {
        let mut command = place.command(&[]);
        let environment: Vec<_> = command.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
        command = Command::new("tmux");
        command.env_clear().envs(environment).env("TERM", "xterm-256color").current_dir(place.path("home"));
        command.arg("-S").arg(&socket).arg("-f").arg("/dev/null").args(arguments);
        run(command)
    };
    let shell = shell_words(&command(&place, &["attach", &id]));
    let started = tmux(&["new-session", "-d", "-x", "90", "-y", "30", &format!("{shell}; exec cat")]).await;
    assert_eq!(started.code, 0, "{started:?}");
    let pane = async |wanted: &str| {
        poll(&format!("the pane shows {wanted:?}"), async || {
            let shown = tmux(&["capture-pane", "-p"]).await.out;
            shown.contains(wanted).then_some(())
        })
        .await;
    };
    pane("$").await;
    tmux(&["send-keys", "stty size; echo in-$((6*7))", "Enter"]).await;
    pane("in-42").await;
    pane("30 90").await;
    // The window is dragged smaller and larger, and back.
    for (cols, rows) in [("70", "20"), ("120", "40"), ("90", "30")] {
        let resized = tmux(&["resize-window", "-x", cols, "-y", rows]).await;
        assert_eq!(resized.code, 0, "{resized:?}");
        let wanted = format!("{rows} {cols}\n");
        poll("the program has the window's size", async || {
            tmux(&["send-keys", "clear; stty size", "Enter"]).await;
            tmux(&["capture-pane", "-p"]).await.out.contains(&wanted).then_some(())
        })
        .await;
    }
    tmux(&["send-keys", "C-]"]).await;
    pane("detached from").await;
    tmux(&["kill-server"]).await;
    assert_eq!(session(&place, &["list"]).await.out.matches("running").count(), 1, "the session lives on");
}
