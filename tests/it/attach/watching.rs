//! Several terminals on one session: one types, the others watch, and the keyboard changes hands.

use std::time::Duration;

use super::*;
use crate::support::wait::poll_within;

/// Waits until `stty size` says so in the session, to a terminal that has the keyboard.
async fn expect_size(local: &Local, size: &str) {
    poll("the session has the size of who types", async || {
        local.type_text("clear; stty size\r");
        let printed = async || local.text().lines().any(|row| row == size).then_some(());
        poll_within(Duration::from_millis(500), printed).await
    })
    .await;
}

#[tokio::test]
async fn who_only_watches_neither_types_nor_sets_the_size() {
    let place = Place::new();
    let id = bash(&place).await;
    let mut watcher = Local::start(&command(&place, &["attach", "--read-only", &id]), 60, 20);
    watcher.expect_text("read-only").await;
    watcher.type_text("echo not-ty''ped\r");
    let typist = attach(&place, &[&id]);
    typist.expect_text("$").await;
    expect_size(&typist, "24 80").await;
    watcher.expect_text("24 80").await;
    typist.type_text("echo for-ev''erybody\r");
    watcher.expect_text("for-everybody").await;
    assert!(!typist.text().contains("not-typed") && !watcher.text().contains("not-typed"));
    watcher.type_text(DETACH);
    assert_eq!(watcher.expect_exit().await, 0);
    watcher.expect_restored().await;
}

#[tokio::test]
async fn the_keyboard_is_taken_and_taken_back() {
    let place = Place::new();
    let id = bash(&place).await;
    let first = attach(&place, &[&id]);
    first.expect_text("$").await;
    let second = Local::start(&command(&place, &["attach", &id]), 70, 20);
    second.expect_text("somebody else has the keyboard").await;
    second.type_text("x");
    let third = Local::start(&command(&place, &["attach", "--take", &id]), 50, 15);
    third
        .expect("it has the keyboard and no hint", |screen| screen.contains('$') && !screen.contains("watching"))
        .await;
    expect_size(&third, "15 50").await;
    first.expect_text("somebody else has the keyboard").await;
    first.expect_text("15 50").await;
    first.type_text("\r");
    first.expect("Enter takes it back", |screen| !screen.contains("watching")).await;
    expect_size(&first, "24 80").await;
    third.expect_text("somebody else has the keyboard").await;
    drop(first);
    third.expect_text("nobody has the keyboard").await;
}
