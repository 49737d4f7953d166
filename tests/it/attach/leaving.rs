//! Every way out gives the terminal back as it was, and says what there is to say.

use super::*;
use crate::support::process::signal_pid;

/// A program that turns on what programs turn on, and waits.
const FULL_SCREEN: &str = "printf '\\033[?1049h\\033[?1003h\\033[?1006h\\033[?1004h\\033[?2004h\\033[?1h\\033=\\033[?25l\
                           \\033[>1u\\033[3 q\\033]2;inner title\\007\\033[31m\\033[2;5r\\033[?6h\\033[?7l\\033[4hfull screen'; \
                           read line; sleep 1000";

#[tokio::test]
async fn the_key_detaches_and_the_session_lives_on() {
    let place = Place::new();
    let id = bash(&place).await;
    let mut local = attach(&place, &[&id]);
    local.expect_text("$").await;
    local.type_text("left=beh''ind\r");
    local.type_text(DETACH);
    assert_eq!(local.expect_exit().await, 0);
    local.expect_text(&format!("detached from {id}")).await;
    local.expect_text("session attach").await;
    local.expect_restored().await;
    let back = attach(&place, &[&id]);
    back.type_text("echo was-$left\r");
    back.expect_text("was-behind").await;
}

#[tokio::test]
async fn a_full_screen_program_leaves_no_mode_behind() {
    let place = Place::new();
    let id = start(&place, "sh", &["-c", FULL_SCREEN]).await;
    let mut local = attach(&place, &[&id]);
    local.expect_text("full screen").await;
    assert!(local.look(sessionforge::stream::screen::Screen::is_alternate));
    local.type_text(DETACH);
    assert_eq!(local.expect_exit().await, 0);
    local.expect_text("detached from").await;
    local.expect_restored().await;
    let bytes = String::from_utf8_lossy(&local.bytes()).into_owned();
    assert!(bytes.contains("\x1b[22;0t") && bytes.contains("\x1b[23;0t"), "the title is kept and put back");
    // Attached again it is as it was.
    let back = attach(&place, &[&id]);
    back.expect_text("full screen").await;
    assert_eq!(back.ask("\x1b[?1003$p"), "\x1b[?1003;1$y", "its modes are on again");
}

#[tokio::test]
async fn the_detach_key_can_be_another_one() {
    let place = Place::new();
    let id = bash(&place).await;
    let mut local = attach(&place, &["--detach-key", "ctrl-q", &id]);
    local.expect_text("$").await;
    local.type_text("\x1d\x1d");
    local.type_text("\x11");
    assert_eq!(local.expect_exit().await, 0);
    let config = r#"{"allow": ["*"], "detach_key": "^e"}"#;
    std::fs::write(place.path("agent/agent.json"), config).unwrap();
    let mut local = attach(&place, &[&id]);
    local.expect_text("$").await;
    local.type_text("\x05");
    assert_eq!(local.expect_exit().await, 0);
    let mut local = attach(&place, &["--detach-key", "enter", &id]);
    assert_eq!(local.expect_exit().await, 2);
    local.expect_text("ctrl-]").await;
}

#[tokio::test]
async fn the_programs_end_is_this_commands_end_with_its_exit_code() {
    let place = Place::new();
    for (script, code, says) in [
        ("read line; echo last words; exit 0", 0, "has ended"),
        ("read line; echo last words; exit 7", 7, "exit code 7"),
        ("read line; echo last words; kill -TERM $$", 143, "SIGTERM"),
    ] {
        let id = start(&place, "sh", &["-c", script]).await;
        let mut local = attach(&place, &[&id]);
        poll("the program reads", async || {
            local.type_text("\r");
            local.text().contains("last words").then_some(())
        })
        .await;
        assert_eq!(local.expect_exit().await, code, "{script}");
        local.expect_text(says).await;
        local.expect_restored().await;
    }
}

#[tokio::test]
async fn a_host_that_is_killed_is_said_to_be_lost_and_the_terminal_is_given_back() {
    let place = Place::new();
    let id = start(&place, "sh", &["-c", FULL_SCREEN]).await;
    let mut local = attach(&place, &[&id]);
    local.expect_text("full screen").await;
    signal_pid(facts(&place, &id).host_pid, "KILL");
    assert_eq!(local.expect_exit().await, 255);
    local.expect_text("is lost").await;
    local.expect_restored().await;
}

#[tokio::test]
async fn a_signal_ends_it_in_order() {
    let place = Place::new();
    let id = start(&place, "sh", &["-c", FULL_SCREEN]).await;
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130), ("QUIT", 131)] {
        let mut local = attach(&place, &[&id]);
        local.expect_text("full screen").await;
        signal_pid(local.pid(), signal);
        assert_eq!(local.expect_exit().await, code, "{signal}");
        local.expect_restored().await;
    }
}

#[tokio::test]
async fn a_pause_gives_the_terminal_back_and_going_on_paints_it_anew() {
    let place = Place::new();
    let id = start(&place, "sh", &["-c", FULL_SCREEN]).await;
    let local = attach(&place, &[&id]);
    local.expect_text("full screen").await;
    signal_pid(local.pid(), "TSTP");
    poll("the terminal is given back", async || local.is_restored().then_some(())).await;
    local.expect("the full screen is gone", |screen| !screen.contains("full screen")).await;
    local.expect_restored().await;
    signal_pid(local.pid(), "CONT");
    local.expect_text("full screen").await;
    poll("it is raw again", async || (!local.is_restored()).then_some(())).await;
}

#[tokio::test]
async fn a_terminal_that_is_killed_harms_nobody() {
    let place = Place::new();
    let id = bash(&place).await;
    let mut local = attach(&place, &[&id]);
    local.expect_text("$").await;
    // What the terminal had not read yet when it was killed would die with it.
    local.type_text("mark=still; echo se''t\r");
    local.expect_text("\nset").await;
    local.kill();
    let back = attach(&place, &[&id]);
    back.expect_text("$").await;
    poll("the keyboard is free", async || {
        back.type_text("\r");
        back.type_text("echo $mark-''here\r");
        back.text().contains("still-here").then_some(())
    })
    .await;
}

#[tokio::test]
async fn hosts_are_listed_attached_and_stopped_after_their_agent_was_killed_for_good() {
    let mut world = World::start().await;
    let id = world.bash().await.to_string();
    let local = attach(world.place(), &[&id]);
    local.expect_text("$").await;
    world.kill_agent();
    world.kill_server();
    local.type_text("echo nobody-no''ticed\r");
    local.expect_text("nobody-noticed").await;
    let listed = session(world.place(), &["list"]).await;
    assert!(listed.out.contains(&id) && listed.out.contains("running"), "{listed:?}");
    let mut local = attach(world.place(), &["--take", &id]);
    local.expect_text("nobody-noticed").await;
    let stopped = session(world.place(), &["stop", &id]).await;
    assert!(stopped.code == 0 && stopped.out.contains("has ended"), "{stopped:?}");
    local.expect_exit().await;
}
